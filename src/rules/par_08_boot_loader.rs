//! # What it checks
//! That a BIOS or a UEFI finds a boot loader on the disk, that the boot partitions of `/etc/fstab` are in the image, and that
//! a loader for UEFI lies where every UEFI looks.
//!
//! # Why
//! Tencent Cloud answers `PartitionNotPresent` and asks whether the boot partition was included. Firmware variables do not
//! travel with an image: a loader that only such a variable names is not found in the cloud.
//!
//! # How it is found
//! BIOS: the code in LBA 0 is followed to GRUB's core (in the gap before the first partition, in a BIOS-boot partition, or by
//! block list), to GRUB legacy's stages, or by way of the active partition to GRUB, EXTLINUX, SYSLINUX, bootmgr or NTLDR,
//! and FreeBSD's to its boot partition or slice. UEFI: `\EFI\BOOT\BOOTX64.EFI` (of an i386 system `BOOTIA32.EFI`), or a
//! program under a vendor's path, on a partition that is an EFI system partition by type. Windows needs its BCD beside it,
//! and 2003 a boot.ini whose default entry leads to it. `/boot` and `/boot/efi` of fstab must be in a partition of the image.
//! Boot code that is not known, and a volume that cannot be read, make the answer Unknown. Not followed: what the loader
//! reads then (GRUB's configuration is judged with the kernel it starts), what the BCD names. Of a shim it is looked
//! whether its second program is there: where not, and nothing else starts the disk, that is Unknown. A
//! profile that only warns asks for the place of the loader for UEFI alone.
//!
//! # How to mend it
//! Make the image of the whole disk, and install the boot loader on it. Debian, Ubuntu: `grub-install /dev/sdX`. CentOS,
//! RHEL, openSUSE, SUSE: `grub2-install /dev/sdX`. Windows: `bcdboot C:\Windows /s S: /f ALL` with the boot partition as
//! S:. UEFI: copy the loader to `\EFI\BOOT\BOOTX64.EFI` on the EFI system partition.

use super::volumes::{at_boot, unknown_content};
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, Why, case::known, shown};
use crate::api::Action;
use crate::inspect::facts::{
    BootMode, BootModes, DeadEnd, EndKind, Fact, Family, Guest, Loader, Mount, PartitionTable, Program, Role, Scheme,
    TroubleKind, Way,
};

/// PAR-08.
pub const RULE: Rule = Rule {
    id: "PAR-08",
    name: "BootLoaderFound",
    code: "BootPartitionMissing",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("par_08_boot_loader.rs"),
    check,
};

/// A BIOS counts in sectors of this size.
const SECTOR: u64 = 512;

fn check(case: &Case) -> Judged {
    let table = case.table()?;
    if table.scheme == Scheme::None {
        return Ok(case.blocked_by("PartitionTablePresent", "the disk has no partition table"));
    }
    let guest = case.guest()?;
    let modes = known(case.facts.boot_modes.as_ref(), "what starts the disk")?;
    let vendor = vendor_only(modes);
    if case.wanted.action != Action::Require {
        return Ok(match vendor {
            Some(way) => unlisted(case, modes, way),
            None => match shim_alone(modes.ways.iter().filter(|way| way.mode == BootMode::Uefi)) {
                Some(why) => Verdict::Unknown(why),
                None => fallback(table, modes),
            },
        });
    }
    let undecided = modes.ways.is_empty().then(|| undecided(modes)).flatten();
    if modes.ways.is_empty() && undecided.is_none() {
        return Ok(nowhere(case, table, guest, modes));
    }
    let undecided = undecided.or_else(|| shim_alone(modes.ways.iter()));
    let mounts = dangling(case, guest);
    match (undecided, mounts) {
        (_, Err(verdict)) if matches!(*verdict, Verdict::Fail(..)) => Ok(*verdict),
        (Some(why), _) => Ok(Verdict::Unknown(why)),
        (None, Err(verdict)) => Ok(*verdict),
        (None, Ok(())) if case.coreos() && modes.kernel.is_none() => {
            Ok(Verdict::not_read("CoreOS: no kernel was found on the EFI system partition"))
        }
        (None, Ok(())) => match vendor {
            Some(way) => Ok(unlisted(case, modes, way)),
            None => case.unless_truncated(&["fstab.entries"], started(table, modes).pass()),
        },
    }
}

