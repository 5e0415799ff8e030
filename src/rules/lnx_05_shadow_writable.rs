//! # What it checks
//! That a new password can be written to `/etc/shadow`.
//!
//! # Why
//! Alibaba Cloud sets root's password when it makes an instance; where the file cannot be written, that fails.
//!
//! # How it is found
//! The immutable and append-only flags of the file and of `/etc` (ext and XFS inodes; on FreeBSD `schg` and `uchg` of
//! `/etc/master.passwd`), and `ro` among root's mount options in `/etc/fstab`. Where no line there is for /, systemd leaves it
//! as it was mounted: `ro` on the kernel command line stays. Permission bits are only noted: root writes
//! whatever they say, and RHEL's own are 0000.
//!
//! # How to mend it
//! `chattr -i -a /etc/shadow`; on FreeBSD `chflags noschg,nouchg /etc/master.passwd`. Remove the option `ro` from the line for /
//! in `/etc/fstab`; where it has no such line, add one.

use super::boot_root::ROOT_TYPES;
use super::lnx_04_fstab::root_line;
use super::volumes::partition;
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, case::known, shown};
use crate::inspect::facts::{Accounts, Boot, Fact, Family, Init};

/// LNX-05.
pub const RULE: Rule = Rule {
    id: "LNX-05",
    name: "EtcShadowWritable",
    code: "EtcShadowReadOnly",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("lnx_05_shadow_writable.rs"),
    check,
};

/// Write permission of the owner (stat(2), `S_IWUSR`).
const OWNER_WRITES: u32 = 0o200;

/// The accounts of a guest that has such files.
pub fn accounts<'a>(case: &Case<'a>) -> Result<&'a Accounts, Box<Verdict>> {
    let guest = case.guest()?;
    if guest.family == Family::Windows {
        return Err(Box::new(Verdict::not_applicable("a Windows system")));
    }
    let accounts = known(guest.accounts.as_ref(), "the file of passwords")?;
    if accounts.file.is_empty() && case.coreos() {
        return Err(Box::new(Verdict::not_applicable("CoreOS makes /etc/shadow at its first start")));
    }
    Ok(accounts)
}

fn check(case: &Case) -> Judged {
    let accounts = accounts(case)?;
    if accounts.file.is_empty() {
        return Ok(Verdict::missing("there is no /etc/shadow"));
    }
    let path = accounts.file.as_str();
    let flagged = [(&accounts.immutable, "immutable", "i"), (&accounts.append_only, "append-only", "a")];
    let flagged = flagged.into_iter().find_map(|(at, what, flag)| Some((at.as_deref()?, what, flag)));
    if let Some((at, what, flag)) = flagged {
        let remedy = match case.guest()?.family {
            Family::FreeBSD => format!("In the guest: `chflags noschg,nouchg,nosappnd,nouappnd {at}`."),
            _ => format!("In the guest: `chattr -{flag} {at}`."),
        };
        return Ok(Finding::new(format!("{at} is {what}, so that no password can be set"))
            .seen(format!("flag {what}, mode {:04o}", accounts.mode), at)
            .remedy(remedy)
            .fail(Grade::Breach));
    }
    if let Some((line, place)) = read_only_root(case) {
        return Ok(Finding::new(format!("/ is mounted read-only ({place}), so that no password can be set"))
            .seen(line, place)
            .remedy("Remove the option ro from the line for / in /etc/fstab.")
            .fail(Grade::Breach));
    }
    if let Some(verdict) = never_mounted_anew(case) {
        return Ok(verdict);
    }
    let finding = Finding::new(format!("{path} can be written")).seen(format!("mode {:04o}", accounts.mode), path);
    Ok(if accounts.mode & OWNER_WRITES == 0 {
        finding
            .note(Grade::Note, format!("its mode {:04o} lets only root write, whom no mode stops", accounts.mode))
            .pass()
    } else {
        finding.pass()
    })
}

/// The line that mounts / read-only, and where it stands.
fn read_only_root(case: &Case) -> Option<(String, String)> {
    let linux = case.facts.guest.as_ref()?.linux.as_ref()?;
    let fstab = linux.fstab.as_ref().and_then(Fact::known)?;
    let root = fstab.entries.iter().find(|mount| mount.target == "/" && mount.options.iter().any(|o| o == "ro"))?;
    Some((format!("{} / with the option ro", shown(&root.source)), format!("/etc/fstab:{}", root.line)))
}

/// Of a root that the table has no line for: systemd-remount-fs(8) leaves it as the initramfs mounted it.
fn never_mounted_anew(case: &Case) -> Option<Verdict> {
    let linux = case.facts.guest.as_ref()?.linux.as_ref()?;
    let fstab = linux.fstab.as_ref().and_then(Fact::known)?;
    if case.freebsd() || case.coreos() || fstab.entries.iter().any(|mount| mount.target == "/") {
        return None;
    }
    let unknown =
        |why: &str| Verdict::missing(format!("whether / stays read-only: no line of /etc/fstab is for it, {why}"));
    let Some(boot) = linux.boot.as_ref().and_then(Fact::known) else {
        return Some(unknown("and the kernel command line is not known"));
    };
    // The last of the two counts (systemd-fstab-generator(8), initramfs-tools(7)).
    match boot.command_line.split_whitespace().rfind(|word| matches!(*word, "ro" | "rw")) {
        Some("rw") => return None,
        _ if by_type(case, boot) => return None,
        None => return Some(unknown("and the kernel command line says neither ro nor rw")),
        Some(_) if linux.init != Init::Systemd => return Some(unknown("and its init may mount it anew all the same")),
        Some(_) => {}
    }
    let place = shown(&boot.entry.place).trim_matches('"').to_owned();
    let message = format!(
        "/ is mounted read-only by the kernel command line ({place}) and stays so, as /etc/fstab has no line for it: no \
         password can be set"
    );
    Some(
        Finding::new(message)
            .seen("ro on the kernel command line", place)
            .seen("no line for /", "/etc/fstab")
            .remedy(format!("Add to /etc/fstab {}", root_line(case)))
            .fail(Grade::Breach),
    )
}

/// Whether systemd finds the root by its partition's type, and mounts it by that (systemd-gpt-auto-generator(8)).
fn by_type(case: &Case, boot: &Boot) -> bool {
    let typed = case.root().ok().and_then(|root| partition(case.facts, root));
    boot.root_name.as_deref().is_none_or(|name| name == "gpt-auto")
        && typed.is_some_and(|partition| ROOT_TYPES.contains(&partition.type_id.as_str()))
}
