//! The header of one package: an index of tags, and a store they point into, all big-endian (rpm's "RPM V4 Package
//! Format", Header Format; in databases without the eight bytes of magic).

use crate::disk::bytes::{self, to_usize};
use crate::disk::{Error, Result};
use crate::guest::linux::packages::digest::{Algorithm, Digest};
use crate::guest::linux::packages::{Is, Package};
use crate::guest::linux::{PATH_MAX, cut};

const LAYER: &str = "rpm";
/// Bytes before the index: its number of entries, and the size of the store.
const START: usize = 8;
/// Bytes of an entry of the index: tag, type, offset, count.
const ENTRY: usize = 16;
/// Most entries (`hdrchkTags` of rpm's `lib/header.c`).
const MAX_ENTRIES: u32 = 0xffff;
/// Most files of a package.
const MAX_FILES: usize = 1 << 18;

/// Tags (rpm's `rpmtag.h`).
mod tag {
    pub const NAME: u32 = 1000;
    pub const VERSION: u32 = 1001;
    pub const RELEASE: u32 = 1002;
    pub const EPOCH: u32 = 1003;
    pub const VENDOR: u32 = 1011;
    pub const PACKAGER: u32 = 1015;
    pub const ARCH: u32 = 1022;
    pub const OLDFILENAMES: u32 = 1027;
    pub const FILESTATES: u32 = 1029;
    pub const FILEMODES: u32 = 1030;
    pub const FILEDIGESTS: u32 = 1035;
    pub const FILELINKTOS: u32 = 1036;
    pub const FILEFLAGS: u32 = 1037;
    pub const SOURCERPM: u32 = 1044;
    pub const DIRINDEXES: u32 = 1116;
    pub const BASENAMES: u32 = 1117;
    pub const DIRNAMES: u32 = 1118;
    pub const FILEDIGESTALGO: u32 = 5011;
}

/// Types of values (rpm's `rpmtag.h`).
const CHAR: u32 = 1;
const INT8: u32 = 2;
const INT16: u32 = 3;
const INT32: u32 = 4;
const STRING: u32 = 6;
const STRING_ARRAY: u32 = 8;
const I18NSTRING: u32 = 9;

/// `RPMFILE_GHOST` of rpm's `rpmfiles.h`: not in the package, made later.
const GHOST: u32 = 1 << 6;
/// `RPMFILE_STATE_NORMAL`: others were not installed, or replaced by another package's.
const NORMAL: u32 = 0;

/// A header, or the first part of one.
struct Header<'a> {
    index: &'a [u8],
    store: &'a [u8],
}

/// A value: its type, how many, and the store from it on.
struct Value<'a> {
    kind: u32,
    count: usize,
    bytes: &'a [u8],
}

/// The package that a whole header describes.
///
/// # Errors
/// `Corrupt` where the header contradicts itself.
pub fn package(header: &[u8]) -> Result<Package> {
    let whole = Header::new(header)?;
    let text = |tag| whole.text(tag).unwrap_or_default();
    let epoch = whole.number(tag::EPOCH).map(|epoch| format!("{epoch}:")).unwrap_or_default();
    let name = text(tag::NAME);
    if name.is_empty() {
        return Err(Error::corrupt(LAYER, 0, "a package without a name"));
    }
    let mut package = Package {
        name,
        version: format!("{epoch}{}-{}", text(tag::VERSION), text(tag::RELEASE)),
        architecture: text(tag::ARCH),
        vendor: text(tag::VENDOR),
        packager: text(tag::PACKAGER),
        source: text(tag::SOURCERPM),
        files: Vec::new(),
    };
    whole.files(&mut package);
    Ok(package)
}

/// The name of the package, where it is within this first part of its header.
pub fn name(head: &[u8]) -> Option<String> {
    let name = Header::part(head).ok()?.value(tag::NAME)?;
    let ended = name.bytes.contains(&0);
    ended.then(|| name.text())
}

impl<'a> Header<'a> {
    /// A whole header.
    fn new(bytes: &'a [u8]) -> Result<Self> {
        let header = Self::part(bytes)?;
        let size = to_usize(LAYER, u64::from(bytes::u32_be(LAYER, bytes, 4)?))?;
        if header.store.len() < size || !header.index.len().is_multiple_of(ENTRY) {
            return Err(Error::corrupt(LAYER, 4, "the header of a package is cut short"));
        }
        Ok(header)
    }

