//! How far a conversion is, on stderr, when that is a terminal.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// How often the figures change.
const EVERY: Duration = Duration::from_millis(200);
const LOOKS: &str = "{msg} [{wide_bar}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";

/// A bar, which is drawn only where somebody looks.
pub struct Bar(ProgressBar);

impl Bar {
    /// Starts it.
    pub fn new(what: &'static str) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let style = ProgressStyle::with_template(LOOKS).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(0).with_style(style.progress_chars("=> ")).with_message(what);
        bar.enable_steady_tick(EVERY);
        Self(bar)
    }

    /// So much of all is done.
    pub fn tell(&self, done: u64, total: u64) {
        self.0.set_length(total);
        self.0.set_position(done);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_can_be_drawn() {
        assert!(ProgressStyle::with_template(LOOKS).is_ok());
        let bar = Bar(ProgressBar::hidden());
        bar.tell(3, 7);
        assert_eq!((bar.0.position(), bar.0.length()), (3, Some(7)));
    }
}
