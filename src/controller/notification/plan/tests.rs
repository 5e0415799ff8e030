//! An import's ends, its receivers, what becomes of Jobs, and what is decided, moment by moment.

use super::*;
use crate::api::conditions::reason as word;
use crate::inspect::wire::Refusal;

/// What was noted and the cluster around it, with a clock.
struct Sim {
    noted: Vec<OutcomeNotice>,
    end: Option<End>,
    named: Vec<&'static str>,
    jobs: Vec<JobSeen>,
    outcomes: HashMap<String, Outcome>,
    now: i64,
    made: Vec<String>,
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_760_000_000 + seconds).unwrap()
}

impl Sim {
    fn of(named: &[&'static str]) -> Self {
        let mut sim = Self {
            noted: vec![],
            end: None,
            named: named.to_vec(),
            jobs: vec![],
            outcomes: HashMap::new(),
            now: 0,
            made: vec![],
        };
        sim.comes_to("Rejected");
        sim
    }
    /// The import comes to this end now.
    fn comes_to(&mut self, reason: &str) {
        self.end = Some(End { key: format!("key of {reason}"), reason: reason.into(), since: at(self.now) });
    }
    fn decide(&self) -> Plan {
        let times = Times {
            pending_timeout: SignedDuration::from_secs(120),
            grace: SignedDuration::from_secs(300),
            deletion_grace: SignedDuration::from_secs(600),
        };
        plan(&World {
            noted: self.noted.clone(),
            end: self.end.clone(),
            named: self.named.iter().map(|n| ((*n).to_owned(), format!("https://{n}"))).collect(),
            jobs: self.jobs.clone(),
            outcomes: self.outcomes.clone(),
            now: at(self.now),
            times: &times,
        })
    }
    /// Decides and carries out, as the controller would; deleted Jobs are gone at once.
    fn step(&mut self) -> Plan {
        let plan = self.decide();
        self.noted.clone_from(&plan.noted);
        for key in &plan.start {
            let uid = format!("job-{}", self.made.len() + 1);
            self.made.push(key.clone());
            self.jobs.push(JobSeen { name: uid.clone(), uid: uid.clone(), finished: false, deleting_since: None });
            let receiver = self.noted[0].receivers.iter_mut().find(|r| r.key == *key).unwrap();
            receiver.attempt += 1;
            (receiver.job_name, receiver.job_uid) = (Some(uid.clone()), Some(uid.clone()));
            (receiver.start_time, receiver.completion_time) = (Some(Time(at(self.now))), None);
            self.outcomes.insert(uid, Outcome::Running);
        }
        for (_, uid) in &plan.discard {
            self.jobs.retain(|job| job.uid != *uid);
        }
        plan
    }
    /// The Job of this number ends so, and the step that notes it.
    fn ends(&mut self, number: usize, outcome: Outcome) -> Plan {
        let uid = format!("job-{number}");
        self.jobs.iter_mut().filter(|job| job.uid == uid).for_each(|job| job.finished = true);
        self.outcomes.insert(uid, outcome);
        self.step()
    }
    fn states(&self, outcome: usize) -> Vec<NoticeState> {
        self.noted[outcome].receivers.iter().map(|r| r.state).collect()
    }
    /// Nothing is done, and nothing waited for.
    fn is_idle(&mut self) {
        let before = self.noted.clone();
        let plan = self.step();
        let idle = Plan { noted: before, start: vec![], told: vec![], again: None, slot: false, discard: vec![] };
        assert_eq!(plan, idle);
    }
    fn pass(&mut self, plan: &Plan) {
        self.now += plan.again.expect("it is looked at again").as_secs();
    }
}

fn down() -> Outcome {
    Outcome::Failed(word::SOURCE_UNAVAILABLE, "webhook: connection refused".into())
}

#[test]
fn each_receiver_is_told_once() {
    let mut sim = Sim::of(&["a", "b"]);
    let first = sim.step();
    assert_eq!((first.start.as_slice(), first.slot), (["a".to_owned(), "b".to_owned()].as_slice(), true));
    assert_eq!((sim.noted[0].reason.as_str(), sim.noted[0].time.0), ("Rejected", at(0)));
    let running = sim.step();
    assert_eq!((running.again, running.slot, running.start.len()), (Some(TICK), true, 0));
    let half = sim.ends(1, Outcome::Notified);
    assert_eq!((half.told, half.discard), (vec![Told::Sent], vec![("job-1".to_owned(), "job-1".to_owned())]));
    let whole = sim.ends(2, Outcome::Notified);
    assert_eq!((whole.slot, sim.states(0)), (false, vec![NoticeState::Sent; 2]));
    sim.is_idle();
    // A retry to no avail: at work, and at the same end again.
    let end = sim.end.take();
    sim.is_idle();
    sim.end = end;
    sim.now += 7200;
    sim.is_idle();
}

#[test]
fn another_end_is_told_and_one_that_comes_back_once_more() {
    let mut sim = Sim::of(&["a"]);
    let mut ids = vec![];
    for (number, reason) in (1..).zip(["Rejected", "Checked", "Rejected", "Checked", "Imported"]) {
        sim.now += 60;
        sim.comes_to(reason);
        assert_eq!(sim.step().start, ["a"], "{reason}");
        sim.ends(number, Outcome::Notified);
        assert_eq!(sim.noted[0].reason, reason);
        ids.push(sim.noted[0].id.clone());
    }
    assert_eq!(ids.iter().collect::<std::collections::HashSet<_>>().len(), 5, "{ids:?}");
    assert_eq!(sim.noted.len(), OUTCOMES);
    // The same from the beginning: the ids are the same.
    let mut again = Sim::of(&["a"]);
    again.step();
    assert_eq!(again.noted[0].id, ids[0]);
}

#[test]
fn a_reason_that_changes_and_leaves_its_condition_is_news_of_now() {
    let mut sim = Sim::of(&["a"]);
    sim.step();
    sim.ends(1, Outcome::Notified);
    sim.now += 48 * 3600;
    sim.end = Some(End { key: "other".into(), reason: "Other".into(), since: at(0) });
    assert_eq!(sim.step().start, ["a"]);
    assert_eq!(sim.noted[0].time.0, at(48 * 3600));
}

#[test]
fn a_refusal_ends_it_and_is_told() {
    let mut sim = Sim::of(&["a"]);
    sim.step();
    let refusal = Refusal { reason: "NotificationRefused".into(), message: "it answers 410".into(), http: None };
    let end = sim.ends(1, Outcome::Refused(refusal));
    assert_eq!(end.told, [Told::Refused("https://a".into(), "it answers 410".into())]);
    assert_eq!((sim.states(0), end.slot), (vec![NoticeState::Refused], false));
    assert_eq!(sim.noted[0].receivers[0].message.as_deref(), Some("it answers 410"));
    sim.is_idle();
}

#[test]
fn four_attempts_are_made_within_an_hour_each_later_than_the_last() {
    let mut sim = Sim::of(&["a", "b"]);
    sim.step();
    sim.ends(2, Outcome::Notified);
    let mut number = 1;
    for minutes in [5, 10, 20] {
        let ended = sim.ends(number, down());
        assert_eq!(
            (ended.again, ended.slot),
            (Some(SignedDuration::from_mins(minutes)), false),
            "no slot while it waits"
        );
        assert_eq!((&ended.told, sim.noted[0].receivers[0].state), (&vec![], NoticeState::Pending));
        sim.now += 1;
        assert!(sim.step().start.is_empty(), "not before its time");
        sim.now -= 1;
        sim.pass(&ended);
        assert_eq!(sim.step().start, ["a"], "the other is not told again");
        number = sim.made.len();
    }
    let end = sim.ends(number, down());
    let why = "4 attempts failed, the last one so: webhook: connection refused";
    assert_eq!(end.told, [Told::GaveUp("https://a".into(), why.into())]);
    assert_eq!(sim.states(0), [NoticeState::GaveUp, NoticeState::Sent]);
    assert!(sim.now < 3600 && sim.made.len() == 5);
    sim.is_idle();
}

#[test]
fn a_job_that_does_not_start_or_leaves_no_word_is_a_failed_attempt() {
    let mut sim = Sim::of(&["a"]);
    sim.step();
    sim.outcomes.insert("job-1".into(), Outcome::Waiting(word::SECRET_NOT_FOUND, "no secret".into(), at(0)));
    assert_eq!(sim.step().again, Some(TICK));
    sim.now += 120;
    let ended = sim.step();
    assert_eq!((ended.discard.len(), sim.noted[0].receivers[0].message.as_deref()), (1, Some("no secret")));
    sim.pass(&ended);
    sim.step();
    let ended = sim.ends(2, Outcome::ResultLost("the Job is gone"));
    assert_eq!((ended.told, sim.states(0)), (vec![], vec![NoticeState::Pending]));
}

#[test]
fn what_is_under_way_goes_on_whatever_the_import_does_and_what_waits_is_overtaken() {
    let mut sim = Sim::of(&["a", "b"]);
    sim.step();
    sim.ends(2, down());
    sim.end = None;
    let at_work = sim.step();
    assert_eq!((at_work.again, at_work.slot), (Some(TICK), true));
    sim.now += 600;
    assert!(sim.step().start.is_empty(), "what is told of it is not there while the import is at work");
    sim.comes_to("Imported");
    assert_eq!(sim.step().start, ["a", "b"]);
    assert_eq!(sim.states(1), [NoticeState::Pending, NoticeState::GaveUp]);
    let end = sim.ends(1, Outcome::Notified);
    assert_eq!((sim.states(1), end.told), (vec![NoticeState::Sent, NoticeState::GaveUp], vec![Told::Sent]));
    sim.comes_to("Cancelled");
    sim.step();
    sim.ends(3, down());
    assert_eq!(sim.states(1), [NoticeState::GaveUp, NoticeState::Pending], "an attempt that fails is the last one");
}

#[test]
fn receivers_come_and_go() {
    let mut sim = Sim::of(&["a", "b"]);
    sim.step();
    sim.ends(1, Outcome::Notified);
    sim.ends(2, down());
    sim.named = vec!["c"];
    assert_eq!(sim.step().start, ["c"], "who is named later hears of it");
    let kept: Vec<_> = sim.noted[0].receivers.iter().map(|r| r.key.as_str()).collect();
    assert_eq!(kept, ["a", "c"], "who was told stays, and who waited is no longer named");
    sim.ends(3, Outcome::Notified);
    sim.named = vec!["a", "c"];
    sim.is_idle();
    sim.now += 25 * 3600;
    sim.named = vec!["a", "d"];
    sim.is_idle();
}

#[test]
fn what_ended_long_before_anybody_was_named_is_no_news() {
    for named in [&["a"][..], &[]] {
        let mut sim = Sim::of(named);
        sim.now += 25 * 3600;
        sim.is_idle();
    }
}

#[test]
fn that_nobody_is_named_is_told_once() {
    let mut sim = Sim::of(&[]);
    let first = sim.step();
    assert_eq!((first.told, first.slot, sim.noted.len()), (vec![Told::Nobody], false, 1));
    sim.is_idle();
    sim.comes_to("Checked");
    sim.is_idle();
    sim.named = vec!["a"];
    assert_eq!(sim.step().start, ["a"]);
}

#[test]
fn jobs_that_were_not_noted_go_and_one_that_lingers_is_waited_for() {
    let mut sim = Sim::of(&["a"]);
    sim.step();
    let stray = JobSeen { name: "stray".into(), uid: "stray".into(), finished: false, deleting_since: None };
    sim.jobs.push(stray.clone());
    let plan = sim.decide();
    assert_eq!(plan.discard, [("stray".to_owned(), "stray".to_owned())]);
    sim.ends(1, Outcome::Notified);
    sim.jobs = vec![JobSeen { deleting_since: Some(at(0)), ..stray }];
    let lingers = sim.step();
    assert_eq!((lingers.slot, lingers.again, lingers.discard.len()), (true, Some(GONE_AFTER), 0));
    sim.now += 601;
    sim.is_idle();
}
