//! How far a worker is, from the last lines of its log.

use jiff::{SignedDuration, Timestamp};

use super::key::Stage;
use crate::api::{Progress, SYSTEM_DISK};

/// Lines of the log that are looked at: standard error shares it.
pub const LINES: i64 = 20;
/// Shortest time between two writes of it.
const PAUSE: SignedDuration = SignedDuration::from_secs(30);

/// The last line `progress <done> <total>` that parses.
pub fn parse(log: &str, stage: Stage) -> Option<Progress> {
    let (done, total) = log.lines().rev().find_map(|line| {
        let mut words = line.strip_prefix("progress ")?.split(' ');
        let done: i64 = words.next()?.parse().ok()?;
        let total: i64 = words.next()?.parse().ok()?;
        (words.next().is_none() && total > 0 && (0..=total).contains(&done)).then_some((done, total))
    })?;
    let percent = i32::try_from(i128::from(done) * 100 / i128::from(total)).unwrap_or_default();
    Some(Progress {
        disk: SYSTEM_DISK.to_owned(),
        stage: stage.doing().to_owned(),
        percent,
        bytes_done: done,
        bytes_total: total,
    })
}

/// Whether it is worth a write: another percent, and 30 s after the last.
pub fn due(last: Option<(Timestamp, i32)>, new: &Progress, now: Timestamp) -> bool {
    last.is_none_or(|(at, percent)| new.percent != percent && now.duration_since(at) >= PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_that_parses_counts() {
        let log = "progress 1 200\n{\"level\":\"warn\"}\nprogress 50 200\nprogress 60\nWARN progress 99 200\n";
        let progress = parse(log, Stage::Convert).unwrap();
        assert_eq!((progress.percent, progress.bytes_done, progress.stage.as_str()), (25, 50, "Converting"));
    }

    #[test]
    fn nonsense_is_no_progress() {
        for log in [
            "",
            "progress",
            "progress 5 0",
            "progress -1 9",
            "progress 10 9",
            "progress 1 2 3",
            "progress a b",
            "progress 99999999999999999999 99999999999999999999",
            "rogress 1 2",
        ] {
            assert_eq!(parse(log, Stage::Inspect), None, "{log}");
        }
        let huge = format!("progress {0} {0}", i64::MAX);
        assert_eq!(parse(&huge, Stage::Inspect).unwrap().percent, 100);
    }

    #[test]
    fn written_by_percent_and_time_the_rarer() {
        let t = |s: i64| Timestamp::from_second(1_000_000 + s).unwrap();
        let at = |percent| Progress { percent, ..Progress::default() };
        assert!(due(None, &at(0), t(0)));
        assert!(!due(Some((t(0), 1)), &at(2), t(29)));
        assert!(!due(Some((t(0), 1)), &at(1), t(300)));
        assert!(due(Some((t(0), 1)), &at(2), t(30)));
    }
}
