//! One rule's results on the disks of an import, as one result.

use super::judge::{EVIDENCE, EVIDENCE_BYTES, NAME_BYTES, REMEDY_BYTES};
use super::sanitise::{MESSAGE_BYTES, clean, cut};
use super::table::weight;
use super::{Outcome, ReportEvidence, RuleResult};

/// A rule's result on one disk.
pub struct OnDisk<'a> {
    /// The data disk's name; `None`: it is the system disk.
    pub name: Option<&'a str>,
    /// The result.
    pub result: RuleResult,
}

/// The worst result, with its code and what mends it. Its message tells all results that are not in order, the worst first,
/// each with its disk; where all are in order, each of them. `None`: there is no disk.
///
/// A failure is the worst, then what is not decided, what was waived, warned about and advised. What does not apply to a disk
/// says nothing about the others.
pub fn merged(results: Vec<OnDisk>) -> Option<RuleResult> {
    let mut disks: Vec<(String, RuleResult)> = results.into_iter().map(named).collect();
    // Of two of a kind the one counts that makes the rule's claim untrue, and the system disk's.
    disks.sort_by_key(|(_, result)| (weight(result.result), result.code == "Passed"));
    let worst = disks.first()?.1.clone();
    let is_told = |result: Outcome| match worst.result {
        Outcome::Pass | Outcome::NotApplicable => result == worst.result,
        _ => !matches!(result, Outcome::Pass | Outcome::NotApplicable),
    };
    disks.retain(|(_, other)| is_told(other.result));
    if worst.result == Outcome::NotApplicable {
        disks.truncate(1);
    }
    let evidence = disks.iter().flat_map(|(_, result)| result.evidence.clone()).take(EVIDENCE).collect();
    Some(RuleResult { message: message(&disks), evidence, ..worst })
}

/// The disk's name for a message, empty for a system disk; and its result, with the disk's name and the fields of its own
/// source in the import.
fn named(on: OnDisk) -> (String, RuleResult) {
    let Some(name) = on.name else { return (String::new(), on.result) };
    let name = format!("data disk `{}`", clean(name, NAME_BYTES));
    let own = |text: &str, max: usize| cut(&text.replace("spec.source.", "spec.dataDisks[].source."), max);
    let mut result = on.result;
    result.message = own(&result.message, MESSAGE_BYTES);
    result.remedy = own(&result.remedy, REMEDY_BYTES);
    result.evidence = result.evidence.iter().map(|e| seen(e, &name, own)).collect();
    (name, result)
}

fn seen(evidence: &ReportEvidence, name: &str, own: impl Fn(&str, usize) -> String) -> ReportEvidence {
    let place = own(&evidence.place, EVIDENCE_BYTES.saturating_sub(name.len() + " of ".len()));
    ReportEvidence {
        what: own(&evidence.what, EVIDENCE_BYTES),
        place: format!("{place} of {name}"),
        offset: evidence.offset,
    }
}

/// What is told of each disk. Where not all of it fits, the worst is told and the other disks are named.
fn message(disks: &[(String, RuleResult)]) -> String {
    let label = |name: &String| if name.is_empty() { "system disk".to_owned() } else { name.clone() };
    let [(name, first), others @ ..] = disks else { return String::new() };
    if others.is_empty() && name.is_empty() {
        return first.message.clone();
    }
    let told: Vec<String> = disks.iter().map(|(name, r)| format!("{}: {}", label(name), r.message)).collect();
    let whole = told.join("; ");
    if whole.len() <= MESSAGE_BYTES || others.is_empty() {
        return cut(&whole, MESSAGE_BYTES);
    }
    let names: Vec<String> = others.iter().map(|(name, _)| label(name)).collect();
    let others = cut(&format!("; also {}", names.join(", ")), MESSAGE_BYTES / 4);
    let first = told.first().map(String::as_str).unwrap_or_default();
    cut(first, MESSAGE_BYTES.saturating_sub(others.len())) + &others
}

#[cfg(test)]
mod tests {
    use super::super::{conditions, judge_disks, table, to_json};
    use super::*;
    use crate::api::Action;
    use crate::profiles;
    use crate::rules::Request;
    use crate::rules::fixture::{A2020, data_disk, healthy};
    use Outcome::{Advice, Fail, NotApplicable, Pass, Unknown, Waived, Warn};

