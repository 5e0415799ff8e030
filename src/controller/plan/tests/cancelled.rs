//! `spec.cancel`, and the place in the line.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry, Time};

use super::*;

fn cancel(sim: &mut Sim) -> Plan {
    sim.import.spec.cancel = true;
    sim.import.metadata.managed_fields = Some(vec![ManagedFieldsEntry {
        manager: Some("kubectl-patch".into()),
        time: Some(Time(Timestamp::from_second(sim.now).unwrap())),
        fields_v1: Some(FieldsV1(json!({"f:spec": {"f:cancel": {}}}))),
        ..ManagedFieldsEntry::default()
    }]);
    sim.changes_spec();
    sim.step()
}

#[test]
fn whatever_it_does_its_worker_is_stopped_and_it_never_goes_on() {
    let queued = || Sim { slot: false, ..Sim::check_only() };
    let reading = || {
        let mut sim = Sim::check_only();
        sim.step();
        sim.runs();
        sim
    };
    for (mut sim, jobs) in [(queued(), 0), (reading(), 1), (Sim::rejected(), 0), (Sim::converting(), 1)] {
        let plan = cancel(&mut sim);
        assert_eq!((plan.act, plan.discard.len()), (Act::Rest, jobs));
        sim.expect("False/Cancelled", None, Some("Cancelled"));
        let ready = find(&sim.status().conditions, READY).unwrap();
        assert!(ready.message.contains("by kubectl-patch at 1970-01-12T"), "{}", ready.message);
        sim.slot = true;
        sim.requests("again");
        sim.profile = Profile::Usable("rules-2".into());
        sim.step();
        sim.is_idle();
        sim.expect("False/Cancelled", None, Some("Cancelled"));
    }
}

#[test]
fn why_an_image_is_not_converted_is_told_at_each_step() {
    let converted = |sim: &Sim| {
        let found = find(&sim.status().conditions, "Converted").unwrap();
        format!("{}/{}", found.status, found.reason)
    };
    let mut sim = Sim::with_destination();
    sim.step();
    assert_eq!(converted(&sim), "Unknown/NotJudged");
    let rejected = {
        let mut sim = Sim::with_destination();
        sim.reads(Access::Reached);
        sim.judges(Overall::NonCompliant, Access::Reached);
        sim
    };
    assert_eq!(converted(&rejected), "Unknown/NotJudged");
    let mut sim = Sim::with_destination();
    sim.reads(Access::Reached);
    sim.judges(Overall::Compliant, Access::Reached);
    assert_eq!(converted(&sim), "Unknown/Queued");
    let mut sim = Sim::converting();
    assert_eq!(converted(&sim), "Unknown/Converting");
    cancel(&mut sim);
    assert_eq!(converted(&sim), "False/Cancelled");
    let mut sim = Sim::converting();
    sim.ends(Outcome::Refused(Refusal { reason: "ChecksumMismatch".into(), message: "m".into(), http: None }));
    assert_eq!(converted(&sim), "False/ChecksumMismatch");
    sim.requests("again");
    sim.step();
    sim.ends(Outcome::Failed("SourceUnavailable", "m".into()));
    assert_eq!(converted(&sim), "False/ChecksumMismatch", "no conversion failed this time");
    let mut sim = Sim::converting();
    sim.ends(Outcome::Failed("DestinationUnavailable", "m".into()));
    assert_eq!(converted(&sim), "False/DestinationUnavailable");
    sim.now += 15 * MINUTE;
    sim.step();
    sim.runs();
    assert_eq!(converted(&sim), "Unknown/Converting", "it is tried again");
    sim.ends(Sim::written());
    assert_eq!(converted(&sim), "True/Written");
}

#[test]
fn what_is_done_stays_done() {
    let mut checked = Sim::checked();
    cancel(&mut checked);
    checked.expect("True/Checked", None, None);

    let mut written = Sim::converting();
    written.outcome = Some(Sim::written());
    written.jobs.iter_mut().for_each(|job| job.finished = true);
    assert_eq!(cancel(&mut written).act, Act::Publish, "its object would be nobody's");
    assert_eq!(written.step().act, Act::Publish);
}

#[test]
fn the_place_in_the_line_is_told_and_far_behind_not_followed() {
    let mut sim = Sim { slot: false, place: Some(31), ..Sim::check_only() };
    for (place, told, minutes_to_next) in
        [(31, Some(31), 10), (25, Some(31), 10), (20, Some(20), 1), (2, Some(2), 1), (1, Some(1), 1)]
    {
        sim.place = Some(place);
        let plan = sim.step();
        assert_eq!((sim.status().queue_position, minutes(plan.again)), (told, minutes_to_next));
        sim.expect("Unknown/Queued", Some("Progressing"), None);
    }
    (sim.slot, sim.place) = (true, None);
    sim.step();
    assert_eq!(sim.status().queue_position, None);
}
