//! What became of a worker Job: a pure function of the Job, its pods and their events.
//!
//! The first line that fits counts:
//!
//! 1. our container in a pod of this Job ended with 0, was never restarted, and its message decodes: the result;
//! 2. the Job succeeded otherwise: [`Outcome::ResultLost`];
//! 3. the Job failed, or our own timer did: why, by the last pod;
//! 4. the pod waits, or there is none: why, by container states and events;
//! 5. otherwise it runs.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::{Job, JobCondition};
use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus, Event, Pod};

use super::key::Stage;
use crate::api::conditions::reason as word;
use crate::inspect::Facts;
use crate::inspect::wire::{Message, Refusal, Written, decode};
use crate::worker::{Exit, parse_failure};

/// How long a pod or container may be missing before events are asked for the reason.
pub const QUIET: SignedDuration = SignedDuration::from_secs(15);
/// How long after its deadline a Job is given up, when nothing says that it failed: a lost node never lets go.
pub const DEADLINE_SLACK: SignedDuration = SignedDuration::from_secs(120);
/// Pods a Job may use up.
pub const MAX_PODS: usize = 6;

/// What became of a Job.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// `worker inspect` left facts: the message, verbatim, and what it says.
    Facts(String, Box<Facts>),
    /// `worker convert` wrote the object.
    Written(Written),
    /// `worker delete` left none of the objects.
    Deleted,
    /// `worker notify` was heard.
    Notified,
    /// `worker convert` wrote nothing, `worker delete` left something or `worker notify` is not wanted, and trying again
    /// will not help.
    Refused(Refusal),
    /// The Job is done or gone, and its message with it.
    ResultLost(&'static str),
    /// It failed, for a reason of [`super::reason::REASONS`].
    Failed(&'static str, String),
    /// It cannot start, for such a reason, since then.
    Waiting(&'static str, String, Timestamp),
    /// It was not started yet, and nothing says why.
    Pending,
    /// It runs.
    Running,
}

/// What is known of a Job.
#[derive(Debug)]
pub struct Seen<'a> {
    /// What it does.
    pub stage: Stage,
    /// The Job; `None` when it is gone.
    pub job: Option<&'a Job>,
    /// The UID that was noted: nothing else is believed.
    pub job_uid: &'a str,
    /// When it was made.
    pub started: Timestamp,
    /// Pods, of this Job or not.
    pub pods: &'a [Arc<Pod>],
    /// How many pods of this Job were ever seen.
    pub pods_seen: usize,
    /// Events of the Job or its pod; asked for only when [`wants_events`] says so.
    pub events: &'a [Event],
    /// Why it waited, as it was recorded while a pod was there to tell.
    pub recorded: Option<(&'static str, &'a str)>,
    /// The Job's deadline.
    pub deadline: SignedDuration,
    /// The container's memory limit, for the message.
    pub memory_limit: &'a str,
    /// The moment.
    pub now: Timestamp,
}

/// What became of the Job.
pub fn outcome(seen: &Seen) -> Outcome {
    let pods = own_pods(seen);
    if let Some(result) = pods.iter().find_map(|pod| result(seen.stage, pod)) {
        return result;
    }
    let Some(job) = seen.job else { return Outcome::ResultLost("the Job is gone") };
    if condition(job, &["SuccessCriteriaMet", "Complete"]).is_some() {
        return Outcome::ResultLost("the Job succeeded and left no message that can be read");
    }
    let timer = seen.now.duration_since(seen.started) > seen.deadline + DEADLINE_SLACK;
    if condition(job, &["FailureTarget", "Failed"]).is_some() || timer {
        // The Job's controller ends the pods of a Job whose time is up: that they stopped then is no reason of their own.
        let last = pods.last().copied().filter(|pod| !stopped_at_deadline(seen.stage, pod, job));
        return failure(seen, last);
    }
    if let Some((reason, message)) = waiting(seen, &pods) {
        return Outcome::Waiting(reason, message, quiet_since(seen, &pods));
    }
    if seen.pods_seen.max(pods.len()) > MAX_PODS {
        return Outcome::Failed(
            word::TOO_MANY_DISRUPTIONS,
            format!("{MAX_PODS} pods of the worker were evicted or deleted"),
        );
    }
    if pods.iter().any(|pod| started(seen.stage, pod)) { Outcome::Running } else { Outcome::Pending }
}

/// UIDs of the objects whose events would tell why nothing starts.
pub fn wants_events(seen: &Seen) -> Vec<String> {
    let Some(job) = seen.job else { return vec![] };
    let suspended = job.spec.as_ref().and_then(|s| s.suspend).unwrap_or_default();
    let ended = condition(job, &["SuccessCriteriaMet", "Complete", "FailureTarget", "Failed"]).is_some();
    let pods = own_pods(seen);
    if suspended || ended || seen.now.duration_since(quiet_since(seen, &pods)) < QUIET {
        return vec![];
    }
    match live(&pods) {
        None => vec![seen.job_uid.to_owned()],
        Some(pod) if state(seen.stage, pod).is_none_or(|s| s.running.is_none() && s.terminated.is_none()) => {
            pod.metadata.uid.clone().into_iter().collect()
        }
        Some(_) => vec![],
    }
}

/// True when the pod is controlled by the object with this UID. Labels are no evidence: anyone sets them.
pub fn owned_by(
    owners: Option<&Vec<k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference>>,
    uid: &str,
) -> bool {
    owners.is_some_and(|o| o.iter().any(|o| o.controller == Some(true) && o.uid == uid))
}

/// The Job's pods, oldest first.
fn own_pods<'a>(seen: &Seen<'a>) -> Vec<&'a Pod> {
    let mut pods: Vec<&Pod> = seen
        .pods
        .iter()
        .map(AsRef::as_ref)
        .filter(|p| owned_by(p.metadata.owner_references.as_ref(), seen.job_uid))
        .collect();
    pods.sort_by_key(|p| p.metadata.creation_timestamp.as_ref().map(|t| t.0));
    pods
}

