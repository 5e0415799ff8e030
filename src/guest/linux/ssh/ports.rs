//! Ports by the names of services (services(5)).

use crate::disk::{ErrorKind, Result};
use crate::guest::Tree;

/// The lists of services; openSUSE ships the second.
const FILES: &[&str] = &["/etc/services", "/usr/etc/services"];
/// Largest list: Red Hat's is near a million bytes.
const MAX_BYTES: usize = 8 << 20;

/// What a name is.
pub enum Service {
    /// This port.
    Port(u16),
    /// No service of TCP.
    Not,
    /// Not known.
    Unread,
}

/// The port of a service of TCP.
///
/// # Errors
/// What the filesystem reports.
pub fn of(tree: &Tree, service: &str) -> Result<Service> {
    for file in FILES {
        let text = match tree.read_text(file, MAX_BYTES) {
            Ok(text) => text,
            Err(error) if error.is_not_found() => continue,
            Err(error) if error.kind == ErrorKind::Limit => return Ok(Service::Unread),
            Err(error) => return Err(error),
        };
        let port = |line: &str| {
            let mut words = line.split('#').next()?.split_whitespace();
            let (name, port) = (words.next()?, words.next()?.strip_suffix("/tcp")?);
            std::iter::once(name).chain(words).any(|word| word == service).then(|| port.parse().ok()).flatten()
        };
        if let Some(port) = text.lines().find_map(port) {
            return Ok(Service::Port(port));
        }
    }
    Ok(Service::Not)
}
