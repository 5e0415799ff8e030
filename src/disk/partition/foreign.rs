//! Labels of other machines than a PC, by their signatures. Names are those of `blkid` (`PTTYPE`).

use crate::disk::bytes::{array, range, u16_be, u32_be, u32_le};

const LAYER: &str = "partition";
/// The name of a BSD disklabel.
pub const BSD: &str = "bsd";
const SECTOR: usize = 512;
const BSD_MAGIC: u32 = 0x8256_4557;
/// Atari: the disk's size and the first of four entries of 12 bytes, in the first sector.
const ATARI_SIZE: usize = 0x1c2;
const ATARI_ENTRIES: usize = 0x1c6;
/// What Atari calls its partitions (GEM, big GEM, extended, and what others added).
const ATARI_NAMES: &[&[u8]] = &[b"GEM", b"BGM", b"XGM", b"RAW", b"LNX", b"SWP"];

/// Whether a label is there; `None` where the disk ends before it.
type Matches = fn(&[u8]) -> Option<bool>;

const LABELS: [(&str, Matches); 6] =
    [(BSD, bsd), ("mac", mac), ("sun", sun), ("sgi", sgi), ("aix", aix), ("atari", atari)];

/// True for what [`name`] may say.
pub fn is_foreign(name: &str) -> bool {
    LABELS.iter().any(|(known, _)| *known == name)
}

/// The label in `head`, the start of a disk.
pub fn name(head: &[u8]) -> Option<&'static str> {
    LABELS.iter().find(|(_, matches)| matches(head) == Some(true)).map(|(name, _)| *name)
}

/// Both magic numbers in the second sector.
fn bsd(head: &[u8]) -> Option<bool> {
    let word = |at: usize| u32_le(LAYER, head, SECTOR.saturating_add(at)).ok();
    Some(word(0)? == BSD_MAGIC && word(132)? == BSD_MAGIC)
}

/// Apple's driver descriptor, and the first entry of the map one block behind it.
fn mac(head: &[u8]) -> Option<bool> {
    let block = usize::from(u16_be(LAYER, head, 2).ok()?);
    let entry = range(LAYER, head, block, 2).ok()?;
    Some(head.starts_with(b"ER") && matches!(entry, b"PM" | b"TS"))
}

/// The magic number, and an exclusive-or of zero over the sector.
fn sun(head: &[u8]) -> Option<bool> {
    let sector: [u8; SECTOR] = array(LAYER, head, 0).ok()?;
    let (words, _) = sector.as_chunks::<2>();
    let sum = words.iter().fold(0, |sum, word| sum ^ u16::from_be_bytes(*word));
    Some(u16_be(LAYER, head, 508).ok()? == 0xdabe && sum == 0)
}

/// The magic number, and a sum of zero over the sector.
fn sgi(head: &[u8]) -> Option<bool> {
    let sector: [u8; SECTOR] = array(LAYER, head, 0).ok()?;
    let (words, _) = sector.as_chunks::<4>();
    let sum = words.iter().fold(0_u32, |sum, word| sum.wrapping_add(u32::from_be_bytes(*word)));
    Some(u32_be(LAYER, head, 0).ok()? == 0x0be5_a941 && sum == 0)
}

/// "IBMA" in EBCDIC.
fn aix(head: &[u8]) -> Option<bool> {
    Some(u32_be(LAYER, head, 0).ok()? == 0xc9c2_d4c1)
}

/// There is no signature: one entry at least has a known name, and all that are in use lie on the disk.
fn atari(head: &[u8]) -> Option<bool> {
    let size = u64::from(u32_be(LAYER, head, ATARI_SIZE).ok()?);
    let entries = range(LAYER, head, ATARI_ENTRIES, 48).ok()?.chunks_exact(12).filter(|entry| {
        // The lowest bit says that the entry is in use.
        entry.first().is_some_and(|flag| flag & 1 != 0)
    });
    let mut named = false;
    for entry in entries {
        let start = u64::from(u32_be(LAYER, entry, 4).ok()?);
        let sectors = u64::from(u32_be(LAYER, entry, 8).ok()?);
        if start == 0 || sectors == 0 || start.saturating_add(sectors) > size {
            return Some(false);
        }
        named |= entry.get(1..4).is_some_and(|name| ATARI_NAMES.contains(&name));
    }
    Some(named)
}
