//! What the kernel writes, compared with what the kernel reads of it.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

use super::super::super::NodeKind;
use super::super::checksum::name_hash;
use super::compare::compare;
use super::source::{self, noise, text};
use super::{assert_sound, btrfs, make, mount, open};
use crate::disk::testkit::run;

/// Makes a filesystem, lets `write` fill it while it is mounted, and compares what both sides read of it afterwards.
/// The number of entries; `None` where nothing can be mounted.
fn reads_as_the_kernel(mkfs: &str, options: &str, write: impl FnOnce(&Path)) -> Option<usize> {
    let dir = tempfile::tempdir().unwrap();
    let image = make(dir.path(), mkfs, 400 << 20, None);
    let mounted = mount(&image, options)?;
    write(&mounted.join(""));
    drop(mounted);
    assert_sound(&image);
    let fs = open(&image).unwrap();
    let mounted = mount(&image, "ro")?;
    let entries = compare(fs.as_ref(), fs.root(), &mounted.join(""));
    println!("{mkfs} {options}: {entries} entries");
    Some(entries)
}

#[test]
fn compressed_files_are_read() {
    for mount in ["compress=zlib", "compress-force=zstd:9", "compress=lzo", "compress-force=lzo"] {
        let Some(entries) = reads_as_the_kernel("", mount, |dir| source::write(dir, 100)) else { return };
        assert!(entries > 160, "{mount}: {entries} entries");
    }
}

#[test]
fn inline_files_are_read_compressed_or_not_up_to_any_size() {
    for mount in ["max_inline=2048", "max_inline=4095,compress-force=lzo", "max_inline=4095,compress-force=zstd"] {
        let write = |dir: &Path| {
            for len in (0..4200).step_by(97) {
                fs::write(dir.join(format!("text-{len}")), text(len)).unwrap();
                fs::write(dir.join(format!("noise-{len}")), noise(len, 7)).unwrap();
            }
        };
        if reads_as_the_kernel("", mount, write).is_none() {
            return;
        }
    }
}

#[test]
fn three_thousand_files_written_over_and_over_are_read() {
    for (mkfs, mount, files) in [
        ("--nodesize 4096 -m single", "compress=zstd", 3000),
        ("-O ^no-holes", "nodatacow", 300),
        ("", "nodatasum", 300),
    ] {
        let write = |dir: &Path| {
            source::write(dir, files);
            fragment(dir);
            for n in (0..files).step_by(3) {
                fs::remove_file(dir.join(format!("many/file-{n}"))).unwrap();
            }
            run("util-linux", "fallocate", &["-l", "3M", "-n", dir.join("many/file-1").to_str().unwrap()]);
            run("util-linux", "fallocate", &["-l", "2M", dir.join("allocated").to_str().unwrap()]);
            let allocated = File::options().write(true).open(dir.join("allocated")).unwrap();
            allocated.write_all_at(&text(10_000), 500_000).unwrap();
            run("util-linux", "fallocate", &["-p", "-o", "5000", "-l", "90000", dir.join("turns").to_str().unwrap()]);
        };
        match reads_as_the_kernel(mkfs, mount, write) {
            Some(entries) => assert!(entries > files * 2 / 3 + 60, "{entries} entries"),
            None => return,
        }
    }
}

/// A file of many extents, each written in its own transaction or close to it.
fn fragment(dir: &Path) {
    let file = File::create(dir.join("fragments")).unwrap();
    for n in 0..400_u64 {
        file.write_all_at(&text(5000), (n * 7919 % 400) * 12_288).unwrap();
        if n % 50 == 0 {
            file.sync_data().unwrap();
        }
    }
}

#[test]
fn extents_that_files_share_are_read_from_any_offset() {
    for mount in ["compress-force=zlib", "compress=no"] {
        let write = |dir: &Path| {
            fs::write(dir.join("from"), text(1_000_000)).unwrap();
            run(
                "coreutils",
                "cp",
                &["--reflink=always", dir.join("from").to_str().unwrap(), dir.join("whole").to_str().unwrap()],
            );
            // A copy of a part within the filesystem shares it too (copy_file_range).
            let (from, to) = (File::open(dir.join("from")).unwrap(), File::create(dir.join("part")).unwrap());
            let (mut from, mut to) = (from, to);
            std::io::Seek::seek(&mut from, std::io::SeekFrom::Start(139_264)).unwrap();
            std::io::copy(&mut std::io::Read::take(&mut from, 286_720), &mut to).unwrap();
            let whole = File::options().write(true).open(dir.join("whole")).unwrap();
            whole.write_all_at(&noise(9000, 3), 200_000).unwrap();
            whole.set_len(777_777).unwrap();
        };
        if reads_as_the_kernel("", mount, write).is_none() {
            return;
        }
    }
}

