//! dpkg's database (dpkg(1), FILES): paragraphs of deb822(5), and a list of digests for each package.

use super::digest::{Algorithm, Digest};
use super::file::{DbFile, lines};
use super::{Is, Manager, Package, Packages, Wanted};
use crate::disk::Result;
use crate::guest::Tree;
use crate::guest::linux::{PATH_MAX, cut, optional};

/// The packages and their state.
pub const STATUS: &str = "/var/lib/dpkg/status";
/// A file for each package and purpose.
const INFO: &str = "/var/lib/dpkg/info";
/// Files that another package has moved aside (dpkg-divert(1)): three lines each.
const DIVERSIONS: &str = "/var/lib/dpkg/diversions";
/// Packages of which a file is compared. Of others, kernels most of all, the lists are long and not read.
const COMPARED: &[&str] = &[
    "bash",
    "busybox",
    "dash",
    "libc6",
    "mount",
    "passwd",
    "systemd",
    "systemd-sysv",
    "sysvinit",
    "sysvinit-core",
    "upstart",
    "upstart-sysv",
];
/// A longer line is cut: no field that is asked for is that long.
const MAX_LINE: usize = 4096;
/// Largest list of diversions that is read.
const MAX_DIVERSIONS: usize = 1 << 20;

/// Reads it.
///
/// # Errors
/// `Limit` beyond 256 MiB, and what the filesystem reports.
pub fn read(tree: &Tree, wanted: Wanted) -> Result<Option<Packages>> {
    let Some(file) = DbFile::open(tree, STATUS, "dpkg")? else { return Ok(None) };
    let mut found =
        Packages { manager: Manager::Dpkg, format: "status", path: STATUS.to_owned(), installed: Vec::new() };
    let mut paragraphs = Paragraphs::default();
    let mut shared = Vec::new();
    let mut keep = |found: &mut Packages, ended: Option<(Package, bool)>| match ended {
        Some((package, same)) => {
            shared.push(same);
            found.push(package)
        }
        None => Ok(()),
    };
    lines(&file, MAX_LINE, |line| {
        let ended = paragraphs.line(line).filter(|(package, _)| wanted(&package.name));
        keep(&mut found, ended)
    })?;
    let last = paragraphs.line("").filter(|(package, _)| wanted(&package.name));
    keep(&mut found, last)?;
    let diversions = diversions(tree)?;
    for (package, same) in found.installed.iter_mut().zip(shared) {
        if COMPARED.contains(&package.name.as_str()) {
            digests(tree, package, same)?;
            listed(tree, package, same)?;
        }
        for file in &mut package.files {
            if let Some(diversion) = diversions.iter().find(|d| d.from == file.path && d.by != package.name) {
                file.path.clone_from(&diversion.to);
            }
        }
    }
    Ok(Some(found))
}

/// A file that lies elsewhere than its package put it.
struct Diversion {
    from: String,
    to: String,
    by: String,
}

fn diversions(tree: &Tree) -> Result<Vec<Diversion>> {
    let text = optional(tree.read_text(DIVERSIONS, MAX_DIVERSIONS))?.unwrap_or_default();
    let mut lines = text.lines();
    let mut found = Vec::new();
    while let (Some(from), Some(to), Some(by)) = (lines.next(), lines.next(), lines.next()) {
        found.push(Diversion { from: from.to_owned(), to: cut(to, PATH_MAX), by: by.to_owned() });
    }
    Ok(found)
}

/// `digest  path` for each file of a package that is no configuration file; paths are relative to the root.
fn digests(tree: &Tree, package: &mut Package, same: bool) -> Result<()> {
    let Some(file) = info(tree, package, same, "md5sums")? else { return Ok(()) };
    lines(&file, MAX_LINE, |line| {
        if let Some((digest, path)) = line.split_once("  ") {
            let is = Digest::of_hex(Algorithm::Md5, digest).map_or(Is::Listed, Is::File);
            package.push(&format!("/{}", path.trim_start_matches("./")), is);
        }
        Ok(())
    })
}

/// The path of everything that a package has: what has no digest is a link or a folder.
fn listed(tree: &Tree, package: &mut Package, same: bool) -> Result<()> {
    let Some(file) = info(tree, package, same, "list")? else { return Ok(()) };
    lines(&file, MAX_LINE, |path| {
        if !package.files.iter().any(|known| known.path == path) {
            package.push(path, Is::Listed);
        }
        Ok(())
    })
}

/// Whether a package has that path.
///
/// # Errors
/// What the filesystem reports.
pub(super) fn has(tree: &Tree, package: &Package, path: &str) -> Result<bool> {
    let Some(file) = info(tree, package, false, "list")? else { return Ok(false) };
    let mut found = false;
    lines(&file, MAX_LINE, |line| {
        found |= line == path;
        Ok(())
    })?;
    Ok(found)
}

