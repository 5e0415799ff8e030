//! # What it checks
//! That the kernel the boot loader starts by default finds its root disk on virtio, and has the virtio network driver.
//!
//! # Why
//! Tencent Cloud runs KVM and refuses images without virtio (`VirtioNotInstall`). Alibaba Cloud asks for Xen or KVM drivers
//! since 2020-12, and asked for both before. A kernel without its disk driver stops before it can say why.
//!
//! # How it is found
//! From the default boot entry: its kernel's configuration and `modules.builtin`, and the list of its initramfs. `virtio_blk`
//! and `virtio_pci` must be built in or in the initramfs and not blacklisted; `virtio_net` built in or a module under
//! `/lib/modules`. What `initcall_blacklist=` names does not start even where it is built in. An initramfs that cannot be read makes the answer Unknown; where the entry names one that is not there,
//! GRUB 2 starts the kernel alone, and GRUB legacy, syslinux and systemd-boot start nothing. Other installed kernels are
//! warned about; rescue and kdump ones are not judged. CoreOS: the kernel on the EFI system partition, and the initramfs
//! inside it. FreeBSD: the kernel's own strings, or a module that loader.conf loads; what neither shows is Unknown.
//!
//! # How to mend it
//! Put the drivers into the initramfs. Debian, Ubuntu: add `virtio_blk` and `virtio_pci` to `/etc/initramfs-tools/modules`,
//! then `update-initramfs -u -k all`. CentOS, RHEL, openSUSE: `dracut -f --add-drivers "virtio_blk virtio_pci virtio_net"`.
//! SLES 10 and 11: `INITRD_MODULES` in `/etc/sysconfig/kernel`, then `mkinitrd`. A driver that is blacklisted: take it off the kernel command line (`/etc/default/grub`), or out of `/etc/modprobe.d`
//! and make the initramfs again.

use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, case::known, commands, initramfs, shown};
use crate::api::Hypervisors;
use crate::guest::linux::drivers::{UNCALLED, UNNAMED};
use crate::inspect::facts::{Boot, Driver, DriverState, Fact, Family, Kernel, Trouble, TroubleKind};

/// DRV-01.
pub const RULE: Rule = Rule {
    id: "DRV-01",
    name: "VirtioInstalled",
    code: "VirtioNotInstall",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("drv_01_virtio_installed.rs"),
    check,
};

/// What the boot disk needs, most telling first. The last two are part of the others' stack and judged where they were looked for.
const DISK: &[&str] = &["virtio_blk", "virtio_pci", "virtio", "virtio_ring"];
const XEN_DISK: &str = "xen_blkfront";

/// Whether a driver is there when the root disk must be found.
enum At {
    /// Yes: where.
    Boot(String),
    /// No: why not.
    Late(String),
    /// Could not be found out.
    Unknown(Box<Verdict>),
}

fn check(case: &Case) -> Judged {
    if case.guest()?.family == Family::Windows {
        return Ok(Verdict::not_applicable("a Windows system"));
    }
    if case.freebsd() {
        return freebsd(case);
    }
    let linux = case.linux()?;
    let boot = known(linux.boot.as_ref(), "the boot loader's default entry")?;
    let Some(kernel) = linux.kernels.iter().find(|k| k.default) else {
        return Ok(Verdict::missing(format!(
            "the kernel of the default entry {} was not found",
            shown(&boot.entry.value)
        )));
    };
    if boot.xen || kernel.xen_only.is_some() {
        case.complete(&["kernels"])?;
        let others_too = linux.kernels.iter().filter(|k| !k.default).all(|k| k.xen_only.is_some());
        return Ok(xen_only(others_too, boot, kernel));
    }
    let missing = boot.initrd.iter().find(|path| boot.missing.contains(path));
    if let (Some(path), "grub-legacy" | "extlinux" | "systemd-boot") = (missing, boot.loader.as_str()) {
        return Ok(not_started(case, boot, kernel, path));
    }
    let evidence = Finding::default()
        .seen(format!("default entry {}", shown(&boot.entry.value)), boot.entry.place.clone())
        .seen(format!("kernel {}", shown(&kernel.version)), kernel.path.clone());
    let evidence = missing.iter().fold(evidence, |seen, path| seen.seen("not in the image", (*path).clone()));
    let evidence = seen_drivers(evidence, kernel);
    let verdict = match disk(kernel, DISK) {
        At::Boot(how) => {
            with_xen(case, kernel, Finding { message: format!("kernel {}: {how}", shown(&kernel.version)), ..evidence })
        }
        At::Unknown(verdict) if case.coreos() => return Ok(softened(*verdict)),
        At::Unknown(verdict) => return Ok(*verdict),
        At::Late(why) if case.coreos() => {
            return Ok(Verdict::not_read(format!("CoreOS: {why}; another initramfs inside the kernel may have it")));
        }
        At::Late(why) => without_virtio(case, kernel, &why, evidence),
    };
    let verdict = with_network(case, kernel, verdict);
    let verdict = with_other_kernels(&linux.kernels, verdict);
    Ok(verdict)
}

