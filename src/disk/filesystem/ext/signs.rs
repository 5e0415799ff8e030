//! What a filesystem says of its own health: a few fields and checksums, after the replay of its journal. Not a check
//! of the whole.

use super::features::Features;
use super::superblock::{self, AT, LEN, MAGIC, STATE_VALID, Superblock};
use super::{Ext, LAYER, ROOT, groups, inode};
use crate::disk::Result;
use crate::disk::bytes::{range, to_u64, u16_le, u32_le};
use crate::disk::filesystem::PAGE;

use crate::inspect::facts::{Sign, SignKind};

/// `s_state`, and of it `EXT4_ERROR_FS`.
const STATE: usize = 0x3A;
const STATE_ERRORS: u16 = 2;
/// `s_error_count`, `s_last_orphan`, `s_feature_incompat`, `s_feature_ro_compat`.
const ERROR_COUNT: usize = 0x194;
const LAST_ORPHAN: usize = 0xE8;
const INCOMPAT: usize = 0x60;
const RO_COMPAT: usize = 0x64;
/// `s_journal_inum`, `s_journal_dev`.
const JOURNAL_INODE: usize = 0xE0;
const JOURNAL_DEVICE: usize = 0xE4;
/// Blocks of descriptors that are verified: those of 512 GiB with the usual sizes.
const TABLES: u64 = 64;
/// Wrong descriptors that are named.
const MAX_NAMED: usize = 4;

/// Fields that are the same in every copy of the superblock, but features: block size, blocks and inodes a group, inode
/// size, UUID. State, counts and times differ on healthy filesystems.
const SAME: [(usize, usize, &str); 5] = [
    (0x18, 4, "block size"),
    (0x20, 4, "blocks a group"),
    (0x28, 4, "inodes a group"),
    (0x58, 2, "inode size"),
    (0x68, 16, "UUID"),
];
/// Features that the kernel sets as it goes, in the first superblock alone: ext_attr; extents and recover; large_file,
/// dir_nlink and orphan_present.
const SET_LATER: Features = Features { compat: 0x8, incompat: 0x44, ro_compat: 0x1_0022 };

/// All of them.
pub(super) fn signs(ext: &Ext) -> Result<Vec<Sign>> {
    let mut signs = Vec::new();
    state(&ext.found, ext.replayed, &mut signs)?;
    mounting(&ext.superblock, &mut signs)?;
    orphans(&ext.superblock, &mut signs)?;
    checksums(ext, &mut signs)?;
    backups(ext, &mut signs)?;
    Ok(signs)
}

fn sign(kind: SignKind, at: u64, value: impl Into<String>) -> Sign {
    Sign { kind, at, value: value.into() }
}

fn field(at: usize) -> u64 {
    AT.saturating_add(to_u64(at))
}

/// What the superblock says itself. Errors are those noted on the volume: the kernel keeps them over a replay too.
fn state(found: &Superblock, replayed: (u32, usize), signs: &mut Vec<Sign>) -> Result<()> {
    let state = u16_le(LAYER, &found.raw, STATE)?;
    let errors = found.u32_at(ERROR_COUNT)?;
    if state & STATE_ERRORS != 0 {
        signs.push(sign(SignKind::Errors, field(STATE), format!("s_state {state:#x}, {errors} errors")));
    } else if errors != 0 {
        signs.push(sign(SignKind::ErrorsRecorded, field(ERROR_COUNT), format!("{errors} errors")));
    }
    if found.features.needs_recovery() {
        let (transactions, changes) = replayed;
        let value = format!("needs_recovery, {transactions} transactions, {changes} fast commit records");
        signs.push(sign(SignKind::LogNeedsReplay, field(INCOMPAT), value));
    } else if !found.features.has_journal() && state & STATE_VALID == 0 {
        signs.push(sign(SignKind::Dirty, field(STATE), format!("s_state {state:#x}, not cleanly unmounted")));
    }
    Ok(())
}

