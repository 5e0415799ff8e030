//! What stands in for a file.

use super::super::super::NodeKind;
use super::{content, edit, kind_of, make, node, open, put};
use crate::disk::ErrorKind;
use crate::guest::Tree;

const SYMLINK: u32 = 0xA000_000C;
const MOUNT_POINT: u32 = 0xA000_0003;

/// The data of a link: substitute and print name; of a symbolic link also its flags.
fn names(substitute: &str, flags: Option<u32>) -> Vec<u8> {
    let units = |name: &str| name.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let (substitute, print) = (units(substitute), units("shown"));
    let mut data = Vec::new();
    // The print name first, to tell the two apart.
    for number in [print.len(), substitute.len(), 0, print.len()] {
        data.extend(u16::try_from(number).unwrap().to_le_bytes());
    }
    data.extend(flags.map(u32::to_le_bytes).unwrap_or_default().get(..if flags.is_some() { 4 } else { 0 }).unwrap());
    data.extend(print);
    data.extend(substitute);
    data
}

#[test]
fn targets_are_in_the_terms_of_a_path() {
    let dir = tempfile::tempdir().unwrap();
    let image = make(dir.path(), "", 16 << 20);
    put(&image, "target.txt", "", b"found");
    let links = [
        ("absolute", SYMLINK, r"\??\C:\target.txt", Some(0), "/target.txt"),
        ("junction", MOUNT_POINT, r"\??\c:\Users\Default", None, "/Users/Default"),
        ("drive", MOUNT_POINT, r"\??\C:", None, "/"),
        ("other", MOUNT_POINT, r"\??\D:\Data", None, "/D:/Data"),
        ("relative", SYMLINK, r"..\x\.\..\TARGET.TXT", Some(1), "../x/./../TARGET.TXT"),
        ("rooted", SYMLINK, r"\Target.txt", Some(1), "/Target.txt"),
        ("volume", MOUNT_POINT, r"\??\Volume{01234567-89ab-cdef-0123-456789abcdef}\", None, ""),
        ("unc", SYMLINK, r"\??\UNC\server\share", Some(0), ""),
    ];
    for (name, tag, substitute, flags, _) in links {
        put(&image, name, "", b"");
        let file = node(open(&image).unwrap().as_ref(), name).unwrap();
        edit::record(&image, file, |raw| edit::add_reparse_point(raw, tag, &names(substitute, flags)));
    }
    let fs = open(&image).unwrap();
    for (name, _, substitute, _, expected) in links {
        let link = node(fs.as_ref(), name).unwrap();
        assert_eq!(fs.stat(link).unwrap().kind, NodeKind::Link, "{name}");
        let expected = if expected.is_empty() { substitute } else { expected };
        assert_eq!(fs.read_link(link).unwrap(), expected, "{name}");
        assert_eq!(kind_of(fs.read_at(link, 0, 1)), ErrorKind::NotFound, "{name}");
        assert_eq!(kind_of(fs.list(link, 1)), ErrorKind::NotFound, "{name}");
    }
    let tree = Tree::new(fs);
    for name in ["absolute", "rooted"] {
        assert_eq!(tree.read_text(&format!("/{name}"), 99).unwrap(), "found", "{name}");
    }
    // Another volume is not a missing file.
    for name in ["other", "volume", "unc"] {
        assert_eq!(kind_of(tree.stat(&format!("/{name}"))), ErrorKind::Unsupported, "{name}");
    }
    assert_eq!(kind_of(tree.stat("/junction")), ErrorKind::NotFound);
}

#[test]
fn other_tags() {
    let dir = tempfile::tempdir().unwrap();
    let image = make(dir.path(), "", 16 << 20);
    let tags: [(&str, u32, &[u8]); 5] = [
        ("wsl-link", 0xA000_001D, b"\x02\0\0\0/mnt/c/x"),
        ("wsl-pipe", 0x8000_0024, b""),
        ("deduplicated", 0x8000_0013, b"somewhere else"),
        ("in-the-cloud", 0x9000_001A, b"somewhere else"),
        ("cut", SYMLINK, b"\0\0"),
    ];
    for (name, tag, data) in tags {
        put(&image, name, "", b"placeholder");
        let file = node(open(&image).unwrap().as_ref(), name).unwrap();
        edit::record(&image, file, |raw| edit::add_reparse_point(raw, tag, data));
    }
    put(&image, "nothing", "", b"placeholder");
    let file = node(open(&image).unwrap().as_ref(), "nothing").unwrap();
    edit::record(&image, file, |raw| edit::set_attributes(raw, 0x400));

    let fs = open(&image).unwrap();
    let at = |name: &str| node(fs.as_ref(), name).unwrap();
    assert_eq!(fs.read_link(at("wsl-link")).unwrap(), "/mnt/c/x");
    assert_eq!(fs.stat(at("wsl-pipe")).unwrap().kind, NodeKind::Special);
    for name in ["deduplicated", "in-the-cloud", "nothing"] {
        assert_eq!(fs.stat(at(name)).unwrap().kind, NodeKind::File);
        assert_eq!(kind_of(content(fs.as_ref(), name)), ErrorKind::Unsupported, "{name}");
        assert_eq!(kind_of(fs.read_link(at(name))), ErrorKind::NotFound, "{name}");
    }
    assert_eq!(kind_of(fs.stat(at("cut"))), ErrorKind::Corrupt);
}

#[test]
fn encrypted_content_is_said_to_be() {
    let dir = tempfile::tempdir().unwrap();
    let image = make(dir.path(), "", 16 << 20);
    put(&image, "secret", "", &[7; 5000]);
    let file = node(open(&image).unwrap().as_ref(), "secret").unwrap();
    edit::record(&image, file, |raw| {
        edit::set_attributes(raw, 0x4000);
        let (at, _) = edit::attribute(raw, 0x80);
        raw[at + 0xD] |= 0x40;
    });
    let fs = open(&image).unwrap();
    assert_eq!(fs.stat(file).unwrap().attributes & 0x4000, 0x4000);
    assert_eq!(fs.stat(file).unwrap().size, 5000);
    assert_eq!(kind_of(content(fs.as_ref(), "secret")), ErrorKind::Encrypted);
}
