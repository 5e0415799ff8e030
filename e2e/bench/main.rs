//! What the program costs: processor, memory, requests, bytes, conversions beside other tools, and writes to the API server.
//! `make bench` runs it. Words name the parts that are wanted: inspection, conversion, writes.
//!
//! Each figure is the best of a few runs: other processes only ever add to one.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what a figure cannot be had without fails it"
)]

mod conversion;
#[allow(dead_code, unused_imports, reason = "the cases use more of it")]
#[path = "../harness/mod.rs"]
mod harness;
#[allow(dead_code, reason = "the tests of cost use more of it")]
mod images;
mod run;
mod server;
mod writes;

use std::path::Path;
use std::time::Duration;

use images::{Kind, measured};
use run::{Cost, best_of, bytes_of_initramfs, message_bytes};
use server::Server;

const TIMES: u32 = 3;
/// Added to each request, as a bucket in the same region does.
const PAUSE: Duration = Duration::from_millis(20);
const MIB: u64 = 1 << 20;
/// Goals that all images share.
const MEMORY: u64 = 48 * MIB;
const MESSAGE: u64 = 3000;

fn main() {
    // Cargo adds a flag of its own.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    if let [encode, compression, from, to] = words.as_slice()
        && encode == "encode"
    {
        return conversion::ours::main(compression, Path::new(from), Path::new(to));
    }
    let wanted = |part: &str| words.is_empty() || words.iter().any(|word| word == part);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if wanted("inspection") {
        inspection(&runtime);
    }
    if wanted("conversion") {
        conversion::measure(&runtime);
    }
    if wanted("writes") {
        if std::env::var_os("KUBECONFIG").is_some() {
            cluster(&runtime);
        } else {
            println!("\nAPI writes: KUBECONFIG is not set, so they were not counted");
        }
    }
}

fn inspection(runtime: &tokio::runtime::Runtime) {
    println!("best of {TIMES}; `inspect --profile tencent-cvm` of one Debian 12 in many forms, and a Windows' files\n");
    println!(
        "{:<24}{:>6}{:>11}{:>11}{:>10}{:>10}{:>10}{:>11}{:>9}  over its goal",
        "image", "GETs", "bytes", "less initrd", "CPU", "local", "at 20 ms", "peak RSS", "message"
    );
    for (kind, path) in measured() {
        row(runtime, kind, &path);
    }
    println!(
        "\ngoals: plain <= 45 GETs, <= 7 MiB without the initramfs, < 1 s at 20 ms; packed <= 15 GETs, < 0.6 s at 20 ms;\n\
         any: < 48 MiB of memory, a message of <= 3000 bytes\n"
    );
}

fn row(runtime: &tokio::runtime::Runtime, kind: Kind, path: &Path) {
    let file = path.to_str().unwrap();
    let local = best_of(TIMES, file);
    let server = runtime.block_on(Server::start(path, PAUSE));
    let remote = best_of(TIMES, &server.url);
    let (gets, bytes) = server.take();
    let remote = Cost { requests: gets / u64::from(TIMES), bytes: bytes / u64::from(TIMES), ..remote };
    let other = remote.bytes.saturating_sub(bytes_of_initramfs(file));
    let message = message_bytes(path);
    let peak = remote.used.peak_kib.max(local.used.peak_kib) << 10;
    let over = [
        ("GETs", remote.requests > if kind == Kind::Packed { 15 } else { 45 } && kind != Kind::Large),
        ("bytes", other > 7 * MIB && kind == Kind::Plain),
        ("time", remote.used.wall.as_millis() >= if kind == Kind::Packed { 600 } else { 1000 } && kind != Kind::Large),
        ("memory", peak >= MEMORY),
        ("message", u64::try_from(message).unwrap() > MESSAGE),
    ];
    let over: Vec<&str> = over.into_iter().filter(|(_, over)| *over).map(|(what, _)| what).collect();
    println!(
        "{:<24}{:>6}{:>11}{:>11}{:>10}{:>10}{:>10}{:>11}{:>9}  {}",
        path.file_name().unwrap_or_default().to_string_lossy(),
        remote.requests,
        mib(remote.bytes),
        mib(other),
        seconds(local.used.cpu),
        seconds(local.used.wall),
        seconds(remote.used.wall),
        mib(peak),
        message,
        if over.is_empty() { "-".to_owned() } else { over.join(", ") }
    );
}

fn cluster(runtime: &tokio::runtime::Runtime) {
    println!(
        "\n{:<14}{:>8}{:>8}{:>12}{:>12}{:>8}{:>10}{:>8}{:>8}",
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

fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}

#[allow(clippy::cast_precision_loss, reason = "for people")]
fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
