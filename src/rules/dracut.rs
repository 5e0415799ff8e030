//! What dracut's scripts need before they mount the root: to be let start its logical volume, and the devices that they
//! wait for.

use super::boot_root::perhaps;
use super::drv_01_virtio_installed::on_virtio;
use super::lnx_03_boot_entry::{Answer, Fault, bare};
use super::volumes::in_another_case;
use super::{Case, Grade, Verdict, commands, initramfs, shown};
use crate::inspect::facts::{Boot, Dracut, Fact, Kernel, Linux};

/// What of that is there, each for itself.
pub(super) fn needs(case: &Case, linux: &Linux, boot: &Boot) -> Vec<Answer> {
    let kernel = linux.kernels.iter().find(|kernel| kernel.default);
    let (Some(dracut), Some(kernel)) = (&boot.dracut, kernel) else { return Vec::new() };
    let initramfs = kernel.initramfs.as_ref().and_then(Fact::known);
    let words = Words::of(dracut, initramfs.is_some_and(|initramfs| initramfs.lvm));
    let root = case.root().ok().map(|root| root.name.as_str()).filter(|name| name.contains('/'));
    let volume = root.filter(|_| !dracut.every_volume).map(|root| match words.keep(dracut.old, root) {
        Keep::No => Answer::Faults(Vec::new()),
        Keep::Yes(word) => Answer::Faults(vec![Fault {
            grade: Grade::Breach,
            what: format!("its root is the logical volume {root}, and by {} dracut does not start it", shown(word)),
            remedy: let_start(case, boot, word, root),
        }]),
        Keep::Perhaps(word) => Answer::Undecided(Box::new(Verdict::not_read(format!(
            "its root is the logical volume {root}, and whether dracut starts it by {}",
            shown(word)
        )))),
    });
    let built = dracut.awaits.iter().map(|name| (name.clone(), None));
    let named = words.awaited(dracut.old).map(|(name, word)| (name, Some(word)));
    let absent = built.chain(named).filter_map(|(name, word)| absent(case, kernel, boot, &name, word));
    volume.into_iter().chain(absent).collect()
}

/// The words that start logical volumes.
struct Words<'a> {
    /// Each word with its key and its value.
    all: Vec<(&'a str, &'a str, Option<&'a str>)>,
}

/// Whether the words keep a logical volume from being started, and which does.
enum Keep<'a> {
    No,
    Yes(&'a str),
    Perhaps(&'a str),
}

impl<'a> Words<'a> {
    /// Those that such a dracut reads, where it has lvm.
    fn of(dracut: &'a Dracut, lvm: bool) -> Self {
        let words = dracut.words.iter().map(String::as_str).filter(|_| lvm);
        let words = words.filter(|word| !dracut.old || word.starts_with("rd_"));
        let parts = words.map(|word| match word.split_once('=') {
            Some((key, value)) => (word, key, Some(value)),
            None => (word, word, None),
        });
        Self { all: parts.collect() }
    }

    /// Words with one of these keys, and their values.
    fn with<'b>(&'b self, keys: &'b [&str]) -> impl DoubleEndedIterator<Item = (&'a str, &'a str)> + 'b {
        let those = self.all.iter().filter(|(_, key, _)| keys.contains(key));
        those.map(|(word, _, value)| (*word, value.unwrap_or_default()))
    }

    /// The word that switches all of it off: the last `rd.lvm`, or the one of old (dracut-lib.sh, `getargbool`).
    fn off(&self) -> Option<&'a str> {
        match self.with(&["rd.lvm"]).next_back() {
            Some((word, value)) => matches!(value, "0" | "no" | "off").then_some(word),
            None => self.with(&["rd_NO_LVM"]).next().map(|(word, _)| word),
        }
    }

    /// Whether they start the logical volume `root`: all are, unless some are named (lvm_scan.sh).
    fn keep(&self, old: bool, root: &str) -> Keep<'a> {
        if let Some(word) = self.off() {
            return Keep::Yes(word);
        }
        let group = root.split('/').next().unwrap_or_default();
        let mut named = self.with(&VOLUME).chain(self.with(&GROUP)).filter(|(_, value)| !value.is_empty()).peekable();
        let Some((first, _)) = named.peek().copied() else { return Keep::No };
        let mut unclear = None;
        for (word, value) in named {
            if value == group || value == root && !GROUP.iter().any(|key| word.starts_with(key)) {
                return Keep::No;
            }
            // A path or a tag; and a word that dracut took no longer, from some version on.
            if !plain(value) || (!old && word.starts_with("rd_")) {
                unclear = unclear.or(Some(word));
            }
        }
        unclear.map_or(Keep::Yes(first), Keep::Perhaps)
    }

    /// The logical volumes and groups for which it waits, with the words (parse-lvm.sh); 004 did not. Groups have no
    /// device of their own before one of their volumes is there.
    fn awaited(&self, old: bool) -> impl Iterator<Item = (String, &'a str)> + '_ {
        let on = !old && self.off().is_none();
        let named = self.with(&["rd.lvm.lv"]).filter(move |(_, value)| on && plain(value) && value.contains('/'));
        named.map(|(word, value)| (format!("/dev/{value}"), word))
    }
}

