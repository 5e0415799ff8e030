//! What a conversion costs, beside `qemu-img` and nbdkit: whole processes on this machine, one after the other, in rounds.
//!
//! An import reads and judges, writes into a bucket, and reads once more what it wrote, for its checksum. All of that is in
//! its figures. `qemu-img` converts a file to a file.

mod disks;
mod others;
pub mod ours;
mod store;

use std::path::Path;
use std::time::Duration;

use disks::Disks;
use ours::From;
use store::Store;

use crate::run::Used;
use crate::server::Server;
use crate::{MIB, PAUSE, mib, seconds};

const TIMES: u32 = 2;
const MEMORY: u64 = 256 * MIB;
/// What an import's `destination` asks for.
const RAW: &[(&str, &str)] = &[("format", "RAW")];
const QCOW2: &[(&str, &str)] = &[("format", "QCOW2")];
const ZSTD_QCOW2: &[(&str, &str)] = &[("format", "QCOW2"), ("compression", "Zstd")];
/// `qemu-img convert`, packed, as it is and as fast as it goes.
const ZLIB: &str = "-c -O qcow2";
const ZLIB_FAST: &str = "-c -W -m 16 -O qcow2";
const ZSTD: &str = "-c -O qcow2 -o compression_type=zstd";
const ZSTD_FAST: &str = "-c -W -m 16 -O qcow2 -o compression_type=zstd";

/// One who converts: the name, and the work that leaves its result at a path.
struct Way<'a>(&'a str, Box<dyn Fn(&Path) -> Used + 'a>);

fn way<'a>(name: &'a str, work: impl Fn(&Path) -> Used + 'a) -> Way<'a> {
    Way(name, Box::new(work))
}

/// What came of it: the least of some rounds, and the bytes of the file.
struct Row {
    used: Used,
    bytes: u64,
}

impl Row {
    fn time(&self) -> f64 {
        self.used.wall.as_secs_f64()
    }
}

/// Prints all of it.
pub fn measure(runtime: &tokio::runtime::Runtime) {
    println!(
        "conversions, best of {TIMES}. An import: from a MinIO to the same MinIO on this machine, with all that it does: read, \
         judge, write, read again\nfor the checksum. Its own CPU and memory, without MinIO's. Each result is held against \
         its source by `qemu-img check` and `compare`."
    );
    let (store, disks) = (Store::start(), Disks::new());
    let debian = disks.debian();
    store.put(&debian, "debian.raw");
    let serve = |path: &Path, pause| runtime.block_on(Server::start(path, pause)).url;
    let url = serve(&debian, Duration::ZERO);
    zlib(&store, &disks, &debian, &url);
    zstd(&store, &disks, &debian, &url);
    store.delete("debian.raw");
    let packed = disks.path("source.qcow2");
    others::qemu(ZLIB_FAST, &debian, &packed);
    inflate(&store, &disks, &packed, &serve(&packed, PAUSE));
    let larger = disks.larger(&debian, 40);
    store.put(&larger, "larger.vmdk");
    forty(&store, &disks, &larger, &serve(&larger, Duration::ZERO));
    store.delete("larger.vmdk");
    let mut last = None;
    for gib in [2, 4] {
        let disk = disks.synthetic(100, gib << 30);
        let url = serve(&disk, Duration::ZERO);
        last = Some(synthetic(&store, &disks, &disk, &url, gib, last));
        std::fs::remove_file(disk).unwrap();
    }
}

fn zlib(store: &Store, disks: &Disks, debian: &Path, url: &str) {
    let read = ours::import(store, From::Key("debian.raw"), QCOW2, None);
    let ways = [
        way("import, bucket to bucket", |to| ours::import(store, From::Key("debian.raw"), QCOW2, Some(to))),
        way("its encoder, file to file", |to| ours::alone("zlib", debian, to)),
        way("qemu-img -c", |to| others::qemu(ZLIB, debian, to)),
        way("qemu-img -c -W -m 16", |to| others::qemu(ZLIB_FAST, debian, to)),
        way("nbdkit + qemu-img, HTTP", |to| others::nbdkit(ZLIB_FAST, url, to)),
    ];
    let rows = table("RAW to QCOW2 (zlib), Debian 12", debian, &disks.path("out.qcow2"), &ways);
    println!("  of it, read and judged    {:>10}{:>10}", seconds(read.wall), seconds(read.cpu));
    third(&rows[0], &rows[2..]);
    memory(&rows[0]);
}

