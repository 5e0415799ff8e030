//! A deletion, what the cluster does, and what is decided, moment by moment.

use super::*;
use crate::inspect::wire::Refusal;

/// A deletion and the cluster around it, with a clock.
struct Sim {
    noted: Deletion,
    jobs: Vec<JobSeen>,
    outcome: Option<Outcome>,
    kept_for: Option<String>,
    now: i64,
    made: i32,
}

impl Sim {
    fn new() -> Self {
        Self { noted: Deletion::default(), jobs: vec![], outcome: None, kept_for: None, now: 0, made: 0 }
    }
    /// One whose first Job runs.
    fn started() -> Self {
        let mut sim = Self::new();
        assert_eq!(sim.step().act, Act::Start(1));
        sim.outcome = Some(Outcome::Running);
        sim
    }
    fn at(&self) -> Timestamp {
        Timestamp::from_second(1_760_000_000 + self.now).unwrap()
    }
    /// Decides and carries out, as the controller would; deleted Jobs are gone at once.
    fn step(&mut self) -> Plan {
        let times = Times {
            pending_timeout: SignedDuration::from_secs(120),
            grace: SignedDuration::from_secs(300),
            deletion_grace: SignedDuration::from_secs(600),
        };
        let plan = plan(&World {
            noted: self.noted.clone(),
            jobs: self.jobs.clone(),
            outcome: self.outcome.clone(),
            kept_for: self.kept_for.clone(),
            now: self.at(),
            times: &times,
        });
        self.noted = plan.noted.clone();
        if let Act::Start(attempt) = plan.act {
            self.made += 1;
            let (name, uid) = (format!("web-d-{}", self.made), format!("job-{}", self.made));
            self.jobs.push(JobSeen { name: name.clone(), uid: uid.clone(), finished: false, deleting_since: None });
            let start_time = Some(Time(self.at()));
            let missing_since = self.noted.missing_since.take();
            self.noted = Deletion {
                job_name: Some(name),
                job_uid: Some(uid),
                attempt,
                start_time,
                completion_time: None,
                missing_since,
            };
            self.outcome = Some(Outcome::Pending);
        }
        for (_, uid) in &plan.discard {
            self.jobs.retain(|job| job.uid != *uid);
        }
        if in_flight(&self.noted).is_none() {
            self.outcome = None;
        }
        plan
    }
    /// The Job ends so.
    fn ends(&mut self, outcome: Outcome) -> Plan {
        self.outcome = Some(outcome);
        self.jobs.iter_mut().for_each(|job| job.finished = true);
        self.step()
    }
    /// Lets the time pass that the plan waits.
    fn pass(&mut self, plan: &Plan) {
        self.now += plan.again.expect("it is looked at again").as_secs();
    }
    fn secret_is_missing(&mut self) {
        let since = self.noted.start_time.clone().expect("a Job").0;
        self.outcome = Some(Outcome::Waiting(word::SECRET_NOT_FOUND, "secret \"w\" not found".into(), since));
    }
    fn why(plan: &Plan) -> &str {
        match &plan.act {
            Act::GiveUp(why) => why,
            other => panic!("{other:?}"),
        }
    }
}

fn transport() -> Outcome {
    Outcome::Failed(word::DESTINATION_UNAVAILABLE, "destination: connection refused".into())
}

#[test]
fn one_job_and_the_objects_are_gone() {
    let mut sim = Sim::new();
    let first = sim.step();
    assert_eq!((first.act, first.slot), (Act::Start(1), true), "it counts against the limits");
    let running = sim.step();
    assert_eq!((running.act, running.slot, running.again), (Act::Rest, true, Some(TICK)));
    let done = sim.ends(Outcome::Deleted);
    assert_eq!((&done.act, done.slot), (&Act::Done, false));
    assert_eq!(done.discard, [("web-d-1".to_owned(), "job-1".to_owned())]);
}

#[test]
fn a_refusal_ends_it_at_once() {
    let mut sim = Sim::started();
    let refusal = Refusal { reason: "DestinationForbidden".into(), message: "the store refuses".into(), http: None };
    let end = sim.ends(Outcome::Refused(refusal));
    assert_eq!(Sim::why(&end), "the store refuses");
    assert_eq!((end.slot, end.discard.len()), (false, 1));
}

