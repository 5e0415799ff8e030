//! Rules that no service of a packet filter loads: scripts of the administrator's, hooks of ifupdown and NetworkManager.

use super::KINDS;
use super::load::loads;
use crate::disk::Result;
use crate::guest::Tree;
use crate::guest::linux::services::{Service, Services, Start};
use crate::guest::linux::{PATH_MAX, cut, names, optional};
use crate::inspect::facts::{Firewall, Passage};

/// ifupdown's files of interfaces, with hooks of their own (interfaces(5)), and its directories of scripts.
const INTERFACES: &[&str] = &["/etc/network/interfaces"];
const INTERFACES_D: &str = "/etc/network/interfaces.d";
const IFUPDOWN: &[&str] = &["/etc/network/if-pre-up.d", "/etc/network/if-up.d"];
/// NetworkManager's (NetworkManager-dispatcher(8)).
const DISPATCHER: &[&str] = &["/etc/NetworkManager/dispatcher.d", "/etc/NetworkManager/dispatcher.d/pre-up.d"];
/// Most scripts, and most bytes of a file of interfaces.
const MAX_SCRIPTS: usize = 256;
const MAX_BYTES: usize = 256 * 1024;

/// The first line of each script that is run at boot and loads rules that filter.
///
/// # Errors
/// What the filesystem reports.
pub fn read(tree: &Tree, services: &Services) -> Result<Vec<Firewall>> {
    let mut found: Vec<Firewall> = Vec::new();
    for (path, text) in texts(tree, services)? {
        // One script may be linked to in several places.
        if let Some(firewall) = one(tree, &path, &text)?
            && found.iter().all(|other| other.place != firewall.place || other.name != firewall.name)
        {
            found.push(firewall);
        }
    }
    Ok(found)
}

fn one(tree: &Tree, path: &str, text: &str) -> Result<Option<Firewall>> {
    for (line, number) in text.lines().zip(1_u32..) {
        let bare = line.trim();
        if line.starts_with("exit") {
            break;
        }
        let Some(load) = loads(bare).filter(|_| !bare.starts_with('#')) else { continue };
        // Of a unit there are only its commands, and no lines.
        let by = if path.ends_with(".service") { path.to_owned() } else { format!("{path}:{number}") };
        let by = cut(&by, PATH_MAX);
        let Some((ssh, place)) = load.judge(tree, &by)?.filter(|(ssh, _)| *ssh != Passage::Open) else { continue };
        // Within a block of a shell: on what, is not followed.
        let starts = if line.starts_with([' ', '\t']) {
            Start::Unknown { why: format!("{by}: whether that line is run is not known") }
        } else {
            Start::Enabled { by }
        };
        let name = load.program();
        let ipv6 = name.starts_with("ip6");
        return Ok(Some(Firewall {
            name: name.to_owned(),
            starts: starts.into(),
            ssh,
            place: cut(&place, PATH_MAX),
            ipv6,
        }));
    }
    Ok(None)
}

/// Scripts that are run, but those of the services that are asked for by name.
fn texts(tree: &Tree, services: &Services) -> Result<Vec<(String, String)>> {
    let mut found = services.texts(true)?;
    found.retain(|(path, _)| !KINDS.iter().any(|kind| is_of(&kind.service, path)));
    let starts = |units: &'static [&'static str], scripts: &'static [&'static str]| {
        Ok(matches!(services.start(&Service { units, scripts })?, Start::Enabled { .. }))
    };
    let mut dirs: Vec<&str> = Vec::new();
    if (tree.exists("/sbin/ifup")? || tree.exists("/usr/sbin/ifup")?)
        && starts(&["networking.service"], &["networking"])?
    {
        dirs.extend(IFUPDOWN);
        let mut files: Vec<String> = INTERFACES.iter().map(|file| (*file).to_owned()).collect();
        files.extend(names(tree, INTERFACES_D)?.into_iter().map(|name| format!("{INTERFACES_D}/{name}")));
        for file in files.into_iter().take(MAX_SCRIPTS) {
            let text = optional(tree.read_text(&file, MAX_BYTES))?.unwrap_or_default();
            found.push((file, text.lines().map(hook).collect::<Vec<_>>().join("\n")));
        }
    }
    if starts(&["NetworkManager.service"], &["NetworkManager", "network-manager"])? {
        dirs.extend(DISPATCHER);
    }
    for dir in dirs {
        // A name with a dot, an editor's copy, is passed over (run-parts(8)).
        let plain = |name: &String| !name.contains(['.', '~']) || !dir.starts_with("/etc/network");
        for name in names(tree, dir)?.into_iter().filter(plain).take(MAX_SCRIPTS) {
            let path = format!("{dir}/{name}");
            found.extend(services.text(&path)?.map(|text| (path, text)));
        }
    }
    Ok(found)
}

/// The command of a line of interfaces(5) that is run when the interface comes up; empty for every other line.
fn hook(line: &str) -> &str {
    let found =
        line.trim().split_once(char::is_whitespace).filter(|(key, _)| matches!(*key, "pre-up" | "up" | "post-up"));
    found.map_or("", |(_, command)| command.trim())
}

/// Whether a unit, a start link or a script of that path is the service's.
fn is_of(service: &Service, path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let linked = name.strip_prefix('S').map_or(name, |rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
    service.units.contains(&name)
        || service
            .scripts
            .iter()
            .any(|script| *script == name || *script == linked || name.strip_suffix(".conf") == Some(script))
}
