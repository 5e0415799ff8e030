//! What is refused, by which words, and what a second copy mends.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::Mutex;

use super::compare::compare;
use super::{btrfs, kind_of, make, open, source};
use crate::disk::testkit::{self, run};
use crate::disk::{Error, ErrorKind, ReadAt, Result};
use crate::inspect::facts::SignKind;

const PRIMARY: u64 = 0x1_0000;
const MIRROR: u64 = 0x400_0000;

fn overwrite(image: &Path, at: u64, bytes: &[u8]) {
    File::options().write(true).open(image).unwrap().write_all_at(bytes, at).unwrap();
}

/// Changes the primary superblock, which then has the right checksum again.
pub(super) fn change_superblock(image: &Path, field: usize, bytes: &[u8]) {
    let file = File::options().read(true).write(true).open(image).unwrap();
    let mut raw = vec![0; 4096];
    file.read_exact_at(&mut raw, PRIMARY).unwrap();
    raw[field..field + bytes.len()].copy_from_slice(bytes);
    let sum = crc32c::crc32c(&raw[32..]);
    raw[..4].copy_from_slice(&sum.to_le_bytes());
    file.write_all_at(&raw, PRIMARY).unwrap();
}

fn refusal(field: usize, bytes: &[u8]) -> Error {
    let dir = tempfile::tempdir().unwrap();
    let image = make(dir.path(), "", 128 << 20, None);
    assert!(open(&image).is_ok());
    change_superblock(&image, field, bytes);
    open(&image).err().unwrap_or_else(|| panic!("{field:#x}: opened nevertheless"))
}

#[test]
fn features_that_are_not_read_are_named() {
    for (bits, words) in [
        (0x1341_u64, "zoned"),
        (0x2341, "extent-tree-v2"),
        (0x4341, "raid-stripe-tree"),
        (0x8000_0000_0341, "incompat 0x800000000000"),
    ] {
        let error = refusal(0xBC, &bits.to_le_bytes());
        assert_eq!(error.kind, ErrorKind::Unsupported);
        assert!(error.what.contains(words), "{error}");
    }
    assert_eq!(refusal(0xC4, &[9, 0]).kind, ErrorKind::Unsupported, "type of checksum");
    assert!(refusal(0x38, &(1_u64 << 34 | 1).to_le_bytes()).what.contains("dump of metadata"));
    assert!(refusal(0x38, &(1_u64 << 40).to_le_bytes()).what.contains("superblock flags 0x10000000000"));
    assert_eq!(refusal(0x90, &[0, 8, 0, 0]).kind, ErrorKind::Unsupported, "sectors of 2 KiB");
}

#[test]
fn a_superblock_that_contradicts_itself_is_corrupt_and_says_where() {
    for (field, bytes) in [
        (0xC6, vec![8]),                // root_level
        (0xA0, vec![0, 9, 0, 0]),       // sys_chunk_array_size
        (0x88, vec![0; 8]),             // num_devices
        (0xD1, vec![0, 0, 0, 0, 0xFF]), // dev_item.total_bytes
    ] {
        // A good mirror is no reason to pass over a bad primary superblock whose checksum fits: the kernel would not.
        let error = refusal(field, &bytes);
        assert_eq!((error.kind, error.at), (ErrorKind::Corrupt, Some(PRIMARY + field as u64)), "{error}");
    }
}

#[test]
fn a_chunk_that_is_nowhere_is_corrupt() {
    // The first system chunk: its number of stripes, then its length.
    for (field, bytes) in [(0x32B + 17 + 44, &[0_u8; 2][..]), (0x32B + 17, &[0; 8]), (0x32B + 8, &[1])] {
        let error = refusal(field, bytes);
        assert_eq!((error.kind, error.at), (ErrorKind::Corrupt, Some(PRIMARY)), "{error}");
    }
}

#[test]
fn a_mirror_stands_in_for_a_damaged_primary_superblock_and_a_sign_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let files = dir.path().join("files");
    source::write(&files, 10);
    let image = make(dir.path(), "", 200 << 20, Some(&files));
    overwrite(&image, PRIMARY + 0x12B, b"another label");
    let fs = open(&image).unwrap();
    assert!(compare(fs.as_ref(), fs.root(), &files) > 70);
    let signs = fs.signs().unwrap();
    assert_eq!(
        signs.iter().map(|sign| (sign.kind, sign.at)).collect::<Vec<_>>(),
        [(SignKind::ChecksumMismatch, PRIMARY)]
    );

    overwrite(&image, MIRROR + 0x12B, b"another label");
    let error = open(&image).err().unwrap();
    assert_eq!((error.kind, error.at), (ErrorKind::Corrupt, Some(PRIMARY)));
}

