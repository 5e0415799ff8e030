//! Exit codes of `inspect`: the verdict below 64, sysexits(3) from there on.

use crate::disk::{Error, ErrorKind};
use crate::report::{Overall, Report};

/// Compliant.
pub const COMPLIANT: u8 = 0;
/// Not compliant.
pub const NON_COMPLIANT: u8 = 1;
/// Undetermined.
pub const UNDETERMINED: u8 = 2;
/// `EX_USAGE`: wrong arguments.
pub const USAGE: u8 = 64;
/// `EX_NOINPUT`: no such file.
pub const NO_INPUT: u8 = 66;
/// `EX_SOFTWARE`: a defect of this program.
pub const INTERNAL: u8 = 70;
/// `EX_IOERR`: standard output could not be written.
pub const OUTPUT: u8 = 74;
/// `EX_TEMPFAIL`: the transport failed, trying again may help.
pub const TRANSPORT: u8 = 75;
/// `EX_CONFIG`: credentials that cannot be used.
pub const CONFIG: u8 = 78;

/// With named profiles the image must comply with all of them, without with any of the built-in ones.
pub fn of_reports(reports: &[Report], named: bool) -> u8 {
    let any = |verdict| reports.iter().any(|r| r.verdict == verdict);
    match named {
        true if any(Overall::NonCompliant) => NON_COMPLIANT,
        true if any(Overall::Undetermined) => UNDETERMINED,
        true => COMPLIANT,
        false if any(Overall::Compliant) => COMPLIANT,
        false if any(Overall::Undetermined) => UNDETERMINED,
        false => NON_COMPLIANT,
    }
}

/// The code of an error that left no facts.
pub fn of_error(error: &Error) -> u8 {
    match error.kind {
        ErrorKind::Io | ErrorKind::Limit => TRANSPORT,
        ErrorKind::NotFound if error.layer == crate::source::credentials::LAYER => CONFIG,
        ErrorKind::NotFound => NO_INPUT,
        ErrorKind::Unsupported | ErrorKind::Encrypted => USAGE,
        ErrorKind::Corrupt => INTERNAL,
    }
}
