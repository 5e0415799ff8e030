//! # What it checks
//! That the boot loader which starts this disk has a configuration, and that its default entry names a kernel, an initramfs
//! and a root filesystem that are in the image, under names that still hold in the cloud.
//!
//! # Why
//! Alibaba Cloud asks that `/boot/grub/menu.lst` is not modified, or the instance cannot be started. Most systems start by
//! another loader, which has a configuration of its own: that is the one that counts. A disk is `/dev/vda` on virtio, so an
//! entry with `root=/dev/sda1` waits for a disk that never comes.
//!
//! # How it is found
//! Which loader starts is read from the boot code and from the EFI system partition: GRUB legacy, GRUB 2, EXTLINUX,
//! systemd-boot, a unified kernel. Only its configuration is judged: `menu.lst` or `grub.conf`; `grub.cfg`, with `grubenv`
//! and the entries of the Boot Loader Specification; `extlinux.conf`; `loader.conf` and its entries. Files are looked up on
//! the volume that the entry names (a kernel that is empty or cut short does not start), `root=` among the volumes of the
//! image; where the entry has none, that counts which dracut (`/etc/cmdline.d`) or initramfs-tools (`conf/conf.d`) put into the initramfs. Without an initramfs Linux finds a
//! root by PARTUUID, PARTLABEL or its own name of the device only. The kernel or its initramfs must have the
//! driver of the root's filesystem and, for a logical volume, device-mapper and lvm. dracut starts the logical volumes that its
//! words name (`rd.lvm.lv`, `rd.lvm.vg`), and mounts no root before each device is there for which it was made to wait. A loader that is not known makes the answer
//! Unknown. A `menu.lst` beside another loader is only told. So is a loader that waits for somebody at the keyboard: without
//! a timeout, or with a password for its default entry; and an entry that starts the rescue mode (`single`,
//! `systemd.unit=rescue.target`) or a shell in its initramfs (`break` of initramfs-tools, `rd.break` of dracut) or in the place of init (`init=/bin/sh`);
//! and GRUB 2 of a BIOS whose `normal.mod` is not beside its configuration.
//!
//! # How to mend it
//! Set a timeout of some seconds (`GRUB_TIMEOUT` in `/etc/default/grub`). Write the configuration again. Debian, Ubuntu: `update-grub`. CentOS, RHEL, SUSE: `grub2-mkconfig -o
//! /boot/grub2/grub.cfg`. In `menu.lst`, `extlinux.conf` and entry files name the root by UUID: `root=UUID=...` (`blkid`).

use super::boot_root::root;
use super::drv_01_virtio_installed::late;
use super::volumes::{filesystem, unknown_content};
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, Why, case::known, initramfs, shown};
use crate::guest::linux::bootloader::NO_VOLUME;
use crate::guest::linux::services::systemd::boot::word;
use crate::inspect::facts::{
    Boot, BootMode, BootModes, Fact, Family, Kernel, KernelFault, Linux, Menu, Program, Trouble, TroubleKind, Way,
};

/// LNX-03.
pub const RULE: Rule = Rule {
    id: "LNX-03",
    name: "BootEntryResolvable",
    code: "GrubMenuLstInvalid",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("lnx_03_boot_entry.rs"),
    check,
};

/// What is wrong with the default entry.
pub(super) struct Fault {
    pub grade: Grade,
    pub what: String,
    pub remedy: String,
}

/// What the default entry amounts to: faults, or why that is not known.
pub(super) enum Answer {
    /// What is wrong.
    Faults(Vec<Fault>),
    /// The verdict that says why.
    Undecided(Box<Verdict>),
}

