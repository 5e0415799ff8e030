//! What was wrong in the bucket and is mended there: the import becomes good without being made anew.

use std::time::Duration;

use image_import::api::LocalRef;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;

use super::again::{mend_secret, owners_secret, read_again};
use super::disks::{PLAIN, Workshop};
use crate::harness::{Case, Triple, check, condition, triple};

#[tokio::test]
async fn a_secret_that_is_mended_makes_the_import_good() {
    let case = Case::new("mended-secret").await;
    let store = case.store().await;
    let key = format!("{}/good", case.namespace);
    store.put(&key, Workshop::new().image()).await;
    owners_secret(&case, "reader", Some("not-the-secret")).await;
    let mut import = check("good", &key, "tencent-cvm");
    import.spec.source.secret_ref = Some(LocalRef { name: "reader".into() });
    case.apply(&import).await.unwrap();
    let refused = case.settled("good").await;
    assert_eq!(triple(&refused), Triple::of("False/InvalidUrl", None, Some("True/SourceForbidden")));

    let still = read_again(&case, "good", "too-early").await;
    assert_eq!(triple(&still), triple(&refused), "nothing was mended yet");

    mend_secret(&case, "reader").await;
    let good = read_again(&case, "good", "mended").await;
    assert_eq!(triple(&good), Triple::of("True/Checked", None, None));
    assert_eq!(condition(&good, "SourceReadable").unwrap().status, "True");
}

#[tokio::test]
async fn an_object_that_is_uploaded_later_is_found() {
    let case = Case::new("uploaded-later").await;
    let store = case.store().await;
    let key = format!("{}/late", case.namespace);
    case.apply(&check("late", &key, "tencent-cvm")).await.unwrap();
    let missing = case.settled("late").await;
    assert_eq!(triple(&missing), Triple::of("False/InvalidUrl", None, Some("True/SourceNotFound")));

    store.put(&key, Workshop::new().image()).await;
    let good = read_again(&case, "late", "uploaded").await;
    assert_eq!(triple(&good), Triple::of("True/Checked", None, None));
    assert!(good.status.unwrap().disks[0].source.as_ref().unwrap().etag.is_some());
}

#[tokio::test]
async fn an_object_that_is_mended_in_place_is_judged_anew() {
    let case = Case::new("mended-object").await;
    let store = case.store().await;
    let key = format!("{}/disk", case.namespace);
    let shop = Workshop::new();
    let good = shop.image();
    store.put(&key, good[..good.len() / 2].to_vec()).await;
    case.apply(&check("disk", &key, "tencent-cvm")).await.unwrap();
    let truncated = case.settled("disk").await;
    assert_eq!(triple(&truncated), Triple::of("False/PartitionNotPresent", None, Some("True/Rejected")));
    let etag =
        |import: &image_import::api::ImageImport| import.status.as_ref().unwrap().disks[0].source.clone().unwrap().etag;

    store.put(&key, good).await;
    let mended = read_again(&case, "disk", "again").await;
    assert_eq!(triple(&mended), Triple::of("True/Checked", None, None));
    assert_ne!(etag(&mended), etag(&truncated));
}

/// The object is replaced without pause until a worker has met that; what it leaves then is read well.
#[tokio::test]
async fn an_object_that_is_replaced_while_it_is_read_is_read_again() {
    let case = Case::new("replaced").await;
    let store = case.store().await;
    let key = format!("{}/disk", case.namespace);
    let shop = Workshop::new();
    // Uncompressed: the more requests, the sooner one of them meets another object.
    let one = shop.disk("dos", &[shop.system(PLAIN)]);
    let two = [one.as_slice(), &vec![0; 65_536]].concat();
    store.put(&key, one.clone()).await;
    let mut met = false;
    case.apply(&check("disk", &key, "tencent-cvm")).await.unwrap();
    for request in 0..60 {
        let settled = async {
            if request == 0 {
                case.settled("disk").await
            } else {
                read_again(&case, "disk", &request.to_string()).await
            }
        };
        let replacing = async {
            loop {
                for bytes in [&two, &one] {
                    store.put(&key, bytes.clone()).await;
                }
            }
        };
        let refused = async {
            loop {
                let pods = case.api::<Pod>().list(&ListParams::default()).await.unwrap();
                if pods.iter().any(|pod| exit_code(pod) == Some(75)) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let replaced = async {
            tokio::select! {
                () = refused => {}
                () = replacing => {}
            }
        };
        tokio::pin!(settled);
        let import = tokio::select! {
            import = &mut settled => import,
            () = replaced => {
                met = true;
                settled.await
            }
        };
        assert_eq!(triple(&import), Triple::of("True/Checked", None, None), "never a verdict on half of each");
        if met {
            break;
        }
    }
    assert!(met, "no worker met a replaced object");
    // What was being written when that was seen may be either.
    store.put(&key, one.clone()).await;
    let last = read_again(&case, "disk", "last").await;
    assert_eq!(last.status.unwrap().disks[0].source.as_ref().unwrap().size_bytes, i64::try_from(one.len()).unwrap());
}

fn exit_code(pod: &Pod) -> Option<i32> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    statuses.first()?.state.as_ref()?.terminated.as_ref().map(|ended| ended.exit_code)
}
