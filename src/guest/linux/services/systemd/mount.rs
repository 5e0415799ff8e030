//! Mount units: what systemd mounts beside what fstab tells (systemd.mount(5), systemd.automount(5)).

use std::collections::BTreeSet;

use super::Units;
use crate::disk::Result;
use crate::guest::linux::services::Start;

/// Most mount units of one system.
const MAX_UNITS: usize = 512;

/// What a unit mounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountUnit {
    /// A device or another name of the source, as fstab has it.
    pub what: String,
    /// The directory.
    pub at: String,
    /// Options, as fstab has them.
    pub options: String,
}

impl Units<'_> {
    /// What the units mount that a boot starts, or whose directory is mounted when it is looked at.
    ///
    /// A unit that is mounted only because a service needs its directory (`RequiresMountsFor=`) is not seen.
    ///
    /// # Errors
    /// What the filesystem reports.
    #[expect(clippy::case_sensitive_file_extension_comparisons, reason = "as systemd compares")]
    pub fn mounts(&self) -> Result<Vec<MountUnit>> {
        let names: BTreeSet<&String> =
            self.dirs.iter().flat_map(|(_, names)| names).filter(|name| name.ends_with(".mount")).collect();
        let mut found = Vec::new();
        for name in names.into_iter().take(MAX_UNITS) {
            let stem = name.strip_suffix("mount").unwrap_or_default();
            let start = self.start(name)?.or(self.start(&format!("{stem}automount"))?);
            let (Start::Enabled { .. }, Some(unit)) = (start, self.read(name)?) else { continue };
            let value = |key| unit.list("Mount", key).pop().map(|entry| entry.value.clone()).unwrap_or_default();
            let (what, at) = (value("What"), value("Where"));
            // systemd refuses a unit that is not called as its directory.
            if at.starts_with('/') && format!("{}.", escaped(&at)) == stem && !what.contains('%') {
                found.push(MountUnit { what, at, options: value("Options") });
            }
        }
        Ok(found)
    }
}

/// A path as the name of a unit ("String Escaping for Inclusion in Unit Names", systemd.unit(5)).
fn escaped(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if parts.is_empty() {
        return "-".to_owned();
    }
    let mut name = String::new();
    for (at, byte) in parts.join("/").bytes().enumerate() {
        match byte {
            b'/' => name.push('-'),
            b'.' if at == 0 => name.push_str("\\x2e"),
            b':' | b'_' | b'.' => name.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => name.push(char::from(byte)),
            _ => {
                name.push_str("\\x");
                name.push_str(&hex::encode([byte]));
            }
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::testkit::run;
    use crate::guest::testing::MemoryFs;

    #[test]
    fn a_directory_is_escaped_as_systemd_escapes_it() {
        for path in ["/", "/var", "/var//log/", "/srv/my-data", "/.snap", "/a b/ä", "/x.y/z:1_2", "/a/.b"] {
            let theirs = run("systemd", "systemd-escape", &["--path", path]);
            assert_eq!(escaped(path), theirs.trim_end(), "{path}");
        }
    }

    fn mounted(files: &[(&str, &str)]) -> Vec<String> {
        let fs = MemoryFs::of_texts(&[
            ("/usr/lib/systemd/system/default.target", "[Unit]\nRequires=local-fs.target\n"),
            ("/usr/lib/systemd/system/local-fs.target", "[Unit]\n"),
        ]);
        let tree = files.iter().fold(fs, |fs, (path, text)| fs.file(path, text)).tree();
        let found = Units::open(&tree, "").unwrap().mounts().unwrap();
        found.into_iter().map(|unit| format!("{} {} {}", unit.what, unit.at, unit.options)).collect()
    }

    const UNIT: &str = "/etc/systemd/system/srv-my\\x2ddata.mount";
    const WANTED: &str = "/etc/systemd/system/local-fs.target.wants/srv-my\\x2ddata.mount";
    const TEXT: &str = "[Mount]\nWhat=/dev/disk/by-label/data\nWhere=/srv/my-data\nType=ext4\nOptions=noatime,ro\n";

    #[test]
    fn what_a_boot_starts_is_mounted() {
        assert_eq!(mounted(&[(UNIT, TEXT), (WANTED, TEXT)]), ["/dev/disk/by-label/data /srv/my-data noatime,ro"]);
        assert!(mounted(&[(UNIT, TEXT)]).is_empty(), "nothing wants it");
        let elsewhere = TEXT.replace("/srv/my-data", "/srv/data");
        assert!(mounted(&[(UNIT, &elsewhere), (WANTED, "")]).is_empty(), "it is called otherwise");
        let masked = [("/usr/lib/systemd/system/srv-my\\x2ddata.mount", TEXT), (UNIT, ""), (WANTED, "")];
        assert!(mounted(&masked).is_empty(), "an empty file masks it");
        let drop_in = "/etc/systemd/system/srv-my\\x2ddata.mount.d/x.conf";
        let other = mounted(&[(UNIT, TEXT), (WANTED, ""), (drop_in, "[Mount]\nWhat=UUID=0a1b\n")]);
        assert_eq!(other, ["UUID=0a1b /srv/my-data noatime,ro"]);
    }

    #[test]
    fn what_is_mounted_when_it_is_looked_at_counts() {
        let automount = "/etc/systemd/system/srv-my\\x2ddata.automount";
        let wanted = WANTED.replace(".mount", ".automount");
        let found = mounted(&[(UNIT, TEXT), (automount, "[Automount]\nWhere=/srv/my-data\n"), (&wanted, "")]);
        assert_eq!(found.len(), 1);
    }
}
