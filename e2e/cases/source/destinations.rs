//! What is written: the very bytes that were judged, once, and nothing over what is there.

use std::time::Duration;

use image_import::api::{CustomImage, ImageImport, LocalRef, Waiver};
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams};
use sha2::{Digest, Sha256};

use super::again::{owners_secret, read_again};
use super::disks::Workshop;
use crate::harness::{Case, GOOD_IMAGE, Store, Triple, condition, import, triple};

fn checksum(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// The key of an address `s3://images/key`.
fn key(url: &str) -> &str {
    url.strip_prefix("s3://images/").unwrap()
}

async fn records(case: &Case) -> Vec<CustomImage> {
    case.api().list(&ListParams::default()).await.unwrap().items
}

/// Puts a good image, and gives its key and bytes.
async fn good_image(case: &Case, store: &Store) -> (String, Vec<u8>) {
    let (key, bytes) = (format!("{}/in/good", case.namespace), Workshop::new().image());
    store.put(&key, bytes.clone()).await;
    (key, bytes)
}

/// An import of `source` to this address in the namespace's own folder.
fn to(case: &Case, name: &str, source: &str, url: &str) -> ImageImport {
    let mut import = import(name, source, "tencent-cvm", &case.namespace);
    url.clone_into(&mut import.spec.destination.as_mut().unwrap().url);
    import
}

#[tokio::test]
async fn the_record_has_the_checksum_of_the_stored_bytes() {
    let case = Case::new("stored").await;
    let store = case.store().await;
    let (source, bytes) = good_image(&case, &store).await;
    let out = format!("{}/out", case.namespace);
    case.apply(&to(&case, "folder", &source, &format!("s3://images/{out}/"))).await.unwrap();
    case.apply(&to(&case, "object", &source, &format!("s3://images/{out}/web.qcow2"))).await.unwrap();
    for name in ["folder", "object"] {
        let done = case.settled(name).await;
        assert_eq!(triple(&done), Triple::of("True/Imported", None, None), "{name}");
        let status = done.status.as_ref().unwrap();
        let record: CustomImage = case.api().get(&status.custom_image_ref.as_ref().unwrap().name).await.unwrap();
        let [disk] = record.spec.disks.as_slice() else { panic!("{:?}", record.spec.disks) };
        let stored = store.get(key(&disk.url)).await;
        assert!(stored == bytes, "{name}: what was stored is what was judged");
        assert_eq!(disk.checksum, checksum(&stored), "{name}");
        assert_eq!(record.spec.import_uid, done.uid().unwrap());
        assert_eq!(disk.source.as_ref().map(|s| &s.identity), status.disks[0].source.as_ref());
    }
    assert_eq!(records(&case).await.len(), 2);
    assert_eq!(store.list(&out).await.len(), 2, "each is stored once");
    assert!(store.list(&out).await.contains(&format!("{out}/web.qcow2")));
}

#[tokio::test]
async fn a_destination_that_takes_nothing_is_named() {
    let case = Case::new("refusing").await;
    let store = case.store().await;
    owners_secret(&case, "owner", None).await;
    owners_secret(&case, "wrong", Some("not-the-secret")).await;
    let (source, _) = good_image(&case, &store).await;
    let out = format!("{}/out", case.namespace);
    let taken = format!("{out}/taken.qcow2");
    store.put(&taken, b"another image".to_vec()).await;
    let with = |mut import: ImageImport, secret: &str| {
        import.spec.destination.as_mut().unwrap().secret_ref = Some(LocalRef { name: secret.into() });
        import
    };
    let rows = [
        (
            with(to(&case, "forbidden", &source, &format!("s3://images/{out}/")), "bucket-reader"),
            "DestinationForbidden",
        ),
        (with(to(&case, "wrong-secret", &source, &format!("s3://images/{out}/")), "wrong"), "DestinationForbidden"),
        (with(to(&case, "no-bucket", &source, "s3://nowhere-at-all/out/"), "owner"), "DestinationNotFound"),
        (to(&case, "taken", &source, &format!("s3://images/{taken}")), "DestinationExists"),
    ];
    for (import, _) in &rows {
        case.apply(import).await.unwrap();
    }
    for (import, reason) in &rows {
        let name = import.name_any();
        let refused = case.settled(&name).await;
        assert_eq!(
            triple(&refused),
            Triple::of(&format!("False/{reason}"), None, Some(&format!("True/{reason}"))),
            "{name}"
        );
        assert_eq!(condition(&refused, "Compliant").unwrap().status, "True", "{name}: the image itself is good");
    }
    assert_eq!(records(&case).await.len(), 0);
    assert_eq!(store.list(&out).await, std::slice::from_ref(&taken), "nothing is written");
    assert_eq!(store.get(&taken).await, b"another image", "nothing is overwritten");
}

/// A rejected import stores what it found. When a waiver lets it pass later, the object may be another one.
#[tokio::test]
async fn an_object_that_was_replaced_after_it_was_judged_is_not_imported() {
    let case = Case::new("swapped").await;
    let store = case.store().await;
    let shop = Workshop::new();
    shop.remove("var/lib/dpkg/status");
    let source = format!("{}/in/disk", case.namespace);
    let out = format!("{}/out", case.namespace);
    store.put(&source, shop.image()).await;
    let mut import = to(&case, "swapped", &source, &format!("s3://images/{out}/"));
    case.apply(&import).await.unwrap();
    let rejected = case.settled("swapped").await;
    assert_eq!(triple(&rejected), Triple::of("False/CloudInitNotInstalled", None, Some("True/Rejected")));

    let other = Workshop::new();
    other.write("etc/motd", "another image");
    let other = other.image();
    store.put(&source, other.clone()).await;
    import.spec.waivers = vec![Waiver {
        rule: "CloudInitInstalled".into(),
        justification: "set up by hand".into(),
        expiration_time: None,
    }];
    case.apply(&import).await.unwrap();
    let changed = case
        .wait("swapped", "SourceChanged", |import| {
            condition(import, "Ready").is_some_and(|c| c.reason == "SourceChanged")
        })
        .await;
    assert_eq!(triple(&changed), Triple::of("False/SourceChanged", None, Some("True/SourceChanged")));
    assert!(
        store.list(&out).await.is_empty() && records(&case).await.is_empty(),
        "what was not judged is not imported"
    );

    let done = read_again(&case, "swapped", "the-new-one").await;
    assert_eq!(triple(&done), Triple::of("True/Imported", None, None));
    let [object] = store.list(&out).await.try_into().unwrap();
    assert!(store.get(&object).await == other);
}

/// The Job is taken away under its pod, which goes on; the controller starts another.
#[tokio::test]
async fn two_workers_of_one_import_publish_one_image() {
    let case = Case::new("two-workers").await;
    let store = case.store().await;
    let out = format!("{}/out", case.namespace);
    case.apply(&to(&case, "good", GOOD_IMAGE, &format!("s3://images/{out}/"))).await.unwrap();
    let first = case.wait("good", "converting", |import| conversion_job(import).is_some()).await;
    let name = conversion_job(&first).unwrap();
    while store.list(&out).await.is_empty() && !has_pod(&case, &name).await {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    case.api::<Job>().delete(&name, &DeleteParams::orphan()).await.unwrap();
    let done = case.wait_for("good", "Ready", "True").await;
    assert_eq!(triple(&done), Triple::of("True/Imported", None, None));

    let [record] = records(&case).await.try_into().expect("one record");
    let [disk] = record.spec.disks.as_slice() else { panic!("{:?}", record.spec.disks) };
    assert_eq!(done.status.unwrap().custom_image_ref, Some(LocalRef { name: record.name_any() }));
    assert_eq!(disk.checksum, checksum(&store.get(key(&disk.url)).await));
    let objects = store.list(&out).await;
    assert!(objects.iter().any(|object| object == key(&disk.url)), "{objects:?}");
    assert!(objects.len() <= 2, "one object a worker: {objects:?}");
}

fn conversion_job(import: &ImageImport) -> Option<String> {
    let conversion = import.status.as_ref()?.disks.first()?.conversion.as_ref()?;
    conversion.job_uid.as_ref().and(conversion.job_name.clone())
}

async fn has_pod(case: &Case, job: &str) -> bool {
    use k8s_openapi::api::core::v1::Pod;
    let selector = ListParams::default().labels(&format!("batch.kubernetes.io/job-name={job}"));
    let pods = case.api::<Pod>().list(&selector).await.unwrap();
    pods.iter().any(|pod| pod.status.as_ref().is_some_and(|s| s.phase.as_deref() != Some("Pending")))
}
