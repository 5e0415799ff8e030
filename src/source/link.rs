//! Presigned links: what their query says of them, before any request is made.
//!
//! Forms: Amazon S3 "Authenticating Requests: Using Query Parameters" (version 4) and its version 2; Alibaba Cloud OSS
//! "Add signatures to URLs" (versions 1 and 4); Tencent Cloud COS "Request signature"; Google Cloud Storage "V4 signing"; Azure
//! Storage "service SAS".

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use url::Url;

use super::cloud::{Cloud, of_url};

/// What a signed link says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedLink {
    /// The parameter that gives it away: `q-sign-algorithm`.
    pub parameter: &'static str,
    /// When it ends, and the parameter that says so; `None` where nothing that is known says it.
    pub ends: Option<(Timestamp, &'static str)>,
    /// It is one of Tencent Cloud COS, which its import takes to be spent by the first use.
    pub single_use: bool,
}

impl SignedLink {
    /// Whether it has ended at `now`.
    pub fn expired(&self, now: Timestamp) -> bool {
        self.ends.is_some_and(|(end, _)| end <= now)
    }
}

/// How a form of links tells its end.
enum End {
    /// Seconds since 1970.
    At(&'static str),
    /// Two of them with a semicolon between: from, to. The earlier end of both parameters counts.
    Spans(&'static str, &'static str),
    /// A moment as `20261130T100000Z`, and seconds from then on.
    After(&'static str, &'static str),
    /// RFC 3339.
    Written(&'static str),
}

/// The parameter that gives a form away, one that is there too, and its end.
const FORMS: &[(&str, &str, End)] = &[
    ("q-sign-algorithm", "q-signature", End::Spans("q-sign-time", "q-key-time")),
    ("X-Amz-Signature", "X-Amz-Algorithm", End::After("X-Amz-Date", "X-Amz-Expires")),
    ("x-oss-signature", "x-oss-signature-version", End::After("x-oss-date", "x-oss-expires")),
    ("OSSAccessKeyId", "Signature", End::At("Expires")),
    ("AWSAccessKeyId", "Signature", End::At("Expires")),
    ("X-Goog-Signature", "X-Goog-Algorithm", End::After("X-Goog-Date", "X-Goog-Expires")),
    ("sig", "sv", End::Written("se")),
];

/// What the query of an address says; `None` where it is no signed link.
pub fn signed(address: &str) -> Option<SignedLink> {
    let url = Url::parse(address).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let get = |name: &str| {
        let named = url.query_pairs().find(|(found, _)| found.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.into_owned())
    };
    let (parameter, _, end) = FORMS.iter().find(|(sign, other, _)| get(sign).is_some() && get(other).is_some())?;
    let single_use = of_url(&url).is_some_and(|object| object.cloud == Cloud::Cos);
    Some(SignedLink { parameter, ends: moment(end, &get), single_use })
}

fn moment(end: &End, get: &impl Fn(&str) -> Option<String>) -> Option<(Timestamp, &'static str)> {
    let seconds = |text: &str| text.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    match end {
        End::At(name) => Some((seconds(&get(name)?)?, name)),
        End::Spans(first, second) => {
            let of = |name: &'static str| Some((seconds(get(name)?.split_once(';')?.1)?, name));
            [of(first), of(second)].into_iter().flatten().min()
        }
        End::After(from, span) => {
            let from = DateTime::strptime("%Y%m%dT%H%M%SZ", get(from)?).ok()?.to_zoned(TimeZone::UTC).ok()?;
            let span = SignedDuration::from_secs(get(span)?.parse().ok()?);
            Some((from.timestamp().checked_add(span).ok()?, span_name(end)))
        }
        End::Written(name) => Some((get(name)?.parse().ok()?, name)),
    }
}

fn span_name(end: &End) -> &'static str {
    match end {
        End::At(name) | End::Spans(name, _) | End::After(_, name) | End::Written(name) => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_tells_its_end() {
        for (link, parameter, end, single_use) in [
            (
                "https://a-1.cos.ap-x.myqcloud.com/d?q-sign-algorithm=sha1&q-ak=A&q-sign-time=1767225600%3B1767229200&q-key-time=1767225600;1767225700&q-signature=f",
                "q-sign-algorithm",
                Some("2026-01-01T00:01:40Z"),
                true,
            ),
            (
                "https://b.s3.amazonaws.com/d?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20260101T000000Z&X-Amz-Expires=3600&X-Amz-Signature=f",
                "X-Amz-Signature",
                Some("2026-01-01T01:00:00Z"),
                false,
            ),
            (
                "https://b.oss-cn-x.aliyuncs.com/d?Expires=1767225600&OSSAccessKeyId=A&Signature=f",
                "OSSAccessKeyId",
                Some("2026-01-01T00:00:00Z"),
                false,
            ),
            (
                "https://b.oss-cn-x.aliyuncs.com/d?x-oss-signature-version=OSS4-HMAC-SHA256&x-oss-date=20251231T235900Z&x-oss-expires=60&x-oss-signature=f",
                "x-oss-signature",
                Some("2026-01-01T00:00:00Z"),
                false,
            ),
            (
                "https://storage.googleapis.com/b/d?X-Goog-Algorithm=G&X-Goog-Date=20260101T000000Z&X-Goog-Expires=1&X-Goog-Signature=f",
                "X-Goog-Signature",
                Some("2026-01-01T00:00:01Z"),
                false,
            ),
            (
                "https://a.blob.core.windows.net/c/d?sv=2024-01-01&se=2026-01-01T00%3A00%3A00Z&sig=f",
                "sig",
                Some("2026-01-01T00:00:00Z"),
                false,
            ),
            ("https://h/d?AWSAccessKeyId=A&Signature=f&Expires=soon", "AWSAccessKeyId", None, false),
            (
                "https://h/d?x-amz-algorithm=A&X-Amz-Signature=f&X-Amz-Date=20269901T000000Z&X-Amz-Expires=1",
                "X-Amz-Signature",
                None,
                false,
            ),
            ("https://h/d?AWSAccessKeyId=A&Signature=f&Expires=99999999999999999", "AWSAccessKeyId", None, false),
        ] {
            let found = signed(link).unwrap_or_else(|| panic!("{link}"));
            assert_eq!((found.parameter, found.single_use), (parameter, single_use), "{link}");
            assert_eq!(found.ends.map(|(end, _)| end.to_string()).as_deref(), end, "{link}");
        }
        for plain in ["https://h/d", "https://h/d?versionId=1", "s3://b/d", "/d?sig=1&sv=1", "https://h/d?sig=1"] {
            assert_eq!(signed(plain), None, "{plain}");
        }
    }

    #[test]
    fn a_link_ends_at_its_end() {
        let link = signed("https://h/d?AWSAccessKeyId=A&Signature=f&Expires=100").unwrap();
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!((link.expired(at(99)), link.expired(at(100))), (false, true));
    }
}
