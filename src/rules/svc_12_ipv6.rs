//! # What it checks
//! That the guest has no static IPv6 address.
//!
//! # Why
//! Alibaba Cloud does not support IPv6 addresses in an image.
//!
//! # How it is found
//! Static addresses and gateways in the configuration of any interface. What every system has by default (link-local
//! addresses, `IPV6INIT=yes` without an address, `method=auto`) is fine; DHCPv6 and router advertisements that are asked for
//! are noted. What cloud-init wrote and will write anew does not count.
//!
//! # How to mend it
//! Remove the IPv6 address and gateway from the file that is named.

use super::interfaces::{named, of_linux};
use super::{Case, Finding, Grade, Judged, Rule, Verifiable, shown};
use crate::inspect::facts::{Interface, V6};

/// SVC-12.
pub const RULE: Rule = Rule {
    id: "SVC-12",
    name: "NoStaticIpv6",
    code: "Ipv6Configured",
    verifiable: Verifiable::Partly,
    structural: false,
    source: include_str!("svc_12_ipv6.rs"),
    check,
};

fn check(case: &Case) -> Judged {
    let network = of_linux(case)?;
    let mut fixed = network.interfaces.iter().filter(|i| i.v6 == V6::Static && !i.rewritten).peekable();
    if let Some(first) = fixed.peek().copied() {
        let message = format!("{} has the IPv6 address {} ({})", named(first), shown(&first.address6), first.place);
        let all: Vec<&Interface> = fixed.collect();
        let idle = all.iter().all(|i| i.off);
        let finding = all.iter().fold(Finding::new(message), |f, i| f.seen(i.address6.clone(), i.place.clone()));
        let finding = finding.remedy(format!("Remove the IPv6 address and gateway from {}.", first.place));
        return Ok(finding.fail(if idle { Grade::Doubt } else { Grade::Breach }));
    }
    let learnt = network.interfaces.iter().find_map(|i| match i.v6 {
        V6::Dhcp => Some((i, "asks for an IPv6 address by DHCPv6")),
        V6::Auto => Some((i, "takes IPv6 addresses from router advertisements")),
        V6::Static | V6::None => None,
    });
    let finding = Finding::new("no interface has a static IPv6 address");
    let finding = match learnt {
        Some((i, what)) => finding.seen(what, i.place.clone()).note(Grade::Note, format!("{} {what}", named(i))),
        None => finding,
    };
    case.unless_truncated(&["network.interfaces"], finding.pass())
}
