//! `imageimport.dev/requestedAt`: read again, once a value.

use serde_json::json;

use super::{Checked, checked, disk, patch, small_disk};
use crate::harness::{Case, triple};

#[tokio::test]
async fn a_request_reads_again_exactly_once() {
    let case = Case::new("requested").await;
    let Checked { store, key, jobs, import: first, .. } = checked(&case).await;

    store.put(&key, small_disk(7)).await;
    let at = "2026-11-21T12:00:00Z";
    let request = json!({"metadata": {"annotations": {"imageimport.dev/requestedAt": at}}});
    patch(&case, "small", request.clone()).await.unwrap();
    let again = |job: Option<String>| {
        let case = &case;
        async move {
            case.wait("small", "read again", |i| {
                let new = disk(i).inspection.is_some_and(|d| d.job_uid != job && d.completion_time.is_some());
                new && triple(i).ready == "True/Checked"
            })
            .await
        }
    };
    let second = again(disk(&first).inspection.unwrap().job_uid).await;
    assert_eq!(second.status.as_ref().unwrap().last_handled_request_at.as_deref(), Some(at));
    assert_ne!(disk(&second).source.unwrap().etag, disk(&first).source.unwrap().etag, "it is the object of now");

    // The same value again asks for nothing; another does.
    patch(&case, "small", request).await.unwrap();
    patch(&case, "small", json!({"metadata": {"labels": {"touched": "yes"}}})).await.unwrap();
    patch(&case, "small", json!({"metadata": {"annotations": {"imageimport.dev/requestedAt": "later"}}}))
        .await
        .unwrap();
    let third = again(disk(&second).inspection.unwrap().job_uid).await;
    assert_eq!(third.status.unwrap().last_handled_request_at.as_deref(), Some("later"));
    assert_eq!(jobs.made("inspect"), 3, "one reading for the import, one for each request");
}
