//! From bucket to bucket, into another format: qemu-img says whether it is the same disk.

use std::path::Path;
use std::process::Command;

use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use crate::convert::encode::{Compression, Target};
use crate::convert::{Existing, Job, run};
use crate::disk::testkit;
use crate::inspect::wire::Message;
use crate::source::Egress;
use crate::source::testing::{Minio, pattern};

/// A disk of 40 MiB: data that compress, data that do not, holes, and written zeros.
fn disk(dir: &Path, format: &str, options: &[&str]) -> Vec<u8> {
    let (raw, file) = (dir.join("disk.raw"), dir.join("disk.img"));
    let mut bytes = vec![0; 40 << 20];
    bytes[..3 << 20].copy_from_slice(&pattern(3 << 20));
    bytes[9 << 20..21 << 20].fill(7);
    bytes[(40 << 20) - 512..].fill(9);
    std::fs::write(&raw, bytes).unwrap();
    let paths = [raw.to_str().unwrap(), file.to_str().unwrap()];
    testkit::run("qemu-utils", "qemu-img", &[&["convert", "-f", "raw", "-O", format], options, &paths].concat());
    std::fs::read(file).unwrap()
}

fn job(store: &Minio, size: usize, to: &str, target: Target) -> Job {
    Job {
        source: store.source("disk.img"),
        source_credentials: store.credentials(),
        etag: None,
        size: size as u64,
        found: None,
        destination: store.destination(to),
        destination_credentials: store.credentials(),
        egress: Egress::own_machine(),
        existing: Existing::Replaced,
        target: Some(target),
        max_qcow2_bytes: None,
    }
}

#[test]
fn fewer_large_parts_are_on_their_way_than_small_ones() {
    let parts = [8_usize << 20, 16 << 20, 24 << 20, 25 << 20, 105 << 20, 5 << 30, 1, 0];
    assert_eq!(parts.map(super::side_by_side), [3, 3, 2, 1, 1, 1, 3, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_the_same_disk_and_the_checksum_that_of_the_object() {
    let Some(store) = Minio::start().await else { return };
    let dir = tempfile::tempdir().unwrap();
    for (from, options) in [("qcow2", &["-c"][..]), ("vmdk", &["-o", "subformat=streamOptimized"]), ("raw", &[])] {
        let image = disk(dir.path(), from, options);
        store.put("disk.img", image.clone()).await;
        for (target, format, driver) in [
            (Target::Raw, "raw", "raw"),
            (Target::qcow2(Compression::Zlib), "qcow2", "qcow2"),
            (Target::qcow2(Compression::None), "plain", "qcow2"),
            (Target::VhdDynamic { id: [1; 16] }, "vhd", "vpc"),
        ] {
            let to = format!("{from}.{format}");
            let told = std::sync::Mutex::new(Vec::new());
            let tell = |done, total| told.lock().unwrap().push((done, total));
            let ended = run(&job(&store, image.len(), &to, target), &tell, &CancellationToken::new()).await.unwrap();
            let Message::Written(written) = ended else { panic!("{to}: {ended:?}") };
            let bytes = store.get(&to).await.unwrap();
            assert_eq!(written.bytes, bytes.len() as u64, "{to}");
            assert_eq!(written.checksum, format!("sha256:{}", hex::encode(Sha256::digest(&bytes))), "{to}");
            let file = dir.path().join(&to);
            std::fs::write(&file, bytes).unwrap();
            let raw = dir.path().join("disk.raw");
            let args = ["compare", "-f", "raw", "-F", driver];
            let compared = Command::new("qemu-img").args(args).args([&raw, &file]).output().unwrap();
            assert!(compared.status.success(), "{to}: {}", String::from_utf8_lossy(&compared.stdout));
            let told = told.into_inner().unwrap();
            assert_eq!((told.first(), told.last()), (Some(&(0, 40 << 20)), Some(&(40 << 20, 40 << 20))));
        }
    }
    assert_eq!(store.unfinished_uploads(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_or_not_read_is_refused_and_leaves_nothing() {
    let Some(store) = Minio::start().await else { return };
    let dir = tempfile::tempdir().unwrap();
    // Nothing but clusters that shrink, so that what lies in the middle is one of them.
    let clusters = (0..320_u16).flat_map(|number| {
        let piece: Vec<u8> = pattern(8192).iter().map(|byte| byte ^ number.to_le_bytes()[0]).collect();
        [piece.as_slice(); 8].concat()
    });
    let (raw, file) = (dir.path().join("disk.raw"), dir.path().join("disk.img"));
    std::fs::write(&raw, clusters.collect::<Vec<u8>>()).unwrap();
    let paths = [raw.to_str().unwrap(), file.to_str().unwrap()];
    testkit::run("qemu-utils", "qemu-img", &[&["convert", "-c", "-f", "raw", "-O", "qcow2"][..], &paths].concat());
    let mut image = std::fs::read(&file).unwrap();
    let middle = image.len() / 2;
    image[middle..middle + 4096].fill(0xff);
    let refused = |image: Vec<u8>| {
        let store = &store;
        async move {
            store.put("disk.img", image.clone()).await;
            let job = job(store, image.len(), "out.raw", Target::Raw);
            let ended = run(&job, &|_, _| {}, &CancellationToken::new()).await.unwrap();
            let Message::Refused(refusal) = ended else { panic!("{ended:?}") };
            assert!(store.get("out.raw").await.is_none());
            refusal.reason
        }
    };
    assert_eq!(refused(image).await, "SourceCorrupt");
    assert_eq!(refused(b"<html>no disk</html>".to_vec()).await, "ConversionNotSupported");
    assert_eq!(store.unfinished_uploads(), 0);
}