/// Whether a kernel has its boot disk on virtio.
pub(super) fn on_virtio(kernel: &Kernel) -> bool {
    matches!(disk(kernel, DISK), At::Boot(_))
}

/// Why none of these drivers is there when the root is mounted; `None` where one is, or where that is not known.
pub(super) fn late(kernel: &Kernel, names: &[&str]) -> Option<String> {
    let mut why = None;
    for driver in names.iter().filter_map(|name| find(kernel, name)) {
        match at_boot(kernel, driver) {
            At::Late(reason) => why = why.or(Some(format!("{} {reason}", driver.name))),
            At::Boot(_) | At::Unknown(_) => return None,
        }
    }
    why
}

/// What a FreeBSD needs is in its kernel, or loaded with it.
fn freebsd(case: &Case) -> Judged {
    let Some(kernel) = case.unix()?.kernels.first() else {
        return Ok(Verdict::missing("FreeBSD: the kernel that starts was not found"));
    };
    let mut finding = Finding::default();
    let mut how = Vec::new();
    for name in ["virtio_blk", "virtio_pci", "virtio_net"] {
        let (what, place) = match find(kernel, name) {
            Some(Driver { state: DriverState::Builtin, .. }) => ("built in", kernel.path.clone()),
            Some(Driver { in_initramfs: Some(module), .. }) => ("loaded by the boot loader", module.clone()),
            _ => {
                let path = shown(&kernel.path);
                return Ok(Verdict::missing(format!(
                    "FreeBSD: {name} is not among the strings of {path}, and no loader.conf loads it"
                )));
            }
        };
        how.push(format!("{name} {what}"));
        finding = finding.seen(format!("{name} {what}"), place);
    }
    Ok(Finding { message: how.join(", "), ..finding }.pass())
}

/// CoreOS is never failed for what its embedded initramfs may hold.
fn softened(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Fail(_, finding) => Verdict::not_read(finding.message),
        other => other,
    }
}

fn xen_only(others_too: bool, boot: &Boot, kernel: &Kernel) -> Verdict {
    let entry = &boot.entry;
    let title = shown(&entry.value);
    if !others_too && !boot.alone {
        return Verdict::not_read(format!(
            "the default entry {title} starts on Xen only; whether another entry starts on KVM is not known"
        ));
    }
    let (lacks, remedy) = if others_too {
        ("kernel for KVM or bare hardware", "Install the distribution's own kernel and make it the default entry.")
    } else {
        ("other entry", "Write an entry for the distribution's own kernel, and make it the default.")
    };
    let finding = Finding::new(format!("the default entry {title} starts on Xen only, and there is no {lacks}"))
        .seen(format!("entry {title}"), entry.place.clone())
        .remedy(remedy);
    let config = kernel.config.clone().unwrap_or_else(|| kernel.path.clone());
    let finding = match &kernel.xen_only {
        Some(line) => finding.seen(shown(line), config),
        None => finding,
    };
    finding.fail(Grade::Breach)
}

/// GRUB legacy (error 15), syslinux ("could not find ramdisk image") and systemd-boot ("Error preparing initrd") stop at a
/// missing initramfs.
fn not_started(case: &Case, boot: &Boot, kernel: &Kernel, path: &str) -> Verdict {
    let (title, path) = (shown(&boot.entry.value), shown(path));
    Finding::new(format!(
        "the initramfs {path} of the default entry {title} is not in the image: {} does not start the entry",
        boot.loader
    ))
    .seen(format!("default entry {title}"), boot.entry.place.clone())
    .seen("not in the image", path.trim_matches('"'))
    .remedy(made_again(case, kernel))
    .fail(Grade::Breach)
}

