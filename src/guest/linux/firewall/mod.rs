//! Packet filters: which of them start, and whether SSH's port passes.

mod chains;
mod firewalld;
mod hooks;
mod iptables;
mod load;
mod nft;
mod packet;
mod suse;
#[cfg(test)]
mod tests;
mod ufw;
mod xml;

use super::services::rcconf::RcConf;
use super::services::{Service, Services, Start};
use super::{PATH_MAX, cut, optional};
use crate::disk::Result;
use crate::guest::Tree;
use crate::inspect::facts::{Firewall, Passage, Starts, When};
use chains::Outcome;

/// Largest file of rules or settings.
const MAX_BYTES: usize = 1 << 20;

/// One kind of packet filter.
struct Kind {
    name: &'static str,
    service: Service<'static>,
    /// What its rules make of SSH, asked only where it starts.
    judge: fn(&Tree, &Services) -> Result<Outcome>,
    /// What they make of it over IPv6, asked only where the others filter nothing.
    judge_v6: Option<fn(&Tree, &Services) -> Result<Outcome>>,
}

/// All kinds, in the order in which they are told.
const KINDS: &[Kind] = &[
    Kind {
        name: "firewalld",
        service: Service { units: &["firewalld.service"], scripts: &["firewalld"] },
        judge: |tree, _| firewalld::judge(tree),
        judge_v6: None,
    },
    Kind {
        name: "ufw",
        service: Service { units: &["ufw.service"], scripts: &["ufw"] },
        judge: |tree, _| ufw::judge(tree),
        judge_v6: None,
    },
    Kind {
        name: "SuSEfirewall2",
        service: Service {
            units: &["SuSEfirewall2.service"],
            scripts: &["SuSEfirewall2_setup", "SuSEfirewall2_final", "SuSEfirewall2"],
        },
        judge: |tree, _| suse::judge(tree),
        judge_v6: None,
    },
    Kind {
        name: "nftables",
        service: Service { units: &["nftables.service"], scripts: &["nftables"] },
        judge: |tree, services| match load::of_unit(tree, services, "nftables.service")? {
            Some((outcome, _)) => Ok(outcome),
            None => first(tree, NFT_FILES, nft::judge),
        },
        judge_v6: Some(|tree, services| match load::of_unit(tree, services, "nftables.service")? {
            Some((_, files)) => {
                let outcomes: Result<Vec<Outcome>> = files.iter().map(|file| nft::judge_v6(tree, file)).collect();
                Ok(chains::all(outcomes?))
            }
            None => first(tree, NFT_FILES, nft::judge_v6),
        }),
    },
    Kind {
        name: "iptables",
        service: Service { units: &["iptables.service"], scripts: &["iptables"] },
        judge: |tree, services| match load::of_unit(tree, services, "iptables.service")? {
            Some((outcome, _)) => Ok(outcome),
            None => first(
                tree,
                &[
                    "/etc/sysconfig/iptables",
                    "/etc/iptables/rules-save",
                    "/etc/iptables/iptables.rules",
                    "/var/lib/iptables/rules-save",
                ],
                saved,
            ),
        },
        judge_v6: None,
    },
    Kind {
        name: "ip6tables",
        service: Service { units: &["ip6tables.service"], scripts: &["ip6tables"] },
        judge: |_, _| Ok((Passage::Open, String::new())),
        judge_v6: Some(|tree, services| match load::of_unit(tree, services, "ip6tables.service")? {
            Some((outcome, _)) => Ok(outcome),
            None => first(
                tree,
                &["/etc/sysconfig/ip6tables", "/etc/iptables/rules6-save", "/etc/iptables/ip6tables.rules"],
                saved,
            ),
        }),
    },
    Kind {
        name: "netfilter-persistent",
        service: Service {
            units: &["netfilter-persistent.service", "iptables-persistent.service"],
            scripts: &["netfilter-persistent", "iptables-persistent"],
        },
        judge: |tree, _| first(tree, &["/etc/iptables/rules.v4", "/etc/iptables/rules"], saved),
        judge_v6: Some(|tree, _| first(tree, &["/etc/iptables/rules.v6"], saved)),
    },
    // What these make of SSH is not read.
    Kind {
        name: "shorewall",
        service: Service { units: &["shorewall.service"], scripts: &["shorewall"] },
        judge: unread,
        judge_v6: None,
    },
    Kind {
        name: "ferm",
        service: Service { units: &["ferm.service"], scripts: &["ferm"] },
        judge: unread,
        judge_v6: None,
    },
    Kind {
        name: "apf",
        service: Service { units: &["apf.service"], scripts: &["apf"] },
        judge: unread,
        judge_v6: None,
    },
    Kind {
        name: "csf",
        service: Service { units: &["csf.service"], scripts: &["csf"] },
        judge: unread,
        judge_v6: None,
    },
];
/// What nftables' own script loads where no unit says otherwise.
const NFT_FILES: &[&str] = &["/etc/sysconfig/nftables.conf", "/etc/nftables.conf", "/etc/nftables.nft"];

