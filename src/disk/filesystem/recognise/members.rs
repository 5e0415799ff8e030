//! Parts of something larger, and what is encrypted.

use super::sample::{Sample, label, uuid};
use super::{Content, VolumeClass};
use crate::disk::Result;
use crate::disk::bytes::{array, text, u32_be, u32_le, u64_be, u64_le};

/// md's magic number (linux/raid/md_p.h).
const MD: u32 = 0xa92b_4efc;
const SECTOR: u64 = 512;

/// A member of an md array: version 1.1 at the start, 1.2 at 4 KiB, 1.0 and 0.90 near the end.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a recogniser")]
pub fn linux_raid(sample: &Sample) -> Result<Option<Content>> {
    let len = sample.volume_len();
    // 1.0: at least 8 KiB from the end, on a boundary of 4 KiB. 0.90: the last whole 64 KiB.
    let version_1_0 = (len / SECTOR).checked_sub(16).map(|sector| (sector & !7).saturating_mul(SECTOR));
    let version_0_90 = (len & !0xffff).checked_sub(0x1_0000);
    let found = [Some(0), Some(4096), version_1_0].into_iter().flatten().find_map(|at| md_1(sample.near(at, 256)?, at));
    Ok(found.or_else(|| md_0(sample.near(version_0_90?, 4096)?)))
}

fn md_1(raw: &[u8], at: u64) -> Option<Content> {
    let number = |at| u32_le("md", raw, at).ok();
    if number(0)? != MD || number(4)? != 1 || u64_le("md", raw, 144).ok()? != at / SECTOR {
        return None;
    }
    let content = Content::new("linux_raid_member", VolumeClass::Member).uuid(uuid(array("md", raw, 16).ok()?));
    Some(content.label(label(raw.get(32..64)?)))
}

/// 0.90 is written in the machine's own byte order; its UUID is four numbers, the first apart from the others.
fn md_0(raw: &[u8]) -> Option<Content> {
    let number = match (u32_le("md", raw, 0).ok()?, u32_be("md", raw, 0).ok()?) {
        (MD, _) => |raw: &[u8], at| u32_le("md", raw, at).ok(),
        (_, MD) => |raw: &[u8], at| u32_be("md", raw, at).ok(),
        _ => return None,
    };
    if number(raw, 4)? != 0 {
        return None;
    }
    let mut id = [0; 16];
    for (place, at) in id.chunks_exact_mut(4).zip([20, 52, 56, 60]) {
        place.copy_from_slice(&number(raw, at)?.to_be_bytes());
    }
    Some(Content::new("linux_raid_member", VolumeClass::Member).uuid(uuid(id)))
}

/// A bcache device, backing or caching (linux/bcache.h), and bcachefs (libbcachefs/bcachefs_format.h), which descends
/// from it and first kept its magic number.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a recogniser")]
pub fn bcache(sample: &Sample) -> Result<Option<Content>> {
    const AT: usize = 4096;
    let has = |magic: &[u8]| sample.has(AT.saturating_add(24), magic);
    let old = has(b"\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81");
    if !old && !has(b"\xc6\x85\x73\xf6\x66\xce\x90\xa9\xd9\x6a\x60\xcf\x80\x3d\xf7\xef") {
        return Ok(None);
    }
    // bcache says there in which sector it lies; bcachefs has a longer checksum there.
    let content = if old && sample.u64(AT.saturating_add(8)) == Some(8) {
        Content::new("bcache", VolumeClass::Member).uuid(sample.uuid(AT.saturating_add(40)))
    } else {
        Content::filesystem("bcachefs").uuid(sample.uuid(AT.saturating_add(56)))
    };
    Ok(Some(content.label(sample.label(AT.saturating_add(72), 32))))
}

/// An LVM physical volume: a label in one of the first four sectors.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a recogniser")]
pub fn lvm2(sample: &Sample) -> Result<Option<Content>> {
    let found = [0_usize, 512, 1024, 1536].into_iter().find_map(|at| {
        let sector = sample.bytes(at, 512)?;
        if !sector.starts_with(b"LABELONE") || sector.get(24..32)? != b"LVM2 001" {
            return None;
        }
        let header = usize::try_from(u32_le("lvm", sector, 20).ok()?).ok()?;
        let id = text(sample.bytes(at.checked_add(header)?, 32)?, 32);
        Some(Content::new("LVM2_member", VolumeClass::Member).uuid(lvm_id(&id)))
    });
    Ok(found)
}

/// LVM's spelling of an identifier: groups of 6, 4, 4, 4, 4, 4 and 6 characters.
pub fn lvm_id(id: &str) -> String {
    let mut text = String::new();
    for (at, character) in id.chars().enumerate() {
        if matches!(at, 6 | 10 | 14 | 18 | 22 | 26) {
            text.push('-');
        }
        text.push(character);
    }
    text
}

/// LUKS 1 and 2 (LUKS2 On-Disk Format Specification 2.1): the UUID is text, and version 2 has a label.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a recogniser")]
pub fn luks(sample: &Sample) -> Result<Option<Content>> {
    if !sample.has(0, b"LUKS\xba\xbe") {
        return Ok(None);
    }
    let content = Content::new("crypto_LUKS", VolumeClass::Encrypted).uuid(sample.label(168, 40));
    Ok(Some(if sample.has(6, &[0, 2]) { content.label(sample.label(24, 48)) } else { content }))
}

/// BitLocker, by the OEM identifier of its boot sector; on removable media by the identifier of its metadata, behind
/// what looks like FAT ("BitLocker To Go").
#[expect(clippy::unnecessary_wraps, reason = "the shape of a recogniser")]
pub fn bitlocker(sample: &Sample) -> Result<Option<Content>> {
    const TO_GO: &[u8] = b"\x3b\xd6\x67\x49\x29\x2e\xd8\x4a\x83\x99\xf6\xa3\x39\xe3\xd0\x01";
    let found = sample.has(3, b"-FVE-FS-") || (sample.has(3, b"MSWIN4.1") && sample.has(424, TO_GO));
    Ok(found.then(|| Content::new("BitLocker", VolumeClass::Encrypted)))
}

/// A member of a ZFS pool: the name-value list of its first label, in XDR at 16 KiB.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a recogniser")]
pub fn zfs(sample: &Sample) -> Result<Option<Content>> {
    Ok(zfs_label(sample.bytes(16 << 10, 48 << 10).unwrap_or_default()))
}

fn zfs_label(list: &[u8]) -> Option<Content> {
    // A pair: length and text of its name padded to 4, type (8 is a 64-bit number, 9 a string), count, value.
    let after = |key: &[u8]| list.windows(key.len()).position(|part| part == key)?.checked_add(key.len());
    let guid = after(b"\0\0\0\x09pool_guid\0\0\0\0\0\0\x08\0\0\0\x01")?;
    let guid = u64_be("zfs", list, guid).ok()?;
    let name = after(b"\0\0\0\x04name\0\0\0\x09\0\0\0\x01").and_then(|at| {
        let len = usize::try_from(u32_be("zfs", list, at).ok()?).ok()?.min(255);
        list.get(at.checked_add(4)?..)?.get(..len).map(label)
    });
    Some(Content::new("zfs_member", VolumeClass::Member).uuid(guid.to_string()).label(name.unwrap_or_default()))
}
