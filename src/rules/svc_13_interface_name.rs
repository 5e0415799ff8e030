//! # What it checks
//! That the network is set up for the interface that an instance gets, whatever its name was where the image was made.
//!
//! # Why
//! Tencent Cloud gives an instance the interface `eth0`. A configuration bound to another name or to a hardware address finds
//! nothing there.
//!
//! # How it is found
//! Interfaces bound by name or hardware address, and how udev names cards: predictable names (`ens5`) depend on the machine's
//! slots, `net.ifnames=0` keeps `eth0`, `70-persistent-net.rules` gives `eth0` to the card of another machine. A pattern,
//! cloud-init, and NetworkManager without a profile find any interface.
//!
//! # How to mend it
//! Match by pattern, or set `net.ifnames=0` on the kernel command line (`/etc/default/grub`, then `update-grub` or
//! `grub2-mkconfig -o /boot/grub2/grub.cfg`) and set up `eth0`; remove hardware addresses and
//! `/etc/udev/rules.d/70-persistent-net.rules`.

use super::interfaces::{named, of_linux, on_dhcp};
use super::lnx_03_boot_entry::bare;
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, commands};
use crate::inspect::facts::{By, Interface, LinkKind};

/// SVC-13.
pub const RULE: Rule = Rule {
    id: "SVC-13",
    name: "InterfaceNameIndependent",
    code: "PrimaryInterfaceName",
    verifiable: Verifiable::Partly,
    structural: false,
    source: include_str!("svc_13_interface_name.rs"),
    check,
};

fn check(case: &Case) -> Judged {
    let network = of_linux(case)?;
    let cards = || network.interfaces.iter().filter(|i| i.kind == LinkKind::Card && !i.off);
    let finding = match &network.kernel_names {
        Some(why) => Finding::default().seen("interfaces keep the names eth0, eth1", why.clone()),
        None => Finding::default().seen("interfaces get predictable names", "udev"),
    };
    if network.persistent > 0 && network.automatic.is_none() {
        let rules = "/etc/udev/rules.d/70-persistent-net.rules";
        let message = format!(
            "{rules} names {} cards by their hardware addresses, so that the instance's becomes eth{}",
            network.persistent, network.persistent
        );
        let finding = Finding { message, ..finding }.seen("names by hardware address", rules);
        return Ok(finding.remedy(format!("In the guest: `rm {rules}`.")).fail(Grade::Note));
    }
    if let Some(by) = &network.automatic {
        let message = format!("{} sets up interfaces of any name", by.value);
        return Ok(Finding { message, ..finding }.seen(by.value.clone(), by.place.clone()).pass());
    }
    if let Some(any) = cards().find(|i| i.by == By::Pattern && on_dhcp(i)) {
        let message = format!("the network is set up for {}", named(any));
        return Ok(Finding { message, ..finding }.seen(named(any), any.place.clone()).pass());
    }
    let bound: Vec<&Interface> = cards().filter(|i| i.by != By::Pattern && i.bond.is_empty()).collect();
    let Some(first) = bound.first() else { return Ok(Verdict::passed("no interface is bound to a name")) };
    let finding = finding.seen(format!("bound to {}", named(first)), first.place.clone());
    if network.kernel_names.is_some() && bound.iter().any(|i| i.by == By::Name && i.name == "eth0") {
        let message = format!("the network is set up for eth0 ({})", first.place);
        return Ok(Finding { message, ..finding }.pass());
    }
    let why = match (first.by, &network.kernel_names) {
        (By::Mac, _) => "an instance has another hardware address",
        (_, Some(_)) => "the instance's is eth0",
        (_, None) => "predictable names depend on the machine, so that the instance's may be another",
    };
    let message = format!("the network is set up for {} ({}): {why}", named(first), first.place);
    let remedy = match (first.by, &network.kernel_names) {
        (By::Mac, _) => format!("Take the hardware address out of {}.", bare(&first.place)),
        (_, Some(_)) => "Set up eth0 in its place, or match by pattern.".to_owned(),
        (_, None) => format!(
            "Match by pattern, or set net.ifnames=0 on the kernel command line ({}) and set up eth0.",
            commands::kernel_line(case)
        ),
    };
    Ok(Finding { message, ..finding }.remedy(remedy).fail(Grade::Note))
}
