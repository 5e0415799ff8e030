//! A good image becomes one object and one record, in few writes.

use image_import::api::{ImageImport, Snapshot, SnapshotState};
use kube::api::PostParams;
use sha2::{Digest, Sha256};

use super::seen::{SeenJobs, SeenWrites};
use super::{disk, no_work_left, out, records, written};
use crate::harness::{BAD_IMAGE, Case, GOOD_IMAGE, Triple, check, condition, import, kubectl, triple};

/// Writes of one import at most, besides its progress.
const WRITES: usize = 12;

#[tokio::test]
async fn a_good_image_becomes_one_object_and_one_record() {
    let case = Case::new("record").await;
    let store = case.store().await;
    let jobs = SeenJobs::start(&case).await;
    let writes = SeenWrites::start(&case, "good").await;
    let good = import("good", GOOD_IMAGE, "tencent-cvm", &out(&case));
    let fresh = case.api::<ImageImport>().create(&PostParams::default(), &good).await.unwrap();
    assert_eq!(fresh.status.unwrap().observed_generation, Some(-1), "nobody takes it for finished");

    let good = case.wait_for("good", "Ready", "True").await;
    assert_eq!(triple(&good), Triple::of("True/Imported", None, None));
    for kind in ["Inspected", "Compliant", "Converted"] {
        assert_eq!(condition(&good, kind).unwrap().status, "True", "{kind}");
    }
    no_work_left(&case).await;
    assert_eq!((jobs.made("inspect"), jobs.made("convert")), (1, 1), "each worker ran once");

    let objects = written(&case, &store).await;
    assert_eq!(objects.len(), 1, "{objects:?}");
    let found = records(&case).await;
    assert_eq!(found.len(), 1, "one record");
    let record = &found[0];
    assert_eq!(
        good.status.as_ref().unwrap().custom_image_ref.as_ref().map(|r| r.name.as_str()),
        record.metadata.name.as_deref()
    );
    let bytes = store.get(&objects[0]).await;
    let spec = &record.spec;
    assert_eq!(spec.disks.len(), 1);
    let copy = &spec.disks[0];
    assert_eq!((copy.name.as_str(), copy.format.as_str()), ("system", "QCOW2"));
    assert_eq!(copy.url, format!("s3://images/{}", objects[0]));
    assert_eq!(
        copy.checksum,
        format!("sha256:{}", hex::encode(Sha256::digest(&bytes))),
        "of the object as it is stored"
    );
    assert_eq!(copy.size_bytes, i64::try_from(bytes.len()).unwrap());
    assert_eq!(copy.virtual_size_bytes, 4 << 30);
    let system = spec.operating_system.as_ref().unwrap();
    assert_eq!((system.id.as_deref(), system.version.as_deref()), (Some("debian"), Some("12")));
    assert_eq!((spec.architecture.as_deref(), spec.profile.as_str()), (Some("x86_64"), "tencent-cvm"));
    assert_eq!(Some(&spec.import_uid), good.metadata.uid.as_ref());
    let from = copy.source.as_ref().unwrap();
    assert_eq!(Some(&from.identity), disk(&good).source.as_ref());
    assert_eq!(from.url, good.spec.source.url);
    let report = good.status.as_ref().unwrap().report.as_ref().unwrap();
    let verdict = spec.verdict.as_ref().unwrap();
    assert_eq!((verdict.counts, &verdict.warned), (report.counts, &report.warned));
    assert_eq!(
        (spec.profile_generation, spec.boot_modes.as_slice()),
        (Some(report.profile_generation), &["BIOS".to_owned()][..])
    );
    let available = Snapshot { state: SnapshotState::Available, size_bytes: Some(from.identity.size_bytes) };
    assert_eq!(record.status.as_ref().unwrap().snapshot, Some(available.clone()), "the record takes it over");
    assert_eq!(good.status.as_ref().unwrap().snapshot, Some(available));
    assert_eq!(spec.content_key.len(), 64, "a SHA-256: {}", spec.content_key);
    assert_eq!(record.metadata.owner_references, None, "the record outlives the request");
    let ready = record.status.as_ref().unwrap().conditions.iter().find(|c| c.type_ == "Ready").unwrap();
    assert_eq!((ready.status.as_str(), ready.reason.as_str()), ("True", "Available"));

    let states = writes.states();
    let count = states.len() - 1;
    println!("{count} writes besides progress");
    assert!(count <= WRITES, "{count} writes: {states:#?}");
    for state in &states[1..] {
        let conditions = state["status"]["conditions"].as_array().unwrap();
        let first = conditions.iter().any(|c| c["type"] == "Ready");
        assert!(first, "`Ready` is in every write, the first too: {state:#}");
    }
}

#[tokio::test]
async fn kubectl_wait_ends_for_good_and_bad_images() {
    let case = Case::new("wait").await;
    case.apply(&check("good", GOOD_IMAGE, "tencent-cvm")).await.unwrap();
    case.apply(&check("bad", BAD_IMAGE, "tencent-cvm")).await.unwrap();
    let wait = |name: &str, kind: &str, seconds: u32| {
        let (object, kind) = (format!("imageimport/{name}"), format!("--for=condition={kind}"));
        let timeout = format!("--timeout={seconds}s");
        let namespace = case.namespace.clone();
        let run = move || kubectl(&["wait", "-n", &namespace, &object, &kind, &timeout]).status.success();
        tokio::task::spawn_blocking(run)
    };
    for (name, kind) in [("good", "Inspected"), ("bad", "Inspected"), ("good", "Ready"), ("good", "VirtioInstalled")] {
        assert!(wait(name, kind, 120).await.unwrap(), "kubectl wait --for=condition={kind} of {name}");
    }
    for kind in ["Stalled", "VirtioInstalled=False", "Ready=False"] {
        assert!(wait("bad", kind, 10).await.unwrap(), "kubectl wait --for=condition={kind} of bad");
    }
    for kind in ["Ready", "VirtioInstalled"] {
        assert!(!wait("bad", kind, 1).await.unwrap(), "a bad image is not {kind}");
    }
}
