//! What a rule's own source says about it, and `docs/rules.md` made of that.

use std::fmt::Write as _;

use super::{Disks, RULES, Rule, Verifiable};
use crate::api::{ImportProfile, ProfileRule};

/// The headings every rule's module comment has, in order.
pub const HEADINGS: &[&str] = &["What it checks", "Why", "How it is found", "How to mend it"];

/// Rows of the catalogue that are another rule under another code, with the target's id.
pub(super) const ALIASES: &[(&str, &str, &str)] = &[
    ("SRC-10", "IMG-08", "PartitionNotPresent (Incomplete): an image that is not whole, in tencent-cvm (S4 L110)"),
    ("PAR-01", "PAR-04", "PartitionTableAccepted: alibaba-ecs-2020-12 takes MBR and GPT (S0 L41, L82; S1 L41, L82)"),
    ("PAR-02", "PRC-12", "SystemDiskImageExpected: a data disk uploaded as a system disk (S4 L1, L115)"),
    ("SRC-08", "FRM-02", "RegionField: spec.image.region (S3 L30)"),
    ("SIZ-03", "FRM-05", "SystemDiskField: spec.image.systemDiskSizeGiB (S3 L34)"),
    ("SIZ-05", "FRM-10", "DataDiskField: spec.dataDisks (S3 L42)"),
    ("OS-09", "FRM-06", "ArchitectureField: spec.image.architecture (S3 L35)"),
    ("IMG-05", "FRM-08", "FormatField: spec.source.format (S3 L40)"),
];

/// Texts of a report or a remedy.
pub(super) const MESSAGES: &[&str] = &["IMG-06", "SIZ-06", "SVC-14", "WIN-03", "PRC-11", "PRC-13", "PRC-15"];
/// What the product does.
pub(super) const BEHAVIOURS: &[&str] = &[
    "SRC-11", "SRC-12", "PAR-06", "SVC-04", "FRM-11", "PRC-01", "PRC-02", "PRC-03", "PRC-04", "PRC-05", "PRC-06",
    "PRC-07", "PRC-08", "PRC-09", "PRC-10", "PRC-14",
];
/// What this version does not have yet: taken off this list with the change that brings it.
pub(super) const MISSING: &[&str] = &[
    "OS-02", "OS-03", "OS-04", "OS-05", "DRV-02", "DRV-03", "DRV-04", "SVC-03", "SVC-07", "SVC-09", "WIN-01",
    "WIN-02", // rules
];

/// Why an id of the catalogue is no rule here; `None` for any other word.
pub fn unruled(word: &str) -> Option<&'static str> {
    let word = word.to_ascii_uppercase();
    let is_in = |ids: &[&str]| ids.contains(&word.as_str());
    match () {
        () if is_in(MESSAGES) => Some("what a report or a remedy says"),
        () if is_in(BEHAVIOURS) => Some("what the program does"),
        () if is_in(MISSING) => Some("not in this version"),
        () => None,
    }
}

/// The text of one section of a rule's module comment; empty when there is none.
pub fn section(rule: &Rule, heading: &str) -> String {
    let lines =
        rule.source.lines().map_while(|line| line.strip_prefix("//!")).map(|l| l.strip_prefix(' ').unwrap_or(l));
    let body = lines.skip_while(|line| line.strip_prefix("# ") != Some(heading)).skip(1);
    let body: Vec<&str> = body.take_while(|line| !line.starts_with("# ")).collect();
    body.join("\n").trim().to_owned()
}

/// The rule explained: its four sections and what each profile makes of it.
pub fn explained(rule: &Rule, profiles: &[ImportProfile]) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(out, "## {} {}\n", rule.id, rule.name);
    let _ = writeln!(out, "Code `{}`.{}{}", rule.code, waivable(rule), verifiable(rule));
    for (_, id, text) in ALIASES.iter().filter(|(target, ..)| *target == rule.id) {
        let _ = writeln!(out, "{id} is this rule too: {text}.");
    }
    if rule.disks() == Disks::Each {
        let _ = writeln!(out, "Each data disk of the import is held to it too.");
    }
    let _ = writeln!(out, "\n| profile | action | code | guests | document |\n|---|---|---|---|---|");
    for profile in profiles {
        let name = profile.metadata.name.as_deref().unwrap_or_default();
        let Some(wanted) = profile.spec.rules.iter().find(|r| r.name == rule.name) else { continue };
        let code = wanted.code.as_deref().unwrap_or(rule.code);
        let _ = writeln!(
            out,
            "| {name} | {} | `{code}` | {:?} | {} |",
            action(wanted),
            wanted.guests,
            wanted.cite.join("; ")
        );
    }
    for heading in HEADINGS {
        let _ = writeln!(out, "\n### {heading}\n\n{}", section(rule, heading));
    }
    out
}

