//! What a boot runs, as text: units, and the scripts that they, the other inits and the distributions' own hooks run.

use super::{Init, Services, is_program, names, openrc, sysv, upstart};
use crate::disk::Result;
use crate::guest::linux::cut;

/// Most bytes of a script that are read.
const MAX_HEAD: usize = 64 * 1024;
/// Most units, jobs and scripts.
const MAX_TEXTS: usize = 512;
/// Runs at the end of a boot where it is a program: Debian and most; Red Hat.
const RC_LOCAL: &[&str] = &["/etc/rc.local", "/etc/rc.d/rc.local"];

impl Services<'_> {
    /// Paths and texts. `own`: of systemd's units only those that somebody wrote for this machine, in `/etc`.
    ///
    /// # Errors
    /// What the filesystem reports.
    pub fn texts(&self, own: bool) -> Result<Vec<(String, String)>> {
        let mut found = Vec::new();
        let mut scripts: Vec<String> = Vec::new();
        match &self.init {
            Init::Systemd(units) => {
                for (file, unit) in units.started(own)?.into_iter().take(MAX_TEXTS) {
                    let lines = unit.entries.iter().filter(|entry| entry.key.starts_with("ExecStart"));
                    let lines: Vec<&str> = lines.map(|entry| entry.value.as_str()).collect();
                    scripts.extend(lines.iter().flat_map(|line| paths(line)));
                    found.push((file, lines.join("\n")));
                }
                scripts.extend(units.started_scripts()?);
                // Without its generator, and its unit of old, nobody looks for the file.
                if units.generator("systemd-rc-local-generator")?.is_some() || units.read("rc-local.service")?.is_some()
                {
                    scripts.extend(RC_LOCAL.iter().map(|path| (*path).to_owned()));
                }
            }
            Init::Upstart(runlevel) => {
                for name in
                    names(self.tree, "/etc/init")?.iter().filter_map(|name| name.strip_suffix(".conf")).take(MAX_TEXTS)
                {
                    if let super::Start::Enabled { .. } = upstart::start(self.tree, name, runlevel.level())? {
                        found.extend(upstart::text(self.tree, name)?);
                    }
                }
                scripts.extend(of_runlevel(runlevel));
            }
            Init::SystemV(runlevel) => scripts.extend(of_runlevel(runlevel)),
            Init::OpenRc => {
                for level in openrc::LEVELS {
                    let names = names(self.tree, &format!("/etc/runlevels/{level}"))?;
                    scripts.extend(names.into_iter().map(|name| format!("/etc/init.d/{name}")));
                }
                let hooks =
                    names(self.tree, "/etc/local.d")?.into_iter().filter(|name| name.strip_suffix(".start").is_some());
                scripts.extend(hooks.map(|name| format!("/etc/local.d/{name}")));
            }
            Init::Unknown(_) => {}
        }
        scripts.sort_unstable();
        scripts.dedup();
        for path in scripts.into_iter().take(MAX_TEXTS) {
            found.extend(self.text(&path)?.map(|text| (path, text)));
        }
        Ok(found)
    }

    /// The text of a script that can be run.
    ///
    /// # Errors
    /// What the filesystem reports.
    pub fn text(&self, path: &str) -> Result<Option<String>> {
        if !is_program(self.tree, path)? {
            return Ok(None);
        }
        let head = self.tree.read_head(path, MAX_HEAD)?;
        Ok(head.starts_with(b"#!").then(|| String::from_utf8_lossy(&head).into_owned()))
    }
}

fn of_runlevel(runlevel: &sysv::Runlevel) -> Vec<String> {
    let links = runlevel.started().iter().map(|(_, link)| link.clone());
    links.chain(RC_LOCAL.iter().map(|path| (*path).to_owned())).collect()
}

/// The paths that a command line names.
fn paths(line: &str) -> Vec<String> {
    let words = line.split(|c: char| c.is_whitespace() || "\"';&|()".contains(c));
    let words = words.map(|word| word.trim_start_matches(['-', '@', ':', '+', '!']));
    words.filter(|word| word.starts_with('/')).map(|word| cut(word, 256)).take(16).collect()
}