/// The finding of a disk that starts.
fn started(table: &PartitionTable, modes: &BootModes) -> Finding {
    let told: Vec<String> = modes.ways.iter().map(|way| told(table, way)).collect();
    modes.ways.iter().fold(Finding::new(told.join("; ")), |finding, way| {
        let place = way.volume.clone().unwrap_or_else(|| "disk".to_owned());
        match way.at {
            Some(at) => finding.seen_at(loader(way.loader), place, at),
            None => finding.seen(way.path.as_deref().map_or_else(String::new, shown), place),
        }
    })
}

/// One way in a clause: `BIOS: GRUB 2, in the gap before the first partition at sector 1`.
fn told(table: &PartitionTable, way: &Way) -> String {
    let name = loader(way.loader);
    let volume = way.volume.as_deref().unwrap_or_default();
    let place = match (&way.path, way.at) {
        (Some(path), _) => format!("{} on {volume}", shown(path)),
        (None, Some(at)) => {
            let number = volume.strip_prefix('p').and_then(|number| number.parse::<u32>().ok());
            let role = table.partitions.iter().find(|p| Some(p.number) == number).map(|p| p.role);
            let place = match (way.volume.as_ref(), role) {
                (None, _) => "outside of the partitions".to_owned(),
                (_, Some(Role::BiosBoot)) => format!("in the BIOS-boot partition {volume}"),
                (_, Some(Role::FreebsdBoot)) => format!("in the freebsd-boot partition {volume}"),
                _ => format!("in {volume}"),
            };
            format!("{place} at sector {}", at / SECTOR)
        }
        (None, None) => volume.to_owned(),
    };
    format!("{}: {name}, {place}", mode(way.mode))
}

fn mode(mode: BootMode) -> &'static str {
    match mode {
        BootMode::Bios => "BIOS",
        BootMode::Uefi => "UEFI",
        BootMode::Other => "a firmware this version does not know",
    }
}

fn loader(loader: Loader) -> &'static str {
    match loader {
        Loader::Grub2 => "GRUB 2",
        Loader::GrubLegacy => "GRUB legacy",
        Loader::Syslinux => "SYSLINUX",
        Loader::Bootmgr => "Windows' bootmgr",
        Loader::Ntldr => "Windows' NTLDR",
        Loader::Freebsd => "FreeBSD's boot code",
        Loader::Fallback => "the loader that every UEFI starts",
        Loader::Vendor => "a vendor's loader",
        Loader::Other => "a loader this version does not know",
    }
}

/// The way of UEFI, where it is none but a vendor's.
fn vendor_only(modes: &BootModes) -> Option<&Way> {
    let mut ways = modes.ways.iter().filter(|way| way.mode == BootMode::Uefi);
    let first = ways.next()?;
    (first.loader == Loader::Vendor && ways.all(|way| way.loader == Loader::Vendor)).then_some(first)
}

/// What a profile that only warns hears where no loader lies in the wrong place.
fn fallback(table: &PartitionTable, modes: &BootModes) -> Verdict {
    if modes.ways.iter().any(|way| way.mode == BootMode::Uefi) {
        return started(table, modes).pass();
    }
    match modes.undecided.iter().find(|undecided| undecided.mode == BootMode::Uefi) {
        Some(undecided) => Verdict::Unknown(Why::from(&undecided.trouble)),
        None => Verdict::not_applicable("no loader for UEFI"),
    }
}

/// A loader that only a firmware variable names.
fn unlisted(case: &Case, modes: &BootModes, way: &Way) -> Verdict {
    let volume = way.volume.clone().unwrap_or_default();
    let path = way.path.as_deref().unwrap_or_default();
    let machine = case.facts.guest.as_ref().and_then(|guest| guest.architecture.as_ref());
    let wanted = match machine.map_or("", |machine| machine.value.as_str()) {
        "i386" => "/EFI/BOOT/BOOTIA32.EFI",
        "aarch64" => "/EFI/BOOT/BOOTAA64.EFI",
        _ => "/EFI/BOOT/BOOTX64.EFI",
    };
    let starts = modes.ways.iter().any(|way| way.mode == BootMode::Bios);
    let bios = if starts { "; a BIOS starts it" } else { "" };
    Finding::new(format!(
        "the loader for UEFI is only {} on {volume}, and not {} as well: firmware variables do not travel with an image{bios}",
        shown(path),
        shown(wanted),
    ))
    .seen(shown(path), volume)
    .remedy(copy(case, path))
    .fail(Grade::Doubt)
}

