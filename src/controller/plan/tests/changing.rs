//! What changes meanwhile: the spec, the profile, requests, other objects, the controller itself.

use super::*;

#[test]
fn suspending_stops_the_worker_and_resuming_reads() {
    let mut sim = Sim::check_only();
    sim.step();
    sim.runs();
    sim.import.spec.suspend = true;
    sim.changes_spec();
    let plan = sim.step();
    assert_eq!(plan.discard.len(), 1);
    sim.expect("Unknown/Suspended", None, None);
    sim.is_idle();
    sim.import.spec.suspend = false;
    sim.changes_spec();
    assert!(matches!(sim.step().act, Act::Start { attempt: 2, .. }));
    sim.expect("Unknown/Inspecting", Some("Progressing"), None);
}

#[test]
fn facts_that_arrive_while_suspended_are_kept() {
    let mut sim = Sim::check_only();
    sim.step();
    sim.import.spec.suspend = true;
    assert!(matches!(sim.ends(Sim::facts(Access::Reached)).act, Act::KeepFacts { .. }));
}

#[test]
fn suspending_what_is_done_changes_nothing() {
    for mut sim in [Sim::checked(), Sim::rejected()] {
        let before = sim.moment();
        sim.import.spec.suspend = true;
        sim.changes_spec();
        sim.is_idle();
        assert_eq!(sim.moment(), before);
        assert_eq!(sim.status().observed_generation, Some(2));
    }
}

#[test]
fn a_missing_profile_is_waited_for_before_anything_is_read() {
    let mut sim = Sim::check_only();
    sim.profile = Profile::Problem("ProfileNotFound", "no profile".into());
    let plan = sim.step();
    assert_eq!(plan.act, Act::Rest);
    sim.expect("False/ProfileNotFound", Some("ProgressingWithRetry"), None);
    assert_eq!(minutes(plan.again), 5);
    sim.now += 5 * MINUTE;
    sim.step();
    sim.expect("False/ProfileNotFound", None, Some("ProfileNotFound"));
    sim.profile = Profile::Usable("rules-1".into());
    assert!(matches!(sim.step().act, Act::Start { .. }));
    sim.expect("Unknown/Inspecting", Some("Progressing"), None);
}

#[test]
fn a_profile_that_is_deleted_while_its_image_is_read_is_missed_when_judging() {
    let mut sim = Sim::check_only();
    sim.reads(Access::Reached);
    sim.profile = Profile::Problem("ProfileNotFound", "no profile".into());
    sim.is_idle();
    sim.expect("False/ProfileNotFound", Some("ProgressingWithRetry"), None);
    sim.profile = Profile::Usable("rules-1".into());
    assert!(matches!(sim.step().act, Act::Judge { .. }), "not read again");
}

#[test]
fn a_verdict_outlives_its_profile_but_not_a_change_of_the_spec() {
    for mut sim in [Sim::checked(), Sim::rejected()] {
        let before = sim.moment();
        sim.profile = Profile::Problem("ProfileNotFound", "no profile".into());
        sim.is_idle();
        assert_eq!(sim.moment(), before);
        sim.changes_spec();
        sim.step();
        sim.expect("False/ProfileNotFound", Some("ProgressingWithRetry"), None);
        sim.step();
        sim.expect("False/ProfileNotFound", Some("ProgressingWithRetry"), None);
        sim.profile = Profile::Usable("rules-1".into());
        assert!(matches!(sim.step().act, Act::Judge { .. }));
    }
}

/// A condition of rules, of the profile, the request or a waiver changes.
fn inputs() -> Vec<fn(&mut Sim)> {
    let waiver = |sim: &mut Sim| {
        sim.import.spec.waivers =
            vec![serde_json::from_value(json!({"rule": "VirtioInstalled", "justification": "x"})).unwrap()];
        sim.changes_spec();
    };
    let image = |sim: &mut Sim| {
        sim.import.spec.image = Some(crate::api::ImageRequest { force: true, ..Default::default() });
        sim.changes_spec();
    };
    let declared = |sim: &mut Sim| {
        sim.import.spec.source.format = Some(crate::api::Format::Raw);
        sim.changes_spec();
    };
    vec![waiver, image, declared, |sim| sim.profile = Profile::Usable("rules-2".into())]
}

#[test]
fn what_a_verdict_rests_on_makes_a_new_one_from_the_stored_facts() {
    for change in inputs() {
        for mut sim in [Sim::checked(), Sim::rejected()] {
            change(&mut sim);
            let plan = sim.step();
            assert!(matches!(plan.act, Act::Judge { again: true, .. }), "{:?}", plan.act);
        }
    }
}

