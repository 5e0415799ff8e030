//! What cannot be written: another format than was read, another object than was judged.

use serde_json::json;

use image_import::api::Format;

use super::seen::SeenJobs;
use super::{disk, no_work_left, out, own_profile, patch, records, small_disk, small_image, written};
use crate::harness::{Case, Triple, condition, import, triple};

#[tokio::test]
async fn an_object_replaced_after_it_was_judged_is_not_copied() {
    let case = Case::new("replaced").await;
    let store = case.store().await;
    let (key, profile) = (small_image(&case, &store).await, own_profile(&case, &["QCOW2"]).await);
    let jobs = SeenJobs::start(&case).await;
    case.apply(&import("small", &key, &profile, &out(&case))).await.unwrap();
    let refused = case.settled("small").await;
    assert_eq!(triple(&refused), Triple::of("False/ImageFormatNotSupported", None, Some("True/Rejected")));
    store.put(&key, small_disk(9)).await;
    let waiver = json!([{"rule": "ImageFormatAccepted", "justification": "A trial"}]);
    patch(&case, "small", json!({"spec": {"waivers": waiver}})).await.unwrap();
    let changed = case.settled("small").await;
    assert_eq!(triple(&changed), Triple::of("False/SourceChanged", None, Some("True/SourceChanged")));
    assert_eq!(condition(&changed, "Compliant").unwrap().status, "True", "the verdict is on what was read");
    assert_eq!(disk(&changed).source, disk(&refused).source);
    no_work_left(&case).await;
    assert_eq!((jobs.made("inspect"), jobs.made("convert")), (1, 1), "nothing is tried again");
    assert_eq!((written(&case, &store).await.len(), records(&case).await.len()), (0, 0));

    // Asked for, the object of now is read, judged and copied.
    patch(&case, "small", json!({"metadata": {"annotations": {"imageimport.dev/requestedAt": "now"}}})).await.unwrap();
    let done = case.wait_for("small", "Ready", "True").await;
    assert_eq!(triple(&done), Triple::of("True/Imported", None, None));
    assert_ne!(disk(&done).source, disk(&refused).source);
    let objects = written(&case, &store).await;
    assert_eq!((objects.len(), records(&case).await.len()), (1, 1));
    assert_eq!(store.get(&objects[0]).await, small_disk(9));
}

#[tokio::test]
async fn a_format_that_is_not_written_is_refused_with_what_to_do() {
    let case = Case::new("format").await;
    let store = case.store().await;
    let (key, profile) = (small_image(&case, &store).await, own_profile(&case, &["RAW"]).await);
    let jobs = SeenJobs::start(&case).await;
    let mut found = import("found", &key, &profile, &out(&case));
    found.spec.destination.as_mut().unwrap().format = Some(Format::Vmdk);
    let mut declared = found.clone();
    declared.metadata.name = Some("declared".into());
    declared.spec.source.format = Some(Format::Raw);
    for (import, read) in [(&declared, 0), (&found, 1)] {
        case.apply(import).await.unwrap();
        let stalled = case.settled(import.metadata.name.as_deref().unwrap()).await;
        let reason = "ConversionNotSupported";
        let wanted = Triple::of(&format!("False/{reason}"), None, Some(&format!("True/{reason}")));
        assert_eq!(triple(&stalled), wanted);
        let message = &condition(&stalled, "Stalled").unwrap().message;
        assert!(
            message.contains("RAW") && message.contains("VMDK") && message.contains("`spec.destination.format`"),
            "{message}"
        );
        assert_eq!(jobs.made("inspect"), read, "a declared format needs no reading to be refused");
    }
    assert_eq!(jobs.made("convert"), 0);
    assert_eq!((written(&case, &store).await.len(), records(&case).await.len()), (0, 0));
}
