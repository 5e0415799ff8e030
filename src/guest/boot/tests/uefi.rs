//! EFI system partitions with GRUB's real programs.

use super::*;
use crate::inspect::facts::Program;

fn program(machine: &str) -> Vec<u8> {
    let (package, path) = match machine {
        "x86_64" => ("grub-efi-amd64-bin", "x86_64-efi/monolithic/grubx64.efi"),
        _ => ("grub-efi-ia32-bin", "i386-efi/monolithic/grubia32.efi"),
    };
    of_package(package, &format!("/usr/lib/grub/{path}"))
}

fn esp(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    disk("gpt", &[(ESP, fat(files))])
}

#[test]
fn the_fallback_is_found_in_both_tables() {
    let files = [("/EFI/BOOT/BOOTX64.EFI", program("x86_64")), ("/EFI/debian/grubx64.efi", program("x86_64"))];
    let wanted = ["UEFI Fallback p1 /EFI/BOOT/BOOTX64.EFI"];
    assert_eq!(ways(&look(esp(&files))), wanted);
    assert_eq!(ways(&look(disk("dos", &[("type=ef", fat(&files))]))), wanted);
    let lower = esp(&[("/efi/boot/bootx64.efi", program("x86_64"))]);
    assert_eq!(ways(&look(lower)), wanted, "FAT ignores case");
}

#[test]
fn a_loader_under_a_vendors_path_alone_is_told_as_such() {
    let x64 = || program("x86_64");
    let found = look(esp(&[("/EFI/debian/grubx64.efi", x64())]));
    assert_eq!(ways(&found), ["UEFI Vendor p1 /EFI/debian/grubx64.efi"]);
    for helper in ["mmx64.efi", "fbx64.efi", "fwupdx64.efi", "grub.cfg"] {
        let found = look(esp(&[(&format!("/EFI/debian/{helper}"), x64())]));
        assert_eq!(uefi_end(&found), Some((EndKind::NoFile, "/EFI/BOOT/BOOTX64.EFI")), "{helper}");
    }
    let windows = look(esp(&[("/EFI/Microsoft/Boot/bootmgfw.efi", x64())]));
    assert_eq!(ways(&windows), ["UEFI Vendor p1 /EFI/Microsoft/Boot/bootmgfw.efi"]);
    let memory_test = look(esp(&[("/EFI/Microsoft/Boot/memtest.efi", x64())]));
    assert_eq!(uefi_end(&memory_test).unwrap().0, EndKind::NoFile);
}

/// The program after `shim`, or the one that is there.
#[test]
fn what_the_program_is_is_seen() {
    let systemd = of_package("systemd-boot-efi", "/usr/lib/systemd/boot/efi/systemd-bootx64.efi");
    let shim = {
        // As much of shim as is looked at: a program that says so in its .sbat.
        let mut bytes = systemd.clone();
        let at = bytes.windows(26).position(|w| w.starts_with(b"#### LoaderInfo: systemd-")).unwrap();
        bytes[at..at + 26].fill(b' ');
        bytes.extend(b"sbat,1\nshim,4,UEFI shim,shim,1,https://github.com/rhboot/shim\n");
        bytes
    };
    let fallback = "/EFI/BOOT/BOOTX64.EFI";
    let program_of = |files: &[(&str, Vec<u8>)]| look(esp(files)).ways[0].program;
    assert_eq!(program_of(&[(fallback, program("x86_64"))]), Some(Program::Grub2));
    assert_eq!(program_of(&[(fallback, systemd.clone())]), Some(Program::SystemdBoot));
    assert_eq!(program_of(&[(fallback, shim.clone())]), Some(Program::Shim));
    let grub = ("/EFI/BOOT/grubx64.efi", program("x86_64"));
    assert_eq!(program_of(&[(fallback, shim.clone()), grub.clone()]), Some(Program::Grub2));
    // With fb beside it, shim goes by the vendors' lists.
    let vendor = [
        (fallback, shim.clone()),
        ("/EFI/BOOT/fbx64.efi", program("x86_64")),
        ("/EFI/debian/BOOTX64.CSV", b"x".to_vec()),
        ("/EFI/debian/grubx64.efi", systemd),
    ];
    assert_eq!(program_of(&vendor), Some(Program::SystemdBoot));
    let mut other = program("x86_64");
    let mods = other.windows(5).position(|w| w == b"mods\0").unwrap();
    other[mods] = b'x';
    assert_eq!(program_of(&[(fallback, other)]), Some(Program::Other));
}