#[test]
fn another_password_is_judged_where_the_image_is_read() {
    for mut sim in [Sim::checked(), Sim::rejected()] {
        let password_secret_ref = Some(crate::api::LocalRef { name: "root".into() });
        sim.import.spec.image = Some(crate::api::ImageRequest { password_secret_ref, ..Default::default() });
        sim.changes_spec();
        let plan = sim.step();
        assert!(starts(&plan, Stage::Inspect), "{:?}", plan.act);
    }
}

#[test]
fn an_upgrade_judges_what_was_refused_and_not_what_was_checked() {
    let upgrade = |sim: &mut Sim| {
        let status = sim.import.status.as_mut().unwrap();
        let inputs = status.verdict_key.as_ref().unwrap().split_once('/').unwrap().0.to_owned();
        status.verdict_key = Some(format!("{inputs}/0.0.1"));
    };
    let mut rejected = Sim::rejected();
    upgrade(&mut rejected);
    assert!(matches!(rejected.decide().act, Act::Judge { again: true, .. }));
    let mut checked = Sim::checked();
    upgrade(&mut checked);
    checked.is_idle();
}

#[test]
fn a_waiver_that_expires_has_what_was_checked_judged_again() {
    let mut sim = Sim::check_only();
    let end = Timestamp::from_second(sim.now + 3600).unwrap();
    sim.import.spec.waivers = vec![
        serde_json::from_value(
            json!({"rule": "VirtioInstalled", "justification": "x", "expirationTime": end.to_string()}),
        )
        .unwrap(),
    ];
    sim.reads(Access::Reached);
    sim.judges(Overall::Compliant, Access::Reached);
    let plan = sim.step();
    assert_eq!((plan.act, plan.again), (Act::Rest, Some(SignedDuration::from_secs(3600))));
    sim.now += 3600;
    assert!(matches!(sim.step().act, Act::Judge { .. }));
}

#[test]
fn a_waiver_that_expired_is_told_until_it_is_taken_away() {
    let mut sim = Sim::rejected();
    let end = Timestamp::from_second(sim.now - 3600).unwrap().to_string();
    let waiver = json!({"rule": "VirtioInstalled", "justification": "x", "expirationTime": end});
    sim.import.spec.waivers = vec![serde_json::from_value(waiver).unwrap()];
    sim.changes_spec();
    assert!(matches!(sim.step().act, Act::Judge { again: true, .. }));
    sim.judges(Overall::NonCompliant, Access::Reached);
    sim.is_idle();
    sim.import.spec.waivers.clear();
    sim.changes_spec();
    assert!(matches!(sim.step().act, Act::Judge { again: true, .. }));
}

#[test]
fn a_waiver_that_expires_within_a_second_counts_alike_in_the_verdict_and_in_its_key() {
    let mut sim = Sim::check_only();
    let end = Timestamp::from_millisecond(sim.now * 1000 + 500).unwrap();
    sim.import.spec.waivers = vec![
        serde_json::from_value(
            json!({"rule": "VirtioInstalled", "justification": "x", "expirationTime": end.to_string()}),
        )
        .unwrap(),
    ];
    sim.reads(Access::Reached);
    sim.millis = 700;
    sim.judges(Overall::Compliant, Access::Reached);
    // The verdict was made at the whole second, when the waiver counted: nothing changes until the next one.
    let plan = sim.step();
    assert_eq!((plan.act, plan.again), (Act::Rest, Some(SignedDuration::from_millis(500))));
    sim.now += 1;
    assert!(matches!(sim.step().act, Act::Judge { .. }));
}

#[test]
fn a_copy_is_not_judged_again_while_it_runs() {
    for change in inputs() {
        let mut sim = Sim::converting();
        change(&mut sim);
        sim.requests("now");
        let plan = sim.step();
        assert_eq!((plan.act, plan.discard.len()), (Act::Rest, 0));
        assert_eq!(sim.ends(Sim::written()).act, Act::Publish);
    }
}

