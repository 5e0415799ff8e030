//! QEMU writes the disks that are converted, and says whether what was written is the same disk.

#![expect(clippy::cast_possible_truncation, reason = "tests run on 64-bit machines")]

mod formats;
mod grow;
mod memory;
mod shapes;
mod stream;
mod trouble;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use bytes::Bytes;

use super::{Compression, Disk, Plan, Sink, Target, Totals, encode, plan};
use crate::disk::container::{Container, open};
use crate::disk::testkit::{self, run};
use crate::disk::{Error, ReadAt, Result};
use crate::inspect::facts::Checked;

const MIB: u64 = 1 << 20;
const ID: [u8; 16] = *b"a unique disk id";

/// Every target, with every compression and a few sizes of clusters.
const TARGETS: &[Target] = &[
    Target::Raw,
    Target::qcow2(Compression::None),
    Target::qcow2(Compression::Zlib),
    Target::qcow2(Compression::Zstd),
    Target::Qcow2 { cluster_bits: 9, compression: Compression::Zlib },
    Target::Qcow2 { cluster_bits: 9, compression: Compression::None },
    Target::Qcow2 { cluster_bits: 12, compression: Compression::Zstd },
    Target::Qcow2 { cluster_bits: 18, compression: Compression::Zlib },
    Target::Qcow2 { cluster_bits: 21, compression: Compression::Zstd },
    Target::Qcow2 { cluster_bits: 21, compression: Compression::None },
    Target::VhdDynamic { id: ID },
    Target::VhdFixed { id: ID },
];

/// Keeps the parts, and the order they came in.
#[derive(Default)]
struct Kept {
    parts: BTreeMap<u32, Bytes>,
    order: Vec<u32>,
}

impl Sink for Kept {
    fn part(&mut self, number: u32, bytes: Bytes) -> Result<()> {
        assert!(self.parts.insert(number, bytes).is_none(), "part {number} twice");
        self.order.push(number);
        Ok(())
    }
}

impl Kept {
    fn file(&self) -> Vec<u8> {
        self.parts.values().flat_map(|part| part.iter().copied()).collect()
    }
}

fn disk(bytes: Arc<dyn ReadAt>) -> Disk {
    let container = open(bytes).unwrap();
    Disk::of(&container).unwrap_or_else(|| panic!("{:?}", container.facts))
}

/// The file that a disk becomes, in parts of the smallest size.
fn encoded(disk: &Disk, target: Target) -> (Vec<u8>, Totals, Plan) {
    let plan = plan(disk, target, 0).unwrap();
    let mut kept = Kept::default();
    let totals = encode(disk, &plan, &mut kept).unwrap();
    let file = kept.file();
    assert_eq!((totals.bytes, totals.parts), (file.len() as u64, kept.parts.len() as u32), "{target:?}");
    assert!(totals.bytes <= plan.most, "{target:?}: {} bytes, not {} at most", totals.bytes, plan.most);
    let (last, others) = kept.parts.values().collect::<Vec<_>>().split_last().map(|(l, o)| (*l, o.to_vec())).unwrap();
    assert!(others.iter().all(|part| part.len() as u64 == plan.part) && last.len() as u64 <= plan.part, "{target:?}");
    assert_eq!(kept.parts.keys().copied().collect::<Vec<_>>(), (1..=totals.parts).collect::<Vec<_>>());
    let mut order: Vec<u32> = (1..=totals.parts).collect();
    if totals.sha256.is_none() {
        order.rotate_left(1);
    }
    assert_eq!(kept.order, order, "{target:?}");
    (file, totals, plan)
}

