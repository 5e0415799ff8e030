//! Facts, profile and request to a report. Pure: the same input gives the same report.

use jiff::Timestamp;

use super::disks::{OnDisk, merged};
use super::sanitise::{MESSAGE_BYTES, clean};
use super::{
    Outcome, Overall, Report, ReportDisk, ReportEvidence, ReportPrerequisite, ReportReads, ReportSource, RuleResult,
    SCHEMA, image_summary,
};
use crate::api::{Action, Guests, ImportProfileSpec, PlatformAction, Prerequisite, RuleCounts, Waiver};
use crate::inspect::Facts;
use crate::inspect::facts::Family;
use crate::rules::{Case, DataDisk, Disks, Finding, Grade, RULES, Request, Rule, Verdict, Verifiable, docs};

/// Why a rule that the profile ignores does not apply, where the profile does not say it itself.
pub(super) const NOT_LOOKED_AT: &str = "the profile does not look at it";
/// Most pieces of evidence of one rule.
pub(super) const EVIDENCE: usize = 16;
/// Longest piece of evidence, in bytes.
pub(super) const EVIDENCE_BYTES: usize = 256;
/// Longest name of a data disk, in bytes.
pub(super) const NAME_BYTES: usize = 63;
/// Longest justification of a waiver in a message, in bytes.
const JUSTIFICATION_BYTES: usize = 128;
/// Longest remedy, in bytes: our command, and the cloud's own words in two languages.
pub(super) const REMEDY_BYTES: usize = 1024;

/// Judges one image against one profile, without data disks.
pub fn judge(facts: &Facts, profile_name: &str, profile: &ImportProfileSpec, request: &Request) -> Report {
    judge_disks(facts, &[], profile_name, profile, request)
}

/// Judges the system disk and the data disks of an import against one profile. Rules the profile names and this version lacks are left out: whoever loads a
/// profile refuses those first.
pub fn judge_disks(
    facts: &Facts,
    data_disks: &[DataDisk],
    profile_name: &str,
    profile: &ImportProfileSpec,
    request: &Request,
) -> Report {
    let requests: Vec<Request> = data_disks.iter().map(|disk| of_disk(request, disk)).collect();
    let mut verifiable = Vec::new();
    let mut rules = Vec::new();
    for rule in RULES {
        let Some(wanted) = profile.rules.iter().find(|w| w.name == rule.name) else { continue };
        let system = Case { facts, profile, wanted, request, data_disks, data_disk: None };
        let disks = if for_this_guest(wanted.guests, facts) { rule.disks() } else { Disks::System };
        let mut results = Vec::new();
        if disks != Disks::Data || data_disks.is_empty() {
            results.push(OnDisk { name: None, result: result(rule, &system) });
        }
        for (disk, request) in data_disks.iter().zip(&requests).filter(|_| disks != Disks::System) {
            let case = Case { facts: &disk.facts, request, data_disk: Some(disk), ..system };
            results.push(OnDisk { name: Some(&disk.name), result: result(rule, &case) });
        }
        rules.extend(merged(results));
        verifiable.push(rule.verifiable == Verifiable::Fully);
    }
    let undetermined = rules
        .iter()
        .zip(&verifiable)
        .any(|(r, fully)| *fully && r.result == Outcome::Unknown && r.action == Action::Require);
    let verdict = match () {
        () if rules.iter().any(|r| r.result == Outcome::Fail) => Overall::NonCompliant,
        () if undetermined => Overall::Undetermined,
        () => Overall::Compliant,
    };
    Report {
        schema: SCHEMA.to_owned(),
        profile: profile_name.to_owned(),
        verdict,
        source: source(&request.url, facts),
        image: image_summary(facts),
        data_disks: data_disks.iter().map(disk).collect(),
        counts: counts(&rules),
        prerequisites: prerequisites(profile, request),
        rules,
        reads: reads(facts),
    }
}

/// What stands before the import as far as this program knows.
fn prerequisites(profile: &ImportProfileSpec, request: &Request) -> Vec<ReportPrerequisite> {
    let done = |p: &Prerequisite| p.acknowledgement.is_some_and(|one| request.acknowledgements.contains(&one));
    let open = profile.prerequisites.iter().filter(|p| !done(p));
    open.map(|p| ReportPrerequisite { what: clean(&p.text, EVIDENCE_BYTES), cite: p.cite.clone() }).collect()
}