fn condition<'a>(job: &'a Job, kinds: &[&str]) -> Option<&'a JobCondition> {
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|c| c.status == "True" && kinds.contains(&c.type_.as_str()))
}

/// True when the pod was told to stop, or killed, after the Job's time was up.
fn stopped_at_deadline(stage: Stage, pod: &Pod, job: &Job) -> bool {
    let up = condition(job, &["FailureTarget"]).or_else(|| condition(job, &["Failed"]));
    let up =
        up.filter(|c| c.reason.as_deref() == Some("DeadlineExceeded")).and_then(|c| c.last_transition_time.as_ref());
    let Some(ended) = state(stage, pod).and_then(|s| s.terminated.as_ref()) else { return false };
    let stopped = ended.exit_code == Exit::Transport as i32 || matches!(ended.exit_code, 137 | 143);
    stopped && up.zip(ended.finished_at.as_ref()).is_some_and(|(up, end)| end.0 >= up.0)
}

fn container(stage: Stage, pod: &Pod) -> Option<&ContainerStatus> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    statuses.iter().find(|c| c.name == stage.container())
}

fn state(stage: Stage, pod: &Pod) -> Option<&ContainerState> {
    container(stage, pod)?.state.as_ref()
}

fn started(stage: Stage, pod: &Pod) -> bool {
    state(stage, pod).is_some_and(|s| s.running.is_some() || s.terminated.is_some())
}

fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|s| s.phase.as_deref()).unwrap_or_default()
}

/// The pod that has not ended.
fn live<'a>(pods: &[&'a Pod]) -> Option<&'a Pod> {
    pods.iter()
        .rev()
        .find(|p| !matches!(phase(p), "Succeeded" | "Failed") && p.metadata.deletion_timestamp.is_none())
        .copied()
}

/// Row 1.
fn result(stage: Stage, pod: &Pod) -> Option<Outcome> {
    let status = container(stage, pod)?;
    let ended = status.state.as_ref()?.terminated.as_ref()?;
    if ended.exit_code != Exit::Done as i32 || status.restart_count != 0 {
        return None;
    }
    let text = ended.message.as_deref()?;
    match (stage, decode(text).ok()?) {
        (Stage::Inspect, Message::Facts(facts)) => Some(Outcome::Facts(text.to_owned(), facts)),
        (Stage::Convert, Message::Written(written)) => Some(Outcome::Written(written)),
        (Stage::Delete, Message::Deleted(_)) => Some(Outcome::Deleted),
        (Stage::Notify, Message::Notified(_)) => Some(Outcome::Notified),
        (Stage::Convert | Stage::Delete | Stage::Notify, Message::Refused(refusal)) => Some(Outcome::Refused(refusal)),
        _ => None,
    }
}