fn check(case: &Case) -> Judged {
    match case.guest()?.family {
        Family::Windows => return Ok(Verdict::not_applicable("a Windows system")),
        Family::FreeBSD => return Ok(Verdict::not_applicable("FreeBSD has none of these boot loaders")),
        Family::Linux | Family::Unknown => {}
    }
    let modes = known(case.facts.boot_modes.as_ref(), "what starts the disk")?;
    if case.coreos() {
        return Ok(coreos(modes));
    }
    let linux = case.linux()?;
    let ways: Vec<&Way> = modes.ways.iter().filter(|way| name(way).is_some()).collect();
    if ways.is_empty() {
        return Ok(Verdict::Unknown(unrecognised(modes)));
    }
    let boot = match &linux.boot {
        Some(Fact::Unreadable(trouble)) if trouble.kind == TroubleKind::NotFound => {
            return Ok(nothing_found(case, &ways, trouble));
        }
        fact => known(fact.as_ref(), "the boot loader's default entry")?,
    };
    let finding = seen(&ways, boot);
    let mut faults: Vec<Fault> = boot.missing.iter().map(|path| missing(case, boot, linux, path)).collect();
    faults.extend(unstarted(case, boot));
    faults.extend(boot.no_normal.as_ref().map(|folder| without_normal(case, folder)));
    let mut undecided = None;
    let answers = [root(case, linux, boot)].into_iter().chain(super::dracut::needs(case, linux, boot));
    for answer in answers {
        match answer {
            Answer::Faults(found) => faults.extend(found),
            Answer::Undecided(verdict) => undecided = undecided.or(Some(verdict)),
        }
    }
    faults.extend(boot.waits.as_ref().map(|why| waits(case, boot, why)));
    faults.extend(recovers(case, linux, boot));
    // Without its files it gets no further.
    if boot.missing.is_empty() {
        faults.extend(mounted(case, linux, boot));
    }
    faults.sort_by_key(|fault| fault.grade);
    let breach = faults.first().is_some_and(|fault| fault.grade == Grade::Breach);
    match undecided {
        Some(verdict) if !breach => Ok(*verdict),
        _ => Ok(judged(modes, boot, finding, faults)),
    }
}

/// The verdict of the faults, the worst of which comes first.
fn judged(modes: &BootModes, boot: &Boot, finding: Finding, faults: Vec<Fault>) -> Verdict {
    let title = shown(&boot.entry.value);
    let mut faults = faults.into_iter();
    let mut finding = finding;
    let worst = faults.next();
    finding.notes = faults.take(3).map(|fault| (fault.grade, fault.what)).collect();
    for path in boot.unused.iter().take(2) {
        finding = finding.note(Grade::Note, format!("{path} is not used to boot this disk"));
    }
    for way in modes.ways.iter().filter(|way| name(way).is_none()).take(1) {
        let path = way.path.as_deref().map_or_else(|| "a loader".to_owned(), shown);
        finding = finding.note(Grade::Note, format!("what {path} starts on {} is not known", firmware(way.mode)));
    }
    if let Some(Fault { grade, what, remedy }) = worst {
        return Finding { message: format!("the default entry {title}: {what}"), ..finding }.remedy(remedy).fail(grade);
    }
    let root = boot.root.as_deref().unwrap_or("the root filesystem");
    let message = format!("the default entry {title} starts {} with {root} as root", shown(&boot.kernel));
    Finding { message, ..finding }.pass()
}

/// 9b: its kernel lies in the EFI system partition, beside its loader.
fn coreos(modes: &BootModes) -> Verdict {
    match (&modes.kernel, modes.ways.first()) {
        (Some(kernel), Some(_)) => {
            Finding::new(format!("CoreOS: {kernel} on the EFI system partition, with its boot loader"))
                .seen("kernel", kernel.clone())
                .pass()
        }
        _ => Verdict::not_read("CoreOS: no kernel with a boot loader was found on the EFI system partition"),
    }
}

/// The loader at the end of a way, where this version reads its configuration.
fn name(way: &Way) -> Option<&'static str> {
    Some(match way.menu()? {
        Menu::Grub2 => "GRUB 2",
        Menu::Legacy => "GRUB legacy",
        Menu::Extlinux => "EXTLINUX",
        Menu::SystemdBoot => "systemd-boot",
        Menu::Unified => "a unified kernel",
    })
}

fn firmware(mode: BootMode) -> &'static str {
    match mode {
        BootMode::Bios => "a BIOS",
        BootMode::Uefi => "UEFI",
        BootMode::Other => "a firmware this version does not know",
    }
}

/// Why it is not known which loader starts.
fn unrecognised(modes: &BootModes) -> Why {
    if let Some(way) = modes.ways.first() {
        let place = way.path.as_deref().map_or_else(|| "the boot code".to_owned(), shown);
        let what = match way.program {
            Some(Program::Shim) => format!("{place} is shim, and the program that it starts is not there"),
            _ => format!("the loader that {place} leads to is none that this version knows"),
        };
        return Why { reason: "NotReadYet", message: what };
    }
    match modes.undecided.first() {
        Some(undecided) => {
            let why = Why::from(&undecided.trouble);
            Why { message: format!("the boot loader is not known: {}", why.message), ..why }
        }
        None => Why { reason: "FactMissing", message: "no firmware finds a boot loader on the disk".to_owned() },
    }
}

