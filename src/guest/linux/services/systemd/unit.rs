//! Unit files and their drop-ins (systemd.unit(5), systemd.syntax(7)).

use crate::disk::Result;
use crate::guest::Tree;
use crate::guest::linux::ini::{Ini, Setting};
use crate::guest::linux::optional;
use crate::guest::linux::services::{MAX_BYTES, place};

/// One assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Section without brackets.
    pub section: String,
    /// Left of the equals sign.
    pub key: String,
    /// Right of it; empty to reset a list.
    pub value: String,
    /// `path:line`.
    pub place: String,
}

/// A unit as its file and drop-ins make it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unit {
    /// All assignments, in the order in which they are read.
    pub entries: Vec<Entry>,
}

impl Unit {
    /// Reads files in order; what is not there is passed over.
    ///
    /// # Errors
    /// What the filesystem reports, and `Limit` for a file that is too long.
    pub fn read(tree: &Tree, files: &[String]) -> Result<Self> {
        let mut unit = Self::default();
        for file in files {
            let text = optional(tree.read_text(file, MAX_BYTES))?.unwrap_or_default();
            unit.entries.extend(parse(&text, file));
        }
        Ok(unit)
    }

    /// The values of a list: an empty assignment forgets those before it.
    pub fn list(&self, section: &str, key: &str) -> Vec<&Entry> {
        let mut found = Vec::new();
        for entry in self.entries.iter().filter(|e| e.section == section && e.key == key) {
            if entry.value.is_empty() {
                found.clear();
            } else {
                found.push(entry);
            }
        }
        found
    }

    /// The words of a list, each with its place.
    pub fn words(&self, section: &str, key: &str) -> Vec<(&str, &str)> {
        let entries = self.list(section, key).into_iter();
        entries
            .flat_map(|e| e.value.split_whitespace().map(|word| (word.trim_matches('"'), e.place.as_str())))
            .collect()
    }
}

/// The assignments of one file.
pub fn parse(text: &str, file: &str) -> Vec<Entry> {
    let entry = |setting: Setting| Entry {
        place: place(&format!("{file}:{}", setting.line)),
        section: setting.section,
        key: setting.key,
        value: setting.value,
    };
    Ini::of(text).settings.into_iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_continuations_comments_and_resets() {
        let text = "[Unit]\nWants=a.service \\\n# between\n  b.target\n;x\n[Socket]\nListenStream=22\nListenStream=\nListenStream = [::]:2222\n";
        let unit = Unit { entries: parse(text, "/x") };
        assert_eq!(unit.words("Unit", "Wants"), [("a.service", "/x:2"), ("b.target", "/x:2")]);
        let streams: Vec<&str> = unit.list("Socket", "ListenStream").iter().map(|e| e.value.as_str()).collect();
        assert_eq!(streams, ["[::]:2222"]);
        assert_eq!(unit.list("Install", "WantedBy"), Vec::<&Entry>::new());
    }
}
