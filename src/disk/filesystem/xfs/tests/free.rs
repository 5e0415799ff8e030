//! Free space as `df` shows it of the mounted filesystem.

use std::fs::{self, File};
use std::path::Path;

use super::mounted::{churn, mount};
use super::{PACKAGE, open};
use crate::disk::testkit::run;

const SIZES: [(u64, &str); 10] = [
    (320, ""),
    (320, "-d agcount=3"),
    (1 << 10, "-m rmapbt=1"),
    (1 << 10, "-m reflink=0"),
    (1 << 10, "-m reflink=0,finobt=0"),
    (1 << 10, "-m inobtcount=0"),
    (1 << 10, "-b size=1024 -i size=512"),
    (3 << 10, "-b size=16384 -m rmapbt=1"),
    (20 << 10, "-d agcount=70"),
    (100 << 10, "-d agcount=7"),
];

/// Bytes that can be written, of the filesystem mounted at a directory.
fn available(at: &Path) -> u64 {
    let shown = run("coreutils", "df", &["-B1", "--output=avail", at.to_str().unwrap()]);
    shown.lines().nth(1).unwrap().trim().parse().unwrap()
}

#[test]
fn what_the_kernel_keeps_is_not_free() {
    for (mib, options) in SIZES {
        let dir = tempfile::tempdir().unwrap();
        let image = dir.path().join("image");
        File::create(&image).unwrap().set_len(mib << 20).unwrap();
        let args: Vec<_> = ["-q", "-f"].into_iter().chain(options.split_whitespace()).collect();
        run(PACKAGE, "mkfs.xfs", &[&args[..], &[image.to_str().unwrap()]].concat());
        for rounds in [0, 300] {
            let shown = {
                let Some(mounted) = mount(&image) else { return };
                if rounds > 0 {
                    churn(mounted.path(), 5, rounds);
                    run("coreutils", "sync", &["-f", mounted.path().to_str().unwrap()]);
                }
                drop(mounted);
                let Some(mounted) = mount(&image) else { return };
                available(mounted.path())
            };
            let usage = open(&image).unwrap().usage().unwrap();
            let apart = usage.free_bytes.abs_diff(shown);
            println!("{mib} MiB {options}, {rounds} changes: {} of {shown}", usage.free_bytes);
            // Without a count of them, and in many groups, trees are taken for as small as they can be.
            let most = if options.contains("inobtcount=0") || options.contains("=70") { 70 * 4096 } else { 0 };
            assert!(apart <= most, "{mib} MiB {options}: {} and {shown}", usage.free_bytes);
        }
    }
}

#[test]
fn a_filesystem_that_is_full_has_nothing_left() {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("image");
    File::create(&image).unwrap().set_len(320 << 20).unwrap();
    run(PACKAGE, "mkfs.xfs", &["-q", "-f", image.to_str().unwrap()]);
    let shown = {
        let Some(mounted) = mount(&image) else { return };
        let block = vec![1; 1 << 20];
        let mut file = File::create(mounted.path().join("all")).unwrap();
        while std::io::Write::write_all(&mut file, &block).is_ok() {}
        let mut small = (0..).map(|n| mounted.path().join(format!("{n}")));
        while fs::write(small.next().unwrap(), [1; 4096]).is_ok() {}
        drop(file);
        available(mounted.path())
    };
    let free = open(&image).unwrap().usage().unwrap().free_bytes;
    assert!(shown < 1 << 20 && free < 1 << 20, "{free}, and {shown} while it was mounted");
}