#[test]
fn what_is_imported_is_never_judged_and_says_when_it_is_stale() {
    let imported = || {
        let mut sim = Sim::converting();
        sim.ends(Sim::written());
        sim.import.status.as_mut().unwrap().custom_image_ref = Some(crate::api::LocalRef { name: "web-1".into() });
        sim.is_idle();
        sim
    };
    let mut sim = imported();
    sim.requests("now");
    sim.is_idle();
    assert_eq!(sim.status().last_handled_request_at.as_deref(), Some("now"));
    for change in inputs() {
        let mut sim = imported();
        change(&mut sim);
        assert_eq!(sim.step().act, Act::MarkStale);
        sim.expect("True/Imported", None, None);
        sim.import.status.as_mut().unwrap().report.as_mut().unwrap().stale = true;
        sim.is_idle();
    }
}

#[test]
fn a_request_reads_again_once() {
    for mut sim in [Sim::checked(), Sim::rejected()] {
        sim.requests("2026-11-21");
        sim.reads(Access::Reached);
        assert_eq!(sim.status().last_handled_request_at.as_deref(), Some("2026-11-21"));
        assert_eq!(find(&sim.status().conditions, INSPECTED).unwrap().status, "Unknown");
        sim.judges(Overall::Compliant, Access::Reached);
        sim.is_idle();
        sim.import.metadata.annotations = None;
        sim.is_idle();
    }
}

#[test]
fn a_mended_address_is_read_at_once_and_the_old_worker_goes() {
    let mut sim = Sim::check_only();
    sim.step();
    sim.runs();
    sim.import.spec.source.endpoint = Some("https://minio:9000".into());
    sim.changes_spec();
    let plan = sim.step();
    assert_eq!((plan.act, plan.discard.len()), (Act::Rest, 1));
    // Empty is not enough: the API server would make it null, and refuse that.
    assert_eq!(plan.draft.status.disks[0].inspection, None);
    sim.expect("Unknown/Queued", Some("Progressing"), None);
    assert!(matches!(sim.step().act, Act::Start { attempt: 1, .. }));
}

#[test]
fn an_old_job_object_stands_in_the_way_for_ten_minutes() {
    let mut sim = Sim::check_only();
    sim.jobs = vec![JobSeen { name: "old".into(), uid: "old".into(), finished: false, deleting_since: Some(sim.at()) }];
    let plan = sim.step();
    assert_eq!((plan.act, plan.slot, plan.discard.len()), (Act::Rest, true, 0));
    sim.now += 10 * MINUTE + 1;
    assert!(matches!(sim.step().act, Act::Start { .. }), "a lost node never lets go");
}

#[test]
fn a_new_job_never_takes_the_name_of_one_that_is_still_there() {
    let mut sim = Sim::check_only();
    let Act::Start { name, .. } = sim.decide().act else { panic!() };
    sim.jobs = vec![JobSeen { name, uid: "old".into(), finished: false, deleting_since: Some(sim.at()) }];
    sim.now += 11 * MINUTE;
    assert!(matches!(sim.step().act, Act::Start { attempt: 2, .. }));
}

#[test]
fn a_job_that_was_not_noted_is_deleted_and_made_again() {
    let mut sim = Sim::check_only();
    sim.jobs = vec![JobSeen { name: "x".into(), uid: "stray".into(), finished: true, deleting_since: None }];
    let plan = sim.step();
    assert_eq!((plan.act, plan.discard), (Act::Rest, vec![("x".into(), "stray".into())]));
    assert!(matches!(sim.step().act, Act::Start { .. }));
}

#[test]
fn a_copy_that_is_refused_says_why() {
    let refused = |reason: &str| {
        let mut sim = Sim::converting();
        let plan = sim.ends(Outcome::Refused(Refusal { reason: reason.into(), message: "m".into(), http: None }));
        (sim, plan)
    };
    for (reason, retried) in [
        ("SourceChanged", false),
        ("DestinationExists", false),
        ("DestinationForbidden", true),
        ("SourceNotFound", true),
    ] {
        let (mut sim, plan) = refused(reason);
        sim.expect(&format!("False/{reason}"), None, Some(reason));
        assert_eq!(plan.again.is_some(), retried);
        sim.now += 15 * MINUTE;
        assert_eq!(matches!(sim.step().act, Act::Start { attempt: 2, .. }), retried, "{reason}");
    }
    let (sim, _) = refused("Ready");
    sim.expect("False/InternalError", None, Some("InternalError"));
}

#[test]
fn a_changed_source_is_read_again_on_request() {
    let mut sim = Sim::converting();
    sim.ends(Outcome::Refused(Refusal { reason: "SourceChanged".into(), message: "m".into(), http: None }));
    sim.requests("again");
    sim.reads(Access::Reached);
}

