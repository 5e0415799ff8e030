//! Each rule, failed by a small disk: its condition is False with the cloud's code, and says what, where, and how to mend.

mod alone;
mod spoilt;
mod windows;

use std::collections::BTreeMap;

use image_import::api::{Format, ImageImport, ImageRequest, LocalRef};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ListParams, PostParams};
use serde_json::json;

use super::disks::{PLAIN, ROOT, Workshop};
use crate::harness::{Case, Store, Triple, check, condition, triple};

const TENCENT: &str = "tencent-cvm";
const ALIBABA: &str = "alibaba-ecs-2020-12";

/// An object, the profile it is held against, and what must be said of it.
struct Row {
    /// Catalogue id of the rule, which is also the name of import and object.
    id: &'static str,
    profile: &'static str,
    /// The object; nothing is uploaded without one.
    object: Option<Vec<u8>>,
    rule: &'static str,
    code: &'static str,
    /// Parts of the message: what, where, how to mend.
    says: [&'static str; 3],
    /// Ids of all rules that fail.
    failed: &'static [&'static str],
    change: fn(&mut ImageImport),
}

impl Row {
    fn import(&self, folder: &str) -> ImageImport {
        let mut import = check(&self.name(), &self.key(folder), self.profile);
        (self.change)(&mut import);
        import
    }

    fn name(&self) -> String {
        self.id.to_lowercase()
    }

    fn key(&self, folder: &str) -> String {
        format!("{folder}/{}", self.name())
    }

    fn triple(&self) -> Triple {
        match self.id {
            "SRC-02" => Triple::of("False/InvalidUrl", None, Some("True/SourceForbidden")),
            "SRC-06" => Triple::of("False/InvalidUrl", None, Some("True/SourceNotFound")),
            // A cloud that only warns takes the image.
            "SVC-02" | "IMG-04" => Triple::of("True/Checked", None, None),
            _ => Triple::of(&format!("False/{}", self.first_code()), None, Some("True/Rejected")),
        }
    }

    /// Code of the first rule that fails, which is not always the one the disk was made for.
    fn first_code(&self) -> &str {
        if self.failed.first() == Some(&self.id) { self.code } else { "MultipleLinuxPartitions" }
    }
}

fn as_it_is(_: &mut ImageImport) {}