const VOLUME: [&str; 2] = ["rd.lvm.lv", "rd_LVM_LV"];
const GROUP: [&str; 2] = ["rd.lvm.vg", "rd_LVM_VG"];

/// Whether it is a name as lvm(8) has them: `group` or `group/volume`.
fn plain(value: &str) -> bool {
    let name = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "+_.-".contains(c));
    value.split('/').all(name) && value.split('/').count() <= 2
}

/// A device that is awaited, and does not come; `word` is what names it, if not a script.
fn absent(case: &Case, kernel: &Kernel, boot: &Boot, name: &str, word: Option<&str>) -> Option<Answer> {
    let volumes = &case.facts.volumes;
    if !judged(name) || name.strip_prefix("/dev/").is_some_and(|rest| volumes.iter().any(|v| v.name == rest)) {
        return None;
    }
    let what = shown(name);
    let unknown = |why: String| Some(Answer::Undecided(Box::new(Verdict::not_read(format!("dracut waits for {why}")))));
    let by_disk = ["/dev/sd", "/dev/hd"].iter().any(|start| name.starts_with(start));
    if !by_disk {
        let truncated = case.facts.truncated.iter().any(|list| LISTS.contains(&list.as_str()));
        let differs = in_another_case(case.facts, name).is_some();
        if let Some(why) = perhaps(case, name, &what).or_else(|| (truncated || differs).then(|| what.clone())) {
            return unknown(why);
        }
    }
    let (grade, lacks) = match by_disk {
        true if on_virtio(kernel) => (Grade::Breach, "with its virtio driver the disk is /dev/vda"),
        true => (Grade::Doubt, "on virtio the disk is /dev/vda"),
        false => (Grade::Breach, "which is in no partition or volume of the image"),
    };
    let remedy = match word {
        Some(word) => without(case, boot, word),
        None => format!("In the guest: {}.", initramfs::made(case, kernel, &[], false)),
    };
    Some(Answer::Faults(vec![Fault { grade, what: format!("its initramfs waits for {what}: {lacks}"), remedy }]))
}

/// The lists by which a volume is found.
const LISTS: &[&str] = &["volumes", "partitions", "partitions.uuid", "partitions.name"];
/// Folders and disks in `/dev` that hold no logical volumes.
const OTHERS: &[&str] =
    &["md", "block", "bcache", "cciss", "ida", "rd", "zvol", "fd", "char", "disk", "mapper", "drbd", "etherd", "bus"];

/// Whether it is a device whose name tells what it is.
fn judged(name: &str) -> bool {
    let Some(path) = name.strip_prefix("/dev/") else { return false };
    let written = ["disk/by-uuid/", "disk/by-label/", "disk/by-partuuid/", "disk/by-partlabel/", "mapper/"];
    let disks = ["sd", "hd", "vd"];
    match path.split_once('/') {
        _ if written.iter().any(|start| path.starts_with(start)) => true,
        Some((folder, volume)) => !volume.contains('/') && !OTHERS.contains(&folder),
        None => disks.iter().any(|start| path.starts_with(start)),
    }
}

/// How a logical volume is started all the same.
fn let_start(case: &Case, boot: &Boot, word: &str, root: &str) -> String {
    let key = if word.starts_with("rd_") { "rd_LVM_LV" } else { "rd.lvm.lv" };
    format!("Write {key}={} in the place of {}{}", bare(root), shown(word), on_line(case, boot, word))
}

/// How a word is taken away.
fn without(case: &Case, boot: &Boot, word: &str) -> String {
    format!("Remove {}{}", shown(word), on_line(case, boot, word))
}

/// Where a word is: on the kernel's command line, or in the initramfs.
fn on_line(case: &Case, boot: &Boot, word: &str) -> String {
    let line = commands::kernel_line(case);
    if boot.command_line.split_whitespace().any(|other| other.replace('"', "") == word) {
        format!(" on the kernel command line ({line}).")
    } else {
        format!(
            " in the initramfs' etc/cmdline.d or on the kernel command line ({line}), and make the initramfs again."
        )
    }
}
