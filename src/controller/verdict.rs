//! A report to the lifecycle's conditions.

use jiff::Timestamp;

use super::key::{Stage, VerdictKey};
use super::moment::Draft;
use super::plan::note_facts;
use crate::api::conditions::{COMPLIANT, CONVERTED, INSPECTED, Status, reason as word};
use crate::api::{Action, Format, ImageImport, ImportProfileSpec, Waiver};
use crate::inspect::Facts;
use crate::inspect::facts::Access;
use crate::report::{Outcome, Overall, Report, RuleResult};
use crate::rules::{self, Verifiable};

/// The rule that an image's size as QCOW2 is judged by.
const SIZE_RULE: &str = "SIZ-02";

/// Puts a verdict into the draft. `facts`: of each disk, by its name.
pub fn settle(draft: &mut Draft, report: &Report, facts: &[(&str, &Facts)], key: &VerdictKey, has_destination: bool) {
    for (disk, facts) in facts {
        note_facts(draft, disk, facts);
    }
    draft.status.verdict_key = Some(key.to_string());
    draft.set(INSPECTED, Status::True, word::FACTS_STORED, "");
    if has_destination {
        draft.set(CONVERTED, Status::Unknown, "NotJudged", "Only a compliant image is copied");
    } else {
        draft.clear(CONVERTED);
    }
    let failed = report.rules.iter().find(|r| r.result == Outcome::Fail);
    if let Some((reason, what)) = facts.iter().find_map(|(_, facts)| unreached(facts)) {
        // What was not reached complies with nothing, whatever the profile asks.
        let (code, message) = failed.map_or((reason, what), |r| (r.code.as_str(), r.message.as_str()));
        draft.set(COMPLIANT, if failed.is_some() { Status::False } else { Status::Unknown }, code, message);
        draft.refused(code, message, reason);
        return;
    }
    match (report.verdict, failed) {
        (Overall::NonCompliant, Some(rule)) => {
            draft.set(COMPLIANT, Status::False, &rule.code, &rule.message);
            let message = format!("{}: {}", others(report), rule.message);
            draft.refused(&rule.code, &message, word::REJECTED);
        }
        (Overall::Compliant, None) => {
            draft.set(COMPLIANT, Status::True, word::PASSED, "");
            if has_destination {
                draft.queued(Stage::Convert);
            } else {
                draft.done(word::CHECKED, "The image complies with its profile");
            }
        }
        _ => {
            let rule = report.rules.iter().find(|r| blocks(r));
            let message = rule.map_or_else(
                || "A required rule could not be decided".to_owned(),
                |r| format!("{} could not be decided: {}", r.rule, r.message),
            );
            draft.set(COMPLIANT, Status::Unknown, word::UNDETERMINED, &message);
            draft.refused(word::UNDETERMINED, &message, word::UNDETERMINED);
        }
    }
}

fn unreached(facts: &Facts) -> Option<(&'static str, &'static str)> {
    match facts.source.access {
        Access::Reached => None,
        Access::NotFound => Some((word::SOURCE_NOT_FOUND, "There is no such object")),
        Access::Forbidden | Access::Other => Some((word::SOURCE_FORBIDDEN, "The store refuses to show the object")),
    }
}

fn others(report: &Report) -> String {
    match report.counts.failed {
        1 => "1 rule fails".to_owned(),
        n => format!("{n} rules fail, the first is"),
    }
}

/// Bytes that the image may have as a QCOW2 where only reading all of it tells how many it has: the conversion counts them,
/// and publishes nothing that has more. `None` where the verdict knows already, or the profile does not care.
pub fn decided_while_converting(import: &ImageImport, disk: &str, profile: &ImportProfileSpec) -> Option<u64> {
    let rule = rules::find(SIZE_RULE)?;
    let asked = profile.rules.iter().any(|asked| asked.name == rule.name && asked.action == Action::Require);
    let now = Timestamp::now();
    let waived = |waiver: &Waiver| waiver.rule == rule.name && waiver.expired(now).is_none();
    // Its own size is what counts of a QCOW2.
    let own = import.disk(disk)?.image.as_ref()?.format.as_deref() == Some(Format::Qcow2.name());
    let gib = profile.limits.file_size_gib.and_then(|gib| u64::try_from(gib).ok())?;
    let decides = asked && !own && !import.spec.waivers.iter().any(waived);
    decides.then(|| gib.saturating_mul(1 << 30))
}

/// True for a rule for whose want of an answer an import is undetermined.
fn blocks(rule: &RuleResult) -> bool {
    let fully = rules::find(&rule.rule).is_some_and(|r| r.verifiable == Verifiable::Fully);
    rule.result == Outcome::Unknown && rule.action == crate::api::Action::Require && fully
}

/// True when facts of another version of the worker lack what a required rule of this version asks for.
pub fn too_old(report: &Report, facts: &[(&str, &Facts)]) -> bool {
    facts.iter().any(|(_, facts)| facts.worker != env!("CARGO_PKG_VERSION"))
        && report.rules.iter().any(|r| blocks(r) && r.code == "FactMissing")
}

#[cfg(test)]
mod tests;
