//! apk's database: paragraphs of one-letter fields (apk-tools, `src/database.c`: `apk_db_fdb_read`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::digest::{Algorithm, Digest};
use super::file::{DbFile, lines};
use super::{Is, Manager, Package, Packages, Wanted};
use crate::disk::Result;
use crate::guest::Tree;
use crate::guest::linux::{PATH_MAX, cut};

/// Where it is, the older place first; `/lib` may be a link to the newer one.
const PATHS: &[&str] = &["/lib/apk/db/installed", "/usr/lib/apk/db/installed"];
/// A longer line is cut: no path is that long.
const MAX_LINE: usize = 8192;

/// Reads it.
///
/// # Errors
/// `Limit` beyond 256 MiB, and what the filesystem reports.
pub fn read(tree: &Tree, wanted: Wanted) -> Result<Option<Packages>> {
    for path in PATHS {
        if let Some(file) = DbFile::open(tree, path, "apk")? {
            let mut found =
                Packages { manager: Manager::Apk, format: "installed", path: file.path.clone(), installed: Vec::new() };
            let mut walk = Walk::default();
            lines(&file, MAX_LINE, |line| match walk.line(line) {
                Some(package) if wanted(&package.name) => found.push(package),
                _ => Ok(()),
            })?;
            if let Some(package) = walk.line("").filter(|package| wanted(&package.name)) {
                found.push(package)?;
            }
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Where the walk is: the package, its folder and the file in it that the next `Z:` is about.
#[derive(Default)]
struct Walk {
    package: Package,
    dir: String,
    file: Option<String>,
}

impl Walk {
    /// The package that ends with this line.
    fn line(&mut self, line: &str) -> Option<Package> {
        let Some((field, value)) = line.split_once(':') else {
            if !line.is_empty() {
                return None;
            }
            self.file_ends(Is::Listed);
            let package = std::mem::take(self).package;
            return (!package.name.is_empty()).then_some(package);
        };
        match field {
            "P" => self.package.name = cut(value, PATH_MAX),
            "V" => self.package.version = cut(value, PATH_MAX),
            "A" => self.package.architecture = cut(value, 64),
            "m" => self.package.packager = cut(value, PATH_MAX),
            "o" => self.package.source = cut(value, PATH_MAX),
            "F" => {
                self.file_ends(Is::Listed);
                value.clone_into(&mut self.dir);
            }
            "R" => {
                self.file_ends(Is::Listed);
                let slash = if self.dir.is_empty() { "" } else { "/" };
                self.file = Some(format!("/{}{slash}{value}", self.dir));
            }
            "Z" => {
                let is = checksum(value).map_or(Is::Listed, Is::Either);
                self.file_ends(is);
            }
            _ => {}
        }
        None
    }

    fn file_ends(&mut self, is: Is) {
        if let Some(path) = self.file.take() {
            self.package.push(&path, is);
        }
    }
}

/// `Q1` and SHA-1, `Q2` and SHA-256, both in base64; older ones are MD5 in hexadecimal.
fn checksum(text: &str) -> Option<Digest> {
    let algorithm = match text.get(..2)? {
        "Q1" => Algorithm::Sha1,
        "Q2" => Algorithm::Sha256,
        _ => return Digest::of_hex(Algorithm::Md5, text),
    };
    Digest::of_hex(algorithm, &hex::encode(STANDARD.decode(text.get(2..)?).ok()?))
}
