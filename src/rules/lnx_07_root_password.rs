//! # What it checks
//! root's password, as far as an image shows it.
//!
//! # Why
//! Alibaba Cloud asks for 8 to 30 characters of several kinds. An empty password lets everybody in.
//!
//! # How it is found
//! An image holds no password but its hash, and hashes are never tried against lists: whether it is good enough is not
//! verifiable. What shows: an empty or locked password, the hash's scheme, a forced change, a password or an account that has
//! expired by the day of the judgement. A password that is given with the
//! import (`spec.image.passwordSecretRef`, `inspect --password-file`) is judged by the cloud's words where the image is read,
//! and only what is wrong with it leaves that place. It is tried against root's hash only where that is asked for
//! (`comparePassword`, `--compare-password`), and the hash asks for no more work than programs that set passwords do.
//!
//! # How to mend it
//! `passwd root` in the guest, with 8 to 30 characters: letters of both cases, digits, and specials among
//! `` ( ) ` ~ ! @ # $ % ^ & * - _ + = | { } [ ] : ; ' < > , . ? / ``. A given password: put such a one into the Secret's key
//! `password`, and have the image read again.

use super::lnx_05_shadow_writable::accounts;
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, Why};
use crate::inspect::facts::{Accounts, Break, Given, Judgement, Password, PasswordState, Uncompared};

/// LNX-07.
pub const RULE: Rule = Rule {
    id: "LNX-07",
    name: "RootPasswordAccepted",
    code: "RootPasswordPolicy",
    verifiable: Verifiable::Partly,
    structural: false,
    source: include_str!("lnx_07_root_password.rs"),
    check,
};

/// Schemes that are broken within hours.
const WEAK: &[&str] = &["des", "bsdi", "md5", "nt"];
/// Seconds of a day.
const DAY: i64 = 24 * 60 * 60;
/// What the cloud accepts, for remedies.
const WANTED: &str = "8 to 30 characters: letters of both cases, digits, and specials among ( ) ` ~ ! @ # $ % ^ & * - _ + = | { } [ ] : ; ' < > , . ? /";
/// Where a given password comes from, for remedies.
const SECRET: &str =
    "the key password of the Secret that spec.image.passwordSecretRef names (then have the image read again)";

fn check(case: &Case) -> Judged {
    let accounts = accounts(case)?;
    let empty = accounts.root.as_ref().filter(|root| root.state == PasswordState::Empty);
    if let Some(root) = empty {
        return Ok(Finding::new(format!("root's password is empty ({})", root.place))
            .seen("empty", root.place.clone())
            .remedy("In the guest: `passwd root`.")
            .fail(Grade::Breach));
    }
    let broken = judgement(case, accounts).map(|judgement| broken(&judgement.breaks)).unwrap_or_default();
    if !broken.is_empty() {
        return Ok(Finding::new(format!("the given password {}", broken.join(" and ")))
            .remedy(format!("Put another password into {SECRET}, of {WANTED}."))
            .fail(Grade::Breach));
    }
    let Some(root) = &accounts.root else {
        return Ok(Verdict::missing("there is no account root among the passwords"));
    };
    if root.state == PasswordState::Unknown {
        return Ok(Verdict::missing("the state of root's password is not known to this version"));
    }
    let aged = aged(case, root);
    let finding = noted(Finding::default().seen(words(root), root.place.clone()), root, &aged);
    let doubts = doubts(case, accounts, root);
    if !doubts.is_empty() {
        let given = accounts.given.as_ref().filter(|_| judgement(case, accounts).is_some());
        let finding = given.into_iter().fold(finding, uncompared);
        let (messages, remedies): (Vec<_>, Vec<_>) = doubts.into_iter().unzip();
        return Ok(Finding { message: messages.join("; "), ..finding }.remedy(remedies.join(" ")).fail(Grade::Doubt));
    }
    if root.state == PasswordState::Locked {
        let message = format!("root's password is locked, or no hash ({})", root.place);
        return Ok(Finding { message, ..finding }.pass());
    }
    let Some(given) = accounts.given.as_ref().filter(|_| judgement(case, accounts).is_some()) else {
        let open =
            format!("root has a password ({}): whether the cloud would accept it, its hash does not tell", words(root));
        if !aged.is_empty() {
            return Ok(Finding { message: open, ..finding }.remedy(renewed(case)).fail(Grade::Note));
        }
        return Ok(Verdict::Unknown(Why { reason: "NotVerifiable", message: open }));
    };
    Ok(compared(finding, given).pass())
}

/// Scheme and state in a few words, never the hash.
fn words(root: &Password) -> String {
    match (root.state, root.scheme.as_str()) {
        (PasswordState::Locked, _) => "locked".to_owned(),
        (_, "") => "an unknown scheme".to_owned(),
        (_, scheme) => format!("hashed with {scheme}"),
    }
}

