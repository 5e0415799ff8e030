//! What starts at boot, by systemd's wants, start links of System V, OpenRC's runlevels and upstart's jobs.
//!
//! The one question asked here is [`Units::enabled`].

use std::collections::BTreeMap;

use super::files::names;
use crate::disk::Result;
use crate::disk::filesystem::NodeKind;
use crate::guest::Tree;
use crate::guest::linux::{PATH_MAX, cut, optional};

/// Unit directories, the one that wins first (systemd.unit(5)).
const UNIT_DIRS: &[&str] = &["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];
/// Targets whose wants do not start with the machine by themselves.
const NOT_AT_BOOT: &[&str] =
    &["network-online.", "rescue.", "emergency.", "shutdown.", "reboot.", "halt.", "poweroff."];
/// Directories of start links, a machine's usual runlevels.
const RUNLEVELS: &[&str] = &[
    "/etc/rcS.d",
    "/etc/rc2.d",
    "/etc/rc3.d",
    "/etc/rc5.d",
    "/etc/rc.d/rc3.d",
    "/etc/rc.d/rc5.d",
    "/etc/init.d/boot.d",
    "/etc/init.d/rc3.d",
    "/etc/init.d/rc5.d",
    "/etc/runlevels/boot",
    "/etc/runlevels/default",
];
const SYSTEMD: &[&str] = &["/usr/lib/systemd/systemd", "/lib/systemd/systemd"];

/// What starts at boot.
pub struct Units<'a> {
    tree: &'a Tree,
    /// A unit, without `.service`, and the link that wants it.
    wanted: BTreeMap<String, String>,
    /// A script and its start link.
    scripts: BTreeMap<String, String>,
    systemd: bool,
}

impl<'a> Units<'a> {
    /// Lists the links.
    ///
    /// # Errors
    /// What the filesystem reports.
    pub fn read(tree: &'a Tree) -> Result<Self> {
        let mut systemd = false;
        for program in SYSTEMD {
            systemd = systemd || tree.exists(program)?;
        }
        let mut units = Self { tree, wanted: BTreeMap::new(), scripts: BTreeMap::new(), systemd };
        for dir in UNIT_DIRS {
            for target in names(tree, dir)? {
                let wants = target.strip_suffix(".wants").or_else(|| target.strip_suffix(".requires"));
                if wants.is_none_or(|target| NOT_AT_BOOT.iter().any(|no| target.starts_with(no))) {
                    continue;
                }
                for name in names(tree, &format!("{dir}/{target}"))? {
                    if let Some(unit) = name.strip_suffix(".service") {
                        let link = format!("{dir}/{target}/{name}");
                        units.wanted.entry(unit.to_owned()).or_insert(link);
                    }
                }
            }
        }
        for dir in RUNLEVELS {
            let openrc = dir.starts_with("/etc/runlevels");
            for name in names(tree, dir)? {
                let script = match name.strip_prefix('S') {
                    Some(rest) => rest.trim_start_matches(|c: char| c.is_ascii_digit()),
                    None if openrc => name.as_str(),
                    None => continue,
                };
                units.scripts.entry(script.to_owned()).or_insert(format!("{dir}/{name}"));
            }
        }
        Ok(units)
    }

    /// What starts a service at boot: a link, a job; `None` where nothing does.
    ///
    /// # Errors
    /// What the filesystem reports.
    pub fn enabled(&self, service: &str) -> Result<Option<String>> {
        if let Some(link) = self.wanted.get(service)
            && self.systemd
            && self.tree.exists(link)?
            && !self.masked(service)?
        {
            return Ok(Some(cut(link, PATH_MAX)));
        }
        // systemd makes units of scripts only where there is no unit of that name (systemd-sysv-generator(8)).
        let native = self.systemd && self.has_unit(service)?;
        if let Some(link) = self.scripts.get(service).filter(|_| !native)
            && self.tree.exists(link)?
        {
            return Ok(Some(cut(link, PATH_MAX)));
        }
        let job = format!("/etc/init/{service}.conf");
        Ok((!self.systemd && self.tree.exists(&job)?).then_some(job))
    }

    fn has_unit(&self, service: &str) -> Result<bool> {
        for dir in UNIT_DIRS {
            if optional(self.tree.stat_link(&format!("{dir}/{service}.service")))?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A link to `/dev/null`, or an empty file, in `/etc` (systemd.unit(5)).
    fn masked(&self, service: &str) -> Result<bool> {
        let path = format!("/etc/systemd/system/{service}.service");
        if optional(self.tree.read_link(&path))?.is_some_and(|target| target == "/dev/null") {
            return Ok(true);
        }
        Ok(optional(self.tree.stat_link(&path))?.is_some_and(|s| s.kind == NodeKind::File && s.size == 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::testing::MemoryFs;

    fn enabled(fs: MemoryFs, service: &str) -> Option<String> {
        let tree = fs.tree();
        Units::read(&tree).unwrap().enabled(service).unwrap()
    }

    #[test]
    fn a_wanted_unit_starts_unless_it_is_gone_or_masked() {
        let link = "/etc/systemd/system/multi-user.target.wants/networking.service";
        let base =
            MemoryFs::new().file("/lib/systemd/systemd", "").link(link, "/lib/systemd/system/networking.service");
        let whole = base.clone().file("/lib/systemd/system/networking.service", "[Unit]");
        assert_eq!(enabled(whole.clone(), "networking").as_deref(), Some(link));
        assert_eq!(enabled(base, "networking"), None);
        assert_eq!(enabled(whole.link("/etc/systemd/system/networking.service", "/dev/null"), "networking"), None);
        let online = "/etc/systemd/system/network-online.target.wants/x.service";
        assert_eq!(enabled(MemoryFs::of_texts(&[("/lib/systemd/systemd", ""), (online, "")]), "x"), None);
    }

    #[test]
    fn start_links_count_where_there_is_no_unit() {
        let script = MemoryFs::of_texts(&[("/etc/rc.d/init.d/network", "#!/bin/sh"), ("/lib/systemd/systemd", "")])
            .link("/etc/rc.d/rc3.d/S10network", "../init.d/network");
        assert_eq!(enabled(script.clone(), "network").as_deref(), Some("/etc/rc.d/rc3.d/S10network"));
        assert_eq!(enabled(script.file("/lib/systemd/system/network.service", "[Unit]"), "network"), None);
        let stopped = MemoryFs::of_texts(&[("/etc/rc.d/rc3.d/K90network", "")]);
        assert_eq!(enabled(stopped, "network"), None);
    }

    #[test]
    fn openrc_and_upstart_count_too() {
        let alpine = MemoryFs::of_texts(&[("/etc/runlevels/boot/networking", "")]);
        assert!(enabled(alpine, "networking").is_some());
        let job = MemoryFs::of_texts(&[("/etc/init/networking.conf", "")]);
        assert!(enabled(job.clone(), "networking").is_some());
        assert_eq!(enabled(job.file("/lib/systemd/systemd", ""), "networking"), None);
    }
}
