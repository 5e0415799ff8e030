//! The text that describes a VMDK ("The Descriptor File"): its kind, its parent, the files that hold its data.

use crate::disk::bytes::{text, to_u64};
use crate::inspect::facts::UnsafeReference;

/// First bytes of a descriptor as VMware writes it.
const START: &[u8] = b"# Disk DescriptorFile";
/// What follows comments and empty lines in a descriptor (QEMU, `vmdk_probe` in block/vmdk.c).
const VERSIONS: [&[u8]; 3] = [b"version=1", b"version=2", b"version=3"];
/// Bytes of an embedded descriptor that QEMU reads (`DESC_SIZE`), and the keys of its content's number and its parent's.
const READ_BY_QEMU: usize = 20 * 512;
const CONTENT_IDS: [&str; 2] = ["CID", "parentCID"];
/// The two layouts that keep the whole disk in one object.
const ONE_OBJECT: [&str; 2] = ["monolithicSparse", "streamOptimized"];
/// `parentCID` of a disk without a parent.
const NO_PARENT: &str = "ffffffff";
const MOST_REFERENCES: usize = 8;

/// Whether `head` begins a descriptor: by VMware's first line, or as QEMU tells one, by the first line that says something.
pub fn is_one(head: &[u8]) -> bool {
    let head = head.trim_ascii_start();
    if head.get(..START.len()).is_some_and(|start| start.eq_ignore_ascii_case(START)) {
        return true;
    }
    let mut lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    let said = lines.find(|line| !line.is_empty() && !line.starts_with(b"#"));
    said.is_some_and(|line| VERSIONS.contains(&line))
}

/// The key without whose number QEMU opens no disk (`vmdk_read_cid` in block/vmdk.c): it takes the first place where the
/// word stands, whatever it is a part of, and passes over one byte for the `=`.
pub fn lacks(raw: &[u8]) -> Option<&'static str> {
    let raw = raw.get(..READ_BY_QEMU).unwrap_or(raw).split(|byte| *byte == 0).next().unwrap_or_default();
    CONTENT_IDS.into_iter().find(|key| {
        let at = raw.windows(key.len()).position(|window| window == key.as_bytes());
        let value = at.and_then(|at| raw.get(at.saturating_add(key.len()).saturating_add(1)..)).unwrap_or_default();
        let value = value.trim_ascii_start();
        let digits = value.strip_prefix(b"-").or_else(|| value.strip_prefix(b"+")).unwrap_or(value);
        !digits.first().is_some_and(u8::is_ascii_hexdigit)
    })
}

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
