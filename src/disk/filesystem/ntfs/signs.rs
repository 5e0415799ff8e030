//! What the filesystem says of its own health: a bounded check, not a full one.

use super::super::FileSystem;
use super::attribute::{DATA, VOLUME_INFORMATION};
use super::mft::Mft;
use super::stream::Stream;
use super::{LAYER, Ntfs, ROOT, disk};
use crate::disk::bytes::{to_u64, u16_le, u64_le};
use crate::disk::{ErrorKind, Result};
use crate::inspect::facts::{Sign, SignKind};

const LOG_FILE: u64 = 2;
const VOLUME: u64 = 3;
/// Records that have a copy in `$MFTMirr`: `$MFT`, `$MFTMirr`, `$LogFile`, `$Volume`.
const MIRRORED: u64 = 4;
/// Flag of `$VOLUME_INFORMATION`, and where the flags are.
const DIRTY: u16 = 0x1;
const VOLUME_FLAGS: usize = 10;
/// Restart pages of the log are of this size on x86 and Arm; larger ones begin alike.
const RESTART_PAGE: usize = 4096;
/// `RESTART_VOLUME_IS_CLEAN`, and the client list that is empty.
const LOG_CLEAN: u16 = 0x2;
const NO_CLIENT: u16 = 0xFFFF;

/// All signs.
pub(super) fn signs(ntfs: &Ntfs) -> Result<Vec<Sign>> {
    let found = [mirror(&ntfs.mft)?, dirty(&ntfs.mft)?, log(&ntfs.mft)?, hibernated(ntfs)?];
    Ok(found.into_iter().flatten().collect())
}

/// The first record that its copy contradicts.
fn mirror(mft: &Mft) -> Result<Option<Sign>> {
    for number in 0..MIRRORED {
        let [record, copy] = mft.copies(number);
        for found in [&record, &copy] {
            match found {
                Err(error) if error.kind != ErrorKind::Corrupt => return Err(error.clone()),
                _ => {}
            }
        }
        let at = copy.as_ref().map_or_else(|error| error.at.unwrap_or_default(), |copy| copy.at);
        let value = match (&record, &copy) {
            // Their update sequences and log numbers may differ.
            (Ok(record), Ok(copy)) if record.body()? == copy.body()? => continue,
            (Ok(_), Ok(_)) => "differs from its copy",
            (Err(_), _) => "is damaged",
            (_, Err(_)) => "has a damaged copy",
        };
        return Ok(Some(Sign { kind: SignKind::BackupMismatch, at, value: format!("file record {number} {value}") }));
    }
    Ok(None)
}

fn dirty(mft: &Mft) -> Result<Option<Sign>> {
    let Some(information) = mft.file(VOLUME)?.stream(mft, VOLUME_INFORMATION, "")? else { return Ok(None) };
    let Some(value) = information.resident() else { return Ok(None) };
    let flags = u16_le(LAYER, value, VOLUME_FLAGS)?;
    let sign = Sign { kind: SignKind::Dirty, at: information.at, value: format!("$Volume flags {flags:#06x}") };
    Ok((flags & DIRTY != 0).then_some(sign))
}

/// A system that hibernated still has the volume mounted. `WAKE`, `RSTR` and zeros say that it woke up.
fn hibernated(ntfs: &Ntfs) -> Result<Option<Sign>> {
    let file = match ntfs.lookup(ROOT, "hiberfil.sys") {
        Err(error) if error.is_not_found() => return Ok(None),
        found => found?,
    };
    let content = ntfs.content(file)?;
    let magic = content.read(&ntfs.mft, 0, 4)?;
    let at = content.place(&ntfs.mft).unwrap_or_default();
    let value = format!("hiberfil.sys begins with {}", String::from_utf8_lossy(&magic));
    let sign = Sign { kind: SignKind::Hibernated, at, value };
    Ok(matches!(magic.as_slice(), b"HIBR" | b"hibr").then_some(sign))
}

/// A log that was left in use: the newer of its two restart pages has a client, and does not say that the volume is
/// clean. A log of nothing but ones was emptied by Linux or `chkdsk`.
fn log(mft: &Mft) -> Result<Option<Sign>> {
    let Some(log) = mft.file(LOG_FILE)?.stream(mft, DATA, "")? else { return Ok(None) };
    let mut newest: Option<Restart> = None;
    for at in [0, to_u64(RESTART_PAGE)] {
        if let Some(page) =
            restart(mft, &log, at)?.filter(|page| newest.as_ref().is_none_or(|held| held.lsn < page.lsn))
        {
            newest = Some(page);
        }
    }
    let Some(page) = newest else { return Ok(None) };
    let value = format!("$LogFile flags {:#06x}, client {:#06x}", page.flags, page.client);
    let sign = Sign { kind: SignKind::LogNeedsReplay, at: page.at, value };
    Ok((page.client != NO_CLIENT && page.flags & LOG_CLEAN == 0).then_some(sign))
}

/// What a restart area says (`struct RESTART_AREA` of linux/fs/ntfs3/fslog.c).
struct Restart {
    at: u64,
    lsn: u64,
    client: u16,
    flags: u16,
}

/// The restart page at byte `at` of the log, where there is one.
fn restart(mft: &Mft, log: &Stream, at: u64) -> Result<Option<Restart>> {
    let mut raw = vec![0; RESTART_PAGE];
    if at.saturating_add(to_u64(RESTART_PAGE)) > log.size {
        return Ok(None);
    }
    log.read(&mft.disk, at, &mut raw)?;
    let at = log.place(&mft.disk, at).unwrap_or(log.at);
    if disk::restore(&mut raw, b"RSTR", at).is_err() {
        return Ok(None);
    }
    let area = raw.get(usize::from(u16_le(LAYER, &raw, 0x18)?)..).unwrap_or_default();
    let word = |at| u16_le(LAYER, area, at).ok();
    Ok((|| Some(Restart { at, lsn: u64_le(LAYER, area, 0).ok()?, client: word(0xC)?, flags: word(0xE)? }))())
}
