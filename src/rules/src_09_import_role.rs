//! # What it checks
//! That the account has the role with which the cloud reads the bucket.
//!
//! # Why
//! Alibaba Cloud imports on behalf of an account only where that account lets it read the bucket: an administrator gives
//! it the role `AliyunECSImageImportDefaultRole` once. Without it the import is refused (`NoSetRoletoECSServiceAcount`, as
//! the cloud spells it).
//!
//! # How it is found
//! It cannot be seen from here: neither the image nor the bucket shows it. It is told until the user acknowledges it.
//!
//! # How to mend it
//! In the cloud's console, import an image once by hand: it offers to give the role (and `AliyunECSExportDefaultRole`,
//! elsewhere called `AliyunECSImageExportDefaultRole`, which an import does not need). Then set
//! `spec.image.acknowledgements: [ImportRole]`.

use super::{Case, Finding, Grade, Judged, Rule, Verifiable};
use crate::api::Acknowledgement;

/// SRC-09.
pub const RULE: Rule = Rule {
    id: "SRC-09",
    name: "ImportRoleAuthorized",
    code: "ImportRoleNotAuthorized",
    verifiable: Verifiable::Partly,
    structural: false,
    source: include_str!("src_09_import_role.rs"),
    check,
};

#[expect(clippy::unnecessary_wraps, reason = "the type of every rule")]
fn check(case: &Case) -> Judged {
    if let Some(pass) = case.acknowledged(Acknowledgement::ImportRole, "the role of the account") {
        return Ok(pass);
    }
    let message = "the account needs the role AliyunECSImageImportDefaultRole, which cannot be seen from here";
    Ok(Finding::new(message).fail(Grade::Note))
}
