//! The snapshot that an import shows: it follows from the rest of its status.
//!
//! The clouds show an image's snapshot as failed until the import is done, and then as available by itself, with the size
//! of the uploaded file. A failed snapshot of a running import is therefore no failure, and no event tells of it.

use crate::api::{ImageImportSpec, ImageImportStatus, Snapshot, SnapshotState};

/// The snapshot at this status; `None` before the first worker (which has no Job outside of a cluster), and where nothing is imported into a store.
pub fn of(spec: &ImageImportSpec, status: &ImageImportStatus) -> Option<Snapshot> {
    spec.destination.as_ref()?;
    let started = |disk: &crate::api::DiskStatus| {
        disk.inspection.as_ref().is_some_and(|i| i.job_name.is_some() || i.bytes_read.is_some())
    };
    let done = status.custom_image_ref.is_some();
    if !done && !status.disks.iter().any(started) {
        return None;
    }
    let sizes = status.disks.iter().map(|disk| disk.source.as_ref().map(|source| source.size_bytes));
    let size_bytes = sizes.sum::<Option<i64>>().filter(|_| !status.disks.is_empty());
    let state = if done { SnapshotState::Available } else { SnapshotState::Failed };
    Some(Snapshot { state, size_bytes })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn shown(destination: bool, status: &Value) -> Value {
        let mut spec = json!({"source": {"url": "s3://in/web"}, "profileRef": {"name": "p"}});
        if destination {
            spec["destination"] = json!({"url": "s3://store/"});
        }
        let found = of(&serde_json::from_value(spec).unwrap(), &serde_json::from_value(status.clone()).unwrap());
        json!(found)
    }

    #[test]
    fn it_is_failed_from_the_first_worker_until_the_image_is_there() {
        let disk = |more: Value| {
            let mut disk = json!({"name": "system", "inspection": {"jobName": "web-i"}});
            disk.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!([disk])
        };
        let read = || disk(json!({"source": {"sizeBytes": 7}}));
        for (status, wanted) in [
            (json!({}), Value::Null),
            (json!({"disks": disk(json!({}))}), json!({"state": "Failed"})),
            (json!({"disks": [{"name": "system", "inspection": {"bytesRead": 9}}]}), json!({"state": "Failed"})),
            (json!({"disks": read()}), json!({"state": "Failed", "sizeBytes": 7})),
            (
                json!({"disks": read(), "customImageRef": {"name": "web-1"}}),
                json!({"state": "Available", "sizeBytes": 7}),
            ),
        ] {
            assert_eq!(shown(true, &status), wanted, "{status}");
            assert_eq!(shown(false, &status), Value::Null, "nothing is imported");
        }
    }

    #[test]
    fn its_size_is_that_of_all_disks_or_not_known_yet() {
        let disks = |second: Value| json!({"disks": [{"name": "system", "source": {"sizeBytes": 7}, "inspection": {"jobName": "i"}}, second]});
        assert_eq!(shown(true, &disks(json!({"name": "data", "source": {"sizeBytes": 5}})))["sizeBytes"], 12);
        assert_eq!(shown(true, &disks(json!({"name": "data"}))).get("sizeBytes"), None);
    }
}