fn find<'a>(kernel: &'a Kernel, name: &str) -> Option<&'a Driver> {
    kernel.drivers.iter().find(|d| d.name == name)
}

/// Whether every driver of `names` is there at boot; `virtio` and `virtio_ring` need not have been looked for.
fn disk(kernel: &Kernel, names: &[&str]) -> At {
    let mut how = Vec::new();
    let mut unknown = None;
    for name in names {
        let Some(driver) = find(kernel, name) else {
            if matches!(*name, "virtio" | "virtio_ring") {
                continue;
            }
            unknown = unknown.or(Some(Box::new(Verdict::missing(format!("{name} was not looked for")))));
            continue;
        };
        match at_boot(kernel, driver) {
            At::Boot(place) => how.push(format!("{name} {place}")),
            At::Late(why) => return At::Late(format!("{name} {why}")),
            At::Unknown(verdict) => unknown = unknown.or(Some(verdict)),
        }
    }
    match unknown {
        Some(verdict) => At::Unknown(verdict),
        None => At::Boot(how.join(", ")),
    }
}

/// What a driver that is kept from starting is.
fn kept(by: &str) -> String {
    let by = shown(by);
    if by.contains(UNNAMED) { format!("is not loaded ({by})") } else { format!("is blacklisted by {by}") }
}

/// What keeps a driver from starting: one that is built in needs no loading.
fn blocked(driver: &Driver) -> Option<&str> {
    let by = driver.blocked_by.as_deref()?;
    (driver.state != DriverState::Builtin || by.contains(UNCALLED)).then_some(by)
}

fn at_boot(kernel: &Kernel, driver: &Driver) -> At {
    if let Some(by) = blocked(driver) {
        return At::Late(kept(by));
    }
    if driver.state == DriverState::Builtin {
        return At::Boot("built in".to_owned());
    }
    if driver.in_initramfs.is_some() {
        return At::Boot("in the initramfs".to_owned());
    }
    let why = match &kernel.initramfs {
        None => ", and the entry has no initramfs".to_owned(),
        Some(Fact::Known(initramfs)) => {
            let host_only = if initramfs.host_only { ", which dracut made for another machine (hostonly)" } else { "" };
            format!(" and not in the initramfs {}{host_only}", shown(&initramfs.path))
        }
        // The boot loader starts the kernel alone.
        Some(Fact::Unreadable(trouble)) if trouble.kind == TroubleKind::NotFound => {
            format!(", and the entry's initramfs cannot be loaded: {}", trouble.what)
        }
        Some(Fact::Unreadable(trouble)) => {
            return At::Unknown(Box::new(Verdict::of_trouble("the initramfs", trouble)));
        }
    };
    match driver.state {
        DriverState::Absent => At::Late("is neither built in nor a module".to_owned()),
        DriverState::Module => At::Late(format!("is a module{why}")),
        DriverState::Unknown | DriverState::Builtin => {
            At::Unknown(Box::new(Verdict::missing(format!("how the kernel has {} was not found out", driver.name))))
        }
    }
}

/// virtio is there; whether Xen's disk driver, where the cloud wants both, is too.
fn with_xen(case: &Case, kernel: &Kernel, finding: Finding) -> Verdict {
    if case.profile.hypervisors != Hypervisors::XenAndKvm {
        return finding.pass();
    }
    let Some(driver) = find(kernel, XEN_DISK) else {
        return Verdict::missing(format!("{XEN_DISK} was not looked for"));
    };
    match at_boot(kernel, driver) {
        At::Boot(_) => finding.pass(),
        At::Unknown(verdict) => *verdict,
        At::Late(why) if driver.state == DriverState::Module => {
            finding.note(Grade::Note, format!("{XEN_DISK} {why}: the machine starts on KVM only")).pass()
        }
        At::Late(why) => {
            let message = format!(
                "kernel {}: {XEN_DISK} {why}; the document asks for Xen and KVM drivers ({})",
                shown(&kernel.version),
                case.cited()
            );
            let remedy = "Install a kernel of the distribution that has CONFIG_XEN_BLKDEV_FRONTEND, or waive the rule: virtio is there.";
            Finding { message, ..finding }.remedy(remedy).fail(Grade::Breach)
        }
    }
}

