//! Directories of small files, read with bounds.

use crate::disk::{Error, Result};
use crate::guest::Tree;
use crate::guest::linux::{cut, names, optional};

pub const LAYER: &str = "network";
/// Largest file that is read.
pub const MAX_BYTES: usize = 256 * 1024;
/// Most files of one directory that are read.
const MAX_FILES: usize = 256;

/// The text of a file; `None` where it is not there.
///
/// # Errors
/// What the filesystem reports.
pub fn text(tree: &Tree, path: &str) -> Result<Option<String>> {
    optional(tree.read_text(path, MAX_BYTES))
}

/// The names of a directory that `wanted` takes.
///
/// # Errors
/// `Limit` where they are more than 256, and what the filesystem reports.
pub fn wanted(tree: &Tree, dir: &str, wanted: impl Fn(&str) -> bool) -> Result<Vec<String>> {
    let names: Vec<String> = names(tree, dir)?.into_iter().filter(|name| wanted(name)).collect();
    if names.len() > MAX_FILES {
        return Err(Error::limit(LAYER, format!("more than {MAX_FILES} files in {}", cut(dir, 64))));
    }
    Ok(names)
}

/// Files of several directories, sorted by name; of two of one name, that of the earlier directory counts.
///
/// # Errors
/// As [`wanted`].
pub fn layered(tree: &Tree, dirs: &[&str], take: impl Fn(&str) -> bool) -> Result<Vec<(String, String)>> {
    let mut found = std::collections::BTreeMap::new();
    for dir in dirs {
        for name in wanted(tree, dir, &take)? {
            let path = format!("{dir}/{name}");
            found.entry(name).or_insert(path);
        }
    }
    Ok(found.into_iter().collect())
}
