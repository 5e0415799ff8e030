use super::*;
use crate::disk::ErrorKind;
use crate::guest::linux::device::Devices;
use crate::guest::linux::testarchive;
use crate::guest::root::MountPoint;
use crate::guest::testing::MemoryFs;
use crate::inspect::facts::{BootMode, BootModes, Loader, Program, Volume, Way};

pub(super) fn volume(name: &str, partition: u32) -> Volume {
    Volume { name: name.into(), partition: Some(partition), uuid: format!("uuid-{name}"), ..Volume::default() }
}

/// Reads the boot loader of a guest whose root is p1.
pub(super) fn booted(fs: MemoryFs) -> Result<Boot> {
    started_by(fs, &[])
}

/// The same, where the firmware finds these loaders.
pub(super) fn started_by(fs: MemoryFs, ways: &[Way]) -> Result<Boot> {
    let modes = BootModes { ways: ways.to_vec(), ..BootModes::default() };
    let modes = Some(&modes);
    let volumes = [volume("p1", 1), volume("p2", 2)];
    let mounts = [MountPoint { at: "/".into(), volume: "p1".into(), inside: String::new() }];
    let tree = fs.tree();
    read(&System { tree: &tree, devices: Devices::new(&volumes, None), mounts: &mounts, modes })
}

/// A guest whose `/boot` is p1 and whose root is p2.
fn with_boot(root: MemoryFs, boot: MemoryFs) -> Result<Boot> {
    let volumes = [volume("p1", 1), volume("p2", 2)];
    let mount = |at: &str, volume: &str| MountPoint { at: at.into(), volume: volume.into(), inside: String::new() };
    let mounts = [mount("/", "p2"), mount("/boot", "p1")];
    let mut tree = root.dir("/boot").tree();
    tree.mount("/boot", boot.shared());
    read(&System { tree: &tree, devices: Devices::new(&volumes, None), mounts: &mounts, modes: None })
}

const MENU_LST: &str = "# menu\ndefault=1\ntimeout=5\nhiddenmenu\n\
    title Old\n\troot (hd0,0)\n\tkernel /boot/vmlinuz-old ro\n\
    title CentOS (2.6.32)\n\troot (hd0,0)\n\tkernel /boot/vmlinuz-2.6.32 ro root=UUID=uuid-p1 quiet\n\tinitrd /boot/initramfs-2.6.32.img\n";

#[test]
fn grub_legacy_starts_its_default_title() {
    let fs = MemoryFs::of_texts(&[("/boot/grub/menu.lst", MENU_LST), ("/boot/vmlinuz-2.6.32", "")]);
    let boot = booted(fs.clone()).unwrap();
    assert_eq!((boot.loader.as_str(), boot.entry.value.as_str()), ("grub-legacy", "CentOS (2.6.32)"));
    assert_eq!(boot.entry.place, "/boot/grub/menu.lst:8");
    assert_eq!(boot.kernel, "/boot/vmlinuz-2.6.32");
    assert_eq!(boot.initrd, ["/boot/initramfs-2.6.32.img"]);
    assert_eq!(boot.command_line, "ro root=UUID=uuid-p1 quiet");
    assert_eq!(boot.root.as_deref(), Some("p1"));
    assert_eq!(boot.missing, ["/boot/initramfs-2.6.32.img"]);
    let saved = MENU_LST.replace("default=1", "default saved");
    let fs = fs.file("/boot/grub/menu.lst", saved).file("/boot/grub/default", "0\n#\n#\n");
    assert_eq!(booted(fs).unwrap().entry.value, "Old");
}

#[test]
fn paths_of_a_boot_partition_are_the_guests_own() {
    let menu = "default 0\ntitle a\nroot (hd0,0)\nkernel /vmlinuz ro root=/dev/vda2\ninitrd /initrd\n";
    let boot = MemoryFs::of_texts(&[("/grub/menu.lst", menu), ("/vmlinuz", ""), ("/initrd", "")]);
    let found = with_boot(MemoryFs::new(), boot).unwrap();
    assert_eq!((found.kernel.as_str(), found.root.as_deref()), ("/boot/vmlinuz", Some("p2")));
    assert!(found.missing.is_empty());
    let grub2 =
        "search --no-floppy --fs-uuid --set=root uuid-p1\nmenuentry 'a' {\nlinux /vmlinuz root=UUID=uuid-p2\n}\n";
    let boot = MemoryFs::of_texts(&[("/grub2/grub.cfg", grub2), ("/vmlinuz", "")]);
    assert_eq!(with_boot(MemoryFs::new(), boot).unwrap().kernel, "/boot/vmlinuz");
}