/// What is asked of a data disk: what is asked of the import, of another object.
fn of_disk(request: &Request, disk: &DataDisk) -> Request {
    let (url, bucket_region, format) = (disk.url.clone(), disk.bucket_region.clone(), disk.format.clone());
    Request { url, bucket_region, format, link: None, ..request.clone() }
}

fn disk(disk: &DataDisk) -> ReportDisk {
    ReportDisk {
        name: clean(&disk.name, NAME_BYTES),
        source: source(&disk.url, &disk.facts),
        image: image_summary(&disk.facts),
        reads: reads(&disk.facts),
    }
}

fn source(url: &str, facts: &Facts) -> ReportSource {
    ReportSource {
        url: clean(url, MESSAGE_BYTES),
        etag: facts.source.etag.as_ref().map(|etag| clean(etag, EVIDENCE_BYTES)),
        size_bytes: facts.source.size_bytes,
    }
}

fn reads(facts: &Facts) -> ReportReads {
    let reads = &facts.reads;
    ReportReads { requests: reads.requests, bytes: reads.bytes, seconds: seconds(reads.millis) }
}

/// Milliseconds as seconds with two decimals.
fn seconds(millis: u64) -> f64 {
    // A reading takes minutes at most: far below what a float holds exactly.
    u32::try_from(millis / 10).map_or(f64::MAX, |hundredths| f64::from(hundredths) / 100.0)
}

fn counts(rules: &[RuleResult]) -> RuleCounts {
    let count = |outcome| i32::try_from(rules.iter().filter(|r| r.result == outcome).count()).unwrap_or(i32::MAX);
    RuleCounts {
        passed: count(Outcome::Pass),
        failed: count(Outcome::Fail),
        warned: count(Outcome::Warn),
        advised: count(Outcome::Advice),
        undetermined: count(Outcome::Unknown),
        waived: count(Outcome::Waived),
    }
}

fn result(rule: &Rule, case: &Case) -> RuleResult {
    let wanted = case.wanted;
    let platform = platform(case);
    let action = ceiling(case, platform);
    let out = |result, code: &str, message: &str| RuleResult {
        id: rule.id.to_owned(),
        rule: rule.name.to_owned(),
        action,
        result,
        code: code.to_owned(),
        message: clean(message, MESSAGE_BYTES),
        evidence: Vec::new(),
        remedy: String::new(),
        cite: wanted.cite.clone(),
    };
    if action == Action::Ignore {
        let note = platform.and_then(|p| p.note.as_deref()).unwrap_or(NOT_LOOKED_AT);
        return out(Outcome::NotApplicable, "NotApplicable", note);
    }
    if case.data_disk.is_none() && !for_this_guest(wanted.guests, case.facts) {
        return out(Outcome::NotApplicable, "NotApplicable", "not for this kind of guest");
    }
    let code = wanted.code.as_deref().unwrap_or(rule.code);
    match rule.judge(case) {
        Verdict::NotApplicable(why) => out(Outcome::NotApplicable, "NotApplicable", &why),
        Verdict::Unknown(why) => out(Outcome::Unknown, why.reason, &why.message),
        Verdict::Pass(finding) => {
            let worst = worst(None, &finding, action);
            // What is only noted beside a pass leaves the rule's claim true, hence its code; a doubt does not.
            let code = if worst == Outcome::Warn { code } else { "Passed" };
            let mut result = out(worst, code, &text(&finding));
            if worst == Outcome::Warn {
                result.remedy = remedy(rule, case, code, &finding, worst);
            }
            RuleResult { evidence: evidence(&finding), ..result }
        }
        Verdict::Fail(grade, finding) => {
            let worst = worst(Some(grade), &finding, action);
            let waiver = case.request.waivers.iter().find(|w| w.rule == rule.name && worst == Outcome::Fail);
            let (counts, said) = waiver.map(|w| waived(w, rule, &finding, case.request.now)).unwrap_or_default();
            let worst = if counts { Outcome::Waived } else { worst };
            let result = out(worst, code, &format!("{said}{}", text(&finding)));
            RuleResult { evidence: evidence(&finding), remedy: remedy(rule, case, code, &finding, worst), ..result }
        }
    }
}