#[test]
fn a_record_of_the_same_name_stalls_until_another_name_is_chosen() {
    let mut sim = Sim::converting();
    let plan = sim.ends(Sim::written());
    let mut draft = plan.draft;
    draft.failing("NameConflict", "taken");
    sim.store(&draft);
    sim.is_idle();
    sim.expect("False/NameConflict", None, Some("NameConflict"));
    sim.import.spec.custom_image_name = Some("another".into());
    sim.changes_spec();
    assert_eq!(sim.step().act, Act::Publish, "what was written is not copied again");
}

#[test]
fn a_record_that_the_api_server_refuses_stalls_until_something_changes() {
    let mut sim = Sim::converting();
    let mut draft = sim.ends(Sim::written()).draft;
    draft.failing("InternalError", "The API server refuses the CustomImage");
    sim.store(&draft);
    sim.is_idle();
    sim.expect("False/InternalError", None, Some("InternalError"));
    assert_eq!(sim.status().deletion, None, "what was written is good");
    sim.changes_spec();
    assert_eq!(sim.step().act, Act::Publish);
}

#[test]
fn a_format_that_is_not_written_is_refused_before_anything_is_read_where_it_is_declared() {
    let mut sim = Sim::with_destination();
    sim.import.spec.source.format = Some(crate::api::Format::Qcow2);
    sim.import.spec.destination.as_mut().unwrap().format = Some(crate::api::Format::Vmdk);
    sim.is_idle();
    sim.expect("False/ConversionNotSupported", None, Some("ConversionNotSupported"));
    sim.import.spec.destination.as_mut().unwrap().format = Some(crate::api::Format::Qcow2);
    sim.changes_spec();
    assert!(matches!(sim.step().act, Act::Start { .. }));
}

#[test]
fn a_format_that_is_not_written_is_refused_after_the_verdict_where_only_the_image_tells() {
    let mut sim = Sim::with_destination();
    sim.import.spec.destination.as_mut().unwrap().format = Some(crate::api::Format::Vmdk);
    sim.reads(Access::Reached);
    sim.judges(Overall::Compliant, Access::Reached);
    sim.import.status.as_mut().unwrap().disks[0].image =
        Some(crate::api::ImageSummary { format: Some("QCOW2".into()), ..Default::default() });
    sim.is_idle();
    sim.expect("False/ConversionNotSupported", None, Some("ConversionNotSupported"));
    assert_eq!(find(&sim.status().conditions, COMPLIANT).unwrap().status, "True");
}

#[test]
fn a_controller_that_dies_anywhere_goes_on() {
    // Every status that a good import goes through is decided on afresh, and twice: the second time nothing new is made.
    let mut sim = Sim::converting();
    let before = sim.made;
    for _ in 0..3 {
        assert_eq!(sim.step().act, Act::Rest);
    }
    assert_eq!(sim.made, before);
    // Facts were stored, and the controller died before it noted so: they are stored again, not read again.
    let mut sim = Sim::check_only();
    sim.step();
    sim.outcome = Some(Sim::facts(Access::Reached));
    let Act::KeepFacts { disk, text, key } = sim.decide().act else { panic!() };
    let status = sim.import.status.as_mut().unwrap();
    let stored = crate::controller::status::with_facts(status, &disk, &key, &text);
    status.disks[0].inspection.as_mut().unwrap().key = stored.disks[0].inspection.as_ref().unwrap().key.clone();
    assert!(matches!(sim.decide().act, Act::KeepFacts { .. }));
    // ... and its pod went meanwhile: the facts are there, so they are judged.
    sim.ends(Outcome::ResultLost("the Job is gone"));
    assert!(matches!(sim.step().act, Act::Judge { .. }));
}

#[test]
fn a_decision_on_its_own_result_changes_nothing() {
    for mut sim in [Sim::checked(), Sim::rejected(), Sim::converting()] {
        sim.step();
        let stored = crate::controller::moment::lifecycle_part(sim.status());
        sim.now += 1;
        assert_eq!(sim.decide().draft.status, stored, "nothing is written twice");
    }
}

#[test]
fn delays_double_up_to_their_cap() {
    let minute = SignedDuration::from_mins(1);
    let cap = SignedDuration::from_mins(30);
    assert_eq!(doubled(minute, 0, cap), minute);
    assert_eq!(doubled(minute, 4, cap).as_mins(), 16);
    assert_eq!(doubled(minute, 5, cap), cap);
    assert_eq!(doubled(minute, u32::MAX, cap), cap);
}
