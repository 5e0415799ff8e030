//! The status of an `ImageImport`: what was seen and done.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::imageimport::LocalRef;
use super::notification::OutcomeNotice;

/// What was seen and done.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct ImageImportStatus {
    /// Generation of the spec this status speaks of; -1 before the first look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// One entry a disk, `system` first.
    #[schemars(length(max = 17), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disks: Vec<DiskStatus>,
    /// What the system disk is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageSummary>,
    /// The verdict in figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<ReportSummary>,
    /// How far the running worker is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// Place in the line for a worker, from 1; beyond the twentieth it is the place at the last look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_position: Option<i32>,
    /// The snapshot that an import into a store makes, as the clouds show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Snapshot>,
    /// The last value of the annotation `imageimport.dev/requestedAt` that was acted on.
    #[schemars(length(max = 256))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_request_at: Option<String>,
    /// Hash of what the verdict rests on (reading, profile, `spec.image`, waivers) and the version of the rules: a new
    /// one causes a new judgement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub verdict_key: Option<String>,
    /// The deletion of a copy of its own that was not needed: another worker published the same image first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion: Option<Deletion>,
    /// Outcomes of the import and who was told of them, the newest first.
    #[schemars(length(max = 3))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notifications: Vec<OutcomeNotice>,
    /// The CustomImage that records the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_image_ref: Option<LocalRef>,
    /// Ready, Inspected, Compliant, Converted; Reconciling and Stalled while true; and one condition per applicable rule.
    #[schemars(length(max = 128), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// One disk: the object, what it is, and the work on it.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct DiskStatus {
    /// `system`, or a data disk's.
    #[schemars(length(max = 63))]
    pub name: String,
    /// The object as it was when it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceIdentity>,
    /// What is on the disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageSummary>,
    /// The reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inspection: Option<Inspection>,
    /// The copying.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversion: Option<Conversion>,
}

/// Identity of an object: later requests are refused by the store when it changed.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct SourceIdentity {
    /// Entity tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Version, in a versioned bucket.
    #[serde(default, rename = "versionID", skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// Size of the object.
    pub size_bytes: i64,
    /// When it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
}

/// What a disk image is.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct ImageSummary {
    /// Container format: `QCOW2`, `RAW`, or what else it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Size of the disk the guest sees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub virtual_size_bytes: Option<i64>,
    /// `MBR` or `GPT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition_table: Option<String>,
    /// The firmwares that find a boot loader on it: `BIOS`, `UEFI`. Empty where none does or it is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub boot_modes: Vec<String>,
    /// Machine of the guest's programs: `x86_64`, `i386`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// The operating system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operating_system: Option<crate::report::OperatingSystem>,
}

/// The reading of a disk by a worker Job.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct Inspection {
    /// The Job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_name: Option<String>,
    /// Its UID: only this Job is believed.
    #[serde(default, rename = "jobUID", skip_serializing_if = "Option::is_none")]
    pub job_uid: Option<String>,
    /// How many Jobs were made for this reading, this one included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<i32>,
    /// How many of these Jobs finished without leaving a result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_results: Option<i32>,
    /// When the Job was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// When its result was stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<Time>,
    /// Bytes read from the bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_read: Option<i64>,
    /// Requests made to the bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<i64>,
    /// Hash of what a reading depends on: a new one causes a new reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The worker's message, verbatim: `v1:` and base64.
    #[schemars(length(max = 4096))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<String>,
}

/// The copying of a disk by a worker Job.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct Conversion {
    /// The Job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_name: Option<String>,
    /// Its UID: only this Job is believed.
    #[serde(default, rename = "jobUID", skip_serializing_if = "Option::is_none")]
    pub job_uid: Option<String>,
    /// How many Jobs were made for this copy, this one included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<i32>,
    /// How many of these Jobs finished without leaving a result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_results: Option<i32>,
    /// When the Job was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// When its result was stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<Time>,
    /// Bytes written to the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_written: Option<i64>,
    /// Size of the disk that was written, where it was written anew and not copied as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub virtual_size_bytes: Option<i64>,
    /// The object that was written.
    #[schemars(length(max = 2048))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// `sha256:` and the hexadecimal digest of what was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    /// Entity tag of what was written, where the store gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
}

/// The deletion of objects by a worker Job.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq, Default)]
#[serde(rename_all = "camelCase")]
pub struct Deletion {
    /// The Job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_name: Option<String>,
    /// Its UID: only this Job is believed.
    #[serde(default, rename = "jobUID", skip_serializing_if = "Option::is_none")]
    pub job_uid: Option<String>,
    /// The attempt, from 1; 0 before the first. One that found no Secret is made again under its number.
    pub attempt: i32,
    /// When the Job was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// When its end was noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<Time>,
    /// Since when the Secret, or a key of it, is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_since: Option<Time>,
}

/// How far the running worker is.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// The disk.
    pub disk: String,
    /// `Inspecting` or `Converting`.
    pub stage: String,
    /// 0 to 100.
    pub percent: i32,
    /// Bytes done.
    pub bytes_done: i64,
    /// Bytes in all.
    pub bytes_total: i64,
    /// Bytes a second, since the last look or the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_per_second: Option<i64>,
    /// Seconds left at this rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds_left: Option<i64>,
}

/// The snapshot of an image that is being imported, or was. A failed or cancelled import leaves it `Failed`.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq, Default)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// `Failed` from the start of the import until its image can be used: that is how the clouds show it meanwhile.
    pub state: SnapshotState,
    /// Size of the uploaded files: of the source objects, whatever is made of them. Absent until they were looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<i64>,
}

/// States of a snapshot.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SnapshotState {
    /// Not there yet, or never.
    #[default]
    Failed,
    /// Can be used.
    Available,
}

/// The verdict in figures. The sentences are in the conditions.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct ReportSummary {
    /// The profile that was applied.
    pub profile: String,
    /// Its generation.
    pub profile_generation: i64,
    /// Hash of the whole report: unchanged means nothing was written.
    pub digest: String,
    /// The profile or the rules changed since, and the verdict belongs to the record.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stale: bool,
    /// How many rules came out how.
    pub counts: RuleCounts,
    /// What has to be done with the cloud before the import, and was not acknowledged: `Activate OSS (S3 L15)`.
    #[schemars(length(max = 16))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prerequisites: Vec<String>,
    /// Catalogue ids of the rules that failed.
    #[schemars(length(max = 128))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<String>,
    /// Catalogue ids of the rules that warn.
    #[schemars(length(max = 128))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warned: Vec<String>,
    /// Catalogue ids of the rules that could not be decided.
    #[schemars(length(max = 128))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undetermined: Vec<String>,
    /// Catalogue ids of the rules that failed and were waived.
    #[schemars(length(max = 128))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<String>,
}

/// How many rules came out how.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RuleCounts {
    /// Rules that pass.
    pub passed: i32,
    /// Rules for which the import is refused.
    pub failed: i32,
    /// Rules that warn.
    pub warned: i32,
    /// Rules that give a recommendation.
    pub advised: i32,
    /// Rules that could not be decided.
    pub undetermined: i32,
    /// Rules that failed and were waived.
    pub waived: i32,
}
