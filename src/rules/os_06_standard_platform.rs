//! # What it checks
//! What the user has to do by hand where the image is declared as one of a non-standard platform.
//!
//! # Why
//! A system that is not on Alibaba Cloud's list, or on it without keeping its rules, is imported as `Customized Linux` or
//! `Others Linux`. The cloud then does less to its instances, or nothing.
//!
//! # How it is found
//! From `spec.image.platform`. Without one of the two there is nothing to say here: the rule that fails names them as the
//! way out. The list used is that of systems that can be imported; the cloud also speaks of the list of its public images,
//! which is not in its document.
//!
//! # How to mend it
//! Nothing needs mending. To have the cloud set network and password, keep the rules of a listed system and declare that.

use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, os_01_version_accepted as os_01};

/// OS-06.
pub const RULE: Rule = Rule {
    id: "OS-06",
    name: "StandardPlatform",
    code: "NonStandardPlatform",
    verifiable: Verifiable::Partly,
    structural: false,
    source: include_str!("os_06_standard_platform.rs"),
    check,
};

const OTHERS: &str = "the cloud does nothing to the instances: set IP address, route and password through the console's remote connection; the network is set up by itself only where DHCP was on before the image was made, the password never";
const CUSTOMIZED: &str =
    "the cloud sets network and password as the image's own boot script asks for: see CustomizedLinuxPrepared";

#[expect(clippy::unnecessary_wraps, reason = "the type of every rule")]
fn check(case: &Case) -> Judged {
    let Some(platform) = case.custom_platform() else {
        return Ok(Verdict::not_applicable("the platform is a listed one, or none was declared"));
    };
    let why = match os_01::listed(case) {
        Some(true) => "the system is a listed one, and declared otherwise",
        Some(false) => "the system is not listed",
        None => "the system is not known",
    };
    let consequence = if platform.starts_with("Others") { OTHERS } else { CUSTOMIZED };
    Ok(Finding::new(format!("declared as {platform} ({why}): {consequence} ({})", case.cited())).fail(Grade::Note))
}
