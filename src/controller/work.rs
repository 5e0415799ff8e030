//! The record of a stage's Jobs in the status, alike for reading and copying.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::key::Stage;
use super::moment::Draft;
use crate::api::{ImageImportStatus, SYSTEM_DISK};

/// The latest Job of a stage.
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

/// The latest Job of a stage.
pub fn of(status: &ImageImportStatus, stage: Stage) -> Work {
    let Some(disk) = status.disks.iter().find(|d| d.name == SYSTEM_DISK) else { return Work::default() };
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
    match stage {
        Stage::Inspect => read!(disk.inspection),
        Stage::Convert => read!(disk.conversion),
        // They belong to no disk: `status.deletion`, `status.notifications`.
        Stage::Delete | Stage::Notify => Work::default(),
    }
}

/// Writes it down.
pub fn set(draft: &mut Draft, stage: Stage, work: &Work) {
    let disk = draft.disk();
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
    match stage {
        Stage::Inspect => write!(disk.inspection),
        Stage::Convert => write!(disk.conversion),
        Stage::Delete | Stage::Notify => {}
    }
}

/// The stage whose Job was noted and whose result was not. A copy follows a reading, so it is asked for first.
pub fn in_flight(status: &ImageImportStatus) -> Option<(Stage, Work)> {
    [Stage::Convert, Stage::Inspect]
        .into_iter()
        .map(|stage| (stage, of(status, stage)))
        .find(|(_, work)| work.job_uid.is_some() && work.completed.is_none())
}

/// The Job whose end was noted last.
pub fn latest(status: &ImageImportStatus) -> Option<Work> {
    let ended = [Stage::Inspect, Stage::Convert].map(|stage| of(status, stage));
    ended.into_iter().filter(|w| w.completed.is_some()).max_by_key(|w| w.completed.as_ref().map(|t| t.0))
}