/// What mounting it takes that is not on the volume, or not in every kernel.
fn mounting(superblock: &Superblock, signs: &mut Vec<Sign>) -> Result<()> {
    let (inode, device) = (superblock.u32_at(JOURNAL_INODE)?, superblock.u32_at(JOURNAL_DEVICE)?);
    if superblock.features.has_journal() && inode == 0 && device != 0 {
        signs.push(sign(SignKind::JournalElsewhere, field(JOURNAL_DEVICE), format!("s_journal_dev {device:#x}")));
    }
    if superblock.block_size > PAGE {
        let value = format!("blocks of {} bytes", superblock.block_size);
        signs.push(sign(SignKind::LargeBlocks, field(0x18), value));
    }
    Ok(())
}

fn orphans(superblock: &Superblock, signs: &mut Vec<Sign>) -> Result<()> {
    let last = superblock.u32_at(LAST_ORPHAN)?;
    if superblock.features.has_orphan_file() {
        if superblock.features.has_orphans() {
            signs.push(sign(SignKind::Orphans, field(RO_COMPAT), "orphan_present"));
        }
    } else if last != 0 {
        signs.push(sign(SignKind::Orphans, field(LAST_ORPHAN), format!("s_last_orphan {last}")));
    }
    Ok(())
}

fn checksums(ext: &Ext, signs: &mut Vec<Sign>) -> Result<()> {
    let superblock = &ext.superblock;
    if superblock.features.has_metadata_csum() && !superblock::checksum_fits(&superblock.raw)? {
        let found = superblock.u32_at(superblock::CHECKSUM_AT)?;
        let value = format!("superblock {found:#x}");
        signs.push(sign(SignKind::ChecksumMismatch, field(superblock::CHECKSUM_AT), value));
    }
    let mut wrong = Vec::new();
    groups::for_each(superblock, &ext.blocks, TABLES, |group, raw, at| {
        if wrong.len() < MAX_NAMED && !groups::checksum_fits(superblock, group, raw)? {
            let found = u16_le(LAYER, raw, groups::CHECKSUM.start)?;
            let at = at.saturating_add(to_u64(groups::CHECKSUM.start));
            wrong.push(sign(SignKind::ChecksumMismatch, at, format!("descriptor of group {group} {found:#x}")));
        }
        Ok(())
    })?;
    signs.append(&mut wrong);
    let root = inode::read_raw(superblock, &ext.blocks, ROOT)?;
    if !root.checksum_fits(superblock)? {
        signs.push(sign(SignKind::ChecksumMismatch, root.at, "root inode"));
    }
    Ok(())
}

/// Compares the first two copies of the superblock.
fn backups(ext: &Ext, signs: &mut Vec<Sign>) -> Result<()> {
    for group in groups::backups(&ext.superblock) {
        let at = ext.blocks.offset(groups::first_block(&ext.superblock, group));
        let mut raw = vec![0; LEN];
        ext.blocks.read_bytes(&mut raw, at)?;
        if let Some((field, what)) = difference(&ext.superblock.raw, &raw)? {
            let at = at.saturating_add(to_u64(field));
            signs.push(sign(SignKind::BackupMismatch, at, format!("{what} in group {group}")));
        }
    }
    Ok(())
}

/// The first field in which a copy differs that should not.
fn difference(first: &[u8], copy: &[u8]) -> Result<Option<(usize, &'static str)>> {
    if u16_le(LAYER, copy, 0x38)? != MAGIC {
        return Ok(Some((0x38, "no superblock")));
    }
    for (at, len, what) in SAME {
        if range(LAYER, first, at, len)? != range(LAYER, copy, at, len)? {
            return Ok(Some((at, what)));
        }
    }
    let words = |raw: &[u8]| -> Result<[u32; 3]> {
        let word = |at, later: u32| u32_le(LAYER, raw, at).map(|word| word & !later);
        Ok([word(0x5C, SET_LATER.compat)?, word(INCOMPAT, SET_LATER.incompat)?, word(RO_COMPAT, SET_LATER.ro_compat)?])
    };
    Ok((words(first)? != words(copy)?).then_some((0x5C, "features")))
}
