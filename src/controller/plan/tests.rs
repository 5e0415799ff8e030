//! Scenarios: an import, what the cluster does, and what is decided, moment by moment.

use serde_json::json;

use super::*;
use crate::api::conditions::{RECONCILING, find};
use crate::api::{ImageImportStatus, Inspection};
use crate::inspect::facts::Access;
use crate::inspect::wire::{Refusal, Written};
use crate::report::{Overall, Report, ReportReads, ReportSource};

const MINUTE: i64 = 60;

/// An import and the cluster around it, with a clock.
struct Sim {
    import: ImageImport,
    profile: Profile,
    jobs: Vec<JobSeen>,
    outcome: Option<Outcome>,
    slot: bool,
    now: i64,
    made: u32,
}

impl Sim {
    fn new(spec: serde_json::Value) -> Self {
        let mut import = ImageImport::new("web", serde_json::from_value(spec).unwrap());
        import.metadata.uid = Some("import-uid".into());
        import.metadata.namespace = Some("team".into());
        import.metadata.generation = Some(1);
        let profile = Profile::Usable("rules-1".into());
        Self { import, profile, jobs: vec![], outcome: None, slot: true, now: 1_000_000, made: 0 }
    }
    fn check_only() -> Self {
        Self::new(json!({"source": {"url": "s3://in/web.qcow2"}, "profileRef": {"name": "p"}}))
    }
    fn with_destination() -> Self {
        Self::new(json!({"source": {"url": "s3://in/web.qcow2"}, "profileRef": {"name": "p"},
            "destination": {"url": "s3://store/images/"}}))
    }

    fn at(&self) -> Timestamp {
        Timestamp::from_second(self.now).unwrap()
    }

    fn decide(&self) -> Plan {
        let times = Times { pending_timeout: SignedDuration::from_secs(120), grace: SignedDuration::from_secs(300) };
        plan(&World {
            import: &self.import,
            profile: self.profile.clone(),
            jobs: self.jobs.clone(),
            outcome: self.outcome.clone(),
            progress: None,
            own_url: Some("s3://store/images/web-system-0.qcow2".into()),
            slot: self.slot,
            now: self.at(),
            times: &times,
        })
    }

    /// Decides and carries out, as the controller would: Jobs are made and noted, facts stored, Jobs deleted.
    fn step(&mut self) -> Plan {
        let plan = self.decide();
        let mut draft = plan.draft.clone();
        match &plan.act {
            Act::Start { stage, name, attempt, lost } => {
                self.made += 1;
                let uid = format!("job-{}", self.made);
                self.jobs.push(JobSeen { name: name.clone(), uid: uid.clone(), finished: false, deleting_since: None });
                let noted = Work {
                    job_name: Some(name.clone()),
                    job_uid: Some(uid),
                    attempt: *attempt,
                    lost: *lost,
                    started: Some(draft.now()),
                    completed: None,
                };
                work::set(&mut draft, *stage, &noted);
                self.outcome = Some(Outcome::Pending);
            }
            Act::KeepFacts { text, key } => {
                let status = self.import.status.get_or_insert_default();
                *status = crate::controller::status::with_facts(status, key, text);
            }
            _ => {}
        }
        self.store(&draft);
        for (_, uid) in &plan.discard {
            self.jobs.retain(|j| j.uid != *uid);
        }
        if self.in_flight().is_none() {
            self.outcome = None;
        }
        Plan { draft, ..plan }
    }

    fn store(&mut self, draft: &Draft) {
        let old = self.import.status.take().unwrap_or_default();
        let mut status = draft.status.clone();
        let report = crate::controller::status::report_part(&old);
        status.report = report.report;
        status.image = report.image;
        for disk in &report.disks {
            let own = status.disks.iter_mut().find(|d| d.name == disk.name);
            if let (Some(own), Some(inspection)) = (own, &disk.inspection) {
                own.image.clone_from(&disk.image);
                let target = own.inspection.get_or_insert_with(Inspection::default);
                target.key.clone_from(&inspection.key);
                target.facts.clone_from(&inspection.facts);
            }
        }
        self.import.status = Some(status);
    }

    fn in_flight(&self) -> Option<(Stage, Work)> {
        work::in_flight(self.status())
    }
    fn status(&self) -> &ImageImportStatus {
        self.import.status.as_ref().unwrap()
    }
    /// Ready, Reconciling, Stalled, as the design's table writes them.
    fn moment(&self) -> (String, Option<String>, Option<String>) {
        let conditions = &self.status().conditions;
        let word = |kind| find(conditions, kind).map(|c| c.reason.clone());
        let ready = find(conditions, READY).unwrap();
        (format!("{}/{}", ready.status, ready.reason), word(RECONCILING), word(STALLED))
    }
    fn expect(&self, ready: &str, reconciling: Option<&str>, stalled: Option<&str>) {
        let wanted = (ready.to_owned(), reconciling.map(str::to_owned), stalled.map(str::to_owned));
        assert_eq!(self.moment(), wanted);
    }

