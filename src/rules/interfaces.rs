//! Questions about configured interfaces that several rules ask.

use super::{Case, Finding, Verdict, case::known, shown};
use crate::guest::linux::glob;
use crate::guest::linux::network::card_names;
use crate::inspect::facts::{By, Family, Interface, LinkKind, Network, V4};

/// Most interfaces that a sentence names.
const NAMED: usize = 3;

/// The network of a guest whose files tell it.
pub fn network<'a>(case: &Case<'a>) -> Result<&'a Network, Box<Verdict>> {
    let guest = case.guest()?;
    if guest.family == Family::Windows {
        return Err(Box::new(Verdict::not_applicable("a Windows system")));
    }
    known(guest.network.as_ref(), "the configuration of the network")
}

/// The same of a Linux; `Unknown` on FreeBSD.
pub fn of_linux<'a>(case: &Case<'a>) -> Result<&'a Network, Box<Verdict>> {
    let network = network(case)?;
    case.linux()?;
    Ok(network)
}

/// An interface on DHCP from the start, on a link that a cloud provides.
pub fn on_dhcp(interface: &Interface) -> bool {
    interface.v4 == V4::Dhcp && !interface.off && interface.kind != LinkKind::Other && interface.bond.is_empty()
}

/// Whether a configuration is for the card that an instance gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// It is.
    Yes,
    /// That depends on the card's name.
    Perhaps,
    /// It is not.
    No,
}

/// Whether a configuration is for the card that an instance gets, by the names that the card may have.
pub fn card(interface: &Interface, network: &Network) -> Fit {
    let names = card_names(network.kernel_names.is_some());
    match interface.by {
        // Another machine's.
        By::Mac => Fit::No,
        By::Name if network.kernel_names.is_some() && names.contains(&interface.name.as_str()) => Fit::Yes,
        By::Name => Fit::Perhaps,
        By::Pattern => {
            let words = || interface.name.split([' ', ';', '\t']).filter(|word| !word.is_empty());
            let (not, wanted): (Vec<&str>, Vec<&str>) = words().partition(|word| word.starts_with('!'));
            let fits = |name: &&&str| {
                let any =
                    |words: &[&str]| words.iter().any(|w| glob::matches(w.trim_start_matches(['!', '|', '&']), name));
                !any(&not) && (wanted.is_empty() || any(&wanted))
            };
            match names.iter().filter(fits).count() {
                0 => Fit::No,
                all if all == names.len() => Fit::Yes,
                _ => Fit::Perhaps,
            }
        }
    }
}

/// An interface as a sentence names it.
pub fn named(interface: &Interface) -> String {
    match interface.by {
        By::Name => shown(&interface.name).trim_matches('"').to_owned(),
        By::Mac => format!("the card {}", shown(&interface.name).trim_matches('"')),
        By::Pattern => format!("whatever matches {}", shown(&interface.name)),
    }
}

/// Several interfaces as a sentence names them, each with what `what` says and where it stands.
pub fn listed<'a>(
    interfaces: impl Iterator<Item = &'a Interface>,
    what: impl Fn(&Interface) -> &'static str,
) -> String {
    let all: Vec<String> = interfaces.map(|i| format!("{} {} ({})", named(i), what(i), i.place)).collect();
    let more = all.len().saturating_sub(NAMED);
    let text = all.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{text} and {more} more") } else { text }
}

/// How an interface gets its IPv4 address, in two words.
pub fn how(interface: &Interface) -> &'static str {
    match (interface.v4, interface.off) {
        (V4::Dhcp, false) => "is on DHCP",
        (V4::Dhcp, true) => "is on DHCP but not brought up at boot",
        (V4::Static, false) => "has a static address",
        (V4::Static, true) => "has a static address and is not brought up at boot",
        (V4::None, _) if !interface.bond.is_empty() => "is part of a bond",
        (V4::None, false) => "has no address",
        (V4::None, true) => "is not brought up at boot",
        (V4::Unknown, _) => "is set up in a way that is not read",
    }
}

/// A finding with the interfaces as evidence.
pub fn seen<'a>(finding: Finding, interfaces: impl Iterator<Item = &'a Interface>) -> Finding {
    interfaces.take(8).fold(finding, |finding, i| finding.seen(format!("{} {}", named(i), how(i)), i.place.clone()))
}