    fn on<'a>(name: Option<&'a str>, outcome: Outcome, message: &str) -> OnDisk<'a> {
        let code = match outcome {
            Pass => "Passed",
            NotApplicable => "NotApplicable",
            Unknown => "FactMissing",
            _ => "Broken",
        };
        let seen = ReportEvidence { what: message.into(), place: "object".into(), offset: Some(8) };
        let result = RuleResult {
            id: "IMG-05".into(),
            rule: "DeclaredFormatMatches".into(),
            action: Action::Require,
            result: outcome,
            code: code.into(),
            message: message.into(),
            evidence: vec![seen],
            remedy: format!("mend {message}: spec.source.format"),
            cite: vec![],
        };
        OnDisk { name, result }
    }

    #[test]
    fn the_worst_disk_decides_and_all_that_are_not_in_order_are_told() {
        type Row = (Option<Outcome>, &'static [Outcome], Outcome, &'static str);
        let rows: &[Row] = &[
            (Some(Fail), &[], Fail, "S"),
            (Some(Pass), &[Pass], Pass, "system disk: S; data disk `d0`: D0"),
            (Some(Pass), &[NotApplicable], Pass, "S"),
            (Some(NotApplicable), &[NotApplicable], NotApplicable, "S"),
            (Some(NotApplicable), &[Pass], Pass, "data disk `d0`: D0"),
            (Some(Pass), &[Fail], Fail, "data disk `d0`: D0"),
            (Some(Fail), &[Pass], Fail, "S"),
            (Some(Fail), &[Fail], Fail, "system disk: S; data disk `d0`: D0"),
            (Some(Unknown), &[Fail], Fail, "data disk `d0`: D0; system disk: S"),
            (Some(Fail), &[Unknown], Fail, "system disk: S; data disk `d0`: D0"),
            (Some(Waived), &[Unknown], Unknown, "data disk `d0`: D0; system disk: S"),
            (Some(Waived), &[Fail], Fail, "data disk `d0`: D0; system disk: S"),
            (Some(Warn), &[Unknown, Pass], Unknown, "data disk `d0`: D0; system disk: S"),
            (Some(Advice), &[Warn, Waived], Waived, "data disk `d1`: D1; data disk `d0`: D0; system disk: S"),
            (Some(Pass), &[Advice], Advice, "data disk `d0`: D0"),
            (Some(Unknown), &[NotApplicable], Unknown, "S"),
            (None, &[Pass], Pass, "data disk `d0`: D0"),
            (None, &[Pass, Unknown, Fail], Fail, "data disk `d2`: D2; data disk `d1`: D1"),
            (None, &[NotApplicable], NotApplicable, "data disk `d0`: D0"),
        ];
        let names: Vec<String> = (0..3).map(|n| format!("d{n}")).collect();
        for (system, data, wanted, says) in rows {
            let mut results: Vec<OnDisk> = system.iter().map(|outcome| on(None, *outcome, "S")).collect();
            let data = data.iter().zip(&names);
            results.extend(data.map(|(outcome, name)| on(Some(name), *outcome, &name.to_uppercase())));
            let found = merged(results).unwrap();
            assert_eq!((found.result, found.message.as_str()), (*wanted, *says));
            let worst = says.split("; ").next().unwrap();
            let disk = worst.strip_prefix("data disk `").and_then(|rest| rest.split('`').next());
            let mended = match disk {
                Some(name) => format!("mend {}: spec.dataDisks[].source.format", name.to_uppercase()),
                None => "mend S: spec.source.format".to_owned(),
            };
            assert_eq!(found.remedy, mended, "of the worst");
            let place = disk.map_or("object".to_owned(), |name| format!("object of data disk `{name}`"));
            assert_eq!((found.evidence[0].place.as_str(), found.evidence[0].offset), (place.as_str(), Some(8)));
        }
        assert_eq!(merged(vec![]), None);
    }

    /// A pass that has a note is True as a condition, a recommendation that is not followed is not.
    #[test]
    fn of_two_recommendations_the_one_counts_that_makes_the_claim_untrue() {
        let mut noted = on(None, Advice, "S");
        noted.result.code = "Passed".into();
        let found = merged(vec![noted, on(Some("d0"), Advice, "D0")]).unwrap();
        assert_eq!((found.code.as_str(), found.message.as_str()), ("Broken", "data disk `d0`: D0; system disk: S"));
    }

    #[test]
    fn a_message_is_bounded_and_names_the_disks_that_it_has_no_room_for() {
        let names: Vec<String> = (0..16).map(|n| format!("disk-{n}-{}", "x".repeat(50))).collect();
        let long = "像".repeat(400);
        let all: Vec<OnDisk> = names.iter().map(|name| on(Some(name), Fail, &long)).collect();
        let found = merged(all).unwrap();
        assert!(found.message.len() <= MESSAGE_BYTES && found.evidence.len() == EVIDENCE);
        assert!(found.message.contains("…; also data disk `disk-1-x"), "{}", found.message);
        assert!(found.evidence.iter().all(|e| e.what.len() <= EVIDENCE_BYTES && e.place.len() <= EVIDENCE_BYTES));
        let evil = merged(vec![on(Some("a\u{1b}]0;x\u{7}\n\u{202e}"), Fail, "D")]).unwrap();
        assert!(evil.message.chars().all(crate::rules::printable), "{:?}", evil.message);
    }

    #[test]
    fn data_disks_are_in_the_report_and_in_the_table_and_nowhere_without_them() {
        let spec = profiles::get(A2020).unwrap().spec;
        let request = Request { url: "s3://acme/web.vhd".into(), ..Request::default() };
        let judged = |disks: &[_]| judge_disks(&healthy(), disks, A2020, &spec, &request);
        let json = |disks: &[_]| -> serde_json::Value {
            serde_json::from_str(&to_json(&[judged(disks)], false).unwrap()).unwrap()
        };
        assert!(json(&[]).get("dataDisks").is_none());
        let mut wrong = data_disk("db");
        wrong.format = Some("RAW".into());
        let disks = [data_disk("logs"), wrong];
        let found = json(&disks);
        let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&found["dataDisks"][1]), ["name", "source", "image", "reads"]);
        assert_eq!(found["dataDisks"][1]["name"], "db");
        assert_eq!(found["dataDisks"][0]["source"]["url"], "s3://images/data.vhd");
        assert_eq!(found["dataDisks"][0]["image"]["partitionTable"], "GPT");
        let text = table(&judged(&disks));
        assert!(text.contains("\ndata disk logs: s3://images/data.vhd: VHD, 20 GiB, GPT"), "{text}");
        assert!(text.contains("39 requests, 8.3 MiB, 1.23 s"), "{text}");
        let all = conditions(&judged(&disks));
        let told = &all.iter().find(|c| c.type_ == "DeclaredFormatMatches").unwrap().message;
        assert!(told.starts_with("data disk `db`: declared as \"RAW\", found VHD"), "{told}");
        assert!(
            told.contains("seen in object of data disk `db` at byte 0x0. To mend it: Set spec.dataDisks[]"),
            "{told}"
        );
    }
}