/// The rules that a word names: one by its name or catalogue id, or all that answer with that code somewhere.
pub fn named(word: &str, profiles: &[ImportProfile]) -> Vec<&'static Rule> {
    if let Some(rule) = super::find(word) {
        return vec![rule];
    }
    let alias = ALIASES.iter().find(|(_, alias, _)| alias.eq_ignore_ascii_case(word));
    if let Some(rule) = alias.and_then(|(target, ..)| super::find(target)) {
        return vec![rule];
    }
    let answers = |rule: &Rule| {
        let own = profiles.iter().flat_map(|p| &p.spec.rules).filter(|wanted| wanted.name == rule.name);
        rule.code == word || own.filter_map(|wanted| wanted.code.as_deref()).any(|code| code == word)
    };
    RULES.iter().copied().filter(|rule| answers(rule)).collect()
}

/// What the clouds themselves say about a code; empty when they say nothing.
pub fn handling(code: &str, profiles: &[ImportProfile]) -> String {
    let mut out = String::new();
    for profile in profiles {
        for said in profile.spec.handling.iter().filter(|said| said.code == code) {
            let name = profile.metadata.name.as_deref().unwrap_or_default();
            let _ = writeln!(out, "{name} on `{code}`: {}\n", said.text());
        }
    }
    out
}

/// `docs/rules.md`.
pub fn markdown(profiles: &[ImportProfile]) -> String {
    let mut out = String::from(
        "# Rules\n\n\
         What is checked, against which line of which document. Generated by `image-import rules --markdown`.\n\n\
         | short | document |\n|---|---|\n\
         | S0 | Alibaba Cloud ECS, \u{5bfc}\u{5165}\u{955c}\u{50cf}\u{5fc5}\u{8bfb}, 2020-12 |\n\
         | S1 | Alibaba Cloud ECS, Instructions for importing images, 2020-12 |\n\
         | S2 | Alibaba Cloud ECS, Notes for importing custom images, 2018-06 |\n\
         | S3 | Alibaba Cloud ECS, \u{5bfc}\u{5165}\u{81ea}\u{5b9a}\u{4e49}\u{955c}\u{50cf}, 2018-12 |\n\
         | S4 | Tencent Cloud CVM, importing images, undated |\n\n\
         `L42` is line 42 of the document. `Require` refuses an image, `Warn` lets it pass with a warning, `Advise` recommends.\n\
         A rule says how bad what it found is, the profile how much its cloud cares: the weaker of the two is what happens.\n\n\
         | id | rule | code |\n|---|---|---|\n",
    );
    for rule in RULES {
        let anchor = anchor(rule);
        let _ = writeln!(out, "| [{}](#{anchor}) | {} | `{}` |", rule.id, rule.name, rule.code);
    }
    for rule in RULES {
        let _ = write!(out, "\n{}", explained(rule, profiles));
    }
    out
}

/// Where a rule's section is in `docs/rules.md`.
pub fn anchor(rule: &Rule) -> String {
    format!("{} {}", rule.id, rule.name).to_lowercase().replace(' ', "-")
}

/// What a profile makes of a rule: `Require (Others Linux: Advise, Customized Linux: Warn) (forced: Advise)`.
pub fn action(wanted: &ProfileRule) -> String {
    let lowered: Vec<String> = wanted.platforms.iter().map(|p| format!("{}: {:?}", p.platform, p.action)).collect();
    let lowered = if lowered.is_empty() { String::new() } else { format!(" ({})", lowered.join(", ")) };
    let forced = wanted.forced.map(|action| format!(" (forced: {action:?})")).unwrap_or_default();
    format!("{:?}{lowered}{forced}", wanted.action)
}

fn waivable(rule: &Rule) -> &'static str {
    if rule.structural { " Cannot be waived." } else { "" }
}

fn verifiable(rule: &Rule) -> &'static str {
    match rule.verifiable {
        Verifiable::Fully => "",
        Verifiable::Partly => " Verified in part: what cannot be decided blocks nothing.",
    }
}
