//! `bootctl list` reads the same files: its order is the loader's.

use std::path::Path;
use std::process::Command;

use super::super::tests::{started_by, uefi};
use super::*;
use crate::disk::ErrorKind;
use crate::guest::linux::System;
use crate::guest::linux::device::Devices;
use crate::guest::root::MountPoint;
use crate::guest::testing::MemoryFs;
use crate::inspect::facts::{Boot, Program, Volume};

mod unified_kernels;

/// A unified kernel, made as systemd-stub(7) tells, of sections and what they hold.
fn unified(sections: &[(&str, &str)]) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let stub = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub";
    let (mut args, mut at) = (Vec::new(), 0x20000_usize);
    for (name, text) in sections {
        let file = dir.path().join(&name[1..]);
        std::fs::write(&file, text).unwrap();
        args.extend(["--add-section".into(), format!("{name}={}", file.display())]);
        args.extend(["--change-section-vma".into(), format!("{name}={at:#x}")]);
        at += text.len().next_multiple_of(0x1000);
    }
    let out = dir.path().join("out.efi");
    let output = Command::new("objcopy").args(args).args([stub, out.to_str().unwrap()]).output();
    let output = output.expect("install the Debian package binutils");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "install the Debian package systemd-boot-efi: {said}");
    std::fs::read(out).unwrap()
}

fn kernel(id: &str, version: &str) -> Vec<u8> {
    let os = format!("ID={id}\nPRETTY_NAME=\"{id} {version}\"\nVERSION_ID=\"{version}\"\n");
    unified(&[(".osrel", &os), (".cmdline", "root=UUID=uuid-p1 ro\n"), (".linux", "kernel"), (".initrd", "initrd")])
}

