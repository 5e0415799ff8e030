//! What the package database says of the distribution, held against the release file.

use super::version::numbers;
use super::{Case, shown};
use crate::inspect::facts::{Packages, Release, ReleasePackage};

/// rpm's packages with the release file, and the `ID`s it has there. A name with a dash at its end begins theirs.
const OF_RPM: &[(&str, &[&str])] = &[
    ("Leap-release", &["opensuse-leap"]),
    ("SLES_SAP-release", &["sles_sap", "sles"]),
    ("alinux-release", &["alinux"]),
    ("almalinux-release", &["almalinux"]),
    ("anolis-release", &["anolis"]),
    ("centos-linux-release", &["centos"]),
    ("centos-release", &["centos"]),
    ("centos-stream-release", &["centos"]),
    ("enterprise-release", &["ol"]),
    ("fedora-release", &["fedora"]),
    ("fedora-release-", &["fedora"]),
    ("openEuler-release", &["openEuler", "openeuler"]),
    ("openSUSE-release", &["opensuse", "opensuse-leap", "opensuse-tumbleweed"]),
    ("oraclelinux-release", &["ol"]),
    ("redhat-release", &["rhel"]),
    ("redhat-release-", &["rhel"]),
    ("rocky-release", &["rocky"]),
    ("sl-release", &["scientific"]),
    ("sled-release", &["sled"]),
    ("sles-release", &["sles", "sles_sap"]),
    ("system-release", &["amzn"]),
    ("tencentos-release", &["tencentos"]),
];
/// dpkg's package with the release file.
const OF_DPKG: &str = "base-files";

/// What the database says against the release file: in a sentence, and the command that puts the file back. Nothing where
/// it agrees, or has no word on it. `versions`: the version counts.
pub fn contradiction(case: &Case, release: &Release, versions: bool) -> Option<(String, String)> {
    let packages = packages(case)?;
    let named: Vec<(&ReleasePackage, &[&str])> =
        packages.release.iter().filter_map(|package| Some((package, ids(packages, package, release)?))).collect();
    let own = named.iter().find(|(_, ids)| ids.contains(&release.id.as_str()));
    let package = match own {
        None => named.first().filter(|_| is_known(&packages.manager, &release.id))?.0,
        Some((package, _)) => {
            let (by_file, by_package) = (numbers(&release.version_id), numbers(without_epoch(&package.version)));
            let (by_file, by_package) = (by_file.first()?, by_package.first()?);
            (versions && by_file != by_package).then_some(*package)?
        }
    };
    let said = format!(
        "the package database has {} {}, though {} says ID={} VERSION_ID={}",
        shown(&package.name),
        shown(&package.version),
        shown(&release.file),
        shown(&release.id),
        shown(&release.version_id)
    );
    Some((said, format!("In the guest: `{}`.", reinstall(packages, package))))
}

fn packages<'a>(case: &Case<'a>) -> Option<&'a Packages> {
    case.facts.guest.as_ref()?.linux.as_ref()?.packages.as_ref()?.known()
}

/// The `ID`s that come with a package; `None` where it does not tell.
fn ids(packages: &Packages, package: &ReleasePackage, release: &Release) -> Option<&'static [&'static str]> {
    match packages.manager.as_str() {
        "rpm" => {
            let is = |name: &str| package.name == name || (name.ends_with('-') && package.name.starts_with(name));
            OF_RPM.iter().find(|(name, _)| is(name)).map(|(_, ids)| *ids)
        }
        // A version with a dash is of somebody who builds it anew, under numbers of their own.
        "dpkg" if package.name == OF_DPKG && !package.version.contains('-') => {
            let ubuntu = package.version.contains("ubuntu");
            // Ubuntu counts its base-files by Debian's versions: nothing in them is its own version.
            match (ubuntu, release.id.as_str()) {
                (true, "ubuntu") => None,
                (true, _) => Some(&["ubuntu"]),
                (false, _) => Some(&["debian"]),
            }
        }
        _ => None,
    }
}

/// Whether packages of that `ID` are known: of others any may be right.
fn is_known(manager: &str, id: &str) -> bool {
    match manager {
        "rpm" => OF_RPM.iter().any(|(_, ids)| ids.contains(&id)),
        _ => matches!(id, "debian" | "ubuntu"),
    }
}

fn without_epoch(version: &str) -> &str {
    version.split_once(':').map_or(version, |(_, version)| version)
}

fn reinstall(packages: &Packages, package: &ReleasePackage) -> String {
    let name = &package.name;
    match packages.manager.as_str() {
        "dpkg" => format!("apt-get install --reinstall {OF_DPKG}"),
        _ if ["SLES", "sle", "openSUSE", "Leap"].iter().any(|start| name.starts_with(start)) => {
            format!("zypper install --force {}", printed(name))
        }
        _ => format!("yum reinstall {}", printed(name)),
    }
}

/// The name of a package in a command: what is no name of one has no business there.
fn printed(name: &str) -> &str {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+'));
    if plain { name } else { "PACKAGE" }
}