#[test]
fn names_of_one_hash_are_told_apart() {
    let [one, other] = ["name-1371838", "name-2000402"];
    assert_eq!(name_hash(one.as_bytes()), name_hash(other.as_bytes()));
    let write = |dir: &Path| {
        fs::write(dir.join(one), "one").unwrap();
        fs::write(dir.join(other), "the other").unwrap();
    };
    assert!(reads_as_the_kernel("", "compress=no", write).is_none_or(|entries| entries == 2));
}

#[test]
fn subvolumes_are_directories_and_a_snapshot_holds_empty_ones() {
    let write = |dir: &Path| {
        let at = dir.display();
        fs::write(dir.join("top"), "top").unwrap();
        btrfs(&format!("subvolume create {at}/@"));
        btrfs(&format!("subvolume create {at}/@/home"));
        btrfs(&format!("subvolume create {at}/gone"));
        source::write(&dir.join("@"), 100);
        fs::write(dir.join("@/home/file"), "in home").unwrap();
        btrfs(&format!("subvolume snapshot -r {at}/@ {at}/snapshot"));
        btrfs(&format!("subvolume snapshot {at}/@ {at}/@/home/writable"));
        fs::write(dir.join("@/home/writable/text-1"), "changed").unwrap();
        fs::rename(dir.join("@/home"), dir.join("@/moved")).unwrap();
        btrfs(&format!("subvolume delete -C {at}/gone"));
    };
    let Some(entries) = reads_as_the_kernel("", "compress=zstd", write) else { return };
    assert!(entries > 500, "{entries} entries");
}

#[test]
fn the_default_subvolume_is_the_root() {
    let dir = tempfile::tempdir().unwrap();
    let image = make(dir.path(), "", 200 << 20, None);
    let Some(mounted) = mount(&image, "rw") else { return };
    let at = mounted.join("");
    let at = at.display();
    btrfs(&format!("subvolume create {at}/@"));
    btrfs(&format!("subvolume create {at}/@/.snapshots"));
    source::write(&mounted.join("@"), 50);
    btrfs(&format!("subvolume snapshot {at}/@ {at}/@/.snapshots/1"));
    fs::write(mounted.join("@/.snapshots/1/only-here"), "x").unwrap();
    let flagged = mounted.join("@/.snapshots/1/etc/os-release");
    run("e2fsprogs", "chattr", &["+i", flagged.to_str().unwrap()]);
    run("e2fsprogs", "chattr", &["+a", mounted.join("@/.snapshots/1/etc/deep").to_str().unwrap()]);
    btrfs(&format!("subvolume set-default {at}/@/.snapshots/1"));
    drop(mounted);
    let fs = open(&image).unwrap();
    let mounted = mount(&image, "ro").unwrap();
    assert!(mounted.join("only-here").exists(), "the kernel mounts the default subvolume");
    assert!(compare(fs.as_ref(), fs.root(), &mounted.join("")) > 100);

    let etc = fs.lookup(fs.root(), "etc").unwrap();
    let flags = |name: &str| {
        let stat = fs.stat(fs.lookup(etc, name).unwrap()).unwrap();
        (stat.immutable, stat.append_only)
    };
    assert_eq!([flags("os-release"), flags("deep"), flags("shadow")], [(true, false), (false, true), (false, false)]);
    // The snapshot repeats the entry of the subvolume it lies in, which is not in it.
    let stub = fs.lookup(fs.root(), ".snapshots").unwrap();
    assert_eq!(fs.stat(stub).unwrap().kind, NodeKind::Directory);
    assert!(fs.list(stub, 10).unwrap().is_empty());
    assert!(fs.lookup(stub, "1").unwrap_err().is_not_found());
}

#[test]
fn a_filesystem_changed_while_it_was_used_is_read() {
    let write = |dir: &Path| {
        source::write(dir, 200);
        let at = dir.display();
        btrfs(&format!("filesystem resize 300M {at}"));
        btrfs(&format!("balance start --full-balance {at}"));
        btrfs(&format!("filesystem defragment -r -czstd {at}"));
        btrfs(&format!("balance start -f -sconvert=single -mconvert=single -dconvert=dup {at}"));
    };
    assert!(reads_as_the_kernel("", "compress=lzo", write).is_none_or(|entries| entries > 250));
}

#[test]
fn another_identity_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let files = dir.path().join("files");
    source::write(&files, 20);
    for how in ["-m", "-u"] {
        let image = make(dir.path(), "", 200 << 20, Some(&files));
        // -m leaves the nodes as they are and notes their identity (metadata_uuid), -u rewrites them.
        let changed = Command::new("btrfstune").args(["-f", how]).arg(&image).output();
        let changed = changed.expect("btrfstune is in the Debian package btrfs-progs");
        assert!(changed.status.success(), "{}", String::from_utf8_lossy(&changed.stderr));
        let fs = open(&image).unwrap();
        assert!(compare(fs.as_ref(), fs.root(), &files) > 80);
    }
}
