//! Objects that are no disk image, or not to be had: each gets a clear answer, with the offset where there is one.

use image_import::api::{Format, ImageImport, LocalRef};
use serde_json::json;

use super::again::owners_secret;
use super::disks::{PLAIN, Workshop};
use crate::harness::{Case, Triple, check, condition, triple};

/// An object, the one rule it fails, and what that says of it.
struct Bad {
    name: &'static str,
    bytes: Vec<u8>,
    fails: Fails,
    says: &'static [&'static str],
}

/// Id, condition and code of a rule.
type Fails = (&'static str, &'static str, &'static str);
const FORMAT: Fails = ("IMG-01", "ImageFormatAccepted", "InvalidFormatSize");
const TABLE: Fails = ("PAR-01", "PartitionTablePresent", "PartitionNotPresent");
const WHOLE: Fails = ("SRC-10", "UploadComplete", "PartitionNotPresent");

const NO_IMAGE: &str = "which is no disk image";
const TOO_SMALL: &str = "too small for a disk image";
const DAMAGED: &str = "begins as QCOW2 and is damaged";
const NO_TABLE: &str = "the disk has no partition table; seen in LBA 0 at byte 0x1fe";

fn noise(len: u32) -> Vec<u8> {
    (0..len).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[1]).collect()
}

fn bad_objects() -> Vec<Bad> {
    let shop = Workshop::new();
    let image = shop.image();
    let disk = shop.disk("dos", &[shop.system(PLAIN)]);
    let rows: [(_, _, _, &'static [&'static str]); 9] = [
        ("empty", vec![], FORMAT, &["empty"]),
        ("forty-zeros", vec![0; 40], FORMAT, &[TOO_SMALL]),
        ("forty-bytes", image[..40].to_vec(), FORMAT, &[DAMAGED, "at byte 0x28", "upload it again"]),
        ("garbage", noise(100_000), FORMAT, &[TOO_SMALL, "object at byte 0x0", "upload the right file again"]),
        ("archive", [b"PK\x03\x04".as_slice(), &[0; 600]].concat(), FORMAT, &[NO_IMAGE, "Unpack it, then upload"]),
        (
            "truncated",
            image[..image.len() / 2].to_vec(),
            WHOLE,
            &["Incomplete: the object has", "ends at byte", "at byte 0x", "Upload the image again"],
        ),
        // From 1 MiB on, bytes without a signature are a RAW disk, and what is wrong is on it.
        ("raw-garbage", noise(1 << 20), TABLE, &[NO_TABLE]),
        ("raw-zeros", vec![0; 2 << 20], TABLE, &[NO_TABLE]),
        (
            "raw-truncated",
            disk[..1 << 20].to_vec(),
            WHOLE,
            &[
                "Incomplete: the disk has 1048576 bytes",
                "partition 1 of the MBR ends at byte 1081344",
                "Upload the image again",
            ],
        ),
    ];
    rows.into_iter().map(|(name, bytes, fails, says)| Bad { name, bytes, fails, says }).collect()
}

