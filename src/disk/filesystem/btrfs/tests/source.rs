//! A tree with one of everything.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, PermissionsExt, chown, symlink};
use std::path::Path;

use crate::disk::testkit::{Dice, run};

/// Text that compresses well, and whose every line differs.
pub(super) fn text(len: usize) -> Vec<u8> {
    (0..).flat_map(|n: u64| format!("{n} {} lines of text\n", n * n % 977).into_bytes()).take(len).collect()
}

/// Bytes that do not compress.
pub(super) fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut dice = Dice(seed | 1);
    (0..len).map(|_| u8::try_from(dice.roll() >> 32 & 0xFF).unwrap()).collect()
}

/// Writes it to `dir`. `names` files are in one directory of their own.
pub(super) fn write(dir: &Path, names: usize) {
    fs::create_dir_all(dir.join("etc/deep/er/and/deeper")).unwrap();
    fs::write(dir.join("etc/os-release"), "NAME=\"openSUSE Leap\"\n").unwrap();
    fs::write(dir.join("etc/deep/er/and/deeper/file"), "deep").unwrap();
    for size in [0, 1, 20, 2047, 2048, 2049, 3900, 4095, 4096, 4097, 8192, 65_535, 131_072, 131_073, 1_000_003] {
        fs::write(dir.join(format!("text-{size}")), text(size)).unwrap();
        fs::write(dir.join(format!("noise-{size}")), noise(size, size as u64)).unwrap();
        fs::write(dir.join(format!("zeros-{size}")), vec![0; size]).unwrap();
    }
    // Text and noise in turn: extents that are compressed beside extents that are not.
    let turns: Vec<u8> = (0..9).flat_map(|n| if n % 2 == 0 { text(200_000) } else { noise(150_000, n) }).collect();
    fs::write(dir.join("turns"), turns).unwrap();

    let sparse = File::create(dir.join("sparse")).unwrap();
    for (at, len) in [(0, 10), (40_960, 5000), (1 << 20, 1), (5 << 20, 4096)] {
        sparse.write_all_at(&text(len), at).unwrap();
    }
    sparse.set_len((6 << 20) + 5).unwrap();
    File::create(dir.join("all-hole")).unwrap().set_len(100_000).unwrap();

    fs::create_dir(dir.join("many")).unwrap();
    for n in 0..names {
        fs::write(dir.join(format!("many/file-{n}")), format!("{n}")).unwrap();
    }
    fs::create_dir(dir.join("names")).unwrap();
    for name in [&[b'n'; 255][..], "snö-雪".as_bytes(), b"not-utf8-\xff\xfe", b" ", b"a\nb"] {
        fs::write(dir.join("names").join(OsStr::from_bytes(name)), name).unwrap();
    }
    for len in [1, 60, 255, 1000, 2000] {
        symlink("t".repeat(len), dir.join(format!("link-{len}"))).unwrap();
    }
    symlink("../usr/lib/os-release", dir.join("etc/os-link")).unwrap();
    fs::hard_link(dir.join("text-8192"), dir.join("etc/hard")).unwrap();
    run("coreutils", "mkfifo", &[dir.join("pipe").to_str().unwrap()]);

    let shadow = dir.join("etc/shadow");
    fs::write(&shadow, "root:*::").unwrap();
    fs::set_permissions(&shadow, fs::Permissions::from_mode(0o4640)).unwrap();
    // Only root may give files away.
    if let Err(error) = chown(&shadow, Some(70_000), Some(15)) {
        println!("skipped: owners: {error}");
    }
}
