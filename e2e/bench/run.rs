//! One run of the program as a user starts it, and what it cost.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// What one run cost.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// User and system time of the process.
    pub cpu: Duration,
    /// Largest resident set, in KiB.
    pub peak_kib: u64,
    /// From start to end.
    pub wall: Duration,
    /// Requests, as the report counts them.
    pub requests: u64,
    /// Bytes fetched, as the report counts them.
    pub bytes: u64,
}

impl Cost {
    /// The least of each figure: what other processes add is noise, and none takes anything away.
    pub fn least(self, other: Self) -> Self {
        Self {
            cpu: self.cpu.min(other.cpu),
            peak_kib: self.peak_kib.min(other.peak_kib),
            wall: self.wall.min(other.wall),
            requests: self.requests.min(other.requests),
            bytes: self.bytes.min(other.bytes),
        }
    }
}

/// `image-import inspect`, `times` times.
pub fn best_of(times: u32, target: &str) -> Cost {
    (1..times).fold(inspect(target), |best, _| best.least(inspect(target)))
}

/// `image-import inspect` on a file or an address. The verdict is no matter here, but there must be one.
pub fn inspect(target: &str) -> Cost {
    let folder = tempfile::tempdir().unwrap();
    let peak = folder.path().join("peak");
    // The shell knows the time to the millisecond, GNU time the memory.
    let mut command = Command::new("bash");
    command.args(["-c", "TIMEFORMAT='%3U %3S'; time command time -q -f %M -o \"$0\" \"$@\""]).arg(&peak);
    command.args([env!("CARGO_BIN_EXE_image-import"), "inspect", target, "--profile", "tencent-cvm", "-o", "json"]);
    let start = Instant::now();
    let output = command.stdin(Stdio::null()).output().expect("bash starts");
    let wall = start.elapsed();
    let said = String::from_utf8_lossy(&output.stderr);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("no report: {e}: {said}"));
    assert!(["Compliant", "NonCompliant"].map(Value::from).contains(&report["verdict"]), "undecided: {report}");
    let peak = std::fs::read_to_string(&peak).expect("GNU time is needed (Debian: time)");
    let seconds: f64 = said.lines().next_back().unwrap().split(' ').map(|part| part.parse::<f64>().unwrap()).sum();
    Cost {
        cpu: Duration::from_secs_f64(seconds),
        peak_kib: peak.trim().parse().unwrap(),
        wall,
        requests: report["reads"]["requests"].as_u64().unwrap(),
        bytes: report["reads"]["bytes"].as_u64().unwrap(),
    }
}

/// Bytes that are fetched for the initial ramdisk of a file's guest, which is read to its end: a later part of it may
/// turn off a driver of an earlier one. No plan makes them fewer.
pub fn bytes_of_initramfs(path: &str) -> u64 {
    let mut command = Command::new(env!("CARGO_BIN_EXE_image-import"));
    command.args(["inspect", path, "--profile", "tencent-cvm", "-o", "json", "--trace-reads"]);
    let output = command.stdin(Stdio::null()).output().expect("the program starts");
    let said = String::from_utf8_lossy(&output.stderr);
    let reads = said.lines().filter(|line| line.contains("/boot/initrd.img") && line.contains(" KiB at "));
    let kib = reads.map(|line| line.split_whitespace().nth(3).and_then(|kib| kib.split('.').next()).unwrap());
    kib.map(|kib| kib.parse::<u64>().unwrap() << 10).sum()
}

/// Bytes of the message with which a worker hands over the facts about a file.
pub fn message_bytes(path: &Path) -> usize {
    use image_import::inspect::wire::{Message, encode};
    let opened = image_import::source::open_file(path, &image_import::inspect::Budget::default()).unwrap();
    let facts = image_import::inspect::inspect(&opened).unwrap();
    encode(&Message::Facts(Box::new(facts))).unwrap().len()
}