/// The menu as `bootctl` shows it: the files' names, and which of them is the default. `None`, said aloud, where nothing
/// may be mounted.
fn bootctl(esp: &Path) -> Option<(Vec<String>, usize)> {
    let script = "mount -t tmpfs none \"$M\" || exit 77; cp -r \"$ESP\"/. \"$M\"; export SYSTEMD_RELAX_ESP_CHECKS=1
        bootctl list --esp-path=\"$M\" --json=short; bootctl list --no-pager --esp-path=\"$M\" | grep ' title: '";
    let dir = tempfile::tempdir().unwrap();
    let mut unshared = Command::new("unshare");
    let unshared = unshared.args(["-m", "bash", "-c", script]).env("M", dir.path()).env("ESP", esp);
    let output = unshared.output().expect("util-linux is there");
    if output.status.code() == Some(77) {
        eprintln!("skipped: nothing may be mounted here");
        return None;
    }
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let entries = said.lines().filter(|line| line.starts_with('{')).map(|line| {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        entry["path"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
    });
    let default = said.lines().filter(|line| line.contains(" title: ")).position(|line| line.contains("(default)"));
    let names: Vec<String> = entries.collect();
    assert!(!names.is_empty(), "install the Debian package systemd-boot: {said}");
    Some((names, default.expect("a default")))
}

/// The same menu as this program has it.
fn ours(guest: &MemoryFs) -> (Vec<String>, usize) {
    let tree = guest.clone().tree();
    let volumes = [Volume { name: "p1".into(), partition: Some(1), ..Volume::default() }];
    let mounts = [MountPoint { at: "/".into(), volume: "p1".into(), inside: String::new() }];
    let system = System { tree: &tree, devices: Devices::new(&volumes, None), mounts: &mounts, modes: None };
    let entries = entries(Places { system: &system }, CONFIG, "x64").unwrap();
    let text = tree.read_text(CONFIG, MAX_BYTES).unwrap_or_default();
    let chosen = choose(&entries, last(&text, "default").as_deref()).unwrap();
    let at = entries.iter().position(|entry| entry == chosen).unwrap();
    (entries.into_iter().map(|entry| entry.file).collect(), at)
}

fn agrees(guest: &MemoryFs) {
    let dir = tempfile::tempdir().unwrap();
    guest.write_to(dir.path());
    if let Some(theirs) = bootctl(dir.path()) {
        assert_eq!(ours(guest), theirs);
    }
}

fn entry(lines: &str) -> String {
    format!("title T\nlinux /k\ninitrd /i\noptions root=UUID=uuid-p1\n{lines}")
}

fn menu(entries: &[(&str, &str)], config: &str) -> MemoryFs {
    let fs = MemoryFs::of_texts(&[("/k", "kernel"), ("/i", "initrd"), (CONFIG, config)]);
    entries.iter().fold(fs, |fs, (name, lines)| fs.file(&format!("/loader/entries/{name}"), entry(lines)))
}

#[test]
fn the_menu_is_in_bootctls_order() {
    let entries = [
        ("arch-1.conf", "sort-key arch\nversion 1\n"),
        ("arch-10.conf", "sort-key arch\nversion 10\n"),
        ("arch-9.conf", "sort-key arch\nversion 9~rc1\n"),
        ("zed-1.conf", "sort-key zed\nversion 99\n"),
        ("b1.conf", "sort-key arch\nmachine-id bbbb\nversion 20\n"),
        ("a1.conf", "sort-key arch\nmachine-id aaaa\nversion 5\n"),
        ("plain-6.1.0-9.conf", ""),
        ("plain-6.1.0-10.conf", ""),
        ("tried+0-3.conf", "sort-key aaaa\nversion 1000\n"),
        ("fresh+3.conf", "sort-key arch\nversion 30\n"),
        ("plus+x.conf", ""),
    ];
    let mut menu = menu(&entries, "timeout 3\n");
    for (file, id, version) in [("one.efi", "arch", "15"), ("two.efi", "debian", "12"), ("three+2-1.efi", "arch", "40")]
    {
        menu = menu.file(&format!("/EFI/Linux/{file}"), kernel(id, version));
    }
    agrees(&menu);
    for pattern in ["plain-*", "PLAIN-6.1.0-9.conf", "two.efi", "gone*", "@saved", "arch-[0-9].conf", "fresh.conf"] {
        agrees(&menu.clone().file(CONFIG, format!("# default x\ndefault {pattern}\n")));
    }
}

fn started(fs: MemoryFs) -> crate::disk::Result<Boot> {
    let mut way = uefi("/EFI/BOOT/BOOTX64.EFI", Program::SystemdBoot);
    way.volume = Some("p1".into());
    started_by(fs, &[way])
}

#[test]
fn the_default_entry_is_started() {
    let boot =
        started(menu(&[("a.conf", "version 1\n"), ("b.conf", "version 2\noptions quiet\n")], "default b*\n")).unwrap();
    assert_eq!((boot.loader.as_str(), boot.config.as_str()), ("systemd-boot", CONFIG));
    assert_eq!((boot.entry.value.as_str(), boot.entry.place.as_str()), ("T", "/loader/entries/b.conf"));
    assert_eq!((boot.kernel.as_str(), &boot.initrd[..]), ("/k", &["/i".to_owned()][..]));
    assert_eq!((boot.command_line.as_str(), boot.root.as_deref()), ("root=UUID=uuid-p1 quiet", Some("p1")));
    // Without loader.conf the first is; one whose kernel is gone is no entry, and one for another machine neither.
    let others = menu(&[("a.conf", ""), ("z.conf", "architecture aa64\n"), ("y.conf", "linux /gone\n")], "");
    assert_eq!(started(others).unwrap().entry.place, "/loader/entries/a.conf");
    let gone = menu(&[("y.conf", "linux /gone\n")], "");
    assert_eq!(started(gone).unwrap().missing, ["/gone"]);
}

#[test]
fn what_starts_no_kernel_is_told() {
    assert_eq!(started(menu(&[], "")).unwrap_err().kind, ErrorKind::NotFound);
    let shell = MemoryFs::of_texts(&[("/loader/entries/a.conf", "title Shell\nefi /shell.efi\n"), ("/shell.efi", "x")]);
    assert_eq!(started(shell).unwrap_err().kind, ErrorKind::Unsupported);
    let elsewhere = started_by(menu(&[("a.conf", "")], ""), &[uefi("/EFI/BOOT/BOOTX64.EFI", Program::SystemdBoot)]);
    assert!(elsewhere.unwrap_err().what.contains("not mounted"));
}

#[test]
fn a_unified_kernel_holds_all_it_needs() {
    let path = "/EFI/BOOT/BOOTX64.EFI";
    let fs = MemoryFs::new().file(path, kernel("arch", "15"));
    let mut way = uefi(path, Program::UnifiedKernel);
    way.volume = Some("p1".into());
    let boot = started_by(fs.clone(), &[way]).unwrap();
    assert_eq!((boot.loader.as_str(), boot.entry.value.as_str()), ("uki", "arch 15"));
    assert_eq!((boot.kernel.as_str(), &boot.initrd[..]), (path, &[path.to_owned()][..]));
    assert_eq!((boot.command_line.as_str(), boot.root.as_deref()), ("root=UUID=uuid-p1 ro", Some("p1")));
    let by_entry = MemoryFs::of_texts(&[("/loader/entries/a.conf", "efi \\u.efi\noptions debug\n")]);
    let boot = started(by_entry.file("/u.efi", kernel("arch", "15"))).unwrap();
    assert_eq!((boot.kernel.as_str(), boot.command_line.as_str(), boot.initrd.len()), ("/u.efi", "debug", 1));
}

#[test]
fn no_mutation_panics() {
    let good = kernel("arch", "15");
    let headers = 0..0x400;
    for at in headers.step_by(3) {
        for value in [0, 0x7f, 0xff] {
            let mut bad = good.clone();
            bad[at] = value;
            let mut way = uefi("/u.efi", Program::UnifiedKernel);
            way.volume = Some("p1".into());
            let _ = started_by(MemoryFs::new().file("/u.efi", &bad), &[way]);
        }
    }
    let good = entry("version 1\nsort-key a\narchitecture x64\nmachine-id 0\n");
    for at in 0..good.len() {
        let mut bad = good.clone().into_bytes();
        bad[at] = b"\n \"\\+"[at % 5];
        let _ = started(MemoryFs::new().file("/k", "").file("/loader/entries/a+1.conf", &bad));
    }
}
