//! firewalld (firewalld.conf(5), firewalld.zone(5), firewalld.service(5), firewalld.richlanguage(5)).

use super::chains::Outcome;
use super::packet::in_range;
use super::xml::{Element, elements};
use super::{setting, text_of};
use crate::disk::Result;
use crate::guest::Tree;
use crate::guest::linux::firewall::chains::Fit;
use crate::guest::linux::{names, optional};
use crate::inspect::facts::Passage;

const CONFIG: &str = "/etc/firewalld/firewalld.conf";
/// The administrator's files, which count instead of the distribution's of the same name.
const DIRS: &[&str] = &["/etc/firewalld", "/usr/lib/firewalld"];
/// Zone without a configuration (firewalld.conf(5), `DefaultZone`).
const DEFAULT: &str = "public";
/// Most zones and services that are read.
const MAX_FILES: usize = 64;

/// What the zones make of SSH: the default one, and those that interfaces are bound to.
#[expect(clippy::case_sensitive_file_extension_comparisons, reason = "as firewalld compares")]
pub(super) fn judge(tree: &Tree) -> Result<Outcome> {
    let config = text_of(tree, CONFIG)?;
    let default = setting(&config, CONFIG, "DefaultZone").map_or_else(|| DEFAULT.to_owned(), |(zone, _)| zone);
    // Rules and policies of the administrator's own come before the zones.
    let direct = text_of(tree, "/etc/firewalld/direct.xml")?;
    if elements(&direct).is_none_or(|list| list.iter().any(|e| matches!(e.name.as_str(), "rule" | "passthrough")))
        && !direct.is_empty()
    {
        return Ok((Passage::Unknown, "/etc/firewalld/direct.xml".to_owned()));
    }
    for policy in optional(tree.list("/etc/firewalld/policies", MAX_FILES))?.unwrap_or_default() {
        if policy.ends_with(".xml") {
            return Ok((Passage::Unknown, format!("/etc/firewalld/policies/{policy}")));
        }
    }
    let mut found = zone(tree, &default)?;
    for name in optional(tree.list("/etc/firewalld/zones", MAX_FILES))?.unwrap_or_default() {
        let Some(other) = name.strip_suffix(".xml").filter(|other| *other != default) else { continue };
        let path = format!("/etc/firewalld/zones/{name}");
        let Some(list) = elements(&text_of(tree, &path)?) else { return Ok((Passage::Unknown, path)) };
        if !list.iter().any(|e| matches!(e.name.as_str(), "interface" | "source") && e.within.len() == 1) {
            continue;
        }
        // Which interface the machine has, and who calls, is not known.
        let bound = zone(tree, other)?;
        if bound.0 != found.0 {
            return Ok((Passage::Unknown, path));
        }
        found = bound;
    }
    for (name, place) in connections(tree)? {
        if name != default && zone(tree, &name)?.0 != found.0 {
            return Ok((Passage::Unknown, place));
        }
    }
    Ok(found)
}

/// Zones that network configurations name for their interfaces (ifcfg files, NetworkManager's keyfiles).
fn connections(tree: &Tree) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    let scripts = ("/etc/sysconfig/network-scripts", "ifcfg-", "", "ZONE");
    let keyfiles = ("/etc/NetworkManager/system-connections", "", ".nmconnection", "zone");
    for (dir, start, end, key) in [scripts, keyfiles] {
        let names = names(tree, dir)?;
        for name in names.iter().filter(|n| n.starts_with(start) && n.ends_with(end)).take(MAX_FILES) {
            let path = format!("{dir}/{name}");
            let zone = setting(&text_of(tree, &path)?, &path, key);
            found.extend(zone.filter(|(zone, _)| !zone.is_empty()));
        }
    }
    Ok(found)
}

/// What one zone makes of SSH.
fn zone(tree: &Tree, name: &str) -> Result<Outcome> {
    let Some((path, list)) = file(tree, "zones", name)? else {
        return Ok((Passage::Unknown, format!("the zone {name} is not there")));
    };
    let Some(list) = list else { return Ok((Passage::Unknown, path)) };
    let at = |element: &Element| format!("{path}:{}", element.line);
    let mut passes = Fit::No;
    for element in list.iter().filter(|e| e.within.len() == 1) {
        match element.name.as_str() {
            "port" if is_tcp(element) => passes = Fit::any([passes, in_range(element.attribute("port"), '-')]),
            "protocol" if matches!(element.attribute("value"), "tcp" | "6") => passes = Fit::Yes,
            "service" => passes = Fit::any([passes, service(tree, element.attribute("name"))?]),
            "source-port" => passes = Fit::any([passes, Fit::Maybe]),
            // Sent on elsewhere before it is filtered.
            "forward-port" if is_tcp(element) && in_range(element.attribute("port"), '-') != Fit::No => {
                return Ok((Passage::Unknown, at(element)));
            }
            "rule" if concerns(tree, &list, element)? => return Ok((Passage::Unknown, at(element))),
            _ => {}
        }
    }
    let target = list.first().map_or("", |zone| zone.attribute("target"));
    Ok(match (passes, target) {
        (Fit::Yes, _) | (_, "ACCEPT") => (Passage::Passes, path),
        (Fit::No, "" | "default" | "%%REJECT%%" | "REJECT" | "DROP") => (Passage::Blocked, path),
        (Fit::No | Fit::Maybe, _) => (Passage::Unknown, path),
    })
}

/// Whether a rich rule may be about SSH: it names no other service, port or protocol.
fn concerns(tree: &Tree, list: &[Element], rule: &Element) -> Result<bool> {
    let after = list.iter().skip_while(|e| *e != rule).skip(1);
    for element in after.take_while(|e| e.within.len() > 1) {
        match element.name.as_str() {
            "service" => return Ok(service(tree, element.attribute("name"))? != Fit::No),
            "port" => return Ok(is_tcp(element) && in_range(element.attribute("port"), '-') != Fit::No),
            "protocol" => return Ok(matches!(element.attribute("value"), "tcp" | "6")),
            "icmp-block" | "icmp-type" | "masquerade" => return Ok(false),
            _ => {}
        }
    }
    Ok(true)
}

/// Whether a service has the port.
fn service(tree: &Tree, name: &str) -> Result<Fit> {
    let Some((_, list)) = file(tree, "services", name)? else { return Ok(Fit::Maybe) };
    let Some(list) = list else { return Ok(Fit::Maybe) };
    let mut found = Fit::No;
    for element in &list {
        match element.name.as_str() {
            "port" if is_tcp(element) && element.attribute("port").is_empty() => found = Fit::Yes,
            "port" if is_tcp(element) => found = Fit::any([found, in_range(element.attribute("port"), '-')]),
            "protocol" if matches!(element.attribute("value"), "tcp" | "6") => found = Fit::Yes,
            "include" | "destination" => found = Fit::any([found, Fit::Maybe]),
            _ => {}
        }
    }
    Ok(found)
}

fn is_tcp(element: &Element) -> bool {
    element.attribute("protocol") == "tcp"
}

/// The file of a zone or service, and its elements where it is XML.
fn file(tree: &Tree, kind: &str, name: &str) -> Result<Option<(String, Option<Vec<Element>>)>> {
    if name.is_empty() || name.contains('/') {
        return Ok(None);
    }
    for dir in DIRS {
        let path = format!("{dir}/{kind}/{name}.xml");
        if let Some(text) = optional(tree.read_text(&path, super::MAX_BYTES))? {
            return Ok(Some((path, elements(&text))));
        }
    }
    Ok(None)
}
