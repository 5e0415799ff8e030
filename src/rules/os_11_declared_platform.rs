//! # What it checks
//! That the system is of the family and the platform that were declared.
//!
//! # Why
//! Alibaba Cloud's form asks for both, and sets instances up by what was said there.
//!
//! # How it is found
//! `spec.image.osType` is compared with the family of the system, `spec.image.platform` with its `ID` by the profile's list
//! of systems. `Customized Linux` and `Others Linux` fit any Linux. Nothing declared, nothing to compare.
//!
//! # How to mend it
//! Correct `spec.image.osType` and `spec.image.platform`, or leave them out.

use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, case::known, shown};
use crate::api::{OperatingSystem, OsType};
use crate::inspect::facts::Family;

/// OS-11.
pub const RULE: Rule = Rule {
    id: "OS-11",
    name: "DeclaredPlatformMatches",
    code: "DeclaredPlatformMismatch",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("os_11_declared_platform.rs"),
    check,
};

fn check(case: &Case) -> Judged {
    let (declared, platform) = (case.request.os_type, case.request.platform.as_deref());
    if declared.is_none() && platform.is_none() {
        return Ok(Verdict::not_applicable("neither family nor platform was declared"));
    }
    let family = match case.guest()?.family {
        Family::Windows => OsType::Windows,
        Family::Linux | Family::FreeBSD => OsType::Linux,
        Family::Unknown => return Ok(Verdict::missing("the family of the system was not recognised")),
    };
    if let Some(declared) = declared.filter(|declared| *declared != family) {
        return Ok(Finding::new(format!("declared as {declared:?}, and the system is a {family:?}"))
            .remedy(format!("Set spec.image.osType to {family:?}, or leave it out."))
            .fail(Grade::Breach));
    }
    let Some(platform) = platform else { return Ok(Verdict::passed(format!("{family:?}, as declared"))) };
    let of_windows = match case.platform_choice() {
        Some(choice) => choice.os_type == OsType::Windows,
        None => platform.to_ascii_lowercase().starts_with("windows"),
    };
    if of_windows != (family == OsType::Windows) {
        return Ok(mismatch(platform, &format!("the system is a {family:?}")));
    }
    if of_windows {
        return Ok(Verdict::not_read("which Windows it is, is not read by this version"));
    }
    if let Some(platform) = case.custom_platform() {
        return Ok(Verdict::passed(format!("{platform} fits any Linux")));
    }
    let named: Vec<&OperatingSystem> =
        case.profile.operating_systems.iter().filter(|system| system.is_called(platform)).collect();
    if named.is_empty() {
        return Ok(Verdict::missing(format!("{} is no platform of the cloud's list", shown(platform))));
    }
    let release = known(case.guest()?.release.as_ref(), "the release file")?;
    if release.id.is_empty() {
        return Ok(Verdict::missing("no release file names the distribution"));
    }
    if named.iter().any(|system| system.ids.contains(&release.id)) {
        return Ok(Verdict::passed(format!("{}, as declared", shown(platform))));
    }
    Ok(mismatch(platform, &format!("the system says ID={} in {}", shown(&release.id), shown(&release.file))))
}

fn mismatch(platform: &str, found: &str) -> Verdict {
    Finding::new(format!("declared as {}, and {found}", shown(platform)))
        .remedy("Correct spec.image.platform, or leave it out.")
        .fail(Grade::Breach)
}