/// virtio is missing; what the cloud makes of Xen's disk driver in its place.
fn without_virtio(case: &Case, kernel: &Kernel, why: &str, finding: Finding) -> Verdict {
    let message = format!("kernel {}: {why}", shown(&kernel.version));
    let finding = Finding { message, remedy: Some(remedy(case, kernel)), ..finding };
    if case.profile.hypervisors == Hypervisors::XenOrKvm
        && let Some(driver) = find(kernel, XEN_DISK)
        && let At::Boot(place) = at_boot(kernel, driver)
    {
        let message = format!(
            "{}; {XEN_DISK} {place} meets {}: boots only on Xen-based instances",
            finding.message,
            case.cited()
        );
        return Finding { message, ..finding }.fail(Grade::Doubt);
    }
    let finding = match (case.profile.hypervisors, added_at_import(case)) {
        (Hypervisors::XenOrKvm | Hypervisors::XenAndKvm, true) => finding.note(
            Grade::Note,
            "the page the document links to says that the cloud adds the driver at import for this system; the initramfs has to be mended all the same",
        ),
        _ => finding,
    };
    finding.fail(Grade::Breach)
}

/// Systems to which Alibaba Cloud adds the driver, as the page that S0 L67 links to says.
fn added_at_import(case: &Case) -> bool {
    let release = case.facts.guest.as_ref().and_then(|g| g.release.as_ref()).and_then(Fact::known);
    let Some(release) = release else { return false };
    let from = match release.id.as_str() {
        "centos" => 6,
        "ubuntu" => 12,
        "debian" => 7,
        "sles" | "sles_sap" | "sled" => 11,
        _ => return false,
    };
    super::version::numbers(&release.version_id).first().is_some_and(|major| *major >= from)
}

/// The network driver need not be in the initramfs.
fn with_network(case: &Case, kernel: &Kernel, verdict: Verdict) -> Verdict {
    let kvm = case.profile.hypervisors == Hypervisors::Kvm;
    let grade = if kvm { Grade::Breach } else { Grade::Doubt };
    let driver = find(kernel, "virtio_net");
    let problem = match driver {
        Some(d) if let Some(by) = blocked(d) => format!("virtio_net {}", kept(by)),
        Some(d) if d.state == DriverState::Builtin => return verdict,
        Some(d) if d.state == DriverState::Module || d.in_initramfs.is_some() => return verdict,
        Some(d) if d.state == DriverState::Absent => "virtio_net is neither built in nor a module".to_owned(),
        _ if kvm && matches!(verdict, Verdict::Pass(_)) => {
            return Verdict::missing("whether the kernel has virtio_net was not found out");
        }
        _ => {
            return match verdict {
                Verdict::Pass(finding) => {
                    finding.note(Grade::Note, "whether the kernel has virtio_net was not found out").pass()
                }
                other => other,
            };
        }
    };
    match verdict {
        Verdict::Pass(finding) => {
            let message = format!("kernel {}: {problem}; the machine would have no network", shown(&kernel.version));
            let remedy = match driver.and_then(|d| unblocked(case, kernel, d)) {
                Some(unblocked) => format!("In the guest: {unblocked}."),
                None => "Install the distribution's own kernel.".to_owned(),
            };
            Finding { message, ..finding }.remedy(remedy).fail(grade)
        }
        Verdict::Fail(worst, finding) => Verdict::Fail(worst.min(grade), finding.note(grade, problem)),
        other => other,
    }
}

fn with_other_kernels(kernels: &[Kernel], verdict: Verdict) -> Verdict {
    // Without an initramfs found beside it, how such a kernel is started is not known.
    let judged = kernels.iter().filter(|k| !k.default && k.initramfs.is_some() && k.xen_only.is_none());
    let notes: Vec<(Grade, String)> = judged
        .filter_map(|kernel| match disk(kernel, DISK) {
            At::Late(why) => {
                Some((Grade::Doubt, format!("the other installed kernel {}: {why}", shown(&kernel.version))))
            }
            At::Boot(_) | At::Unknown(_) => None,
        })
        .take(3)
        .collect();
    match verdict {
        Verdict::Pass(mut finding) => {
            finding.notes.extend(notes);
            finding.pass()
        }
        other => other,
    }
}

