//! Commands that mend a guest, as its own distribution has them; those of both families where it is not known.

use super::Case;
use super::case::known;
use super::lnx_03_boot_entry::bare;
use crate::inspect::facts::{Boot, Fact};

/// Distributions whose commands are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// apt, initramfs-tools, `update-grub`.
    Debian,
    /// yum, dracut, `grub2-mkconfig`.
    RedHat,
    /// zypper, dracut, `grub2-mkconfig`.
    Suse,
    /// Not known, or another one.
    Other,
}

/// The guest's, by its own name or else by those that it says it is like.
pub fn family(case: &Case) -> Family {
    let release = case.facts.guest.as_ref().and_then(|guest| guest.release.as_ref()).and_then(Fact::known);
    let names = release.into_iter().flat_map(|release| [&release.id].into_iter().chain(&release.id_like));
    let of = |name: &String| match name.as_str() {
        "debian" | "ubuntu" => Some(Family::Debian),
        "centos" | "rhel" | "rocky" | "almalinux" | "alinux" | "fedora" | "ol" => Some(Family::RedHat),
        "opensuse" | "opensuse-leap" | "sles" | "sles_sap" | "sled" | "suse" => Some(Family::Suse),
        _ => None,
    };
    names.into_iter().find_map(of).unwrap_or(Family::Other)
}

/// What writes GRUB 2's configuration again.
pub fn grub(case: &Case) -> &'static str {
    match family(case) {
        Family::Debian => "`update-grub`",
        Family::RedHat | Family::Suse => "`grub2-mkconfig -o /boot/grub2/grub.cfg`",
        Family::Other => "`update-grub` or `grub2-mkconfig -o /boot/grub2/grub.cfg`",
    }
}

/// What puts into the default entry what lies in `/boot`, as the end of a sentence.
pub fn entry(case: &Case) -> String {
    match boot(case).filter(|boot| !writes(boot)) {
        Some(boot) => format!("name it in the boot entry at {}", bare(&boot.entry.place)),
        None => grub(case).to_owned(),
    }
}

/// Where the words of the kernel command line are written, as a pair of brackets has it.
pub fn kernel_line(case: &Case) -> String {
    match boot(case).filter(|boot| !writes(boot)) {
        Some(boot) => format!("at {}", bare(&boot.entry.place)),
        None => format!("GRUB_CMDLINE_LINUX in /etc/default/grub, then {}", grub(case)),
    }
}

/// How a word is taken off the kernel command line, as a sentence. `word` is shown as it is.
pub fn off_the_line(case: &Case, word: &str) -> String {
    format!("Remove {word} from the kernel command line ({}).", kernel_line(case))
}

fn boot<'a>(case: &Case<'a>) -> Option<&'a Boot> {
    known(case.unix().ok()?.boot.as_ref(), "").ok()
}

/// Whether the default entry is one that GRUB 2's own command writes: those of the Boot Loader Specification are none.
fn writes(boot: &Boot) -> bool {
    matches!(boot.loader.as_str(), "grub2" | "") && !boot.entry.place.contains("/loader/entries/")
}

/// The command that installs a package, without backticks; `None` where the distribution is not known.
pub fn install(case: &Case, package: &str) -> Option<String> {
    Some(match family(case) {
        Family::Debian => format!("apt-get install {package}"),
        Family::RedHat => format!("yum install {package}"),
        Family::Suse => format!("zypper install {package}"),
        Family::Other => return None,
    })
}

/// The command that brings an installed package up to date, without backticks.
pub fn upgrade(case: &Case, package: &str) -> Option<String> {
    Some(match family(case) {
        Family::Debian => format!("apt-get update && apt-get install --only-upgrade {package}"),
        Family::RedHat => format!("yum update {package}"),
        Family::Suse => format!("zypper update {package}"),
        Family::Other => return None,
    })
}
