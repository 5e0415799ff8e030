//! Files that Windows compresses one by one, made of what wimlib compresses: a resource of a WIM has the layout of
//! the stream `WofCompressedData`.

use std::path::Path;

use super::{content, edit, kind_of, make, node, noise, open, put, words};
use crate::disk::ErrorKind;
use crate::disk::testkit::{self, Counting};

const WOF: u32 = 0x8000_0017;

/// Version, provider (a file), version, algorithm.
fn reparse_data(algorithm: u8) -> Vec<u8> {
    [[1, 0, 0, 0], [2, 0, 0, 0], [1, 0, 0, 0], [algorithm, 0, 0, 0]].concat()
}

/// What wimlib makes of some content.
fn packed(dir: &Path, content: &[u8], method: &str, chunk: usize) -> Vec<u8> {
    let source = dir.join("captured");
    let _ = std::fs::remove_dir_all(&source);
    std::fs::create_dir(&source).unwrap();
    std::fs::write(source.join("file"), content).unwrap();
    let wim = dir.join("wim");
    let _ = std::fs::remove_file(&wim);
    let (method, chunk) = (format!("--compress={method}"), format!("--chunk-size={chunk}"));
    let args = ["capture", source.to_str().unwrap(), wim.to_str().unwrap(), &method, &chunk, "--no-acls"];
    testkit::run("wimtools", "wimlib-imagex", &args);
    let blobs = testkit::run("wimtools", "wimlib-imagex", &["info", wim.to_str().unwrap(), "--blobs"]);
    let blob = blobs
        .split("\n\n")
        .find(|blob| blob.contains(&format!("Uncompressed size = {} bytes", content.len())))
        .unwrap_or_else(|| panic!("{blobs}"));
    let number = |of: &str| -> usize {
        let line = blob.lines().find(|line| line.starts_with(of)).unwrap_or_else(|| panic!("{of}: {blob}"));
        line.split_whitespace().find_map(|word| word.parse().ok()).unwrap()
    };
    assert!(blob.contains("WIM_RESHDR_FLAG_COMPRESSED"), "{blob}");
    let at = number("Offset in WIM");
    std::fs::read(&wim).unwrap()[at..at + number("Compressed size")].to_vec()
}

/// A program with calls to translate, text, what does not compress, long runs, a short end.
fn plain() -> Vec<u8> {
    let mut program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    program.truncate(150_000);
    let program = [program, words(1, 90_000), noise(2, 70_000), vec![0; 70_000], words(3, 12_345)].concat();
    assert!(program.split(|byte| *byte == 0xE8).count() > 100);
    program
}

/// Makes a file of zeros a compressed one.
fn compress(image: &Path, name: &str, size: usize, stream: &[u8], algorithm: u8) {
    put(image, name, "", &vec![0; size]);
    put(image, name, "WofCompressedData", stream);
    let file = node(open(image).unwrap().as_ref(), name).unwrap();
    edit::record(image, file, |raw| edit::add_reparse_point(raw, WOF, &reparse_data(algorithm)));
}

#[test]
fn all_four_algorithms() {
    let dir = tempfile::tempdir().unwrap();
    let image = make(dir.path(), "", 32 << 20);
    let plain = plain();
    let variants = [("XPRESS", 4, 0), ("LZX", 32, 1), ("XPRESS", 8, 2), ("XPRESS", 16, 3)];
    for (method, chunk, algorithm) in variants {
        let name = format!("{method}-{chunk}");
        let stream = packed(dir.path(), &plain, method, chunk << 10);
        assert!(stream.len() < plain.len());
        compress(&image, &name, plain.len(), &stream, algorithm);
        // A file that ends with a chunk, and one of less than a chunk.
        for size in [(3 * chunk) << 10, 2000] {
            let stream = packed(dir.path(), &plain[5..5 + size], method, chunk << 10);
            compress(&image, &format!("{name}-{size}"), size, &stream, algorithm);
        }
    }
    testkit::seed("ntfs", "wof", || std::fs::read(&image).unwrap());
    let disk = Counting::new(testkit::open(&image));
    let fs = super::super::open(disk.clone()).unwrap();
    for (method, chunk, _) in variants {
        let name = format!("{method}-{chunk}");
        assert!(content(fs.as_ref(), &name).unwrap() == plain, "{name}");
        for size in [(3 * chunk) << 10, 2000] {
            assert!(content(fs.as_ref(), &format!("{name}-{size}")).unwrap() == plain[5..5 + size], "{name} {size}");
        }
        let file = node(fs.as_ref(), &name).unwrap();
        let before = disk.bytes();
        for at in [0, 4095, 4096, 65_535, 200_000, 260_000, plain.len() - 50] {
            assert_eq!(fs.read_at(file, at as u64, 100).unwrap(), plain[at..plain.len().min(at + 100)], "{name} {at}");
        }
        // Each touches a chunk or two, and two entries of the table.
        assert!(disk.bytes() - before < 14 * ((chunk as u64) << 10) + 200, "{name}");
        assert!(fs.read_at(file, plain.len() as u64, 1).unwrap().is_empty());
    }
}

#[test]
fn what_is_wrong_with_a_compressed_file() {
    let dir = tempfile::tempdir().unwrap();
    let image = make(dir.path(), "", 16 << 20);
    let plain = words(9, 20_000);
    let stream = packed(dir.path(), &plain, "XPRESS", 4096);
    compress(&image, "cut", plain.len(), &stream[..stream.len() / 2], 0);
    let mut past = stream.clone();
    past[4..8].copy_from_slice(&[0xFF, 0xFF, 0, 0]);
    compress(&image, "past", plain.len(), &past, 0);
    let mut garbled = stream.clone();
    let table = 4 * 4;
    garbled[table..table + 256].fill(0x11);
    compress(&image, "garbled", plain.len(), &garbled, 0);
    compress(&image, "unknown", plain.len(), &stream, 4);
    put(&image, "missing", "", &plain);
    let missing = node(open(&image).unwrap().as_ref(), "missing").unwrap();
    edit::record(&image, missing, |raw| edit::add_reparse_point(raw, WOF, &reparse_data(0)));
    put(&image, "archived", "", &plain);
    let archived = node(open(&image).unwrap().as_ref(), "archived").unwrap();
    edit::record(&image, archived, |raw| {
        edit::add_reparse_point(raw, WOF, &[[1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]].concat());
    });

    let fs = open(&image).unwrap();
    for (name, expected) in [
        ("cut", ErrorKind::Corrupt),
        ("past", ErrorKind::Corrupt),
        ("garbled", ErrorKind::Corrupt),
        ("missing", ErrorKind::Corrupt),
        ("unknown", ErrorKind::Unsupported),
        ("archived", ErrorKind::Unsupported),
    ] {
        assert_eq!(kind_of(content(fs.as_ref(), name)), expected, "{name}");
    }
    // That a file is there, and its size, is known all the same.
    assert_eq!(fs.stat(node(fs.as_ref(), "archived").unwrap()).unwrap().size, 20_000);
    // What is not damaged of a damaged file is still there.
    let garbled = node(fs.as_ref(), "garbled").unwrap();
    assert!(fs.read_at(garbled, 4096, 4096).unwrap() == plain[4096..8192]);
}
