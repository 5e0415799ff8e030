//! The user that sshd gives its unprivileged part to: without it sshd does not start ("Privilege separation user sshd does
//! not exist").

use super::keywords::Program;
use crate::disk::{ErrorKind, Result};
use crate::guest::Tree;
use crate::guest::linux::services::Services;
use crate::guest::linux::{names, optional};

/// Where users are.
pub const PASSWD: &str = "/etc/passwd";
/// Largest file that is read.
const MAX_BYTES: usize = 1 << 20;
/// Releases from the first that has no choice to the first that leaves it to another program.
const RELEASES: std::ops::Range<(u32, u32)> = (7, 5)..(9, 8);
/// What the program says.
const DEMAND: &str = "Privilege separation user %s does not exist";
/// Sources of nsswitch.conf(5) that have no such user of their own.
const SOURCES: &[&str] = &["files", "compat", "sss", "systemd"];
/// Folders of what makes users at boot (sysusers.d(5)), and of users by themselves.
const MADE: &[&str] = &["/etc/sysusers.d", "/usr/lib/sysusers.d", "/lib/sysusers.d"];
const RECORDS: &[&str] = &["/etc/userdb", "/usr/lib/userdb"];
/// Words of what makes users.
const MAKES: &[&str] = &["useradd", "adduser", "openssh-server"];

/// Whether the user is surely not there, and the program surely asks for it.
///
/// # Errors
/// What the filesystem reports.
pub fn is_missed(tree: &Tree, services: &Services, program: &str) -> Result<bool> {
    let users = match tree.read_text(PASSWD, MAX_BYTES) {
        Ok(text) => text,
        Err(error) if error.kind == ErrorKind::Io => return Err(error),
        // Not there, or not whole.
        Err(_) => return Ok(false),
    };
    if !users.starts_with("root:") || users.lines().any(|line| line.starts_with("sshd:") || line.starts_with('+')) {
        return Ok(false);
    }
    let switch = optional(tree.read_text("/etc/nsswitch.conf", MAX_BYTES))?.unwrap_or_default();
    let mut sources =
        switch.lines().filter_map(|line| line.trim().strip_prefix("passwd:")).flat_map(str::split_whitespace);
    if sources.any(|word| !SOURCES.contains(&word)) {
        return Ok(false);
    }
    for dir in MADE {
        for name in names(tree, dir)? {
            if optional(tree.read_text(&format!("{dir}/{name}"), MAX_BYTES))?.is_some_and(|text| text.contains("sshd"))
            {
                return Ok(false);
            }
        }
    }
    if super::any_exists(tree, RECORDS)? {
        return Ok(false);
    }
    if services.texts(false)?.iter().any(|(_, text)| MAKES.iter().any(|word| text.contains(word))) {
        return Ok(false);
    }
    let Ok(program) = Program::read(tree, program)? else { return Ok(false) };
    Ok(program.release().is_some_and(|release| RELEASES.contains(&release)) && program.holds(DEMAND))
}
