//! # What it checks
//! That SELinux is not enabled.
//!
//! # Why
//! Alibaba Cloud advises against it since 2020-12, and forbade it before: the files it writes at import have no labels, and
//! the system may not start.
//!
//! # How it is found
//! `SELINUX=` in `/etc/selinux/config`, as libselinux reads it, and `enforcing=` on the kernel command line. It counts only
//! where the kernel has SELinux on: `selinux=`, `security=` and `lsm=` on the line, then CONFIG_LSM or CONFIG_DEFAULT_SECURITY
//! of the default kernel. Of a list the first of SELinux, AppArmor and Smack is on, AppArmor not with `apparmor=0`.
//! `/.autorelabel` is shown.
//!
//! # How to mend it
//! Set `SELINUX=disabled` in `/etc/selinux/config`. If it has to stay on, follow the cloud's "Enable or disable SELinux":
//! `touch /.autorelabel` before the image is made.

use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, case::known, commands};
use crate::api::Action;
use crate::inspect::facts::{Fact, Family, SeLinuxMode, SecurityModule};

/// LNX-06.
pub const RULE: Rule = Rule {
    id: "LNX-06",
    name: "SelinuxNotEnabled",
    code: "SelinuxEnabled",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("lnx_06_selinux.rs"),
    check,
};

fn check(case: &Case) -> Judged {
    match case.guest()?.family {
        Family::Windows => return Ok(Verdict::not_applicable("a Windows system")),
        Family::FreeBSD => return Ok(Verdict::not_applicable("FreeBSD has no SELinux")),
        Family::Linux | Family::Unknown => {}
    }
    let linux = case.linux()?;
    let selinux = known(linux.selinux.as_ref(), "/etc/selinux/config")?;
    let (word, grade) = match selinux.mode {
        SeLinuxMode::Unknown => return Ok(Verdict::missing("the mode of SELinux is not known to this version")),
        SeLinuxMode::Disabled => {
            let finding = match selinux.place.as_str() {
                "" => Finding::new("SELinux is not configured"),
                place => Finding::new(format!("SELinux is disabled ({place})")).seen("disabled", place),
            };
            return Ok(finding.pass());
        }
        SeLinuxMode::Enforcing => ("enforcing", Grade::Breach),
        // A cloud that lets it be on with a procedure only advises against its permissive mode.
        SeLinuxMode::Permissive if case.wanted.action == Action::Require => ("permissive", Grade::Doubt),
        SeLinuxMode::Permissive => ("permissive", Grade::Note),
    };
    let finding = Finding::default().seen(word, selinux.place.clone());
    let finding = if selinux.because.is_empty() {
        finding
    } else {
        finding.seen("whether the kernel has it on", selinux.because.clone())
    };
    if selinux.module == SecurityModule::Off {
        let message = format!("SELinux is off in the kernel ({})", selinux.because);
        let finding = Finding { message, ..finding };
        return Ok(match selinux.mode {
            SeLinuxMode::Enforcing => {
                finding.note(Grade::Note, format!("though {} says enforcing", selinux.place)).pass()
            }
            _ => finding.pass(),
        });
    }
    let mut message = format!("SELinux is {word} ({})", selinux.place);
    if selinux.module == SecurityModule::Unknown {
        message.push_str("; the kernel's configuration was not found, so the file decides");
    }
    if matches!(linux.boot, Some(Fact::Unreadable(_))) {
        message.push_str("; the kernel command line could not be read");
    }
    if selinux.autorelabel {
        message.push_str("; /.autorelabel is there: the next start labels every file");
    }
    let mut remedy = "Set SELINUX=disabled in /etc/selinux/config".to_owned();
    if selinux.place.starts_with("kernel") {
        let line = commands::kernel_line(case);
        remedy = format!("{remedy}, and remove enforcing= from the kernel command line ({line})");
    }
    remedy.push('.');
    if case.wanted.action != Action::Require {
        let cited = case.cited();
        remedy = format!(
            "{remedy} If it has to stay on, follow \"Enable or disable SELinux\" ({cited}): `touch /.autorelabel` before the image is made."
        );
    }
    Ok(Finding { message, ..finding }.remedy(remedy).fail(grade))
}