/// The file of a package for that purpose.
fn info<'t>(tree: &'t Tree, package: &Package, same: bool, purpose: &str) -> Result<Option<DbFile<'t>>> {
    let plain = format!("{INFO}/{}.{purpose}", package.name);
    let of_one_architecture = format!("{INFO}/{}:{}.{purpose}", package.name, package.architecture);
    let paths = if same { [of_one_architecture, plain] } else { [plain, of_one_architecture] };
    for path in paths {
        if let Some(file) = DbFile::open(tree, &path, "dpkg")? {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

/// Goes through the paragraphs.
#[derive(Default)]
struct Paragraphs {
    package: Package,
    installed: bool,
    /// `Multi-Arch: same`: its files in [`INFO`] carry the architecture.
    same: bool,
    in_conffiles: bool,
}

impl Paragraphs {
    /// The package that ends with this line, where it is installed, and whether it is `Multi-Arch: same`.
    fn line(&mut self, line: &str) -> Option<(Package, bool)> {
        if line.trim().is_empty() {
            let Self { package, installed, same, .. } = std::mem::take(self);
            return installed.then_some((package, same));
        }
        if line.starts_with([' ', '\t']) {
            if self.in_conffiles {
                self.conffile(line);
            }
            return None;
        }
        let (field, value) = line.split_once(':')?;
        let value = value.trim();
        self.in_conffiles = false;
        match field.to_ascii_lowercase().as_str() {
            "package" => self.package.name = cut(value, PATH_MAX),
            "status" => self.installed = value.split_whitespace().nth(2) == Some("installed"),
            "version" => self.package.version = cut(value, PATH_MAX),
            "architecture" => self.package.architecture = cut(value, 64),
            "maintainer" => self.package.packager = cut(value, PATH_MAX),
            // "linux-signed-amd64 (6.1.90+1)" where the source has another version.
            "source" => self.package.source = cut(value.split(' ').next().unwrap_or_default(), PATH_MAX),
            "multi-arch" => self.same = value == "same",
            "conffiles" => self.in_conffiles = true,
            _ => {}
        }
        None
    }

    /// ` /etc/issue 7a3b…`, and what dpkg adds: `obsolete`, `remove-on-upgrade`.
    fn conffile(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let (Some(path), Some(digest)) = (words.next(), words.next()) else { return };
        if words.next().is_none() {
            let is = Digest::of_hex(Algorithm::Md5, digest).map_or(Is::Unsaid, Is::File);
            self.package.push(path, is);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Error, ErrorKind};
    use crate::guest::linux::packages::{self, Owned};
    use crate::guest::linux::testdata;
    use crate::guest::testing::MemoryFs;

    fn owned(path: &str, is: Is) -> Owned {
        Owned { path: path.to_owned(), is }
    }

    fn of(status: &str) -> Packages {
        packages::read(&MemoryFs::of_texts(&[(STATUS, status)]).tree()).unwrap().unwrap()
    }

    fn version(status: &str, name: &str) -> Option<String> {
        of(status).installed(name).map(|p| p.version.clone())
    }

    #[test]
    fn only_the_state_installed_counts() {
        let paragraph = |state: &str| format!("Package: cloud-init\nStatus: {state}\nVersion: 23.4\n\nPackage: x\n");
        assert_eq!(version(&paragraph("install ok installed"), "cloud-init").as_deref(), Some("23.4"));
        assert_eq!(version(&paragraph("hold ok installed"), "cloud-init").as_deref(), Some("23.4"));
        for state in ["deinstall ok config-files", "install ok half-installed", "install ok unpacked", ""] {
            assert_eq!(version(&paragraph(state), "cloud-init"), None, "{state}");
        }
        assert_eq!(version(&paragraph("install ok installed"), "cloud"), None);
    }

    #[test]
    fn the_last_paragraph_needs_no_newline_and_descriptions_are_not_fields() {
        let text = "Package: mount\nStatus: install ok installed\nDescription: b\n Package: cloud-init\n\n\
                    Package: bash\nStatus: install ok installed\nVersion: 2";
        assert_eq!(version(text, "bash").as_deref(), Some("2"));
        assert_eq!(version(text, "cloud-init"), None);
    }

    #[test]
    fn a_paragraph_across_a_chunk_border_is_whole() {
        let filler = format!("Package: f\nDescription: {}\n\n", "y".repeat(256 * 1024 - 60));
        let text = format!("{filler}Package: dash\nStatus: install ok installed\nVersion: 7-1\n\n");
        assert_eq!(version(&text, "dash").as_deref(), Some("7-1"));
    }

    #[test]
    fn a_package_has_its_source_maintainer_and_configuration_files() {
        let found = of("Package: base-files\nStatus: install ok installed\nArchitecture: amd64\n\
             Maintainer: Santiago Vila <sanvila@debian.org>\nSource: base (1.2)\nConffiles:\n \
             /etc/issue 0e1a9dbf4ad1c2dc4e1d1f33e8b0d2f5\n /etc/issue.net newconffile\n \
             /etc/init 0e1a9dbf4ad1c2dc4e1d1f33e8b0d2f5 obsolete\nVersion: 12\n");
        let package = found.installed("base-files").unwrap();
        assert_eq!((&*package.source, &*package.version), ("base", "12"));
        let digest = Digest::of_hex(Algorithm::Md5, "0e1a9dbf4ad1c2dc4e1d1f33e8b0d2f5").unwrap();
        assert_eq!(package.files, [owned("/etc/issue", Is::File(digest)), owned("/etc/issue.net", Is::Unsaid)]);
    }

    #[test]
    fn each_architecture_of_a_package_has_its_own_digests() {
        let paragraph = |arch| {
            format!(
                "Package: libc6\nStatus: install ok installed\nArchitecture: {arch}\nMulti-Arch: same\nVersion: 2\n\n"
            )
        };
        let sum = |digit: &str, path: &str| format!("{}  {path}\n", digit.repeat(32));
        let fs = MemoryFs::new()
            .file(STATUS, paragraph("amd64") + &paragraph("i386"))
            .file("/var/lib/dpkg/info/libc6:amd64.md5sums", sum("a", "lib/x86_64-linux-gnu/libc.so.6"))
            .file("/var/lib/dpkg/info/libc6:i386.md5sums", sum("b", "lib/i386-linux-gnu/libc.so.6"));
        let found = packages::read(&fs.tree()).unwrap().unwrap();
        let files: Vec<_> = found.installed.iter().flat_map(|p| &p.files).map(|f| f.path.as_str()).collect();
        assert_eq!(files, ["/lib/x86_64-linux-gnu/libc.so.6", "/lib/i386-linux-gnu/libc.so.6"]);
    }

    #[test]
    fn links_are_in_the_list_of_a_package_and_not_among_its_digests() {
        let fs = MemoryFs::new()
            .file(STATUS, "Package: systemd-sysv\nStatus: install ok installed\nVersion: 1\n\nPackage: dash\nStatus: install ok installed\n")
            .file("/var/lib/dpkg/info/systemd-sysv.list", "/.\n/sbin\n/sbin/init\n/usr/share/man/man1/init.1.gz\n")
            .file("/var/lib/dpkg/info/dash.md5sums", format!("{}  bin/dash\n", "c".repeat(32)))
            .file("/var/lib/dpkg/info/dash.list", "/bin/dash\n/bin/sh\n");
        let found = packages::read(&fs.tree()).unwrap().unwrap();
        let digest = Digest::of_hex(Algorithm::Md5, &"c".repeat(32)).unwrap();
        assert_eq!(found.installed("systemd-sysv").unwrap().files, [owned("/sbin/init", Is::Listed)]);
        let dash = [owned("/bin/dash", Is::File(digest)), owned("/bin/sh", Is::Listed)];
        assert_eq!(found.installed("dash").unwrap().files, dash);
    }

    #[test]
    fn a_diverted_file_is_looked_for_where_it_lies() {
        let paragraph = |name| format!("Package: {name}\nStatus: install ok installed\nVersion: 1\n\n");
        let sum = format!("{}  bin/sh\n", "c".repeat(32));
        let fs = MemoryFs::new()
            .file(STATUS, paragraph("bash") + &paragraph("dash"))
            .file(DIVERSIONS, "/bin/sh\n/bin/sh.distrib\ndash\n/usr/x\n")
            .file("/var/lib/dpkg/info/bash.md5sums", &sum)
            .file("/var/lib/dpkg/info/dash.md5sums", &sum);
        let found = packages::read(&fs.tree()).unwrap().unwrap();
        let path = |name| found.installed(name).unwrap().files[0].path.clone();
        assert_eq!((path("bash"), path("dash")), ("/bin/sh.distrib".to_owned(), "/bin/sh".to_owned()));
    }

    #[test]
    fn a_real_database_is_read() {
        let Some(status) = testdata("pkgdb/dpkg-real-debian-bookworm.status") else { return };
        let found = of(&String::from_utf8(status).unwrap());
        assert!(found.installed("bash").is_some_and(|p| p.version.starts_with("5.2")));
        assert!(found.installed("cloud-init").is_some());
        assert_eq!(found.installed("qemu-guest-agent"), None);
        let kernel = found.installed.iter().find(|p| p.name.starts_with("linux-image-6")).unwrap();
        assert_eq!(kernel.source, "linux-signed-amd64");
        assert!(kernel.packager.contains("debian-kernel@lists.debian.org"), "{kernel:?}");
    }

    #[test]
    fn a_database_without_end_is_a_limit() {
        let fs = MemoryFs::of_texts(&[(STATUS, "Package: bash\n")]);
        let broken = fs.broken(STATUS, Error::limit("ext4", "enough"));
        assert_eq!(packages::read(&broken.tree()).unwrap_err().kind, ErrorKind::Limit);
    }
}