/// Row 3.
fn failure(seen: &Seen, last: Option<&Pod>) -> Outcome {
    let ended = last.and_then(|pod| state(seen.stage, pod)).and_then(|s| s.terminated.as_ref());
    let Some(ended) = ended else {
        return match seen.recorded {
            Some((reason, message)) => Outcome::Failed(reason, message.to_owned()),
            None => Outcome::Failed(
                word::DEADLINE_EXCEEDED,
                format!("The worker was not done after {} s", seen.deadline.as_secs()),
            ),
        };
    };
    if ended.reason.as_deref() == Some("OOMKilled") {
        let message = format!("The worker was killed at its memory limit of {}", seen.memory_limit);
        return Outcome::Failed(word::WORKER_OUT_OF_MEMORY, message);
    }
    let told = ended.message.as_deref().and_then(parse_failure);
    let what = told.as_ref().map(|f| match &f.http {
        Some(http) if http.code.is_empty() => format!("{}: {} (HTTP {})", f.layer, f.what, http.status),
        Some(http) => format!("{}: {} (HTTP {} {})", f.layer, f.what, http.status, http.code),
        None => format!("{}: {}", f.layer, f.what),
    });
    let say = |default: String| what.clone().unwrap_or(default);
    match ended.exit_code {
        code if code == Exit::Config as i32 => {
            let credentials = told.as_ref().is_none_or(|f| f.layer.contains("credentials"));
            let reason = if credentials { word::INVALID_CREDENTIALS } else { word::INVALID_SPEC };
            Outcome::Failed(reason, say("The worker could not use its arguments or credentials".into()))
        }
        code if code == Exit::Transport as i32 || matches!(code, 137 | 143) => {
            let to_store = told.as_ref().is_some_and(|f| f.layer.starts_with("destination"));
            let reason = if to_store { word::DESTINATION_UNAVAILABLE } else { word::SOURCE_UNAVAILABLE };
            Outcome::Failed(reason, say(format!("The worker did not get through in all attempts (exit code {code})")))
        }
        code @ (101 | 134 | 139) => {
            Outcome::Failed(word::WORKER_CRASHED, format!("The worker crashed (exit code {code})"))
        }
        code => Outcome::Failed(word::INTERNAL_ERROR, say(format!("The worker failed (exit code {code})"))),
    }
}

/// Row 4: reason and text, where something tells them.
fn waiting(seen: &Seen, pods: &[&Pod]) -> Option<(&'static str, String)> {
    let Some(pod) = live(pods) else {
        return newest(seen, "FailedCreate").map(refused_pod);
    };
    if let Some(waiting) = state(seen.stage, pod).and_then(|s| s.waiting.as_ref()) {
        let text = waiting.message.clone().unwrap_or_default();
        match waiting.reason.as_deref().unwrap_or_default() {
            "" | "ContainerCreating" | "PodInitializing" => {}
            "CreateContainerConfigError" => return Some(missing(&text).unwrap_or((word::POD_REFUSED, text))),
            "ErrImagePull"
            | "ImagePullBackOff"
            | "ErrImageNeverPull"
            | "InvalidImageName"
            | "ImageInspectError"
            | "RegistryUnavailable"
            | "SignatureValidationFailed" => {
                return Some((word::WORKER_IMAGE_NOT_PULLED, text));
            }
            other => return Some((word::POD_REFUSED, format!("{other}: {text}"))),
        }
    }
    let unscheduled = pod.status.as_ref().and_then(|s| s.conditions.as_ref()).and_then(|conditions| {
        let is = |c: &&k8s_openapi::api::core::v1::PodCondition| {
            c.type_ == "PodScheduled" && c.status == "False" && c.reason.as_deref() == Some("Unschedulable")
        };
        conditions.iter().find(is)
    });
    if let Some(condition) = unscheduled {
        return Some((word::UNSCHEDULABLE, condition.message.clone().unwrap_or_default()));
    }
    if started(seen.stage, pod) {
        return None;
    }
    newest(seen, "FailedMount").and_then(missing)
}

/// A mount that failed for a Secret. Other mounts fail and heal by themselves.
fn missing(text: &str) -> Option<(&'static str, String)> {
    let lower = text.to_lowercase();
    if lower.contains("non-existent secret key") || lower.contains("couldn't find key") {
        Some((word::SECRET_KEY_NOT_FOUND, text.to_owned()))
    } else if lower.contains("secret") && lower.contains("not found") {
        Some((word::SECRET_NOT_FOUND, text.to_owned()))
    } else {
        None
    }
}

fn refused_pod(text: &str) -> (&'static str, String) {
    let quota = text.contains("exceeded quota") || text.contains("failed quota");
    (if quota { word::QUOTA_EXCEEDED } else { word::POD_REFUSED }, text.to_owned())
}

/// Text of the newest event of this kind.
fn newest<'a>(seen: &Seen<'a>, kind: &str) -> Option<&'a str> {
    let of_kind = seen.events.iter().filter(|e| e.reason.as_deref() == Some(kind));
    of_kind.max_by_key(|e| event_time(e)).and_then(|e| e.message.as_deref())
}

fn event_time(event: &Event) -> Option<Timestamp> {
    let series = event.series.as_ref().and_then(|s| s.last_observed_time.as_ref()).map(|t| t.0);
    let last = event.last_timestamp.as_ref().map(|t| t.0);
    series.max(last).max(event.event_time.as_ref().map(|t| t.0))
}

/// The last moment at which something moved: the Job was made, a pod was made, or a container ended.
fn quiet_since(seen: &Seen, pods: &[&Pod]) -> Timestamp {
    let made = pods.iter().filter_map(|p| p.metadata.creation_timestamp.as_ref()).map(|t| t.0);
    let ended =
        pods.iter().filter_map(|p| state(seen.stage, p)?.terminated.as_ref()?.finished_at.as_ref()).map(|t| t.0);
    made.chain(ended).fold(seen.started, Timestamp::max)
}

#[cfg(test)]
mod tests;