/// The loader has no configuration, or its default entry names what is not on the disk.
fn nothing_found(case: &Case, ways: &[&Way], trouble: &Trouble) -> Verdict {
    if let Some(unread) = unknown_content(case.facts) {
        let what = format!("{}; it may be on {}, which is not read", trouble.what, unread.name);
        return Verdict::not_read(what);
    }
    let finding = places(Finding::new(trouble.what.clone()), ways);
    let loader = ways.first().and_then(|way| name(way)).unwrap_or_default();
    let loader = match loader {
        "GRUB legacy" => "grub-legacy",
        "systemd-boot" => "systemd-boot",
        "EXTLINUX" => "extlinux",
        _ => "grub2",
    };
    let remedy = match loader {
        // What leads to the configuration is beside the loader, and no command for the configuration writes that.
        "grub2" if trouble.what.contains(NO_VOLUME) => match case.os_id() {
            "debian" | "ubuntu" => {
                "In the guest: `grub-install --target=x86_64-efi --efi-directory=/boot/efi`, which writes it again."
                    .to_owned()
            }
            _ => "Write there the UUID of the volume that has /boot/grub2 (`blkid` prints it).".to_owned(),
        },
        _ => rewritten(case, loader),
    };
    finding.remedy(remedy).fail(Grade::Breach)
}

/// The loaders and where they were found.
fn places(finding: Finding, ways: &[&Way]) -> Finding {
    ways.iter().fold(finding, |finding, way| {
        let what = format!("{}, found by {}", name(way).unwrap_or_default(), firmware(way.mode));
        let volume = way.volume.clone().unwrap_or_else(|| "disk".to_owned());
        match (&way.path, way.at) {
            (Some(path), _) => finding.seen(what, format!("{volume}: {path}")),
            (None, Some(at)) => finding.seen_at(what, volume, at),
            (None, None) => finding.seen(what, volume),
        }
    })
}

fn seen(ways: &[&Way], boot: &Boot) -> Finding {
    let finding = places(Finding::default(), ways);
    let finding = finding.seen(format!("default entry {}", shown(&boot.entry.value)), boot.entry.place.clone());
    let finding = finding.seen("kernel", boot.kernel.clone());
    let finding = boot.initrd.iter().take(2).fold(finding, |seen, path| seen.seen("initramfs", path.clone()));
    let finding = boot.missing.iter().take(3).fold(finding, |seen, path| seen.seen("not in the image", path.clone()));
    match &boot.root_name {
        Some(name) => {
            let finding = match &boot.root_place {
                Some(place) => finding.seen("root, as the command line names none", place.clone()),
                None => finding,
            };
            finding.seen(format!("root={}", shown(name)), boot.root.clone().unwrap_or_else(|| "nowhere".into()))
        }
        None => finding,
    }
}

fn missing(case: &Case, boot: &Boot, linux: &Linux, path: &str) -> Fault {
    let kernel = path == boot.kernel;
    let what = format!("its {} {} is not in the image", if kernel { "kernel" } else { "initramfs" }, shown(path));
    let started = linux.kernels.iter().find(|kernel| kernel.default && !kernel.version.is_empty());
    let made = started.filter(|_| !kernel).map(|kernel| initramfs::made(case, kernel, &[], true));
    let remedy = match made {
        Some(made) => {
            format!("In the guest: {made}, or take an entry whose files are there: {}", rewritten(case, &boot.loader))
        }
        None => rewritten(case, &boot.loader),
    };
    Fault { grade: Grade::Breach, what, remedy }
}

/// A kernel that is there, and is none.
fn unstarted(case: &Case, boot: &Boot) -> Option<Fault> {
    let how = match boot.kernel_fault? {
        KernelFault::Empty => "is empty",
        KernelFault::Short => "is cut short",
        KernelFault::Other => return None,
    };
    let what = format!("its kernel {} {how}", shown(&boot.kernel));
    let remedy = format!(
        "Install the package of {} again, or take an entry whose kernel is whole: {}",
        bare(&boot.kernel),
        rewritten(case, &boot.loader)
    );
    Some(Fault { grade: Grade::Breach, what, remedy })
}

