use std::path::Path;

use super::super::digest::Digest;
use super::super::{Manager, read as read_packages};
use super::*;
use crate::guest::testing::MemoryFs;

/// A package with these files.
fn package(name: &str, files: Vec<Owned>) -> Package {
    Package { name: name.to_owned(), files, ..Package::default() }
}

fn owned(path: &str, is: Is) -> Owned {
    Owned { path: path.to_owned(), is }
}

fn md5(content: &[u8]) -> Is {
    Is::File(Algorithm::Md5.of(content))
}

fn database(installed: Vec<Package>) -> Packages {
    Packages { manager: Manager::Rpm, format: "bdb", path: String::new(), installed }
}

/// Folders as they have been since /usr was merged.
fn merged() -> MemoryFs {
    MemoryFs::new()
        .dir("/usr/bin")
        .dir("/usr/sbin")
        .dir("/usr/lib")
        .link("/bin", "usr/bin")
        .link("/sbin", "usr/sbin")
        .link("/lib", "usr/lib")
}

/// A program that asks for this dynamic loader: an ELF of 64 bits with one program header.
fn program(loader: &str) -> Vec<u8> {
    let mut elf = vec![0; 64 + 56];
    elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
    elf[32] = 64;
    (elf[54], elf[56]) = (56, 1);
    (elf[64], elf[72], elf[96]) = (3, 120, u8::try_from(loader.len()).unwrap());
    elf.extend(loader.as_bytes());
    elf
}

fn changed(fs: MemoryFs, packages: Vec<Package>) -> Vec<(String, String, String)> {
    let found = read(&fs.tree(), Some(&database(packages))).unwrap();
    found.changed.into_iter().map(|c| (c.path, c.package, c.found)).collect()
}

#[test]
fn folders_are_there_as_folders_or_relative_links() {
    let found = |fs: MemoryFs| read(&fs.tree(), None).unwrap();
    assert_eq!(found(merged()), Critical::default());
    assert_eq!(found(MemoryFs::new().dir("/bin").dir("/sbin").dir("/lib")), Critical::default());
    assert_eq!(found(MemoryFs::new().dir("/bin").link("/sbin", "nowhere")).missing, ["/sbin", "/lib"]);
    assert_eq!(found(merged().file("/lib", "")).missing, ["/lib"]);
    let absolute = found(MemoryFs::new().dir("/usr/lib").dir("/bin").dir("/sbin").link("/lib", "/usr/lib")).absolute;
    assert_eq!((&*absolute[0].place, &*absolute[0].value), ("/lib", "/usr/lib"));
}

#[test]
fn lib64_is_asked_for_only_where_the_loader_lies_in_it() {
    let missing = |loader| read(&merged().file("/usr/bin/sh", program(loader)).tree(), None).unwrap().missing;
    assert_eq!(missing("/lib64/ld-linux-x86-64.so.2"), ["/lib64"]);
    for loader in ["/lib/ld-linux.so.2", "/lib/ld-musl-x86_64.so.1", "/lib/ld-linux-aarch64.so.1"] {
        assert!(missing(loader).is_empty(), "{loader}");
    }
}

#[test]
fn old_paths_of_a_database_lead_into_the_merged_usr() {
    let fs = merged().file("/usr/bin/bash", "bash").file("/usr/sbin/useradd", "other");
    let packages = vec![
        package("bash", vec![owned("/bin/bash", md5(b"bash"))]),
        package("passwd", vec![owned("/usr/sbin/useradd", md5(b"useradd"))]),
    ];
    let found = read(&fs.tree(), Some(&database(packages))).unwrap();
    assert_eq!(found.same, 1);
    let changed = &found.changed[0];
    assert_eq!((&*changed.path, &*changed.package), ("/usr/sbin/useradd", "passwd"));
    assert!(changed.wanted.len() == 12 && changed.found.len() == 12 && changed.wanted != changed.found);
}

#[test]
fn a_link_is_compared_as_a_link_and_then_followed() {
    let packages = || {
        vec![package(
            "bash",
            vec![owned("/usr/bin/bash", md5(b"bash")), owned("/usr/bin/sh", Is::Link("bash".to_owned()))],
        )]
    };
    let fs = |target| merged().file("/usr/bin/bash", "bash").file("/usr/bin/dash", "x").link("/usr/bin/sh", target);
    assert!(changed(fs("bash"), packages()).is_empty());
    assert!(changed(fs("/usr/bin/bash"), packages()).is_empty(), "another way to the same place");
    assert_eq!(changed(fs("dash"), packages()), [("/usr/bin/sh".into(), "bash".into(), "dash".into())]);
    let replaced = merged().file("/usr/bin/bash", "bash").file("/usr/bin/sh", "x");
    assert_eq!(changed(replaced, packages()), [("/usr/bin/sh".into(), "bash".into(), "a file".into())]);
    let gone = merged().link("/usr/bin/sh", "bash");
    assert_eq!(changed(gone, packages()), [("/usr/bin/bash".into(), "bash".into(), String::new())]);
}

