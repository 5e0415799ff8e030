//! Addresses and ports, from what is configured.

use super::config::Config;
use crate::inspect::facts::Listen;

/// OpenSSH: `SSH_DEFAULT_PORT`, ssh.h.
const DEFAULT: u16 = 22;

/// Where sshd listens by its configuration; `ports` of the command line count instead of `Port` lines, though not instead
/// of a port that belongs to an address (sshd(8), `-p`).
pub fn listens(config: &Config, ports: &[(u16, String)]) -> Vec<Listen> {
    let option = !ports.is_empty();
    let configured = if option { ports } else { config.ports.as_slice() };
    let default = [(DEFAULT, String::new())];
    let ports = if configured.is_empty() { &default } else { configured };
    let any = |(port, place): &(u16, String)| Listen {
        address: of_family(config),
        port: *port,
        place: place.clone(),
        option,
    };
    if config.addresses.is_empty() {
        return ports.iter().map(any).collect();
    }
    let mut found = Vec::new();
    for (address, port, place) in &config.addresses {
        let at = |port: u16, place: &str| Listen {
            address: address.clone(),
            port,
            place: place.to_owned(),
            ..Listen::default()
        };
        match port {
            Some(port) => found.push(at(*port, place)),
            None => found.extend(ports.iter().map(|(port, _)| at(*port, place))),
        }
    }
    found
}

/// Every address of one family, where only one is asked for.
fn of_family(config: &Config) -> String {
    match config.family.as_ref().map(|(family, _)| family.as_str()) {
        Some("inet" | "-4") => "0.0.0.0".to_owned(),
        Some("inet6" | "-6") => "::".to_owned(),
        _ => String::new(),
    }
}
