//! The SSH server: whether it starts, and where it listens.

mod config;
mod listen;
mod options;
mod socket;
#[cfg(test)]
mod tests;

use super::services::rcconf::RcConf;
use super::services::{Service, Services, Start};
use super::{cut, names};
use crate::disk::Result;
use crate::guest::Tree;
use crate::inspect::facts::{Evident, Ssh, When};
use config::Config;

/// The daemon, by the names Debian and the others give it.
const DAEMON: Service<'static> = Service { units: &["ssh.service", "sshd.service"], scripts: &["ssh", "sshd"] };
/// The socket that starts it when somebody connects.
const SOCKETS: &[&str] = &["ssh.socket", "sshd.socket"];
/// Most addresses that are kept.
const MAX_LISTENS: usize = 8;

/// Reads all of it.
///
/// # Errors
/// What the filesystem reports.
pub fn read(tree: &Tree, services: &Services) -> Result<Ssh> {
    let daemon = services.start(&DAEMON)?;
    let mut socket = Start::Absent;
    for unit in SOCKETS {
        socket = socket.or(services.start(&Service { units: &[unit], scripts: &[] })?);
    }
    let config = Config::read(tree)?;
    // The socket's own lines say where it listens, and it holds the port when the daemon starts beside it.
    let by_socket = matches!(socket, Start::Enabled { .. }) || (socket.clone().or(daemon.clone()) != daemon);
    let mut ssh = common(tree, &config)?;
    ssh.socket = by_socket;
    ssh.starts = if by_socket { socket } else { daemon }.into();
    if ssh.starts.when == When::Absent {
        return Ok(ssh);
    }
    let listens =
        if by_socket { socket::listens(services, &config)? } else { options::listens(tree, services, &config)? };
    match listens {
        Ok(found) => ssh.listens = found.into_iter().take(MAX_LISTENS).collect(),
        Err(why) => ssh.undecided = Some(cut(&why, 256)),
    }
    Ok(ssh)
}

/// The same of a FreeBSD.
///
/// # Errors
/// What the filesystem reports.
pub fn freebsd(tree: &Tree, conf: &RcConf) -> Result<Ssh> {
    let config = Config::read(tree)?;
    let mut ssh = common(tree, &config)?;
    ssh.starts = conf.start("sshd_enable").into();
    let flags = conf.value("sshd_flags").map(|(flags, place)| (flags.to_owned(), place.to_owned()));
    match options::with(&config, flags.as_slice()) {
        Ok(found) => ssh.listens = found.into_iter().take(MAX_LISTENS).collect(),
        Err(why) => ssh.undecided = Some(cut(&why, 256)),
    }
    Ok(ssh)
}

/// What does not depend on how it starts.
fn common(tree: &Tree, config: &Config) -> Result<Ssh> {
    let root_login = config.root_login.clone().map(|(value, place)| Evident { value, place });
    let names = names(tree, "/etc/ssh")?;
    let keys = names.iter().filter_map(|name| name.strip_prefix("ssh_host_")?.strip_suffix("_key"));
    Ok(Ssh { root_login, host_keys: keys.take(8).map(|kind| cut(kind, 16)).collect(), ..Ssh::default() })
}
