//! # What it checks
//! That the guest is set up for one network card.
//!
//! # Why
//! Alibaba Cloud does not support several network interfaces in an image: the instance starts with one.
//!
//! # How it is found
//! Cards bound by name or hardware address count one each, the parts of a bond as one; loopback, VLANs and bridges do not
//! count. Whatever is matched by pattern is one at most, and adds nothing to those that are bound. Names in
//! `70-persistent-net.rules` alone are a doubt: they are left over from every card that was ever there.
//!
//! # How to mend it
//! Keep the configuration of the first card, and remove the others and `/etc/udev/rules.d/70-persistent-net.rules`.

use std::collections::BTreeSet;

use super::interfaces::{how, listed, of_linux, seen};
use super::{Case, Finding, Grade, Judged, Rule, Verifiable};
use crate::inspect::facts::{By, Interface, LinkKind, V4};

/// SVC-11.
pub const RULE: Rule = Rule {
    id: "SVC-11",
    name: "SingleNetworkInterface",
    code: "MultipleNetworkInterfaces",
    verifiable: Verifiable::Partly,
    structural: false,
    source: include_str!("svc_11_interfaces.rs"),
    check,
};

fn check(case: &Case) -> Judged {
    let network = of_linux(case)?;
    let bound: Vec<&Interface> = network.interfaces.iter().filter(|i| i.by != By::Pattern && is_card(i)).collect();
    let count = bound.iter().map(|i| card(i)).collect::<BTreeSet<_>>().len();
    if count >= 2 {
        let heavy = bound.iter().filter(|i| !i.off && (i.required || i.v4 == V4::Static));
        let heavy = heavy.map(|i| card(i)).collect::<BTreeSet<_>>().len();
        let more = if network.more > 0 { format!(", and {} more are configured", network.more) } else { String::new() };
        let message = format!("{count} network cards are configured: {}{more}", listed(bound.iter().copied(), how));
        let grade = if heavy >= 2 { Grade::Breach } else { Grade::Doubt };
        return Ok(seen(Finding::new(message), bound.into_iter()).fail(grade));
    }
    if network.persistent >= 2 {
        let rules = "/etc/udev/rules.d/70-persistent-net.rules";
        return Ok(Finding::new(format!("{rules} names {} network cards", network.persistent))
            .seen(format!("{} names", network.persistent), rules)
            .remedy(format!("In the guest: `rm {rules}`."))
            .fail(Grade::Doubt));
    }
    let message = match bound.first() {
        Some(one) => format!("one network card is configured: {}", listed(std::iter::once(*one), how)),
        None => "no network card is bound by name or hardware address".to_owned(),
    };
    let finding = seen(Finding::new(message), bound.into_iter());
    case.unless_truncated(&["network.interfaces"], finding.pass())
}

fn is_card(interface: &Interface) -> bool {
    matches!(interface.kind, LinkKind::Card | LinkKind::Bond)
}

/// What stands for one card: a bond's parts are the bond.
fn card(interface: &Interface) -> (bool, &str) {
    match (interface.kind, interface.bond.as_str()) {
        (LinkKind::Bond, _) => (true, interface.name.as_str()),
        (_, "") => (false, interface.name.as_str()),
        (_, bond) => (true, bond),
    }
}
