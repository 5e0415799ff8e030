//! Files, directories and the file table itself in pieces, described by more than one record.

use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::{Compared, Mounted, make, node, open};
use crate::disk::testkit;

const SMALL: usize = 4000;
const DRIVERS: usize = 2700;

/// Fills a small volume with small files, takes every other away, and fills the gaps with a directory, for which the
/// file table has to grow.
#[test]
fn a_directory_and_the_file_table_in_pieces() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source");
    let image = make(dir.path(), "-c 512", 24 << 20);
    let Some(mounted) = Mounted::new(&image, "rw") else { return };
    for root in [source.as_path(), mounted.dir()] {
        std::fs::create_dir_all(root.join("small")).unwrap();
        std::fs::create_dir_all(root.join("drivers")).unwrap();
    }
    let small = |n: usize| vec![u8::try_from(n % 251).unwrap(); 800];
    for n in 0..SMALL {
        std::fs::write(mounted.dir().join(format!("small/{n}")), small(n)).unwrap();
    }
    let left = free(mounted.dir()).saturating_sub(100_000);
    let mut fill = std::fs::File::create(mounted.dir().join("fill")).unwrap();
    fill.write_all(&vec![7; usize::try_from(left).unwrap()]).unwrap();
    drop(fill);
    for n in 0..SMALL {
        if n % 2 == 0 {
            std::fs::remove_file(mounted.dir().join(format!("small/{n}"))).unwrap();
        } else {
            std::fs::write(source.join(format!("small/{n}")), small(n)).unwrap();
        }
    }
    for root in [source.as_path(), mounted.dir()] {
        for n in 0..DRIVERS {
            std::fs::write(root.join(format!("drivers/driver-{n:05}.sys")), format!("driver {n}")).unwrap();
        }
    }
    std::fs::copy(mounted.dir().join("fill"), source.join("fill")).unwrap();
    drop(mounted);

    assert_listed(&image, &["-i", "0"]);
    assert_listed(&image, &["-F", "/drivers"]);
    let fs = open(&image).unwrap();
    let mut compared = Compared::default();
    compared.directory(fs.as_ref(), fs.root(), &source);
    assert_eq!(compared.entries, SMALL / 2 + DRIVERS + 3);
    let last = format!("DRIVERS/DRIVER-{:05}.SYS", DRIVERS - 1);
    assert!(node(fs.as_ref(), &last).is_ok());
}

/// Every other cluster of a file, which takes so many records that the list of them is in clusters too.
#[test]
fn a_file_of_thousands_of_holes() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source");
    std::fs::create_dir(&source).unwrap();
    let image = make(dir.path(), "-c 512", 16 << 20);
    let Some(mounted) = Mounted::new(&image, "rw") else { return };
    for root in [source.as_path(), mounted.dir()] {
        let file = std::fs::File::create(root.join("holes")).unwrap();
        for n in 0..6000_u64 {
            file.write_all_at(&[u8::try_from(n % 250).unwrap() + 1; 512], n * 1024).unwrap();
        }
    }
    drop(mounted);
    let said = assert_listed(&image, &["-F", "/holes"]);
    let list = said.split("Dumping attribute $ATTRIBUTE_LIST").nth(1).unwrap();
    assert!(list.split("Dumping").next().unwrap().contains("Allocated size"), "the list is in its record: {list}");
    let fs = open(&image).unwrap();
    let mut compared = Compared::default();
    compared.directory(fs.as_ref(), fs.root(), &source);
    assert_eq!((compared.entries, compared.bytes), (1, 6000 * 1024 - 512));
}

fn assert_listed(image: &Path, file: &[&str; 2]) -> String {
    let said = testkit::run("ntfs-3g", "ntfsinfo", &[file[0], file[1], image.to_str().unwrap()]);
    assert!(said.contains("Dumping attribute $ATTRIBUTE_LIST"), "{file:?} is in one record");
    said
}

fn free(mounted: &Path) -> u64 {
    let said = testkit::run("coreutils", "stat", &["-f", "-c", "%a %S", mounted.to_str().unwrap()]);
    said.split_whitespace().map(|number| number.parse::<u64>().unwrap()).product()
}