/// dpkg holds no digest of a link.
#[test]
fn a_link_that_a_package_has_and_that_is_not_there_or_leads_nowhere_is_missing() {
    let list = || {
        vec![
            package("systemd-sysv", vec![owned("/sbin/init", Is::Listed)]),
            package("libc6", vec![owned("/lib64/ld-linux-x86-64.so.2", Is::Listed)]),
        ]
    };
    let fs = || merged().dir("/usr/lib64").link("/lib64", "usr/lib64").file("/usr/lib/systemd", "x");
    let whole = || fs().file("/usr/lib64/ld-linux-x86-64.so.2", "ld").link("/usr/sbin/init", "../lib/systemd");
    let gone = |path: &str, package: &str| (path.to_owned(), package.to_owned(), String::new());
    let (init, loader) = (gone("/usr/sbin/init", "systemd-sysv"), gone("/usr/lib64/ld-linux-x86-64.so.2", "libc6"));
    assert!(changed(whole(), list()).is_empty());
    assert!(changed(whole().file("/usr/sbin/init", "an own init"), list()).is_empty(), "dpkg does not say what it is");
    assert_eq!(changed(fs(), list()), [init.clone(), loader]);
    assert!(changed(fs(), vec![]).is_empty(), "a container has no init");
    for target in ["nowhere", "/nowhere/init", "init"] {
        let found = read(&whole().link("/usr/sbin/init", target).tree(), Some(&database(list()))).unwrap();
        assert_eq!((&*found.changed[0].path, &*found.changed[0].leads_to), ("/usr/sbin/init", target));
        assert_eq!((found.changed.len(), &*found.changed[0].found), (1, ""));
    }
    let by_rpm = vec![package("systemd", vec![owned("/usr/sbin/init", Is::Link("../lib/systemd".to_owned()))])];
    assert_eq!(changed(whole().link("/usr/sbin/init", "nowhere"), by_rpm), [gone("/usr/sbin/init", "systemd")]);
    let ghost = vec![package("x", vec![owned("/sbin/init", Is::Unsaid)])];
    assert!(changed(fs().link("/usr/sbin/init", "nowhere"), ghost).is_empty());
}

#[test]
fn both_programs_that_change_passwords_are_compared() {
    let packages = || {
        let files = vec![owned("/usr/sbin/chpasswd", md5(b"ch")), owned("/usr/bin/passwd", md5(b"passwd"))];
        vec![package("passwd", files)]
    };
    let fs = || merged().file("/usr/bin/passwd", "passwd");
    assert!(changed(fs().file("/usr/sbin/chpasswd", "ch"), packages()).is_empty());
    assert_eq!(changed(fs(), packages()), [("/usr/sbin/chpasswd".into(), "passwd".into(), String::new())]);
    let tampered = fs().file("/usr/sbin/chpasswd", "ch").file("/usr/bin/passwd", "other");
    assert_eq!(changed(tampered, packages())[0].0, "/usr/bin/passwd");
}

#[test]
fn a_file_that_a_package_has_and_the_guest_lacks_is_seen() {
    let packages = vec![package("util-linux", vec![owned("/usr/bin/mount", md5(b"mount"))])];
    assert_eq!(changed(merged(), packages), [("/usr/bin/mount".into(), "util-linux".into(), String::new())]);
}

#[test]
fn what_no_package_describes_is_not_judged() {
    let fs = || merged().file("/usr/bin/bash", "mine").file("/usr/lib/modules/x.ko", "driver");
    assert!(changed(fs(), vec![]).is_empty());
    assert!(changed(fs(), vec![package("bash", vec![owned("/bin/bash", Is::Unsaid)])]).is_empty());
    let elsewhere = vec![package("bash", vec![owned("/opt/bin/bash", md5(b"bash"))])];
    assert!(changed(fs(), elsewhere).is_empty());
}

#[test]
fn one_of_two_packages_that_have_a_file_suffices() {
    let packages = vec![
        package("glibc", vec![owned("/bin/bash", md5(b"other"))]),
        package("glibc", vec![owned("/bin/bash", md5(b"bash"))]),
    ];
    assert!(changed(merged().file("/usr/bin/bash", "bash"), packages).is_empty());
}

#[test]
fn apk_s_sums_are_of_the_target_of_a_link() {
    let either = |content: &[u8]| Is::Either(Algorithm::Sha1.of(content));
    let packages = || {
        vec![package("busybox", vec![owned("/bin/sh", either(b"/bin/busybox")), owned("/bin/busybox", either(b"bb"))])]
    };
    let fs = |target| merged().file("/usr/bin/busybox", "bb").file("/usr/bin/x", "y").link("/usr/bin/sh", target);
    assert!(changed(fs("/bin/busybox"), packages()).is_empty());
    assert_eq!(changed(fs("/bin/x"), packages()).len(), 1);
}

