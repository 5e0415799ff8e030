//! # What it checks
//! That the distribution, and where the cloud counts versions its version, is one the cloud lists.
//!
//! # Why
//! A cloud configures the machines it makes (network, password, host name) with scripts for the systems it lists. Others
//! are refused, or imported under a platform of their own on which the cloud does less or nothing.
//!
//! # How it is found
//! `ID`, `ID_LIKE` and `VERSION_ID` of `/etc/os-release`, or what an older release file amounts to. Versions are compared by
//! the part before the first dot, unless the profile says exactly or at least. What the package database says of it (dpkg's
//! `base-files`, rpm's `centos-release` and its kin) is held against the file, which anybody may have changed. A system
//! without a version is Unknown where versions count; one that no file names is on no list. With the platform declared as one for unlisted systems the rule passes
//! and says what was found.
//! Where the cloud takes what is based on a listed system, `ID_LIKE` has to name one; Alibaba Cloud Linux, a system of
//! another cloud, is refused there all the same.
//!
//! # How to mend it
//! A release file that is not of the system: install its package again (`yum reinstall centos-release`, `zypper install
//! --force sles-release`, `apt-get install --reinstall base-files`). Where the cloud has such platforms, declare the image as
//! `Customized Linux` or `Others Linux` in `spec.image.platform`.
//! Otherwise upgrade an older guest to a listed version, or reinstall one that is newer than the list, or not on it.

use super::version::compare;
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, case::release, release_package, shown};
use crate::api::{OperatingSystem, VersionMatch};
use crate::inspect::facts::{Family, Release};

/// OS-01.
pub const RULE: Rule = Rule {
    id: "OS-01",
    name: "OsVersionAccepted",
    code: "OsVersionNotSupported",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("os_01_version_accepted.rs"),
    check,
};

/// Systems of their own right, whatever their `ID_LIKE` names: Alibaba Cloud Linux says "rhel fedora centos".
const OF_THEIR_OWN: &[&str] = &["alinux"];

fn check(case: &Case) -> Judged {
    let guest = case.guest()?;
    match guest.family {
        Family::Windows => return Ok(Verdict::not_applicable("a Windows system")),
        Family::Unknown => return Ok(Verdict::missing("the family of the operating system was not recognised")),
        Family::Linux | Family::FreeBSD => {}
    }
    let release = release(case);
    if let Some(platform) = case.custom_platform() {
        let found = release.ok().flatten().map_or_else(|| "an unknown system".to_owned(), found);
        return Ok(Verdict::passed(format!("{found}, declared as {platform}")));
    }
    let Some(release) = release? else {
        let finding = Finding::new("no release file says what system this is").seen("no file", "/etc/os-release");
        return Ok(not_listed(case, &Release::default(), &[], finding));
    };
    if release.id.is_empty() {
        return Ok(Verdict::missing("no release file names the distribution"));
    }
    let finding = Finding::new(found(release)).seen(identity(release), release.file.clone());
    let systems = &case.profile.operating_systems;
    let by_id: Vec<&OperatingSystem> = systems.iter().filter(|s| s.ids.contains(&release.id)).collect();
    let versions = !by_id.is_empty() && by_id.iter().all(|system| !system.versions.is_empty());
    let finding = match release_package::contradiction(case, release, versions) {
        Some((what, remedy)) => finding.note(Grade::Doubt, what).remedy(remedy),
        None => finding,
    };
    if !by_id.is_empty() {
        return Ok(by_version(case, release, &by_id, finding));
    }
    if case.profile.derivatives
        && !OF_THEIR_OWN.contains(&release.id.as_str())
        && let Some((system, like)) =
            release.id_like.iter().find_map(|like| Some((systems.iter().find(|s| s.ids.contains(like))?, like)))
    {
        let note =
            format!("{} is not listed itself; it is like {} ({})", shown(&release.id), like, system.cite.join("; "));
        return Ok(finding.note(Grade::Note, note).pass());
    }
    Ok(not_listed(case, release, &[], finding))
}

/// Whether the system is on the profile's list; `None` where that cannot be told.
pub fn listed(case: &Case) -> Option<bool> {
    let Some(release) = release(case).ok()? else { return Some(false) };
    if release.id.is_empty() {
        return None;
    }
    let by_id: Vec<&OperatingSystem> =
        case.profile.operating_systems.iter().filter(|system| system.ids.contains(&release.id)).collect();
    if by_id.is_empty() {
        return Some(false);
    }
    match by_version(case, release, &by_id, Finding::default()) {
        Verdict::Pass(_) => Some(true),
        Verdict::Fail(..) => Some(false),
        Verdict::Unknown(_) | Verdict::NotApplicable(_) => None,
    }
}

