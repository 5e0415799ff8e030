//! Samples that are disks or parts of disks: what all layers find, in a line of words, and the real tools beside them.

use std::fmt::Write as _;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde_json::Value;

use super::place::{self, Place};
use super::trees;
use crate::disk::volume::Found;
use crate::disk::{container, filesystem, partition, testkit, volume};
use crate::inspect::facts::{Fact, Facts, PartitionTable, Role, Scheme, Trouble, VolumeClass};
use crate::inspect::{Budget, inspect};

/// Bytes of a disk that are compared with what qemu-img makes of it.
const COMPARED: u64 = 256 << 20;
const PIECE: usize = 4 << 20;

/// What is found on a sample, in words, and how much of it was compared with other tools.
pub(super) fn found(sample: &Path) -> (String, String) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("object");
    place::write_sparse(&file, &object(sample));
    let mut words = String::new();
    let mut compared = String::new();
    let facts = facts(&file);
    words.push_str(&said(&facts));
    if facts.container.as_ref().is_some_and(|container| container.format == "data") {
        // Too little for a disk, and a table all the same.
        let disk = testkit::open(&file);
        let table = Fact::settle(partition::read(&disk)).unwrap();
        words.push_str(&said_of_table(Some(&table)));
        if let Fact::Known(table) = table {
            compared.push_str(same_partitions(&file, &table));
        }
        return (words, compared);
    }
    let Some(raw) = converted(&file, &facts, &mut words) else { return (words, compared) };
    if raw != file && facts.table.is_some() {
        same_bytes(&file, &raw);
        compared.push_str("the guest's bytes with qemu-img; ");
    }
    let disk = testkit::open(&raw);
    if let Ok(table) = partition::read(&disk) {
        compared.push_str(same_partitions(&raw, &table));
        if let Ok(volumes) = volume::scan(&disk, &table) {
            for found in volumes {
                compared.push_str(&same_volume(&raw, &table, &found, &mut words));
            }
        }
    }
    (words, compared)
}

fn object(sample: &Path) -> Vec<u8> {
    if sample.extension().is_none_or(|end| end != "tgz") {
        return testkit::unpacked(sample);
    }
    // One file in an archive.
    let dir = testkit::unarchived(sample);
    let only = std::fs::read_dir(dir.path()).unwrap().next().expect("a file in the archive").unwrap();
    std::fs::read(only.path()).unwrap()
}

fn facts(file: &Path) -> Facts {
    inspect(&crate::source::open_file(file, &Budget::default()).unwrap()).unwrap()
}

/// Container, table and volumes, as the table of samples has them.
fn said(facts: &Facts) -> String {
    let container = facts.container.as_ref().unwrap();
    let mut words = container.format.clone();
    if let Some(size) = container.virtual_size_bytes {
        write!(words, " {size}").unwrap();
    }
    for unsafe_reference in &container.unsafe_references {
        write!(words, ", {}", unsafe_reference.what).unwrap();
    }
    if let Some(missing) = &container.missing {
        write!(words, ", lacks {}", missing.what).unwrap();
    }
    words.push_str(&trouble(container.trouble.as_ref()));
    words.push_str(&said_of_table(facts.table.as_ref()));
    for volume in &facts.volumes {
        write!(words, "; {} {}", volume.name, volume.type_id).unwrap();
        if volume.type_id.is_empty() {
            write!(words, "{:?}", volume.class).unwrap();
        }
        if !volume.label.is_empty() {
            write!(words, " {:?}", volume.label).unwrap();
        }
        words.push_str(&trouble(volume.trouble.as_ref()));
    }
    words
}

fn said_of_table(table: Option<&Fact<PartitionTable>>) -> String {
    let table = match table {
        Some(Fact::Known(table)) => table,
        Some(Fact::Unreadable(why)) => return trouble(Some(why)),
        None => return String::new(),
    };
    match (table.scheme, &table.instead) {
        (Scheme::None, Some(instead)) => format!("; no table but {instead}"),
        (Scheme::None, None) => "; no table".to_owned(),
        (scheme, _) => format!("; {scheme:?} of {}", table.partitions.len()).to_lowercase(),
    }
}

/// Why something is not known, without the advice.
fn trouble(trouble: Option<&Trouble>) -> String {
    trouble.map(|t| format!(" ({:?}: {})", t.kind, t.what)).unwrap_or_default()
}

