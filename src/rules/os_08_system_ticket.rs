//! # What it checks
//! That a ticket is filed for a system that the cloud takes only after one: of the platform `Others Linux`, or of the user's
//! own making on the Linux kernel.
//!
//! # Why
//! Alibaba Cloud's form asks for a ticket in both cases: whether it supports the system is confirmed there, and nowhere in
//! its document.
//!
//! # How it is found
//! `spec.image.platform` is `Others Linux`. Or neither `ID` nor `ID_LIKE` of os-release names a distribution that is known,
//! and the kernel that starts came in no package. Nothing in the image shows whether there is a ticket.
//!
//! # How to mend it
//! File a ticket with the cloud. Once it is answered set `spec.image.acknowledgements: [OthersLinuxTicket]`, for a system of
//! the user's own making `[CustomKernelTicket]`.

use super::lnx_01_critical_files::unread_database;
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, case::release, shown};
use crate::api::Acknowledgement;
use crate::inspect::facts::{Fact, Family};

/// OS-08.
pub const RULE: Rule = Rule {
    id: "OS-08",
    name: "SystemTicketFiled",
    code: "CustomKernelOsNeedsTicket",
    verifiable: Verifiable::Partly,
    structural: false,
    source: include_str!("os_08_system_ticket.rs"),
    check,
};

/// `ID`s of distributions beside those that the cloud lists.
const DISTRIBUTIONS: &[&str] = &[
    "almalinux",
    "alpine",
    "amzn",
    "anolis",
    "arch",
    "centos",
    "debian",
    "deepin",
    "devuan",
    "fedora",
    "gentoo",
    "kali",
    "kylin",
    "linuxmint",
    "mageia",
    "mandriva",
    "mariner",
    "nixos",
    "ol",
    "openEuler",
    "openeuler",
    "opensuse-tumbleweed",
    "photon",
    "raspbian",
    "rhel",
    "rocky",
    "scientific",
    "slackware",
    "suse",
    "tencentos",
    "ubuntu",
    "uos",
    "void",
];

/// Something that needs a ticket: which one, and why.
type Need = (Acknowledgement, Finding);

fn check(case: &Case) -> Judged {
    let own = own_system(case);
    let needs = others_linux(case).into_iter().chain(own.as_ref().ok().cloned().flatten());
    let (given, open): (Vec<Need>, Vec<Need>) =
        needs.partition(|(ticket, _)| case.request.acknowledgements.contains(ticket));
    if !open.is_empty() {
        let messages: Vec<&str> = open.iter().map(|(_, finding)| finding.message.as_str()).collect();
        let tickets: Vec<String> = open.iter().map(|(ticket, _)| format!("{ticket:?}")).collect();
        let message = format!("{}: the cloud wants a ticket first ({})", messages.join("; "), case.cited());
        let remedy = format!(
            "File a ticket with the cloud, and once it is answered set spec.image.acknowledgements: [{}].",
            tickets.join(", ")
        );
        let evidence = open.iter().flat_map(|(_, finding)| finding.evidence.clone()).collect();
        return Ok(Finding { message, evidence, ..Finding::default() }.remedy(remedy).fail(Grade::Doubt));
    }
    // What is declared is acknowledged; what the image holds is another question.
    own?;
    if given.is_empty() {
        return Ok(Verdict::not_applicable("the system needs no ticket: it is of a distribution that is known"));
    }
    let said = given.iter().map(|(ticket, finding)| format!("{}, acknowledged: {ticket:?}", finding.message));
    Ok(Verdict::passed(said.collect::<Vec<_>>().join("; ")))
}

fn others_linux(case: &Case) -> Option<Need> {
    let platform = case.custom_platform().filter(|platform| platform.starts_with("Others"))?;
    Some((Acknowledgement::OthersLinuxTicket, Finding::new(format!("the image is declared as {platform}"))))
}

/// A system of the user's own making; nothing where it is not.
fn own_system(case: &Case) -> Result<Option<Need>, Box<Verdict>> {
    let guest = case.guest()?;
    match guest.family {
        Family::Windows => return Err(Box::new(Verdict::not_applicable("a Windows system"))),
        Family::FreeBSD => return Ok(None),
        Family::Linux | Family::Unknown => {}
    }
    let release = release(case)?;
    let id = release.map_or("", |release| release.id.as_str());
    if release.is_some_and(|release| {
        is_distribution(case, id) || release.id_like.iter().any(|like| is_distribution(case, like))
    }) {
        return Ok(None);
    }
    let linux = case.linux()?;
    let Some(Fact::Known(packages)) = &linux.packages else { return Err(unread_database(linux.packages.as_ref())) };
    let Some(kernel) = linux.kernels.first().filter(|kernel| kernel.default) else {
        return Err(Box::new(Verdict::missing("which kernel starts is not known")));
    };
    if packages.kernel.is_some() {
        return Ok(None);
    }
    let system = if id.is_empty() { "a system without a name".to_owned() } else { shown(id) };
    let owners = if packages.manager.is_empty() { "dpkg, rpm or apk" } else { &packages.manager };
    let message = format!(
        "{system} is no distribution that is known, and its kernel {} came in no package of {owners}",
        shown(&kernel.path)
    );
    let finding = Finding::new(message).seen(format!("release {}", shown(&kernel.version)), kernel.path.clone());
    Ok(Some((Acknowledgement::CustomKernelTicket, finding)))
}

fn is_distribution(case: &Case, id: &str) -> bool {
    let listed = case.profile.operating_systems.iter().any(|system| system.ids.iter().any(|listed| listed == id));
    listed || DISTRIBUTIONS.contains(&id)
}