/// GRUB 2 without the module that reads its configuration; a core may have it inside.
fn without_normal(case: &Case, folder: &str) -> Fault {
    let what = format!(
        "GRUB's module normal.mod is not in {}: unless it is built into GRUB's core, GRUB stops at `grub rescue>`",
        shown(folder)
    );
    let install = match super::commands::grub(case) {
        name if name.starts_with("`grub2") => "grub2-install",
        _ => "grub-install",
    };
    Fault { grade: Grade::Doubt, what, remedy: format!("In the guest: `{install} --target=i386-pc DISK`.") }
}

/// Nobody is at the keyboard of an instance.
fn waits(case: &Case, boot: &Boot, why: &str) -> Fault {
    let place = if boot.config.is_empty() { String::new() } else { format!("{}: ", shown(&boot.config)) };
    let what = format!("the boot loader waits until somebody presses a key ({place}{})", shown(why));
    let password = why.starts_with("superusers");
    let remedy = match boot.loader.as_str() {
        "grub2" if password => {
            let written = rewritten(case, "grub2");
            format!("Add `--unrestricted` to CLASS in /etc/grub.d/10_linux. {written}")
        }
        "grub2" => format!("Set GRUB_TIMEOUT=5 in /etc/default/grub. {}", rewritten(case, "grub2")),
        "systemd-boot" => format!("Write `timeout 5` in {}.", bare(&boot.config)),
        "extlinux" => format!("Write `timeout 50` (tenths of a second) in {}.", bare(&boot.config)),
        _ => format!("Write `timeout 5` in {}, above the first title.", bare(&boot.config)),
    };
    Fault { grade: Grade::Doubt, what, remedy }
}

/// An entry that starts no service, but a shell in its initramfs, or asks for root's password at the console.
fn recovers(case: &Case, linux: &Linux, boot: &Boot) -> Option<Fault> {
    let line: Vec<String> = boot.command_line.split_whitespace().map(str::to_owned).collect();
    let rescue = || word(&line).filter(|(_, to)| matches!(*to, "rescue.target" | "emergency.target"));
    let (word, does) = breaks(linux, &line)
        .map(|word| (word, "stops at a shell in its initramfs"))
        .or_else(|| rescue().map(|(word, _)| (word, "starts the rescue mode")))
        .or_else(|| shell(&line).map(|word| (word, "starts a shell in the place of init")))?;
    let word = bare(word);
    let what = format!("it {does} ({word} on its kernel command line at {})", shown(&boot.entry.place));
    let remedy = match boot.loader.as_str() {
        "grub2" => format!(
            "Take {word} out of GRUB_CMDLINE_LINUX and GRUB_CMDLINE_LINUX_DEFAULT in /etc/default/grub, and have GRUB_DEFAULT \
             there name no recovery entry. {}",
            rewritten(case, "grub2")
        ),
        _ => format!("Take {word} off the kernel command line at {}.", bare(&boot.entry.place)),
    };
    Some(Fault { grade: Grade::Doubt, what, remedy })
}

/// `init=` with a shell: no service is started. The last one counts.
fn shell(line: &[String]) -> Option<&str> {
    const SHELLS: &[&str] = &["sh", "bash", "dash", "ash", "ksh", "zsh", "csh", "busybox"];
    let last = line.iter().rfind(|word| word.starts_with("init="))?;
    let name = last.rsplit(['/', '=']).next()?;
    SHELLS.contains(&name).then_some(last)
}

/// The word by which the initramfs stops at a shell: the last that names where, at a place that it has (initramfs-tools(7),
/// dracut.cmdline(7)).
fn breaks<'a>(linux: &Linux, line: &'a [String]) -> Option<&'a str> {
    let kernel = linux.kernels.iter().find(|kernel| kernel.default)?;
    let (key, places): (_, &[&str]) = match kernel.initramfs.as_ref().and_then(Fact::known)?.tool.as_str() {
        "initramfs-tools" => ("break", &["top", "modules", "premount", "mount", "mountroot", "bottom", "init"]),
        "dracut" => (
            "rd.break",
            &["cmdline", "pre-udev", "pre-trigger", "initqueue", "pre-mount", "mount", "pre-pivot", "cleanup"],
        ),
        _ => return None,
    };
    let mut named = line.iter().filter_map(|word| match word.strip_prefix(key)? {
        "" => Some((word, true)),
        rest => Some((word, rest.strip_prefix('=')?.split(',').any(|at| places.contains(&at)))),
    });
    named.next_back().filter(|(_, stops)| *stops).map(|(word, _)| word.as_str())
}

