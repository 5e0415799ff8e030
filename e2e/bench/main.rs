//! What the program costs: processor, memory, requests, bytes, and writes to the API server. `make bench` runs it.
//!
//! Each figure is the best of five runs: other processes only ever add to one.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what a figure cannot be had without fails it"
)]

#[allow(dead_code, unused_imports, reason = "the cases use more of it")]
#[path = "../harness/mod.rs"]
mod harness;
mod images;
mod run;
mod server;
mod writes;

use std::path::PathBuf;
use std::time::Duration;

use images::{image, raw};
use run::{best_of, message_bytes};
use server::Server;

const TIMES: u32 = 5;
/// Added to each request, as a bucket in the same region does.
const PAUSE: Duration = Duration::from_millis(20);

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let raw = raw(folder.path());
    let good = image("debian-12.qcow2");
    let bad = image("debian-12-bad.qcow2");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    println!("best of {TIMES}; `inspect --profile tencent-cvm` of Debian 12, 4 GiB\n");
    local(&[&good, &bad, &raw]);
    remote(&runtime, &[&raw, &good, &bad]);
    message(&[&good, &bad, &raw]);
    if std::env::var_os("KUBECONFIG").is_some() {
        cluster(&runtime);
    } else {
        println!("API writes: KUBECONFIG is not set, so they were not counted");
    }
}

fn local(paths: &[&PathBuf]) {
    println!("{:<28}{:>10}{:>12}{:>10}{:>12}{:>10}", "local file", "CPU", "peak RSS", "reads", "bytes", "time");
    for path in paths {
        let cost = best_of(TIMES, path.to_str().unwrap());
        println!(
            "{:<28}{:>10}{:>12}{:>10}{:>12}{:>10}",
            name(path),
            seconds(cost.cpu),
            mib(cost.peak_kib << 10),
            cost.requests,
            mib(cost.bytes),
            seconds(cost.wall)
        );
    }
    println!("{:<28}{:>10}{:>12}\n", "goal", "< 0.100 s", "< 48.0 MiB");
}

fn remote(runtime: &tokio::runtime::Runtime, paths: &[&PathBuf]) {
    let title = format!("over HTTP, {} ms a request", PAUSE.as_millis());
    println!("{title:<28}{:>10}{:>12}{:>10}{:>12}{:>10}", "CPU", "peak RSS", "GETs", "bytes", "time");
    for path in paths {
        let server = runtime.block_on(Server::start(path, PAUSE));
        let cost = best_of(TIMES, &server.url);
        let (gets, bytes) = server.take();
        println!(
            "{:<28}{:>10}{:>12}{:>10}{:>12}{:>10}",
            name(path),
            seconds(cost.cpu),
            mib(cost.peak_kib << 10),
            gets / u64::from(TIMES),
            mib(bytes / u64::from(TIMES)),
            seconds(cost.wall)
        );
    }
    println!();
}

fn message(paths: &[&PathBuf]) {
    println!("{:<28}{:>10}", "facts message", "bytes");
    for path in paths {
        println!("{:<28}{:>10}", name(path), message_bytes(path));
    }
    println!("{:<28}{:>10}\n", "goal", "<= 3000");
}

fn cluster(runtime: &tokio::runtime::Runtime) {
    println!(
        "{:<14}{:>8}{:>8}{:>12}{:>12}{:>8}{:>10}{:>8}{:>8}",
        "API writes", "counted", "status", "jobs made", "jobs gone", "record", "progress", "events", "facts"
    );
    for (what, writes) in runtime.block_on(writes::measure()) {
        println!(
            "{what:<14}{:>8}{:>8}{:>12}{:>12}{:>8}{:>10}{:>8}{:>8}",
            writes.counted(),
            writes.status,
            writes.created,
            writes.deleted,
            writes.record,
            writes.progress,
            writes.events,
            writes.facts
        );
    }
    println!("{:<14}{:>8}", "goal", "<= 12");
}

fn name(path: &std::path::Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}

#[allow(clippy::cast_precision_loss, reason = "for people")]
fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
