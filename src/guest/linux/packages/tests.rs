//! Which database of a guest is its own, and what apk's says.

use super::digest::Algorithm;
use super::{Is, read, wanted};
use crate::disk::{Error, ErrorKind};
use crate::guest::linux::testdata;
use crate::guest::testing::MemoryFs;

const BASH: &str = "Package: bash\nStatus: install ok installed\nVersion: 5\n";

#[test]
fn the_database_that_knows_the_base_system_is_the_guest_s() {
    let apk = "P:musl\nV:1.2\n\n";
    let fs = MemoryFs::of_texts(&[("/var/lib/dpkg/status", "Package: x\n"), ("/lib/apk/db/installed", apk)]);
    assert_eq!(read(&fs.tree()).unwrap().unwrap().manager.name(), "apk", "dpkg's is there and knows nothing");
    let both = MemoryFs::of_texts(&[("/var/lib/dpkg/status", BASH), ("/lib/apk/db/installed", apk)]);
    assert_eq!(read(&both.tree()).unwrap().unwrap().manager.name(), "dpkg");
    assert_eq!(read(&MemoryFs::new().tree()).unwrap(), None);
}

#[test]
fn a_database_that_contradicts_itself_is_no_damage_of_the_image() {
    let fs = MemoryFs::new().file("/var/lib/rpm/Packages", [9; 4096]);
    assert_eq!(read(&fs.clone().tree()).unwrap_err().kind, ErrorKind::Unsupported);
    let damaged = MemoryFs::new().broken("/var/lib/rpm/Packages", Error::corrupt("ext4", 9, "a block past the end"));
    let damaged = damaged.stat_of("/var/lib/rpm/Packages", |stat| stat.size = 4096);
    assert_eq!(read(&damaged.tree()).unwrap_err().kind, ErrorKind::Corrupt, "that of its filesystem is");
    // Another one that is in order speaks for the guest.
    assert!(read(&fs.file("/var/lib/dpkg/status", BASH).tree()).unwrap().is_some());
    let failed = MemoryFs::new().broken("/var/lib/dpkg/status", Error::io("source", "gone")).file("/x", "");
    let failed = failed.stat_of("/var/lib/dpkg/status", |stat| stat.size = 9);
    assert_eq!(read(&failed.tree()).unwrap_err().kind, ErrorKind::Io);
}

#[test]
fn kernels_and_releases_are_asked_for_and_their_headers_are_not() {
    for name in ["kernel", "kernel-core", "kernel-default", "kernel-ml", "kernel-uek", "linux-image-6.1.0-18-amd64"] {
        assert!(wanted(name), "{name}");
    }
    for name in ["centos-release", "openSUSE-release", "redhat-release-server", "linux-virt"] {
        assert!(wanted(name), "{name}");
    }
    for name in ["kernel-headers", "kernel-modules-core", "linux-headers-6.1", "kernel-devel", "bash-completion"] {
        assert!(!wanted(name), "{name}");
    }
}

#[test]
fn a_real_database_of_apk_is_read() {
    let Some(text) = testdata("pkgdb/apk-installed-syft") else { return };
    let text = String::from_utf8(text).unwrap();
    let names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("P:")).collect();
    let found = read(&MemoryFs::of_texts(&[("/lib/apk/db/installed", &text)]).tree()).unwrap().unwrap();
    assert_eq!((found.format, &*found.path), ("installed", "/lib/apk/db/installed"));
    let kept: Vec<&str> = found.installed.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(kept, names.into_iter().filter(|name| wanted(name)).collect::<Vec<_>>());
    assert!(kept.contains(&"alpine-baselayout-data"), "{kept:?}");
}

#[test]
fn apk_says_the_same_of_links_and_of_files() {
    let sum = |content: &[u8]| {
        use base64::Engine;
        let bytes = hex::decode(Algorithm::Sha1.of(content).hex).unwrap();
        format!("Q1{}", base64::engine::general_purpose::STANDARD.encode(bytes))
    };
    let text = format!(
        "C:Q1x=\nP:busybox\nV:1.36\no:busybox\nm:A <a@b>\nF:bin\nR:busybox\na:0:0:755\nZ:{}\nR:sh\na:0:0:777\nZ:{}\n\
         F:etc\nR:init\nF:\nR:mount\nZ:Q1==\n\nP:other\nV:1\nF:bin\nR:bash\n\n",
        sum(b"program"),
        sum(b"/bin/busybox")
    );
    let found = read(&MemoryFs::of_texts(&[("/lib/apk/db/installed", &text)]).tree()).unwrap().unwrap();
    let files: Vec<_> = found.installed[0].files.iter().map(|f| (f.path.as_str(), &f.is)).collect();
    let digest = |content: &[u8]| Is::Either(Algorithm::Sha1.of(content));
    assert_eq!(
        files,
        [
            ("/bin/busybox", &digest(b"program")),
            ("/bin/sh", &digest(b"/bin/busybox")),
            ("/etc/init", &Is::Listed),
            ("/mount", &Is::Listed),
        ]
    );
    assert_eq!(found.installed.len(), 1);
}

#[test]
fn changed_text_never_harms() {
    let Some(status) = testdata("pkgdb/dpkg-debian-only.status") else { return };
    let Some(apk) = testdata("pkgdb/apk-installed-syft") else { return };
    for (path, text) in [("/var/lib/dpkg/status", status), ("/lib/apk/db/installed", apk)] {
        for at in (0..text.len().min(3000)).step_by(3) {
            for byte in [0, b'\n', b':', b' ', 0xff] {
                let mut text = text.clone();
                text[at] = byte;
                let _ = read(&MemoryFs::new().file(path, text).tree()).unwrap();
            }
        }
    }
}
