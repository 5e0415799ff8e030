//! FreeBSD's rc.conf(5): shell assignments in several files, the last of which counts.

use std::collections::BTreeMap;

use super::{MAX_BYTES, Start, names, place};
use crate::disk::{Error, Result};
use crate::guest::Tree;
use crate::guest::linux::shell::Assignments;
use crate::guest::linux::{LINE_MAX, cut, optional};

/// Read in this order (rc.conf(5), `rc_conf_files`); then `rc.conf.d`.
const FILES: &[&str] = &["/etc/defaults/rc.conf", "/etc/rc.conf", "/etc/rc.conf.local"];
/// Directories of one file for each service, read last when that service starts.
const DIRS: &[&str] = &["/etc/rc.conf.d", "/usr/local/etc/rc.conf.d"];
/// Most files below those.
const MAX_FILES: usize = 64;

/// All variables that are assigned, with the line that decided.
#[derive(Debug, Default)]
pub struct RcConf {
    /// By name: value and place.
    assigned: BTreeMap<String, (String, String)>,
}

impl RcConf {
    /// Reads all of it.
    ///
    /// # Errors
    /// `Limit` for too many files, and what the filesystem reports.
    pub fn read(tree: &Tree) -> Result<Self> {
        let mut found = Self::default();
        let mut files: Vec<String> = FILES.iter().map(|file| (*file).to_owned()).collect();
        for dir in DIRS {
            files.extend(names(tree, dir)?.into_iter().map(|name| format!("{dir}/{name}")));
        }
        if files.len() > MAX_FILES {
            return Err(Error::limit("rc.conf", format!("more than {MAX_FILES} files in /etc/rc.conf.d")));
        }
        for file in files {
            let Some(text) = optional(tree.read_text(&file, MAX_BYTES))? else { continue };
            let mut assigned = Assignments::default();
            assigned.source(&text);
            for (name, value, line) in assigned.iter() {
                let of = (cut(value, LINE_MAX), place(&format!("{file}:{line}")));
                found.assigned.insert(name.to_owned(), of);
            }
        }
        Ok(found)
    }

    /// The value of a variable and where it is assigned.
    pub fn value(&self, name: &str) -> Option<(&str, &str)> {
        self.assigned.get(name).map(|(value, place)| (value.as_str(), place.as_str()))
    }

    /// Whether a variable says yes, in the words of `checkyesno` (rc.subr(8)).
    pub fn start(&self, name: &str) -> Start {
        match self.value(name) {
            None => Start::Absent,
            Some((value, place)) => match value.to_ascii_lowercase().as_str() {
                "yes" | "true" | "on" | "1" => Start::Enabled { by: place.to_owned() },
                _ if value.contains(['$', '`']) => {
                    Start::Unknown { why: format!("{place}: {name} is computed: {}", cut(value, 64)) }
                }
                _ => Start::Disabled,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::testing::MemoryFs;

    #[test]
    fn the_last_assignment_counts_and_quotes_go() {
        let tree = MemoryFs::of_texts(&[
            ("/etc/defaults/rc.conf", "sshd_enable=\"NO\"\npf_enable=NO # off\n"),
            ("/etc/rc.conf", "# sshd_enable=no\nhostname='a b'; sshd_enable=\"YES\"\nif x; then y=1; fi\n"),
            ("/etc/rc.conf.local", "firewall_enable=$(x)\n"),
            ("/etc/rc.conf.d/pf", "pf_enable=\"on\"\n"),
        ])
        .tree();
        let conf = RcConf::read(&tree).unwrap();
        assert_eq!(conf.start("sshd_enable"), Start::Enabled { by: "/etc/rc.conf:2".into() });
        assert_eq!(conf.value("hostname"), Some(("a b", "/etc/rc.conf:2")));
        assert_eq!(conf.start("pf_enable"), Start::Enabled { by: "/etc/rc.conf.d/pf:1".into() });
        assert!(matches!(conf.start("firewall_enable"), Start::Unknown { .. }));
        assert_eq!(conf.start("ipfilter_enable"), Start::Absent);
    }
}
