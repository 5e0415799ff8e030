//! Installed packages, one at a time, by the package database of the distribution.

use super::{PATH_MAX, cut, optional};
use crate::disk::bytes::to_u64;
use crate::disk::{Error, Result};
use crate::guest::Tree;

/// dpkg's database (dpkg(1), FILES).
pub const DPKG_STATUS: &str = "/var/lib/dpkg/status";
/// Read in pieces of this size.
const CHUNK: usize = 256 * 1024;
/// Largest database that is read.
const MAX_BYTES: u64 = 64 << 20;
/// A longer line is cut: no field this program asks for is that long.
const MAX_LINE: usize = 4096;

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its version.
    pub version: String,
}

/// Whether dpkg says that a package is installed: the third word of its `Status` is `installed`.
///
/// `None` where it is not, or where there is no dpkg.
///
/// # Errors
/// `Limit` beyond 64 MiB, and what the filesystem reports.
pub fn dpkg(tree: &Tree, name: &str) -> Result<Option<Package>> {
    let mut search = Search { name, ..Search::default() };
    let mut line = Vec::new();
    let mut at = 0_u64;
    loop {
        let Some(chunk) = optional(tree.read_at(DPKG_STATUS, at, CHUNK))? else { return Ok(None) };
        if chunk.is_empty() {
            search.line(&String::from_utf8_lossy(&line));
            search.line("");
            return Ok(search.found);
        }
        at = at.saturating_add(to_u64(chunk.len()));
        if at > MAX_BYTES {
            return Err(Error::limit("dpkg", "the package database is larger than 64 MiB"));
        }
        for piece in chunk.split_inclusive(|b| *b == b'\n') {
            let room = MAX_LINE.saturating_sub(line.len());
            line.extend_from_slice(piece.get(..room).unwrap_or(piece));
            if piece.ends_with(b"\n") {
                search.line(String::from_utf8_lossy(&line).trim_end());
                line.clear();
                if search.found.is_some() {
                    return Ok(search.found);
                }
            }
        }
    }
}

/// Goes through the paragraphs of deb822(5).
#[derive(Default)]
struct Search<'a> {
    name: &'a str,
    here: bool,
    installed: bool,
    version: String,
    found: Option<Package>,
}

impl Search<'_> {
    fn line(&mut self, line: &str) {
        if line.trim().is_empty() {
            if self.here && self.installed && self.found.is_none() {
                self.found = Some(Package { version: std::mem::take(&mut self.version) });
            }
            (self.here, self.installed) = (false, false);
            self.version.clear();
        }
        let Some((field, value)) = line.split_once(':') else { return };
        match field.to_ascii_lowercase().as_str() {
            "package" => self.here = value.trim() == self.name,
            "status" => self.installed = value.split_whitespace().nth(2) == Some("installed"),
            "version" => self.version = cut(value.trim(), PATH_MAX),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::testing::MemoryFs;

    fn version(status: &str, name: &str) -> Option<String> {
        let tree = MemoryFs::of_texts(&[(DPKG_STATUS, status)]).tree();
        dpkg(&tree, name).unwrap().map(|p| p.version)
    }

    #[test]
    fn only_the_state_installed_counts() {
        let paragraph = |state: &str| format!("Package: cloud-init\nStatus: {state}\nVersion: 23.4\n\nPackage: x\n");
        assert_eq!(version(&paragraph("install ok installed"), "cloud-init").as_deref(), Some("23.4"));
        for state in ["deinstall ok config-files", "install ok half-installed", "install ok unpacked", ""] {
            assert_eq!(version(&paragraph(state), "cloud-init"), None, "{state}");
        }
        assert_eq!(version(&paragraph("install ok installed"), "cloud"), None);
    }

    #[test]
    fn the_last_paragraph_needs_no_newline_and_descriptions_are_not_fields() {
        let text = "Package: a\nStatus: install ok installed\nDescription: b\n Package: cloud-init\n\n\
                    Package: b\nStatus: install ok installed\nVersion: 2";
        assert_eq!(version(text, "b").as_deref(), Some("2"));
        assert_eq!(version(text, "cloud-init"), None);
    }

    #[test]
    fn a_paragraph_across_a_chunk_border_is_whole() {
        let filler = format!("Package: f\nDescription: {}\n\n", "y".repeat(CHUNK - 60));
        let text = format!("{filler}Package: z\nStatus: install ok installed\nVersion: 7-1\n\n");
        assert_eq!(version(&text, "z").as_deref(), Some("7-1"));
    }
}
