//! Exit codes of `import`: the verdict below 64, sysexits(3) from there on, as those of `inspect`.

use crate::api::ImageImport;
use crate::api::conditions::{COMPLIANT, STALLED, find, reason};
use crate::cli::inspect::exit::{self, INTERNAL, NO_INPUT, NON_COMPLIANT, TRANSPORT, UNDETERMINED};
use crate::disk::Error;

/// `EX_DATAERR`: the image is damaged, another one, or cannot become what is asked for.
pub const DATA: u8 = 65;
/// `EX_CANTCREAT`: something is there already, or cannot be made.
pub const CANNOT_CREATE: u8 = 73;
/// `EX_NOPERM`: a store refuses.
pub const FORBIDDEN: u8 = 77;

/// The code of the verdict that an import's status has, or of what stood in the way of the object.
pub fn of_verdict(import: &ImageImport) -> u8 {
    let conditions = import.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    match find(conditions, STALLED).map(|condition| condition.reason.as_str()) {
        Some(reason::SOURCE_NOT_FOUND) => return NO_INPUT,
        Some(reason::SOURCE_FORBIDDEN) => return FORBIDDEN,
        _ => {}
    }
    match find(conditions, COMPLIANT).map(|condition| condition.status.as_str()) {
        Some("True") => exit::COMPLIANT,
        Some("False") => NON_COMPLIANT,
        _ => UNDETERMINED,
    }
}

/// The code of a conversion that was refused.
pub fn of_refusal(reason: &str) -> u8 {
    match reason {
        "SourceCorrupt" | "ChecksumMismatch" | "ConversionNotSupported" => DATA,
        // A rule that only the whole image could answer.
        "ImageTooLarge" => NON_COMPLIANT,
        "SourceNotFound" => NO_INPUT,
        // What is there now was not judged.
        "SourceChanged" | "DeadlineExceeded" => TRANSPORT,
        "DestinationExists" | "DestinationNotFound" => CANNOT_CREATE,
        "SourceForbidden" | "DestinationForbidden" => FORBIDDEN,
        _ => INTERNAL,
    }
}

/// The code of work that failed.
pub fn of_error(error: &Error) -> u8 {
    if error.layer.contains(crate::source::credentials::LAYER) { exit::CONFIG } else { exit::of_error(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_a_code_of_its_own_kind() {
        for (reason, code) in [
            ("SourceCorrupt", 65),
            ("ChecksumMismatch", 65),
            ("ImageTooLarge", 1),
            ("SourceChanged", 75),
            ("DeadlineExceeded", 75),
            ("DestinationExists", 73),
            ("DestinationForbidden", 77),
            ("Unheard", 70),
        ] {
            assert_eq!(of_refusal(reason), code, "{reason}");
        }
        assert_eq!(of_error(&Error::not_found("destination credentials", "no key")), 78);
        assert_eq!(of_error(&Error::io("destination", "down")), 75);
    }
}
