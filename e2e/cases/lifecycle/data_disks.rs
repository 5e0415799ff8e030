//! Data disks are imported with the system disk: all of them, or none.

use image_import::api::{DataDisk, ImageImport, Source};

use super::{no_work_left, out, own_profile, records, small_disk, small_image, written};
use crate::harness::{Case, Store, Triple, condition, import, triple};

/// An import of a system disk and one data disk, other bytes of the same size.
async fn with_data(case: &Case, store: &Store) -> ImageImport {
    let (system, profile) = (small_image(case, store).await, own_profile(case, &["RAW"]).await);
    let key = format!("{}/logs.img", case.namespace);
    store.put(&key, small_disk(7)).await;
    let mut import = import("web", &system, &profile, &out(case));
    let source = Source { url: format!("s3://images/{key}"), ..import.spec.source.clone() };
    import.spec.data_disks = vec![DataDisk { name: "logs".into(), source, size_gib: Some(10) }];
    import
}

#[tokio::test]
async fn a_data_disk_is_read_judged_stored_and_recorded_with_the_system_disk() {
    let case = Case::new("data-disks").await;
    let store = case.store().await;
    case.apply(&with_data(&case, &store).await).await.unwrap();
    let done = case.wait_for("web", "Ready", "True").await;
    assert_eq!(triple(&done), Triple::of("True/Imported", None, None));
    let status = done.status.unwrap();
    let names: Vec<_> = status.disks.iter().map(|disk| disk.name.as_str()).collect();
    assert_eq!(names, ["system", "logs"]);
    assert_eq!(status.snapshot.unwrap().size_bytes, Some(2 << 20), "of both");

    let records = records(&case).await;
    let disks = &records[0].spec.disks;
    assert_eq!(disks.iter().map(|disk| disk.name.as_str()).collect::<Vec<_>>(), ["system", "logs"]);
    for (disk, number) in disks.iter().zip([0, 7]) {
        assert_eq!(store.get(disk.url.strip_prefix("s3://images/").unwrap()).await, small_disk(number), "{}", disk.url);
    }
    no_work_left(&case).await;
    assert_eq!((written(&case, &store).await.len(), records.len()), (2, 1));
}

#[tokio::test]
async fn a_data_disk_that_is_refused_is_named_and_nothing_is_stored() {
    let case = Case::new("bad-data").await;
    let store = case.store().await;
    let mut import = with_data(&case, &store).await;
    let key = format!("{}/logs.img", case.namespace);
    store.put(&key, b"this is no disk at all, but a text of some length\n".repeat(40)).await;
    case.apply(&import).await.unwrap();
    let refused = case.wait_for("web", "Stalled", "True").await;
    let format = condition(&refused, "ImageFormatAccepted").unwrap();
    assert_eq!(format.status, "False");
    assert!(format.message.contains("data disk `logs`"), "{}", format.message);
    no_work_left(&case).await;

    // One that only its copy can tell: the system disk's is there by then, and goes again.
    store.put(&key, small_disk(7)).await;
    import.metadata.name = Some("sum".into());
    import.spec.data_disks[0].source.checksum = Some(format!("sha256:{}", "0".repeat(64)));
    case.apply(&import).await.unwrap();
    let refused = case.wait_for("sum", "Stalled", "True").await;
    assert_eq!(triple(&refused), Triple::of("False/ChecksumMismatch", None, Some("True/ChecksumMismatch")));
    case.wait("sum", "without its copies", |i| i.status.as_ref().unwrap().deletion.is_none()).await;
    no_work_left(&case).await;
    assert_eq!((written(&case, &store).await.len(), records(&case).await.len()), (0, 0));
}
