//! Commands that make an initramfs, as the guest's own distribution and release have them.

use super::commands::{self, Family};
use super::lnx_03_boot_entry::bare;
use super::{Case, version};
use crate::inspect::facts::{Fact, Kernel};

/// What made the kernel's initramfs, or would; empty where that is not known.
pub fn tool<'a>(case: &Case, kernel: &'a Kernel) -> &'a str {
    let found = kernel.initramfs.as_ref().and_then(Fact::known).map_or("", |initramfs| initramfs.tool.as_str());
    match (commands::family(case), major(case)) {
        _ if !found.is_empty() => found,
        (Family::Debian, _) => "initramfs-tools",
        (Family::RedHat, Some(..6)) | (Family::Suse, Some(..12)) => "mkinitrd",
        (Family::RedHat | Family::Suse, _) => "dracut",
        (Family::Other, _) => "",
    }
}

/// The command that makes the kernel's initramfs, with these drivers, where the boot entry has it; `new`: there is none yet.
pub fn made(case: &Case, kernel: &Kernel, drivers: &[&str], new: bool) -> String {
    match tool(case, kernel) {
        "initramfs-tools" => by_initramfs_tools(case, kernel, drivers, new),
        "dracut" => by_dracut(case, kernel, drivers),
        "mkinitrd" if commands::family(case) == Family::Suse => by_mkinitrd_of_suse(case, kernel, drivers),
        "mkinitrd" => {
            let with: Vec<String> = drivers.iter().map(|driver| format!("--with={driver} ")).collect();
            let release = bare(&kernel.version);
            let path = own_path(case, kernel).unwrap_or_else(|| format!("/boot/initrd-{release}.img"));
            format!("`mkinitrd -f {}{path} {release}`", with.concat())
        }
        _ => {
            let (debian, other) = (by_initramfs_tools(case, kernel, drivers, new), by_dracut(case, kernel, drivers));
            format!("{debian} or {other}")
        }
    }
}

fn by_initramfs_tools(case: &Case, kernel: &Kernel, drivers: &[&str], new: bool) -> String {
    let added = match drivers {
        [] => String::new(),
        [one] => format!("echo {one} >> /etc/initramfs-tools/modules && "),
        more => format!("printf '{}\\n' >> /etc/initramfs-tools/modules && ", more.join("\\n")),
    };
    let release = bare(&kernel.version);
    match own_path(case, kernel) {
        Some(path) => format!("`{added}mkinitramfs -o {path} {release}`"),
        None => format!("`{added}update-initramfs -{} -k {release}`", if new { 'c' } else { 'u' }),
    }
}

/// `--kver` came with dracut 021: CentOS 6 has 004, which wants the file to be named.
fn by_dracut(case: &Case, kernel: &Kernel, drivers: &[&str]) -> String {
    let release = bare(&kernel.version);
    let old = commands::family(case) == Family::RedHat && major(case) == Some(6);
    let path = own_path(case, kernel).or_else(|| old.then(|| format!("/boot/initramfs-{release}.img")));
    let added = match drivers {
        [] => String::new(),
        more => format!(" --add-drivers \"{}\"", more.join(" ")),
    };
    match path {
        Some(path) => format!("`dracut -f{added} {path} {release}`"),
        None => format!("`dracut -f --kver {release}{added}`"),
    }
}

/// That of SLES 10 and 11 takes what `INITRD_MODULES` names, and makes each in its own place (mkinitrd(8)).
fn by_mkinitrd_of_suse(case: &Case, kernel: &Kernel, drivers: &[&str]) -> String {
    let release = bare(&kernel.version);
    let own = own_path(case, kernel);
    let path = own.clone().unwrap_or_else(|| format!("/boot/initrd-{release}"));
    let image = path.strip_prefix("/boot/").unwrap_or(&path);
    match drivers {
        [] => format!("`mkinitrd -k vmlinuz-{release} -i {image}`"),
        more if own.is_some() => format!("`mkinitrd -k vmlinuz-{release} -i {image} -m \"{}\"`", more.join(" ")),
        more => {
            let names = more.join(" ");
            format!(
                "add {names} to INITRD_MODULES in /etc/sysconfig/kernel and call `mkinitrd`, or \
                 `mkinitrd -k vmlinuz-{release} -i {image} -m \"{names}\"`"
            )
        }
    }
}

/// Where the default entry has its initramfs, if that is not where the command puts one by itself.
fn own_path(case: &Case, kernel: &Kernel) -> Option<String> {
    let boot = case.unix().ok()?.boot.as_ref()?.known().filter(|boot| kernel.default && boot.loader != "uki")?;
    let path = boot.initrd.last().filter(|path| **path != kernel.path && !ends_as_program(path))?;
    let release = bare(&kernel.version);
    let family = commands::family(case);
    let usual = match (tool(case, kernel), family) {
        ("initramfs-tools", _) | ("dracut", Family::Debian) => format!("/boot/initrd.img-{release}"),
        ("dracut", Family::RedHat) => format!("/boot/initramfs-{release}.img"),
        ("dracut" | "mkinitrd", Family::Suse) => format!("/boot/initrd-{release}"),
        ("mkinitrd", _) => format!("/boot/initrd-{release}.img"),
        _ => return None,
    };
    // A name without the release is mostly a link to the file with it.
    let link = ["initrd", "initrd.img", "initramfs", "initramfs.img"].contains(&path.rsplit('/').next()?);
    (*path != usual && !link).then(|| bare(path))
}

/// A unified kernel, which none of the commands may write over.
fn ends_as_program(path: &str) -> bool {
    path.to_ascii_lowercase().ends_with(".efi")
}

/// The first number of the distribution's version.
fn major(case: &Case) -> Option<u64> {
    let release = case.facts.guest.as_ref()?.release.as_ref()?.known()?;
    version::numbers(&release.version_id).first().copied()
}
