//! `spec.cancel`: the worker is stopped, nothing is left of its upload, and the import says who ended it.

use image_import::api::{CustomImage, SnapshotState};
use kube::api::{DeleteParams, ListParams};
use serde_json::json;

use super::deleted::{Large, TRIES};
use super::{checked, delete, disk, no_work_left, patch, records};
use crate::harness::{Case, Triple, triple};

/// A worker may be done before it is told to stop: the import is then imported.
#[tokio::test]
async fn a_copy_that_is_cancelled_leaves_nothing_and_tells_who_did_it() {
    let case = Case::new("cancelled").await;
    let store = case.store().await;
    let large = Large::new(&case, &store).await;
    for _ in 0..TRIES {
        let (copying, key) = large.uploading(&case, &store).await;
        let snapshot = copying.status.clone().unwrap().snapshot.expect("a snapshot from the start");
        assert_eq!(snapshot.state, SnapshotState::Failed, "until it is done");
        assert_eq!(snapshot.size_bytes, disk(&copying).source.map(|s| s.size_bytes));

        patch(&case, "large", json!({"spec": {"cancel": true}})).await.unwrap();
        let ended = case.settled("large").await;
        no_work_left(&case).await;
        assert!(!store.uploading(&key).await, "the worker takes back what it uploaded");
        if triple(&ended) == Triple::of("True/Imported", None, None) {
            // Its record would answer for the next one.
            case.api::<CustomImage>()
                .delete_collection(&DeleteParams::default(), &ListParams::default())
                .await
                .unwrap();
            delete(&case, "large").await;
            continue;
        }
        assert_eq!(triple(&ended), Triple::of("False/Cancelled", None, Some("True/Cancelled")));
        let ready = ended.status.unwrap().conditions.into_iter().find(|c| c.type_ == "Ready").unwrap();
        assert!(ready.message.contains(" by ") && ready.message.contains(" at 20"), "{}", ready.message);
        assert_eq!(records(&case).await.len(), 0);
        let taken_back = patch(&case, "large", json!({"spec": {"cancel": false}})).await.unwrap_err().to_string();
        assert!(taken_back.contains("create a new ImageImport"), "{taken_back}");
        return;
    }
    panic!("every copy was done before it was cancelled");
}

#[tokio::test]
async fn what_is_checked_stays_checked() {
    let case = Case::new("cancelled-late").await;
    checked(&case).await;
    patch(&case, "small", json!({"spec": {"cancel": true}})).await.unwrap();
    let seen = case.wait("small", "the change was seen", |i| {
        i.status.as_ref().is_some_and(|s| s.observed_generation == i.metadata.generation)
    });
    assert_eq!(triple(&seen.await), Triple::of("True/Checked", None, None));
}
