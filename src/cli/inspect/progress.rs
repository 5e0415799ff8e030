//! What reading costs so far, on stderr, when that is a terminal.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::source::{Meter, Read};

/// How often the figures change.
const EVERY: Duration = Duration::from_millis(200);

/// Shows the figures of `meter` until `work` is done; shows nothing where nobody looks.
pub async fn during<T>(meter: Arc<Meter>, work: impl Future<Output = T>) -> T {
    if !std::io::stderr().is_terminal() {
        return work.await;
    }
    let bar = ProgressBar::new_spinner().with_style(ProgressStyle::default_spinner());
    bar.enable_steady_tick(EVERY);
    let mut work = std::pin::pin!(work);
    let mut tick = tokio::time::interval(EVERY);
    let done = loop {
        tokio::select! {
            done = &mut work => break done,
            _ = tick.tick() => bar.set_message(figures(&meter)),
        }
    };
    bar.finish_and_clear();
    done
}

fn figures(meter: &Meter) -> String {
    format!("reading: {} requests, {:.1} MiB", meter.requests(), mib(meter.bytes()))
}

/// One line a range: its number, time, size, place, and what wanted it.
pub fn trace(reads: &[Read]) -> String {
    let line = |(number, read): (usize, &Read)| {
        let Read { at, len, wanted_for, took } = read;
        let wanted_for = crate::report::clean(wanted_for, 256);
        format!(
            "{number:>4}  {:>6} ms  {:>8.1} KiB at {at:#014x}  {wanted_for}\n",
            took.as_millis(),
            1024.0 * mib(*len)
        )
    };
    (1..).zip(reads).map(line).collect()
}

fn mib(bytes: u64) -> f64 {
    f64::from(u32::try_from(bytes / 1024).unwrap_or(u32::MAX)) / 1024.0
}