fn zstd(store: &Store, disks: &Disks, debian: &Path, url: &str) {
    let ways = [
        way("import, bucket to bucket", |to| ours::import(store, From::Key("debian.raw"), ZSTD_QCOW2, Some(to))),
        way("its encoder, file to file", |to| ours::alone("zstd", debian, to)),
        way("qemu-img -c", |to| others::qemu(ZSTD, debian, to)),
        way("qemu-img -c -W -m 16", |to| others::qemu(ZSTD_FAST, debian, to)),
        way("nbdkit + qemu-img, HTTP", |to| others::nbdkit(ZSTD_FAST, url, to)),
    ];
    let rows = table("RAW to QCOW2 (zstd), Debian 12", debian, &disks.path("out.qcow2"), &ways);
    third(&rows[0], &rows[2..]);
    memory(&rows[0]);
}

fn inflate(store: &Store, disks: &Disks, packed: &Path, url: &str) {
    let size = packed.metadata().unwrap().len();
    let ways = [
        way("import, HTTP to bucket", |to| ours::import(store, From::Url(url), RAW, Some(to))),
        way("curl, then qemu-img", |to| others::download(url, size, to)),
    ];
    let rows = table("QCOW2 (zlib) to RAW, Debian 12, HTTP at 20 ms", packed, &disks.path("out.raw"), &ways);
    goal("time", "2 times curl and qemu-img", rows[0].time() / rows[1].time(), 2.0);
    memory(&rows[0]);
}

fn forty(store: &Store, disks: &Disks, larger: &Path, url: &str) {
    let ways = [
        way("import, bucket to bucket", |to| ours::import(store, From::Key("larger.vmdk"), QCOW2, Some(to))),
        way("its encoder, file to file", |to| ours::alone("zlib", larger, to)),
        way("qemu-img -c", |to| others::qemu(ZLIB, larger, to)),
        way("qemu-img -c -W -m 16", |to| others::qemu(ZLIB_FAST, larger, to)),
        way("nbdkit + qemu-img, HTTP", |to| others::nbdkit(&format!("-f vmdk {ZLIB_FAST}"), url, to)),
    ];
    let what = "VMDK of 40 GiB with the same data to QCOW2 (zlib)";
    let rows = table(what, larger, &disks.path("out.qcow2"), &ways);
    third(&rows[0], &rows[2..]);
    memory(&rows[0]);
}

/// Gives the row, for the next.
fn synthetic(store: &Store, disks: &Disks, disk: &Path, url: &str, gib: u64, half: Option<Row>) -> Row {
    let ways = [way("import, HTTP to bucket", |to| ours::import(store, From::Url(url), QCOW2, Some(to)))];
    let what = format!("VMDK of 100 GiB with {gib} GiB of data to QCOW2 (zlib)");
    let row = table(&what, disk, &disks.path("out.qcow2"), &ways).remove(0);
    if let Some(half) = half {
        goal("time", "2.2 times that of half the data", row.time() / half.time(), 2.2);
    }
    memory(&row);
    row
}

/// Runs all ways in rounds, checks what the last round left, and prints a row of each.
fn table(what: &str, source: &Path, to: &Path, ways: &[Way]) -> Vec<Row> {
    let mut rows: Vec<Option<Row>> = ways.iter().map(|_| None).collect();
    for round in 1..=TIMES {
        for (Way(_, work), row) in ways.iter().zip(&mut rows) {
            let used = work(to);
            if round == TIMES {
                others::verify(source, to);
            }
            let used = row.as_ref().map_or(used, |row| row.used.least(used));
            *row = Some(Row { used, bytes: to.metadata().unwrap().len() });
            std::fs::remove_file(to).unwrap();
        }
    }
    println!(
        "\n{what}\n  {:<26}{:>10}{:>10}{:>12}{:>12}{:>12}",
        "", "time", "CPU", "peak RSS", "output", "time, 1st=1"
    );
    let rows: Vec<Row> = rows.into_iter().flatten().collect();
    for (Way(name, _), row) in ways.iter().zip(&rows) {
        println!(
            "  {name:<26}{:>10}{:>10}{:>12}{:>12}{:>12.2}",
            seconds(row.used.wall),
            seconds(row.used.cpu),
            mib(row.used.peak_kib << 10),
            mib(row.bytes),
            row.time() / rows[0].time()
        );
    }
    rows
}

/// Against the best of the others.
fn third(row: &Row, others: &[Row]) {
    let best = |of: &dyn Fn(&Row) -> f64| others.iter().map(of).fold(f64::INFINITY, f64::min);
    goal("time", "1/3 of qemu-img's best", row.time() / best(&Row::time), 1.0 / 3.0);
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let bytes = |row: &Row| row.bytes as f64;
    goal("output", "qemu-img's least", bytes(row) / best(&bytes), 1.0);
}

fn memory(row: &Row) {
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let part = (row.used.peak_kib << 10) as f64 / MEMORY as f64;
    goal("memory", &mib(MEMORY), part, 1.0);
}

fn goal(what: &str, of: &str, is: f64, most: f64) {
    let met = if is <= most { "met" } else { "MISSED" };
    println!("  goal: {what} <= {of}: {is:.3} of at most {most:.3}, {met}");
}
