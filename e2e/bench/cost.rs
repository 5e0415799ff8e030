//! Reading an image stays cheap: generous bounds, so that only a regression passes them. `make bench` has the figures.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what a figure cannot be had without fails it"
)]

#[allow(dead_code, reason = "the figures use more of it")]
mod images;
#[allow(dead_code, reason = "the figures use more of it")]
mod run;
mod server;

use std::path::Path;
use std::time::Duration;

use images::{image, raw};
use run::{inspect, message_bytes};
use server::Server;

// Of memory more is allowed than the goal of 48 MiB: tests run an unoptimised program, which is 20 to 25 MiB larger.
const MIB: u64 = 1 << 20;
// The images are built anew on each machine, and what lies where on them differs (the kernel puts new folders of the root
// anywhere): 35 to 41 requests and 24 to 30 MiB were seen for the same recipe.
/// Each image holds one initial ramdisk that is read to its end: 13 MiB in the good one, 6 MiB in the other.
/// Programs that are compared with the package database take 3 to 8 MiB more where they are compressed, 7 MiB where not.
const GOOD_BYTES: u64 = 33 * MIB;
const BAD_BYTES: u64 = 27 * MIB;
const RAW_BYTES: u64 = 34 * MIB;

fn assert_cheap(path: &Path, requests: u64, bytes: u64) {
    let cost = inspect(path.to_str().unwrap());
    assert!(cost.requests <= requests, "{} requests: {cost:?}", path.display());
    assert!(cost.bytes <= bytes, "{} bytes: {cost:?}", path.display());
    assert!(cost.used.peak_kib <= 80 << 10, "{} memory: {cost:?}", path.display());
    let message = message_bytes(path);
    assert!(message <= 3000, "{}: a message of {message} bytes", path.display());
}

#[test]
fn a_compressed_qcow2_costs_few_requests_and_little_memory() {
    assert_cheap(&image("debian-12.qcow2"), 50, GOOD_BYTES);
    assert_cheap(&image("debian-12-bad.qcow2"), 48, BAD_BYTES);
}

#[test]
fn a_raw_disk_costs_few_requests_and_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    assert_cheap(&raw(folder.path()), 92, RAW_BYTES);
}

#[test]
fn an_image_in_a_web_server_costs_what_the_report_says() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(Server::start(&image("debian-12.qcow2"), Duration::ZERO));
    let cost = inspect(&server.url);
    assert_eq!(server.take(), (cost.requests, cost.bytes));
    assert!(cost.requests <= 45 && cost.bytes <= GOOD_BYTES && cost.used.peak_kib <= 88 << 10, "{cost:?}");
}