fn seen_drivers(mut finding: Finding, kernel: &Kernel) -> Finding {
    let late = |driver: &&Driver| matches!(at_boot(kernel, driver), At::Late(_));
    let drivers = kernel.drivers.iter();
    for driver in drivers.clone().filter(late).chain(drivers.filter(|d| !late(d))).take(8) {
        let (what, place) = match (driver.state, &driver.in_initramfs, blocked(driver)) {
            (_, _, Some(by)) if by.contains(UNNAMED) => ("not loaded", Some(shown(by))),
            (_, _, Some(by)) => ("blacklisted", Some(shown(by))),
            (DriverState::Builtin, _, _) => ("built in", kernel.config.clone()),
            (_, Some(member), None) => ("in the initramfs", Some(shown(member))),
            (DriverState::Module, None, None) => ("a module, not in the initramfs", kernel.config.clone()),
            (DriverState::Absent, None, None) => ("nowhere", kernel.config.clone()),
            (DriverState::Unknown, None, None) => ("not found out", None),
        };
        finding = finding.seen(format!("{} {what}", driver.name), place.unwrap_or_else(|| kernel.path.clone()));
    }
    finding
}

/// What makes a driver load that something keeps from loading; `None` where nothing does that can be taken away.
fn unblocked(case: &Case, kernel: &Kernel, driver: &Driver) -> Option<String> {
    let by = blocked(driver)?;
    let name = &driver.name;
    if let Some(word) = by.strip_prefix("kernel command line: ") {
        return Some(format!(
            "take {name} out of {} on the kernel command line ({})",
            shown(word),
            commands::kernel_line(case)
        ));
    }
    // "/boot/initrd.img-6.1: etc/modprobe.d/x.conf: blacklist virtio_blk"
    let (file, line) = by.rsplit_once(": ")?;
    let file = file.rsplit_once(": ").map_or(file, |(_, file)| file).trim_start_matches('/');
    file.contains("modprobe").then(|| {
        format!(
            "remove the line {} from {}, then {}",
            shown(line),
            shown(&format!("/{file}")),
            initramfs::made(case, kernel, &[], false)
        )
    })
}

/// What puts an initramfs where the entry needs one and there is none.
fn made_again(case: &Case, kernel: &Kernel) -> String {
    format!("In the guest: {}, then {}.", initramfs::made(case, kernel, &[], true), commands::entry(case))
}

fn remedy(case: &Case, kernel: &Kernel) -> String {
    match (&kernel.initramfs, &kernel.unused_initramfs) {
        (Some(Fact::Unreadable(Trouble { kind: TroubleKind::NotFound, .. })), _) => return made_again(case, kernel),
        (None, Some(path)) => {
            let mended = commands::entry(case);
            return format!("{} is there, and the entry does not load it. In the guest: {mended}.", shown(path));
        }
        (None, None) if modular(kernel) => return made_again(case, kernel),
        _ => {}
    }
    let needed = || DISK.iter().filter_map(|name| find(kernel, name));
    let mut ways: Vec<String> = needed().filter_map(|driver| unblocked(case, kernel, driver)).collect();
    ways.dedup();
    let lacking = needed().any(|d| unblocked(case, kernel, d).is_none() && matches!(at_boot(kernel, d), At::Late(_)));
    if ways.is_empty() {
        return added(case, kernel);
    }
    let unblocked = format!("In the guest: {}.", ways.join("; "));
    if lacking { format!("{unblocked} {}", added(case, kernel)) } else { unblocked }
}

/// Whether an initramfs would have what is missing.
fn modular(kernel: &Kernel) -> bool {
    DISK.iter().filter_map(|name| find(kernel, name)).all(|driver| driver.state != DriverState::Absent)
}

/// What puts the drivers into the initramfs.
fn added(case: &Case, kernel: &Kernel) -> String {
    let drivers: &[&str] = match initramfs::tool(case, kernel) {
        "" => return "In the guest: `update-initramfs -u -k all` with virtio_pci and virtio_blk in /etc/initramfs-tools/modules, or `dracut -f --regenerate-all --add-drivers \"virtio_pci virtio_blk virtio_net\"`.".to_owned(),
        "mkinitrd" => &["virtio_pci", "virtio_blk"],
        _ => &["virtio_pci", "virtio_blk", "virtio_net"],
    };
    format!("In the guest: {}.", initramfs::made(case, kernel, drivers, false))
}