#[test]
fn prelink_and_unreadable_files_leave_it_undecided() {
    let shell = std::fs::read("/bin/sh").unwrap();
    let at = shell.windows(14).position(|w| w == b".gnu_debuglink").unwrap();
    let mut prelinked = shell.clone();
    prelinked[at..at + 14].copy_from_slice(b".gnu.prelink_u");
    let packages = database(vec![package("bash", vec![owned("/bin/bash", md5(&shell))])]);
    let found = read(&merged().file("/usr/bin/bash", prelinked).tree(), Some(&packages)).unwrap();
    assert!(found.changed.is_empty());
    assert_eq!((&*found.undecided[0].value, &*found.undecided[0].place), ("prelinked", "/usr/bin/bash"));
    let broken = merged().broken("/usr/bin/bash", Error::unsupported("btrfs", "compressed"));
    let broken = broken.stat_of("/usr/bin/bash", |stat| stat.size = 5);
    let found = read(&broken.tree(), Some(&packages)).unwrap();
    assert_eq!(found.undecided[0].value, "compressed");
    let gone = merged().broken("/usr/bin/bash", Error::io("source", "reset"));
    let gone = gone.stat_of("/usr/bin/bash", |stat| stat.size = 5);
    assert_eq!(read(&gone.tree(), Some(&packages)).unwrap_err().kind, ErrorKind::Io);
}

#[test]
fn links_in_a_circle_end() {
    let fs = merged().link("/usr/bin/sh", "bash").link("/usr/bin/bash", "sh").link("/usr/sbin/init", "init");
    let found = read(&fs.tree(), Some(&database(vec![]))).unwrap();
    assert!(found.changed.is_empty() && found.undecided.is_empty(), "{found:?}");
}

/// Copies a path of this machine, links as links, with what they lead to.
fn copy(mut fs: MemoryFs, path: &str) -> MemoryFs {
    let mut at = path.to_owned();
    for _ in 0..4 {
        let Ok(stat) = std::fs::symlink_metadata(&at) else { return fs };
        let (dir, name) = at.rsplit_once('/').unwrap();
        let real = std::fs::canonicalize(if dir.is_empty() { "/" } else { dir }).unwrap();
        let real = format!("{}/{name}", real.to_str().unwrap().trim_end_matches('/'));
        if stat.is_symlink() {
            let target = std::fs::read_link(&at).unwrap().to_str().unwrap().to_owned();
            fs = fs.link(&real, &target);
            at = joined(&real, &target);
        } else {
            return fs.file(&real, std::fs::read(&at).unwrap());
        }
    }
    fs
}

/// The oracle is dpkg's own check of the same packages.
#[test]
fn this_machine_is_as_its_packages_have_it() {
    if !Path::new("/var/lib/dpkg/info/bash.md5sums").exists() {
        println!("skipped: no Debian");
        return;
    }
    let mut fs = MemoryFs::new();
    for folder in ["/bin", "/sbin", "/lib", "/lib64"] {
        match std::fs::read_link(folder) {
            Ok(target) => fs = fs.dir(&format!("/{}", target.display())).link(folder, target.to_str().unwrap()),
            Err(_) => fs = fs.dir(folder),
        }
    }
    for path in FILES {
        fs = copy(fs, path);
    }
    for path in ["/var/lib/dpkg/status", "/var/lib/dpkg/diversions"] {
        fs = fs.file(path, std::fs::read(path).unwrap());
    }
    for entry in std::fs::read_dir("/var/lib/dpkg/info").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "md5sums" || end == "list") {
            fs = fs.file(path.to_str().unwrap(), std::fs::read(&path).unwrap());
        }
    }
    let packages = read_packages(&fs.clone().tree()).unwrap().unwrap();
    let found = read(&fs.clone().tree(), Some(&packages)).unwrap();
    assert!(found.missing.is_empty() && found.absolute.is_empty() && found.undecided.is_empty(), "{found:?}");
    let verified =
        std::process::Command::new("dpkg").args(["--verify", "bash", "dash", "mount", "passwd", "libc6"]).output();
    let verified = String::from_utf8(verified.unwrap().stdout).unwrap();
    let theirs = verified.lines().filter(|l| FILES.iter().any(|path| l.ends_with(path))).count();
    assert_eq!(found.changed.len(), theirs, "{:?} and {verified}", found.changed);
    // bash, dash, the loader, the C library, mount, chpasswd, passwd, useradd
    assert!(found.same >= 8, "{found:?}");
    let fs = fs.file(std::fs::canonicalize("/bin/bash").unwrap().to_str().unwrap(), "#!/bin/sh\n");
    let found = read(&fs.tree(), Some(&packages)).unwrap();
    assert_eq!(found.changed.len(), theirs + 1);
}

#[test]
fn digests_of_another_length_are_none() {
    assert_eq!(Digest::of_hex(Algorithm::Sha256, &"0".repeat(32)), None);
}
