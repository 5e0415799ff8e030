//! NTFS and ReFS.

use super::Content;
use super::sample::{Sample, label_utf16};
use crate::disk::Result;
use crate::disk::bytes::{u16_le, u32_le};

/// Attributes of a file record that are looked at.
const MOST_ATTRIBUTES: usize = 64;
/// `$VOLUME_NAME`.
const VOLUME_NAME: u32 = 0x60;

/// NTFS: its UUID is the serial number, its label an attribute of the file `$Volume`, which is record 3 of the MFT.
pub fn ntfs(sample: &Sample) -> Result<Option<Content>> {
    if !sample.has(3, b"NTFS    ") {
        return Ok(None);
    }
    let serial = sample.u64(72).map(|serial| format!("{serial:016X}")).unwrap_or_default();
    let content = Content::filesystem("ntfs").uuid(serial);
    let Some((at, len)) = volume_record(sample) else { return Ok(Some(content)) };
    let record = sample.fetch(at, len)?.unwrap_or_default();
    Ok(Some(content.label(volume_name(&record).unwrap_or_default())))
}

/// Place and length of the record.
fn volume_record(sample: &Sample) -> Option<(u64, usize)> {
    let sector = u64::from(sample.u16(11)?);
    // From 128 up, these two are negative powers of two.
    let cluster = match sample.u8(13)? {
        sectors @ 0..=128 => sector.checked_mul(u64::from(sectors))?,
        power => sector.checked_shl(u32::from(power.wrapping_neg()))?,
    };
    let record = match sample.u8(64)? {
        clusters @ 0..=127 => cluster.checked_mul(u64::from(clusters))?,
        power => 1_u64.checked_shl(u32::from(power.wrapping_neg()))?,
    };
    if !(256..=65536).contains(&record) {
        return None;
    }
    let mft = sample.u64(48)?.checked_mul(cluster)?;
    Some((mft.checked_add(record.checked_mul(3)?)?, usize::try_from(record).ok()?))
}

fn volume_name(record: &[u8]) -> Option<String> {
    let number = |at| u32_le("ntfs", record, at).ok().and_then(|n| usize::try_from(n).ok());
    if !record.starts_with(b"FILE") {
        return None;
    }
    let mut at = usize::from(u16_le("ntfs", record, 20).ok()?);
    for _ in 0..MOST_ATTRIBUTES {
        let kind = u32_le("ntfs", record, at).ok()?;
        let len = number(at.checked_add(4)?)?;
        if kind == VOLUME_NAME {
            let value = at.checked_add(usize::from(u16_le("ntfs", record, at.checked_add(20)?).ok()?))?;
            let value_len = number(at.checked_add(16)?)?;
            return record.get(value..value.checked_add(value_len)?).map(label_utf16);
        }
        if kind == u32::MAX || len == 0 {
            return None;
        }
        at = at.checked_add(len)?;
    }
    None
}

/// ReFS.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a recogniser")]
pub fn refs(sample: &Sample) -> Result<Option<Content>> {
    Ok(sample.has(0, b"\0\0\0ReFS\0").then(|| Content::filesystem("ReFS")))
}
