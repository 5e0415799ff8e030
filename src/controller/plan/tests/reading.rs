//! Workers: slots, failures, retries, lost results.

use super::*;

#[test]
fn the_first_write_has_every_condition() {
    let mut sim = Sim::with_destination();
    sim.slot = false;
    let plan = sim.step();
    assert!(plan.slot && plan.act == Act::Rest);
    sim.expect("Unknown/Queued", Some("Progressing"), None);
    let types: Vec<_> = sim.status().conditions.iter().map(|c| c.type_.as_str()).collect();
    assert_eq!(types, ["Ready", "Inspected", "Compliant", "Converted", "Reconciling"]);
    assert_eq!(sim.status().observed_generation, Some(1));
}

#[test]
fn a_good_image_is_checked() {
    let mut sim = Sim::checked();
    sim.is_idle();
    assert_eq!(find(&sim.status().conditions, INSPECTED).unwrap().status, "True");
    assert_eq!(find(&sim.status().conditions, "Converted"), None);
}

#[test]
fn a_good_image_with_a_destination_is_copied_and_recorded() {
    let mut sim = Sim::converting();
    let plan = sim.ends(Sim::written());
    assert_eq!(plan.act, Act::Publish);
    let conversion = sim.status().disks[0].conversion.clone().unwrap();
    assert_eq!((conversion.bytes_written, conversion.checksum.as_deref()), (Some(42), Some("sha256:aa")));
    assert_eq!(conversion.etag.as_deref(), Some("\"e2\""));
    assert_eq!(sim.step().act, Act::Publish, "until the record is there");
    sim.import.status.as_mut().unwrap().custom_image_ref = Some(crate::api::LocalRef { name: "web-1".into() });
    sim.is_idle();
    sim.expect("True/Imported", None, None);
}

#[test]
fn a_worker_is_not_believed_about_another_object_or_another_size() {
    for (url, bytes) in [("s3://elsewhere/x", 42), ("s3://store/images/web-system-0.qcow2", 41)] {
        let mut sim = Sim::converting();
        let written = Written { url: url.into(), bytes, checksum: "sha256:aa".into(), ..Written::default() };
        sim.ends(Outcome::Written(written));
        sim.expect("False/InternalError", None, Some("InternalError"));
        assert_eq!(sim.status().disks[0].conversion.as_ref().unwrap().url, None);
    }
}

#[test]
fn a_worker_waits_for_a_slot() {
    let mut sim = Sim::check_only();
    sim.slot = false;
    for _ in 0..3 {
        let plan = sim.step();
        assert!(plan.act == Act::Rest && plan.slot);
    }
    sim.slot = true;
    assert!(matches!(sim.step().act, Act::Start { attempt: 1, lost: 0, .. }));
    sim.expect("Unknown/Inspecting", Some("Progressing"), None);
}

#[test]
fn transport_failures_are_retried_ever_later_and_never_stall() {
    let mut sim = Sim::check_only();
    let mut waits = vec![];
    for attempt in 1..=8 {
        let plan = sim.step();
        let Act::Start { attempt: number, .. } = plan.act else { panic!("{:?}", plan.act) };
        assert_eq!(number, attempt);
        sim.runs();
        sim.expect("Unknown/Inspecting", Some("Progressing"), None);
        let plan = sim.ends(Outcome::Failed("SourceUnavailable", "no route".into()));
        sim.expect("False/SourceUnavailable", Some("ProgressingWithRetry"), None);
        waits.push(minutes(plan.again));
        sim.now += plan.again.unwrap().as_secs() - 1;
        assert_eq!(sim.step().act, Act::Rest, "not before its time");
        sim.now += 1;
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30, 30]);
}

#[test]
fn what_is_missing_has_a_grace_period_and_stalls_after_it() {
    for reason in
        ["SecretNotFound", "SecretKeyNotFound", "WorkerImageNotPulled", "QuotaExceeded", "PodRefused", "Unschedulable"]
    {
        let reason = crate::controller::reason::known(reason);
        let mut sim = Sim::check_only();
        sim.step();
        let since = sim.at();
        sim.outcome = Some(Outcome::Waiting(reason, "quoted".into(), since));
        sim.now += 15;
        let plan = sim.step();
        assert!(plan.slot && plan.discard.is_empty(), "the pod may still start");
        sim.expect(&format!("False/{reason}"), Some("ProgressingWithRetry"), None);
        sim.now += 105;
        let plan = sim.step();
        assert_eq!(plan.discard.len(), 1, "Job and slot are given up");
        sim.expect(&format!("False/{reason}"), Some("ProgressingWithRetry"), None);
        // The next Job waits too: nothing says that it is mended.
        sim.now += MINUTE;
        assert!(matches!(sim.step().act, Act::Start { attempt: 2, .. }));
        sim.step();
        sim.expect(&format!("False/{reason}"), Some("ProgressingWithRetry"), None);
        sim.outcome = Some(Outcome::Waiting(reason, "quoted".into(), sim.at()));
        sim.now += 5 * MINUTE;
        let plan = sim.step();
        sim.expect(&format!("False/{reason}"), None, Some(reason));
        assert_eq!(minutes(plan.again), 15, "once stalled, seldom");
    }
}

