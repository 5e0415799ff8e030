//! Two workers copy the same image: one record publishes one of the copies, and the other copy is deleted.

use image_import::api::CustomImage;
use image_import::controller::customimage;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::json;

use super::deleted::{Large, TRIES};
use super::seen::SeenJobs;
use super::{disk, eventually, no_work_left, records, written};
use crate::harness::{Case, Triple, triple};

#[tokio::test]
async fn the_copy_that_was_not_published_is_deleted() {
    let case = Case::new("spare").await;
    let store = case.store().await;
    let jobs = SeenJobs::start(&case).await;
    let large = Large::new(&case, &store).await;
    let operator = Api::<CustomImage>::namespaced(case.as_operator().await, &case.namespace);
    for _ in 0..TRIES {
        let (copying, key) = large.uploading(&case, &store).await;
        // The record of another worker's copy of the same content.
        let identity = customimage::identity(&copying).expect("it was read");
        let other: CustomImage = serde_json::from_value(json!({
            "apiVersion": "imageimport.dev/v1alpha1", "kind": "CustomImage", "metadata": {"name": identity.name},
            "spec": {"profile": "p", "contentKey": identity.content_key, "importUID": "u", "disks": [{"name": "system",
                "url": "s3://images/elsewhere.raw", "format": "RAW", "sizeBytes": 1, "virtualSizeBytes": 1, "checksum": "sha256:0"}]}
        }))
        .unwrap();
        if operator.create(&PostParams::default(), &other).await.is_err() {
            // This worker was done before.
            case.api::<CustomImage>().delete(&identity.name, &DeleteParams::default()).await.unwrap();
            super::delete(&case, "large").await;
            no_work_left(&case).await;
            store.delete(&key).await;
            continue;
        }
        let done = case.wait_for("large", "Ready", "True").await;
        assert_eq!(triple(&done), Triple::of("True/Imported", None, None));
        eventually("the spare copy is gone", 60, async || written(&case, &store).await.is_empty()).await;
        no_work_left(&case).await;
        let settled = case.wait("large", "done with its copy", |i| i.status.as_ref().unwrap().deletion.is_none()).await;
        assert_eq!(disk(&settled).conversion.unwrap().url, None);
        let found = records(&case).await;
        assert_eq!((found.len(), &found[0].spec), (1, &other.spec), "the record is as it was");
        assert_eq!(jobs.made("delete"), 1);
        return;
    }
    panic!("every copy was done before the other was recorded");
}
