//! Names: case, short names, what is listed.

use super::edit::{self, attribute};
use super::{Mounted, kind_of, make, node, open, put};
use crate::disk::ErrorKind;
use crate::disk::testkit;

#[test]
fn case_is_ignored_as_the_volume_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let image = make(dir.path(), "", 16 << 20);
    for name in ["Straße", "ÉCOLE", "Ответ", "plain"] {
        put(&image, name, "", name.as_bytes());
    }
    let fs = open(&image).unwrap();
    for (asked, name) in
        [("STRAßE", "Straße"), ("école", "ÉCOLE"), ("ОТВЕТ", "Ответ"), ("PLAIN", "plain"), ("plain", "plain")]
    {
        assert_eq!(fs.lookup(fs.root(), asked).unwrap(), node(fs.as_ref(), name).unwrap(), "{asked}");
    }
    for missing in ["strasse", "ecole", "plai", "plain.", "~", "", "\u{FFFD}"] {
        assert_eq!(kind_of(fs.lookup(fs.root(), missing)), ErrorKind::NotFound, "{missing}");
    }
    // The filesystem's own files are found, and not listed.
    assert!(fs.lookup(fs.root(), "$mft").is_ok());
    assert_eq!(fs.list(fs.root(), 4).unwrap().len(), 4);
    assert_eq!(kind_of(fs.list(fs.root(), 3)), ErrorKind::Limit);
}

#[test]
fn names_that_differ_by_case_only() {
    let dir = tempfile::tempdir().unwrap();
    let image = make(dir.path(), "", 16 << 20);
    let Some(mounted) = Mounted::new(&image, "rw") else { return };
    let names = ["makefile", "Makefile", "MAKEFILE", "makefilE", "makefile2"];
    for n in 0..200 {
        std::fs::write(mounted.dir().join(format!("filler-{n}")), "").unwrap();
    }
    for name in names {
        std::fs::write(mounted.dir().join(name), name).unwrap();
    }
    drop(mounted);
    let fs = open(&image).unwrap();
    for name in names {
        let found = fs.lookup(fs.root(), name).unwrap();
        assert_eq!(fs.read_at(found, 0, 99).unwrap(), name.as_bytes());
    }
    // None of them is this one: any of the four will do.
    let found = fs.lookup(fs.root(), "MakeFile").unwrap();
    assert_eq!(fs.stat(found).unwrap().size, 8);

    // A directory where case matters, as `fsutil file setCaseSensitiveInfo` leaves it.
    edit::record(&image, fs.root(), |raw| {
        let (at, _) = attribute(raw, 0x10);
        let at = at + usize::from(raw[at + 0x14]);
        raw[at + 0x24..at + 0x2C].copy_from_slice(&[0, 0, 0, 0, 1, 0, 0, 0]);
    });
    let fs = open(&image).unwrap();
    assert!(fs.lookup(fs.root(), "makefilE").is_ok());
    assert_eq!(kind_of(fs.lookup(fs.root(), "MakeFile")), ErrorKind::NotFound);
    assert_eq!(fs.list(fs.root(), 999).unwrap().len(), 205);
}

#[test]
fn short_names_are_found_and_not_listed() {
    let dir = tempfile::tempdir().unwrap();
    let image = make(dir.path(), "", 16 << 20);
    let Some(mounted) = Mounted::new(&image, "windows_names") else { return };
    let long = mounted.dir().join("Program Files");
    std::fs::create_dir(&long).unwrap();
    std::fs::write(long.join("a"), "a").unwrap();
    testkit::run("attr", "setfattr", &["-h", "-n", "system.ntfs_dos_name", "-v", "PROGRA~1", long.to_str().unwrap()]);
    drop(mounted);
    let fs = open(&image).unwrap();
    let listed: Vec<_> = fs.list(fs.root(), 10).unwrap().into_iter().map(|entry| entry.name).collect();
    assert_eq!(listed, ["Program Files"]);
    assert_eq!(fs.lookup(fs.root(), "progra~1").unwrap(), node(fs.as_ref(), "program files").unwrap());
    assert!(node(fs.as_ref(), "progra~1/A").is_ok());
}

#[test]
fn attributes_are_those_that_were_set() {
    let dir = tempfile::tempdir().unwrap();
    let image = make(dir.path(), "", 16 << 20);
    let Some(mounted) = Mounted::new(&image, "rw") else { return };
    let file = mounted.dir().join("viostor.sys");
    std::fs::write(&file, "driver").unwrap();
    std::fs::create_dir(mounted.dir().join("dir")).unwrap();
    // Read-only, hidden, system: the number is in the machine's byte order.
    let args = ["-h", "-n", "system.ntfs_attrib", "-v", "0x27000000", file.to_str().unwrap()];
    testkit::run("attr", "setfattr", &args);
    drop(mounted);
    let fs = open(&image).unwrap();
    let stat = fs.stat(node(fs.as_ref(), "viostor.sys").unwrap()).unwrap();
    assert_eq!((stat.attributes, stat.mode, stat.uid, stat.gid), (0x27, 0, 0, 0));
    let stat = fs.stat(node(fs.as_ref(), "dir").unwrap()).unwrap();
    assert_eq!(stat.attributes & 0x10, 0x10);
    assert_eq!(kind_of(fs.read_at(node(fs.as_ref(), "dir").unwrap(), 0, 1)), ErrorKind::NotFound);
    assert_eq!(kind_of(node(fs.as_ref(), "viostor.sys/x")), ErrorKind::NotFound);
}