fn copy(case: &Case, path: &str) -> String {
    if path.to_ascii_lowercase().starts_with("/efi/microsoft/") {
        return "In Windows: `mountvol S: /s`, then `copy S:\\EFI\\Microsoft\\Boot\\bootmgfw.efi S:\\EFI\\Boot\\bootx64.efi`."
            .to_owned();
    }
    match case.os_id() {
        "debian" | "ubuntu" => "`grub-install --target=x86_64-efi --efi-directory=/boot/efi --force-extra-removable`.",
        _ => {
            "Copy the files beside it to /boot/efi/EFI/BOOT and name the loader (shimx64.efi, where there is one) \
             BOOTX64.EFI there."
        }
    }
    .to_owned()
}

/// Why it is not known what starts, where every way is a shim without its second program: most are built to start GRUB
/// beside them, and some another one.
fn shim_alone<'a>(mut ways: impl Iterator<Item = &'a Way> + Clone) -> Option<Why> {
    let way = ways.clone().next()?;
    let alone = |way: &Way| way.loader == Loader::Fallback && way.program == Some(Program::Shim);
    ways.all(alone).then(|| {
        let path = way.path.as_deref().map_or_else(String::new, shown);
        let message = format!("UEFI: {path} is shim, and the program that it starts is not there");
        Why { reason: "NotReadYet", message }
    })
}

/// Why it is not known what starts the disk; `None` where all was followed to its end.
fn undecided(modes: &BootModes) -> Option<Why> {
    let found = modes.undecided.iter().find(|u| u.trouble.kind != TroubleKind::Corrupt).or(modes.undecided.first())?;
    let why = Why::from(&found.trouble);
    let reason = if why.reason == "FactMissing" { "NotReadYet" } else { why.reason };
    Some(Why { reason, message: format!("{}: {}", mode(found.mode), why.message) })
}

/// No firmware finds a loader.
fn nowhere(case: &Case, table: &PartitionTable, guest: &Guest, modes: &BootModes) -> Verdict {
    let size = case.facts.container.as_ref().and_then(|c| c.virtual_size_bytes);
    if size.is_some_and(|size| !table.past(size).is_empty()) {
        return case.blocked_by("UploadComplete", "the disk ends before what its partition table names");
    }
    let mut reasons: Vec<String> = modes.ends.iter().map(|end| format!("{}: {}", mode(end.mode), ended(end))).collect();
    if modes.ends.iter().all(|end| end.mode != BootMode::Uefi) {
        reasons.push("UEFI: there is no EFI system partition".to_owned());
    }
    let finding = Finding::new(format!("nothing starts the disk: {}", reasons.join("; ")));
    let finding = modes.ends.iter().fold(finding, |finding, end| {
        let place = end.volume.clone().unwrap_or_else(|| "disk".to_owned());
        match end.at {
            Some(at) => finding.seen_at("no loader", place, at),
            None => finding.seen(end.path.as_deref().map_or_else(|| "no loader".to_owned(), shown), place),
        }
    });
    Finding { structural: true, ..finding.narrowed("NoBootPartition").remedy(install(case, guest, modes)) }
        .fail(Grade::Breach)
}

fn ended(end: &DeadEnd) -> String {
    let volume = end.volume.as_deref().unwrap_or("LBA 0");
    let path = end.path.as_deref().map_or_else(|| "a file".to_owned(), shown);
    match end.why {
        EndKind::NoCode => "LBA 0 has no boot code".to_owned(),
        EndKind::NoActive => "the code in LBA 0 starts the partition that is marked active, and none is".to_owned(),
        EndKind::NoBootSector => format!("{volume}, which is started, has no boot sector"),
        EndKind::NotBootable => format!("the boot sector of {volume} only says that it is not bootable"),
        EndKind::NoLoader => {
            let sector = end.at.map(|at| at / SECTOR).unwrap_or_default();
            format!("the boot code leads to sector {sector}, where no loader is")
        }
        EndKind::NoFile => format!("{volume} has no {path}"),
        EndKind::NotProgram => format!("{path} on {volume} is no program that UEFI starts on this machine"),
        EndKind::NotFat => format!("the EFI system partition {volume} has no FAT"),
        EndKind::BootIni => format!("boot.ini on {volume} names {path}, where no Windows is"),
        EndKind::Other => "it ends in a way that this version does not know".to_owned(),
    }
}