#[test]
fn a_file_is_missing_only_where_nothing_else_can_be_meant() {
    let menu = "default 0\ntitle a\nroot (hd0,0)\nkernel /vmlinuz ro root=/dev/vda2\ninitrd /initrd\n";
    let boot = MemoryFs::of_texts(&[("/grub/menu.lst", menu), ("/vmlinuz", "x")]);
    assert_eq!(with_boot(MemoryFs::new(), boot.clone()).unwrap().missing, ["/boot/initrd"]);
    let dangling = with_boot(MemoryFs::new(), boot.clone().link("/initrd", "initrd-6.1")).unwrap();
    assert_eq!(dangling.missing, ["/boot/initrd"]);
    // GRUB follows it on its own volume, where the guest's /initrd-6.1 is not.
    let elsewhere = boot.clone().link("/initrd", "/initrd-6.1").file("/initrd-6.1", "");
    assert!(with_boot(MemoryFs::new(), elsewhere).unwrap().missing.is_empty());
    let fallback = boot.file("/grub/menu.lst", format!("fallback 1\n{menu}title b\nkernel /vmlinuz\n"));
    let found = with_boot(MemoryFs::new(), fallback).unwrap();
    assert_eq!((found.entry.value.as_str(), found.missing.len()), ("b", 0));
}

/// GRUB 2 tries what `fallback` names where a file of the default entry is missing, in turn, by title, id or number.
#[test]
fn an_entry_of_grub_2_that_lacks_its_kernel_leads_to_its_fallback() {
    let entries: String = ["a", "b", "c"]
        .map(|name| format!("menuentry {name} --id i{name} {{ linux /boot/{name} root=/dev/vda1\n }}\n"))
        .concat();
    for (variables, missing, title) in [
        ("set default=0", "a", "a"),
        ("set default=0\nset fallback=1", "c", "a"),
        ("set default=0\nset fallback=1", "a", "b"),
        ("set default=a\nset fallback=\"7 none ic\"", "a", "c"),
        ("set default=a\nset fallback=\"1 2\"", "ab", "c"),
        ("set default=0\nset fallback=\"1 2\"", "abc", "a"),
    ] {
        let config = format!("{variables}\n{entries}");
        let kernels = ["a", "b", "c"].iter().filter(|name| !missing.contains(*name));
        let fs = kernels.fold(MemoryFs::new(), |fs, name| fs.file(&format!("/boot/{name}"), "kernel"));
        let found = booted(fs.file("/boot/grub/grub.cfg", config)).unwrap();
        assert_eq!(found.entry.value, title, "{variables}, without {missing}");
    }
}

/// stage2.c: a default beyond the last title is the first fallback, or the first title; an entry that fails leads to the
/// next fallback.
#[test]
fn grub_legacy_starts_what_does_not_fail() {
    let title = |name: &str, root: &str| format!("title {name}\n root {root}\n kernel /boot/{name} ro\n");
    let titles =
        [title("a", "(hd0,0)"), title("b", "(hd0,0)"), title("c", "(hd0,0)"), title("far", "(hd0,5)")].concat();
    let boot = |head: &str, there: &[&str]| {
        let fs = MemoryFs::of_texts(&[("/boot/grub/menu.lst", &format!("{head}\n{titles}"))]);
        booted(there.iter().fold(fs, |fs, name| fs.file(&format!("/boot/{name}"), "x")))
    };
    let all = ["a", "b", "c"];
    for (head, there, wanted) in [
        ("default 1", &all[..], "b"),
        ("default 9", &all[..], "a"),
        ("default 9\nfallback 2", &all[..], "c"),
        ("default 0\nfallback 7 1 2", &all[1..], "b"),
        ("default 0\nfallback 1 2", &all[2..], "c"),
        ("default 3\nfallback 1", &all[..], "b"),
        // All fail: the default is what is told.
        ("default 0\nfallback 1", &[][..], "a"),
    ] {
        let found = boot(head, there).unwrap();
        assert_eq!(found.entry.value, wanted, "{head}");
        assert_eq!(found.missing.is_empty(), !there.is_empty(), "{head}");
    }
    let error = boot("default 3", &all).unwrap_err();
    assert_eq!((error.kind, error.what.contains("(hd0,5) is no partition")), (ErrorKind::NotFound, true), "{error}");
    let none = booted(MemoryFs::of_texts(&[("/boot/grub/menu.lst", "timeout 5\n")])).unwrap_err();
    assert_eq!(none.kind, ErrorKind::NotFound);
}

