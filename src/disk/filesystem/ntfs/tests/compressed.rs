//! LZNT1, as ntfs-3g writes it.

use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use super::{Compared, Mounted, make, node, noise, open, words};
use crate::disk::testkit::{self, Counting};

const UNIT: usize = 64 << 10;

/// Makes a directory whose new files are compressed.
fn compressed_directory(dir: &Path) {
    std::fs::create_dir(dir).unwrap();
    let args = ["-h", "-n", "system.ntfs_attrib", "-v", "0x00080000", dir.to_str().unwrap()];
    testkit::run("attr", "setfattr", &args);
}

/// Content of every kind of compression unit: compressed, not compressible, holes, and a last one that is short.
fn contents() -> Vec<(String, Vec<u8>)> {
    let mut mixed = words(1, 3 * UNIT);
    mixed.extend(noise(2, 2 * UNIT));
    mixed.extend(vec![0; 5 * UNIT]);
    mixed.extend(words(3, UNIT + UNIT / 2));
    let mut all = vec![("mixed".to_owned(), mixed), ("zeros".to_owned(), vec![0; 4 * UNIT + 77])];
    all.push(("one-byte".to_owned(), vec![b'x'; 3 * UNIT + 1]));
    for size in [900, 4095, 4096, 4097, 8192, 30_000, UNIT - 1, UNIT, UNIT + 1, 5 * UNIT - 4096] {
        all.push((format!("words-{size}"), words(size as u64, size)));
        all.push((format!("noise-{size}"), noise(size as u64, size)));
    }
    all
}

#[test]
fn every_kind_of_compression_unit() {
    for cluster in [512, 1024, 4096] {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("source");
        let image = make(dir.path(), &format!("-c {cluster}"), 32 << 20);
        let Some(mounted) = Mounted::new(&image, "compression") else { return };
        compressed_directory(&mounted.dir().join("c"));
        std::fs::create_dir_all(source.join("c")).unwrap();
        for (name, content) in contents() {
            std::fs::write(source.join("c").join(&name), &content).unwrap();
            std::fs::write(mounted.dir().join("c").join(&name), &content).unwrap();
        }
        for root in [source.as_path(), mounted.dir()] {
            // A file with a hole that was never written, and one that ends in one.
            let mut holes = std::fs::File::create(root.join("c/holes")).unwrap();
            for at in [1, 7, 20] {
                holes.seek(SeekFrom::Start(at * 50_000)).unwrap();
                holes.write_all(&words(at, 30_000)).unwrap();
            }
            holes.set_len(1_300_001).unwrap();
        }
        drop(mounted);
        testkit::seed("ntfs", &format!("compressed-{cluster}"), || std::fs::read(&image).unwrap());
        let said = testkit::run("ntfs-3g", "ntfsinfo", &["-v", "-F", "/c/mixed", image.to_str().unwrap()]);
        assert!(said.contains("Compression unit:\t 4 (0x4)"), "{cluster}: not compressed: {said}");

        let fs = open(&image).unwrap();
        let mut compared = Compared::default();
        compared.directory(fs.as_ref(), fs.root(), &source);
        assert_eq!(compared.entries, contents().len() + 2, "{cluster}");
        let stat = fs.stat(node(fs.as_ref(), "c/mixed").unwrap()).unwrap();
        assert_eq!(stat.attributes & 0x800, 0x800, "{cluster}");
    }
}

#[test]
fn a_read_in_the_middle_costs_its_own_unit() {
    let dir = tempfile::tempdir().unwrap();
    let image = make(dir.path(), "-c 4096", 32 << 20);
    let Some(mounted) = Mounted::new(&image, "compression") else { return };
    compressed_directory(&mounted.dir().join("c"));
    let content = words(5, 100 * UNIT);
    std::fs::write(mounted.dir().join("c/large"), &content).unwrap();
    drop(mounted);
    let disk = Counting::new(testkit::open(&image));
    let fs = super::super::open(disk.clone()).unwrap();
    let file = node(fs.as_ref(), "c/large").unwrap();
    let before = disk.bytes();
    for at in [70 * UNIT, 3 * UNIT + 5, 99 * UNIT] {
        assert_eq!(fs.read_at(file, at as u64, 100).unwrap(), content[at..at + 100]);
    }
    let read = disk.bytes() - before;
    assert!(read <= 3 * UNIT as u64, "{read} bytes for three units");
}
