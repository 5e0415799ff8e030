//! Files, directories and the file table itself in pieces, described by more than one record.

use std::io::Write;

use super::{Compared, Mounted, make, node, open};
use crate::disk::testkit;

/// Fills a small volume with files of two clusters, takes every other away, and fills the gaps.
#[test]
fn what_is_in_many_pieces_reads_as_written() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source");
    let image = make(dir.path(), "-c 512", 24 << 20);
    let Some(mounted) = Mounted::new(&image, "rw") else { return };
    let both = |path: &str, content: &[u8]| {
        for root in [source.as_path(), mounted.dir()] {
            std::fs::write(root.join(path), content).unwrap();
        }
    };
    for root in [source.as_path(), mounted.dir()] {
        std::fs::create_dir_all(root.join("small")).unwrap();
        std::fs::create_dir_all(root.join("drivers")).unwrap();
    }
    let small = |n: usize| vec![u8::try_from(n % 251).unwrap(); 800];
    for n in 0..4000 {
        std::fs::write(mounted.dir().join(format!("small/{n}")), small(n)).unwrap();
    }
    // What is left at the end: a bit.
    let mut fill = std::fs::File::create(mounted.dir().join("fill")).unwrap();
    let left = free(mounted.dir()).saturating_sub(300_000);
    fill.write_all(&vec![0; usize::try_from(left).unwrap()]).unwrap();
    drop(fill);
    for n in 0..4000 {
        if n % 2 == 0 {
            std::fs::remove_file(mounted.dir().join(format!("small/{n}"))).unwrap();
        } else {
            std::fs::write(source.join(format!("small/{n}")), small(n)).unwrap();
        }
    }
    for n in 0..2700 {
        both(&format!("drivers/driver-{n:05}.sys"), format!("driver {n}").as_bytes());
    }
    let rest = usize::try_from(free(mounted.dir())).unwrap() - 60_000;
    let large: Vec<u8> = (0..rest).map(|n| u8::try_from(n / 100 % 253).unwrap()).collect();
    both("large", &large);
    std::fs::copy(mounted.dir().join("fill"), source.join("fill")).unwrap();
    drop(mounted);

    for args in [["-i", "0"], ["-F", "/drivers"], ["-F", "/large"]] {
        let image = image.to_str().unwrap();
        let said = testkit::run("ntfs-3g", "ntfsinfo", &[args[0], args[1], image]);
        assert!(said.contains("Dumping attribute $ATTRIBUTE_LIST"), "{args:?} is in one record");
    }
    let fs = open(&image).unwrap();
    let mut compared = Compared::default();
    compared.directory(fs.as_ref(), fs.root(), &source);
    assert_eq!(compared.entries, 2000 + 2700 + 4);
    assert!(node(fs.as_ref(), "DRIVERS/DRIVER-02699.SYS").is_ok());
}

fn free(mounted: &std::path::Path) -> u64 {
    let said = testkit::run("coreutils", "stat", &["-f", "-c", "%a %S", mounted.to_str().unwrap()]);
    said.split_whitespace().map(|number| number.parse::<u64>().unwrap()).product()
}