/// The disk as RAW, made by qemu-img where it is in a container. What a container that we do not read holds is looked at
/// all the same, and told after `as RAW`.
fn converted(file: &Path, facts: &Facts, words: &mut String) -> Option<PathBuf> {
    let container = facts.container.as_ref()?;
    let format = match container.format.as_str() {
        "RAW" => return Some(file.to_owned()),
        "QCOW2" => "qcow2",
        "VHD" => "vpc",
        "VMDK" => "vmdk",
        "VHDX" => "vhdx",
        _ => return None,
    };
    if !container.unsafe_references.is_empty() {
        return None;
    }
    let raw = file.with_extension("raw");
    let mut command = Command::new("qemu-img");
    command.args(["convert", "-f", format, "-O", "raw"]).arg(file).arg(&raw);
    let output = command.output().unwrap_or_else(|e| panic!("qemu-img: {e}: install the Debian package qemu-utils"));
    if !output.status.success() {
        assert!(container.trouble.is_some() || format == "vhdx", "{}", String::from_utf8_lossy(&output.stderr));
        return None;
    }
    match container.virtual_size_bytes {
        Some(size) => assert_eq!(size, raw.metadata().unwrap().len(), "the virtual size is not that of qemu-img"),
        None => write!(words, "; as {}", said(&self::facts(&raw))).unwrap(),
    }
    Some(raw)
}

/// Compares our view of a container with the disk that qemu-img made of it.
fn same_bytes(object: &Path, raw: &Path) {
    let opened = container::open(testkit::open(object)).unwrap();
    let Some(guest) = opened.guest else { return };
    let file = File::open(raw).unwrap();
    let (mut ours, mut theirs) = (vec![0; PIECE], vec![0; PIECE]);
    for at in (0..guest.len().min(COMPARED)).step_by(PIECE) {
        let len = usize::try_from((guest.len() - at).min(PIECE as u64)).unwrap();
        guest.read_exact_at(&mut ours[..len], at).unwrap();
        file.read_exact_at(&mut theirs[..len], at).unwrap();
        assert!(ours[..len] == theirs[..len], "qemu-img reads something else between byte {at} and {len} more");
    }
}

/// Compares a table with what sfdisk says of it.
fn same_partitions(raw: &Path, table: &PartitionTable) -> &'static str {
    let output = Command::new("sfdisk").arg("-J").arg(raw).env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin").output();
    let output = output.unwrap_or_else(|e| panic!("sfdisk: {e}: install the Debian package fdisk"));
    let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let said = &said["partitiontable"];
    let named = said["label"].as_str().unwrap_or("none");
    // Its sectors have 512 bytes, whatever the disk's have, and it takes no GPT that passes the end of the disk.
    if table.sector_bytes != 512 || !table.past(raw.metadata().unwrap().len()).is_empty() {
        return "";
    }
    match (table.scheme, named) {
        (Scheme::Mbr, "dos") | (Scheme::Gpt, "gpt") => {}
        // It shows a table beside what makes it one of something else.
        (Scheme::None, _) => return "",
        (ours, theirs) => panic!("{ours:?}, and sfdisk says {theirs}"),
    }
    let start = |value: &Value| value.as_u64().unwrap() * 512;
    let theirs: Vec<_> = said["partitions"].as_array().into_iter().flatten().collect();
    let theirs: Vec<(u64, u64)> = theirs.iter().map(|p| (start(&p["start"]), start(&p["size"]))).collect();
    let ours = table.partitions.iter().filter(|p| p.role != Role::Protective || table.scheme == Scheme::Mbr);
    let mut ours: Vec<(u64, u64)> = ours.map(|p| (p.start_bytes, p.size_bytes)).collect();
    ours.sort_unstable();
    let mut sorted = theirs;
    sorted.sort_unstable();
    assert_eq!(ours, sorted, "sfdisk sees other partitions");
    "partitions with sfdisk; "
}

/// Compares what is on a volume with what blkid says, and its files with those that another driver reads.
fn same_volume(raw: &Path, table: &PartitionTable, found: &Found, words: &mut String) -> String {
    let (volume, bytes) = found;
    let name = &volume.name;
    let place = Place::of(raw, table, found);
    let told = ["TYPE", "LABEL", "UUID"].map(|tag| place.blkid(tag));
    let ours = [&volume.type_id, &volume.label, &volume.uuid].map(String::as_str);
    let mut compared = String::new();
    if !told[0].is_empty() || volume.class == VolumeClass::Filesystem {
        assert_eq!(ours, told.each_ref().map(String::as_str), "{name}: blkid says something else");
        write!(compared, "{name} with blkid; ").unwrap();
    }
    if volume.class != VolumeClass::Filesystem {
        return compared;
    }
    let Ok(fs) = filesystem::open(&volume.type_id, Arc::clone(bytes)) else { return compared };
    let ours = trees::ours(fs.as_ref());
    write!(words, "; {} entries on {name}", ours.len()).unwrap();
    match trees::of_another_driver(&place, &volume.type_id) {
        Ok(theirs) => {
            trees::assert_same(&ours, &theirs, name);
            write!(compared, "files of {name} with another driver; ").unwrap();
        }
        Err(why) => write!(compared, "files of {name} with no other driver: {why}; ").unwrap(),
    }
    compared
}
