//! `inspect` and its kin as a shell sees them: exit code, standard output, standard error.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::File;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

fn program(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_image-import"));
    command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What it says before half a minute is over; later it is stopped, and its exit has no code.
fn output(mut child: Child) -> Output {
    let end = Instant::now() + Duration::from_secs(30);
    while child.try_wait().unwrap().is_none() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    child.wait_with_output().unwrap()
}

#[test]
fn only_files_and_block_devices_are_opened() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo is needed (Debian: coreutils)").success());
    for (target, what) in [
        (pipe.to_str().unwrap(), "a pipe, not an image"),
        (folder.path().to_str().unwrap(), "a folder, not an image"),
        ("/dev/null", "a character device, not an image"),
        ("/dev/zero", "a character device, not an image"),
    ] {
        let output = output(program(&["inspect", target]).spawn().unwrap());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{target}: {said}");
        assert!(said.contains(what) && said.lines().count() == 1, "{target}: {said}");
    }
}

#[test]
fn output_that_cannot_be_written_is_no_success() {
    let disk = tempfile::NamedTempFile::new().unwrap();
    disk.as_file().set_len(1 << 20).unwrap();
    let disk = disk.path().to_str().unwrap();
    for words in
        [&["inspect", disk][..], &["profiles"], &["profiles", "tencent-cvm"], &["rules"], &["crds"], &["--help"]]
    {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = program(words).stdout(full).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(74), "{words:?}: {said}");
        assert!(said.contains("standard output: No space left on device"), "{words:?}: {said}");
    }
}

#[test]
fn a_reader_that_has_gone_away_is_no_failure() {
    for words in [&["crds"][..], &["rules", "--markdown"]] {
        let mut child = program(words).spawn().unwrap();
        drop(child.stdout.take());
        let output = output(child);
        assert_eq!(output.status.code(), Some(0), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
