//! `CustomImage`: the record of an image that was imported.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    printcolumn(name = "FORMAT", type_ = "string", json_path = ".spec.disks[0].format"),
    printcolumn(name = "PROFILE", type_ = "string", json_path = ".spec.profile"),
    printcolumn(name = "URL", type_ = "string", priority = 1, json_path = ".spec.disks[0].url"),
    printcolumn(name = "CHECKSUM", type_ = "string", priority = 1, json_path = ".spec.disks[0].checksum"),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct CustomImageSpec {
    /// The disks, the system disk first.
    #[schemars(length(min = 1, max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
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
    /// Size of the system disk of instances, as asked for.
    #[serde(default, rename = "systemDiskSizeGiB", skip_serializing_if = "Option::is_none")]
    pub system_disk_size_gib: Option<i32>,
    /// The profile whose rules it passed.
    pub profile: String,
    /// Entity tag of the source object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_etag: Option<String>,
    /// Hash of source address, entity tag and destination: what makes two imports the same.
    pub content_key: String,
    /// UID of the ImageImport that made it.
    #[serde(rename = "importUID")]
    pub import_uid: String,
    /// What becomes of the objects when the record is deleted.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

/// One disk of an image.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct ImportedDisk {
    /// `system`.
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
}

/// What becomes of the objects when the record is deleted.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeletionPolicy {
    /// They stay in the bucket.
    #[default]
    Retain,
}

/// State of the record.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct CustomImageStatus {
    /// Generation of the spec this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready.
    #[schemars(length(max = 128), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}
