//! Add-ons and profiles. The stub of Debian 12 is too old for either: what newer ones do is as systemd-stub(7) and UAPI.5
//! tell it.

use super::*;

/// The program with the stub's version changed.
fn of_version(mut program: Vec<u8>, version: &str) -> Vec<u8> {
    let magic = b"systemd-stub ";
    let at = program.windows(magic.len()).position(|window| window == magic).unwrap() + magic.len();
    program[at..at + version.len()].copy_from_slice(version.as_bytes());
    program
}

fn addon(sections: &[(&str, &str)]) -> Vec<u8> {
    unified(sections)
}

const PATH: &str = "/EFI/Linux/arch.efi";

/// A unified kernel with these files beside it, started by systemd-boot and by the firmware itself.
fn both(version: &str, files: &[(&str, Vec<u8>)]) -> crate::disk::Result<String> {
    let kernel = unified(&[
        (".osrel", "ID=arch\n"),
        (".cmdline", "root=UUID=uuid-p1 ro\n"),
        (".uname", "6.9.0"),
        (".linux", "kernel"),
        (".initrd", "initrd"),
    ]);
    let fs = MemoryFs::new().file(PATH, of_version(kernel, version));
    let fs = files.iter().fold(fs, |fs, (path, bytes)| fs.file(path, bytes));
    let mut way = uefi(PATH, Program::UnifiedKernel);
    way.volume = Some("p1".into());
    let (own, menu) = (started_by(fs.clone(), &[way]), started(fs));
    assert_eq!(own.as_ref().map(|boot| &boot.command_line).ok(), menu.as_ref().map(|boot| &boot.command_line).ok());
    menu.map(|boot| boot.command_line)
}

const OWN: &str = "/EFI/Linux/arch.efi.extra.d/b.addon.efi";
const COMMON: &str = "/loader/addons/a.addon.efi";

#[test]
fn add_ons_append_to_the_command_line() {
    let line = |text: &str| addon(&[(".cmdline", text)]);
    let files = [
        (OWN, line("modprobe.blacklist=virtio_blk\n")),
        ("/EFI/Linux/arch.efi.extra.d/A.addon.efi", line("quiet")),
        ("/EFI/Linux/arch.efi.extra.d/c.efi", line("no add-on")),
        ("/EFI/Linux/arch.efi.extra.d/d.addon.efi", addon(&[(".cmdline", "other"), (".uname", "6.8.0")])),
        ("/EFI/Linux/arch.efi.extra.d/e.addon.efi", addon(&[(".cmdline", "a kernel"), (".linux", "kernel")])),
        ("/EFI/Linux/arch.efi.extra.d/f.addon.efi", b"no program".to_vec()),
        ("/EFI/Linux/other.efi.extra.d/a.addon.efi", line("of another")),
        (COMMON, line("debug")),
    ];
    let plain = "root=UUID=uuid-p1 ro";
    let whole = format!("{plain} quiet modprobe.blacklist=virtio_blk debug");
    assert_eq!(both("254", &files).unwrap(), whole);
    assert_eq!(both("252", &files).unwrap(), plain, "an older stub takes none");
    assert_eq!(both("257", &[]).unwrap(), plain);
    assert_eq!(both("257", &[(COMMON, line("root=LABEL=x"))]).unwrap(), format!("{plain} root=LABEL=x"));
}

#[test]
fn what_add_ons_do_is_told_where_it_is_not_known() {
    let line = |text: &str| addon(&[(".cmdline", text)]);
    for (what, version, files) in [
        ("which comes last", "257", vec![(OWN, line("root=LABEL=a")), (COMMON, line("root=LABEL=b"))]),
        ("for an initramfs", "257", vec![(OWN, addon(&[(".initrd", "more")]))]),
        ("whether its stub", "xyz", vec![(OWN, line("quiet"))]),
    ] {
        let error = both(version, &files).unwrap_err();
        assert!(error.kind == ErrorKind::Unsupported && error.what.contains(what), "{error}");
    }
    let counted = unified(&[(".cmdline", "ro"), (".linux", "kernel")]);
    let fs = MemoryFs::new().file("/EFI/Linux/arch+3.efi", of_version(counted, "257")).file(OWN, line("quiet"));
    assert!(started(fs).unwrap_err().what.contains("whether its stub"));
}

#[test]
fn the_first_profile_is_started() {
    // objcopy makes no two sections of one name: they get it afterwards.
    let mut profiles = unified(&[
        (".osrel", "ID=arch\n"),
        (".cmdline", "root=LABEL=shared"),
        (".linux", "kernel"),
        (".initrd", "initrd"),
        (".profil1", "ID=main\n"),
        (".cmdlin1", "root=UUID=uuid-p1 ro"),
        (".profil2", "ID=rescue\n"),
        (".cmdlin2", "root=UUID=uuid-p1 single"),
    ]);
    for (made, name) in [(".profil", ".profile"), (".cmdlin", ".cmdline")] {
        for number in ["1", "2"] {
            let made = format!("{made}{number}");
            let at = profiles.windows(8).position(|bytes| bytes == made.as_bytes()).unwrap();
            profiles[at..at + 8].copy_from_slice(name.as_bytes());
        }
    }
    let fs = MemoryFs::new().file(PATH, profiles);
    let boot = started(fs.clone()).unwrap();
    assert_eq!((boot.command_line.as_str(), boot.root.as_deref()), ("root=UUID=uuid-p1 ro", Some("p1")));
    let by_name = started(fs.clone().file(CONFIG, "default arch.efi\n")).unwrap();
    assert_eq!(by_name.command_line, "root=UUID=uuid-p1 ro");
    let rescue = started(fs.file(CONFIG, "default arch.efi@rescue\n")).unwrap_err();
    assert!(rescue.kind == ErrorKind::Unsupported && rescue.what.contains("a profile"), "{rescue}");
}