/// What its days and those of the account say today.
fn aged(case: &Case, root: &Password) -> Vec<String> {
    let today = case.request.now.as_second().div_euclid(DAY);
    let date = |day: u32| {
        let start = jiff::Timestamp::from_second(i64::from(day).saturating_mul(DAY));
        start.map_or_else(|_| format!("day {day}"), |start| start.strftime("%Y-%m-%d").to_string())
    };
    let must_change = root.must_change.then(|| "it has to be changed at the next login".to_owned());
    let old = root.good_until.filter(|day| i64::from(*day) < today);
    let old = old.map(|day| format!("it expired after {}, and has to be changed at the next login", date(day)));
    let ended = root.account_ends.filter(|day| i64::from(*day) <= today);
    let ended = ended.map(|day| format!("the account root expired on {}: nobody logs in with it", date(day)));
    must_change.or(old).into_iter().chain(ended).collect()
}

/// What makes a password and an account that expired good again.
fn renewed(case: &Case) -> &'static str {
    if case.freebsd() {
        "In the guest: `passwd root && pw usermod root -p 0 -e 0`."
    } else {
        "In the guest: `passwd root && chage -M -1 -E -1 root`."
    }
}

fn noted(finding: Finding, root: &Password, aged: &[String]) -> Finding {
    let finding = match root.state {
        PasswordState::Locked => finding.note(Grade::Note, "nobody logs in as root by password until one is set"),
        _ => finding,
    };
    aged.iter().fold(finding, |finding, what| finding.note(Grade::Note, what.clone()))
}

/// The given password by this cloud's policy.
fn judgement<'a>(case: &Case, accounts: &'a Accounts) -> Option<&'a Judgement> {
    let policy = case.profile.password_policy?.name();
    accounts.given.as_ref()?.policies.iter().find(|judgement| judgement.policy == policy)
}

/// For what the cloud refuses a password. A slash at its start is refused for Windows alone, and one case of letters is a
/// doubt.
fn broken(breaks: &[Break]) -> Vec<&'static str> {
    let wrong = |one: Break, what: &'static str| breaks.contains(&one).then_some(what);
    let bad = [
        wrong(Break::Length, "is not 8 to 30 characters long"),
        wrong(Break::Character, "has a character that is no letter, digit or listed special one"),
        wrong(Break::Kinds, "has too few kinds of characters"),
        wrong(Break::Other, "breaks a rule that this version does not know"),
    ];
    bad.into_iter().flatten().collect()
}

/// What the cloud may object to, and what mends it.
fn doubts(case: &Case, accounts: &Accounts, root: &Password) -> Vec<(String, String)> {
    let one_case = judgement(case, accounts).is_some_and(|judgement| judgement.breaks.contains(&Break::OneCase));
    let differs = accounts.given.as_ref().is_some_and(|given| given.matches == Some(false));
    let weak = WEAK.contains(&root.scheme.as_str());
    let doubts = [
        one_case.then(|| {
            let message = "the given password has letters of one case only".to_owned();
            (message, format!("Put one with letters of both cases into {SECRET}."))
        }),
        weak.then(|| {
            let message = format!("root's password is hashed with {} ({})", root.scheme, root.place);
            (message, "In the guest: `passwd root`, once /etc/login.defs says ENCRYPT_METHOD SHA512.".to_owned())
        }),
        differs.then(|| {
            let message = format!("the given password is not root's in the image ({})", root.place);
            (message, format!("In the guest: `passwd root`. Or put root's password into {SECRET}."))
        }),
    ];
    doubts.into_iter().flatten().collect()
}

/// A given password that the cloud accepts, and whether it is root's.
fn compared(finding: Finding, given: &Given) -> Finding {
    let accepted = "the given password is as the cloud wants it";
    if given.uncompared.is_none() && given.matches == Some(true) {
        return Finding { message: format!("{accepted}, and root's in the image"), ..finding };
    }
    uncompared(Finding { message: accepted.to_owned(), ..finding }, given)
}

/// With why a given password was not compared, where that was asked for.
fn uncompared(finding: Finding, given: &Given) -> Finding {
    let why = match given.uncompared {
        None => None,
        Some(Uncompared::TooCostly) => Some("the hash asks for more work than a comparison may cost"),
        Some(Uncompared::Scheme) => Some("this version does not compute hashes of this scheme"),
        Some(Uncompared::Malformed) => Some("the hash is not as its scheme has it"),
        Some(Uncompared::Other) => Some("for a reason that this version does not know"),
    };
    match why {
        Some(why) => finding.note(Grade::Note, format!("it was not compared with root's in the image: {why}")),
        None => finding,
    }
}
