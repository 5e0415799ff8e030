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
//! `/lib/modules`. An initramfs that cannot be read makes the answer Unknown. Other installed kernels are warned about;
//! rescue and kdump ones are not judged.
//!
//! # How to mend it
//! Put the drivers into the initramfs. Debian, Ubuntu: add `virtio_blk` and `virtio_pci` to `/etc/initramfs-tools/modules`,
//! then `update-initramfs -u -k all`. CentOS, RHEL, openSUSE: `dracut -f --add-drivers "virtio_blk virtio_pci virtio_net"`.

use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, case::known, shown};
use crate::api::Hypervisors;
use crate::inspect::facts::{Driver, DriverState, Evident, Fact, Family, Kernel};

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
        return Ok(xen_only(others_too, kernel, &boot.entry));
    }
    let evidence = Finding::default()
        .seen(format!("default entry {}", shown(&boot.entry.value)), boot.entry.place.clone())
        .seen(format!("kernel {}", shown(&kernel.version)), kernel.path.clone());
    let evidence = seen_drivers(evidence, kernel);
    let verdict = match disk(kernel, DISK) {
        At::Boot(how) => {
            with_xen(case, kernel, Finding { message: format!("kernel {}: {how}", shown(&kernel.version)), ..evidence })
        }
        At::Unknown(verdict) if case.coreos() => return Ok(softened(*verdict)),
        At::Unknown(verdict) => return Ok(*verdict),
        At::Late(_) if case.coreos() => {
            return Ok(Verdict::not_read("CoreOS: the initramfs inside the kernel is not read"));
        }
        At::Late(why) => without_virtio(case, kernel, &why, evidence),
    };
    let verdict = with_network(case, kernel, verdict);
    let verdict = with_other_kernels(&linux.kernels, verdict);
    Ok(verdict)
}

/// CoreOS is never failed for what its embedded initramfs may hold.
fn softened(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Fail(_, finding) => Verdict::not_read(finding.message),
        other => other,
    }
}

fn xen_only(others_too: bool, kernel: &Kernel, entry: &Evident) -> Verdict {
    let title = shown(&entry.value);
    if !others_too {
        return Verdict::not_read(format!(
            "the default entry {title} starts on Xen only; whether another entry starts on KVM is not known"
        ));
    }
    let finding = Finding::new(format!(
        "the default entry {title} starts on Xen only, and there is no kernel for KVM or bare hardware"
    ))
    .seen(format!("entry {title}"), entry.place.clone())
    .remedy("Install the distribution's own kernel and make it the default entry.");
    let config = kernel.config.clone().unwrap_or_else(|| kernel.path.clone());
    let finding = match &kernel.xen_only {
        Some(line) => finding.seen(shown(line), config),
        None => finding,
    };
    finding.fail(Grade::Breach)
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

fn at_boot(kernel: &Kernel, driver: &Driver) -> At {
    if driver.state == DriverState::Builtin {
        return At::Boot("built in".to_owned());
    }
    if let Some(by) = &driver.blocked_by {
        return At::Late(format!("is blacklisted by {}", shown(by)));
    }
    if driver.in_initramfs.is_some() {
        return At::Boot("in the initramfs".to_owned());
    }
    match (driver.state, &kernel.initramfs) {
        (DriverState::Absent, Some(Fact::Known(_)) | None) => At::Late("is neither built in nor a module".to_owned()),
        (DriverState::Module, None) => At::Late("is a module, and the entry has no initramfs".to_owned()),
        (DriverState::Module, Some(Fact::Known(initramfs))) => {
            At::Late(format!("is a module and not in the initramfs {}", shown(&initramfs.path)))
        }
        (DriverState::Unknown | DriverState::Builtin, Some(Fact::Known(_)) | None) => {
            At::Unknown(Box::new(Verdict::missing(format!("how the kernel has {} was not found out", driver.name))))
        }
        (_, Some(Fact::Unreadable(trouble))) => At::Unknown(Box::new(Verdict::of_trouble("the initramfs", trouble))),
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
    let finding = Finding { message, remedy: Some(remedy(kernel)), ..finding };
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
        Some(d) if d.state == DriverState::Builtin => return verdict,
        Some(Driver { blocked_by: Some(by), .. }) => format!("virtio_net is blacklisted by {}", shown(by)),
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
            let remedy = "Install the distribution's own kernel, or take the driver off the blacklist.";
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
        let (what, place) = match (driver.state, &driver.in_initramfs, &driver.blocked_by) {
            (DriverState::Builtin, _, _) => ("built in", kernel.config.clone()),
            (_, _, Some(by)) => ("blacklisted", Some(shown(by))),
            (_, Some(member), None) => ("in the initramfs", Some(shown(member))),
            (DriverState::Module, None, None) => ("a module, not in the initramfs", kernel.config.clone()),
            (DriverState::Absent, None, None) => ("nowhere", kernel.config.clone()),
            (DriverState::Unknown, None, None) => ("not found out", None),
        };
        finding = finding.seen(format!("{} {what}", driver.name), place.unwrap_or_else(|| kernel.path.clone()));
    }
    finding
}

fn remedy(kernel: &Kernel) -> String {
    let tool = kernel.initramfs.as_ref().and_then(Fact::known).map_or("", |i| i.tool.as_str());
    let version = shown(&kernel.version);
    let version = version.trim_matches('"');
    match tool {
        "initramfs-tools" => format!("In the guest: `printf 'virtio_pci\\nvirtio_blk\\nvirtio_net\\n' >> /etc/initramfs-tools/modules && update-initramfs -u -k {version}`."),
        "dracut" => format!("In the guest: `dracut -f --kver {version} --add-drivers \"virtio_pci virtio_blk virtio_net\"`."),
        "mkinitrd" => format!("In the guest: `mkinitrd -f --with=virtio_pci --with=virtio_blk /boot/initrd-{version}.img {version}`."),
        _ => "In the guest: `update-initramfs -u -k all` with virtio_pci and virtio_blk in /etc/initramfs-tools/modules, or `dracut -f --regenerate-all --add-drivers \"virtio_pci virtio_blk virtio_net\"`.".to_owned(),
    }
}
