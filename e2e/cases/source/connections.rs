//! Stores that do not answer, and addresses that cannot be used: which of the two stores, and whether it is tried again.

use image_import::api::LocalRef;

use super::disks::Workshop;
use crate::harness::{Case, Store, Triple, check, condition, import, triple};

/// No such host: every attempt of a worker fails, and the import is tried again.
const DOWN: &str = "http://nothing.image-store.svc:9000";

#[tokio::test]
async fn a_store_that_does_not_answer_is_named_and_tried_again() {
    let case = Case::new("no-answer").await;
    let store = case.store().await;
    let key = format!("{}/in/good", case.namespace);
    store.put(&key, Workshop::new().image()).await;
    let mut source = check("source", &key, "tencent-cvm");
    source.spec.source.endpoint = Some(DOWN.into());
    let mut destination = import("destination", &key, "tencent-cvm", &case.namespace);
    destination.spec.destination.as_mut().unwrap().endpoint = Some(DOWN.into());
    case.apply(&source).await.unwrap();
    case.apply(&destination).await.unwrap();
    for (name, reason) in [("source", "SourceUnavailable"), ("destination", "DestinationUnavailable")] {
        let failing = case.wait_for(name, "Ready", "False").await;
        let wanted = Triple::of(&format!("False/{reason}"), Some("True/ProgressingWithRetry"), None);
        assert_eq!(triple(&failing), wanted, "{name}: {}", condition(&failing, "Ready").unwrap().message);
    }
    assert_eq!(store.list(&case.namespace).await, [key], "nothing is written");
}

#[tokio::test]
async fn credentials_for_a_web_address_are_refused_and_not_ignored() {
    let case = Case::new("web-address").await;
    let mut import = check("web", "unused", "tencent-cvm");
    import.spec.source.url = format!("{}/images/debian-12.qcow2", Store::ENDPOINT);
    import.spec.source.endpoint = None;
    case.apply(&import).await.unwrap();
    let refused = case.settled("web").await;
    assert_eq!(triple(&refused), Triple::of("False/InvalidCredentials", None, Some("True/InvalidCredentials")));
    let message = &condition(&refused, "Ready").unwrap().message;
    assert!(message.contains("leave out secretRef, or write s3://bucket/key"), "{message}");

    import.spec.source.secret_ref = None;
    case.apply(&import).await.unwrap();
    let asked =
        case.wait("web", "asked without credentials", |import| triple(import).ready == "False/InvalidUrl").await;
    assert_eq!(triple(&asked), Triple::of("False/InvalidUrl", None, Some("True/SourceForbidden")));
    assert_ne!(asked.spec.source.secret_ref, Some(LocalRef { name: "bucket-reader".into() }));
}
