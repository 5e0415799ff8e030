//! What starts cloud-init at boot, and what keeps it from starting.

use crate::disk::Result;
use crate::guest::Tree;
use crate::guest::linux::{PATH_MAX, cut, optional};

/// Units of which any one that is wanted starts cloud-init (`cloud-init-network` and `-main` since 24.3).
const UNITS: &[&str] = &[
    "cloud-init-local.service",
    "cloud-init.service",
    "cloud-init-network.service",
    "cloud-init-main.service",
    "cloud-final.service",
];
/// Unit directories, the one that wins first (systemd.unit(5)).
const UNIT_DIRS: &[&str] =
    &["/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];
/// Directories of generators (systemd.generator(7)).
const GENERATORS: &[&str] =
    &["/etc/systemd/system-generators", "/usr/lib/systemd/system-generators", "/lib/systemd/system-generators"];
/// Directories of System V start links, a machine's usual runlevels.
const RUNLEVELS: &[&str] = &[
    "/etc/rc2.d",
    "/etc/rc3.d",
    "/etc/rc5.d",
    "/etc/rc.d/rc2.d",
    "/etc/rc.d/rc3.d",
    "/etc/rc.d/rc5.d",
    "/etc/init.d/rc3.d",
    "/etc/init.d/rc5.d",
];
/// Names of its System V scripts and upstart jobs.
const SCRIPTS: &[&str] = &["cloud-init-local", "cloud-init", "cloud-final"];
/// The file that turns it off (cloud-init's documentation, "Boot stages").
const OFF: &str = "/etc/cloud/cloud-init.disabled";
/// Most names of one directory that are looked at.
const MAX_NAMES: usize = 4096;

/// The link or file that makes it start; `None` where nothing does.
///
/// # Errors
/// What the filesystem reports.
#[expect(clippy::case_sensitive_file_extension_comparisons, reason = "as systemd compares")]
pub fn enabled_by(tree: &Tree) -> Result<Option<String>> {
    for dir in UNIT_DIRS {
        for target in optional(tree.list(dir, MAX_NAMES))?.unwrap_or_default() {
            if !target.ends_with(".wants") && !target.ends_with(".requires") {
                continue;
            }
            // What its own target wants does not start it: something has to want the target.
            if target.starts_with("cloud-init.target") && !target_is_wanted(tree)? {
                continue;
            }
            for unit in UNITS {
                let link = format!("{dir}/{target}/{unit}");
                // A link to nothing is what "systemctl enable" leaves of a package that is gone.
                if tree.exists(&link)? && !masked(tree, unit)? {
                    return Ok(Some(cut(&link, PATH_MAX)));
                }
            }
        }
    }
    for dir in GENERATORS {
        let path = format!("{dir}/cloud-init-generator");
        if tree.exists(&path)? {
            return Ok(Some(path));
        }
    }
    for dir in RUNLEVELS {
        for name in optional(tree.list(dir, MAX_NAMES))?.unwrap_or_default() {
            let script = name.strip_prefix('S').map(|s| s.trim_start_matches(|c: char| c.is_ascii_digit()));
            if script.is_some_and(|script| SCRIPTS.contains(&script)) && tree.exists(&format!("{dir}/{name}"))? {
                return Ok(Some(cut(&format!("{dir}/{name}"), PATH_MAX)));
            }
        }
    }
    for script in SCRIPTS {
        let path = format!("/etc/init/{script}.conf");
        if tree.exists(&path)? {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// What keeps it from starting; `None` where nothing does.
///
/// # Errors
/// What the filesystem reports.
pub fn disabled_by(tree: &Tree, command_line: Option<&str>) -> Result<Option<String>> {
    if tree.exists(OFF)? {
        return Ok(Some(OFF.to_owned()));
    }
    if command_line.unwrap_or_default().split_whitespace().any(|word| word == "cloud-init=disabled") {
        return Ok(Some("kernel command line: cloud-init=disabled".to_owned()));
    }
    for unit in UNITS {
        if masked(tree, unit)? {
            return Ok(Some(format!("/etc/systemd/system/{unit} (masked)")));
        }
    }
    Ok(None)
}

/// `cloud-init.target` is wanted by a target of the boot, or made so by the generator.
fn target_is_wanted(tree: &Tree) -> Result<bool> {
    for dir in UNIT_DIRS {
        for target in ["multi-user.target.wants", "graphical.target.wants", "default.target.wants"] {
            if optional(tree.stat_link(&format!("{dir}/{target}/cloud-init.target")))?.is_some() {
                return Ok(true);
            }
        }
    }
    for dir in GENERATORS {
        if tree.exists(&format!("{dir}/cloud-init-generator"))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A unit is masked by a link to `/dev/null`, or an empty file, in `/etc` (systemd.unit(5)).
fn masked(tree: &Tree, unit: &str) -> Result<bool> {
    let path = format!("/etc/systemd/system/{unit}");
    if optional(tree.read_link(&path))?.is_some_and(|target| target == "/dev/null") {
        return Ok(true);
    }
    Ok(optional(tree.stat_link(&path))?
        .is_some_and(|s| s.kind == crate::disk::filesystem::NodeKind::File && s.size == 0))
}