#[test]
fn extlinux_waits_for_ontimeout_and_reads_what_is_included() {
    let labels = "LABEL a\n LINUX /a\nLABEL b\n LINUX /b\n";
    let started = |head: &str, more: &str| {
        let main = format!("{head}\nINCLUDE more.cfg\n");
        let files = [("/boot/extlinux/extlinux.conf", main.as_str()), ("/boot/extlinux/more.cfg", more)];
        booted(MemoryFs::of_texts(&files))
    };
    let boot = |head: &str| started(head, labels).unwrap().kernel;
    assert_eq!(boot("DEFAULT a\nONTIMEOUT b\nPROMPT 0\nTIMEOUT 50"), "/a", "it does not wait");
    assert_eq!(boot("DEFAULT a\nONTIMEOUT b\nPROMPT 1\nTIMEOUT 50"), "/b");
    assert_eq!(boot("DEFAULT a\nONTIMEOUT b\nPROMPT 1\nTIMEOUT 0"), "/a");
    assert_eq!(boot("UI menu.c32\nDEFAULT a\nONTIMEOUT b\nTIMEOUT 50"), "/b");
    assert_eq!(started("DEFAULT b", labels).unwrap().entry.place, "/boot/extlinux/more.cfg:3");
    assert_eq!(started("DEFAULT a", "INCLUDE more.cfg\n").unwrap_err().kind, ErrorKind::Limit);
    let on_error = started("DEFAULT a\nONERROR b", labels).unwrap_err();
    assert!(on_error.what.contains("onerror"), "{on_error}");
    assert_eq!(
        started("DEFAULT a\nPROMPT 1\nTIMEOUT 9\nONTIMEOUT kernel", labels).unwrap_err().kind,
        ErrorKind::Unsupported
    );
}

#[test]
fn a_hypervisor_is_seen() {
    let menu = "title Xen\nroot (hd0,0)\nkernel /boot/xen.gz\nmodule /boot/vmlinuz-xen ro\nmodule /boot/initrd-xen\n";
    let boot = booted(MemoryFs::of_texts(&[("/boot/grub/menu.lst", menu)])).unwrap();
    assert!(boot.xen);
    assert_eq!((boot.kernel.as_str(), boot.initrd), ("/boot/vmlinuz-xen", vec!["/boot/initrd-xen".to_owned()]));
}

#[test]
fn extlinux_starts_its_default_label() {
    let conf = "UI menu.c32\nDEFAULT l0\nLABEL l0\n  MENU LABEL Linux\n  LINUX ../vmlinuz-6.1\n  APPEND root=/dev/sda1 ro\n  INITRD ../initrd\nLABEL l1\n LINUX /x\n";
    let boot =
        booted(MemoryFs::of_texts(&[("/boot/extlinux/extlinux.conf", conf), ("/boot/vmlinuz-6.1", "")])).unwrap();
    assert_eq!((boot.loader.as_str(), boot.entry.value.as_str()), ("extlinux", "Linux"));
    assert_eq!(boot.root.as_deref(), Some("p1"));
    assert_eq!(boot.missing.len(), 1);
    let menu = conf.replace("LABEL l1\n", "LABEL l1\n MENU DEFAULT\n");
    let boot = booted(MemoryFs::of_texts(&[("/boot/extlinux/extlinux.conf", &menu)])).unwrap();
    assert_eq!(boot.kernel, "/x");
}

