//! FreeBSD's rc.conf(5): shell assignments in several files, the last of which counts.

use super::{MAX_BYTES, Start, names, place};
use crate::disk::{Error, Result};
use crate::guest::Tree;
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
    /// Name, value, place; later ones count.
    assigned: Vec<(String, String, String)>,
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
            for (line, number) in text.lines().zip(1_u32..) {
                for (name, value) in assignments(line) {
                    found.assigned.push((name, cut(&value, LINE_MAX), place(&format!("{file}:{number}"))));
                }
            }
        }
        Ok(found)
    }

    /// The value of a variable and where it is assigned.
    pub fn value(&self, name: &str) -> Option<(&str, &str)> {
        let last = self.assigned.iter().rev().find(|(assigned, ..)| assigned == name);
        last.map(|(_, value, place)| (value.as_str(), place.as_str()))
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

/// The assignments of one line: `a=b`, `a="b c"`, `a='b'; c=d`. Anything else is passed over.
fn assignments(line: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = line.trim_start();
    while let Some((name, after)) = rest.split_once('=') {
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            break;
        }
        let (value, after) = word(after);
        found.push((name.to_owned(), value));
        rest = after.trim_start_matches([' ', '\t', ';']);
    }
    found
}

/// One word of sh(1), quotes removed, and what follows it.
fn word(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut quote = None;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match (quote, c) {
            (None, ' ' | '\t' | ';') => return (value, text.get(at..).unwrap_or_default()),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) if c == open => quote = None,
            (None | Some('"'), '\\') => value.extend(chars.next().map(|(_, c)| c)),
            _ => value.push(c),
        }
    }
    (value, "")
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
        assert_eq!(assignments("x =1"), []);
        assert_eq!(assignments("a=\"b\\\"c"), [("a".into(), "b\"c".into())]);
    }
}
