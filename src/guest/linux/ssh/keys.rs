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

/// Bits of a mode with which others read or write a key: sshd takes none such of root's ("UNPROTECTED PRIVATE KEY FILE!").
/// Red Hat's lets a group of its own read.
const OPEN: u32 = 0o026;

/// That sshd has no host key.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Lack {
    /// A key that is there, open to others: its file and mode.
    pub open: Option<(String, u32)>,
}

/// Whether there is no file that sshd takes a key from. `more` are those of its command line.
///
/// # Errors
/// What the filesystem reports.
pub fn lacking(tree: &Tree, config: &Config, more: &[String]) -> Result<Option<Lack>> {
    let named = || config.host_keys.iter().map(|(file, _)| file).chain(more);
    if config.agent || config.undecided.is_some() || named().any(|file| !file.starts_with('/')) {
        return Ok(None);
    }
    let mut files: Vec<String> = named().cloned().collect();
    if files.is_empty() {
        let keys = names(tree, "/etc/ssh")?.into_iter().map(|name| format!("/etc/ssh/{name}"));
        files.extend(keys.filter(|file| is_standard(file)));
    }
    let mut lack = Lack::default();
    for file in files {
        let Some(stat) = optional(tree.stat(&file))?.filter(|stat| stat.kind == NodeKind::File && stat.size > 0) else {
            continue;
        };
        if stat.uid != 0 || stat.mode & OPEN == 0 {
            return Ok(None);
        }
        lack.open.get_or_insert((file, stat.mode & 0o777));
    }
    Ok(Some(lack))
}

/// Of the files that the configuration names, the first one and its line, where none is one that ssh-keygen or cloud-init
/// makes by itself, and nothing that starts names one.
///
/// # Errors
/// What the filesystem reports.
pub fn never_made<'c>(
    config: &'c Config,
    services: &Services,
    unit: Option<&Unit>,
    script: Option<&str>,
) -> Result<Option<&'c (String, String)>> {
    // What lies elsewhere may be of another filesystem.
    let is_own = |file: &str| file.starts_with("/etc/") && !is_standard(file);
    if config.host_keys.is_empty() || !config.host_keys.iter().all(|(file, _)| is_own(file)) {
        return Ok(None);
    }
    let last = |file: &'c str| file.rsplit('/').next().unwrap_or_default();
    let names = |text: &str| config.host_keys.iter().any(|(file, _)| text.contains(last(file)));
    let made = unit.is_some_and(|unit| unit.entries.iter().any(|entry| names(&entry.value)))
        || script.is_some_and(names)
        || services.texts(false)?.iter().any(|(_, text)| names(text));
    Ok(config.host_keys.first().filter(|_| !made))
}

fn is_standard(file: &str) -> bool {
    file.strip_prefix("/etc/ssh/ssh_host_").is_some_and(|rest| rest.ends_with("_key"))
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
