//! What is told: the outcome of an import as a `CloudEvent` (`CloudEvents` 1.0.2, JSON format, structured mode).

use serde::{Deserialize, Serialize};

/// Media type of the body (`CloudEvents`, HTTP protocol binding, 3.2).
pub const MEDIA_TYPE: &str = "application/cloudevents+json; charset=utf-8";
/// Type of an event of an import that is done.
pub const SUCCEEDED: &str = "dev.imageimport.import.succeeded";
/// Type of an event of an import that has come to rest without its image.
pub const FAILED: &str = "dev.imageimport.import.failed";
/// Most failures of one notice: it travels as an argument of a pod.
pub const FAILURES_MAX: usize = 20;
/// Most characters of one text.
pub const TEXT_MAX: usize = 512;

/// A `CloudEvent`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// `1.0`.
    pub specversion: String,
    /// The same for every delivery of one outcome: whoever gets it twice knows it.
    pub id: String,
    /// Path of the import in the API.
    pub source: String,
    /// [`SUCCEEDED`] or [`FAILED`].
    #[serde(rename = "type")]
    pub kind: String,
    /// The import: `namespace/name`.
    pub subject: String,
    /// When it ended, as RFC 3339 writes it.
    pub time: String,
    /// `application/json`.
    pub datacontenttype: String,
    /// What came of it.
    pub data: Notice,
}

/// What came of an import.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Notice {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// The object it is of, without query.
    pub url: String,
    /// The profile it was judged by.
    pub profile: String,
    /// The reason of its `Ready` condition: `Imported`, `Checked`, a cloud's code, what went wrong.
    pub reason: String,
    /// That condition's message.
    pub message: String,
    /// The record of the image, when it is imported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_image: Option<String>,
    /// The rules that it does not meet, the first [`FAILURES_MAX`], or what else went wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Failure>,
}

/// A rule that an image does not meet, or what else went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Failure {
    /// The rule's name, its condition's type; empty where no rule failed but something else.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub rule: String,
    /// The cloud's code, or the reason.
    pub code: String,
    /// What was found, where, and how it is mended.
    pub message: String,
    /// What to do: what the cloud's document suggests for the code, in Chinese and in English, or else what we do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub suggested_handling: Vec<String>,
}

impl Event {
    /// The event of an outcome. `id` is the outcome's own, `time` when it came about.
    pub fn new(id: &str, time: &str, succeeded: bool, mut data: Notice) -> Self {
        data.message = cut(&data.message);
        data.failures.truncate(FAILURES_MAX);
        for failure in &mut data.failures {
            failure.message = cut(&failure.message);
            failure.suggested_handling = failure.suggested_handling.iter().map(|text| cut(text)).collect();
        }
        Self {
            specversion: "1.0".to_owned(),
            id: id.to_owned(),
            source: format!("/apis/imageimport.dev/v1alpha1/namespaces/{}/imageimports/{}", data.namespace, data.name),
            kind: if succeeded { SUCCEEDED } else { FAILED }.to_owned(),
            subject: format!("{}/{}", data.namespace, data.name),
            time: time.to_owned(),
            datacontenttype: "application/json".to_owned(),
            data,
        }
    }
}

fn cut(text: &str) -> String {
    text.chars().take(TEXT_MAX).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_has_what_the_specification_requires() {
        let failure = Failure {
            rule: "VirtioInstalled".into(),
            code: "VirtioNotInstall".into(),
            message: "no driver".into(),
            suggested_handling: vec!["install it".into()],
        };
        let data = Notice {
            namespace: "team".into(),
            name: "web".into(),
            reason: "VirtioNotInstall".into(),
            failures: vec![failure],
            ..Notice::default()
        };
        let event = json!(Event::new("0a1b", "2026-11-21T10:00:00Z", false, data));
        for (name, value) in [
            ("specversion", "1.0"),
            ("id", "0a1b"),
            ("type", FAILED),
            ("source", "/apis/imageimport.dev/v1alpha1/namespaces/team/imageimports/web"),
            ("subject", "team/web"),
            ("time", "2026-11-21T10:00:00Z"),
        ] {
            assert_eq!(event[name], value);
        }
        assert_eq!(event["data"]["failures"][0]["suggestedHandling"], json!(["install it"]));
        assert!(event["data"].get("customImage").is_none());
    }

    #[test]
    fn it_fits_an_argument_of_a_pod_whatever_it_holds() {
        let long = "失".repeat(5000);
        let failure =
            Failure { message: long.clone(), suggested_handling: vec![long.clone(); 2], ..Failure::default() };
        let data = Notice { message: long, failures: vec![failure; 100], ..Notice::default() };
        let text = serde_json::to_string(&Event::new("i", "t", true, data)).unwrap();
        // Linux, MAX_ARG_STRLEN: 32 pages.
        assert!(text.len() < 32 * 4096, "{}", text.len());
    }
}
