//! Kernels as the linker and the build make them: an ELF file with the archive in a section of its own, compressed.

use std::path::Path;

use super::*;
use crate::disk::ErrorKind;
use crate::disk::testkit::{Dice, run_in};
use crate::guest::testing::{MemoryFs, bzimage};

const RELEASE: &str = "6.6.1-flatcar";
const MODULE: &str = "usr/lib/modules/6.6.1-flatcar/kernel/drivers/block/virtio_blk.ko";

fn sh(dir: &Path, package: &str, command: &str) {
    run_in(dir, package, "sh", &["-ec", command]);
}

/// An archive of these files, by cpio.
fn archive(dir: &Path, name: &str, files: &[&str]) {
    for file in files {
        let path = dir.join(name).join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "module").unwrap();
    }
    sh(dir, "cpio", &format!("cd {name} && find . | cpio --quiet -o -H newc > ../{name}.cpio"));
}

/// A kernel with these files as its `.init.ramfs`, between a megabyte of code and some data.
fn vmlinux(dir: &Path, archives: &[&str]) -> Vec<u8> {
    let archives = archives.iter().map(|file| format!(".balign 4\n.incbin \"{file}\"\n")).collect::<Vec<_>>().concat();
    let source = format!(
        ".text\n.globl _start\n_start: nop\n.fill 300000, 4, 0x90c3\n.section .init.ramfs,\"a\"\n{archives}.data\n.fill 5000, 4, 7\n"
    );
    std::fs::write(dir.join("vmlinux.s"), source).unwrap();
    sh(dir, "gcc", "gcc -nostdlib -static -Wl,--build-id=none -o vmlinux vmlinux.s && strip vmlinux");
    std::fs::read(dir.join("vmlinux")).unwrap()
}

/// The bzImage of a kernel, compressed by that command.
fn compressed(dir: &Path, command: &str) -> Vec<u8> {
    sh(dir, "gzip, xz-utils, zstd", &format!("{command} < vmlinux > payload"));
    bzimage(RELEASE, &std::fs::read(dir.join("payload")).unwrap())
}

fn found(image: Vec<u8>) -> Result<Option<Embedded>> {
    read(&MemoryFs::new().file("/boot/flatcar/vmlinuz-a", image).tree(), "/boot/flatcar/vmlinuz-a", RELEASE)
}

#[test]
fn the_archive_inside_a_kernel_is_read_however_either_is_compressed() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    archive(dir, "first", &["dev/null"]);
    archive(dir, "main", &[MODULE, "usr/lib/modules/1.0/virtio_net.ko", "init"]);
    sh(
        dir,
        "gzip, xz-utils, zstd",
        "gzip -9 < main.cpio > main.gz; xz --check=crc32 < main.cpio > main.xz; zstd -q -19 main.cpio",
    );
    sh(dir, "bzip2, lzop", "bzip2 -k main.cpio; lzop -9 main.cpio");
    let kernels = ["gzip -9", "xz --check=crc32 --x86 --lzma2=dict=32MiB", "zstd -q -19", "bzip2 -9", "lzop -9"];
    for (inside, name, kernel) in [
        ("main.cpio", "none", kernels[0]),
        ("main.cpio", "none", kernels[1]),
        ("main.gz", "gzip", kernels[2]),
        ("main.xz", "xz", kernels[0]),
        ("main.cpio.zst", "zstd", kernels[1]),
        ("main.cpio.bz2", "bzip2", kernels[4]),
        ("main.cpio.lzo", "lzo", kernels[3]),
    ] {
        for before in [&[][..], &["first.cpio"]] {
            vmlinux(dir, &[before, &[inside]].concat());
            let embedded = found(compressed(dir, kernel)).unwrap().unwrap_or_else(|| panic!("{inside} in {kernel}"));
            assert_eq!(
                embedded.drivers.into_iter().collect::<Vec<_>>(),
                [("virtio_blk", MODULE.to_owned())],
                "{inside}"
            );
            assert_eq!(embedded.facts.compression, name);
            assert_eq!(embedded.facts.path, "/boot/flatcar/vmlinuz-a (built in)");
        }
    }
}

#[test]
fn a_kernel_without_one_says_so_and_a_broken_one_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    vmlinux(dir, &[]);
    assert_eq!(found(compressed(dir, "gzip")).unwrap(), None);
    archive(dir, "main", &[MODULE]);
    // Its end, with the trailer, is lacking.
    let whole = std::fs::read(dir.join("main.cpio")).unwrap();
    let end = whole.windows(7).position(|bytes| bytes == b"TRAILER").unwrap() - 110;
    std::fs::write(dir.join("broken.cpio"), &whole[..end]).unwrap();
    vmlinux(dir, &["broken.cpio"]);
    assert_eq!(found(compressed(dir, "gzip")).unwrap_err().kind, ErrorKind::Corrupt);
    vmlinux(dir, &["broken.cpio", "main.cpio"]);
    assert!(found(compressed(dir, "gzip")).unwrap().unwrap().drivers.contains_key("virtio_blk"), "a later one counts");
    let error = found(compressed(dir, "zstd -q --long=27")).unwrap_err();
    assert!(error.kind == ErrorKind::Limit && error.what.contains("a window of more than 32 MiB"), "{error}");
}

#[test]
fn whatever_the_kernel_holds_the_search_ends() {
    let mut dice = Dice(0xC0DE);
    let marks: [&[u8]; 4] = [b"070701", b"\x1f\x8b\x08\x00", b"\xfd7zXZ\0\0\x01", b"\x28\xb5\x2f\xfd"];
    for round in 0..60 {
        let mut kernel: Vec<u8> = (0..150_000).flat_map(|_| dice.roll().to_le_bytes()).collect();
        for _ in 0..round * 20 {
            let mark = marks[usize::try_from(dice.below(4)).unwrap()];
            let at = usize::try_from(dice.below(290_000)).unwrap() * BORDER;
            kernel[at..at + mark.len()].copy_from_slice(mark);
        }
        let image = bzimage(RELEASE, &gzip(&kernel));
        match found(image) {
            Ok(found) => assert_eq!(found, None),
            Err(error) => assert!(matches!(error.kind, ErrorKind::Limit | ErrorKind::Corrupt), "{error}"),
        }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}
