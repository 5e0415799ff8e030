//! ufw (ufw(8), ufw-framework(8)): its own chains around three files of iptables-save's format.

use super::chains::{Action, Chain, Chains, Fit, Outcome, Policy, Rule, follow};
use super::iptables::parse;
use super::packet::Packet;
use super::{setting, text_of};
use crate::disk::Result;
use crate::guest::Tree;
use crate::guest::linux::services::is_program;
use crate::inspect::facts::Passage;

const CONFIG: &str = "/etc/ufw/ufw.conf";
const DEFAULTS: &str = "/etc/default/ufw";
/// Loaded in this order; the administrator's own rules lay in the second place before 0.30.
const BEFORE: &str = "/etc/ufw/before.rules";
const AFTER: &str = "/etc/ufw/after.rules";
const USER: &[&str] = &["/etc/ufw/user.rules", "/lib/ufw/user.rules", "/var/lib/ufw/user.rules"];
/// The chains that INPUT and OUTPUT call, in order, each with the side at its end (ufw-init-functions).
const CALLED: &[&str] =
    &["ufw-before-logging", "ufw-before", "ufw-after", "ufw-after-logging", "ufw-reject", "ufw-track"];
/// Chains of its own that end nothing.
const LOGGING: &[&str] = &["ufw-logging-deny", "ufw-logging-allow"];

/// Whether its start script does anything: `ENABLED=yes`.
pub(super) fn is_on(tree: &Tree) -> Result<bool> {
    let told = setting(&text_of(tree, CONFIG)?, CONFIG, "ENABLED");
    Ok(told.is_some_and(|(value, _)| value.eq_ignore_ascii_case("yes")))
}

/// What its rules make of SSH.
pub(super) fn judge(tree: &Tree) -> Result<Outcome> {
    // Scripts of the administrator's own, which run where they may.
    for script in ["/etc/ufw/before.init", "/etc/ufw/after.init"] {
        if is_program(tree, script)? {
            return Ok((Passage::Unknown, script.to_owned()));
        }
    }
    Packet::both(|packet| judge_one(tree, packet))
}

fn judge_one(tree: &Tree, packet: Packet) -> Result<Outcome> {
    let (side, first, name, usual) = match packet {
        Packet::Request => ("input", "INPUT", "DEFAULT_INPUT_POLICY", "DROP"),
        Packet::Reply => ("output", "OUTPUT", "DEFAULT_OUTPUT_POLICY", "ACCEPT"),
    };
    let defaults = text_of(tree, DEFAULTS)?;
    let (policy, place) = setting(&defaults, DEFAULTS, name).unwrap_or_else(|| (usual.to_owned(), DEFAULTS.to_owned()));
    let called: Vec<String> = CALLED.iter().map(|chain| format!("{chain}-{side}")).collect();
    let mut chains = Chains::new();
    for name in called.iter().map(String::as_str).chain(LOGGING.iter().copied()) {
        chains.insert(name.to_owned(), Chain::default());
    }
    let to_policy = match policy.as_str() {
        "ACCEPT" => Action::Accept,
        "DROP" | "REJECT" => Action::Drop,
        _ => return Ok((Passage::Unknown, place)),
    };
    let skip = vec![always(to_policy, &place)];
    chains.insert(format!("ufw-skip-to-policy-{side}"), Chain { rules: skip, policy: None });
    let mut user = "";
    for file in USER {
        if user.is_empty() && tree.exists(file)? {
            user = file;
        }
    }
    for file in [BEFORE, AFTER, user].into_iter().filter(|file| !file.is_empty()) {
        match parse(&text_of(tree, file)?, file, packet) {
            // Only this table is loaded into what lies here.
            Ok(tables) if tables.iter().all(|(name, _)| name == "filter" || name == "nat") => {
                chains.extend(tables.into_iter().filter(|(name, _)| name == "filter").flat_map(|(_, chains)| chains));
            }
            Ok(_) => return Ok((Passage::Unknown, file.to_owned())),
            Err(place) => return Ok((Passage::Unknown, place)),
        }
    }
    let user_chain = format!("ufw-user-{side}");
    if !user.is_empty() && (packet == Packet::Request || chains.contains_key(&user_chain)) {
        let hook = always(Action::Jump(user_chain), user);
        chains.entry(format!("ufw-before-{side}")).or_default().rules.push(hook);
    }
    if policy == "REJECT" {
        chains.entry(format!("ufw-reject-{side}")).or_default().rules.push(always(Action::Drop, &place));
    }
    let rules = called.into_iter().map(|chain| always(Action::Jump(chain), CONFIG)).collect();
    let policy = Policy { drops: policy != "ACCEPT", place };
    chains.insert(first.to_owned(), Chain { rules, policy: Some(policy) });
    Ok(follow(&chains, first))
}

fn always(action: Action, place: &str) -> Rule {
    Rule { fit: Fit::Yes, action, place: place.to_owned() }
}
