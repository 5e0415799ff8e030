//! # What it checks
//! That the declared platform is one that the cloud's form offers, and offers for the declared family.
//!
//! # Why
//! Alibaba Cloud's form has a drop-down of platforms, which follows from the family; instances are set up by what was chosen.
//! Its choices are those of the profile's own document. Where the form and the document on images disagree (2018-12: Windows
//! Server 2016, openSUSE and Red Hat are in the document alone) the platform is doubtful, not refused.
//! Tencent Cloud's document names no platforms, and nothing like `Customized Linux` or `Others Linux`, which would leave
//! the rules of a listed system: the two are refused there, any other word is free.
//!
//! # How it is found
//! `spec.image.platform` is looked up in the profile's choices, in letters of any case, together with `spec.image.osType`
//! where that is declared. Whether the image is of that platform is another rule's question. Nothing declared, nothing to
//! look up.
//!
//! # How to mend it
//! Set `spec.image.platform` to one of the choices (`image-import profiles NAME -o markdown` lists them), or leave it out.

use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, frm_04_os_type as frm_04, shown};
use crate::api::{OsType, PlatformChoice};

/// FRM-07.
pub const RULE: Rule = Rule {
    id: "FRM-07",
    name: "PlatformOffered",
    code: "PlatformField",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("frm_07_platform_offered.rs"),
    check,
};

#[expect(clippy::unnecessary_wraps, reason = "the type of every rule")]
fn check(case: &Case) -> Judged {
    let Some(platform) = case.request.platform.as_deref() else {
        return Ok(Verdict::not_applicable("no platform was declared"));
    };
    let named = shown(platform);
    if case.profile.refused_platforms.iter().any(|refused| refused.eq_ignore_ascii_case(platform)) {
        return Ok(found(
            format!("the cloud has no platform {named}: it imports every image by the rules of its list"),
            &named,
        )
        .remedy("Leave spec.image.platform out, or name the distribution there.")
        .fail(Grade::Breach));
    }
    if case.profile.platform_choices.is_empty() {
        return Ok(Verdict::passed(format!("{named}: the cloud's document names no platforms, and any is free")));
    }
    let Some(choice) = case.platform_choice() else {
        return Ok(found(format!("the cloud's form does not offer the platform {named} ({})", case.cited()), &named)
            .remedy(choose(case, nearest(case, platform)))
            .fail(Grade::Breach));
    };
    if let Some(os_type) = case.request.os_type.filter(|os_type| *os_type != choice.os_type) {
        if frm_04::contradicted(case).is_some() && case.requires(frm_04::RULE.name) {
            return Ok(case.blocked_by(frm_04::RULE.name, "the family contradicts the platform"));
        }
        let message = format!(
            "the cloud's form offers the platform {} for {:?} ({}), and the family is declared as {os_type:?}",
            choice.name,
            choice.os_type,
            choice.cite.join("; ")
        );
        return Ok(found(message, &named)
            .seen(format!("{os_type:?}"), "spec.image.osType")
            .remedy(format!("Set spec.image.osType to {:?}. Or: {}", choice.os_type, choose(case, None)))
            .fail(Grade::Breach));
    }
    if !choice.is_offered() {
        return Ok(missing(choice, &named));
    }
    Ok(Verdict::passed(format!("{}, a choice for {:?} ({})", choice.name, choice.os_type, choice.cite.join("; "))))
}

fn found(message: String, named: &str) -> Finding {
    Finding::new(message).seen(named, "spec.image.platform")
}

/// A platform that one document lists and the form lacks.
fn missing(choice: &PlatformChoice, named: &str) -> Verdict {
    let message = format!(
        "the document on images lists {} ({}), and the form's drop-down lacks it ({}): the form may not take it",
        choice.name,
        choice.cite.join("; "),
        choice.not_in.join("; ")
    );
    let remedy = if choice.instead.is_empty() {
        "Ask the cloud in a ticket whether its form offers the platform.".to_owned()
    } else {
        format!("Set spec.image.platform to {}.", choice.instead.join(" or "))
    };
    found(message, named).remedy(remedy).fail(Grade::Doubt)
}

/// The choice with whose name the platform begins, as `CentOS 7` does with that of CentOS.
fn nearest<'a>(case: &Case<'a>, platform: &str) -> Option<&'a PlatformChoice> {
    let platform = platform.to_ascii_lowercase();
    let begins =
        |name: &str| platform.strip_prefix(&name.to_ascii_lowercase()).is_some_and(|rest| rest.starts_with(' '));
    offered(case).filter(|choice| begins(&choice.name)).max_by_key(|choice| choice.name.len())
}

/// What may be chosen, the likely one first.
fn choose(case: &Case, likely: Option<&PlatformChoice>) -> String {
    let names: Vec<&str> = offered(case).map(|choice| choice.name.as_str()).collect();
    let likely = likely.map(|choice| format!("{}, or to another of the choices, ", choice.name));
    format!("Set spec.image.platform to {}{}; or leave it out.", likely.unwrap_or_default(), names.join(", "))
}

/// The form's choices for the declared family, or for either.
fn offered<'a>(case: &Case<'a>) -> impl Iterator<Item = &'a PlatformChoice> {
    let family: Option<OsType> = case.request.os_type;
    let choices = case.profile.platform_choices.iter();
    choices.filter(move |choice| choice.is_offered() && family.is_none_or(|family| family == choice.os_type))
}