#[test]
fn errors_that_were_noted_are_a_sign() {
    let dir = tempfile::tempdir().unwrap();
    let image = make(dir.path(), "", 128 << 20, None);
    change_superblock(&image, 0x38, &5_u64.to_le_bytes());
    assert_eq!(open(&image).unwrap().signs().unwrap()[0].kind, SignKind::Errors);
}

#[test]
fn a_volume_shorter_than_its_device_is_corrupt() {
    let dir = tempfile::tempdir().unwrap();
    let image = make(dir.path(), "", 128 << 20, None);
    File::options().write(true).open(&image).unwrap().set_len(127 << 20).unwrap();
    assert_eq!(kind_of(open(&image)), ErrorKind::Corrupt);
    File::options().write(true).open(&image).unwrap().set_len(20_000).unwrap();
    assert_eq!(kind_of(open(&image)), ErrorKind::Corrupt);
}

/// Bytes that note where they are read and how much.
struct Noting {
    bytes: Arc<dyn ReadAt>,
    reads: Mutex<Vec<(u64, usize)>>,
}

impl ReadAt for Noting {
    fn len(&self) -> u64 {
        self.bytes.len()
    }
    fn read_exact_at(&self, buf: &mut [u8], at: u64) -> Result<()> {
        self.reads.lock().unwrap().push((at, buf.len()));
        self.bytes.read_exact_at(buf, at)
    }
}

/// Opens an image, compares it with `files`, and gives the places that were read of it, without the superblock.
fn places(image: &Path, files: &Path) -> Vec<(u64, usize)> {
    let noting = Arc::new(Noting { bytes: testkit::open(image), reads: Mutex::default() });
    let fs = super::super::open(Arc::clone(&noting) as Arc<dyn ReadAt>).unwrap();
    compare(fs.as_ref(), fs.root(), files);
    let mut reads = noting.reads.lock().unwrap().clone();
    reads.retain(|(at, _)| *at != PRIMARY);
    reads
}

#[test]
fn the_second_copy_stands_in_for_the_first_of_nodes_and_of_data() {
    let dir = tempfile::tempdir().unwrap();
    let files = dir.path().join("files");
    source::write(&files, 100);
    for options in ["-m dup -d dup", "-m dup -d dup --csum sha256", "--mixed -m dup -d dup"] {
        let image = make(dir.path(), options, 400 << 20, Some(&files));
        let firsts = places(&image, &files);
        for (at, len) in &firsts {
            overwrite(&image, at + *len as u64 - 7, b"damage!");
        }
        let fs = open(&image).unwrap();
        assert!(compare(fs.as_ref(), fs.root(), &files) > 160, "{options}");
    }
}

#[test]
fn damage_in_every_copy_is_corrupt_and_says_where() {
    let dir = tempfile::tempdir().unwrap();
    let files = dir.path().join("files");
    std::fs::create_dir(&files).unwrap();
    std::fs::write(files.join("file"), source::text(300_000)).unwrap();
    let image = make(dir.path(), "-m single -d single", 200 << 20, Some(&files));
    let clean = std::fs::read(&image).unwrap();
    let restore = |at: usize| overwrite(&image, at as u64, &clean[at..at + 4096]);
    let lines = source::text(300_000)[270_000..270_100].to_vec();
    let sector = clean.chunks(4096).position(|sector| sector.windows(100).any(|window| window == lines)).unwrap();
    let data_at = sector * 4096;
    overwrite(&image, data_at as u64 + 40, b"!");
    let fs = open(&image).unwrap();
    let file = fs.lookup(fs.root(), "file").unwrap();
    assert_eq!(fs.read_at(file, 0, 200_000).unwrap(), source::text(200_000));
    let error = fs.read_at(file, 200_000, 100_000).unwrap_err();
    assert_eq!((error.kind, error.at), (ErrorKind::Corrupt, Some(data_at as u64)), "{error}");

    restore(data_at);
    for (at, _) in places(&image, &files).into_iter().filter(|(_, len)| *len == 16_384) {
        overwrite(&image, at + 0x70, &[0xA5, 0x5A]);
        let broken = open(&image).and_then(|fs| {
            let file = fs.lookup(fs.root(), "file")?;
            fs.read_at(file, 0, 300_000)
        });
        let error = broken.expect_err("a damaged node is not believed");
        assert_eq!((error.kind, error.at), (ErrorKind::Corrupt, Some(at)), "{error}");
        restore(usize::try_from(at).unwrap());
    }
}

