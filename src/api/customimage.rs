//! `CustomImage`: the record of an image that was imported.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::imageimport::{Addressing, LocalRef};
use super::status::{Deletion, RuleCounts, Snapshot, SourceIdentity};

/// An image in the store that passed its profile's rules. Made once, by the operator; its spec never changes.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[kube(
    group = "imageimport.dev",
    version = "v1alpha1",
    kind = "CustomImage",
    namespaced,
    shortname = "cimg",
    category = "images",
    status = "CustomImageStatus",
    derive = "PartialEq",
    doc = "The record of an imported image: which objects it is, what is on them, whose rules it passed.",
    printcolumn(name = "OS", type_ = "string", json_path = ".spec.operatingSystem.prettyName"),
    printcolumn(name = "ARCH", type_ = "string", json_path = ".spec.architecture"),
    printcolumn(name = "BOOT", type_ = "string", json_path = ".spec.bootModes"),
    printcolumn(name = "FORMAT", type_ = "string", json_path = ".spec.disks[0].format"),
    printcolumn(name = "PROFILE", type_ = "string", json_path = ".spec.profile"),
    printcolumn(name = "READY", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "URL", type_ = "string", priority = 1, json_path = ".spec.disks[0].url"),
    printcolumn(name = "CHECKSUM", type_ = "string", priority = 1, json_path = ".spec.disks[0].checksum"),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct CustomImageSpec {
    /// The disks, the system disk first, and at most 16 data disks.
    #[schemars(length(min = 1, max = 17), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub disks: Vec<ImportedDisk>,
    /// The operating system on the system disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operating_system: Option<crate::report::OperatingSystem>,
    /// The platform that was declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Machine of the guest's programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// The firmwares that find a boot loader on the system disk: `BIOS`, `UEFI`.
    #[schemars(length(max = 4))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub boot_modes: Vec<String>,
    /// Size of the system disk of instances, as asked for.
    #[serde(default, rename = "systemDiskSizeGiB", skip_serializing_if = "Option::is_none")]
    pub system_disk_size_gib: Option<i32>,
    /// The profile whose rules it passed.
    pub profile: String,
    /// The profile's generation when the verdict was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_generation: Option<i64>,
    /// The verdict: the image complied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<RecordedVerdict>,
    /// Hash of source address, entity tag and destination: what makes two imports the same.
    pub content_key: String,
    /// UID of the ImageImport that made it.
    #[serde(rename = "importUID")]
    pub import_uid: String,
    /// What becomes of the objects when the record is deleted.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// The store that the objects are deleted from; only with `deletionPolicy: Delete`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<RecordedStore>,
}

/// How the store of the objects is reached: the import's destination, without what is said of each object.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct RecordedStore {
    /// As in the import's destination.
    #[schemars(length(max = 64))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// As in the import's destination.
    #[schemars(length(max = 300))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// As in the import's destination.
    #[schemars(with = "Addressing")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addressing: Option<Addressing>,
    /// Secret of this namespace: its keys have to be allowed to read and to delete the objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalRef>,
}

/// One disk of an image.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct ImportedDisk {
    /// `system`, or a data disk's.
    #[schemars(length(max = 63))]
    pub name: String,
    /// The object.
    #[schemars(length(max = 2048))]
    pub url: String,
    /// Its format.
    pub format: String,
    /// Its size.
    pub size_bytes: i64,
    /// Size of the disk the guest sees.
    pub virtual_size_bytes: i64,
    /// `sha256:` and the hexadecimal digest of the object.
    pub checksum: String,
    /// Its entity tag, where the store gave one: another object of its name is never deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// What it was made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<RecordedSource>,
}

/// The object that a disk was made of, as it was when it was judged.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct RecordedSource {
    /// Its address.
    #[schemars(length(max = 2048))]
    pub url: String,
    /// Which object that was.
    #[serde(flatten)]
    pub identity: SourceIdentity,
}

/// What was found when the image was judged.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct RecordedVerdict {
    /// How many rules came out how.
    pub counts: RuleCounts,
    /// Catalogue ids of the rules that warned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warned: Vec<String>,
    /// Catalogue ids of the rules that could not be decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undetermined: Vec<String>,
    /// Catalogue ids of the rules that failed and were waived.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<String>,
}

/// What becomes of an image's objects when its record is deleted.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeletionPolicy {
    /// They stay in the bucket.
    #[default]
    Retain,
    /// They are deleted, as long as they are the ones that were recorded.
    Delete,
}

/// State of the record.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct CustomImageStatus {
    /// Generation of the spec this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The image's snapshot: there, and as large as the files that were imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Snapshot>,
    /// How far the deletion of the objects is, once the record is being deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion: Option<Deletion>,
    /// Ready.
    #[schemars(length(max = 128), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}
