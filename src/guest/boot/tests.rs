#![expect(clippy::cast_possible_truncation, reason = "tests run on 64-bit machines")]

mod bios;
mod hostile;
mod installed;
mod uefi;
mod windows;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::{Disk, Generation, read};
use crate::disk::testkit::{memory, run};
use crate::disk::{filesystem, partition, volume};
use crate::guest::root::{self, Readable};
use crate::inspect::facts::{BootMode, BootModes, EndKind, VolumeClass};

const MIB: usize = 1 << 20;
const ESP: &str = "type=c12a7328-f81f-11d2-ba4b-00a0c93ec93b";

/// A disk with a table that sfdisk makes. Each partition: what sfdisk shall say of it, and its bytes.
fn disk(label: &str, partitions: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let (image, script) = (dir.path().join("disk"), dir.path().join("script"));
    let (mut text, mut at) = (format!("label: {label}\n"), MIB);
    let mut places = Vec::new();
    for (said, bytes) in partitions {
        let len = bytes.len().max(1).next_multiple_of(MIB);
        writeln!(text, "start={}, size={}, {said}", at / 512, len / 512).unwrap();
        places.push(at);
        at += len;
    }
    std::fs::File::create(&image).unwrap().set_len((at + MIB) as u64).unwrap();
    std::fs::write(&script, text).unwrap();
    run("fdisk", "sh", &["-c", &format!("sfdisk -q {} <{}", image.display(), script.display())]);
    let mut disk = std::fs::read(&image).unwrap();
    for ((_, bytes), at) in partitions.iter().zip(places) {
        disk[at..at + bytes.len()].copy_from_slice(bytes);
    }
    disk
}

/// The disk with other boot code.
fn started_by(mut disk: Vec<u8>, code: &[u8]) -> Vec<u8> {
    let len = code.len().min(440);
    disk[..440].fill(0);
    disk[..len].copy_from_slice(&code[..len]);
    disk
}

/// A file that a package of the test machine brings.
fn of_package(package: &str, path: &str) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|e| panic!("{path}: {e}: install the Debian package {package}"))
}

/// A FAT with these files.
fn fat(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("fat");
    std::fs::File::create(&image).unwrap().set_len(20 * MIB as u64).unwrap();
    run("dosfstools", "mkfs.vfat", &[image.to_str().unwrap()]);
    for (path, bytes) in files {
        let mut folder = PathBuf::from("::");
        for part in Path::new(path).parent().unwrap().iter().skip(1) {
            folder.push(part);
            let (image, folder) = (image.to_str().unwrap(), folder.to_str().unwrap());
            let _ = std::process::Command::new("mmd").args(["-D", "s", "-i", image, folder]).output();
        }
        let file = dir.path().join("file");
        std::fs::write(&file, bytes).unwrap();
        let [image, file] = [&image, &file].map(|path| path.to_str().unwrap());
        run("mtools", "mcopy", &["-i", image, file, &format!("::{path}")]);
    }
    std::fs::read(image).unwrap()
}

/// What starts the disk.
fn look(disk: Vec<u8>) -> BootModes {
    look_as(disk, Some("x86_64"), None)
}

fn look_as(disk: Vec<u8>, architecture: Option<&str>, windows: Option<Generation>) -> BootModes {
    let bytes = memory(disk);
    let table = partition::read(&bytes).unwrap();
    let mut readable = Vec::new();
    let mut volumes = Vec::new();
    for (volume, bytes) in volume::scan(&bytes, &table).unwrap() {
        if volume.class == VolumeClass::Filesystem
            && let Ok(fs) = filesystem::open(&volume.type_id, bytes)
            && let Ok(look) = root::look(&fs)
        {
            readable.push(Readable { name: volume.name.clone(), fs, look });
        }
        volumes.push(volume);
    }
    let (bytes, table) = (&bytes, &table);
    read(&Disk { bytes, table, volumes: &volumes, readable: &readable, architecture, windows }).unwrap()
}

/// The ways, in short: `BIOS Grub2 p1 0x200`.
fn ways(found: &BootModes) -> Vec<String> {
    let mode = |mode| if mode == BootMode::Bios { "BIOS" } else { "UEFI" };
    let at = |at: Option<u64>| at.map(|at| format!("{at:#x}")).unwrap_or_default();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let way = |w: &crate::inspect::facts::Way| {
        format!("{} {:?} {} {}{}", mode(w.mode), w.loader, text(&w.volume), text(&w.path), at(w.at))
    };
    found.ways.iter().map(way).collect()
}

/// Why a BIOS starts nothing.
fn bios_end(found: &BootModes) -> Option<EndKind> {
    assert!(found.ways.iter().all(|way| way.mode != BootMode::Bios), "{found:?}");
    found.ends.iter().find(|end| end.mode == BootMode::Bios).map(|end| end.why)
}

/// Why a UEFI starts nothing, and the file.
fn uefi_end(found: &BootModes) -> Option<(EndKind, &str)> {
    assert!(found.ways.iter().all(|way| way.mode != BootMode::Uefi), "{found:?}");
    let end = found.ends.iter().find(|end| end.mode == BootMode::Uefi)?;
    Some((end.why, end.path.as_deref().unwrap_or_default()))
}

/// Why it is not known of a firmware.
fn undecided(found: &BootModes, mode: BootMode) -> &str {
    assert!(found.ways.iter().all(|way| way.mode != mode), "{found:?}");
    found.undecided.iter().find(|u| u.mode == mode).map_or("", |u| u.trouble.what.as_str())
}
