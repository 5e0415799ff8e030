//! One run of the program as a user starts it, and what it cost.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// What a command used.
#[derive(Debug, Clone, Copy)]
pub struct Used {
    /// User and system time of its processes.
    pub cpu: Duration,
    /// Largest resident set of one of them, in KiB.
    pub peak_kib: u64,
    /// From start to end.
    pub wall: Duration,
}

impl Used {
    /// The least of each figure: what other processes add is noise, and none takes anything away.
    pub fn least(self, other: Self) -> Self {
        Self {
            cpu: self.cpu.min(other.cpu),
            peak_kib: self.peak_kib.min(other.peak_kib),
            wall: self.wall.min(other.wall),
        }
    }
}

/// What one inspection cost.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// What its process used.
    pub used: Used,
    /// Requests, as the report counts them.
    pub requests: u64,
    /// Bytes fetched, as the report counts them.
    pub bytes: u64,
}

impl Cost {
    /// The least of each figure.
    pub fn least(self, other: Self) -> Self {
        Self {
            used: self.used.least(other.used),
            requests: self.requests.min(other.requests),
            bytes: self.bytes.min(other.bytes),
        }
    }
}

/// The program that is measured: the one that was built with this, or that of `IMAGE_IMPORT_PROGRAM`.
pub fn program() -> OsString {
    std::env::var_os("IMAGE_IMPORT_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_image-import").into())
}

/// Runs a command to its end.
pub fn timed(command: impl IntoIterator<Item = impl AsRef<OsStr>>) -> (Used, Output) {
    let folder = tempfile::tempdir().unwrap();
    let peak = folder.path().join("peak");
    // The shell knows the time to the millisecond, GNU time the memory.
    let mut shell = Command::new("bash");
    shell.args(["-c", "TIMEFORMAT='%3U %3S'; time command time -q -f %M -o \"$0\" \"$@\""]).arg(&peak).args(command);
    let start = Instant::now();
    let output = shell.stdin(Stdio::null()).output().expect("bash starts");
    let wall = start.elapsed();
    let said = String::from_utf8_lossy(&output.stderr);
    let peak = std::fs::read_to_string(&peak).expect("GNU time is needed (Debian: time)");
    let seconds: f64 = said.lines().next_back().unwrap().split(' ').map(|part| part.parse::<f64>().unwrap()).sum();
    (Used { cpu: Duration::from_secs_f64(seconds), peak_kib: peak.trim().parse().unwrap(), wall }, output)
}

/// `image-import inspect`, `times` times.
pub fn best_of(times: u32, target: &str) -> Cost {
    (1..times).fold(inspect(target), |best, _| best.least(inspect(target)))
}

/// `image-import inspect` on a file or an address. The verdict is no matter here, but there must be one.
pub fn inspect(target: &str) -> Cost {
    let words = ["inspect", target, "--profile", "tencent-cvm", "-o", "json"].map(OsString::from);
    let (used, output) = timed(std::iter::once(program()).chain(words));
    let said = String::from_utf8_lossy(&output.stderr);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("no report: {e}: {said}"));
    assert!(["Compliant", "NonCompliant"].map(Value::from).contains(&report["verdict"]), "undecided: {report}");
    let read = |what: &str| report["reads"][what].as_u64().unwrap();
    Cost { used, requests: read("requests"), bytes: read("bytes") }
}

/// Bytes that are fetched for the initial ramdisk of a file's guest, which is read to its end: a later part of it may
/// turn off a driver of an earlier one. No plan makes them fewer.
pub fn bytes_of_initramfs(path: &str) -> u64 {
    let mut command = Command::new(program());
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
