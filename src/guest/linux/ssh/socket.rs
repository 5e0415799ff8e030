//! A socket of systemd that starts sshd (systemd.socket(5)).

use super::SOCKETS;
use super::config::{Config, address, is_numeric, port};
use super::listen;
use crate::disk::Result;
use crate::guest::linux::services::{Services, Start};
use crate::inspect::facts::Listen;

/// Makes a drop-in of `Port` and `ListenAddress` lines at each boot (Ubuntu 24.04 and later: sshd-socket-generator(8)).
const GENERATOR: &str = "sshd-socket-generator";

/// Where the socket listens; `Err` says why that is not known.
///
/// # Errors
/// What the filesystem reports.
pub fn listens(services: &Services, config: &Config) -> Result<std::result::Result<Vec<Listen>, String>> {
    let Some(units) = services.systemd() else { return Ok(Err("no unit of systemd".to_owned())) };
    let mut name = "";
    for unit in SOCKETS {
        if !matches!(units.start(unit)?, Start::Absent | Start::Disabled | Start::Kept { .. }) {
            name = unit;
            break;
        }
    }
    let Some(unit) = units.read(name)? else { return Ok(Err("the socket's file is not there".to_owned())) };
    if units.generator(GENERATOR)?.is_some() && !(config.ports.is_empty() && config.addresses.is_empty()) {
        // Its drop-in takes back what the socket's own file says.
        return Ok(config.undecided.clone().map_or_else(|| Ok(listen::listens(config, &[])), Err));
    }
    let only_v6 = unit.list("Socket", "BindIPv6Only").last().is_some_and(|entry| entry.value == "ipv6-only");
    let mut found = Vec::new();
    for entry in unit.list("Socket", "ListenStream") {
        // A path is a socket of this machine alone, `@` one without a name, vsock the host's.
        if entry.value.starts_with(['/', '@']) || entry.value.starts_with("vsock:") {
            continue;
        }
        let listen = match (port(&entry.value), address(&entry.value)) {
            (Some(port), _) if only_v6 => {
                Listen { address: "::".to_owned(), port, place: entry.place.clone(), ..Listen::default() }
            }
            (Some(port), _) => Listen { port, place: entry.place.clone(), ..Listen::default() },
            // systemd takes a connection to IPv4 on [::], too, unless it is told not to.
            (None, Some((any, Some(port)))) if any == "::" && !only_v6 && both(&unit) => {
                Listen { port, place: entry.place.clone(), ..Listen::default() }
            }
            (None, Some((address, Some(port)))) if is_numeric(&address) => {
                Listen { address, port, place: entry.place.clone(), ..Listen::default() }
            }
            _ => return Ok(Err(format!("{}: ListenStream={}", entry.place, entry.value))),
        };
        found.push(listen);
    }
    Ok(Ok(found))
}

/// `BindIPv6Only=default` leaves it to the kernel, which takes both where nothing says otherwise.
fn both(unit: &crate::guest::linux::services::systemd::unit::Unit) -> bool {
    unit.list("Socket", "BindIPv6Only").last().is_none_or(|entry| matches!(entry.value.as_str(), "both" | "default"))
}