fn qemu_format(target: Target) -> &'static str {
    match target {
        Target::Raw => "raw",
        Target::Qcow2 { .. } => "qcow2",
        Target::VhdDynamic { .. } | Target::VhdFixed { .. } => "vpc",
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Converts `source`, whose disk is in `raw` too, and asserts that QEMU and this program find the same disk in the result.
fn agrees(source: &Path, raw: &Path, target: Target) -> (Totals, Container) {
    let (file, totals, _) = encoded(&disk(testkit::open(source)), target);
    let out = source.with_extension("out");
    std::fs::write(&out, &file).unwrap();
    let name = format!("{} to {target:?}", source.display());
    same_disk(&out, raw, target, &name);
    let bytes = std::fs::read(raw).unwrap();
    let data = bytes.chunks(64 << 10).filter(|cluster| cluster.iter().any(|byte| *byte != 0));
    assert_eq!(totals.data_clusters, data.count() as u64, "{name}");
    let container = open(testkit::memory(file)).unwrap();
    if target != Target::Raw {
        let facts = &container.facts;
        assert_eq!((&facts.trouble, &facts.missing, facts.checked), (&None, &None, Checked::Whole), "{name}");
        let guest = container.guest.as_ref().unwrap();
        assert_eq!((guest.len(), totals.size), ((bytes.len() as u64).next_multiple_of(512), guest.len()), "{name}");
        let read = guest.read_vec_at(0, guest.len() as usize).unwrap();
        assert!(read[..bytes.len()] == bytes[..] && read[bytes.len()..].iter().all(|byte| *byte == 0), "{name}");
    }
    std::fs::remove_file(out).unwrap();
    (totals, container)
}

/// Asserts that a file is clean, and holds the disk that is in `raw`.
fn same_disk(file: &Path, raw: &Path, target: Target, name: &str) {
    let format = qemu_format(target);
    if format == "qcow2" {
        let said = run("qemu-utils", "qemu-img", &["check", "-f", format, "--output=json", text(file)]);
        let said: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert_eq!(
            (&said["check-errors"], &said["leaks"], &said["corruptions"]),
            (&0.into(), &().into(), &().into()),
            "{name}"
        );
    }
    let args = ["compare", "-f", "raw", "-F", format, text(raw), text(file)];
    let compared = Command::new("qemu-img").args(args).output().unwrap();
    let said = String::from_utf8_lossy(&compared.stdout).into_owned() + &String::from_utf8_lossy(&compared.stderr);
    assert!(compared.status.success(), "{name}: {said}");
    let info = run("qemu-utils", "qemu-img", &["info", "--output=json", "-f", format, text(file)]);
    let info: serde_json::Value = serde_json::from_str(&info).unwrap();
    let size = std::fs::metadata(raw).unwrap().len().next_multiple_of(512);
    assert_eq!(info["virtual-size"].as_u64(), Some(size), "{name}");
}

/// Fails where `is_bad` says so.
struct Faulty<F> {
    inner: Arc<dyn ReadAt>,
    is_bad: F,
}

impl<F: Fn(u64, usize) -> bool + Send + Sync> ReadAt for Faulty<F> {
    fn len(&self) -> u64 {
        self.inner.len()
    }
    fn read_exact_at(&self, buf: &mut [u8], at: u64) -> Result<()> {
        if (self.is_bad)(at, buf.len()) {
            return Err(Error::io("source", "the cable was pulled").at(at));
        }
        self.inner.read_exact_at(buf, at)
    }
}

/// `qemu-img convert` of a RAW, to a file `name` beside it.
fn convert(raw: &Path, format: &str, name: &str, args: &[&str]) -> PathBuf {
    let out = raw.with_file_name(name);
    let args = [&["convert", "-f", "raw", "-O", format], args, &[text(raw), text(&out)]].concat();
    run("qemu-utils", "qemu-img", &args);
    out
}

/// Text, noise and zeros in turns of odd lengths, so that every kind of cluster meets every other.
fn mixed(len: usize) -> Vec<u8> {
    let mut dice = testkit::Dice(11);
    // What begins with text is no disk.
    let mut bytes = vec![0xeb, 0x3c, 0x90, 0];
    while bytes.len() < len {
        let run = dice.below(200_000) as usize + 1;
        match dice.below(4) {
            0 => bytes.extend((0..run).map(|_| dice.roll() as u8)),
            1 | 2 => {
                let letters = format!("{} lines that compress well, and {}\n", dice.below(1000), dice.below(10));
                bytes.extend(letters.bytes().cycle().take(run));
            }
            _ => bytes.resize(bytes.len() + run, 0),
        }
    }
    bytes.truncate(len);
    bytes
}

/// What becomes about half as long, all of it.
fn compressible(len: usize) -> Vec<u8> {
    let mut dice = testkit::Dice(13);
    let bytes = (0..len.div_ceil(16)).flat_map(|_| format!("{:016x}", dice.roll()).into_bytes());
    [0].into_iter().chain(bytes).take(len).collect()
}
