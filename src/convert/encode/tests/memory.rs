//! What a large disk costs.

use std::process::Command;

use bytes::Bytes;

use super::{Compression, ID, Target, convert, disk, text};
use crate::convert::encode::{Sink, encode, plan};
use crate::disk::Result;
use crate::disk::testkit::{self, run};

/// Names, for the process that is measured, the image and the target.
const IMAGE: &str = "IMAGE_IMPORT_TEST_MEMORY_OF";
/// Beyond the two parts that are held: the first one, and the one that is being filled.
const MOST: u64 = 64 << 20;

struct Dropped;

impl Sink for Dropped {
    fn part(&mut self, _number: u32, _bytes: Bytes) -> Result<()> {
        Ok(())
    }
}

fn targets() -> [(&'static str, Target); 4] {
    [
        ("zlib", Target::qcow2(Compression::Zlib)),
        ("zstd", Target::qcow2(Compression::Zstd)),
        ("none", Target::qcow2(Compression::None)),
        ("vhd", Target::VhdDynamic { id: ID }),
    ]
}

/// Most bytes of memory that this process had, and that it has.
fn memory() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let value = |name: &str| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    };
    (value("VmHWM:"), value("VmRSS:"))
}

#[test]
fn a_disk_of_two_tebibytes_costs_what_a_small_one_costs() {
    if let Some(asked) = std::env::var_os(IMAGE) {
        return measure(asked.to_str().unwrap());
    }
    let dir = tempfile::tempdir().unwrap();
    let raw = dir.path().join("disk.raw");
    // A VHD ends at 2040 GiB.
    std::fs::File::create(&raw).unwrap().set_len(2040 << 30).unwrap();
    let image = convert(&raw, "qcow2", "image", &[]);
    // Data in every gigabyte, so that every table is there, and a run of 500 MiB.
    let writes: Vec<String> =
        (0..2040).map(|n| format!("write -q -P {} {}M 200k", n % 250 + 1, n * 1024 + n % 800)).collect();
    let writes = writes.iter().map(String::as_str).chain(["write -q -P 251 300G 500M"]);
    let args: Vec<&str> = writes.flat_map(|write| ["-c", write]).collect();
    run("qemu-utils", "qemu-io", &[&args[..], &["-f", "qcow2", text(&image)]].concat());
    for (name, target) in targets() {
        let test = "convert::encode::tests::memory::a_disk_of_two_tebibytes_costs_what_a_small_one_costs";
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", test, "--nocapture"]).env(IMAGE, format!("{name} {}", text(&image)));
        // As the product's own libc has it: a large block goes back when it is freed, and stays in no thread's arena.
        child.env("MALLOC_MMAP_THRESHOLD_", "131072");
        let out = child.output().unwrap();
        let said = String::from_utf8_lossy(&out.stdout).into_owned();
        let number = |name: &str| -> u64 {
            let line = said.lines().find_map(|line| line.split_once(name)).unwrap_or_else(|| panic!("{said} {out:?}"));
            line.1.split(' ').next().unwrap().parse().unwrap()
        };
        let (used, part) = (number("used "), number("part "));
        eprintln!("{name}: {} MiB, parts of {} MiB", used >> 20, part >> 20);
        assert!(used <= MOST + 2 * part, "{target:?}: {used} bytes, and parts of {part}");
    }
}

fn measure(asked: &str) {
    let (name, image) = asked.split_once(' ').unwrap();
    let (_, target) = targets().into_iter().find(|(known, _)| *known == name).unwrap();
    let (_, before) = memory();
    let disk = disk(testkit::open(image.as_ref()));
    let plan = plan(&disk, target, 8 << 20).unwrap();
    encode(&disk, &plan, &mut Dropped).unwrap();
    println!("\nused {} part {} \n", memory().0 - before, plan.part);
}
