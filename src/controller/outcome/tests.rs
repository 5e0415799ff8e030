//! The outcome table, row by row.

use serde_json::{Value, json};

use super::*;
use crate::inspect::wire::{Deleted, Notified, encode};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_760_000_000 + seconds).unwrap()
}

/// A Job as it is seen, `now` seconds after it was made.
struct Given {
    stage: Stage,
    job: Option<Value>,
    pods: Vec<Value>,
    events: Vec<Value>,
    recorded: Option<(&'static str, &'static str)>,
    pods_seen: usize,
    now: i64,
}

impl Given {
    fn after(now: i64) -> Self {
        let job = Some(json!({"metadata": {"name": "web-i-1", "uid": "job"}, "spec": {"template": {}}, "status": {}}));
        Self { stage: Stage::Inspect, job, pods: vec![], events: vec![], recorded: None, pods_seen: 0, now }
    }
    fn condition(mut self, kind: &str) -> Self {
        self.job.as_mut().unwrap()["status"] = json!({"conditions": [{"type": kind, "status": "True"}]});
        self
    }
    fn pod(mut self, pod: Value) -> Self {
        self.pods.push(pod);
        self
    }
    fn event(mut self, reason: &str, message: &str, seconds: i64) -> Self {
        self.events.push(json!({"metadata": {}, "involvedObject": {}, "reason": reason, "message": message,
            "lastTimestamp": at(seconds).to_string()}));
        self
    }
    fn seen<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        let job: Option<Job> = self.job.clone().map(|j| serde_json::from_value(j).unwrap());
        let pods: Vec<Arc<Pod>> =
            self.pods.iter().map(|p| Arc::new(serde_json::from_value(p.clone()).unwrap())).collect();
        let events: Vec<Event> = self.events.iter().map(|e| serde_json::from_value(e.clone()).unwrap()).collect();
        look(&Seen {
            stage: self.stage,
            job: job.as_ref(),
            job_uid: "job",
            started: at(0),
            pods: &pods,
            pods_seen: self.pods_seen,
            events: &events,
            recorded: self.recorded,
            deadline: SignedDuration::from_secs(1200),
            memory_limit: "512Mi",
            now: at(self.now),
        })
    }
    fn outcome(&self) -> Outcome {
        self.seen(outcome)
    }
    fn failed(&self) -> (&'static str, String) {
        match self.outcome() {
            Outcome::Failed(reason, message) => (reason, message),
            other => panic!("{other:?}"),
        }
    }
    fn waits(&self) -> (&'static str, String) {
        match self.outcome() {
            Outcome::Waiting(reason, message, _) => (reason, message),
            other => panic!("{other:?}"),
        }
    }
}

/// A pod of the Job with our container in this state, made `made` seconds after the Job.
fn pod(made: i64, phase: &str, state: &Value) -> Value {
    json!({
        "metadata": {"name": format!("p{made}"), "uid": format!("pod-{made}"), "creationTimestamp": at(made).to_string(),
            "ownerReferences": [{"apiVersion": "batch/v1", "kind": "Job", "name": "web-i-1", "uid": "job", "controller": true}]},
        "status": {"phase": phase, "containerStatuses": [
            {"name": "inspect", "image": "i", "imageID": "i", "ready": false, "restartCount": 0, "state": state}]}
    })
}
fn ended(made: i64, code: i32, message: &str) -> Value {
    let phase = if code == 0 { "Succeeded" } else { "Failed" };
    pod(
        made,
        phase,
        &json!({"terminated": {"exitCode": code, "message": message, "finishedAt": at(made + 5).to_string()}}),
    )
}
fn running(made: i64) -> Value {
    pod(made, "Running", &json!({"running": {"startedAt": at(made + 1).to_string()}}))
}
fn waiting_for(reason: &str, message: &str) -> Value {
    pod(1, "Pending", &json!({"waiting": {"reason": reason, "message": message}}))
}
fn facts() -> String {
    encode(&Message::Facts(Box::default())).unwrap()
}

