//! A report as Kubernetes conditions: one per applicable rule.
//!
//! The status says whether the rule's claim (`VirtioInstalled`) holds, and nothing else; how much that matters to the
//! cloud is in the report. So a warned, an advised and a waived finding are False as well, with the cloud's code, while
//! only what the profile requires and nobody waived makes the import fail.

use super::sanitise::{MESSAGE_BYTES, clean};
use super::{Outcome, Report, ReportEvidence, RuleResult};

/// One rule as a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleCondition {
    /// Condition type: the rule's name.
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    pub status: &'static str,
    /// `Passed`, the cloud's code, or why it could not be decided.
    pub reason: String,
    /// What was found, where, and how to mend it; empty when the rule passes with nothing to note.
    pub message: String,
}

/// The conditions of a report, in its order. Rules that do not apply have none.
pub fn conditions(report: &Report) -> Vec<RuleCondition> {
    report.rules.iter().filter_map(condition).collect()
}

fn condition(rule: &RuleResult) -> Option<RuleCondition> {
    let (status, message) = match rule.result {
        Outcome::NotApplicable => return None,
        Outcome::Pass => ("True", String::new()),
        Outcome::Advice if rule.code == "Passed" => ("True", rule.message.clone()),
        Outcome::Unknown => ("Unknown", rule.message.clone()),
        Outcome::Fail | Outcome::Warn | Outcome::Advice | Outcome::Waived => ("False", problem(rule)),
    };
    Some(RuleCondition {
        type_: rule.rule.clone(),
        status,
        reason: rule.code.clone(),
        message: clean(&message, MESSAGE_BYTES),
    })
}

/// The first place the message does not tell itself; with its offset, where one is known and none was told.
fn place(message: &str, evidence: &[ReportEvidence]) -> Option<String> {
    let at = |e: &ReportEvidence| e.offset.map(|offset| format!("at byte {offset:#x}"));
    let located = evidence.iter().filter_map(at).any(|at| message.contains(&at));
    let named = |e: &&ReportEvidence| message.contains(&e.place) && (located || e.offset.is_none());
    let first = evidence.iter().find(|e| !named(e))?;
    Some(match at(first) {
        Some(at) if !located => format!("{} {at}", first.place),
        _ => first.place.clone(),
    })
}

/// What, where, how to mend it. What does not fit is left off from the end.
fn problem(rule: &RuleResult) -> String {
    let mut message = rule.message.clone();
    if let Some(place) = place(&message, &rule.evidence) {
        message = format!("{message}; seen in {place}");
    }
    if !rule.remedy.is_empty() {
        message = format!("{message}. To mend it: {}", rule.remedy);
    }
    message
}
