//! The worker as the kubelet sees it: exit code, message, standard output.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use image_import::inspect::wire::{Message, decode};
use image_import::worker::parse_failure;

fn worker(words: &[&str], result: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_image-import"));
    command
        .arg("worker")
        .args(words)
        .arg(format!("--result={}", result.display()))
        .args(["--egress-allow=127.0.0.0/8", "--allow-insecure-endpoints"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(words: &[&str]) -> (Output, String) {
    let folder = tempfile::tempdir().unwrap();
    let result = folder.path().join("message");
    let output = worker(words, &result).output().unwrap();
    (output, std::fs::read_to_string(result).unwrap_or_default())
}

/// A web server that answers every request the same way; `None` never answers.
fn server(answer: Option<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/disk.img", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            if let Some(answer) = &answer {
                let _ = stream.write_all(answer.as_bytes());
            } else {
                open.push(stream);
            }
        }
    });
    url
}

fn source(url: &str) -> String {
    format!("--source={{\"url\":\"{url}\"}}")
}

#[test]
fn a_result_is_exit_0_and_one_message() {
    let url = server(Some("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".into()));
    let (output, message) = run(&["inspect", &source(&url)]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(
        matches!(decode(&message).unwrap(), Message::Facts(facts) if facts.source.http.as_ref().unwrap().status == 404)
    );
    assert!(output.stdout.is_empty());
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(log.lines().all(|line| line.starts_with('{')), "{log}");
}

#[test]
fn wrong_arguments_are_exit_78() {
    for words in [&["inspect", "--source=nonsense"][..], &["inspect"], &["convert", "--size=x"], &["dance"], &[]] {
        let (output, message) = run(words);
        assert_eq!(output.status.code(), Some(78), "{words:?} {output:?}");
        assert_eq!(parse_failure(&message).unwrap().kind, "arguments");
    }
}

#[test]
fn unusable_credentials_are_exit_78_and_a_failed_transport_75() {
    let (output, message) = run(&["inspect", &source("s3://bucket/key"), "--source-credentials=/nonexistent"]);
    assert_eq!(output.status.code(), Some(78));
    assert!(parse_failure(&message).unwrap().what.contains("accessKeyID"));
    let (output, message) = run(&["inspect", &source("s3://bucket/key"), "--password-file=/nonexistent"]);
    assert_eq!(output.status.code(), Some(78));
    let failure = parse_failure(&message).unwrap();
    assert!(failure.layer == "credentials" && failure.what.contains("the password in the Secret"), "{failure:?}");
    let (output, message) = run(&["inspect", &source("http://127.0.0.1:9/x")]);
    assert_eq!(output.status.code(), Some(75));
    assert_eq!(parse_failure(&message).unwrap().kind, "io");
}

#[test]
fn a_message_that_cannot_be_written_is_exit_70() {
    let url = server(Some("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".into()));
    let output = worker(&["inspect", &source(&url)], &PathBuf::from("/nonexistent/message")).output().unwrap();
    assert_eq!(output.status.code(), Some(70));
}

#[test]
fn a_pod_that_is_told_to_stop_ends_at_once_with_75() {
    let folder = tempfile::tempdir().unwrap();
    let result = folder.path().join("message");
    let url = server(None);
    let mut child: Child = worker(&["inspect", &source(&url)], &result).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(700));
    assert!(child.try_wait().unwrap().is_none(), "it waits for the server");
    let start = Instant::now();
    assert!(Command::new("sh").args(["-c", &format!("kill -TERM {}", child.id())]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(75));
    assert!(start.elapsed() < Duration::from_secs(10));
    assert!(parse_failure(&std::fs::read_to_string(result).unwrap()).unwrap().what.contains("told to stop"));
}