fn by_version(case: &Case, release: &Release, systems: &[&OperatingSystem], finding: Finding) -> Verdict {
    let finding = match release.id.as_str() {
        "flatcar" => finding.note(Grade::Note, "Flatcar is CoreOS's successor; the document names only CoreOS"),
        "centos" if release.pretty_name.contains("Stream") => {
            finding.note(Grade::Note, "CentOS Stream runs ahead of RHEL; the document names only CentOS")
        }
        _ => finding,
    };
    if systems.iter().any(|s| s.versions.is_empty()) {
        return finding.pass();
    }
    if super::version::numbers(&release.version_id).is_empty() {
        return Verdict::missing(format!("{} does not say its version, and the cloud lists versions", found(release)));
    }
    if systems.iter().any(|s| s.versions.iter().any(|listed| matches(s.compare, &release.version_id, listed))) {
        finding.pass()
    } else {
        not_listed(case, release, systems, finding)
    }
}

fn matches(how: VersionMatch, found: &str, listed: &str) -> bool {
    let major = |version: &str| super::version::numbers(version).first().copied();
    match how {
        VersionMatch::Major => major(found) == major(listed),
        VersionMatch::Exact => compare(found, listed).is_eq(),
        VersionMatch::AtLeast => compare(found, listed).is_ge(),
    }
}

/// How a system comes to be one that is listed: the verb and the rest; `named` are the entries of its own name.
fn way_back(release: &Release, named: &[&OperatingSystem]) -> (&'static str, &'static str) {
    let found = &release.version_id;
    let mut listed = named.iter().flat_map(|s| &s.versions);
    match () {
        () if named.is_empty() => ("Reinstall", "the guest with a listed system"),
        () if listed.all(|version| compare(found, version).is_gt()) => {
            ("Reinstall", "the guest with an older, listed version: this one is newer than all of them")
        }
        () => ("Upgrade", "the guest to a listed version"),
    }
}

fn not_listed(case: &Case, release: &Release, named: &[&OperatingSystem], finding: Finding) -> Verdict {
    let listed: Vec<String> = case.profile.operating_systems.iter().map(listing).collect();
    let like = match (case.profile.derivatives, release.id_like.is_empty()) {
        (true, false) => format!(", like {}", shown(&release.id_like.join(" "))),
        _ => String::new(),
    };
    let what = match release.id.as_str() {
        "" => format!("{}, so that it is not listed", finding.message),
        _ => format!("{}{like} is not listed", finding.message),
    };
    let message = format!("{what} ({}): {}", case.cited(), listed.join(", "));
    let platforms = case.profile.custom_platforms.join(" or ");
    let finding = Finding { message, ..finding };
    let (verb, way) = way_back(release, named);
    let finding = if platforms.is_empty() {
        finding.remedy(format!("{verb} {way}."))
    } else {
        finding.remedy(format!(
            "Declare spec.image.platform {platforms} ({}; the list used is {}, the cloud's list of public images is not in its document), or {} {way}.",
            case.profile.custom_platforms_cite.join("; "),
            case.cited(),
            verb.to_ascii_lowercase()
        ))
    };
    finding.fail(Grade::Breach)
}

fn found(release: &Release) -> String {
    let name = if release.pretty_name.is_empty() { &release.id } else { &release.pretty_name };
    let version = if release.version_id.is_empty() {
        String::new()
    } else {
        format!(" (version {})", shown(&release.version_id))
    };
    format!("{}{version}", shown(name))
}

fn identity(release: &Release) -> String {
    format!(
        "ID={}, ID_LIKE={}, VERSION_ID={}",
        shown(&release.id),
        shown(&release.id_like.join(" ")),
        shown(&release.version_id)
    )
}

/// A listed system as the document has it: `CentOS 5/6/7/8`, `CoreOS 681.2.0+`.
fn listing(system: &OperatingSystem) -> String {
    let or_later = if system.compare == VersionMatch::AtLeast { "+" } else { "" };
    let versions = system.versions.join("/");
    if versions.is_empty() { system.name.clone() } else { format!("{} {versions}{or_later}", system.name) }
}