/// "No DEFAULT or UI configuration directive found!", for ever.
#[test]
fn extlinux_without_a_default_starts_nothing() {
    let started = |more: &str, file: &str| {
        let text = format!("{more}label a\nkernel /boot/k\nappend root=/dev/vda1\n");
        booted(MemoryFs::of_texts(&[("/boot/extlinux/extlinux.conf", &text), ("/boot/k", "x"), (file, "x")]))
    };
    for more in ["", "timeout 50\n", "ontimeout a\n", "totaltimeout 50\n"] {
        let error = started(more, "/boot/x").unwrap_err();
        assert_eq!(error.kind, ErrorKind::NotFound, "{more}");
        assert!(error.what.starts_with("/boot/extlinux/extlinux.conf has no default"), "{error}");
    }
    assert_eq!(started("timeout 50\nontimeout a\n", "/boot/x").unwrap().kernel, "/boot/k");
    // Before 4.00 it started that.
    assert_eq!(started("", "/boot/extlinux/linux").unwrap_err().kind, ErrorKind::Unsupported);
}

/// As EXTLINUX 6.04 starts it: `BOOT_IMAGE=/boot/vmlinuz-lts root=/dev/vda1 console=ttyS0 quiet`.
#[test]
fn words_behind_extlinux_kernel_are_on_its_line() {
    for (kernel, append, line, initrd) in [
        ("kernel /boot/vmlinuz-6.1 root=/dev/vda1 console=ttyS0", "quiet", "root=/dev/vda1 console=ttyS0 quiet", None),
        ("linux /boot/vmlinuz-6.1\troot=/dev/vda1", "-", "root=/dev/vda1", None),
        (
            "kernel /boot/vmlinuz-6.1 initrd=/boot/initrd.img-6.1",
            "root=/dev/vda1",
            "initrd=/boot/initrd.img-6.1 root=/dev/vda1",
            Some("/boot/initrd.img-6.1"),
        ),
    ] {
        let conf = format!("default a\nlabel a\n{kernel}\nappend {append}\n");
        let files = [
            ("/boot/extlinux/extlinux.conf", conf.as_str()),
            ("/boot/vmlinuz-6.1", "x"),
            ("/boot/initrd.img-6.1", "x"),
        ];
        let boot = booted(MemoryFs::of_texts(&files)).unwrap();
        assert_eq!((boot.kernel.as_str(), boot.command_line.as_str()), ("/boot/vmlinuz-6.1", line), "{kernel}");
        assert_eq!((boot.root_name.as_deref(), boot.missing), (Some("/dev/vda1"), vec![]), "{kernel}");
        assert_eq!(boot.initrd, Vec::from_iter(initrd), "{kernel}");
    }
}

