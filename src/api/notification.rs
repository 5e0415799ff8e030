//! Who is told how an import ended, and what came of telling them.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::imageimport::LocalRef;

/// A web server that is told how the import ended, well or badly.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq, Default)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// Address to which the notice, a CloudEvent, is posted. What follows the host is shown nowhere but here and in the Job
    /// that sends the notice.
    #[schemars(length(max = 2048))]
    pub url: String,
    /// Secret of this namespace whose key `signingKey` signs the notice (Standard Webhooks): 24 to 64 bytes, or `whsec_` and
    /// their base64. Without it the notice is not signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalRef>,
}

/// How an import ended, and who was told. Without `receivers` nobody was named.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct OutcomeNotice {
    /// The `id` of the events that tell it, the same for every receiver and every delivery.
    pub id: String,
    /// Hash of what the outcome is: while it fits, nobody is told again.
    pub key: String,
    /// The reason of `Ready` then.
    pub reason: String,
    /// When it came about.
    pub time: Time,
    /// Who is told, in the order in which they were named.
    #[schemars(length(max = 8))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub receivers: Vec<Receiver>,
}

/// One who is told.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq, Default)]
#[serde(rename_all = "camelCase")]
pub struct Receiver {
    /// Hash of the whole address.
    pub key: String,
    /// Scheme and host of the address.
    pub host: String,
    /// What came of it.
    pub state: NoticeState,
    /// Why it was not told, or not yet.
    #[schemars(length(max = 512))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The Job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_name: Option<String>,
    /// Its UID: only this Job is believed.
    #[serde(default, rename = "jobUID", skip_serializing_if = "Option::is_none")]
    pub job_uid: Option<String>,
    /// The attempt, from 1; 0 before the first.
    pub attempt: i32,
    /// When the Job was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// When its end was noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<Time>,
}

impl Receiver {
    /// The UID of the Job whose end was not noted.
    pub fn in_flight(&self) -> Option<&str> {
        self.job_uid.as_deref().filter(|_| self.completion_time.is_none())
    }
}

/// What came of a notice.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NoticeState {
    /// It is to be sent.
    #[default]
    Pending,
    /// The receiver took it.
    Sent,
    /// The receiver does not want it.
    Refused,
    /// It could not be brought there.
    GaveUp,
}
