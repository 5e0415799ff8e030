//! What the boot loader is told (loader.conf(5)): shell-like assignments in several files, the last of which counts.

use crate::disk::{Error, Result};
use crate::guest::Tree;
use crate::guest::linux::{LINE_MAX, cut, optional};

/// Read first to last; the files of the directory come before the local one.
const FILES: [&str; 2] = ["/boot/defaults/loader.conf", "/boot/loader.conf"];
const DIR: &str = "/boot/loader.conf.d";
const LOCAL: &str = "/boot/loader.conf.local";
/// Holds for the next start alone (nextboot(8)).
const NEXT: &str = "/boot/nextboot.conf";
/// Most files of the directory, and the largest file that is read.
const MAX_FILES: usize = 64;
const MAX_BYTES: usize = 1 << 20;

/// All variables that are assigned.
#[derive(Debug, Default)]
pub struct Loader {
    /// Name, value, place; later ones count.
    assigned: Vec<(String, String, String)>,
}

impl Loader {
    /// Reads all of it.
    ///
    /// # Errors
    /// `Limit` for too many files, and what the filesystem reports.
    pub fn read(tree: &Tree) -> Result<Self> {
        let mut found = Self::default();
        let mut files: Vec<String> = FILES.iter().map(|file| (*file).to_owned()).collect();
        let names = optional(tree.list(DIR, MAX_FILES))?.unwrap_or_default();
        let names = names.iter().filter_map(|name| name.strip_suffix(".conf"));
        files.extend(names.map(|name| format!("{DIR}/{name}.conf")));
        files.push(LOCAL.to_owned());
        for file in files {
            found.add(tree, &file)?;
        }
        let mut next = Self::default();
        next.add(tree, NEXT)?;
        if next.says_yes("nextboot_enable").is_some() {
            found.assigned.append(&mut next.assigned);
        }
        Ok(found)
    }

    fn add(&mut self, tree: &Tree, file: &str) -> Result<()> {
        let text = optional(tree.read_text(file, MAX_BYTES))?.unwrap_or_default();
        for (line, number) in text.lines().zip(1_u32..) {
            let Some((name, value)) = line.trim().split_once('=') else { continue };
            if name.starts_with('#') {
                continue;
            }
            // A quoted value ends at the quote, another one at white space or a comment.
            let value = match value.strip_prefix('"') {
                Some(rest) => rest.split('"').next(),
                None => value.split([' ', '\t', '#']).next(),
            };
            let value = cut(value.unwrap_or_default(), LINE_MAX);
            self.assigned.push((name.trim().to_owned(), value, format!("{file}:{number}")));
        }
        Ok(())
    }

    /// The value of a variable.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.last(name).map(|(_, value, _)| value.as_str())
    }

    /// Where a variable says yes.
    pub fn says_yes(&self, name: &str) -> Option<&str> {
        self.last(name).filter(|(_, value, _)| value.eq_ignore_ascii_case("yes")).map(|(.., place)| place.as_str())
    }

    fn last(&self, name: &str) -> Option<&(String, String, String)> {
        self.assigned.iter().rev().find(|(assigned, ..)| assigned == name)
    }
}

/// The folder of the kernel that starts.
///
/// # Errors
/// `Unsupported` for a name that is computed.
pub fn kernel_folder(loader: &Loader) -> Result<String> {
    let name = loader.value("kernel").filter(|name| !name.is_empty()).unwrap_or("kernel");
    if name.contains(['$', ';']) {
        return Err(Error::unsupported("loader.conf", "the kernel's name is computed"));
    }
    Ok(if name.starts_with('/') { name.to_owned() } else { format!("/boot/{name}") })
}
