//! # What it checks
//! That `/sbin`, `/bin`, `/lib` and `/lib64` are there, and that the programs without which no Linux starts are as their
//! packages brought them.
//!
//! # Why
//! Alibaba Cloud asks not to modify critical system files and names these folders: its tools change passwords and settings
//! with the programs in them.
//!
//! # How it is found
//! The folders: each is a folder or a relative link; `/lib64` is asked for only where the dynamic loader lies in it. The
//! files: init, sh, bash, the dynamic loader, the C library, mount, chpasswd, passwd and useradd, by the digests that dpkg,
//! rpm or apk hold of them; a link is compared as a link, of which dpkg only says that it is there. What a package has is
//! missing where nothing is, or a link that leads nowhere. Only what a package owns is compared: added drivers and programs
//! are no finding. A program that prelink has rewritten is undecided. CoreOS has the folders in `/usr`, where the links lead
//! that it makes at its first boot. On FreeBSD `/libexec/ld-elf.so.1` is asked for, and no file is compared.
//!
//! # How to mend it
//! Install the package again: `apt-get install --reinstall PACKAGE`, `yum reinstall PACKAGE`, `zypper install --force
//! PACKAGE`, `apk fix --reinstall PACKAGE`. A link with an absolute target: `ln -sfn usr/lib /lib`.

use super::text::join;
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, case::known, shown};
use crate::inspect::facts::{Changed, Critical, Fact, Packages};

/// LNX-01.
pub const RULE: Rule = Rule {
    id: "LNX-01",
    name: "CriticalFilesUnmodified",
    code: "CriticalSystemFileModified",
    verifiable: Verifiable::Partly,
    structural: false,
    source: include_str!("lnx_01_critical_files.rs"),
    check,
};

fn check(case: &Case) -> Judged {
    let linux = case.unix()?;
    let critical = known(linux.critical.as_ref(), "the folders of the system")?;
    let packages = linux.packages.as_ref();
    let manager = packages.and_then(Fact::known).map_or("", |packages| packages.manager.as_str());
    let gone = critical.changed.iter().filter(|changed| changed.found.is_empty());
    let mut lacks: Vec<String> = critical.missing.iter().map(|path| shown(path)).collect();
    lacks.extend(gone.map(|changed| {
        let leads = if changed.leads_to.is_empty() { "" } else { " (a link that leads nowhere)" };
        format!("{} of {}{leads}", shown(&changed.path), shown(&changed.package))
    }));
    let mut finding = Finding::default();
    for changed in critical.changed.iter().take(8) {
        finding = finding.seen(described(changed), changed.path.clone());
    }
    for link in &critical.absolute {
        finding = finding.seen(format!("a link to {}", shown(&link.value)), link.place.clone());
    }
    let remedy = reinstall(case, manager, &critical.changed);
    if !lacks.is_empty() {
        let message = format!("not there: {}", join(&lacks, 4));
        return Ok(Finding { message, ..finding }.remedy(remedy).fail(Grade::Breach));
    }
    if let Some(first) = critical.changed.first() {
        let paths: Vec<String> = critical.changed.iter().map(|changed| shown(&changed.path)).collect();
        let message = format!("not as {} has it: {}", shown(&first.package), join(&paths, 4));
        return Ok(Finding { message, ..finding }.remedy(remedy).fail(Grade::Doubt));
    }
    if let Some(link) = critical.absolute.first() {
        let message = format!("{} is a link with an absolute target, {}", shown(&link.place), shown(&link.value));
        let remedy = format!("In the guest: `ln -sfn {} {}`.", link.value.trim_start_matches('/'), link.place);
        return Ok(Finding { message, ..finding }.remedy(remedy).fail(Grade::Doubt));
    }
    compared(packages, critical)
}

/// Nothing is wrong with what could be looked at.
fn compared(packages: Option<&Fact<Packages>>, critical: &Critical) -> Judged {
    match packages {
        Some(Fact::Known(packages)) if packages.manager.is_empty() => {
            Ok(Verdict::not_applicable("the folders are there; without a package database no file can be compared"))
        }
        Some(Fact::Known(packages)) => {
            if let Some(undecided) = critical.undecided.first() {
                let (path, why) = (shown(&undecided.place), shown(&undecided.value));
                return Ok(Verdict::not_read(format!("{path} cannot be compared with its package: {why}")));
            }
            if critical.same == 0 {
                let manager = shown(&packages.manager);
                return Ok(Verdict::missing(format!("the database of {manager} says nothing of these files")));
            }
            Ok(Verdict::passed(format!("{} files and links are as their packages have them", critical.same)))
        }
        unread => Err(unread_database(unread)),
    }
}

/// A package database that could not be read leaves a rule undecided: it is no damage of what the rule is about.
#[expect(clippy::unnecessary_box_returns, reason = "as the answer of a rule that ends early")]
pub fn unread_database(packages: Option<&Fact<Packages>>) -> Box<Verdict> {
    Box::new(match packages {
        Some(Fact::Unreadable(trouble)) => {
            let why = super::Why::from(trouble);
            let message = format!("the package database could not be read: {}", why.message);
            Verdict::Unknown(super::Why { message, ..why })
        }
        _ => Verdict::missing("the package database was not looked at"),
    })
}

fn described(changed: &Changed) -> String {
    let found = match (changed.leads_to.as_str(), changed.found.as_str()) {
        ("", "") => "nothing".to_owned(),
        ("", found) => shown(found),
        (target, _) => format!("a link to {}, where nothing is", shown(target)),
    };
    let wanted = if changed.wanted.is_empty() { "a file or link there".to_owned() } else { shown(&changed.wanted) };
    format!("{found}, and {} has {wanted}", shown(&changed.package))
}

/// The command that brings a package's files back.
fn reinstall(case: &Case, manager: &str, changed: &[Changed]) -> String {
    let mut packages: Vec<&str> = changed.iter().map(|changed| changed.package.as_str()).collect();
    packages.dedup();
    // Names are the guest's own words: only those that a shell takes as they are.
    let plain = |name: &&str| name.chars().all(|c| c.is_ascii_alphanumeric() || "+-._".contains(c));
    packages.retain(plain);
    if case.freebsd() {
        return "Extract it again from base.txz of the same release: `tar -C / -xpf base.txz ./sbin ./bin ./lib ./libexec`."
            .to_owned();
    }
    if packages.is_empty() {
        return "Bring the folder back, as the distribution has it: a folder, or a relative link into /usr.".to_owned();
    }
    let command = match (manager, case.os_id()) {
        ("dpkg", _) => "apt-get install --reinstall",
        ("apk", _) => "apk fix --reinstall",
        (_, "sles" | "sles_sap" | "sled" | "suse" | "opensuse" | "opensuse-leap") => "zypper install --force",
        _ => "yum reinstall",
    };
    format!("In the guest: `{command} {}`.", packages.join(" "))
}
