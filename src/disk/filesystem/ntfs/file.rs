//! A file: its record, those that continue it, and the attributes in all of them.

use std::sync::Arc;

use super::LAYER;
use super::attribute::{self, ATTRIBUTE_LIST, Attribute, STANDARD_INFORMATION};
use super::disk::Disk;
use super::mft::Mft;
use super::record::{self, Record};
use super::stream::Stream;
use crate::disk::bytes::{range, to_u64, u16_le, u32_le, u64_le};
use crate::disk::{Error, Result};

/// Windows' limit of an attribute list.
const MAX_LIST: u64 = 256 << 10;
/// Fields of an entry before its name, and the shortest entry that one finds.
const LIST_ENTRY: usize = 0x1A;

/// An opened file.
pub(super) struct File {
    /// Its own record.
    pub record: Arc<Record>,
    /// All of its attributes, where they are in more than one record.
    list: Option<Vec<u8>>,
    list_at: u64,
}

/// An entry of the attribute list: a part of an attribute, and the record it is in.
struct Part<'a> {
    kind: u32,
    name: &'a [u8],
    first: u64,
    reference: u64,
    id: u16,
}

impl File {
    /// The file of a record.
    pub(super) fn new(record: Arc<Record>, disk: &Disk) -> Result<Self> {
        if record.base != 0 {
            return Err(Error::corrupt(LAYER, record.at, "the record is the continuation of another"));
        }
        let list = match record.attributes()?.iter().find(|attribute| attribute.kind == ATTRIBUTE_LIST) {
            Some(list) => Some(Stream::new(list, disk)?),
            None => None,
        };
        let list_at = list.as_ref().map_or(0, |list| list.at);
        let list = list.map(|list| list.bytes(disk, MAX_LIST)).transpose()?;
        Ok(Self { record, list, list_at })
    }

    /// The content of an attribute; `None` where there is no such attribute.
    pub(super) fn stream(&self, mft: &Mft, kind: u32, name: &str) -> Result<Option<Stream>> {
        self.stream_by(&mft.disk, kind, name, |_, reference| mft.record(reference))
    }

    /// The same, other records read by `fetch`, which is shown what is known of the content so far.
    pub(super) fn stream_by(
        &self,
        disk: &Disk,
        kind: u32,
        name: &str,
        mut fetch: impl FnMut(Option<&Stream>, u64) -> Result<Arc<Record>>,
    ) -> Result<Option<Stream>> {
        let Some(list) = &self.list else {
            let attributes = self.record.attributes()?;
            let found = find(&attributes, |attribute| Ok(attribute.kind == kind && is_named(attribute, name)?))?;
            return found.map(|attribute| Stream::new(attribute, disk)).transpose();
        };
        let mut stream: Option<Stream> = None;
        for part in parts(list, self.list_at)? {
            if part.kind != kind || !attribute::is_named(part.name, name) {
                continue;
            }
            let record = if record::number(part.reference) == self.record.number {
                Arc::clone(&self.record)
            } else {
                fetch(stream.as_ref(), part.reference)?
            };
            if record.number != self.record.number && !record.continues(&self.record) {
                return Err(Error::corrupt(LAYER, record.at, "an attribute list leads to another file's record"));
            }
            let attributes = record.attributes()?;
            let found = find(&attributes, |attribute| {
                Ok(attribute.kind == kind
                    && attribute.id()? == part.id
                    && is_named(attribute, name)?
                    && attribute.first()? == part.first)
            })?;
            let missing = || Error::corrupt(LAYER, record.at, "an attribute is not where its list says");
            let attribute = found.ok_or_else(missing)?;
            match &mut stream {
                None if part.first == 0 => stream = Some(Stream::new(attribute, disk)?),
                None => return Err(attribute.corrupt("an attribute without a beginning")),
                Some(stream) => stream.extend(attribute, disk)?,
            }
        }
        Ok(stream)
    }

    /// Attributes (`FILE_ATTRIBUTE_*`), and whether names in this directory differ by case.
    pub(super) fn standard_information(&self) -> Result<(u32, bool)> {
        let attributes = self.record.attributes()?;
        let found = attributes.iter().find(|attribute| attribute.kind == STANDARD_INFORMATION);
        // Windows lives with files without it.
        let Some(value) = found.map(Attribute::value).transpose()?.flatten() else { return Ok((0, false)) };
        let number = |at| u32_le(LAYER, value, at);
        // Most versions, and this version: what `fsutil file setCaseSensitiveInfo` changes.
        Ok((number(0x20)?, number(0x24)? == 0 && number(0x28)? == 1))
    }
}

fn is_named(attribute: &Attribute, name: &str) -> Result<bool> {
    Ok(attribute::is_named(attribute.name()?, name))
}

/// The first of which `wanted` says so.
fn find<'a, 'b>(
    attributes: &'a [Attribute<'b>],
    mut wanted: impl FnMut(&Attribute) -> Result<bool>,
) -> Result<Option<&'a Attribute<'b>>> {
    for attribute in attributes {
        if wanted(attribute)? {
            return Ok(Some(attribute));
        }
    }
    Ok(None)
}

/// The entries of an attribute list (`struct ATTR_LIST_ENTRY`), in the order of their types, names and clusters.
fn parts(list: &[u8], at: u64) -> Result<Vec<Part<'_>>> {
    let mut found = Vec::new();
    let mut rest = list;
    while !rest.is_empty() {
        let at = at.saturating_add(to_u64(list.len().saturating_sub(rest.len())));
        let corrupt = |_| Error::corrupt(LAYER, at, "an entry of an attribute list is cut short");
        let len = usize::from(u16_le(LAYER, rest, 4).map_err(corrupt)?);
        let raw = range(LAYER, rest, 0, len.max(LIST_ENTRY)).map_err(corrupt)?;
        let byte = |at: usize| usize::from(raw.get(at).copied().unwrap_or_default());
        found.push(Part {
            kind: u32_le(LAYER, raw, 0)?,
            name: range(LAYER, raw, byte(7), byte(6).saturating_mul(2)).map_err(corrupt)?,
            first: u64_le(LAYER, raw, 8)?,
            reference: u64_le(LAYER, raw, 0x10)?,
            id: u16_le(LAYER, raw, 0x18)?,
        });
        rest = rest.get(raw.len()..).unwrap_or_default();
    }
    Ok(found)
}