/// What the declared platform makes of the rule.
fn platform<'a>(case: &Case<'a>) -> Option<&'a PlatformAction> {
    let declared = case.request.platform.as_deref()?;
    case.wanted.platforms.iter().find(|p| p.platform.eq_ignore_ascii_case(declared))
}

/// The strongest action: the profile's, lowered by the declared platform and by a forced import.
fn ceiling(case: &Case, platform: Option<&PlatformAction>) -> Action {
    let forced = case.wanted.forced.filter(|_| case.request.force);
    [platform.map(|p| p.action), forced].into_iter().flatten().fold(case.wanted.action, Action::max)
}

fn for_this_guest(guests: Guests, facts: &Facts) -> bool {
    let family = facts.guest.as_ref().map_or(Family::Unknown, |g| g.family);
    match (guests, family) {
        (Guests::Linux, Family::Windows) | (Guests::Windows, Family::Linux | Family::FreeBSD) => false,
        (Guests::All | Guests::Linux | Guests::Windows, _) => true,
    }
}

/// The weaker of grade and action, as an outcome.
fn outcome(grade: Grade, action: Action) -> Outcome {
    let asked = match grade {
        Grade::Breach => Action::Require,
        Grade::Doubt => Action::Warn,
        Grade::Note => Action::Advise,
    };
    match asked.max(action) {
        Action::Require => Outcome::Fail,
        Action::Warn => Outcome::Warn,
        Action::Advise => Outcome::Advice,
        Action::Ignore => Outcome::NotApplicable,
    }
}

/// The worst of a finding and its notes.
fn worst(grade: Option<Grade>, finding: &Finding, action: Action) -> Outcome {
    let grades = grade.into_iter().chain(finding.notes.iter().map(|(grade, _)| *grade));
    grades.min().map_or(Outcome::Pass, |worst| outcome(worst, action))
}

fn text(finding: &Finding) -> String {
    let mut text = match finding.sub {
        Some(sub) => format!("{sub}: {}", finding.message),
        None => finding.message.clone(),
    };
    for (_, note) in &finding.notes {
        text = format!("{text}; {note}");
    }
    text
}

/// Whether the waiver of a rule that fails counts, and what is said of it in front of the finding.
fn waived(waiver: &Waiver, rule: &Rule, finding: &Finding, now: Timestamp) -> (bool, String) {
    let why = clean(&waiver.justification, JUSTIFICATION_BYTES);
    match waiver.expired(now) {
        _ if rule.structural || finding.structural => {
            (false, format!("cannot be waived ({why}), as it is damage that no import survives: "))
        }
        Some(end) => (false, format!("the waiver ({why}) expired at {end}: ")),
        None => (true, format!("waived ({why}): ")),
    }
}

fn evidence(finding: &Finding) -> Vec<ReportEvidence> {
    let shown = finding.evidence.iter().take(EVIDENCE);
    shown
        .map(|e| ReportEvidence {
            what: clean(&e.what, EVIDENCE_BYTES),
            place: clean(&e.place, EVIDENCE_BYTES),
            offset: e.offset,
        })
        .collect()
}

/// Our command, the way out by another platform, and what the cloud itself says about the code.
fn remedy(rule: &Rule, case: &Case, code: &str, finding: &Finding, result: Outcome) -> String {
    let own = finding.remedy.clone().unwrap_or_else(|| docs::section(rule, "How to mend it"));
    let mut parts = vec![own];
    let lowered: Vec<&str> = case.wanted.platforms.iter().map(|p| p.platform.as_str()).collect();
    if result == Outcome::Fail && platform(case).is_none() && !lowered.is_empty() {
        let cite = case.profile.custom_platforms_cite.join("; ");
        parts.push(format!("Or declare spec.image.platform {} ({cite}).", lowered.join(" or ")));
    }
    if let Some(handling) = case.profile.handling.iter().find(|h| h.code == code) {
        parts.push(handling.text());
    }
    clean(&parts.join(" "), REMEDY_BYTES)
}
