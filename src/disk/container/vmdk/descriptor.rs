//! The text that describes a VMDK ("The Descriptor File"): its kind, its parent, the files that hold its data.

use crate::disk::bytes::{text, to_u64};
use crate::inspect::facts::UnsafeReference;

/// First bytes of a descriptor.
pub const START: &[u8] = b"# Disk DescriptorFile";
/// The two layouts that keep the whole disk in one object.
const ONE_OBJECT: [&str; 2] = ["monolithicSparse", "streamOptimized"];
/// `parentCID` of a disk without a parent.
const NO_PARENT: &str = "ffffffff";
const MOST_REFERENCES: usize = 8;

/// What a descriptor says, each with its offset in it.
#[derive(Default)]
pub struct Descriptor {
    pub create_type: (String, u64),
    parent: Option<(String, u64)>,
    /// Names of the extents' files.
    extents: Vec<(String, u64)>,
    /// Size of all extents.
    pub sectors: u64,
}

impl Descriptor {
    pub fn parse(raw: &[u8]) -> Self {
        let mut found = Self::default();
        let raw = raw.split(|byte| *byte == 0).next().unwrap_or_default();
        let mut at = 0_u64;
        for line in raw.split_inclusive(|byte| *byte == b'\n') {
            found.line(text(line, 512).trim(), at);
            at = at.saturating_add(to_u64(line.len()));
        }
        found
    }

    fn line(&mut self, line: &str, at: u64) {
        if let Some((key, value)) = line.split_once('=') {
            let value = value.trim().trim_matches('"').to_owned();
            match key.trim() {
                "createType" => self.create_type = (value, at),
                "parentCID" if !value.eq_ignore_ascii_case(NO_PARENT) => self.parent = Some((value, at)),
                "parentFileNameHint" => self.parent = Some((value, at)),
                _ => {}
            }
            return;
        }
        // An extent: access, sectors, type, "file name", offset.
        let mut words = line.split_ascii_whitespace();
        if matches!(words.next(), Some("RW" | "RDONLY" | "NOACCESS")) {
            let sectors = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
            self.sectors = self.sectors.saturating_add(sectors);
            if let Some(name) = line.split('"').nth(1).filter(|_| self.extents.len() < MOST_REFERENCES) {
                self.extents.push((name.to_owned(), at));
            }
        }
    }

    /// What leads out of the object; offsets counted from `base`.
    pub fn unsafe_references(&self, base: u64) -> Vec<UnsafeReference> {
        let mut found = Vec::new();
        let (kind, at) = &self.create_type;
        if !kind.is_empty() && !ONE_OBJECT.contains(&kind.as_str()) {
            found.push(reference("createType that spans several files", base.saturating_add(*at), kind));
        }
        if let Some((parent, at)) = &self.parent {
            found.push(reference("parent disk", base.saturating_add(*at), parent));
        }
        for (name, at) in self.extents.iter().filter(|(name, _)| name.contains(['/', '\\'])) {
            found.push(reference("extent in another place", base.saturating_add(*at), name));
        }
        if found.is_empty()
            && let Some((name, at)) = self.extents.get(1)
        {
            found.push(reference("a second extent", base.saturating_add(*at), name));
        }
        found.truncate(MOST_REFERENCES);
        found
    }
}

/// One finding.
pub fn reference(what: &str, at: u64, value: &str) -> UnsafeReference {
    UnsafeReference { what: what.to_owned(), at, value: text(value.as_bytes(), 64) }
}