fn ask_for_gib(import: &mut ImageImport, gib: i32) {
    import.spec.image = Some(ImageRequest { system_disk_size_gib: Some(gib), ..ImageRequest::default() });
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn source_and_container() -> Vec<Row> {
    let shop = Workshop::new();
    let good = shop.disk("dos", &[shop.system(PLAIN)]);
    let row = |id, profile, rule, code, says, object: Option<Vec<u8>>, change| Row {
        id,
        profile,
        object,
        rule,
        code,
        says,
        failed: match id {
            "SRC-02" => &["SRC-02"],
            "SRC-06" => &["SRC-06"],
            "IMG-01" => &["IMG-01"],
            "IMG-02" => &["IMG-02"],
            "IMG-05" => &["IMG-05"],
            "IMG-07" => &["IMG-07"],
            "SIZ-01" => &["SIZ-01"],
            "SIZ-03" => &["SIZ-03"],
            "SIZ-04" => &["SIZ-04"],
            other => panic!("{other}"),
        },
        change,
    };
    vec![
        row(
            "SRC-02",
            TENCENT,
            "SourceReadable",
            "InvalidUrl",
            ["HTTP 403 \"SignatureDoesNotMatch\"", "s3://images/", "COS link"],
            Some(shop.image()),
            |import| import.spec.source.secret_ref = Some(LocalRef { name: "wrong".into() }),
        ),
        row(
            "SRC-06",
            TENCENT,
            "SourcePresent",
            "InvalidUrl",
            ["HTTP 404 \"NoSuchKey\"", "s3://images/", "COS link"],
            None,
            as_it_is,
        ),
        row(
            "IMG-01",
            ALIBABA,
            "ImageFormatAccepted",
            "ImageFormatNotSupported",
            ["the object is VMDK; accepted: RAW, QCOW2, VHD", "object", "`qemu-img convert -p -O qcow2"],
            Some(shop.convert(&good, "vmdk", None)),
            as_it_is,
        ),
        row(
            "IMG-02",
            ALIBABA,
            "NotIsoImage",
            "IsoImageNotSupported",
            ["the object is an ISO image", "object", "install the system on an empty disk"],
            Some(shop.iso()),
            as_it_is,
        ),
        row(
            "IMG-05",
            ALIBABA,
            "DeclaredFormatMatches",
            "DeclaredFormatMismatch",
            ["declared as \"VHD\", found QCOW2", "object", "Set spec.source.format to QCOW2"],
            Some(shop.image()),
            |import| import.spec.source.format = Some(Format::Vhd),
        ),
        row(
            "IMG-07",
            ALIBABA,
            "ImageSelfContained",
            "UnsafeImageReference",
            ["the QCOW2 header names: backing file", "container header", "qemu-img convert"],
            Some(shop.overlay()),
            as_it_is,
        ),
        row(
            "SIZ-01",
            TENCENT,
            "VirtualSizeWithinLimit",
            "InvalidFormatSize",
            ["virtual size 600 GiB", "QCOW2 header", "qemu-img resize --shrink IMAGE 500G"],
            Some(shop.convert(&good, "qcow2", Some("600G"))),
            as_it_is,
        ),
        row(
            "SIZ-03",
            ALIBABA,
            "SystemDiskSizeInRange",
            "SystemDiskSizeOutOfRange",
            [
                "system disk of 20 GiB (asked for); the range is 40 to 500 GiB",
                "spec.image.systemDiskSizeGiB",
                "Set spec.image.systemDiskSizeGiB to 40 to 500",
            ],
            Some(shop.image()),
            |import| ask_for_gib(import, 20),
        ),
        row(
            "SIZ-04",
            ALIBABA,
            "SystemDiskHoldsImage",
            "SystemDiskSmallerThanImage",
            [
                "virtual size 60 GiB (64424509440 bytes), system disk 50 GiB",
                "QCOW2 header",
                "Set spec.image.systemDiskSizeGiB to at least 60",
            ],
            Some(shop.convert(&good, "qcow2", Some("60G"))),
            |import| ask_for_gib(import, 50),
        ),
    ]
}

fn partitions_and_filesystems() -> Vec<Row> {
    let shop = Workshop::new();
    let root = shop.system(PLAIN);
    let data = shop.files(&[("srv/photo.jpg", "a cat")]);
    let row = |id, profile, rule, code, says, object: Vec<u8>, failed| Row {
        id,
        profile,
        object: Some(shop.convert(&object, "qcow2", None)),
        rule,
        code,
        says,
        failed,
        change: as_it_is,
    };
    let (fat, fat_uuid) = shop.fat();
    shop.write("etc/fstab", format!("UUID={ROOT} / ext4 defaults 0 1\nUUID={fat_uuid} /srv vfat defaults 0 2\n"));
    let mounts_fat = shop.system(PLAIN);
    shop.write(
        "etc/fstab",
        format!("UUID={ROOT} / ext4 defaults 0 1\nUUID=99999999-2222-3333-4444-555555555555 /srv ext4 defaults 0 2\n"),
    );
    let mounts_data = shop.system(PLAIN);
    vec![
        row(
            "PAR-01",
            TENCENT,
            "PartitionTablePresent",
            "PartitionNotPresent",
            ["\"ext4\" begins at byte 0: this is the image of a partition", "LBA 0", "To mend it: "],
            root.clone(),
            &["PAR-01"],
        ),
        row(
            "PAR-02",
            TENCENT,
            "RootPartitionFound",
            "RootPartitionNotFound",
            ["UploadedDataDisk", "seen in p1", "Make the image of the disk the system starts from."],
            shop.disk("dos", std::slice::from_ref(&data)),
            &["PAR-02"],
        ),
        row(
            "PAR-03",
            TENCENT,
            "MbrPartitionTable",
            "GptPartitionNotSupported",
            ["GPT with 1 partition(s); accepted: MBR", "GPT header", "sgdisk"],
            shop.disk("gpt", std::slice::from_ref(&root)),
            &["PAR-03"],
        ),
        row(
            "PAR-05",
            ALIBABA,
            "SingleRootPartition",
            "MultipleLinuxPartitions",
            ["besides the root p1 the system mounts p2", "/srv", "delete its line in `/etc/fstab`"],
            shop.disk("dos", &[mounts_data, data]),
            &["PAR-05"],
        ),
        row(
            "FS-01",
            ALIBABA,
            "FileSystemAccepted",
            "FileSystemNotSupported",
            ["is vfat; accepted: xfs, ext3, ext4", "p2 on \"/srv\"", "To mend it: "],
            shop.disk("dos", &[mounts_fat, fat]),
            &["PAR-05", "FS-01"],
        ),
        row(
            "FS-02",
            ALIBABA,
            "Ext4Without64Bit",
            "Ext4Feature64bit",
            ["has the feature 64bit", "p1 superblock", "resize2fs -s"],
            shop.disk("dos", &[with_features("^has_journal,64bit,^metadata_csum,^resize_inode")]),
            &["FS-02"],
        ),
        row(
            "FS-03",
            ALIBABA,
            "Ext4WithoutProjectQuota",
            "Ext4ProjectAndQuota",
            ["has the features project and quota together", "p1 superblock", "tune2fs -O ^project,^quota"],
            shop.disk("dos", &[with_features(&format!("{PLAIN},project,quota"))]),
            &["FS-03"],
        ),
    ]
}

fn with_features(features: &str) -> Vec<u8> {
    Workshop::new().system(features)
}

fn systems() -> Vec<Row> {
    let row = |id, profile, rule, code, says, failed, change: &dyn Fn(&Workshop)| {
        let shop = Workshop::new();
        change(&shop);
        Row { id, profile, object: Some(shop.image()), rule, code, says, failed, change: as_it_is }
    };
    vec![
        row(
            "OS-01",
            TENCENT,
            "OsVersionAccepted",
            "OsVersionNotSupported",
            ["is not listed", "/etc/os-release", "Reinstall the guest with a listed system"],
            &["OS-01"],
            &|shop| shop.write("etc/os-release", "ID=arch\nPRETTY_NAME=\"Arch Linux\"\n"),
        ),
        row(
            "LNX-03",
            ALIBABA,
            "BootEntryResolvable",
            "GrubMenuLstInvalid",
            ["with its virtio driver the disk is /dev/vda", "/boot/extlinux/extlinux.conf:2", "write root=UUID="],
            &["LNX-03"],
            &|shop| {
                shop.write(
                    "boot/extlinux/extlinux.conf",
                    "DEFAULT linux\nLABEL linux\n LINUX /boot/vmlinuz-4.19.0\n APPEND root=/dev/sda1 ro\n",
                );
            },
        ),
        row(
            "LNX-04",
            ALIBABA,
            "FstabResolvable",
            "FstabInvalid",
            ["in no partition or volume of the image", "line 2", "Remove line 2 of /etc/fstab"],
            &["LNX-04"],
            &|shop| {
                shop.write(
                    "etc/fstab",
                    format!("UUID={ROOT} / ext4 defaults 0 1\nUUID=aaaa-bbbb /data xfs defaults 0 2\n"),
                );
            },
        ),
        row(
            "DRV-01",
            TENCENT,
            "VirtioInstalled",
            "VirtioNotInstall",
            ["virtio_blk is neither built in nor a module", "/boot/", "update-initramfs"],
            &["DRV-01"],
            &|shop| {
                shop.write("boot/config-4.19.0", "# CONFIG_VIRTIO is not set\n# CONFIG_VIRTIO_PCI is not set\n# CONFIG_VIRTIO_BLK is not set\n# CONFIG_VIRTIO_NET is not set\n");
            },
        ),
        row(
            "SVC-01",
            TENCENT,
            "CloudInitInstalled",
            "CloudInitNotInstalled",
            ["cloud-init is not installed", "", "apt-get install cloud-init"],
            &["SVC-01"],
            &|shop| shop.remove("var/lib/dpkg/status"),
        ),
        row(
            "SVC-02",
            TENCENT,
            "CloudInitDatasourceSet",
            "CloudInitDatasource",
            [
                "the datasource list is [None]",
                "/etc/cloud/cloud.cfg.d/90_none.cfg",
                "datasource_list: [ ConfigDrive, None ]",
            ],
            &[],
            &|shop| shop.write("etc/cloud/cloud.cfg.d/90_none.cfg", "datasource_list: [ None ]\n"),
        ),
    ]
}

/// A Secret whose key the store does not know.
async fn wrong_secret(case: &Case) {
    let right: Secret = case.api().get("bucket-reader").await.unwrap();
    let id = String::from_utf8(right.data.unwrap()["accessKeyID"].0.clone()).unwrap();
    let wrong =
        json!({"metadata": {"name": "wrong"}, "stringData": {"accessKeyID": id, "secretAccessKey": "not-the-secret"}});
    case.api::<Secret>().create(&PostParams::default(), &serde_json::from_value(wrong).unwrap()).await.unwrap();
}

/// All that is wrong with what was said of one row.
fn wrong(row: &Row, import: &ImageImport) -> Vec<String> {
    let mut wrong = Vec::new();
    if triple(import) != row.triple() {
        wrong.push(format!("{:?}, not {:?}", triple(import), row.triple()));
    }
    let failed = import.status.as_ref().and_then(|s| s.report.as_ref()).map(|r| r.failed.clone()).unwrap_or_default();
    if failed != row.failed {
        wrong.push(format!("failed: {failed:?}, not {:?}", row.failed));
    }
    match condition(import, row.rule) {
        None => wrong.push(format!("no condition {}", row.rule)),
        Some(found) => {
            if (found.status.as_str(), found.reason.as_str()) != ("False", row.code) {
                wrong.push(format!("{}/{}, not False/{}", found.status, found.reason, row.code));
            }
            wrong.extend(
                row.says
                    .iter()
                    .filter(|part| !found.message.contains(**part))
                    .map(|part| format!("{part:?} is not in: {}", found.message)),
            );
        }
    }
    for name in ["Inspected", "Compliant"] {
        let wanted = if name == "Compliant" && !row.failed.is_empty() { "False" } else { "True" };
        if condition(import, name).is_none_or(|c| c.status != wanted) {
            wrong.push(format!("{name} is {:?}", condition(import, name)));
        }
    }
    wrong.into_iter().map(|what| format!("{}: {what}", row.id)).collect()
}

/// Every disk that fails a rule.
fn all_rows() -> Vec<Row> {
    [source_and_container(), partitions_and_filesystems(), systems(), spoilt::rows(), windows::rows()]
        .into_iter()
        .flatten()
        .collect()
}

async fn every_row_is_told(case: &Case, store: &Store, rows: Vec<Row>) {
    for row in &rows {
        if let Some(object) = &row.object {
            store.put(&row.key(&case.namespace), object.clone()).await;
        }
        case.apply(&row.import(&case.namespace)).await.unwrap();
    }
    let mut wrongs = Vec::new();
    let mut sizes = BTreeMap::new();
    for row in &rows {
        let import = case.settled(&row.name()).await;
        wrongs.extend(wrong(row, &import));
        let facts = import.status.unwrap().disks.into_iter().find_map(|disk| disk.inspection?.facts);
        sizes.insert(row.id, facts.map_or(0, |facts| facts.len()));
    }
    eprintln!("bytes of each facts message: {sizes:?}");
    if sizes.values().any(|size| !(1..=3000).contains(size)) {
        wrongs.push(format!("a facts message is missing or too long: {sizes:?}"));
    }
    // A Job goes right after the status is written.
    let mut left = usize::MAX;
    for _ in 0..40 {
        let jobs = case.api::<Job>().list(&ListParams::default()).await.unwrap();
        left = jobs.iter().filter(|job| job.metadata.deletion_timestamp.is_none()).count();
        if left == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    }
    if left > 0 {
        wrongs.push(format!("{left} Jobs are left"));
    }
    assert!(wrongs.is_empty(), "{}", wrongs.join("\n"));
}

#[tokio::test]
async fn faults_of_object_and_container_are_named() {
    let case = Case::new("faults-object").await;
    wrong_secret(&case).await;
    every_row_is_told(&case, &case.store().await, source_and_container()).await;
}

#[tokio::test]
async fn faults_of_partitions_and_filesystems_are_named() {
    let case = Case::new("faults-disk").await;
    every_row_is_told(&case, &case.store().await, partitions_and_filesystems()).await;
}

#[tokio::test]
async fn faults_of_size_and_health_are_named() {
    let case = Case::new("faults-health").await;
    every_row_is_told(&case, &case.store().await, spoilt::rows()).await;
}

#[tokio::test]
async fn faults_of_a_windows_disk_are_named() {
    let case = Case::new("faults-windows").await;
    every_row_is_told(&case, &case.store().await, windows::rows()).await;
}

#[tokio::test]
async fn faults_of_the_system_are_named() {
    let case = Case::new("faults-system").await;
    every_row_is_told(&case, &case.store().await, systems()).await;
}
