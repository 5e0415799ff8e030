//! Distribution and version, as the guest's own files state them.

use super::{LINE_MAX, cut, optional};
use crate::disk::{Error, Result};
use crate::guest::Tree;
use crate::inspect::facts::Release;

/// Largest of these files that is read.
const MAX_BYTES: usize = 64 * 1024;

/// What an older release file is called, and what it amounts to where it does not say.
struct Older {
    path: &'static str,
    id: &'static str,
    id_like: &'static [&'static str],
}

/// Release files from before os-release, the most telling first.
const OLDER: &[Older] = &[
    Older { path: "/etc/alinux-release", id: "alinux", id_like: &["rhel", "fedora", "centos"] },
    Older { path: "/etc/centos-release", id: "centos", id_like: &["rhel", "fedora"] },
    Older { path: "/etc/oracle-release", id: "ol", id_like: &["rhel", "fedora"] },
    Older { path: "/etc/redhat-release", id: "", id_like: &["rhel", "fedora"] },
    Older { path: "/etc/SuSE-release", id: "", id_like: &["suse"] },
    Older { path: "/etc/lsb-release", id: "", id_like: &[] },
    Older { path: "/etc/debian_version", id: "debian", id_like: &[] },
    Older { path: "/etc/issue", id: "", id_like: &[] },
];

/// Words of a release line and the `ID` that the same distribution uses in its later os-release; the longest first.
const NAMES: &[(&str, &str)] = &[
    ("alibaba cloud linux", "alinux"),
    ("aliyun linux", "alinux"),
    ("red hat", "rhel"),
    ("centos", "centos"),
    ("almalinux", "almalinux"),
    ("rocky linux", "rocky"),
    ("oracle linux", "ol"),
    ("scientific linux", "scientific"),
    ("amazon linux", "amzn"),
    ("fedora", "fedora"),
    ("opensuse", "opensuse"),
    ("suse linux enterprise desktop", "sled"),
    ("suse linux enterprise", "sles"),
    ("ubuntu", "ubuntu"),
    ("debian", "debian"),
];

/// Reads os-release, or the older files where there is none.
///
/// # Errors
/// `NotFound` where no file says anything, and what the filesystem reports.
pub fn read(tree: &Tree) -> Result<Release> {
    for path in ["/etc/os-release", "/usr/lib/os-release"] {
        if let Some(text) = optional(tree.read_text(path, MAX_BYTES))? {
            let release = os_release(&text, path);
            if !release.id.is_empty() {
                return Ok(release);
            }
        }
    }
    for older in OLDER {
        let text = optional(tree.read_text(older.path, MAX_BYTES))?;
        if let Some(release) = text.and_then(|text| older_file(&text, older)) {
            return Ok(release);
        }
    }
    Err(Error::not_found("guest", "no release file says what distribution this is"))
}

/// os-release(5): shell assignments.
fn os_release(text: &str, path: &str) -> Release {
    let value = |key| assignment(text, key).unwrap_or_default();
    Release {
        id: cut(&value("ID").to_lowercase(), 64),
        id_like: value("ID_LIKE").to_lowercase().split_whitespace().take(16).map(|w| cut(w, 64)).collect(),
        version_id: cut(&value("VERSION_ID"), 64),
        pretty_name: cut(&value("PRETTY_NAME"), LINE_MAX),
        file: path.to_owned(),
    }
}

/// The last assignment to `key`, unquoted as a shell would.
fn assignment(text: &str, key: &str) -> Option<String> {
    let lines = text.lines().map(str::trim);
    let value = lines.filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).next_back()?;
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
    let mut rest = value.chars().skip(usize::from(quote.is_some()));
    let mut out = String::new();
    while let Some(c) = rest.next() {
        match (c, quote) {
            (c, Some(q)) if c == q => break,
            (c, None) if c.is_whitespace() => break,
            ('\\', None | Some('"')) => out.extend(rest.next()),
            (c, _) => out.push(c),
        }
    }
    Some(out)
}

