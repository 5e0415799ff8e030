//! Disks that become larger: sgdisk and QEMU say whether they are what was asked for.

use super::*;
use crate::convert::encode::Compression;

const MIB: usize = 1 << 20;

/// A disk of 64 MiB with a GPT and data in its first partition; the name of its file.
fn disk(dir: &Path) -> PathBuf {
    let file = dir.join("disk.raw");
    std::fs::write(&file, [vec![0; MIB], pattern(3 * MIB), vec![0; 60 * MIB]].concat()).unwrap();
    let script = r"label: gpt\n2048,20M,U,*\n,,L\n";
    let command = format!("PATH=$PATH:/usr/sbin:/sbin; printf '{script}' | sfdisk -q --wipe never {}", text(&file));
    testkit::run("fdisk", "sh", &["-c", &command]);
    file
}

/// An empty disk of so many bytes in a QCOW2.
fn empty(dir: &Path, size: &str) -> Vec<u8> {
    let file = dir.join("empty.qcow2");
    testkit::run("qemu-utils", "qemu-img", &["create", "-q", "-f", "qcow2", text(&file), size]);
    std::fs::read(file).unwrap()
}

fn asking(store: &Minio, image: &[u8], found: Format, gib: i32) -> Job {
    let mut job = job(store, "disk.img", image.len() as u64, "larger.img");
    (job.found, job.existing, job.destination.virtual_size_gib) = (Some(found), Existing::Replaced, Some(gib));
    job
}

#[tokio::test(flavor = "multi_thread")]
async fn a_larger_disk_has_the_same_data_and_its_second_table_at_the_new_end() {
    let Some(store) = Minio::start().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let raw = disk(dir.path());
    let image = std::fs::read(&raw).unwrap();
    let data = image[MIB..63 * MIB].to_vec();
    let qcow2 = Target::qcow2(Compression::Zlib);
    let other = |format, options: &[&str]| std::fs::read(converted(&raw, format, options)).unwrap();
    for (image, found, target, driver) in [
        (image.clone(), Format::Raw, None, "raw"),
        (image, Format::Raw, Some(qcow2), "qcow2"),
        (other("qcow2", &["-c"]), Format::Qcow2, None, "qcow2"),
        (other("vpc", &["-o", "force_size=on"]), Format::Vhd, None, "vpc"),
        (other("vmdk", &[]), Format::Vmdk, Some(qcow2), "qcow2"),
    ] {
        let name = format!("{found:?} to {target:?}");
        store.put("disk.img", image.clone()).await;
        let job = Job { target, ..asking(&store, &image, found, 1) };
        let written = written(write(&job).await.unwrap());
        assert_eq!(written.virtual_size_bytes, Some(1 << 30), "{name}");
        let bytes = store.get("larger.img").await.unwrap();
        assert_eq!((written.bytes, &written.checksum), (bytes.len() as u64, &sha256(&bytes)), "{name}");
        let (file, out) = (dir.path().join("larger"), dir.path().join("larger.raw"));
        std::fs::write(&file, bytes).unwrap();
        let info = testkit::run("qemu-utils", "qemu-img", &["info", "--output=json", "-f", driver, text(&file)]);
        let info: serde_json::Value = serde_json::from_str(&info).unwrap();
        assert_eq!(info["virtual-size"].as_u64(), Some(1 << 30), "{name}");
        testkit::run("qemu-utils", "qemu-img", &["convert", "-f", driver, "-O", "raw", text(&file), text(&out)]);
        let said = testkit::run("gdisk", "sgdisk", &["-v", text(&out)]);
        assert!(said.contains("No problems found"), "{name}: {said}");
        let out = std::fs::read(out).unwrap();
        assert!(out[MIB..63 * MIB] == data, "{name}");
        let added = out[64 * MIB..out.len() - 34 * 512].chunks(MIB).all(|bytes| bytes == vec![0; bytes.len()]);
        assert!(added, "{name}: what is added is empty");
    }
    assert_eq!(store.unfinished_uploads(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fixed_vhd_stays_one() {
    let Some(store) = Minio::start().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let image = converted(&disk(dir.path()), "vpc", &["-o", "force_size=on,subformat=fixed"]);
    let image = std::fs::read(image).unwrap();
    store.put("disk.img", image.clone()).await;
    let written = written(write(&asking(&store, &image, Format::Vhd, 1)).await.unwrap());
    assert_eq!((written.bytes, written.virtual_size_bytes), ((1 << 30) + 512, Some(1 << 30)));
    let bytes = store.get("larger.img").await.unwrap();
    assert_eq!(bytes[bytes.len() - 512..][..8], *b"conectix");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_smaller_disk_is_refused_with_both_sizes_and_an_equal_one_is_copied() {
    let Some(store) = Minio::start().await else { return };
    let dir = tempfile::tempdir().unwrap();
    for (size, gib, refused) in [("2G", 1, true), ("1025M", 1, true), ("1G", 1, false)] {
        let image = empty(dir.path(), size);
        store.put("disk.img", image.clone()).await;
        for target in [None, Some(Target::qcow2(Compression::Zlib))] {
            let job = Job { target, ..asking(&store, &image, Format::Qcow2, gib) };
            let ended = write(&job).await.unwrap();
            if refused {
                let refusal = refusal(ended);
                let bytes = if size == "2G" { 2_u64 << 30 } else { 1025 << 20 };
                assert_eq!(refusal.reason, "ConversionNotSupported");
                assert!(refusal.message.contains(&bytes.to_string()), "{}", refusal.message);
                assert!(refusal.message.contains("1 GiB, which are 1073741824 bytes"), "{}", refusal.message);
                assert!(store.get("larger.img").await.is_none(), "never cut");
            } else {
                let anew = target.map(|_| 1 << 30);
                assert_eq!(written(ended).virtual_size_bytes, anew);
                assert_eq!(store.get("larger.img").await.unwrap() == image, target.is_none());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_format_cannot_hold_is_refused_with_why() {
    let Some(store) = Minio::start().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let image = empty(dir.path(), "1G");
    store.put("disk.img", image.clone()).await;
    let vhd = Some(Target::VhdDynamic { id: [1; 16] });
    let asked = |gib| Job { target: vhd, ..asking(&store, &image, Format::Qcow2, gib) };
    let refused = refusal(write(&asked(2041)).await.unwrap());
    assert_eq!(refused.reason, "ConversionNotSupported");
    assert!(refused.message.contains("a VHD holds 2040 GiB at most"), "{}", refused.message);
    assert_eq!(written(write(&asked(2040)).await.unwrap()).virtual_size_bytes, Some(2040 << 30));
    let vmdk = std::fs::read(converted(&disk(dir.path()), "vmdk", &[])).unwrap();
    store.put("disk.img", vmdk.clone()).await;
    let refused = refusal(write(&asking(&store, &vmdk, Format::Vmdk, 1)).await.unwrap());
    assert_eq!(refused.reason, "ConversionNotSupported");
    assert!(refused.message.contains("`spec.destination.format`"), "{}", refused.message);
    assert_eq!(store.unfinished_uploads(), 0);
}
