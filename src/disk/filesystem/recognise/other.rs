//! Filesystems of other systems and of optical media, and those that are known by their signature alone.

use super::Content;
use super::sample::Sample;
use crate::disk::Result;

/// First volume descriptor, and the distance to the next.
const DESCRIPTORS: usize = 0x8000;
const SECTOR: usize = 2048;

/// UDF: an NSR descriptor in the volume recognition sequence.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a recogniser")]
pub fn udf(sample: &Sample) -> Result<Option<Content>> {
    let nsr = |at: &usize| sample.has(at.saturating_add(1), b"NSR02") || sample.has(at.saturating_add(1), b"NSR03");
    let found = (DESCRIPTORS..0x1_0000).step_by(SECTOR).any(|at| nsr(&at));
    Ok(found.then(|| Content::filesystem("udf")))
}

/// ISO 9660: the primary volume descriptor. Its UUID is when the volume was modified, or else created.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a recogniser")]
pub fn iso9660(sample: &Sample) -> Result<Option<Content>> {
    if !sample.has(DESCRIPTORS, b"\x01CD001\x01") {
        return Ok(None);
    }
    let date = |at: usize| {
        let digits = sample.bytes(DESCRIPTORS.saturating_add(at), 16)?;
        let text = std::str::from_utf8(digits).ok()?;
        (text.bytes().all(|b| b.is_ascii_digit()) && text.bytes().any(|b| b != b'0')).then(|| {
            let mut text = text.to_owned();
            for at in [14, 12, 10, 8, 6, 4] {
                text.insert(at, '-');
            }
            text
        })
    };
    let content = Content::filesystem("iso9660").label(sample.label(DESCRIPTORS.saturating_add(40), 32));
    Ok(Some(content.uuid(date(830).or_else(|| date(813)).unwrap_or_default())))
}

/// UFS1 and UFS2, in either byte order (FreeBSD, sys/ufs/ffs/fs.h).
#[expect(clippy::unnecessary_wraps, reason = "the shape of a recogniser")]
pub fn ufs(sample: &Sample) -> Result<Option<Content>> {
    const MAGIC: usize = 1372;
    let found = [64_usize << 10, 8 << 10, 0].into_iter().find_map(|at| {
        let raw = sample.bytes(at.checked_add(MAGIC)?, 4)?;
        let raw: [u8; 4] = raw.try_into().ok()?;
        let known = |magic: u32| matches!(magic, 0x0001_1954 | 0x1954_0119);
        let little = known(u32::from_le_bytes(raw));
        if !little && !known(u32::from_be_bytes(raw)) {
            return None;
        }
        let id = |at: usize| {
            let number = sample.u32(at)?;
            Some(if little { number } else { number.swap_bytes() })
        };
        let uuid = match (id(at.checked_add(144)?)?, id(at.checked_add(148)?)?) {
            (0, 0) => String::new(),
            (first, second) => format!("{first:08x}{second:08x}"),
        };
        Some(Content::filesystem("ufs").uuid(uuid).label(sample.label(at.checked_add(680)?, 32)))
    });
    Ok(found)
}

/// Name, place and signature of what nobody here needs to know more of.
const SIGNATURES: &[(&str, usize, &[u8])] = &[
    ("squashfs", 0, b"hsqs"),
    ("cramfs", 0, &[0x45, 0x3d, 0xcd, 0x28]),
    ("romfs", 0, b"-rom1fs-"),
    ("apfs", 32, b"NXSB"),
    ("hfsplus", 1024, b"H+\0\x04"),
    ("hfsplus", 1024, b"HX\0\x05"),
    ("nilfs2", 1030, &[0x34, 0x34]),
    ("gfs2", 0x1_0000, &[0x01, 0x16, 0x19, 0x70]),
];

/// The rest.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a recogniser")]
pub fn by_signature(sample: &Sample) -> Result<Option<Content>> {
    let found = SIGNATURES.iter().find(|(_, at, magic)| sample.has(*at, magic));
    Ok(found.map(|(name, _, _)| Content::filesystem(name)))
}