/// Makes one filesystem on two images.
fn make_two(dir: &Path, options: &str) -> [PathBuf; 2] {
    let images = ["one", "two"].map(|name| dir.join(name));
    let mut args = vec!["-q", "-f"];
    args.extend(options.split_whitespace());
    for image in &images {
        let _ = std::fs::remove_file(image);
        File::create(image).unwrap().set_len(200 << 20).unwrap();
        args.push(image.to_str().unwrap());
    }
    run("btrfs-progs", "mkfs.btrfs", &args);
    images
}

#[test]
fn one_of_two_devices_is_read_as_far_as_it_goes() {
    let dir = tempfile::tempdir().unwrap();
    for image in make_two(dir.path(), "-m raid1 -d raid1") {
        let fs = open(&image).unwrap();
        assert!(fs.list(fs.root(), 10).unwrap().is_empty());
    }
    for profile in ["raid0", "raid10 -O raid56", "raid5"] {
        for image in make_two(dir.path(), &format!("-m {profile} -d single")) {
            let error = open(&image).err().unwrap();
            assert_eq!(error.kind, ErrorKind::Unsupported, "{profile}");
            assert!(error.what.contains("over 2 devices, which this version does not put together"), "{error}");
        }
    }
}

#[test]
fn a_mirrored_half_is_read_and_a_striped_one_is_not() {
    for (data, kind) in [("raid1", None), ("raid0", Some(ErrorKind::Unsupported))] {
        let dir = tempfile::tempdir().unwrap();
        let images = make_two(dir.path(), &format!("-m raid1 -d {data}"));
        let Some(loops) = Loops::new(&images) else { return };
        let at = dir.path().join("mounted");
        std::fs::create_dir(&at).unwrap();
        let options = format!("device={},device={}", loops.0[0], loops.0[1]);
        run("mount", "mount", &["-t", "btrfs", "-o", &options, &loops.0[0], at.to_str().unwrap()]);
        std::fs::write(at.join("file"), source::noise(900_000, 1)).unwrap();
        run("mount", "umount", &[at.to_str().unwrap()]);
        drop(loops);
        for image in images {
            let fs = open(&image).unwrap();
            let file = fs.lookup(fs.root(), "file").unwrap();
            let content = fs.read_at(file, 0, 1 << 20);
            match kind {
                None => assert!(content.unwrap() == source::noise(900_000, 1)),
                Some(kind) => assert_eq!(kind_of(content), kind),
            }
        }
    }
}

/// Loop devices of images.
struct Loops(Vec<String>);

impl Loops {
    fn new(images: &[PathBuf]) -> Option<Self> {
        let mut loops = Self(Vec::new());
        for image in images {
            let output = Command::new("losetup").args(["--show", "-f"]).arg(image).output();
            let output = output.expect("losetup is in the Debian package mount");
            if !output.status.success() {
                println!("skipped: {}", String::from_utf8_lossy(&output.stderr).trim());
                return None;
            }
            loops.0.push(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        btrfs(&format!("device scan {}", loops.0.join(" ")));
        Some(loops)
    }
}

impl Drop for Loops {
    fn drop(&mut self) {
        for device in &self.0 {
            let _ = Command::new("losetup").args(["-d", device]).status();
        }
    }
}

#[test]
fn a_node_that_is_not_there_is_corrupt() {
    let dir = tempfile::tempdir().unwrap();
    let fs = open(&make(dir.path(), "", 128 << 20, None)).unwrap();
    for node in [0, 1, 1 << 20, fs.root() + 1, 2 << 48 | 256, u64::MAX] {
        assert_eq!(kind_of(fs.stat(node)), ErrorKind::Corrupt, "{node}");
    }
}