#[test]
fn three_attempts_are_made_each_later_than_the_last() {
    let mut sim = Sim::started();
    for (attempt, wait) in [(1, 15), (2, 30)] {
        let failed = sim.ends(transport());
        assert_eq!(
            (&failed.act, failed.slot, failed.again),
            (&Act::Rest, false, Some(SignedDuration::from_secs(wait)))
        );
        assert!(failed.message.as_ref().unwrap().starts_with(&format!("Attempt {attempt} of 3 failed")), "{failed:?}");
        sim.now += wait - 1;
        assert_eq!(sim.step().again, Some(SignedDuration::from_secs(1)), "what failed waits its time");
        sim.now += 1;
        assert_eq!(sim.step().act, Act::Start(attempt + 1));
    }
    let end = sim.ends(Outcome::ResultLost("the Job is gone"));
    assert!(Sim::why(&end).starts_with("3 attempts failed") && Sim::why(&end).contains("the Job is gone"), "{end:?}");
    assert_eq!(sim.made, 3);
}

#[test]
fn a_job_that_cannot_start_gives_its_slot_back_and_counts() {
    let mut sim = Sim::started();
    let since = sim.at();
    sim.outcome = Some(Outcome::Waiting(word::UNSCHEDULABLE, "0/1 nodes".into(), since));
    let waits = sim.step();
    assert!(waits.slot && waits.message.as_ref().unwrap().contains("0/1 nodes"), "{waits:?}");
    sim.now += 120;
    let ended = sim.step();
    assert!(!ended.discard.is_empty() && ended.message.unwrap().starts_with("Attempt 1 of 3 failed"));
    assert!(!sim.step().slot);
}

#[test]
fn a_missing_secret_is_waited_for_ten_minutes_however_many_jobs_that_takes() {
    let mut sim = Sim::started();
    let end = loop {
        if in_flight(&sim.noted).is_some() {
            sim.secret_is_missing();
        }
        let plan = sim.step();
        match &plan.act {
            Act::GiveUp(_) => break plan,
            Act::Start(attempt) => assert_eq!(*attempt, 1, "an attempt without a Secret is none"),
            _ => {}
        }
        if plan.act == Act::Rest {
            assert!(plan.message.is_none() || plan.message.as_ref().unwrap().contains("secret \"w\" not found"));
            sim.pass(&plan);
        }
        assert!(sim.now <= 600, "{plan:?}");
    };
    assert_eq!(sim.now, 600);
    assert!(Sim::why(&end).contains("missing for 600 s"), "{end:?}");
    assert!(sim.made > 3, "{}", sim.made);
}

#[test]
fn a_secret_that_comes_in_time_is_used_and_all_attempts_are_left() {
    let mut sim = Sim::started();
    sim.secret_is_missing();
    sim.now += 120;
    let ended = sim.step();
    sim.pass(&ended);
    assert_eq!(sim.step().act, Act::Start(1));
    sim.outcome = Some(Outcome::Running);
    sim.step();
    assert_eq!(sim.noted.missing_since, None);
    let failed = sim.ends(transport());
    assert!(failed.message.unwrap().starts_with("Attempt 1 of 3"));
}

#[test]
fn a_controller_that_died_in_between_goes_on() {
    let mut sim = Sim::started();
    sim.ends(transport());
    assert!(sim.jobs.is_empty());
    sim.now += 3600;
    assert_eq!(sim.step().act, Act::Start(2), "from what was noted alone");
    sim.jobs[0].deleting_since = Some(sim.at());
    sim.jobs[0].finished = true;
    let lost = sim.ends(Outcome::ResultLost("the Job is gone"));
    assert!(lost.discard.is_empty(), "it is being deleted already");
    sim.now += 60;
    let waits = sim.step();
    assert_eq!((waits.act, waits.again), (Act::Rest, Some(GONE_AFTER)), "not beside the old one");
    sim.now += GONE_AFTER.as_secs();
    assert_eq!(sim.step().act, Act::Start(3), "a lost node never lets go");
}

#[test]
fn a_job_that_was_made_and_not_noted_goes() {
    let mut sim = Sim::new();
    sim.jobs.push(JobSeen { name: "web-d-9".into(), uid: "job-9".into(), finished: false, deleting_since: None });
    let plan = sim.step();
    assert_eq!((plan.act, plan.slot), (Act::Rest, true));
    assert_eq!(plan.discard, [("web-d-9".to_owned(), "job-9".to_owned())]);
}

#[test]
fn an_object_of_two_records_stays() {
    let mut sim = Sim { kept_for: Some("the CustomImage `other`".into()), ..Sim::new() };
    assert_eq!(Sim::why(&sim.step()), "the CustomImage `other` is of the same object");
    assert_eq!(sim.made, 0);
}
