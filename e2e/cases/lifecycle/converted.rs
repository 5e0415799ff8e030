//! An image that is asked for in another format or size is written so, and is the same disk; another object is not.

use std::process::Command;

use image_import::api::Format;
use sha2::{Digest, Sha256};

use super::{no_work_left, out, records, written};
use crate::harness::{Case, GOOD_IMAGE, Triple, condition, import, triple};

#[tokio::test]
async fn an_image_is_written_in_the_format_that_is_asked_for() {
    let case = Case::new("convert").await;
    let store = case.store().await;
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source.qcow2");
    std::fs::write(&source, store.get(GOOD_IMAGE).await).unwrap();
    let mut wanted = import("vhd", GOOD_IMAGE, "tencent-cvm", &out(&case));
    wanted.spec.destination.as_mut().unwrap().format = Some(Format::Vhd);
    case.apply(&wanted).await.unwrap();
    let done = case.wait_for("vhd", "Ready", "True").await;
    assert_eq!(triple(&done), Triple::of("True/Imported", None, None));

    let records = records(&case).await;
    let disk = &records[0].spec.disks[0];
    assert_eq!((disk.format.as_str(), disk.virtual_size_bytes), ("VHD", 4 << 30));
    let key = disk.url.strip_prefix("s3://images/").unwrap();
    assert_eq!(std::path::Path::new(key).extension(), Some("vhd".as_ref()), "{key}");
    let bytes = store.get(key).await;
    assert_eq!(disk.size_bytes, i64::try_from(bytes.len()).unwrap());
    assert_eq!(
        disk.checksum,
        format!("sha256:{}", hex::encode(Sha256::digest(&bytes))),
        "of the object as it is stored"
    );
    let file = dir.path().join("disk.vhd");
    std::fs::write(&file, bytes).unwrap();
    let same = Command::new("qemu-img").args(["compare", "-f", "qcow2", "-F", "vpc"]).args([&source, &file]).output();
    let same = same.expect("install the Debian package qemu-utils");
    assert!(same.status.success(), "{}", String::from_utf8_lossy(&same.stdout));
    no_work_left(&case).await;
    assert_eq!((written(&case, &store).await.len(), records.len()), (1, 1));
}

#[tokio::test]
async fn a_larger_disk_is_written_and_an_object_with_another_checksum_is_not() {
    let case = Case::new("larger").await;
    let store = case.store().await;
    let is = format!("sha256:{}", hex::encode(Sha256::digest(store.get(GOOD_IMAGE).await)));
    let mut wanted = import("larger", GOOD_IMAGE, "tencent-cvm", &out(&case));
    wanted.spec.source.checksum = Some(is.clone());
    wanted.spec.destination.as_mut().unwrap().virtual_size_gib = Some(5);
    case.apply(&wanted).await.unwrap();
    let done = case.wait_for("larger", "Ready", "True").await;
    assert_eq!(triple(&done), Triple::of("True/Imported", None, None));
    let disk = &records(&case).await[0].spec.disks[0];
    assert_eq!((disk.format.as_str(), disk.virtual_size_bytes), ("QCOW2", 5 << 30));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, store.get(disk.url.strip_prefix("s3://images/").unwrap()).await).unwrap();
    let info = Command::new("qemu-img").args(["info", "--output=json"]).arg(file.path()).output().unwrap();
    let info: serde_json::Value = serde_json::from_slice(&info.stdout).unwrap();
    assert_eq!(info["virtual-size"].as_u64(), Some(5 << 30));

    let mut other = import("other", GOOD_IMAGE, "tencent-cvm", &out(&case));
    other.spec.source.checksum = Some(format!("sha256:{}", "0".repeat(64)));
    case.apply(&other).await.unwrap();
    let refused = case.wait_for("other", "Stalled", "True").await;
    assert_eq!(triple(&refused), Triple::of("False/ChecksumMismatch", None, Some("True/ChecksumMismatch")));
    assert!(condition(&refused, "Ready").unwrap().message.contains(&is), "the message has both digests");
    no_work_left(&case).await;
    assert_eq!((written(&case, &store).await.len(), records(&case).await.len()), (1, 1));
}
