//! # What it checks
//! root's password, as far as an image shows it.
//!
//! # Why
//! Alibaba Cloud asks for 8 to 30 characters of several kinds. An empty password lets everybody in.
//!
//! # How it is found
//! An image holds no password but its hash, and hashes are never tried against lists: whether it is good enough is not
//! verifiable. What shows: an empty or locked password, the hash's scheme, a forced change. A password that is given with the
//! import is judged by the cloud's words, where the image is read, and is stored nowhere.
//!
//! # How to mend it
//! `passwd root` in the guest, with 8 to 30 characters: letters of both cases, digits, and specials among
//! `` ( ) ` ~ ! @ # $ % ^ & * - _ + = | { } [ ] : ; ' < > , . ? / ``.

use super::lnx_05_shadow_writable::accounts;
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, Why};
use crate::inspect::facts::{Accounts, Break, Judgement, Password, PasswordState};

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

fn check(case: &Case) -> Judged {
    let accounts = accounts(case)?;
    let Some(root) = &accounts.root else {
        return Ok(Verdict::missing("there is no account root among the passwords"));
    };
    if root.state == PasswordState::Unknown {
        return Ok(Verdict::missing("the state of root's password is not known to this version"));
    }
    if root.state == PasswordState::Empty {
        return Ok(Finding::new(format!("root's password is empty ({})", root.place))
            .seen("empty", root.place.clone())
            .remedy("In the guest: `passwd root`.")
            .fail(Grade::Breach));
    }
    let finding = noted(Finding::default().seen(words(root), root.place.clone()), root);
    if let Some((grade, what)) = given(case, accounts) {
        return Ok(Finding { message: what, ..finding }.fail(grade));
    }
    if WEAK.contains(&root.scheme.as_str()) {
        let message = format!("root's password is hashed with {} ({})", root.scheme, root.place);
        let remedy = "In the guest: `passwd root`, once /etc/login.defs says ENCRYPT_METHOD SHA512.";
        return Ok(Finding { message, ..finding }.remedy(remedy).fail(Grade::Doubt));
    }
    if accounts.given.as_ref().is_some_and(|given| given.matches == Some(false)) {
        let message = "the given password is not root's in the image".to_owned();
        return Ok(Finding { message, ..finding }.fail(Grade::Doubt));
    }
    if root.state == PasswordState::Locked {
        let message = format!("root's password is locked ({})", root.place);
        return Ok(Finding { message, ..finding }.pass());
    }
    if judgement(case, accounts).is_some() {
        return Ok(Finding { message: "the given password is as the cloud wants it".to_owned(), ..finding }.pass());
    }
    Ok(Verdict::Unknown(Why {
        reason: "NotVerifiable",
        message: format!(
            "root has a password ({}): whether the cloud would accept it, its hash does not tell",
            words(root)
        ),
    }))
}

/// Scheme and state in a few words, never the hash.
fn words(root: &Password) -> String {
    match (root.state, root.scheme.as_str()) {
        (PasswordState::Locked, _) => "locked".to_owned(),
        (_, "") => "an unknown scheme".to_owned(),
        (_, scheme) => format!("hashed with {scheme}"),
    }
}

fn noted(finding: Finding, root: &Password) -> Finding {
    let finding = match root.state {
        PasswordState::Locked => finding.note(Grade::Note, "nobody logs in as root by password until one is set"),
        _ => finding,
    };
    if root.must_change { finding.note(Grade::Note, "it has to be changed at the next login") } else { finding }
}

/// The given password by this cloud's policy.
fn judgement<'a>(case: &Case, accounts: &'a Accounts) -> Option<&'a Judgement> {
    let policy = case.profile.password_policy?.name();
    accounts.given.as_ref()?.policies.iter().find(|judgement| judgement.policy == policy)
}

/// What is wrong with the given password, and how bad that is.
fn given(case: &Case, accounts: &Accounts) -> Option<(Grade, String)> {
    let breaks = &judgement(case, accounts)?.breaks;
    let wrong = |one: Break, what: &'static str| breaks.contains(&one).then_some(what);
    let bad = [
        wrong(Break::Length, "is not 8 to 30 characters long"),
        wrong(Break::Character, "has a character that is no letter, digit or listed special one"),
        wrong(Break::Kinds, "has too few kinds of characters"),
        wrong(Break::Other, "breaks a rule that this version does not know"),
    ];
    let bad: Vec<&str> = bad.into_iter().flatten().collect();
    if !bad.is_empty() {
        return Some((Grade::Breach, format!("the given password {}", bad.join(" and "))));
    }
    // "/" at the start is refused for Windows alone.
    let one_case = wrong(Break::OneCase, "the given password has letters of one case only");
    one_case.map(|what| (Grade::Doubt, what.to_owned()))
}