#[test]
fn the_machine_of_the_guest_decides() {
    let (x64, ia32) = (("/EFI/BOOT/BOOTX64.EFI", program("x86_64")), ("/EFI/BOOT/BOOTIA32.EFI", program("i386")));
    let both = esp(&[x64.clone(), ia32.clone()]);
    for (architecture, file) in [(Some("x86_64"), "BOOTX64"), (Some("i386"), "BOOTIA32"), (None, "BOOTX64")] {
        let found = look_as(both.clone(), architecture, None);
        assert_eq!(ways(&found), [format!("UEFI Fallback p1 /EFI/BOOT/{file}.EFI")]);
    }
    for (files, architecture) in [(&x64, "i386"), (&ia32, "x86_64"), (&x64, "aarch64")] {
        let found = look_as(esp(std::slice::from_ref(files)), Some(architecture), None);
        assert!(undecided(&found, BootMode::Uefi).contains("another machine"), "{architecture}: {found:?}");
    }
    let vendor = esp(&[("/EFI/debian/grubia32.efi", program("i386"))]);
    assert!(undecided(&look(vendor), BootMode::Uefi).contains("another machine"));
}

#[test]
fn what_is_no_program_starts_nothing() {
    let name = "/EFI/BOOT/BOOTX64.EFI";
    let mut driver = program("x86_64");
    let pe = u32::from_le_bytes(driver[0x3c..0x40].try_into().unwrap()) as usize;
    driver[pe + 24 + 68] = 11;
    let mut far = program("x86_64");
    far[0x3c..0x40].copy_from_slice(&u32::MAX.to_le_bytes());
    let cut = |len: usize| program("x86_64")[..len].to_vec();
    let cases = [b"not a program".to_vec(), vec![0; 5000], cut(60), cut(pe + 60), driver, far, program("i386")];
    for bytes in cases {
        let found = look(esp(&[(name, bytes)]));
        assert_eq!(uefi_end(&found), Some((EndKind::NotProgram, name)));
    }
}

#[test]
fn an_esp_that_uefi_cannot_read_is_an_end_and_one_that_we_cannot_is_not_known() {
    assert_eq!(uefi_end(&look(disk("gpt", &[(ESP, vec![0; MIB])]))).unwrap().0, EndKind::NotFat);
    let empty = look(disk("gpt", &[("", vec![0; MIB])]));
    assert!(uefi_end(&empty).is_none() && undecided(&empty, BootMode::Uefi).is_empty(), "there is none");
    let mut luks = b"LUKS\xba\xbe\0\x01".to_vec();
    luks.resize(MIB, 0);
    let found = look(disk("gpt", &[(ESP, luks)]));
    assert!(undecided(&found, BootMode::Uefi).contains("p1"), "{found:?}");
}

#[test]
fn a_fallback_on_a_partition_of_another_type_is_not_decided() {
    let volume = fat(&[("/EFI/BOOT/BOOTX64.EFI", program("x86_64"))]);
    let found = look(disk("dos", &[("type=c", volume.clone())]));
    assert!(undecided(&found, BootMode::Uefi).contains("no EFI system partition by type"));
    let esp = fat(&[("/EFI/BOOT/BOOTX64.EFI", program("x86_64"))]);
    assert_eq!(ways(&look(disk("gpt", &[("", volume), (ESP, esp)]))), ["UEFI Fallback p2 /EFI/BOOT/BOOTX64.EFI"]);
}

#[test]
fn the_kernel_of_coreos_lies_beside_its_loader() {
    let loader = ("/EFI/boot/bootx64.efi", program("x86_64"));
    let found = look(esp(&[loader.clone(), ("/coreos/vmlinuz-a", b"kernel".to_vec())]));
    assert_eq!((ways(&found).len(), found.kernel.as_deref()), (1, Some("/coreos/vmlinuz-a")));
    assert_eq!(look(esp(&[loader])).kernel, None);
}
