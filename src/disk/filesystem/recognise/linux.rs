//! Filesystems and swap space of Linux. Offsets are those of each one's own superblock definition.

use super::sample::Sample;
use super::{Content, ExtFeatures, VolumeClass};
use crate::disk::Result;

/// ext: where the superblock lies, and the features that decide its name as libblkid decides it.
const EXT: usize = 1024;
const COMPAT_HAS_JOURNAL: u32 = 0x4;
const INCOMPAT_JOURNAL_DEVICE: u32 = 0x8;
/// filetype, recover, meta_bg: what ext3 can have.
const EXT3_INCOMPAT: u32 = 0x2 | 0x4 | 0x10;
/// sparse_super, large_file, btree_dir.
const EXT3_RO_COMPAT: u32 = 0x1 | 0x2 | 0x4;

/// ext2, ext3, ext4, and the external journal of one (`jbd`).
#[expect(clippy::unnecessary_wraps, reason = "the shape of a recogniser")]
pub fn ext(sample: &Sample) -> Result<Option<Content>> {
    Ok(ext_superblock(sample))
}

fn ext_superblock(sample: &Sample) -> Option<Content> {
    let word = |at: usize| sample.u32(EXT.saturating_add(at));
    if sample.u16(EXT.saturating_add(0x38))? != 0xef53 {
        return None;
    }
    let features = ExtFeatures { compat: word(0x5c)?, incompat: word(0x60)?, ro_compat: word(0x64)? };
    let content = if features.incompat & INCOMPAT_JOURNAL_DEVICE != 0 {
        Content::new("jbd", VolumeClass::Member)
    } else {
        let beyond = features.incompat & !EXT3_INCOMPAT != 0 || features.ro_compat & !EXT3_RO_COMPAT != 0;
        let journal = features.compat & COMPAT_HAS_JOURNAL != 0;
        let name = match (beyond, journal) {
            (true, _) => "ext4",
            (false, true) => "ext3",
            (false, false) => "ext2",
        };
        Content { ext: Some(features), ..Content::filesystem(name) }
    };
    Some(content.uuid(sample.uuid(EXT.saturating_add(0x68))).label(sample.label(EXT.saturating_add(0x78), 16)))
}

/// XFS.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a recogniser")]
pub fn xfs(sample: &Sample) -> Result<Option<Content>> {
    Ok(sample.has(0, b"XFSB").then(|| Content::filesystem("xfs").uuid(sample.uuid(32)).label(sample.label(108, 12))))
}

/// Swap space, also with a hibernated system in it: the signature ends the first page, whose size is the machine's.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a recogniser")]
pub fn swap(sample: &Sample) -> Result<Option<Content>> {
    let found = [0x1000_usize, 0x2000, 0x4000, 0x8000, 0x1_0000].into_iter().find_map(|page| {
        let at = page.saturating_sub(10);
        if sample.has(at, b"SWAP-SPACE") {
            return Some(Content::new("swap", VolumeClass::Swap));
        }
        let sleeping = [b"S1SUSPEND\0", b"S2SUSPEND\0", b"ULSUSPEND\0", b"LINHIB0001"];
        // TuxOnIce leaves the signature and writes its own in front.
        let tux_on_ice = sample.has(0, b"\xed\xc3\x02\xe9\x98\x56\xe5\x0c");
        let name = if tux_on_ice || sleeping.iter().any(|magic| sample.has(at, *magic)) { "swsuspend" } else { "swap" };
        if name == "swap" && !sample.has(at, b"SWAPSPACE2") {
            return None;
        }
        // Version 1 of the header, in either byte order, with a last page (linux/swap.h).
        let valid = [[1, 0, 0, 0], [0, 0, 0, 1]].iter().any(|version| sample.has(1024, version));
        (valid && sample.u32(1028)? != 0)
            .then(|| Content::new(name, VolumeClass::Swap).uuid(sample.uuid(1036)).label(sample.label(1052, 16)))
    });
    Ok(found)
}

/// Btrfs: the first superblock.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a recogniser")]
pub fn btrfs(sample: &Sample) -> Result<Option<Content>> {
    const AT: usize = 64 << 10;
    Ok(sample.has(AT.saturating_add(64), b"_BHRfS_M").then(|| {
        Content::filesystem("btrfs")
            .uuid(sample.uuid(AT.saturating_add(32)))
            .label(sample.label(AT.saturating_add(299), 256))
    }))
}

/// ReiserFS: at 64 KiB, the oldest at 8 KiB; those have no UUID.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a recogniser")]
pub fn reiserfs(sample: &Sample) -> Result<Option<Content>> {
    const OLD: usize = 8 << 10;
    const AT: usize = 64 << 10;
    if sample.has(OLD.saturating_add(52), b"ReIsErFs") {
        return Ok(Some(Content::filesystem("reiserfs")));
    }
    let known = [b"ReIsErFs\0".as_slice(), b"ReIsEr2Fs", b"ReIsEr3Fs"];
    Ok(known.iter().any(|magic| sample.has(AT.saturating_add(52), magic)).then(|| {
        Content::filesystem("reiserfs")
            .uuid(sample.uuid(AT.saturating_add(84)))
            .label(sample.label(AT.saturating_add(100), 16))
    }))
}

/// IBM's journaled filesystem.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a recogniser")]
pub fn jfs(sample: &Sample) -> Result<Option<Content>> {
    const AT: usize = 32 << 10;
    Ok(sample.has(AT, b"JFS1").then(|| {
        Content::filesystem("jfs")
            .uuid(sample.uuid(AT.saturating_add(136)))
            .label(sample.label(AT.saturating_add(152), 16))
    }))
}

/// F2FS.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a recogniser")]
pub fn f2fs(sample: &Sample) -> Result<Option<Content>> {
    const AT: usize = 1024;
    Ok(sample.has(AT, &0xf2f5_2010_u32.to_le_bytes()).then(|| {
        Content::filesystem("f2fs")
            .uuid(sample.uuid(AT.saturating_add(108)))
            .label(sample.label_utf16(AT.saturating_add(124), 1024))
    }))
}

/// EROFS.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a recogniser")]
pub fn erofs(sample: &Sample) -> Result<Option<Content>> {
    const AT: usize = 1024;
    Ok(sample.has(AT, &0xe0f5_e1e2_u32.to_le_bytes()).then(|| {
        Content::filesystem("erofs")
            .uuid(sample.uuid(AT.saturating_add(48)))
            .label(sample.label(AT.saturating_add(64), 16))
    }))
}
