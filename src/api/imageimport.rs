//! `ImageImport`: one request to judge a disk image, and to import it when it complies.

use clap::ValueEnum;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::customimage::DeletionPolicy;
use super::disks::DataDisk;
use super::notification::Notification;
use super::status::ImageImportStatus;

/// A disk image in a bucket, the cloud whose import rules it is judged against, and where a compliant image goes.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Default)]
#[kube(
    group = "imageimport.dev",
    version = "v1alpha1",
    kind = "ImageImport",
    namespaced,
    shortname = "imgimport",
    category = "images",
    status = "ImageImportStatus",
    derive = "PartialEq",
    selectable = ".spec.profileRef.name",
    doc = "A request: judge a disk image in a bucket against a cloud's import rules, and import it when it complies.",
    printcolumn(name = "PROFILE", type_ = "string", json_path = ".spec.profileRef.name"),
    printcolumn(name = "READY", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "REASON", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(name = "IMAGE", type_ = "string", json_path = ".status.customImageRef.name"),
    printcolumn(name = "FORMAT", type_ = "string", priority = 1, json_path = ".status.image.format"),
    printcolumn(name = "OS", type_ = "string", priority = 1, json_path = ".status.image.operatingSystem.prettyName"),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct ImageImportSpec {
    /// The object to import: the image of the system disk.
    pub source: Source,
    /// Images of data disks. They are read, and written, with the system disk's: all of them, or none.
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data_disks: Vec<DataDisk>,
    /// The ImportProfile whose rules are applied.
    pub profile_ref: LocalRef,
    /// What is asked of the image; what was found is in `status.image`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageRequest>,
    /// Where a compliant image is written. Without it the image is only checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<Destination>,
    /// Name of the CustomImage that records the result. Default: the import's name and a hash of source and destination.
    #[schemars(length(max = 63))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_image_name: Option<String>,
    /// What becomes of the stored object when its CustomImage is deleted.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// Rules that may fail without stopping the import, each with the reason.
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["rule"]))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<Waiver>,
    /// No new work is started while true; a running worker is stopped.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspend: bool,
    /// Ends the import for good, whatever it is doing: a worker is stopped, and takes back what it has uploaded. What is
    /// imported or checked already stays so. It cannot be taken back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cancel: bool,
    /// Seconds that each worker may take, the one that reads and the one that copies. Default, and most: the operator's.
    #[schemars(range(min = 60))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_seconds: Option<i32>,
    /// Who is told how the import ended. May be changed at any time. Default: the operator's.
    #[schemars(length(max = 4), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["url"]))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notifications: Vec<Notification>,
}

/// An object in a bucket and how to reach it.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// `s3://bucket/key`, `oss://bucket/key` (Alibaba Cloud), `cos://bucket/key` (Tencent Cloud), or an `https://` address
    /// without query or user information; on a host of OSS or COS that is the object of the bucket.
    #[schemars(length(max = 2048))]
    pub url: String,
    /// The declared format; a wrong one is a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// SHA-256 of the object: `sha256:` and 64 hexadecimal digits. It is verified while the image is written to its
    /// destination, and nothing is published that differs; without a destination it is not verified.
    #[schemars(length(max = 71))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    /// Region of the bucket. Default: the one in the host's name, else `us-east-1`; `oss://` and `cos://` need it or an
    /// `endpoint`.
    #[schemars(length(max = 64))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Address of an S3-compatible store, such as `https://minio.storage.svc:9000`. Default: Amazon S3 in `region`.
    #[schemars(length(max = 300))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// How the bucket is addressed. Default: `Path` with an `endpoint`, else `VirtualHosted`.
    #[schemars(with = "Addressing")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addressing: Option<Addressing>,
    /// Secret of this namespace with keys `accessKeyID`, `secretAccessKey` and, for temporary credentials, `sessionToken`.
    /// Without it requests are anonymous.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalRef>,
}

/// Image formats, as the clouds' APIs spell them.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is its own name; a doc comment would change the schema")]
pub enum Format {
    #[serde(rename = "RAW")]
    Raw,
    #[serde(rename = "QCOW2")]
    Qcow2,
    #[serde(rename = "VHD")]
    Vhd,
    #[serde(rename = "VMDK")]
    Vmdk,
}

impl ImageImport {
    /// The value of the annotation [`REQUESTED_AT`](super::REQUESTED_AT), at most as long as the status can repeat it.
    pub fn requested_at(&self) -> Option<String> {
        let value = self.metadata.annotations.as_ref()?.get(super::REQUESTED_AT)?;
        Some(value.chars().take(256).collect())
    }
}

impl Format {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Raw, Self::Qcow2, Self::Vhd, Self::Vmdk];

    /// The name as the clouds' APIs spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "RAW",
            Self::Qcow2 => "QCOW2",
            Self::Vhd => "VHD",
            Self::Vmdk => "VMDK",
        }
    }
}

/// How the clusters of a QCOW2 are compressed.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// Default: every program that reads QCOW2 reads it.
    Zlib,
    /// Packed faster and read faster; needs QEMU 5.1 or later where the image is used.
    Zstd,
}