#[test]
fn row_1_a_message_that_decodes_is_the_result() {
    let done = Given::after(60).pod(ended(1, 0, &facts()));
    assert_eq!(done.outcome(), Outcome::Facts(facts(), Box::default()));
    let late = Given::after(99_999).condition("Failed").pod(ended(1, 0, &facts()));
    assert_eq!(late.outcome(), Outcome::Facts(facts(), Box::default()), "before anything else");
    let mut gone = Given::after(60).pod(ended(1, 0, &facts()));
    gone.job = None;
    assert_eq!(gone.outcome(), Outcome::Facts(facts(), Box::default()), "even when the Job is gone");
    let written = Written { url: "s3://b/k".into(), bytes: 7, checksum: "sha256:aa".into(), ..Written::default() };
    let refusal = Refusal { reason: "SourceChanged".into(), message: "m".into(), http: None };
    let deleted = Message::Deleted(Deleted { deleted: 1, gone: 0 });
    let lost = Outcome::ResultLost("the Job succeeded and left no message that can be read");
    for (stage, message, expected) in [
        (Stage::Convert, Message::Written(written.clone()), Outcome::Written(written.clone())),
        (Stage::Convert, Message::Refused(refusal.clone()), Outcome::Refused(refusal.clone())),
        (Stage::Delete, deleted.clone(), Outcome::Deleted),
        (Stage::Delete, Message::Refused(refusal.clone()), Outcome::Refused(refusal.clone())),
        (Stage::Notify, Message::Notified(Notified {}), Outcome::Notified),
        (Stage::Notify, Message::Refused(refusal.clone()), Outcome::Refused(refusal)),
        (Stage::Notify, deleted.clone(), lost.clone()),
        (Stage::Inspect, Message::Notified(Notified {}), lost.clone()),
        (Stage::Convert, deleted, lost.clone()),
        (Stage::Delete, Message::Written(written), lost),
    ] {
        let mut other = Given::after(60).condition("Complete");
        other.stage = stage;
        let mut pod = ended(1, 0, &encode(&message).unwrap());
        pod["status"]["containerStatuses"][0]["name"] = json!(stage.container());
        assert_eq!(other.pod(pod).outcome(), expected, "{stage:?}");
    }
}

#[test]
fn row_1_only_our_container_of_our_pod_is_believed() {
    let forged: [fn(&mut Value); 5] = [
        |p| p["metadata"]["ownerReferences"][0]["uid"] = json!("another-job"),
        |p| p["metadata"]["ownerReferences"][0]["controller"] = json!(false),
        |p| p["status"]["containerStatuses"][0]["name"] = json!("sidecar"),
        |p| p["status"]["containerStatuses"][0]["restartCount"] = json!(1),
        |p| p["metadata"].as_object_mut().unwrap().retain(|k, _| k != "ownerReferences"),
    ];
    for forge in forged {
        let mut pod = ended(1, 0, &facts());
        pod["metadata"]["labels"] = json!({"batch.kubernetes.io/controller-uid": "job"});
        forge(&mut pod);
        let given = Given::after(60).condition("Complete").pod(pod);
        assert!(matches!(given.outcome(), Outcome::ResultLost(_)), "{:?}", given.outcome());
    }
}

#[test]
fn row_1_a_message_of_the_other_stage_is_no_result() {
    let written = encode(&Message::Written(Written::default())).unwrap();
    assert!(matches!(
        Given::after(60).condition("Complete").pod(ended(1, 0, &written)).outcome(),
        Outcome::ResultLost(_)
    ));
}

#[test]
fn row_2_success_without_a_message_is_a_lost_result() {
    for kind in ["SuccessCriteriaMet", "Complete"] {
        for pods in [vec![], vec![ended(1, 0, "")], vec![ended(1, 0, "v1:nonsense")]] {
            let mut given = Given::after(60).condition(kind);
            given.pods = pods;
            assert!(matches!(given.outcome(), Outcome::ResultLost(_)));
        }
    }
    let mut gone = Given::after(60);
    gone.job = None;
    assert!(matches!(gone.outcome(), Outcome::ResultLost(_)));
}

