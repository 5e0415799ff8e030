//! What every structure of version 5 bears: a checksum, the log's place of its last change, the filesystem's UUID.

use super::LAYER;
use crate::disk::bytes::{array, u16_be, u32_le};

/// Offsets within a structure.
pub(super) struct Seal {
    pub crc: usize,
    pub lsn: usize,
    pub uuid: usize,
}

/// Where the structure that fills `block` has them; `None` for those that this reader never reads.
pub(super) fn seal(block: &[u8]) -> Option<Seal> {
    let magic: [u8; 4] = array(LAYER, block, 0).ok()?;
    let [crc, lsn, uuid] = match &magic {
        b"XFSB" => [224, 240, 32],
        b"XAGF" => [216, 208, 64],
        b"XAGI" => [312, 320, 296],
        b"BMA3" => [64, 32, 40],
        b"XDB3" | b"XDD3" | b"XDF3" => [4, 16, 24],
        b"XSLM" => [12, 48, 16],
        // `xfs_da3_blkinfo`: two pointers come first.
        _ => match u16_be(LAYER, block, 8).ok()? {
            0x3EBE | 0x3DF1 | 0x3DFF => [12, 24, 32],
            _ => return None,
        },
    };
    Some(Seal { crc, lsn, uuid })
}

/// CRC-32C of all of `block`, its own place taken as zeros.
fn of(block: &[u8], crc_at: usize) -> Option<u32> {
    let crc = crc32c::crc32c(block.get(..crc_at)?);
    let crc = crc32c::crc32c_append(crc, &[0; 4]);
    Some(crc32c::crc32c_append(crc, block.get(crc_at.checked_add(4)?..)?))
}

/// Whether the checksum at `crc_at` is that of `block`.
pub(super) fn fits(block: &[u8], crc_at: usize) -> bool {
    of(block, crc_at).is_some_and(|crc| u32_le(LAYER, block, crc_at) == Ok(crc))
}

/// Writes the checksum.
pub(super) fn renew(block: &mut [u8], crc_at: usize) {
    if let Some(crc) = of(block, crc_at)
        && let Some(place) = block.get_mut(crc_at..crc_at.saturating_add(4))
    {
        place.copy_from_slice(&crc.to_le_bytes());
    }
}
