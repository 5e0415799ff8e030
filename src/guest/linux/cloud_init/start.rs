//! What starts cloud-init at boot, and what keeps it from starting.

use super::identify::{GENERATOR, Identify, KERNEL_LINE, Mode};
use crate::disk::Result;
use crate::guest::Tree;
use crate::guest::linux::services::{Service, Services, Start};
use crate::guest::linux::{PATH_MAX, cut};

/// Units of which any one that starts is cloud-init (`cloud-init-network` and `-main` since 24.3).
const UNITS: &[&str] = &[
    "cloud-init-local.service",
    "cloud-init.service",
    "cloud-init-network.service",
    "cloud-init-main.service",
    "cloud-final.service",
];
/// Names of its System V scripts and upstart jobs.
const SCRIPTS: &[&str] = &["cloud-init-local", "cloud-init", "cloud-final"];
/// What the generator adds to the boot, and what then starts them.
const TARGET: &str = "cloud-init.target";
const WANTS: &[&str] = &["/cloud-init.target.wants/", "/cloud-init.target.requires/"];
/// The file that turns it off, and the one that keeps it on all the same (cloud-init's documentation, "Boot stages").
const OFF: &str = "/etc/cloud/cloud-init.disabled";
const ON: &str = "/etc/cloud/cloud-init.enabled";
/// What turns it off or on, whatever the files say: the last such word counts.
const WORD: &str = "cloud-init=";

/// What makes it start and what keeps it from starting, where either is known.
///
/// # Errors
/// What the filesystem reports, and `Unsupported` where only the running machine would tell.
pub fn read(
    tree: &Tree,
    services: &Services,
    command_line: &str,
    identify: Option<&Identify>,
) -> Result<(Option<String>, Option<String>)> {
    let mut disabled_by = turned_off(tree, command_line)?;
    let mut starts = Start::Absent;
    for unit in UNITS {
        let start = services.start(&Service { units: &[unit], scripts: &[] })?;
        if let (None, Start::Kept { by }) = (&disabled_by, &start) {
            disabled_by = Some(by.clone());
        }
        starts = starts.or(start);
    }
    starts = starts.or(services.start(&Service { units: &[], scripts: SCRIPTS })?);
    if disabled_by.is_none() && starts == Start::Disabled {
        disabled_by = kept(services)?;
    }
    let enabled_by = match starts {
        Start::Enabled { by } => Some(by),
        Start::Unknown { why } if disabled_by.is_none() => {
            return Err(crate::disk::Error::unsupported("cloud-init", why));
        }
        // A generator and none of the units that are known: it brings others.
        Start::Absent => match services.systemd() {
            Some(units) => units.generator(GENERATOR)?,
            None => None,
        },
        _ => None,
    };
    let switched_off = identify.filter(|identify| identify.runs && identify.mode == Mode::Disabled);
    if let (None, Some(by), Some(policy)) = (&disabled_by, &enabled_by, switched_off.and_then(|i| i.policy.as_ref()))
        && needs_generator(services, by)?
    {
        disabled_by = Some(cut(&format!("{}: {}", policy.place, policy.line), PATH_MAX));
    }
    Ok((enabled_by, disabled_by))
}

/// What turns it off for its generator (`kernel_cmdline` and `etc_file` in it).
fn turned_off(tree: &Tree, command_line: &str) -> Result<Option<String>> {
    match command_line.split_whitespace().filter_map(|word| word.strip_prefix(WORD)).next_back() {
        Some("disabled") => return Ok(Some(format!("{KERNEL_LINE}: {WORD}disabled"))),
        Some("enabled") => return Ok(None),
        _ => {}
    }
    let off = !tree.exists(ON)? && tree.exists(OFF)?;
    Ok(off.then(|| OFF.to_owned()))
}

/// Whether what starts it does so only where the generator adds the target.
fn needs_generator(services: &Services, by: &str) -> Result<bool> {
    if by.ends_with(GENERATOR) {
        return Ok(true);
    }
    let target = services.start(&Service { units: &[TARGET], scripts: &[] })?;
    Ok(WANTS.iter().any(|folder| by.contains(folder)) && !matches!(target, Start::Enabled { .. }))
}

/// What keeps the target from starting by which the links of its units are.
fn kept(services: &Services) -> Result<Option<String>> {
    let Some(units) = services.systemd() else { return Ok(None) };
    let target = units.start(TARGET)?;
    if let Start::Kept { by } = target {
        return Ok(Some(by));
    }
    let linked = target != Start::Absent;
    if let Some(mask) = units.masked_generator(GENERATOR)?.filter(|_| linked) {
        return Ok(Some(format!("{mask} (masked)")));
    }
    let reached = units.reaches("multi-user.target")?;
    if linked && !reached { units.ends_before("multi-user.target").map(Some) } else { Ok(None) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::linux::services::tests::{service, targets};
    use crate::guest::testing::MemoryFs;

    const ETC: &str = "/etc/systemd";

    fn kept_by(fs: MemoryFs) -> Option<String> {
        kept(&Services::open(&fs.tree(), None).unwrap()).unwrap()
    }

    /// The links of its units are there, and what reads them is not.
    #[test]
    fn a_target_or_a_generator_that_is_masked_is_named() {
        let fs = || {
            service(targets(), "cloud-init.service", "")
                .file("/usr/lib/systemd/system/cloud-init.target", "[Unit]\n")
                .file("/usr/lib/systemd/system-generators/cloud-init-generator", "#!/bin/sh\n")
        };
        assert_eq!(kept_by(fs()), None);
        let target = fs().link(&format!("{ETC}/system/cloud-init.target"), "/dev/null");
        assert_eq!(kept_by(target), Some(format!("{ETC}/system/cloud-init.target (masked)")));
        let generator = fs().link(&format!("{ETC}/system-generators/cloud-init-generator"), "/dev/null");
        assert_eq!(kept_by(generator), Some(format!("{ETC}/system-generators/cloud-init-generator (masked)")));
        let rescue = fs().link(&format!("{ETC}/system/default.target"), "/usr/lib/systemd/system/rescue.target");
        let by = "/etc/systemd/system/default.target leads to rescue.target: multi-user.target is not reached";
        assert_eq!(kept_by(rescue).as_deref(), Some(by));
        assert_eq!(kept_by(targets()), None);
    }
}