#[test]
fn stalled_for_what_is_missing_is_retried_ever_more_seldom() {
    let mut sim = Sim::check_only();
    sim.step();
    sim.outcome = Some(Outcome::Waiting("SecretNotFound", "x".into(), sim.at()));
    sim.step();
    let mut waits = vec![];
    sim.now += 5 * MINUTE;
    for _ in 0..6 {
        let plan = sim.step();
        sim.expect("False/SecretNotFound", None, Some("SecretNotFound"));
        waits.push(minutes(plan.again));
        sim.now += plan.again.unwrap().as_secs();
        assert!(matches!(sim.step().act, Act::Start { .. }));
        sim.outcome = Some(Outcome::Waiting("SecretNotFound", "x".into(), sim.at()));
        sim.now += 2 * MINUTE;
    }
    assert_eq!(waits, [15, 30, 60, 120, 120, 120]);
}

#[test]
fn a_secret_that_comes_in_time_mends_everything() {
    let mut sim = Sim::check_only();
    sim.step();
    sim.outcome = Some(Outcome::Waiting("SecretNotFound", "x".into(), sim.at()));
    sim.now += 30;
    sim.step();
    sim.runs();
    sim.expect("Unknown/Inspecting", Some("Progressing"), None);
    sim.ends(Sim::facts(Access::Reached));
    sim.judges(Overall::Compliant, Access::Reached);
    sim.expect("True/Checked", None, None);
}

#[test]
fn an_object_that_is_missing_or_forbidden_stalls_and_is_looked_for_again() {
    for (access, reason) in [(Access::NotFound, "SourceNotFound"), (Access::Forbidden, "SourceForbidden")] {
        let mut sim = Sim::check_only();
        let mut waits = vec![];
        for _ in 0..5 {
            sim.reads(access);
            sim.judges(Overall::NonCompliant, access);
            sim.expect("False/VirtioNotInstall", None, Some(reason));
            assert_eq!(sim.status().disks[0].source, None, "its address can be mended in place");
            let plan = sim.step();
            assert_eq!(plan.act, Act::Rest);
            waits.push(minutes(plan.again));
            sim.now += plan.again.unwrap().as_secs();
        }
        assert_eq!(waits, [15, 30, 60, 120, 120]);
        sim.reads(Access::Reached);
        sim.judges(Overall::Compliant, Access::Reached);
        sim.expect("True/Checked", None, None);
    }
}

#[test]
fn an_unreached_object_is_never_compliant() {
    let mut sim = Sim::check_only();
    sim.reads(Access::Forbidden);
    sim.judges(Overall::Compliant, Access::Forbidden);
    sim.expect("False/SourceForbidden", None, Some("SourceForbidden"));
    assert_eq!(find(&sim.status().conditions, COMPLIANT).unwrap().status, "Unknown");
}

#[test]
fn ends_for_good_stay_until_the_spec_changes_or_a_reading_is_asked_for() {
    for reason in ["WorkerCrashed", "WorkerOutOfMemory", "InternalError", "DeadlineExceeded", "TooManyDisruptions"] {
        let reason = crate::controller::reason::known(reason);
        let kept = crate::controller::reason::KEPT_FOR_ITS_LOG.contains(&reason);
        for change in [Sim::changes_spec, |s: &mut Sim| s.requests("now")] {
            let mut sim = Sim::check_only();
            sim.step();
            sim.runs();
            sim.ends(Outcome::Failed(reason, "because".into()));
            sim.expect(&format!("False/{reason}"), None, Some(reason));
            sim.now += 24 * 60 * MINUTE;
            let plan = sim.step();
            assert_eq!((plan.act, plan.again, plan.slot), (Act::Rest, None, false));
            assert_eq!(sim.jobs.len(), usize::from(kept), "a crash keeps its log");
            change(&mut sim);
            let plan = sim.step();
            if kept {
                assert_eq!((plan.act, plan.discard.len()), (Act::Rest, 1), "first the old Job goes");
                sim.expect("Unknown/Queued", Some("Progressing"), None);
                assert!(matches!(sim.step().act, Act::Start { .. }));
            } else {
                assert!(matches!(plan.act, Act::Start { .. }), "{:?}", plan.act);
            }
            sim.expect("Unknown/Inspecting", Some("Progressing"), None);
        }
    }
}

#[test]
fn a_worker_that_refused_its_credentials_is_looked_at_again() {
    let mut sim = Sim::check_only();
    sim.step();
    sim.runs();
    let plan = sim.ends(Outcome::Failed("InvalidCredentials", "accessKeyID is empty".into()));
    sim.expect("False/InvalidCredentials", None, Some("InvalidCredentials"));
    assert_eq!(minutes(plan.again), 15);
    sim.now += 15 * MINUTE;
    assert!(matches!(sim.step().act, Act::Start { attempt: 2, .. }));
    sim.expect("False/InvalidCredentials", None, Some("InvalidCredentials"));
    sim.runs();
    sim.expect("Unknown/Inspecting", Some("Progressing"), None);
}

#[test]
fn a_lost_result_is_read_again_three_times() {
    let mut sim = Sim::check_only();
    for attempt in 1..=4 {
        let plan = sim.step();
        let Act::Start { attempt: number, lost, .. } = plan.act else { panic!("{:?}", plan.act) };
        assert_eq!((number, lost), (attempt, attempt - 1));
        sim.runs();
        sim.ends(Outcome::ResultLost("the Job is gone"));
    }
    sim.expect("False/ResultLost", None, Some("ResultLost"));
    sim.is_idle();
    // Transport failures in between do not count as lost results, nor these as retries.
    let mut sim = Sim::check_only();
    for _ in 0..3 {
        sim.step();
        sim.ends(Outcome::ResultLost("the Job is gone"));
    }
    sim.step();
    let plan = sim.ends(Outcome::Failed("SourceUnavailable", "x".into()));
    assert_eq!(minutes(plan.again), 1);
}
