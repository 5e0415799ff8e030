//! The message of a worker that has no result: why, in the words of [`crate::disk::Error`].

use serde::{Deserialize, Serialize};

use crate::disk::{Error, ErrorKind, Http};
use crate::inspect::wire::MESSAGE_MAX;

/// Characters of a text that are kept, on both ends.
const TEXT_MAX: usize = 300;

/// Why a worker has no result.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Failure {
    /// `io`, `notFound`, `corrupt`, `unsupported`, `encrypted`, `limit`; `arguments`; `panic`, `internal`.
    pub kind: String,
    /// The layer that noticed.
    pub layer: String,
    /// Byte offset within that layer, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<u64>,
    /// One clause: what.
    pub what: String,
    /// What the store answered, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<Http>,
}

#[derive(Serialize, Deserialize)]
struct Envelope {
    error: Failure,
}

impl Failure {
    /// A failure of the program itself.
    pub fn new(kind: &str, what: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), layer: "worker".to_owned(), what: what.into(), ..Self::default() }.bounded()
    }

    /// The message: JSON, with one member `error`.
    pub fn to_message(&self) -> String {
        serde_json::to_string(&Envelope { error: self.clone() }).unwrap_or_default()
    }

    fn bounded(mut self) -> Self {
        for text in [&mut self.kind, &mut self.layer, &mut self.what] {
            *text = plain(text);
        }
        if let Some(http) = &mut self.http {
            http.code = plain(&http.code);
            http.request_id = plain(&http.request_id);
        }
        self
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let kind = match error.kind {
            ErrorKind::Io => "io",
            ErrorKind::NotFound => "notFound",
            ErrorKind::Corrupt => "corrupt",
            ErrorKind::Unsupported => "unsupported",
            ErrorKind::Encrypted => "encrypted",
            ErrorKind::Limit => "limit",
        };
        let http = error.http.as_deref().cloned();
        Self { kind: kind.into(), layer: error.layer.into(), at: error.at, what: error.what.clone(), http }.bounded()
    }
}

/// Reads the message of a worker that failed; `None` for anything else. Bounded, as a pod's message may be forged.
pub fn parse_failure(message: &str) -> Option<Failure> {
    let message = message.trim();
    if message.len() > MESSAGE_MAX || !message.starts_with('{') {
        return None;
    }
    serde_json::from_str::<Envelope>(message).ok().map(|envelope| envelope.error.bounded())
}

fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(TEXT_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_comes_through() {
        let http = Http { status: 503, code: "SlowDown".into(), request_id: "R".into() };
        let error = Error::io("source", "the store answered 503").at(7).with_http(http.clone());
        let message = Failure::from(&error).to_message();
        assert!(message.starts_with(r#"{"error":{"kind":"io","layer":"source","at":7"#), "{message}");
        let back = parse_failure(&message).unwrap();
        assert_eq!((back.kind.as_str(), back.at, back.http), ("io", Some(7), Some(http)));
    }

    #[test]
    fn what_is_no_failure_is_none() {
        for text in ["", "v1:abc", "{}", "[]", r#"{"error":7}"#, "{\"error\":", "oci runtime error"] {
            assert_eq!(parse_failure(text), None, "{text}");
        }
        assert_eq!(parse_failure(&format!(r#"{{"error":{{"what":"{}"}}}}"#, "a".repeat(5000))), None);
        assert_eq!(parse_failure(&"[".repeat(4000)), None);
    }

    #[test]
    fn forged_text_is_short_and_plain() {
        let message = format!(r#"{{"error":{{"kind":"\u001b[31m","what":"{}","new":1}}}}"#, "名".repeat(900));
        let back = parse_failure(&message).unwrap();
        assert_eq!(back.kind, "[31m");
        assert_eq!(back.what.chars().count(), TEXT_MAX);
    }

    #[test]
    fn no_failure_is_too_long_to_carry() {
        let error = Error::io("source", "\"\\名".repeat(4000));
        assert!(Failure::from(&error).to_message().len() < MESSAGE_MAX);
    }
}