#[test]
fn of_two_loaders_the_firmware_decides_and_else_nobody() {
    let fs = MemoryFs::of_texts(&[
        ("/boot/grub/menu.lst", MENU_LST),
        ("/boot/grub2/grub.cfg", "menuentry x {\nlinux /boot/vmlinuz-new\n}\n"),
    ]);
    let error = booted(fs.clone()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    let grub2 = started_by(fs.clone(), &[bios(Loader::Grub2)]).unwrap();
    assert_eq!((grub2.loader.as_str(), &grub2.unused[..]), ("grub2", &["/boot/grub/menu.lst".to_owned()][..]));
    assert_eq!(grub2.config, "/boot/grub2/grub.cfg");
    let legacy = started_by(fs, &[bios(Loader::GrubLegacy)]).unwrap();
    assert_eq!((legacy.loader.as_str(), legacy.unused.len()), ("grub-legacy", 0));
}

fn bios(loader: Loader) -> Way {
    Way { mode: BootMode::Bios, loader, ..Way::default() }
}

pub(super) fn uefi(path: &str, program: Program) -> Way {
    let (volume, path) = (Some("p2".to_owned()), Some(path.to_owned()));
    Way { mode: BootMode::Uefi, loader: Loader::Fallback, volume, path, program: Some(program), at: None }
}

/// A menu.lst that is a link to nothing is as good as none.
#[test]
fn a_loader_without_its_configuration_is_told() {
    let stage2 = MemoryFs::of_texts(&[("/boot/grub/stage2", "x")]);
    let told = |fs: MemoryFs, loader| {
        let error = started_by(fs, &[bios(loader)]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
        error.what
    };
    assert_eq!(told(stage2.clone(), Loader::GrubLegacy), "GRUB legacy finds no /boot/grub/menu.lst");
    let dangling = stage2.link("/boot/grub/menu.lst", "./grub.conf");
    assert!(told(dangling, Loader::GrubLegacy).contains("is a link to ./grub.conf, where nothing is"));
    let grub2 = MemoryFs::of_texts(&[("/boot/grub2/i386-pc/normal.mod", "x")]);
    assert_eq!(told(grub2, Loader::Grub2), "GRUB 2 finds no /boot/grub2/grub.cfg");
    let extlinux = MemoryFs::of_texts(&[("/boot/extlinux/ldlinux.sys", "x")]);
    assert_eq!(told(extlinux.clone(), Loader::Syslinux), "EXTLINUX finds no /boot/extlinux/extlinux.conf");
    for (other, text) in [
        ("/syslinux/syslinux.cfg", "label a\n"),
        ("/boot/extlinux/linux", "x"),
        ("/boot/extlinux/extlinux.conf", "label linux\nkernel /boot/k\n"),
    ] {
        let fs = extlinux.clone().file(other, text);
        assert_eq!(started_by(fs, &[bios(Loader::Syslinux)]).unwrap_err().kind, ErrorKind::Unsupported, "{other}");
    }
    // Where its folder is not there, it may lie where this program does not look.
    let nothing = started_by(MemoryFs::new(), &[bios(Loader::Grub2)]).unwrap_err();
    assert_eq!(nothing.kind, ErrorKind::Unsupported);
}

#[test]
fn of_two_folders_the_one_with_grubs_modules_counts() {
    let entry = |kernel: &str| format!("menuentry x {{\nlinux /boot/{kernel}\n}}\n");
    let fs = MemoryFs::of_texts(&[
        ("/boot/grub/grub.cfg", &entry("a")),
        ("/boot/grub2/grub.cfg", &entry("b")),
        ("/boot/grub/i386-pc/normal.mod", "x"),
    ]);
    assert_eq!(started_by(fs.clone(), &[bios(Loader::Grub2)]).unwrap().kernel, "/boot/a");
    assert_eq!(booted(fs).unwrap_err().kind, ErrorKind::Unsupported);
}

#[test]
fn the_grub_of_a_bios_needs_its_module() {
    let fs = MemoryFs::of_texts(&[("/boot/grub2/grub.cfg", "menuentry x {\nlinux /boot/a\n}\n"), ("/boot/a", "x")]);
    let told = |fs: &MemoryFs, ways: &[Way]| started_by(fs.clone(), ways).unwrap().no_normal;
    assert_eq!(told(&fs, &[bios(Loader::Grub2)]).as_deref(), Some("/boot/grub2/i386-pc"));
    assert_eq!(told(&fs, &[uefi("/EFI/BOOT/BOOTX64.EFI", Program::Grub2)]), None);
    assert_eq!(told(&fs, &[]), None);
    for folder in ["grub", "grub2"] {
        let fs = fs.clone().file(&format!("/boot/{folder}/i386-pc/normal.mod"), "x");
        assert_eq!(told(&fs, &[bios(Loader::Grub2)]), None);
    }
}

#[test]
fn an_empty_kernel_is_told_and_the_fallback_is_started() {
    let menu = |head: &str| format!("{head}menuentry x {{\nlinux /boot/a\n}}\nmenuentry y {{\nlinux /boot/b\n}}\n");
    let start = |head: &str| {
        let menu = menu(head);
        booted(MemoryFs::of_texts(&[("/boot/grub/grub.cfg", &menu), ("/boot/a", ""), ("/boot/b", "x")])).unwrap()
    };
    let boot = start("");
    assert_eq!((boot.kernel.as_str(), boot.kernel_fault), ("/boot/a", Some(KernelFault::Empty)));
    let boot = start("set fallback=1\n");
    assert_eq!((boot.kernel.as_str(), boot.kernel_fault), ("/boot/b", None));
}

/// The stub on the EFI system partition leads to the configuration that a BIOS' GRUB reads.
#[test]
fn two_firmwares_have_to_start_the_same() {
    let stub = "search.fs_uuid uuid-p1 root\nset prefix=($root)'/boot/grub'\nconfigfile $prefix/grub.cfg\n";
    let fs = MemoryFs::of_texts(&[
        ("/boot/grub/grub.cfg", "menuentry x {\nlinux /boot/a\n}\n"),
        ("/boot/efi/EFI/debian/grub.cfg", stub),
    ]);
    let ways = [bios(Loader::Grub2), uefi("/EFI/BOOT/BOOTX64.EFI", Program::Grub2)];
    let boot = started_by(fs.clone(), &ways[1..]).unwrap();
    assert_eq!((boot.kernel.as_str(), boot.entry.place.as_str()), ("/boot/a", "/boot/grub/grub.cfg:1"));
    assert_eq!(started_by(fs.clone(), &ways).unwrap().config, "/boot/grub/grub.cfg");
    let other = fs.file("/boot/efi/EFI/debian/grub.cfg", "menuentry x {\nlinux /boot/b\n}\n");
    let error = started_by(other, &ways).unwrap_err();
    assert!(error.what.contains("/boot/efi/EFI/debian/grub.cfg"), "{error}");
}

#[test]
fn no_loader_is_undecided() {
    assert_eq!(booted(MemoryFs::new()).unwrap_err().kind, ErrorKind::Unsupported);
}

#[test]
fn real_configurations_never_panic_and_most_are_understood() {
    let Some(dir) = testarchive("linux-config/grubby-boot-configs.tar.xz") else { return };
    let (mut read, mut seen) = (0, 0);
    for entry in std::fs::read_dir(dir.path().join("test")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let place = match name.split('.').next().unwrap() {
            "grub2" => "/boot/grub2/grub.cfg",
            "grub" => "/boot/grub/menu.lst",
            "extlinux" => "/boot/extlinux/extlinux.conf",
            _ => continue,
        };
        if path.is_dir() {
            continue;
        }
        let text = std::fs::read(&path).unwrap();
        seen += 1;
        match booted(MemoryFs::new().file(place, &text)) {
            Ok(boot) => {
                let file = boot.kernel.rsplit('/').next().unwrap();
                assert!(String::from_utf8_lossy(&text).contains(file), "{name}: {boot:?}");
                read += 1;
            }
            Err(error) => {
                let known = [ErrorKind::Unsupported, ErrorKind::Limit, ErrorKind::NotFound];
                assert!(known.contains(&error.kind), "{name}: {error}");
                println!("{name}: {error}");
            }
        }
        for at in (0..text.len()).step_by(97) {
            let mut bad = text.clone();
            bad[at] = b"{}'\"$\n\\>"[at % 8];
            let _ = booted(MemoryFs::new().file(place, &bad));
            let _ = booted(MemoryFs::new().file(place, &text[..at]));
        }
    }
    assert!(seen >= 40 && read * 3 >= seen, "{read} of {seen}");
}

#[test]
fn loaders_without_a_timeout_wait_for_somebody() {
    let waits = |path: &str, text: &str| booted(MemoryFs::of_texts(&[(path, text), ("/boot/k", "")])).unwrap().waits;
    let legacy = "title a\nroot (hd0,0)\nkernel /boot/k root=/dev/vda1\n";
    for (more, told) in [
        ("timeout 5\n", None),
        ("timeout=0\nhiddenmenu\n", None),
        ("hiddenmenu\n", Some("no timeout is set")),
        ("timeout -1\n", Some("timeout -1")),
    ] {
        assert_eq!(waits("/boot/grub/menu.lst", &format!("{more}{legacy}")).as_deref(), told, "{more}");
    }
    let extlinux = "default a\nlabel a\nkernel /boot/k\nappend root=/dev/vda1\n";
    for (more, told) in [
        ("", None),
        ("prompt 0\n", None),
        ("prompt 1\n", Some("no timeout is set")),
        ("prompt 1\ntimeout 50\n", None),
        ("ui menu.c32\ntimeout 0\n", Some("no timeout is set")),
        ("ui menu.c32\ntotaltimeout 600\n", None),
    ] {
        assert_eq!(waits("/boot/extlinux/extlinux.conf", &format!("{more}{extlinux}")).as_deref(), told, "{more}");
    }
}
