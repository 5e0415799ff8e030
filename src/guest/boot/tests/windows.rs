//! Windows: boot sectors as it writes them, on filesystems that the tools here make.

use super::*;
use crate::inspect::facts::DeadEnd;

/// Code of an MBR that starts the active partition, by its messages.
const MBR: &[u8] = b"\x33\xc0 Invalid partition table\0Error loading operating system\0Missing operating system\0";

/// A FAT whose boot sector looks for this file, as Windows' own does.
fn volume(loads: &[u8; 11], files: &[(&str, &str)]) -> Vec<u8> {
    let files: Vec<(&str, Vec<u8>)> = files.iter().map(|(path, text)| (*path, text.as_bytes().to_vec())).collect();
    let mut bytes = fat(&files);
    bytes[0x5a..0x1b0].fill(0x90);
    bytes[0x1a0..0x1ab].copy_from_slice(loads);
    bytes
}

fn bootmgr(files: &[(&str, &str)], windows: Option<Generation>) -> BootModes {
    let volume = volume(b"BOOTMGR    ", files);
    look_as(started_by(disk("dos", &[("type=c, bootable", volume)]), MBR), None, windows)
}

fn missing(found: &BootModes) -> Option<(EndKind, &str)> {
    assert!(found.ways.is_empty(), "{found:?}");
    found.ends.first().map(|DeadEnd { why, path, .. }| (*why, path.as_deref().unwrap_or_default()))
}

#[test]
fn bootmgr_needs_its_bcd() {
    for windows in [None, Some(Generation::Bootmgr)] {
        let found = bootmgr(&[("/bootmgr", "x"), ("/Boot/BCD", "regf")], windows);
        assert_eq!(ways(&found), ["BIOS Bootmgr p1 /bootmgr"]);
        assert_eq!(missing(&bootmgr(&[("/bootmgr", "x")], windows)), Some((EndKind::NoFile, "/Boot/BCD")));
        assert_eq!(missing(&bootmgr(&[("/Boot/BCD", "x")], windows)), Some((EndKind::NoFile, "/bootmgr")));
    }
    let none = bootmgr(&[("/ntldr", "x"), ("/boot.ini", "x")], Some(Generation::Bootmgr));
    assert_eq!(missing(&none), Some((EndKind::NoFile, "/bootmgr")), "NTLDR does not start it");
}

#[test]
fn windows_under_another_loader_still_needs_its_files_on_the_active_partition() {
    let mut slice = vec![0xeb; 1024];
    slice.resize(MIB, 0);
    let files = |files: &[(&str, &str)]| volume(b"BOOTMGR    ", files);
    let code = b"\xeb\xfe some other boot manager";
    let started = |volume: Vec<u8>, said: &str| {
        let disk = started_by(disk("dos", &[(said, volume)]), code);
        look_as(disk, None, Some(Generation::Bootmgr))
    };
    let whole = files(&[("/bootmgr", "x"), ("/Boot/BCD", "regf")]);
    assert_eq!(ways(&started(whole.clone(), "type=c, bootable")), ["BIOS Bootmgr p1 /bootmgr"]);
    let found = started(whole, "type=c");
    assert!(undecided(&found, BootMode::Bios).contains("LBA 0"), "{found:?}");
    let found = look_as(started_by(disk("dos", &[("type=a5, bootable", slice)]), MBR), None, Some(Generation::Bootmgr));
    assert!(found.ways.is_empty() && undecided(&found, BootMode::Bios).contains("p1"), "{found:?}");
}

const INI: &str = "[boot loader]\r\ntimeout=30\r\ndefault=multi(0)disk(0)rdisk(0)partition(2)\\WINDOWS\r\n\
    [operating systems]\r\nmulti(0)disk(0)rdisk(0)partition(2)\\WINDOWS=\"Windows Server 2003\" /fastdetect\r\n";

fn ntldr(ini: &str) -> BootModes {
    let boot = volume(b"NTLDR      ", &[("/ntldr", "x"), ("/boot.ini", ini)]);
    let root = fat(&[("/WINDOWS/system32/config/SYSTEM", b"regf".to_vec())]);
    let table = disk("dos", &[("type=c, bootable", boot), ("type=c", root)]);
    look_as(started_by(table, MBR), None, Some(Generation::Ntldr))
}

#[test]
fn boot_ini_is_followed_to_a_windows() {
    let with = |from: &str, to: &str| ntldr(&INI.replace(from, to));
    assert_eq!(ways(&ntldr(INI)), ["BIOS Ntldr p1 /ntldr"]);
    assert_eq!(ways(&with("default=multi(0)disk(0)rdisk(0)partition(2)\\WINDOWS\r\n", "")), ["BIOS Ntldr p1 /ntldr"]);
    for (from, to) in [
        ("partition(2)", "partition(1)"),
        ("partition(2)", "partition(3)"),
        ("partition(2)", "partition(0)"),
        ("rdisk(0)", "rdisk(1)"),
        ("\\WINDOWS", "\\WINNT"),
        ("multi", "; multi"),
    ] {
        let found = with(from, to);
        if to == "; multi" {
            assert!(undecided(&found, BootMode::Bios).contains("boot.ini"), "{found:?}");
        } else {
            assert_eq!(missing(&found).unwrap().0, EndKind::BootIni, "{to}");
        }
    }
    assert_eq!(missing(&ntldr("")), Some((EndKind::BootIni, "no entry")));
    for unread in ["signature(8b467c12)disk(0)", "scsi(0)disk(0)", "multi(x)disk(0)rdisk(y)"] {
        let found = with("multi(0)disk(0)rdisk(0)", unread);
        assert!(undecided(&found, BootMode::Bios).contains("boot.ini"), "{unread}: {found:?}");
    }
}

#[test]
fn windows_on_uefi_needs_its_bcd_on_the_same_partition() {
    let program = of_package("grub-efi-amd64-bin", "/usr/lib/grub/x86_64-efi/monolithic/grubx64.efi");
    let (loader, bcd) = ("/EFI/Microsoft/Boot/bootmgfw.efi", "/EFI/Microsoft/Boot/BCD");
    let of = |files: &[(&str, Vec<u8>)]| look_as(disk("gpt", &[(ESP, fat(files))]), None, Some(Generation::Bootmgr));
    let found = of(&[(loader, program.clone()), (bcd, b"regf".to_vec())]);
    assert_eq!(ways(&found), ["UEFI Vendor p1 /EFI/Microsoft/Boot/bootmgfw.efi"]);
    let both = of(&[("/EFI/Boot/bootx64.efi", program.clone()), (loader, program.clone()), (bcd, b"regf".to_vec())]);
    assert_eq!(ways(&both), ["UEFI Fallback p1 /EFI/BOOT/BOOTX64.EFI"]);
    let without = of(&[("/EFI/Boot/bootx64.efi", program.clone()), (loader, program)]);
    assert_eq!(uefi_end(&without), Some((EndKind::NoFile, bcd)));
}

#[test]
fn a_windows_since_vista_has_a_loader_in_its_own_folder() {
    use crate::guest::testing::MemoryFs;
    let of = |files: &[(&str, &str)]| Generation::of_root(&MemoryFs::of_texts(files).tree()).unwrap();
    let hive = ("/WINNT/System32/config/SYSTEM", "regf");
    assert_eq!(of(&[hive]), Generation::Ntldr);
    assert_eq!(of(&[hive, ("/WINNT/System32/winload.exe", "MZ")]), Generation::Bootmgr);
    assert_eq!(of(&[hive, ("/WINNT/System32/winload.efi", "MZ")]), Generation::Bootmgr);
}