/// Those that start, or may.
///
/// # Errors
/// What the filesystem reports.
pub fn read(tree: &Tree, services: &Services) -> Result<Vec<Firewall>> {
    let mut found = Vec::new();
    for kind in KINDS {
        let start = services.start(&kind.service)?;
        if matches!(start, Start::Absent | Start::Disabled | Start::Kept { .. }) {
            continue;
        }
        if kind.name == "ufw" && !ufw::is_on(tree)? {
            continue;
        }
        let (mut ssh, mut place) = settled((kind.judge)(tree, services))?;
        let mut ipv6 = false;
        if let Some(judge) = kind.judge_v6.filter(|_| ssh == Passage::Open) {
            let other = settled(judge(tree, services))?;
            ipv6 = other.0 != Passage::Open;
            if ipv6 {
                (ssh, place) = other;
            }
        }
        let (name, starts) = (kind.name.to_owned(), start.into());
        found.push(Firewall { name, starts, ssh, place: cut(&place, PATH_MAX), ipv6 });
    }
    found.extend(hooks::read(tree, services)?);
    // An init that is not known may start any of them, or none: said once.
    if found.len() > 1 && found.iter().all(|f| f.starts.when == When::Unknown && f.starts.by == first_why(&found)) {
        found.truncate(1);
        if let Some(only) = found.first_mut() {
            "a packet filter".clone_into(&mut only.name);
        }
    }
    Ok(found)
}

fn first_why(found: &[Firewall]) -> String {
    found.first().map(|f| f.starts.by.clone()).unwrap_or_default()
}

/// The same of a FreeBSD (rc.conf(5)).
pub fn freebsd(conf: &RcConf) -> Vec<Firewall> {
    let filters = [("ipfw", "firewall_enable"), ("pf", "pf_enable"), ("ipfilter", "ipfilter_enable")];
    let mut found = Vec::new();
    for (name, variable) in filters {
        let starts: Starts = conf.start(variable).into();
        if matches!(starts.when, When::Absent | When::Never | When::Kept) {
            continue;
        }
        let open =
            name == "ipfw" && conf.value("firewall_type").is_some_and(|(kind, _)| kind.eq_ignore_ascii_case("open"));
        let place = if open { conf.value("firewall_type").map(|(_, place)| place.to_owned()) } else { None };
        let (ssh, place) = match place {
            Some(place) => (Passage::Open, place),
            None => (Passage::Unknown, format!("the rules of {name} are not read")),
        };
        found.push(Firewall { name: name.to_owned(), starts, ssh, place, ipv6: false });
    }
    found
}

/// Damage and limits of one filter's files leave open what it does, and nothing else.
fn settled(outcome: Result<Outcome>) -> Result<Outcome> {
    match outcome {
        Err(error) if error.kind == crate::disk::ErrorKind::Limit => Ok((Passage::Unknown, error.what)),
        outcome => outcome,
    }
}

/// The first of several files that is there; nothing is filtered where there is none.
fn first(tree: &Tree, files: &[&str], judge: fn(&Tree, &str) -> Result<Outcome>) -> Result<Outcome> {
    for file in files {
        if tree.exists(file)? {
            return judge(tree, file);
        }
    }
    Ok((Passage::Open, String::new()))
}

fn saved(tree: &Tree, file: &str) -> Result<Outcome> {
    Ok(iptables::judge(&text_of(tree, file)?, file))
}

#[expect(clippy::unnecessary_wraps, reason = "as those that are read")]
fn unread(_: &Tree, _: &Services) -> Result<Outcome> {
    Ok((Passage::Unknown, "its rules are not read by this version".to_owned()))
}

fn text_of(tree: &Tree, path: &str) -> Result<String> {
    Ok(optional(tree.read_text(path, MAX_BYTES))?.unwrap_or_default())
}

/// `NAME=value` or `NAME="value"` of a file of shell assignments, the last one, with its place.
fn setting(text: &str, file: &str, name: &str) -> Option<(String, String)> {
    let lines: Vec<(&str, u32)> = text.lines().zip(1_u32..).collect();
    let found =
        lines.into_iter().filter_map(|(line, number)| Some((line.trim().strip_prefix(name)?.trim_start(), number)));
    let (rest, number) =
        found.filter_map(|(rest, number)| Some((rest.strip_prefix('=')?.trim(), number))).next_back()?;
    let value = match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => rest.trim_start_matches(quote).split(quote).next().unwrap_or_default(),
        _ => rest.split_whitespace().next().unwrap_or_default(),
    };
    Some((value.to_owned(), format!("{file}:{number}")))
}