fn install(case: &Case, guest: &Guest, modes: &BootModes) -> String {
    let uefi = modes.ends.iter().any(|end| end.mode == BootMode::Uefi);
    let ntldr = modes.ends.iter().any(|end| {
        end.why == EndKind::BootIni || end.path.as_deref().is_some_and(|path| matches!(path, "/ntldr" | "/boot.ini"))
    });
    let how = match (guest.family, case.os_id()) {
        (Family::Windows, _) if ntldr => {
            "From the Recovery Console: `fixmbr`, `fixboot` and `bootcfg /rebuild`, with the boot partition active."
        }
        (Family::Windows, _) => {
            "Give the boot partition the letter S:, make it active where the table is an MBR, and run \
             `bcdboot C:\\Windows /s S: /f ALL`."
        }
        (Family::FreeBSD, _) => {
            "`gpart bootcode -b /boot/pmbr -p /boot/gptboot -i INDEX DISK`, with the index of the freebsd-boot partition."
        }
        (_, "debian" | "ubuntu") if uefi => {
            "In the system, or in a chroot into it: `grub-install /dev/sdX` for a BIOS, \
             `grub-install --target=x86_64-efi --efi-directory=/boot/efi --removable` for UEFI."
        }
        (_, "debian" | "ubuntu") => {
            "In the system, or in a chroot into it: `grub-install /dev/sdX`, then `update-grub`."
        }
        (_, "alpine") => {
            "`extlinux --install /boot`, and `dd bs=440 count=1 if=/usr/share/syslinux/mbr.bin of=/dev/sdX`."
        }
        _ => {
            "In the system, or in a chroot into it: `grub2-install /dev/sdX`, then \
             `grub2-mkconfig -o /boot/grub2/grub.cfg`."
        }
    };
    format!("{how} If it starts where it runs, make the image of the whole disk it starts from.")
}

/// The boot partitions of fstab: in order, a failure, or why that is not known.
fn dangling(case: &Case, guest: &Guest) -> Result<(), Box<Verdict>> {
    if guest.family != Family::Linux {
        return Ok(());
    }
    let fstab = match &case.linux()?.fstab {
        Some(Fact::Known(fstab)) => fstab,
        Some(Fact::Unreadable(trouble)) => {
            let why = Why::from(trouble);
            return Err(Box::new(Verdict::Unknown(Why {
                message: format!("/etc/fstab could not be read: {}", why.message),
                ..why
            })));
        }
        None => return Err(Box::new(Verdict::missing("/etc/fstab was not looked at"))),
    };
    let Some(mount) = fstab.entries.iter().find(|mount| is_missing(mount)) else { return Ok(()) };
    let (source, target) = (shown(&mount.source), shown(&mount.target));
    if let Some(unread) = unknown_content(case.facts) {
        let what = format!("line {} of /etc/fstab: {source} may be on {}, which is not read", mount.line, unread.name);
        return Err(Box::new(Verdict::not_read(what)));
    }
    case.complete(&["volumes", "partitions"])?;
    let finding = Finding::new(format!(
        "line {} of /etc/fstab mounts {source} on {target}, and that is in no partition of the image",
        mount.line
    ))
    .narrowed("NoBootPartition")
    .seen(format!("{source} {target}"), format!("/etc/fstab:{}", mount.line))
    .remedy(format!(
        "Make the image of all partitions of the disk; or correct line {} of /etc/fstab (`blkid` prints the UUIDs), or \
         add the option nofail there.",
        mount.line
    ));
    Err(Box::new(Finding { structural: true, ..finding }.fail(Grade::Breach)))
}

/// A boot partition that the system does not start without, and that is not on this disk. A name made of the hardware's
/// says nothing of the disk.
fn is_missing(mount: &Mount) -> bool {
    let optional = ["nofail", "x-systemd.automount"];
    let hardware = ["/dev/disk/by-id/", "/dev/disk/by-path/"];
    matches!(mount.target.trim_end_matches('/'), "/boot" | "/boot/efi" | "/efi")
        && mount.volume.is_none()
        && at_boot(mount)
        && !mount.options.iter().any(|option| optional.contains(&option.as_str()))
        && !hardware.iter().any(|start| mount.source.starts_with(start))
}