#[test]
fn row_3_exit_codes_tell_why() {
    let told = r#"{"error":{"kind":"io","layer":"source","what":"connection refused","http":{"status":503,"code":"SlowDown"}}}"#;
    for (code, message, reason, part) in [
        (
            78,
            r#"{"error":{"kind":"arguments","layer":"credentials","what":"accessKeyID is empty"}}"#,
            "InvalidCredentials",
            "accessKeyID is empty",
        ),
        (
            78,
            r#"{"error":{"kind":"unsupported","layer":"egress","what":"127.0.0.1 is a loopback address"}}"#,
            "InvalidSpec",
            "loopback",
        ),
        (70, r#"{"error":{"kind":"panic","layer":"qcow2","what":"overflow"}}"#, "InternalError", "qcow2: overflow"),
        (70, "", "InternalError", "70"),
        (101, "", "WorkerCrashed", "101"),
        (134, "", "WorkerCrashed", "134"),
        (139, "", "WorkerCrashed", "139"),
        (75, told, "SourceUnavailable", "connection refused (HTTP 503 SlowDown)"),
        (75, "", "SourceUnavailable", "all attempts"),
        (75, r#"{"error":{"kind":"io","layer":"destination","what":"timeout"}}"#, "DestinationUnavailable", "timeout"),
        (137, "", "SourceUnavailable", "all attempts"),
        (128, "exec: no such file", "InternalError", "128"),
    ] {
        for kind in ["FailureTarget", "Failed"] {
            let (found, text) = Given::after(60).condition(kind).pod(ended(1, code, message)).failed();
            assert_eq!(found, reason, "{code} {kind}");
            assert!(text.contains(part), "{text}");
        }
    }
}

#[test]
fn row_3_memory_is_told_from_the_pod() {
    let mut killed = ended(1, 137, "");
    killed["status"]["containerStatuses"][0]["state"]["terminated"]["reason"] = json!("OOMKilled");
    let (reason, text) = Given::after(60).condition("Failed").pod(killed).failed();
    assert!(reason == "WorkerOutOfMemory" && text.contains("512Mi"), "{text}");
}

#[test]
fn row_3_the_last_pod_counts() {
    let given = Given::after(60).condition("Failed").pod(ended(30, 101, "")).pod(ended(1, 75, ""));
    assert_eq!(given.failed().0, "WorkerCrashed");
}

#[test]
fn row_3_without_a_pod_it_is_the_recorded_reason_or_the_deadline() {
    let mut given = Given::after(1200).condition("FailureTarget");
    assert_eq!(given.failed().0, "DeadlineExceeded");
    given.recorded = Some(("SecretNotFound", "secret \"reader\" not found"));
    assert_eq!(given.failed(), ("SecretNotFound", "secret \"reader\" not found".to_owned()));
}

#[test]
fn row_3_a_pod_that_stopped_because_time_was_up_is_no_failed_transport() {
    for code in [75, 137, 143] {
        // The pods of this table end 5 s after they were made.
        for (made, reason) in [(1194, "SourceUnavailable"), (1195, "DeadlineExceeded")] {
            let mut given = Given::after(1210).pod(ended(made, code, ""));
            given.job.as_mut().unwrap()["status"] = json!({"conditions": [{"type": "FailureTarget", "status": "True",
                "reason": "DeadlineExceeded", "lastTransitionTime": at(1200).to_string()}]});
            assert_eq!(given.failed().0, reason, "{code}");
        }
    }
}

#[test]
fn row_3_our_own_timer_ends_what_a_lost_node_never_does() {
    assert_eq!(Given::after(1320).pod(running(1)).outcome(), Outcome::Running);
    let mut lost = running(1);
    lost["metadata"]["deletionTimestamp"] = json!(at(1000).to_string());
    assert_eq!(Given::after(1321).pod(lost).failed().0, "DeadlineExceeded");
}

#[test]
fn row_4_what_a_container_waits_for() {
    for (state, message, reason) in [
        ("ImagePullBackOff", "Back-off pulling image", "WorkerImageNotPulled"),
        ("ErrImagePull", "not found", "WorkerImageNotPulled"),
        ("ErrImageNeverPull", "never", "WorkerImageNotPulled"),
        ("InvalidImageName", "bad", "WorkerImageNotPulled"),
        ("CreateContainerConfigError", "secret \"reader\" not found", "SecretNotFound"),
        ("CreateContainerConfigError", "couldn't find key accessKeyID in Secret", "SecretKeyNotFound"),
        ("CreateContainerConfigError", "container has runAsNonRoot", "PodRefused"),
        ("CreateContainerError", "context deadline exceeded", "PodRefused"),
    ] {
        let (found, text) = Given::after(2).pod(waiting_for(state, message)).waits();
        assert_eq!(found, reason, "{state}");
        assert!(text.contains(message));
    }
    for state in ["ContainerCreating", "PodInitializing", ""] {
        assert_eq!(Given::after(2).pod(waiting_for(state, "")).outcome(), Outcome::Pending);
    }
}

#[test]
fn row_4_a_pod_that_no_node_takes() {
    let mut pod = pod(1, "Pending", &json!({}));
    pod["status"] = json!({"phase": "Pending", "conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available"}]});
    assert_eq!(Given::after(2).pod(pod).waits(), ("Unschedulable", "0/3 nodes are available".to_owned()));
}

