//! How far a worker is, from the last lines of its log.

use jiff::{SignedDuration, Timestamp};

use super::work::Task;
use crate::api::Progress;

/// Lines of the log that are looked at: standard error shares it.
pub const LINES: i64 = 20;
/// Shortest time between two writes of it.
const PAUSE: SignedDuration = SignedDuration::from_secs(30);

/// The last line `progress <done> <total>` that parses.
pub fn parse(log: &str, task: &Task) -> Option<Progress> {
    let (done, total) = log.lines().rev().find_map(|line| {
        let mut words = line.strip_prefix("progress ")?.split(' ');
        let done: i64 = words.next()?.parse().ok()?;
        let total: i64 = words.next()?.parse().ok()?;
        (words.next().is_none() && total > 0 && (0..=total).contains(&done)).then_some((done, total))
    })?;
    let percent = i32::try_from(i128::from(done) * 100 / i128::from(total)).unwrap_or_default();
    Some(Progress {
        disk: task.disk.clone(),
        stage: task.stage.doing().to_owned(),
        percent,
        bytes_done: done,
        bytes_total: total,
        ..Progress::default()
    })
}

/// With the rate, and the time left at it. `since`: a moment, and the bytes that were done then.
pub fn with_rate(progress: Progress, since: (Timestamp, i64), now: Timestamp) -> Progress {
    let millis = i64::try_from(now.duration_since(since.0).as_millis()).unwrap_or(i64::MAX);
    let done = progress.bytes_done.saturating_sub(since.1);
    if millis <= 0 || done < 0 {
        return progress;
    }
    let rate = i64::try_from(i128::from(done) * 1000 / i128::from(millis)).unwrap_or(i64::MAX);
    let left = progress.bytes_total.saturating_sub(progress.bytes_done);
    let seconds_left = (rate > 0).then(|| left / rate);
    Progress { bytes_per_second: Some(rate), seconds_left, ..progress }
}

/// Whether it is worth a write: another percent, and 30 s after the last.
pub fn due(last: Option<&(Timestamp, Progress)>, new: &Progress, now: Timestamp) -> bool {
    last.is_none_or(|(at, last)| new.percent != last.percent && now.duration_since(*at) >= PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::key::Stage;

    #[test]
    fn the_last_line_that_parses_counts() {
        let log = "progress 1 200\n{\"level\":\"warn\"}\nprogress 50 200\nprogress 60\nWARN progress 99 200\n";
        let progress = parse(log, &Task::new("system", Stage::Convert)).unwrap();
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
            assert_eq!(parse(log, &Task::new("system", Stage::Inspect)), None, "{log}");
        }
        let huge = format!("progress {0} {0}", i64::MAX);
        assert_eq!(parse(&huge, &Task::new("system", Stage::Inspect)).unwrap().percent, 100);
    }

    #[test]
    fn written_by_percent_and_time_the_rarer() {
        let t = |s: i64| Timestamp::from_second(1_000_000 + s).unwrap();
        let at = |percent| Progress { percent, ..Progress::default() };
        assert!(due(None, &at(0), t(0)));
        assert!(!due(Some(&(t(0), at(1))), &at(2), t(29)));
        assert!(!due(Some(&(t(0), at(1))), &at(1), t(300)));
        assert!(due(Some(&(t(0), at(1))), &at(2), t(30)));
    }

    #[test]
    fn the_rate_is_of_the_time_since_the_last_look() {
        let t = |s: i64| Timestamp::from_second(1_000_000 + s).unwrap();
        let at = |bytes_done| Progress { bytes_done, bytes_total: 1000, ..Progress::default() };
        let shown = |p: Progress| (p.bytes_per_second, p.seconds_left);
        assert_eq!(shown(with_rate(at(400), (t(0), 0), t(10))), (Some(40), Some(15)));
        assert_eq!(shown(with_rate(at(400), (t(0), 300), t(10))), (Some(10), Some(60)));
        assert_eq!(shown(with_rate(at(300), (t(0), 300), t(10))), (Some(0), None), "it stands still");
        assert_eq!(shown(with_rate(at(100), (t(0), 300), t(10))), (None, None), "another worker began again");
        assert_eq!(shown(with_rate(at(100), (t(9), 0), t(9))), (None, None));
    }
}