    /// The noted Job ends, and the step that notes it.
    fn ends(&mut self, outcome: Outcome) -> Plan {
        self.jobs.iter_mut().for_each(|j| j.finished = true);
        self.outcome = Some(outcome);
        self.step()
    }
    fn runs(&mut self) {
        self.outcome = Some(Outcome::Running);
        self.step();
    }
    fn facts(access: Access) -> Outcome {
        let mut facts = Facts::default();
        facts.source.access = access;
        facts.source.etag = Some("\"e1\"".into());
        facts.source.size_bytes = 42;
        Outcome::Facts("v1:facts".into(), Box::new(facts))
    }
    /// The verdict is made, as the controller would make it.
    fn judges(&mut self, verdict: Overall, access: Access) {
        let plan = self.decide();
        let Act::Judge { key, .. } = &plan.act else { panic!("{:?}", plan.act) };
        let key = key.clone();
        let mut draft = plan.draft;
        let Outcome::Facts(_, facts) = Self::facts(access) else { unreachable!() };
        let rule = crate::report::RuleResult {
            id: "DRV-01".into(),
            rule: "VirtioInstalled".into(),
            action: crate::api::Action::Require,
            result: crate::report::Outcome::Fail,
            code: "VirtioNotInstall".into(),
            message: "no virtio_blk".into(),
            evidence: vec![],
            remedy: String::new(),
            cite: vec![],
        };
        let report = Report {
            schema: String::new(),
            profile: "p".into(),
            verdict,
            source: ReportSource::default(),
            image: crate::api::ImageSummary::default(),
            counts: crate::api::RuleCounts { failed: 1, ..crate::api::RuleCounts::default() },
            rules: if verdict == Overall::NonCompliant { vec![rule] } else { vec![] },
            reads: ReportReads::default(),
        };
        let destination = self.import.spec.destination.is_some();
        crate::controller::verdict::settle(&mut draft, &report, &facts, &key, destination);
        self.store(&draft);
        self.import.status.as_mut().unwrap().report = Some(crate::api::ReportSummary::default());
    }
    fn reads(&mut self, access: Access) {
        let plan = self.step();
        assert!(matches!(plan.act, Act::Start { stage: Stage::Inspect, .. }), "{:?}", plan.act);
        self.runs();
        let plan = self.ends(Self::facts(access));
        assert!(matches!(plan.act, Act::KeepFacts { .. }), "{:?}", plan.act);
        assert_eq!(plan.discard.len(), 1, "the Job is deleted once its result is stored");
    }
    fn changes_spec(&mut self) {
        *self.import.metadata.generation.as_mut().unwrap() += 1;
    }
    fn requests(&mut self, value: &str) {
        let annotations = self.import.metadata.annotations.get_or_insert_default();
        annotations.insert("imageimport.dev/requestedAt".into(), value.into());
    }
    fn checked() -> Self {
        let mut sim = Self::check_only();
        sim.reads(Access::Reached);
        sim.judges(Overall::Compliant, Access::Reached);
        sim.expect("True/Checked", None, None);
        sim
    }
    fn rejected() -> Self {
        let mut sim = Self::check_only();
        sim.reads(Access::Reached);
        sim.judges(Overall::NonCompliant, Access::Reached);
        sim.expect("False/VirtioNotInstall", None, Some("Rejected"));
        sim
    }
    fn converting() -> Self {
        let mut sim = Self::with_destination();
        sim.reads(Access::Reached);
        sim.judges(Overall::Compliant, Access::Reached);
        sim.expect("Unknown/Queued", Some("Progressing"), None);
        let plan = sim.step();
        assert!(matches!(plan.act, Act::Start { stage: Stage::Convert, .. }), "{:?}", plan.act);
        sim.runs();
        sim.expect("Unknown/Converting", Some("Progressing"), None);
        sim
    }
    fn written() -> Outcome {
        Outcome::Written(Written {
            url: "s3://store/images/web-system-0.qcow2".into(),
            bytes: 42,
            checksum: "sha256:aa".into(),
        })
    }
    fn is_idle(&mut self) {
        let plan = self.step();
        assert_eq!((plan.act, plan.slot), (Act::Rest, false));
    }
}

fn minutes(duration: Option<SignedDuration>) -> i64 {
    duration.unwrap().as_secs() / MINUTE
}

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
    assert_eq!(sim.step().act, Act::Publish, "until the record is there");
    sim.import.status.as_mut().unwrap().custom_image_ref = Some(crate::api::LocalRef { name: "web-1".into() });
    sim.is_idle();
    sim.expect("True/Imported", None, None);
}

#[test]
fn a_worker_is_not_believed_about_another_object_or_another_size() {
    for (url, bytes) in [("s3://elsewhere/x", 42), ("s3://store/images/web-system-0.qcow2", 41)] {
        let mut sim = Sim::converting();
        sim.ends(Outcome::Written(Written { url: url.into(), bytes, checksum: "sha256:aa".into() }));
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
        assert_eq!(matches!(sim.step().act, Act::Start { stage: Stage::Convert, attempt: 2, .. }), retried, "{reason}");
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
fn another_format_is_refused_before_anything_is_read_where_it_is_declared() {
    let mut sim = Sim::with_destination();
    sim.import.spec.source.format = Some(crate::api::Format::Qcow2);
    sim.import.spec.destination.as_mut().unwrap().format = Some(crate::api::Format::Raw);
    sim.is_idle();
    sim.expect("False/ConversionNotSupported", None, Some("ConversionNotSupported"));
    sim.import.spec.destination.as_mut().unwrap().format = Some(crate::api::Format::Qcow2);
    sim.changes_spec();
    assert!(matches!(sim.step().act, Act::Start { .. }));
}

#[test]
fn another_format_is_refused_after_the_verdict_where_only_the_image_tells() {
    let mut sim = Sim::with_destination();
    sim.import.spec.destination.as_mut().unwrap().format = Some(crate::api::Format::Raw);
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
    let Act::KeepFacts { text, key } = sim.decide().act else { panic!() };
    let status = sim.import.status.as_mut().unwrap();
    let stored = crate::controller::status::with_facts(status, &key, &text);
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
