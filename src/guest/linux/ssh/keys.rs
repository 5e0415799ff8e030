//! Host keys: without one sshd does not start ("no hostkeys available -- exiting").

use super::config::Config;
use crate::disk::Result;
use crate::disk::filesystem::NodeKind;
use crate::guest::Tree;
use crate::guest::linux::services::Services;
use crate::guest::linux::services::systemd::unit::Unit;
use crate::guest::linux::{names, optional};

/// Words of what makes host keys: ssh-keygen itself, Red Hat's sshd-keygen, SUSE's sshd-gen-keys-start, a package that is
/// configured anew.
const MAKES: &[&str] = &["keygen", "gen-keys", "genkeys", "gen_keys", "openssh-server"];

/// Whether none of the files is there that sshd takes a key from. `more` are those of its command line.
///
/// # Errors
/// What the filesystem reports.
pub fn are_missing(tree: &Tree, config: &Config, more: &[String]) -> Result<bool> {
    let named = || config.host_keys.iter().chain(more);
    if config.agent || config.undecided.is_some() || named().any(|file| !file.starts_with('/')) {
        return Ok(false);
    }
    let mut files: Vec<String> = named().cloned().collect();
    if files.is_empty() {
        let keys =
            names(tree, "/etc/ssh")?.into_iter().filter(|name| name.starts_with("ssh_host_") && name.ends_with("_key"));
        files.extend(keys.map(|name| format!("/etc/ssh/{name}")));
    }
    for file in files {
        if optional(tree.stat(&file))?.is_some_and(|stat| stat.kind == NodeKind::File && stat.size > 0) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether something makes them before it starts, cloud-init aside: its own unit, a unit that it wants, its script, or
/// whatever else starts.
///
/// # Errors
/// What the filesystem reports.
pub fn are_made(services: &Services, unit: Option<&Unit>, script: Option<&str>) -> Result<bool> {
    let makes = |text: &str| MAKES.iter().any(|word| text.contains(word));
    if let Some(units) = services.systemd() {
        for key in ["Wants", "Requires", "BindsTo"] {
            for (name, _) in unit.map(|unit| unit.words("Unit", key)).unwrap_or_default() {
                if makes(name) && units.read(name)?.is_some() {
                    return Ok(true);
                }
            }
        }
    }
    if unit.is_some_and(|unit| unit.entries.iter().any(|e| e.key.starts_with("ExecStart") && makes(&e.value))) {
        return Ok(true);
    }
    Ok(script.is_some_and(makes) || services.texts(false)?.iter().any(|(_, text)| makes(text)))
}
