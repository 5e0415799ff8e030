//! What only a read of the whole image tells, and what comes of it.

use super::*;
use crate::convert::encode::Compression;

/// Pieces of data, zeros that are stored, and a last piece that is not whole: 40 MiB and a sector.
fn disk(dir: &Path) -> PathBuf {
    let file = dir.join("disk.raw");
    let mut bytes = vec![0; (40 << 20) + 512];
    bytes[..100_000].copy_from_slice(&pattern(100_000));
    bytes[9 << 20..(21 << 20) + 7].fill(7);
    *bytes.last_mut().unwrap() = 1;
    std::fs::write(&file, bytes).unwrap();
    file
}

/// What QEMU says that the disk needs as QCOW2, once it has left out what is zeros.
fn measured(raw: &Path) -> u64 {
    let file = converted(raw, "qcow2", &[]);
    let args = ["measure", "--output=json", "-O", "qcow2", "-f", "qcow2", text(&file)];
    let said = testkit::run("qemu-utils", "qemu-img", &args);
    serde_json::from_str::<serde_json::Value>(&said).unwrap()["required"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_with_another_checksum_is_not_published() {
    let Some(store) = Minio::start().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let raw = disk(dir.path());
    let qcow2 = std::fs::read(converted(&raw, "qcow2", &["-c"])).unwrap();
    let raw = std::fs::read(raw).unwrap();
    for (image, target) in [
        (pattern(1000), None),
        (raw.clone(), None),
        (raw, Some(Target::qcow2(Compression::Zlib))),
        (qcow2.clone(), Some(Target::Raw)),
        (qcow2, Some(Target::VhdDynamic { id: [1; 16] })),
    ] {
        store.put("disk.img", image.clone()).await;
        let (is, wanted) = (sha256(&image), sha256(b"another"));
        for existing in [Existing::Refused, Existing::Replaced, Existing::Kept] {
            let mut job = Job { existing, target, ..job(&store, "disk.img", image.len() as u64, "out.img") };
            job.source.checksum = Some(wanted.clone());
            let refusal = refusal(write(&job).await.unwrap());
            assert_eq!(refusal.reason, "ChecksumMismatch", "{target:?}");
            assert!(refusal.message.contains(&is) && refusal.message.contains(&wanted), "{}", refusal.message);
            assert!(refusal.message.len() <= crate::api::conditions::MESSAGE_MAX);
            assert!(store.get("out.img").await.is_none(), "{target:?}");
        }
        let mut job =
            Job { target, existing: Existing::Replaced, ..job(&store, "disk.img", image.len() as u64, "good.img") };
        job.source.checksum = Some(is.to_uppercase().replace("SHA", "sha"));
        assert_eq!(written(write(&job).await.unwrap()).source_checksum, Some(is), "{target:?}");
    }
    assert_eq!(store.unfinished_uploads(), 0);
}

#[tokio::test]
async fn what_lies_at_the_destination_is_checked_too() {
    let Some(store) = Minio::start().await else { return };
    for key in ["disk.img", "out.img"] {
        store.put(key, pattern(1000)).await;
    }
    let mut job = job(&store, "disk.img", 1000, "out.img");
    job.source.checksum = Some(sha256(b"another"));
    assert_eq!(reason(&write(&job).await.unwrap()), "ChecksumMismatch");
    job.source.checksum = Some(sha256(&pattern(1000)));
    assert_eq!(written(write(&job).await.unwrap()).source_checksum, job.source.checksum);
    job.source.checksum = Some("sha256:short".into());
    assert_eq!(write(&job).await.unwrap_err().kind, ErrorKind::Unsupported);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_size_as_qcow2_is_counted_and_what_is_too_large_is_not_published() {
    let Some(store) = Minio::start().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let raw = disk(dir.path());
    let exact = measured(&raw);
    let fixed = converted(&raw, "vpc", &["-o", "force_size=on,subformat=fixed"]);
    for (file, found, target) in [
        (raw.clone(), Format::Raw, None),
        (fixed, Format::Vhd, None),
        (raw.clone(), Format::Raw, Some(Target::qcow2(Compression::Zstd))),
        (converted(&raw, "qcow2", &["-c"]), Format::Qcow2, Some(Target::Raw)),
        (converted(&raw, "vmdk", &[]), Format::Vmdk, Some(Target::qcow2(Compression::None))),
    ] {
        let image = std::fs::read(file).unwrap();
        store.put("disk.img", image.clone()).await;
        let job = Job {
            target,
            found: Some(found),
            existing: Existing::Replaced,
            max_qcow2_bytes: Some(exact - 1),
            ..job(&store, "disk.img", image.len() as u64, "out.img")
        };
        let refusal = refusal(write(&job).await.unwrap());
        assert_eq!(refusal.reason, "ImageTooLarge", "{found:?} to {target:?}");
        assert!(refusal.message.contains(&exact.to_string()), "{}", refusal.message);
        assert!(store.get("out.img").await.is_none(), "{found:?} to {target:?}");
        for max_qcow2_bytes in [Some(exact), None] {
            let job = Job { max_qcow2_bytes, destination: store.destination("fits.img"), ..job.clone() };
            let written = written(write(&job).await.unwrap());
            assert_eq!(written.qcow2_bytes, Some(exact), "{found:?} to {target:?}");
        }
    }
    assert_eq!(store.unfinished_uploads(), 0);
}