fn older_file(text: &str, older: &Older) -> Option<Release> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    let mut release = Release {
        id: older.id.to_owned(),
        id_like: older.id_like.iter().map(|s| (*s).to_owned()).collect(),
        version_id: cut(&number_in(line), 64),
        pretty_name: cut(line, LINE_MAX),
        file: older.path.to_owned(),
    };
    match older.path {
        "/etc/lsb-release" => {
            release.id = cut(&assignment(text, "DISTRIB_ID")?.to_lowercase(), 64);
            release.version_id = cut(&assignment(text, "DISTRIB_RELEASE").unwrap_or_default(), 64);
            let description = assignment(text, "DISTRIB_DESCRIPTION").unwrap_or_default();
            release.pretty_name = cut(&description, LINE_MAX);
        }
        "/etc/SuSE-release" => {
            // "VERSION = 11" and "PATCHLEVEL = 4" on lines of their own.
            let value = |key| text.lines().find_map(|l| Some(l.strip_prefix(key)?.trim().strip_prefix('=')?.trim()));
            named(line)?.clone_into(&mut release.id);
            release.version_id = cut(value("VERSION").unwrap_or_default(), 32);
            if let Some(level) = value("PATCHLEVEL").filter(|l| *l != "0" && !release.version_id.contains('.')) {
                release.version_id = format!("{}.{}", release.version_id, cut(level, 16));
            }
        }
        "/etc/debian_version" => {
            release.pretty_name = format!("Debian {}", cut(line, 64));
        }
        _ => {
            // CentOS 5 and 6 have a redhat-release that says CentOS: what is named counts, not the file's name.
            match named(line) {
                Some(id) => id.clone_into(&mut release.id),
                None if release.id.is_empty() => return None,
                None => {}
            }
            if release.id == "rhel" {
                release.id_like = vec!["fedora".to_owned()];
            }
        }
    }
    Some(release)
}

/// The `ID` of the distribution that a line names.
pub(super) fn named(line: &str) -> Option<&'static str> {
    let line = line.to_lowercase();
    NAMES.iter().find(|(words, _)| line.contains(words)).map(|(_, id)| *id)
}

/// The first word of a line that is a version: `6.10` in `CentOS release 6.10 (Final)`; `12/sid` has none.
fn number_in(line: &str) -> String {
    let is_version = |word: &&str| {
        word.starts_with(|c: char| c.is_ascii_digit()) && word.chars().all(|c| c.is_ascii_digit() || c == '.')
    };
    line.split_whitespace().find(is_version).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::testing::MemoryFs;

    fn told(files: &[(&str, &str)]) -> (String, String, String) {
        let release = read(&MemoryFs::of_texts(files).tree()).unwrap();
        (release.id, release.version_id, release.file)
    }

    #[test]
    fn os_release_is_read_as_a_shell_would() {
        let text =
            "NAME=\"Debian GNU/Linux\"\nID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME='Debian \"12\"'\nID_LIKE=\"a b\"\n";
        let release = read(&MemoryFs::of_texts(&[("/etc/os-release", text)]).tree()).unwrap();
        assert_eq!(release.id, "debian");
        assert_eq!(release.id_like, ["a", "b"]);
        assert_eq!(release.version_id, "12");
        assert_eq!(release.pretty_name, "Debian \"12\"");
        assert_eq!(release.file, "/etc/os-release");
    }

    #[test]
    fn older_files_speak_where_there_is_no_os_release() {
        for (path, text, id, version) in [
            ("/etc/redhat-release", "CentOS release 6.10 (Final)\n", "centos", "6.10"),
            ("/etc/redhat-release", "CentOS release 5.11 (Final)\nKernel \\r\n", "centos", "5.11"),
            ("/etc/redhat-release", "Red Hat Enterprise Linux Server release 6.9 (Santiago)\n", "rhel", "6.9"),
            (
                "/etc/SuSE-release",
                "SUSE Linux Enterprise Server 11 (x86_64)\nVERSION = 11\nPATCHLEVEL = 4\n",
                "sles",
                "11.4",
            ),
            ("/etc/SuSE-release", "openSUSE 13.1 (x86_64)\nVERSION = 13.1\nCODENAME = Bottle\n", "opensuse", "13.1"),
            ("/etc/debian_version", "6.0.10\n", "debian", "6.0.10"),
            ("/etc/debian_version", "wheezy/sid\n", "debian", ""),
            (
                "/etc/lsb-release",
                "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=10.04\nDISTRIB_DESCRIPTION=\"Ubuntu 10.04.4 LTS\"\n",
                "ubuntu",
                "10.04",
            ),
            ("/etc/issue", "\nUbuntu 10.04.4 LTS \\n \\l\n", "ubuntu", "10.04.4"),
            ("/etc/alinux-release", "Alibaba Cloud Linux (Aliyun Linux) release 2.1903 LTS\n", "alinux", "2.1903"),
        ] {
            assert_eq!(told(&[(path, text)]), (id.into(), version.into(), path.into()), "{text}");
        }
    }

    #[test]
    fn a_missing_or_mute_file_is_not_found() {
        let error = read(&MemoryFs::of_texts(&[("/etc/issue", "Welcome!\n"), ("/etc/os-release", "\n")]).tree());
        assert!(error.unwrap_err().is_not_found());
    }

    #[test]
    fn hostile_values_are_cut_and_cleaned() {
        let text = format!("ID={}\nPRETTY_NAME=\"a\u{1b}[31m{}\"", "x".repeat(1000), "y".repeat(9000));
        let release = read(&MemoryFs::of_texts(&[("/etc/os-release", &text)]).tree()).unwrap();
        assert_eq!(release.id.len(), 64);
        assert_eq!(release.pretty_name.len(), LINE_MAX);
        assert!(!release.pretty_name.contains('\u{1b}'));
    }
}