#[tokio::test]
async fn what_is_no_disk_image_is_named_with_its_offset() {
    let case = Case::new("objects").await;
    let store = case.store().await;
    let objects = bad_objects();
    for bad in &objects {
        let key = format!("{}/{}", case.namespace, bad.name);
        store.put(&key, bad.bytes.clone()).await;
        case.apply(&check(bad.name, &key, "tencent-cvm")).await.unwrap();
    }
    let mut wrong = Vec::new();
    for bad in &objects {
        let import = case.settled(bad.name).await;
        let (id, rule, code) = bad.fails;
        if triple(&import) != Triple::of(&format!("False/{code}"), None, Some("True/Rejected")) {
            wrong.push(format!("{}: {:?}", bad.name, triple(&import)));
        }
        let status = import.status.as_ref().unwrap();
        if status.report.as_ref().unwrap().failed != [id] {
            wrong.push(format!("{}: {:?} fail", bad.name, status.report.as_ref().unwrap().failed));
        }
        let size = status.disks[0].source.as_ref().map(|s| s.size_bytes);
        if size != i64::try_from(bad.bytes.len()).ok() {
            wrong.push(format!("{}: size {size:?}", bad.name));
        }
        let message = condition(&import, rule).map(|c| c.message.clone()).unwrap_or_default();
        wrong.extend(
            bad.says
                .iter()
                .filter(|part| !message.contains(**part))
                .map(|part| format!("{}: {part:?} is not in: {message}", bad.name)),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn what_cannot_be_had_is_named_by_the_stores_answer() {
    let case = Case::new("unreached").await;
    owners_secret(&case, "owner", None).await;
    let store = case.store().await;
    let key = format!("{}/good", case.namespace);
    store.put(&key, Workshop::new().image()).await;
    let row = |name: &str, change: &dyn Fn(&mut ImageImport), stalled: &str, says: &'static str| {
        // Alibaba Cloud has no rule about it: what is not there complies with nothing all the same.
        [("tencent-cvm", "InvalidUrl"), ("alibaba-ecs-2020-12", stalled)].map(|(profile, code)| {
            let mut import = check(&format!("{name}-{profile}"), &key, profile);
            change(&mut import);
            (import, Triple::of(&format!("False/{code}"), None, Some(&format!("True/{stalled}"))), says)
        })
    };
    let rows = [
        row("missing", &|import| import.spec.source.url += "-not", "SourceNotFound", "NoSuchKey"),
        row(
            "no-bucket",
            &|import| {
                import.spec.source.url = "s3://nowhere-at-all/disk".into();
                import.spec.source.secret_ref = Some(LocalRef { name: "owner".into() });
            },
            "SourceNotFound",
            "NoSuchBucket",
        ),
        row("anonymous", &|import| import.spec.source.secret_ref = None, "SourceForbidden", "AccessDenied"),
    ];
    let rows: Vec<_> = rows.into_iter().flatten().collect();
    for (import, ..) in &rows {
        case.apply(import).await.unwrap();
    }
    let mut wrong = Vec::new();
    for (import, wanted, says) in &rows {
        let name = import.metadata.name.as_deref().unwrap();
        let found = case.settled(name).await;
        if triple(&found) != *wanted {
            wrong.push(format!("{name}: {:?}, not {wanted:?}", triple(&found)));
        }
        if found.status.as_ref().unwrap().disks.iter().any(|d| d.source.is_some()) {
            wrong.push(format!("{name}: an object that was not reached has no identity"));
        }
        let message = &condition(&found, "Ready").unwrap().message;
        if name.ends_with("tencent-cvm") && !(message.contains(says) && message.contains("HTTP 40")) {
            wrong.push(format!("{name}: {says} is not in: {message}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_declared_format_that_is_right_and_a_raw_disk_pass() {
    let case = Case::new("formats").await;
    let store = case.store().await;
    let shop = Workshop::new();
    let disk = shop.disk("dos", &[shop.system(PLAIN)]);
    let rows = [("RAW", Format::Raw, disk), ("QCOW2", Format::Qcow2, shop.image())];
    for (name, format, bytes) in rows {
        let key = format!("{}/{name}", case.namespace);
        store.put(&key, bytes).await;
        let mut import = check(&name.to_lowercase(), &key, "alibaba-ecs-2020-12");
        import.spec.source.format = Some(format);
        case.apply(&import).await.unwrap();
    }
    for name in ["RAW", "QCOW2"] {
        let good = case.settled(&name.to_lowercase()).await;
        assert_eq!(triple(&good), Triple::of("True/Checked", None, None), "{name}");
        let image = json!(good.status.unwrap().image);
        assert_eq!((&image["format"], &image["operatingSystem"]["id"]), (&json!(name), &json!("debian")));
    }
}
