//! What a guest's disk begins as, where that is the format of an object: an image or a file that was wrapped in an image.

use std::sync::Arc;

use super::document::{HTML, JSON, TEXT, XML};
use super::recognised::{DMG, ELF, LZMA, OVA, PE, TAR};
use super::{Class, FORMATS, Format, Probe, medium, raw};
use crate::disk::{ReadAt, Result};

/// Formats that are known by their looks, or by being nothing else.
const UNTOLD: &[&str] =
    &["empty", "BIN", "lzma", "tar", "OVA", "PE", "ELF", "HTML", "XML", "JSON", "text", raw::FORMAT.name, "data"];
/// Those of them that an object may be and a disk without a table cannot, and what is known by its end.
const BY_LOOKS: &[&Format] = &[&DMG, &LZMA, &OVA, &TAR, &PE, &ELF, &HTML, &XML, &JSON, &TEXT];
/// Those whose end does not show where zeros fill up the disk.
const DOCUMENTS: &[&Format] = &[&HTML, &XML, &JSON, &TEXT];
/// The signature of a boot sector, which may look like what has none.
const BOOT: (usize, &[u8]) = (510, &[0x55, 0xaa]);

/// The format of the object that `guest` is instead of a disk.
///
/// # Errors
/// Those of `guest`.
pub fn format(guest: &Arc<dyn ReadAt>) -> Result<Option<&'static Format>> {
    let probe = Probe::read_head(guest.as_ref())?;
    let told = FORMATS.iter().copied().filter(|format| !UNTOLD.contains(&format.name));
    if let Some(format) = told.into_iter().find(|format| (format.probe)(&probe)) {
        let left_over = format.class == Class::Medium && medium::is_left_over(guest, &probe)?;
        return Ok(Some(format).filter(|_| !left_over));
    }
    if probe.has(BOOT.0, BOOT.1) {
        return Ok(None);
    }
    let mut probe = probe.with_tail(guest.as_ref())?;
    if let Some(format) = BY_LOOKS.iter().copied().find(|format| (format.probe)(&probe)) {
        return Ok(Some(format));
    }
    let used = probe.head.iter().rposition(|byte| *byte != 0).map_or(0, |last| last.saturating_add(1));
    probe.head.truncate(used);
    Ok(DOCUMENTS.iter().copied().find(|format| (format.probe)(&probe)))
}

/// Whether `format` has no signature of its own at its start: a filesystem that is recognised there outweighs it.
pub fn is_by_looks(format: &Format) -> bool {
    BY_LOOKS.iter().any(|known| known.name == format.name)
}
