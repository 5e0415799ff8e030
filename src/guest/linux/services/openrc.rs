//! OpenRC (openrc(8), rc-update(8)): a link in the directory of a runlevel starts a script of `/etc/init.d`.

use super::{Start, place};
use crate::disk::Result;
use crate::guest::Tree;

/// The runlevels a boot goes through.
pub(super) const LEVELS: &[&str] = &["sysinit", "boot", "default"];

/// Whether the script is in a runlevel of the boot.
///
/// # Errors
/// What the filesystem reports.
pub fn start(tree: &Tree, script: &str) -> Result<Start> {
    let there = tree.exists(&format!("/etc/init.d/{script}"))?;
    for level in LEVELS {
        let link = format!("/etc/runlevels/{level}/{script}");
        if there && tree.exists(&link)? {
            return Ok(Start::Enabled { by: place(&link) });
        }
    }
    Ok(if there { Start::Disabled } else { Start::Absent })
}
