//! A filesystem in memory from and to a directory, so that real programs say what they make of the same files.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use super::{Content, MemoryFs};
use crate::disk::filesystem::NodeKind;

impl MemoryFs {
    /// Writes all of it below `dir`: files, directories, links, modes.
    pub(crate) fn write_to(&self, dir: &Path) {
        self.write_node(0, dir);
    }

    fn write_node(&self, node: usize, at: &Path) {
        let entry = &self.nodes[node];
        match (&entry.content, entry.stat.kind) {
            (Content::Names(names), _) => {
                fs::create_dir_all(at).unwrap();
                for (name, child) in names {
                    self.write_node(*child, &at.join(name));
                }
            }
            (Content::Bytes(target), NodeKind::Link) => symlink(String::from_utf8_lossy(target).as_ref(), at).unwrap(),
            (Content::Bytes(bytes), _) => {
                fs::write(at, bytes).unwrap();
                fs::set_permissions(at, fs::Permissions::from_mode(entry.stat.mode)).unwrap();
            }
        }
    }

    /// What is below `dir`.
    pub(crate) fn read_from(dir: &Path) -> Self {
        Self::read_below(Self::new(), dir, "")
    }

    fn read_below(mut found: Self, dir: &Path, path: &str) -> Self {
        for entry in fs::read_dir(dir).unwrap().flatten() {
            let at = format!("{path}/{}", entry.file_name().to_string_lossy());
            let kind = entry.file_type().unwrap();
            found = if kind.is_symlink() {
                found.link(&at, &fs::read_link(entry.path()).unwrap().to_string_lossy())
            } else if kind.is_dir() {
                Self::read_below(found.dir(&at), &entry.path(), &at)
            } else if kind.is_file() {
                let mode = entry.metadata().unwrap().mode() & 0o7777;
                let bytes = fs::read(entry.path()).unwrap();
                found.file(&at, bytes).stat_of(&at, |stat| stat.mode = mode)
            } else {
                found
            };
        }
        found
    }
}
