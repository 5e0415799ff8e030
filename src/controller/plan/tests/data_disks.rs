//! Imports with data disks: read one after the other, copied one after the other, all or nothing.

use super::*;

fn with_data() -> Sim {
    Sim::new(json!({"source": {"url": "s3://in/web.qcow2"}, "profileRef": {"name": "p"},
        "dataDisks": [{"name": "logs", "source": {"url": "s3://in/logs.qcow2"}}],
        "destination": {"url": "s3://store/images/"}}))
}

fn task(plan: &Plan) -> Option<(String, Stage)> {
    match &plan.act {
        Act::Start { task, .. } => Some((task.disk.clone(), task.stage)),
        _ => None,
    }
}

fn started(sim: &mut Sim) -> Option<(String, Stage)> {
    let plan = sim.step();
    sim.runs();
    task(&plan)
}

fn read_and_judged() -> Sim {
    let mut sim = with_data();
    for disk in ["system", "logs"] {
        assert_eq!(started(&mut sim), Some((disk.to_owned(), Stage::Inspect)));
        let plan = sim.ends(Sim::facts(Access::Reached));
        assert!(matches!(&plan.act, Act::KeepFacts { disk: of, .. } if of == disk), "{:?}", plan.act);
    }
    sim.judges(Overall::Compliant, Access::Reached);
    sim
}

#[test]
fn every_disk_has_an_entry_from_the_start() {
    let mut sim = with_data();
    sim.step();
    let names: Vec<_> = sim.status().disks.iter().map(|disk| disk.name.as_str()).collect();
    assert_eq!(names, ["system", "logs"], "what may still change hangs on each being reached");
}

#[test]
fn all_disks_are_read_judged_and_copied_before_anything_is_published() {
    let mut sim = read_and_judged();
    assert_eq!(started(&mut sim), Some(("system".to_owned(), Stage::Convert)));
    let plan = sim.ends(Sim::written_disk("system"));
    assert_eq!((plan.act, minutes(plan.again)), (Act::Rest, 0));
    sim.expect("Unknown/Converting", Some("Progressing"), None);
    assert_eq!(started(&mut sim), Some(("logs".to_owned(), Stage::Convert)));
    let plan = sim.ends(Sim::written_disk("logs"));
    assert_eq!(plan.act, Act::Publish);
}

#[test]
fn a_disk_that_cannot_be_copied_fails_the_import_and_takes_the_others_copies_along() {
    let mut sim = read_and_judged();
    started(&mut sim);
    sim.ends(Sim::written_disk("system"));
    started(&mut sim);
    let refusal = Refusal { reason: "ChecksumMismatch".into(), message: "another object".into(), http: None };
    let plan = sim.ends(Outcome::Refused(refusal));
    assert_eq!(plan.act, Act::Rest);
    sim.expect("False/ChecksumMismatch", None, Some("ChecksumMismatch"));
    assert!(sim.status().deletion.is_some(), "the copy of the system disk is to go");
}

#[test]
fn trouble_that_passes_keeps_what_is_copied() {
    let mut sim = read_and_judged();
    started(&mut sim);
    sim.ends(Sim::written_disk("system"));
    started(&mut sim);
    sim.ends(Outcome::Failed("SourceUnavailable", "the store is away".into()));
    assert_eq!(sim.status().deletion, None);
    sim.now += 31 * MINUTE;
    assert_eq!(started(&mut sim), Some(("logs".to_owned(), Stage::Convert)));
}

#[test]
fn a_cancelled_import_drops_the_copies_it_has() {
    let mut sim = read_and_judged();
    started(&mut sim);
    sim.ends(Sim::written_disk("system"));
    sim.import.spec.cancel = true;
    sim.changes_spec();
    let plan = sim.step();
    assert_eq!(plan.act, Act::Rest);
    sim.expect("False/Cancelled", None, Some("Cancelled"));
    assert!(sim.status().deletion.is_some());
}

#[test]
fn what_was_judged_when_the_first_disk_was_copied_holds_for_the_others() {
    let mut sim = read_and_judged();
    started(&mut sim);
    sim.ends(Sim::written_disk("system"));
    sim.profile = Profile::Usable("rules-2".into());
    assert_eq!(started(&mut sim), Some(("logs".to_owned(), Stage::Convert)));
}

#[test]
fn a_data_disk_that_is_not_reached_is_looked_for_again_alone() {
    let mut sim = with_data();
    started(&mut sim);
    sim.ends(Sim::facts(Access::Reached));
    started(&mut sim);
    sim.ends(Sim::facts(Access::NotFound));
    let plan = sim.decide();
    let Act::Judge { key, .. } = &plan.act else { panic!("{:?}", plan.act) };
    let mut draft = plan.draft.clone();
    draft.status.verdict_key = Some(key.to_string());
    draft.refused("SourceNotFound", "There is no such object", "SourceNotFound");
    draft.set(INSPECTED, Status::True, "FactsStored", "");
    sim.store(&draft);
    assert_eq!(sim.step().act, Act::Rest, "not at once");
    sim.now += 16 * MINUTE;
    assert_eq!(started(&mut sim), Some(("logs".to_owned(), Stage::Inspect)));
}

#[test]
fn a_data_disk_that_is_mended_is_read_again_and_the_others_are_not() {
    let mut sim = with_data();
    started(&mut sim);
    sim.ends(Sim::facts(Access::Reached));
    started(&mut sim);
    sim.import.spec.data_disks[0].source.region = Some("elsewhere".into());
    sim.changes_spec();
    let plan = sim.step();
    assert_eq!((plan.act, plan.discard.len()), (Act::Rest, 1), "the running worker has the old address");
    assert_eq!(started(&mut sim), Some(("logs".to_owned(), Stage::Inspect)));
    sim.import.spec.data_disks.clear();
    sim.changes_spec();
    sim.step();
    assert_eq!(sim.status().disks.len(), 1);
}
