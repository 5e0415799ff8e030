//! What must hold of an image that only a read of all of it tells: without that nothing is published.

use crate::disk::{Error, Result};
use crate::inspect::wire::Refusal;

/// Start of every checksum.
pub(super) const SHA256: &str = "sha256:";
/// Hexadecimal digits of one.
const DIGITS: usize = 64;

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checks {
    /// SHA-256 of the source object: `sha256:` and 64 digits.
    checksum: Option<String>,
    /// Bytes that the disk may have as a QCOW2 without compression.
    max_qcow2_bytes: Option<u64>,
}

/// What was found out of an image as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Found {
    /// SHA-256 of the source object, where all of it was read: `sha256:` and 64 digits.
    pub source_checksum: Option<String>,
    /// Bytes that the disk has as a QCOW2 without compression, where all of the disk was read.
    pub qcow2_bytes: Option<u64>,
}

impl Checks {
    /// From what the user and the profile ask.
    ///
    /// # Errors
    /// `Unsupported` for a checksum that is none.
    pub(super) fn new(checksum: Option<&str>, max_qcow2_bytes: Option<u64>) -> Result<Self> {
        let is_digest = |digits: &str| digits.len() == DIGITS && digits.chars().all(|digit| digit.is_ascii_hexdigit());
        if checksum.is_some_and(|sum| !sum.strip_prefix(SHA256).is_some_and(is_digest)) {
            return Err(Error::unsupported("source", "the checksum is not sha256: and 64 hexadecimal digits"));
        }
        Ok(Self { checksum: checksum.map(str::to_ascii_lowercase), max_qcow2_bytes })
    }

    /// Whether the whole object has to be read.
    pub(super) fn need_whole_object(&self) -> bool {
        self.checksum.is_some()
    }

    /// Refuses an image that is not what was asked for.
    pub(super) fn pass(&self, found: &Found) -> std::result::Result<(), Refusal> {
        if let Some(wanted) = self.checksum.as_ref().filter(|wanted| Some(*wanted) != found.source_checksum.as_ref()) {
            let is = found.source_checksum.as_deref().unwrap_or("not known");
            let message = format!(
                "the checksum of the object is {is}, and `spec.source.checksum` is {wanted}: it is another object, or was \
                 damaged before it was read"
            );
            return Err(Refusal { reason: "ChecksumMismatch".to_owned(), message, http: None });
        }
        match (found.qcow2_bytes, self.max_qcow2_bytes) {
            (Some(is), Some(most)) if is > most => {
                let message = format!(
                    "as QCOW2 without compression the image has {is} bytes, counted while it was read, and may have {most}"
                );
                Err(Refusal { reason: "ImageTooLarge".to_owned(), message, http: None })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(digit: &str) -> String {
        format!("{SHA256}{}", digit.repeat(64))
    }

    fn refused(checks: &Checks, source_checksum: Option<String>, qcow2_bytes: Option<u64>) -> Option<String> {
        checks.pass(&Found { source_checksum, qcow2_bytes }).err().map(|refusal| refusal.reason)
    }

    #[test]
    fn what_differs_from_what_was_asked_is_refused() {
        let checks = Checks::new(Some(&sum("A")), Some(100)).unwrap();
        assert_eq!(refused(&checks, Some(sum("a")), Some(100)), None, "digits of either case, and no more than may be");
        assert_eq!(refused(&checks, Some(sum("a")), None), None, "a size that was not counted was judged before");
        assert_eq!(refused(&checks, Some(sum("b")), Some(100)).as_deref(), Some("ChecksumMismatch"));
        assert_eq!(refused(&checks, None, Some(100)).as_deref(), Some("ChecksumMismatch"), "not read is not verified");
        assert_eq!(refused(&checks, Some(sum("a")), Some(101)).as_deref(), Some("ImageTooLarge"));
        let none = Checks::new(None, None).unwrap();
        assert!(checks.need_whole_object() && !none.need_whole_object());
        assert_eq!(refused(&none, Some(sum("b")), Some(u64::MAX)), None);
        let message = checks.pass(&Found { source_checksum: Some(sum("b")), qcow2_bytes: None }).unwrap_err().message;
        assert!(message.contains(&sum("a")) && message.contains(&sum("b")), "both digests: {message}");
    }

    #[test]
    fn what_is_no_checksum_is_refused_before_anything_is_read() {
        for wrong in ["", "sha256:", "md5:00", &sum("g"), &sum("a")[1..], &format!("{}0", sum("a")), &"a".repeat(64)] {
            assert!(Checks::new(Some(wrong), None).is_err(), "{wrong}");
        }
    }
}
