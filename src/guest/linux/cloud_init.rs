//! cloud-init: whether it is installed, whether it starts, and where it looks for its data.

mod datasource;
pub use datasource::files;
mod identify;
#[cfg(test)]
mod identify_tests;
mod start;
#[cfg(test)]
mod tests;

use identify::Identify;

use super::packages::{Packages, evident};
use super::services::Services;
use super::{PATH_MAX, cut, optional};
use crate::disk::Result;
use crate::guest::Tree;
use crate::inspect::facts::{CloudInit, Evident};

/// Programs that are cloud-init, where its packages and pip put them.
const PROGRAMS: &[&str] = &["/usr/bin/cloud-init", "/usr/local/bin/cloud-init", "/bin/cloud-init"];
/// Directories under which Python packages are installed.
const PYTHON: &[&str] = &["/usr/lib/python3/dist-packages", "/usr/lib", "/usr/lib64", "/usr/local/lib"];
/// Most names of a directory that are looked at.
const MAX_NAMES: usize = 20_000;
/// Largest configuration file that is read, and most datasources that are kept.
const MAX_BYTES: usize = 256 * 1024;
const MAX_SOURCES: usize = 64;

/// Reads all of it. `command_line` is the default entry's, where it is known; `packages` is the package database.
///
/// # Errors
/// What the filesystem reports; why the database could not be read, where nothing else tells that it is installed.
pub fn read(
    tree: &Tree,
    services: &Services,
    command_line: Option<&str>,
    packages: &Result<Option<Packages>>,
) -> Result<CloudInit> {
    let Some((installed, version)) = installed(tree, packages)? else { return Ok(CloudInit::default()) };
    let command_line = command_line.unwrap_or_default();
    let identify = Identify::read(tree, services, command_line)?;
    let (enabled_by, disabled_by) = start::read(tree, services, command_line, identify.as_ref())?;
    Ok(CloudInit {
        installed: Some(installed),
        version,
        enabled_by,
        disabled_by,
        datasources: datasource::read(tree, command_line, identify.as_ref())?,
    })
}

/// What says that it is installed, and the version where that is known.
///
/// # Errors
/// As [`read`].
pub fn installed(tree: &Tree, packages: &Result<Option<Packages>>) -> Result<Option<(Evident, String)>> {
    if let Some(found) = evident(packages, "cloud-init") {
        return Ok(Some(found));
    }
    let metadata = python_metadata(tree)?;
    let version = metadata.as_ref().map(|(_, version)| version.clone()).unwrap_or_default();
    for program in PROGRAMS {
        if tree.exists(program)? {
            return Ok(Some((Evident { value: "program".to_owned(), place: (*program).to_owned() }, version)));
        }
    }
    match (metadata, packages) {
        (Some((place, version)), _) => Ok(Some((Evident { value: "python".to_owned(), place }, version))),
        (None, Ok(_)) => Ok(None),
        (None, Err(error)) => Err(error.clone()),
    }
}

/// `cloud_init-23.4.dist-info` or `.egg-info` (PyPA, "Recording installed projects"): its path and version.
fn python_metadata(tree: &Tree) -> Result<Option<(String, String)>> {
    for base in PYTHON {
        let mut dirs = vec![(*base).to_owned()];
        if base.ends_with("lib") || base.ends_with("lib64") {
            let names = optional(tree.list(base, MAX_NAMES))?.unwrap_or_default();
            let versions = names.into_iter().filter(|n| n.starts_with("python")).take(8);
            dirs = versions
                .flat_map(|v| ["site-packages", "dist-packages"].map(|kind| format!("{base}/{v}/{kind}")))
                .collect();
        }
        for dir in dirs {
            for name in optional(tree.list(&dir, MAX_NAMES))?.unwrap_or_default() {
                let Some(rest) = name.strip_prefix("cloud_init-") else { continue };
                if rest.ends_with(".dist-info") || rest.ends_with(".egg-info") {
                    let version = rest.trim_end_matches(".dist-info").trim_end_matches(".egg-info");
                    let version = version.rsplit_once("-py").map_or(version, |(version, _)| version);
                    return Ok(Some((cut(&format!("{dir}/{name}"), PATH_MAX), cut(version, 64))));
                }
            }
        }
    }
    Ok(None)
}
