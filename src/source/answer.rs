//! What a store answered when it gave no bytes, as a typed error that survives the layers of `object_store`.

use std::error::Error as StdError;

use crate::disk::{Error, ErrorKind, Http};
use crate::source::egress::Denied;
use crate::source::url::{LAYER, redacted};

/// Why a request gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Answer {
    /// A status other than success.
    #[error("the store answered {} {}", .0.status, .0.code)]
    Status(Http),
    /// The range starts at or after the end: the object has this size, where the store said so.
    #[error("the range is past the end")]
    PastEnd {
        /// Size of the object.
        size: Option<u64>,
        /// What the store answered.
        http: Http,
    },
    /// A redirect, which is not followed.
    #[error("the server redirects to {host}, which is not followed; write the address it leads to")]
    Redirect {
        /// Host it leads to.
        host: String,
        /// What the store answered.
        http: Http,
    },
    /// The server sends the whole object whatever range is asked for.
    #[error("the server ignores range requests, so the image cannot be read in place")]
    RangeIgnored,
    /// More bytes than were asked for.
    #[error("the server sent more than was asked for")]
    TooLong,
    /// The address is not dialled.
    #[error(transparent)]
    Denied(Denied),
    /// Plain http without leave.
    #[error("plain http is not accepted; write https://, or start with --allow-insecure-endpoints")]
    Insecure,
}

impl Answer {
    /// The answer that is the cause of an error, where there is one.
    pub fn of<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Self> {
        causes(error).find_map(|e| e.downcast_ref::<Self>())
    }

    /// What the store answered, where it did.
    pub fn http(&self) -> Option<&Http> {
        match self {
            Self::Status(http) | Self::PastEnd { http, .. } | Self::Redirect { http, .. } => Some(http),
            _ => None,
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Redirect { .. } | Self::RangeIgnored | Self::Denied(_) | Self::Insecure => ErrorKind::Unsupported,
            Self::Status(_) | Self::PastEnd { .. } | Self::TooLong => ErrorKind::Io,
        }
    }
}

/// The errors of a chain, outermost first; bounded.
pub(crate) fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let now: &'a (dyn StdError + 'static) = next?;
        next = now.source();
        Some(now)
    })
    .take(16)
}

/// An error of `object_store` or `reqwest` as one of ours: the store's answer, or the innermost cause in one clause.
pub(crate) fn to_error(error: &(dyn StdError + 'static)) -> Error {
    if let Some(answer) = Answer::of(error) {
        let plain = Error::new(answer.kind(), LAYER, answer.to_string().trim().to_owned());
        return answer.http().map_or(plain.clone(), |http| plain.with_http(http.clone()));
    }
    let innermost = causes(error).last().map(ToString::to_string).unwrap_or_default();
    let clause: String = innermost.chars().filter(|c| !c.is_control()).take(160).collect();
    Error::io(
        LAYER,
        clause
            .split(' ')
            .map(|w| if w.contains("://") { redacted(w) } else { w.to_owned() })
            .collect::<Vec<_>>()
            .join(" "),
    )
}

/// The store's error code and request id, out of the first bytes of an S3 error document.
pub(crate) fn parse_error_document(status: u16, request_id: Option<&str>, body: &[u8]) -> Http {
    let text = String::from_utf8_lossy(body);
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(value, _)| value.to_owned())
    };
    let request_id = request_id.map(ToOwned::to_owned).or_else(|| element("RequestId"));
    Http {
        status,
        code: word(&element("Code").unwrap_or_default(), 64),
        request_id: word(&request_id.unwrap_or_default(), 64),
    }
}

/// Text of a store, reduced to what codes and ids are made of.
pub(crate) fn word(text: &str, max: usize) -> String {
    text.chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '=' | '+' | '/'))
        .take(max)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_s3_error_document_gives_code_and_request_id() {
        let body = b"<?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch</Code><Message>secret</Message>\
            <RequestId>18A2-F</RequestId></Error>";
        let http = parse_error_document(403, None, body);
        assert_eq!(http, Http { status: 403, code: "SignatureDoesNotMatch".into(), request_id: "18A2-F".into() });
        assert_eq!(parse_error_document(403, Some("from-header"), body).request_id, "from-header");
    }

    #[test]
    fn a_hostile_document_gives_short_plain_words() {
        let body = format!("<Code>{}\u{1b}[31m<script></Code>", "A".repeat(9000));
        assert_eq!(parse_error_document(500, None, body.as_bytes()).code, "A".repeat(64));
        assert_eq!(parse_error_document(500, None, b"<Code>never closed").code, "");
        assert_eq!(parse_error_document(500, None, &[0xff; 64]).code, "");
    }

    #[test]
    fn a_transport_error_shows_no_query() {
        let error = std::io::Error::other("cannot fetch https://h/p?X-Amz-Signature=secret now");
        assert_eq!(to_error(&error).what, "cannot fetch https://h/p?... now");
        assert_eq!(to_error(&error).kind, ErrorKind::Io);
    }
}
