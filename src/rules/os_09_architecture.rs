//! # What it checks
//! That the system is made for a machine the cloud has, and for the one that was declared.
//!
//! # Why
//! Both clouds take 32 and 64 bit of one family of machines: `i386` and `x86_64`. Alibaba Cloud's form asks which.
//!
//! # How it is found
//! `e_machine` in the ELF header of the first program of the userland (init, the shell) that can be read, compared with
//! `spec.image.architecture`. A 64-bit kernel under a 32-bit userland is told: the userland decides.
//!
//! # How to mend it
//! Correct `spec.image.architecture`, or leave it out. A system for another machine has to be installed anew.

use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, shown};
use crate::api::Architecture;
use crate::inspect::facts::Family;

/// OS-09.
pub const RULE: Rule = Rule {
    id: "OS-09",
    name: "ArchitectureSupported",
    code: "ArchitectureMismatch",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("os_09_architecture.rs"),
    check,
};

/// Machines that all the documents name.
const SUPPORTED: [Architecture; 2] = [Architecture::x86_64, Architecture::i386];

fn check(case: &Case) -> Judged {
    let guest = case.guest()?;
    let Some(found) = &guest.architecture else {
        return Ok(match guest.family {
            Family::Windows => Verdict::not_read("the programs of Windows are not read by this version"),
            Family::Linux | Family::FreeBSD | Family::Unknown => {
                Verdict::missing("no program of the system could be read")
            }
        });
    };
    let value = shown(&found.value).trim_matches('"').to_owned();
    let finding = Finding::default().seen(value.clone(), found.place.clone());
    if !SUPPORTED.iter().any(|machine| machine.name() == found.value) {
        let message = format!("the system is made for {value}; the cloud takes x86_64 and i386 ({})", case.cited());
        let remedy = "Install the system anew on x86_64.";
        return Ok(Finding { message, ..finding }.remedy(remedy).fail(Grade::Breach));
    }
    if let Some(declared) = case.request.architecture.filter(|declared| declared.name() != found.value) {
        let message = format!("declared as {}, and the system is made for {value}", declared.name());
        let remedy = format!("Set spec.image.architecture to {value}, or leave it out.");
        return Ok(Finding { message, ..finding }.remedy(remedy).fail(Grade::Breach));
    }
    let kernel = guest.linux.as_ref().and_then(|linux| linux.kernels.iter().find(|kernel| kernel.default));
    let wider = kernel.is_some_and(|kernel| kernel.long_mode) && found.value == Architecture::i386.name();
    let finding = Finding { message: value, ..finding };
    Ok(if wider { finding.note(Grade::Note, "its kernel is one of 64 bit") } else { finding }.pass())
}