#[test]
fn row_4_a_secret_that_cannot_be_mounted() {
    for (message, reason) in [
        ("MountVolume.SetUp failed for volume \"source-credentials\" : secret \"reader\" not found", "SecretNotFound"),
        (
            "MountVolume.SetUp failed for volume \"source-credentials\" : references non-existent secret key: accessKeyID",
            "SecretKeyNotFound",
        ),
        ("MountVolume.SetUp failed for volume \"password\" : secret \"root\" not found", "SecretNotFound"),
        (
            "MountVolume.SetUp failed for volume \"password\" : references non-existent secret key: password",
            "SecretKeyNotFound",
        ),
    ] {
        let given = Given::after(20).pod(waiting_for("ContainerCreating", "")).event("FailedMount", message, 18);
        assert_eq!(given.waits(), (reason, message.to_owned()));
    }
    let other = Given::after(20).pod(waiting_for("ContainerCreating", "")).event(
        "FailedMount",
        "object \"ns\"/\"kube-root-ca.crt\" not registered",
        18,
    );
    assert_eq!(other.outcome(), Outcome::Pending, "other mounts heal by themselves");
}

#[test]
fn row_4_a_pod_that_is_refused() {
    for (message, reason) in [
        ("Error creating: pods \"w\" is forbidden: exceeded quota: q, requested: pods=1", "QuotaExceeded"),
        ("Error creating: pods \"w\" is forbidden: failed quota: q: must specify limits.cpu", "QuotaExceeded"),
        ("Error creating: pods \"w\" is forbidden: maximum memory usage per Container is 64Mi", "PodRefused"),
        ("Error creating: pods \"w\" is forbidden: violates PodSecurity \"restricted:latest\"", "PodRefused"),
        ("Error creating: admission webhook denied the request", "PodRefused"),
    ] {
        let given =
            Given::after(20).event("FailedCreate", "older: exceeded quota", 3).event("FailedCreate", message, 9);
        assert_eq!(given.waits(), (reason, message.to_owned()), "the newest event counts");
    }
    let started = Given::after(20).event("FailedCreate", "exceeded quota", 3).pod(running(10));
    assert_eq!(started.outcome(), Outcome::Running, "it was let in since");
}

#[test]
fn row_4_events_are_asked_for_only_where_they_tell() {
    assert_eq!(Given::after(14).seen(wants_events), [""; 0]);
    assert_eq!(Given::after(15).seen(wants_events), ["job"]);
    assert_eq!(
        Given::after(15).pod(waiting_for("ContainerCreating", "")).seen(wants_events),
        [""; 0],
        "its pod is young"
    );
    assert_eq!(Given::after(16).pod(waiting_for("ContainerCreating", "")).seen(wants_events), ["pod-1"]);
    assert_eq!(Given::after(99).pod(running(1)).seen(wants_events), [""; 0]);
    assert_eq!(Given::after(99).condition("Complete").seen(wants_events), [""; 0]);
    let mut suspended = Given::after(99);
    suspended.job.as_mut().unwrap()["spec"]["suspend"] = json!(true);
    assert_eq!(suspended.seen(wants_events), [""; 0], "a queue of the cluster holds it");
    let mut evicted = Given::after(25).pod(ended(1, 75, ""));
    evicted.pods[0]["status"]["containerStatuses"][0]["state"]["terminated"]["finishedAt"] = json!(at(20).to_string());
    assert_eq!(evicted.seen(wants_events), [""; 0], "the Job waits before it makes the next pod");
}

#[test]
fn row_4_the_time_runs_from_the_last_thing_that_moved() {
    let since = |given: &Given| match given.outcome() {
        Outcome::Waiting(_, _, since) => since,
        other => panic!("{other:?}"),
    };
    let quota = |given: Given| given.event("FailedCreate", "exceeded quota", 999);
    assert_eq!(since(&quota(Given::after(999))), at(0));
    assert_eq!(since(&quota(Given::after(999).pod(ended(100, 75, "")))), at(105));
    assert_eq!(since(&Given::after(60).pod(waiting_for("ErrImagePull", ""))), at(1));
}

#[test]
fn row_5_otherwise_it_runs() {
    assert_eq!(Given::after(1).outcome(), Outcome::Pending);
    assert_eq!(Given::after(9).pod(running(1)).outcome(), Outcome::Running);
    assert_eq!(Given::after(30).pod(ended(1, 75, "")).outcome(), Outcome::Running, "between two attempts");
}

#[test]
fn row_5_six_pods_may_be_disrupted_and_no_more() {
    let mut given = Given::after(300).pod(running(200));
    given.pods_seen = 6;
    assert_eq!(given.outcome(), Outcome::Running);
    given.pods_seen = 7;
    assert_eq!(given.failed().0, "TooManyDisruptions");
}
