//! Verdicts to a report, and a report to something people and programs read.

mod conditions;
mod disks;
mod judge;
mod sanitise;
mod serial;
mod summary;
mod table;
#[cfg(test)]
mod tests;

pub use conditions::{RuleCondition, conditions};
pub use judge::{judge, judge_disks};
pub use sanitise::{MESSAGE_BYTES, clean};
pub use serial::{to_json, to_yaml};
pub use summary::{image_summary, summary};
pub use table::{matrix, table};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The report's own name and version; changes when a reader of the old one would break.
pub const SCHEMA: &str = "imageimport.dev/report/v1";

/// One image judged against one profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// Name of the profile.
    pub profile: String,
    /// The verdict.
    pub verdict: Overall,
    /// The object.
    pub source: ReportSource,
    /// What the image is.
    pub image: crate::api::ImageSummary,
    /// The data disks beside it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data_disks: Vec<ReportDisk>,
    /// How many rules came out how.
    pub counts: crate::api::RuleCounts,
    /// What has to be done with the cloud before the import, and was not acknowledged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prerequisites: Vec<ReportPrerequisite>,
    /// Every rule of the profile, in the catalogue's order.
    pub rules: Vec<RuleResult>,
    /// What the reading cost.
    pub reads: ReportReads,
}

/// The verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Overall {
    /// Every required rule passes.
    Compliant,
    /// A required rule fails.
    NonCompliant,
    /// No required rule fails, and one could not be decided.
    Undetermined,
}

/// The object a report speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportSource {
    /// Address without query.
    pub url: String,
    /// Entity tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Size.
    pub size_bytes: u64,
}

/// Something that has to be done with the cloud before the import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportPrerequisite {
    /// What to do.
    pub what: String,
    /// Where the document says so.
    pub cite: Vec<String>,
}

impl ReportPrerequisite {
    /// `Activate OSS (S3 L15)`.
    pub fn line(&self) -> String {
        format!("{} ({})", self.what, self.cite.join("; "))
    }
}

/// A data disk that a report speaks of.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportDisk {
    /// Its name in the import.
    pub name: String,
    /// Its object.
    pub source: ReportSource,
    /// What its image is.
    pub image: crate::api::ImageSummary,
    /// What reading it cost.
    pub reads: ReportReads,
}

/// What the reading cost.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportReads {
    /// Requests made.
    pub requests: u64,
    /// Bytes asked for.
    pub bytes: u64,
    /// Seconds.
    pub seconds: f64,
}

/// The operating system on an image.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OperatingSystem {
    /// `Linux`, `Windows`, `FreeBSD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// `ID` of os-release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `VERSION_ID` of os-release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `PRETTY_NAME` of os-release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pretty_name: Option<String>,
}

/// One rule's outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleResult {
    /// Catalogue id: `DRV-01`.
    pub id: String,
    /// Condition type: `VirtioInstalled`.
    pub rule: String,
    /// How much the profile cares, the declared platform counted in.
    pub action: crate::api::Action,
    /// The outcome.
    pub result: Outcome,
    /// The cloud's code when the rule's claim does not hold; `Passed` when it does, also where a note beside it makes the
    /// result Advice; the reason when it is Unknown.
    pub code: String,
    /// One sentence.
    pub message: String,
    /// Where it was seen.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub evidence: Vec<ReportEvidence>,
    /// How to mend it; empty when nothing is to mend.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub remedy: String,
    /// Where the cloud's document says so.
    pub cite: Vec<String>,
}

/// The outcome of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// In order.
    Pass,
    /// The import is refused for it.
    Fail,
    /// The import goes on, the user is warned.
    Warn,
    /// A recommendation.
    Advice,
    /// Could not be decided.
    Unknown,
    /// Has nothing to say here.
    NotApplicable,
    /// Would fail, and was waived.
    Waived,
}

/// One thing that was seen.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportEvidence {
    /// What.
    pub what: String,
    /// Where.
    #[serde(rename = "where")]
    pub place: String,
    /// Byte offset.
    pub offset: Option<u64>,
}
