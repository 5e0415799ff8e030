//! Scenarios: an import, what the cluster does, and what is decided, moment by moment.

mod cancelled;
mod changing;
mod data_disks;
mod reading;

use serde_json::json;

use super::attempt::doubled;
use super::*;
use crate::api::conditions::{RECONCILING, STALLED, find};
use crate::api::{ImageImport, ImageImportStatus, Inspection};
use crate::inspect::Facts;
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
    place: Option<usize>,
    now: i64,
    /// Beyond the whole second.
    millis: i64,
    made: u32,
}

impl Sim {
    fn new(spec: serde_json::Value) -> Self {
        let mut import = ImageImport::new("web", serde_json::from_value(spec).unwrap());
        import.metadata.uid = Some("import-uid".into());
        import.metadata.namespace = Some("team".into());
        import.metadata.generation = Some(1);
        let profile = Profile::Usable("rules-1".into());
        Self {
            import,
            profile,
            jobs: vec![],
            outcome: None,
            slot: true,
            place: None,
            now: 1_000_000,
            millis: 0,
            made: 0,
        }
    }
    fn check_only() -> Self {
        Self::new(json!({"source": {"url": "s3://in/web.qcow2"}, "profileRef": {"name": "p"}}))
    }
    fn with_destination() -> Self {
        Self::new(json!({"source": {"url": "s3://in/web.qcow2"}, "profileRef": {"name": "p"},
            "destination": {"url": "s3://store/images/"}}))
    }

    fn at(&self) -> Timestamp {
        Timestamp::from_millisecond(self.now * 1000 + self.millis).unwrap()
    }

    fn decide(&self) -> Plan {
        let times = Times {
            pending_timeout: SignedDuration::from_secs(120),
            grace: SignedDuration::from_secs(300),
            deletion_grace: SignedDuration::from_secs(600),
        };
        plan(&World {
            import: &self.import,
            profile: self.profile.clone(),
            jobs: self.jobs.clone(),
            outcome: self.outcome.clone(),
            progress: None,
            own_url: self.import.status.as_ref().and_then(work::in_flight).map(|(task, _)| Self::copy_of(&task.disk)),
            slot: self.slot,
            place: self.place,
            now: self.at(),
            times: &times,
        })
    }

    /// Decides and carries out, as the controller would: Jobs are made and noted, facts stored, Jobs deleted.
    fn step(&mut self) -> Plan {
        let plan = self.decide();
        let mut draft = plan.draft.clone();
        match &plan.act {
            Act::Start { task, name, attempt, lost } => {
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
                work::set(&mut draft, task, &noted);
                self.outcome = Some(Outcome::Pending);
            }
            Act::KeepFacts { disk, text, key } => {
                let status = self.import.status.get_or_insert_default();
                *status = crate::controller::status::with_facts(status, disk, key, text);
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

    fn in_flight(&self) -> Option<(Task, Work)> {
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
            data_disks: vec![],
            prerequisites: vec![],
            counts: crate::api::RuleCounts { failed: 1, ..crate::api::RuleCounts::default() },
            rules: if verdict == Overall::NonCompliant { vec![rule] } else { vec![] },
            reads: ReportReads::default(),
        };
        let destination = self.import.spec.destination.is_some();
        let disks: Vec<_> = self.import.spec.disks().map(|disk| (disk.name, &*facts)).collect();
        crate::controller::verdict::settle(&mut draft, &report, &disks, &key, destination);
        self.store(&draft);
        self.import.status.as_mut().unwrap().report = Some(crate::api::ReportSummary::default());
    }
    fn reads(&mut self, access: Access) {
        let plan = self.step();
        assert!(starts(&plan, Stage::Inspect), "{:?}", plan.act);
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
        assert!(starts(&plan, Stage::Convert), "{:?}", plan.act);
        sim.runs();
        sim.expect("Unknown/Converting", Some("Progressing"), None);
        sim
    }
    fn copy_of(disk: &str) -> String {
        format!("s3://store/images/web-{disk}-0.qcow2")
    }
    fn written() -> Outcome {
        Self::written_disk("system")
    }
    fn written_disk(disk: &str) -> Outcome {
        Outcome::Written(Written {
            url: Self::copy_of(disk),
            bytes: 42,
            checksum: "sha256:aa".into(),
            etag: Some("\"e2\"".into()),
            ..Written::default()
        })
    }
    fn is_idle(&mut self) {
        let plan = self.step();
        assert_eq!((plan.act, plan.slot), (Act::Rest, false));
    }
}

/// Whether a Job of this stage is made.
fn starts(plan: &Plan, stage: Stage) -> bool {
    matches!(&plan.act, Act::Start { task, .. } if task.stage == stage)
}

fn minutes(duration: Option<SignedDuration>) -> i64 {
    duration.unwrap().as_secs() / MINUTE
}
