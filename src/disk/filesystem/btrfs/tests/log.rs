//! Logs that cannot be replayed, and what is said of one that was.

use std::fs::{self, File};

use super::refusals::change_superblock;
use super::source::text;
use super::{kind_of, make, mount, open};
use crate::disk::ErrorKind;
use crate::inspect::facts::SignKind;

#[test]
fn a_log_is_a_sign_until_the_kernel_has_replayed_it() {
    let dir = tempfile::tempdir().unwrap();
    let image = make(dir.path(), "", 200 << 20, None);
    let Some(mounted) = mount(&image, "commit=300") else { return };
    fs::write(mounted.join("new"), text(100_000)).unwrap();
    File::open(mounted.join("new")).unwrap().sync_all().unwrap();
    let crashed = dir.path().join("crashed");
    mounted.copy(&image, &crashed);
    drop(mounted);

    let signs = || open(&crashed).unwrap().signs().unwrap();
    assert_eq!(
        signs().iter().map(|sign| (sign.kind, sign.at)).collect::<Vec<_>>(),
        [(SignKind::LogNeedsReplay, 0x1_0060)]
    );
    drop(mount(&crashed, "rw").unwrap());
    assert!(signs().is_empty());
}

#[test]
fn a_log_that_is_not_there_is_corrupt() {
    let dir = tempfile::tempdir().unwrap();
    let image = make(dir.path(), "", 128 << 20, None);
    change_superblock(&image, 0x60, &0x0100_0000_u64.to_le_bytes());
    assert_eq!(kind_of(open(&image)), ErrorKind::Corrupt);
}
