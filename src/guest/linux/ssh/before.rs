//! What a unit of systemd needs before its program runs (systemd.exec(5); systemd.service(5), `ExecStartPre=`).

use super::command::{Run, SIGNS, file_of};
use super::config::text_of;
use super::environment::words;
use crate::disk::Result;
use crate::disk::filesystem::NodeKind;
use crate::guest::Tree;
use crate::guest::linux::services::systemd::unit::{Entry, Unit};
use crate::guest::linux::{cut, names, optional};

/// Files of users: CoreOS has its own in `/usr`.
const USERS: &[&str] = &["/etc/passwd", "/usr/lib/passwd"];
/// Where users are declared that a boot makes (sysusers.d(5)).
const MADE: &[&str] = &["/etc/sysusers.d", "/usr/lib/sysusers.d"];
/// Sources of users that are files (nsswitch.conf(5)); `systemd` knows the system's own.
const FILES: &[&str] = &["files", "compat", "altfiles", "usrfiles", "systemd", "db"];
/// Most files of users to be made.
const MAX_FILES: usize = 64;
/// Directories of which the running system makes the content.
const RUNNING: &[&str] = &["/run/", "/var/run/", "/tmp/", "/dev/", "/proc/", "/sys/"];

/// Why the daemon is not started, or that this is not known.
///
/// # Errors
/// What the filesystem reports.
pub fn stops(tree: &Tree, unit: &Unit) -> Result<Option<Run>> {
    let last = |key: &str| unit.list("Service", key).pop().filter(|entry| !entry.value.contains('%'));
    // Another root has other files.
    if last("RootDirectory").or(last("RootImage")).is_some() {
        return Ok(None);
    }
    let refused = |what: String, entry: &Entry| Some(Run::Refused(what, entry.place.clone()));
    let dynamic = last("DynamicUser").is_some_and(|entry| matches!(entry.value.as_str(), "yes" | "true" | "1" | "on"));
    if let Some(entry) = last("User").filter(|_| !dynamic) {
        match has_user(tree, &entry.value)? {
            Some(true) => {}
            Some(false) => {
                return Ok(refused(
                    format!("its unit asks for User={}, whom the image lacks", cut(&entry.value, 64)),
                    entry,
                ));
            }
            None => return Ok(Some(Run::Unknown(format!("{}: whether its user is there", entry.place)))),
        }
    }
    if let Some(entry) = last("WorkingDirectory").filter(|entry| entry.value.starts_with('/')) {
        let made = RUNNING.iter().any(|dir| entry.value.starts_with(dir));
        let folder =
            || optional(tree.stat(&entry.value)).map(|found| found.is_some_and(|s| s.kind == NodeKind::Directory));
        if !made && !folder()? {
            let what = format!("its unit asks for WorkingDirectory={} that is not there", cut(&entry.value, 64));
            return Ok(refused(what, entry));
        }
    }
    for key in ["ExecCondition", "ExecStartPre"] {
        for entry in unit.list("Service", key) {
            let signs = || entry.value.chars().take_while(|c| SIGNS.contains(c));
            let first = words(entry.value.trim_start_matches(SIGNS)).into_iter().next().unwrap_or_default();
            // A failure is passed over, or the name is known at boot only.
            if signs().any(|c| c == '-') || first.contains(['%', '$']) {
                continue;
            }
            if RUNNING.iter().any(|dir| first.starts_with(dir)) {
                return Ok(Some(Run::Unknown(format!("{}: {key}={} is made at boot", entry.place, cut(&first, 64)))));
            }
            let what = match file_of(tree, &first)? {
                None => format!("{key}={} is no program", cut(&first, 64)),
                Some(path) if path.ends_with("/false") => format!("{key}={} fails", cut(&path, 64)),
                Some(_) => continue,
            };
            return Ok(refused(what, entry));
        }
    }
    Ok(None)
}

/// Whether a user is there, or is made at boot; `None` where the image alone does not tell. A number needs no name.
fn has_user(tree: &Tree, user: &str) -> Result<Option<bool>> {
    if user == "root" || user.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(Some(true));
    }
    for file in USERS {
        if text_of(tree, file)?.lines().any(|line| line.split(':').next() == Some(user)) {
            return Ok(Some(true));
        }
    }
    for dir in MADE {
        for name in names(tree, dir)?.iter().filter(|name| name.strip_suffix(".conf").is_some()).take(MAX_FILES) {
            let text = text_of(tree, &format!("{dir}/{name}"))?;
            if text.lines().any(|line| line.split_whitespace().nth(1) == Some(user)) {
                return Ok(Some(true));
            }
        }
    }
    let switch = text_of(tree, "/etc/nsswitch.conf")?;
    let sources = switch.lines().find_map(|line| line.trim_start().strip_prefix("passwd:"));
    let elsewhere = |source: &str| !source.starts_with('[') && !FILES.contains(&source);
    Ok(if sources.is_some_and(|all| all.split_whitespace().any(elsewhere)) { None } else { Some(false) })
}