    /// As much of it as there is.
    fn part(bytes: &'a [u8]) -> Result<Self> {
        let entries = bytes::u32_be(LAYER, bytes, 0)?;
        if entries == 0 || entries > MAX_ENTRIES {
            return Err(Error::corrupt(LAYER, 0, format!("the header of a package with {entries} tags")));
        }
        let len = to_usize(LAYER, u64::from(entries))?.saturating_mul(ENTRY);
        let store = START.saturating_add(len);
        let index = bytes.get(START..store.min(bytes.len())).unwrap_or_default();
        let size = to_usize(LAYER, u64::from(bytes::u32_be(LAYER, bytes, 4)?))?;
        let end = store.saturating_add(size).min(bytes.len());
        Ok(Self { index, store: bytes.get(store..end).unwrap_or_default() })
    }

    fn value(&self, tag: u32) -> Option<Value<'a>> {
        let entry = self.index.chunks_exact(ENTRY).find(|entry| bytes::u32_be(LAYER, entry, 0).ok() == Some(tag))?;
        let field = |at| bytes::u32_be(LAYER, entry, at).ok();
        let at = usize::try_from(field(8)?).ok()?;
        let count = usize::try_from(field(12)?).ok()?;
        Some(Value { kind: field(4)?, count, bytes: self.store.get(at..)? })
    }

    fn text(&self, tag: u32) -> Option<String> {
        self.value(tag).map(|value| value.text())
    }

    fn number(&self, tag: u32) -> Option<u32> {
        self.value(tag)?.number(0)
    }

    /// Adds those of its files that are asked about.
    fn files(&self, package: &mut Package) {
        // A tag that is not there answers nothing, as a value of no members does.
        let value = |tag| self.value(tag).unwrap_or(Value { kind: 0, count: 0, bytes: &[] });
        let (states, modes, flags) = (value(tag::FILESTATES), value(tag::FILEMODES), value(tag::FILEFLAGS));
        let algorithm = self.number(tag::FILEDIGESTALGO).map_or(Some(Algorithm::Md5), Algorithm::of_rpm);
        let (digests, links) = (value(tag::FILEDIGESTS), value(tag::FILELINKTOS));
        let mut digests = digests.texts();
        let mut links = links.texts();
        for (at, path) in self.paths().into_iter().enumerate() {
            let (digest, link) = (digests.next().unwrap_or_default(), links.next().unwrap_or_default());
            if states.number(at).unwrap_or(NORMAL) != NORMAL {
                continue;
            }
            let is = match modes.number(at).map(|mode| mode & 0xF000) {
                // stat(2): S_IFLNK, S_IFREG.
                _ if flags.number(at).is_some_and(|flags| flags & GHOST != 0) => Is::Unsaid,
                Some(0xA000) => Is::Link(cut(&String::from_utf8_lossy(link), PATH_MAX)),
                Some(0x8000) => algorithm
                    .and_then(|algorithm| Digest::of_hex(algorithm, &String::from_utf8_lossy(digest)))
                    .map_or(Is::Listed, Is::File),
                _ => Is::Unsaid,
            };
            package.push(&path, is);
        }
    }

    /// Absolute paths of all its files.
    fn paths(&self) -> Vec<String> {
        let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if let Some(names) = self.value(tag::OLDFILENAMES) {
            return names.texts().map(lossy).collect();
        }
        let (Some(names), Some(dirs), Some(indexes)) =
            (self.value(tag::BASENAMES), self.value(tag::DIRNAMES), self.value(tag::DIRINDEXES))
        else {
            return Vec::new();
        };
        let dirs: Vec<&[u8]> = dirs.texts().collect();
        let dir = |at| dirs.get(usize::try_from(indexes.number(at)?).ok()?);
        names
            .texts()
            .enumerate()
            // Of other files the place in the list counts, and their name is not needed.
            .map(|(at, name)| match dir(at) {
                Some(dir) if super::super::wanted_file(&String::from_utf8_lossy(name)) => {
                    format!("{}{}", lossy(dir), lossy(name))
                }
                _ => String::new(),
            })
            .collect()
    }
}

impl<'a> Value<'a> {
    /// The texts of it, each without its NUL.
    fn texts(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let kind = matches!(self.kind, STRING | STRING_ARRAY | I18NSTRING);
        let count = if kind { self.count.min(MAX_FILES) } else { 0 };
        self.bytes.split(|b| *b == 0).take(count)
    }

    fn text(&self) -> String {
        cut(&String::from_utf8_lossy(self.texts().next().unwrap_or_default()), PATH_MAX)
    }

    fn number(&self, at: usize) -> Option<u32> {
        if at >= self.count {
            return None;
        }
        match self.kind {
            CHAR | INT8 => self.bytes.get(at).map(|b| u32::from(*b)),
            INT16 => bytes::u16_be(LAYER, self.bytes, at.checked_mul(2)?).ok().map(u32::from),
            INT32 => bytes::u32_be(LAYER, self.bytes, at.checked_mul(4)?).ok(),
            _ => None,
        }
    }
}