/// How an S3-compatible store expects the bucket to be named.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addressing {
    /// `https://bucket.host/key`.
    VirtualHosted,
    /// `https://host/bucket/key`.
    Path,
}

/// The name of an object in the same namespace, or of a cluster-scoped one.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq, Default)]
pub struct LocalRef {
    /// Name of the object.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// What is asked of the image: the fields of the cloud's import form.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct ImageRequest {
    /// Region of the cloud in which the image shall be: `cn-hangzhou`, `ap-guangzhou`.
    #[schemars(length(max = 64))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Name that the image shall have in the cloud's list of images; not the name of any object here.
    #[schemars(length(max = 128))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the cloud's list shall say of the image beside its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Family of the system. One on a platform for unlisted systems is `Linux`.
    #[schemars(with = "OsType")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os_type: Option<OsType>,
    /// The platform as the cloud's form names it: `CentOS`, `Others Linux`, `Customized Linux`, ...
    #[schemars(length(max = 64))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Machine that the system is made for.
    #[schemars(with = "Architecture")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<Architecture>,
    /// Size of the system disk of instances that start from the image, in GiB.
    #[schemars(range(min = 1))]
    #[serde(default, rename = "systemDiskSizeGiB", skip_serializing_if = "Option::is_none")]
    pub system_disk_size_gib: Option<i32>,
    /// Tencent Cloud's forced import: a missing cloud-init is only advised against.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
    /// Secret of this namespace whose key `password` is the password that root has or shall have. Only the worker reads it,
    /// and tells only whether the cloud would accept it. A changed Secret is read when a new reading is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_secret_ref: Option<LocalRef>,
    /// The password is tried against the hash of root's in the image, too, unless the hash makes that too costly.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub compare_password: bool,
    /// What was settled with the cloud beforehand, and no byte of the image shows.
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "set"))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acknowledgements: Vec<Acknowledgement>,
}

/// Families of systems, as the clouds' APIs spell them.
#[derive(Serialize, Deserialize, JsonSchema, ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
#[clap(rename_all = "verbatim")]
pub enum OsType {
    /// Linux, and what the documents list beside it.
    Linux,
    /// Microsoft Windows.
    Windows,
}

/// Machines, as the clouds' APIs spell them.
#[derive(Serialize, Deserialize, JsonSchema, ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
#[allow(non_camel_case_types, reason = "the API's spelling")]
#[clap(rename_all = "verbatim")]
pub enum Architecture {
    /// 64 bit.
    x86_64,
    /// 32 bit.
    i386,
}

impl Architecture {
    /// The name as the clouds' APIs spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::x86_64 => "x86_64",
            Self::i386 => "i386",
        }
    }
}

/// Something that was settled with the cloud beforehand.
#[derive(Serialize, Deserialize, JsonSchema, ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
#[clap(rename_all = "verbatim")]
pub enum Acknowledgement {
    /// A ticket allows QCOW2.
    Qcow2Ticket,
    /// A ticket confirms the platform `Others Linux`.
    OthersLinuxTicket,
    /// A ticket was filed for a system that was developed from the Linux kernel.
    CustomKernelTicket,
    /// The account has the role with which the cloud reads the bucket.
    ImportRole,
}

/// Where a compliant image is written.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct Destination {
    /// `s3://bucket/prefix/`, or `oss://`, `cos://`: a name of its own is added. Without the trailing slash: the object itself, which must not exist;
    /// there is room for one disk.
    #[schemars(length(max = 2048))]
    pub url: String,
    /// Format of the written image: `RAW`, `QCOW2` or `VHD`. Default: the source's, and the object as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// How a QCOW2 that is written anew is compressed. An object that stays as it is keeps what it has.
    #[schemars(with = "Compression")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compression: Option<Compression>,
    /// Size of the written system disk in GiB, where that is more than the image's: what is added is empty, and the second
    /// partition table of a GPT moves to the new end. A disk is never made smaller.
    #[schemars(range(min = 1))]
    #[serde(default, rename = "virtualSizeGiB", skip_serializing_if = "Option::is_none")]
    pub virtual_size_gib: Option<i32>,
    /// As in `source`.
    #[schemars(length(max = 64))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// As in `source`.
    #[schemars(length(max = 300))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// As in `source`.
    #[schemars(with = "Addressing")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addressing: Option<Addressing>,
    /// Secret of this namespace, with keys as in `source`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalRef>,
}

/// A rule that may fail without stopping the import.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Waiver {
    /// Name of the rule: `Ext4Without64Bit`.
    #[schemars(length(max = 64))]
    pub rule: String,
    /// Why it may fail, for whoever audits the import.
    pub justification: String,
    /// From when on the waiver no longer counts: `2027-01-01T00:00:00Z`.
    // The API server takes other spellings of a time too, and not all of them can be read.
    #[schemars(extend("pattern" = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration_time: Option<Time>,
}

impl Waiver {
    /// When it expired, if it had at `now`.
    pub fn expired(&self, now: jiff::Timestamp) -> Option<jiff::Timestamp> {
        self.expiration_time.as_ref().map(|end| end.0).filter(|end| *end <= now)
    }
}
