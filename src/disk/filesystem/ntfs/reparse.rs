//! Reparse points: what stands in for a file (MS-FSCC 2.1.2).

use super::LAYER;
use super::attribute::REPARSE_POINT;
use super::file::File;
use super::mft::Mft;
use super::upcase::text;
use crate::disk::bytes::{range, u16_le, u32_le};
use crate::disk::{Error, Result};

/// `MAXIMUM_REPARSE_DATA_BUFFER_SIZE`.
const MAX: u64 = 16 << 10;
/// Tag, length, reserved.
const HEADER: usize = 8;
/// A link's target is not longer anywhere.
const MAX_TARGET: usize = 4096;

const MOUNT_POINT: u32 = 0xA000_0003;
const SYMLINK: u32 = 0xA000_000C;
const WOF: u32 = 0x8000_0017;
const LX_SYMLINK: u32 = 0xA000_001D;
/// `AF_UNIX`, `LX_FIFO`, `LX_CHR`, `LX_BLK`.
const SPECIAL: std::ops::RangeInclusive<u32> = 0x8000_0023..=0x8000_0026;
/// The point stands in for another file or directory.
const NAME_SURROGATE: u32 = 0x2000_0000;

/// What a reparse point says.
pub(super) enum Reparse {
    /// A symbolic link or junction, with its target.
    Link(String),
    /// A device, socket or pipe of the Windows Subsystem for Linux.
    Special,
    /// A file that is compressed in a stream of its own, or elsewhere: what says how.
    Compressed(Vec<u8>),
    /// A tag that other programs know what to do with.
    Other(u32),
}

impl Reparse {
    /// Reads the reparse point of a file that says it has one.
    pub(super) fn read(file: &File, mft: &Mft) -> Result<Self> {
        // Where it says nothing, what it would have said is not known.
        let Some(stream) = file.stream(mft, REPARSE_POINT, "")? else { return Ok(Self::Other(0)) };
        let raw = stream.bytes(&mft.disk, MAX)?;
        Self::parse(&raw).map_err(|error| error.at(stream.at))
    }

    fn parse(raw: &[u8]) -> Result<Self> {
        let tag = u32_le(LAYER, raw, 0)?;
        let data = range(LAYER, raw, HEADER, usize::from(u16_le(LAYER, raw, 4)?))?;
        Ok(match tag {
            SYMLINK => Self::Link(substitute(data, 12)?),
            MOUNT_POINT => Self::Link(substitute(data, 8)?),
            // A version, then the target as Linux writes it.
            LX_SYMLINK => Self::Link(short(String::from_utf8_lossy(data.get(4..).unwrap_or_default()).into_owned())?),
            WOF => Self::Compressed(data.to_vec()),
            tag if SPECIAL.contains(&tag) => Self::Special,
            tag => Self::Other(tag),
        })
    }
}

/// What is said of content that is somewhere else.
pub(super) fn elsewhere(tag: u32) -> Error {
    Error::unsupported(LAYER, format!("a reparse point of tag {tag:#010x}"))
}

/// Whether a directory of this tag is another one.
pub(super) fn is_surrogate(tag: u32) -> bool {
    tag & NAME_SURROGATE != 0
}

/// The substitute name, its place among the names that begin at byte `names`.
fn substitute(data: &[u8], names: usize) -> Result<String> {
    let at = names.saturating_add(usize::from(u16_le(LAYER, data, 0)?));
    let name = text(range(LAYER, data, at, usize::from(u16_le(LAYER, data, 2)?))?);
    short(target(&name))
}

fn short(target: String) -> Result<String> {
    match target.len() {
        0..=MAX_TARGET => Ok(target),
        len => Err(Error::limit(LAYER, format!("a link's target of {len} bytes"))),
    }
}

/// The target in the terms of a path. `C:` is the drive Windows itself is on, so what leads there is an absolute path;
/// another drive letter stays as its first name, which no directory has. A volume named by its GUID stays as it is.
fn target(name: &str) -> String {
    let Some(path) = name.strip_prefix(r"\??\") else { return name.replace('\\', "/") };
    let mut characters = path.chars();
    match (characters.next(), characters.next()) {
        (Some('c' | 'C'), Some(':')) => format!("/{}", path.get(2..).unwrap_or_default().trim_start_matches('\\')),
        (Some(letter), Some(':')) if letter.is_ascii_alphabetic() => format!("/{path}"),
        _ => return name.to_owned(),
    }
    .replace('\\', "/")
}
