//! The record of Jobs in the status, alike for reading and copying.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::key::Stage;
use super::moment::Draft;
use crate::api::ImageImportStatus;

/// What a Job does: one stage of one disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// The disk.
    pub disk: String,
    /// The stage.
    pub stage: Stage,
}

impl Task {
    /// A stage of a disk.
    pub fn new(disk: &str, stage: Stage) -> Self {
        Self { disk: disk.to_owned(), stage }
    }
}

/// The latest Job of a task.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Work {
    /// Its name.
    pub job_name: Option<String>,
    /// Its UID; `None` when it could not be made.
    pub job_uid: Option<String>,
    /// Its number, from 1; 0 before the first.
    pub attempt: i32,
    /// Jobs that left no result.
    pub lost: i32,
    /// When it was made.
    pub started: Option<Time>,
    /// When its end was noted.
    pub completed: Option<Time>,
}

/// The latest Job of a task.
pub fn of(status: &ImageImportStatus, task: &Task) -> Work {
    let Some(disk) = status.disk(&task.disk) else { return Work::default() };
    // Two types with the same fields: the API keeps them apart, for what each has beside these.
    macro_rules! read {
        ($record:expr) => {
            $record.as_ref().map_or_else(Work::default, |r| Work {
                job_name: r.job_name.clone(),
                job_uid: r.job_uid.clone(),
                attempt: r.attempt.unwrap_or_default(),
                lost: r.lost_results.unwrap_or_default(),
                started: r.start_time.clone(),
                completed: r.completion_time.clone(),
            })
        };
    }
    match task.stage {
        Stage::Inspect => read!(disk.inspection),
        Stage::Convert => read!(disk.conversion),
        // They belong to no disk: `status.deletion`, `status.notifications`.
        Stage::Delete | Stage::Notify => Work::default(),
    }
}

/// Writes it down.
pub fn set(draft: &mut Draft, task: &Task, work: &Work) {
    let disk = draft.disk(&task.disk);
    macro_rules! write {
        ($record:expr) => {{
            let r = $record.get_or_insert_default();
            r.job_name.clone_from(&work.job_name);
            r.job_uid.clone_from(&work.job_uid);
            r.attempt = (work.attempt > 0).then_some(work.attempt);
            r.lost_results = (work.lost > 0).then_some(work.lost);
            r.start_time.clone_from(&work.started);
            r.completion_time.clone_from(&work.completed);
        }};
    }
    match task.stage {
        Stage::Inspect => write!(disk.inspection),
        Stage::Convert => write!(disk.conversion),
        Stage::Delete | Stage::Notify => {}
    }
}

/// Every task that had a Job. Copies follow readings, so they are first.
pub fn all(status: &ImageImportStatus) -> impl Iterator<Item = (Task, Work)> {
    let of_stage = move |stage| status.disks.iter().map(move |disk| Task::new(&disk.name, stage));
    let tasks = [Stage::Convert, Stage::Inspect].into_iter().flat_map(of_stage);
    tasks.map(|task| (task.clone(), of(status, &task))).filter(|(_, work)| work.job_name.is_some())
}

/// The task whose Job was noted and whose result was not: at most one.
pub fn in_flight(status: &ImageImportStatus) -> Option<(Task, Work)> {
    all(status).find(|(_, work)| work.job_uid.is_some() && work.completed.is_none())
}

/// The Job whose end was noted last.
pub fn latest(status: &ImageImportStatus) -> Option<Work> {
    let ended = all(status).map(|(_, work)| work).filter(|work| work.completed.is_some());
    ended.max_by_key(|work| work.completed.as_ref().map(|time| time.0))
}
