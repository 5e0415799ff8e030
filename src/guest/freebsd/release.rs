//! The version, as `freebsd-version(1)` tells it.

use crate::disk::{Error, Result};
use crate::guest::Tree;
use crate::guest::linux::{cut, optional, release};
use crate::inspect::facts::Release;

/// A script that has the version of the userland in it.
const SCRIPT: &str = "/bin/freebsd-version";
const VARIABLE: &str = "USERLAND_VERSION=";
/// Largest script that is read.
const MAX_BYTES: usize = 64 * 1024;

/// Reads it: `13.2` of `13.2-RELEASE-p4`. os-release is read where the script does not tell: since 13.0 it is a link to
/// what is made at boot.
///
/// # Errors
/// `NotFound` where no file says it, and what the filesystem reports.
pub fn read(tree: &Tree) -> Result<Release> {
    let script = optional(tree.read_text(SCRIPT, MAX_BYTES))?.unwrap_or_default();
    let value = script.lines().find_map(|line| line.trim().strip_prefix(VARIABLE));
    let value = value.map(|value| value.trim_matches(['"', '\''])).unwrap_or_default();
    if value.starts_with(|c: char| c.is_ascii_digit()) {
        let number = value.split(|c: char| !c.is_ascii_digit() && c != '.').next().unwrap_or_default();
        return Ok(Release {
            id: "freebsd".to_owned(),
            version_id: cut(number, 64),
            pretty_name: cut(&format!("FreeBSD {value}"), 128),
            file: SCRIPT.to_owned(),
            ..Release::default()
        });
    }
    let release = release::read(tree)?;
    if release.id == "freebsd" {
        Ok(release)
    } else {
        Err(Error::not_found("guest", "no file says which FreeBSD it is"))
    }
}
