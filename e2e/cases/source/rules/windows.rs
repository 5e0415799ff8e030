//! A disk with a Windows, as far as its layout goes, and what is beside it.

use std::path::Path;

use super::super::disks::{START, Workshop, run};
use super::{Row, TENCENT, as_it_is};

pub fn rows() -> Vec<Row> {
    let shop = Workshop::new();
    let system = ("7", volume(&shop));
    let row = |id, rule, code, says, beside, failed| Row {
        id,
        profile: TENCENT,
        object: Some(shop.convert(&shop.typed_disk("dos", &[system.clone(), beside]), "qcow2", None)),
        rule,
        code,
        says,
        failed,
        change: as_it_is,
    };
    vec![
        row(
            "PAR-07",
            "NoWindowsDynamicDisk",
            "LvmNotSupported",
            ["partition 2 is part of a dynamic disk", "partition 2 at byte 0x", "Copy the system to a basic disk"],
            ("42", vec![0; 1 << 20]),
            &["PAR-07"],
        ),
        row(
            "FS-04",
            "WindowsVolumesAreNtfs",
            "WindowsFileSystemNotNtfs",
            ["p2 is vfat; accepted: ntfs", "p1", "convert D: /fs:ntfs"],
            ("6", shop.fat().0),
            &["FS-04"],
        ),
    ]
}

/// An NTFS volume with the files by which a Windows is known.
fn volume(shop: &Workshop) -> Vec<u8> {
    let (tree, archive) = (shop.fresh("windows"), shop.fresh("wim"));
    for path in [
        "Windows/System32/config/SYSTEM",
        "Windows/System32/config/SOFTWARE",
        "Windows/System32/winload.exe",
        "bootmgr",
        "Boot/BCD",
    ] {
        let path = tree.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "of a Windows").unwrap();
    }
    let file = shop.blank("ntfs", 2 << 20);
    let start = (START / 512).to_string();
    let words = ["-q", "-F", "-Q", "-s", "512", "-p", &start, "-H", "255", "-S", "63"].map(Path::new);
    run("ntfs-3g", "mkntfs", words.into_iter().chain([file.as_path()]), "");
    // wimlib writes to an NTFS volume that nobody has mounted.
    let words = [Path::new("capture"), &tree, &archive, Path::new("--no-acls")];
    run("wimtools", "wimlib-imagex", words, "");
    run("wimtools", "wimlib-imagex", [Path::new("apply"), &archive, Path::new("1"), &file], "");
    let mut volume = std::fs::read(file).unwrap();
    // The boot code of Windows keeps the name of what it loads at the start of its second sector, with its length.
    let name: Vec<u8> = "BOOTMGR".encode_utf16().flat_map(u16::to_le_bytes).collect();
    volume[512..514].copy_from_slice(&7_u16.to_le_bytes());
    volume[514..514 + name.len()].copy_from_slice(&name);
    volume
}