/// Text of a guest for a command: what would need quotes is left out.
pub(super) fn bare(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || "+-._~/=:".contains(*c)).collect()
}

/// What writes the loader's configuration again.
fn rewritten(case: &Case, loader: &str) -> String {
    match (loader, case.os_id()) {
        ("grub2" | "grub-legacy", "debian" | "ubuntu") => "In the guest: `update-grub`.".to_owned(),
        ("grub2", "opensuse" | "opensuse-leap" | "sles" | "sled") => {
            "In the guest: `grub2-mkconfig -o /boot/grub2/grub.cfg`.".to_owned()
        }
        ("grub2", _) => "In the guest: `grub2-mkconfig -o /boot/grub2/grub.cfg`, or `grubby --set-default` with a \
                         kernel that is there."
            .to_owned(),
        ("grub-legacy", _) => {
            "Correct the default entry in /boot/grub/menu.lst (grub.conf on CentOS and RHEL): `default`, `root (hd0,N)`, \
             `kernel` and `initrd`."
                .to_owned()
        }
        ("extlinux", "alpine") => "In the guest: `update-extlinux`.".to_owned(),
        ("extlinux", _) => "Correct `default`, and `kernel`, `initrd` and `append` of its label.".to_owned(),
        ("systemd-boot", _) => {
            "In the guest: `kernel-install add $(uname -r) /boot/vmlinuz-$(uname -r)`; `bootctl list` shows what is \
             started."
                .to_owned()
        }
        _ => "Make the unified kernel again with the right command line.".to_owned(),
    }
}

/// What mounting the root takes that its kernel does not have when it must: the filesystem's driver, and what starts
/// logical volumes. Where that was not found out, VirtioInstalled says so.
fn mounted(case: &Case, linux: &Linux, boot: &Boot) -> Vec<Fault> {
    let (Ok(volume), Some(kernel)) = (case.root(), linux.kernels.iter().find(|kernel| kernel.default)) else {
        return Vec::new();
    };
    let initramfs = kernel.initramfs.as_ref().and_then(Fact::known);
    // What a layout that is not known loads is not known either.
    let sure = boot.initrd.is_empty() || initramfs.is_some_and(|initramfs| !initramfs.tool.is_empty());
    let grade = if sure { Grade::Breach } else { Grade::Doubt };
    let mut what = Vec::new();
    let drivers = of_filesystem(filesystem(volume));
    if let Some(why) = late(kernel, drivers) {
        what.push(format!("its root is {}, and {why}", filesystem(volume)));
    }
    if volume.name.contains('/') {
        match late(kernel, &["dm_mod"]) {
            Some(why) => what.push(format!("its root is the logical volume {}, and {why}", volume.name)),
            None if initramfs.is_some_and(|initramfs| !initramfs.lvm) => what.push(format!(
                "its root is the logical volume {}, and its initramfs has no lvm to start it",
                volume.name
            )),
            None => {}
        }
    }
    what.into_iter().map(|what| Fault { grade, what, remedy: remade(case, kernel, drivers) }).collect()
}

/// Drivers of a filesystem: any one will do.
fn of_filesystem(name: &str) -> &'static [&'static str] {
    match name {
        "ext4" => &["ext4"],
        "ext3" | "ext2" => &["ext4", "ext3"],
        "xfs" => &["xfs"],
        "btrfs" => &["btrfs"],
        _ => &[],
    }
}

/// What makes the initramfs with a driver.
fn remade(case: &Case, kernel: &Kernel, drivers: &[&str]) -> String {
    let driver = drivers.first().unwrap_or(&"dm_mod");
    let volumes = match initramfs::tool(case, kernel) {
        "mkinitcpio" => {
            return format!(
                "In the guest: add {driver} to MODULES in /etc/mkinitcpio.conf, and lvm2 to HOOKS for logical volumes, then `mkinitcpio -P`."
            );
        }
        "initramfs-tools" => "; for logical volumes install lvm2 first",
        "mkinitrd" => "",
        _ => ", with `--add lvm` for logical volumes",
    };
    format!("In the guest: {}{volumes}.", initramfs::made(case, kernel, &[driver], false))
}
