//! # What it checks
//! That `/etc/issue` and `/etc/issue.net` are as the distribution brought them, or at least name it.
//!
//! # Why
//! Alibaba Cloud recognises the distribution by them: where they are modified, it does not, and the system creation fails.
//!
//! # How it is found
//! By the digest that dpkg holds of a configuration file, or rpm and apk of their package's: equal passes whatever the text
//! says. A file that is not there, or a link into `/run` or `/usr/lib`, is made at boot. Of a changed one it counts whether
//! the text names the distribution; the escapes `\S`, `\S{NAME}` and `\S{PRETTY_NAME}` do.
//!
//! # How to mend it
//! Bring the file back. Debian, Ubuntu: `rm /etc/issue && apt-get -o Dpkg::Options::=--force-confmiss install --reinstall
//! base-files`. CentOS, RHEL: `rm /etc/issue && yum reinstall $(rpm -qf /etc/issue)`. SUSE: the same with `zypper install
//! --force`. A message for users goes to `/etc/motd` instead.

use super::lnx_01_critical_files::unread_database;
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, case::known, shown};
use crate::inspect::facts::{Fact, Family, Issue, IssueState};

/// LNX-02.
pub const RULE: Rule = Rule {
    id: "LNX-02",
    name: "IssueUnmodified",
    code: "EtcIssueModified",
    verifiable: Verifiable::Partly,
    structural: false,
    source: include_str!("lnx_02_issue.rs"),
    check,
};

/// What one file amounts to.
enum Judgment {
    Fine(String),
    Bad(Grade, String),
    Undecided(Box<Verdict>),
}

fn check(case: &Case) -> Judged {
    match case.guest()?.family {
        Family::Windows => return Ok(Verdict::not_applicable("a Windows system")),
        Family::FreeBSD => return Ok(Verdict::not_applicable("FreeBSD has no /etc/issue")),
        Family::Linux | Family::Unknown => {}
    }
    let issues = known(case.linux()?.issue.as_ref(), "/etc/issue")?;
    let mut finding = Finding::default();
    let (mut fine, mut bad, mut undecided) = (Vec::new(), Vec::new(), None);
    for issue in issues {
        if !issue.line.is_empty() {
            finding = finding.seen(shown(&issue.line), issue.path.clone());
        }
        match judge(case, issue) {
            Judgment::Fine(what) => fine.push(what),
            Judgment::Bad(grade, what) => bad.push((grade, what, issue)),
            Judgment::Undecided(verdict) => undecided = undecided.or(Some(verdict)),
        }
    }
    bad.sort_by_key(|(grade, ..)| *grade);
    if let Some((grade, what, issue)) = bad.into_iter().next() {
        return Ok(Finding { message: what, ..finding }.remedy(restore(case, issue)).fail(grade));
    }
    match undecided {
        Some(verdict) => Err(verdict),
        None if fine.is_empty() => Ok(Verdict::missing("/etc/issue was not looked at")),
        None => Ok(Finding { message: fine.join("; "), ..finding }.pass()),
    }
}

fn judge(case: &Case, issue: &Issue) -> Judgment {
    let path = shown(&issue.path);
    let names = if issue.names.is_empty() {
        "names no distribution".to_owned()
    } else {
        format!("names {}", shown(&issue.names))
    };
    match issue.state {
        IssueState::Shipped => Judgment::Fine(format!("{path} is as its package brought it")),
        IssueState::Absent => Judgment::Fine(format!("{path} is not there")),
        IssueState::Generated => Judgment::Fine(format!("{path} is made at boot")),
        IssueState::Modified if issue.own => {
            Judgment::Bad(Grade::Doubt, format!("{path} was changed; it still names {}", shown(case.os_id())))
        }
        IssueState::Unowned if issue.own => {
            Judgment::Fine(format!("{path} is of no package and names {}", shown(case.os_id())))
        }
        IssueState::Modified | IssueState::Unowned if case.os_id().is_empty() => Judgment::Undecided(Box::new(
            Verdict::missing(format!("{path} {names}, and which distribution this is is not known")),
        )),
        IssueState::Modified => Judgment::Bad(
            Grade::Breach,
            format!("{path} was changed and {names}, not {}: the system creation fails", shown(case.os_id())),
        ),
        IssueState::Unowned => {
            Judgment::Bad(Grade::Doubt, format!("{path} is of no package and {names}, not {}", shown(case.os_id())))
        }
        IssueState::Unknown => Judgment::Undecided(nothing_to_compare(case)),
    }
}

#[expect(clippy::unnecessary_box_returns, reason = "as the answer of a rule that ends early")]
fn nothing_to_compare(case: &Case) -> Box<Verdict> {
    let packages = case.linux().ok().and_then(|linux| linux.packages.as_ref());
    match packages {
        Some(Fact::Known(_)) => Box::new(Verdict::missing("without a package database /etc/issue cannot be compared")),
        unread => unread_database(unread),
    }
}

/// The command that brings the file back.
fn restore(case: &Case, issue: &Issue) -> String {
    let path = if issue.path == "/etc/issue.net" { "/etc/issue.net" } else { "/etc/issue" };
    let manager = case.linux().ok().and_then(|linux| linux.packages.as_ref()).and_then(Fact::known);
    let command = match (manager.map_or("", |packages| packages.manager.as_str()), case.os_id()) {
        ("dpkg", _) => {
            format!("rm {path} && apt-get -o Dpkg::Options::=--force-confmiss install --reinstall base-files")
        }
        ("apk", _) => format!("apk fix --reinstall $(apk info -qW {path})"),
        (_, "sles" | "sles_sap" | "sled" | "suse" | "opensuse" | "opensuse-leap") => {
            format!("rm {path} && zypper install --force $(rpm -qf {path})")
        }
        _ => format!("rm {path} && yum reinstall $(rpm -qf {path})"),
    };
    format!("In the guest: `{command}`. A message for users goes to /etc/motd.")
}
