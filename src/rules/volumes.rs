//! What the volumes of a disk amount to: which holds the system, which are mounted, which could not be read.

use super::{Verdict, Why};
use crate::disk::container::{self, Class, Format};
use crate::guest::linux::device::Devices;
use crate::inspect::Facts;
use crate::inspect::facts::{
    ExtFeatures, Fact, Fstab, Holds, Mount, Role, TroubleKind, Volume, VolumeClass, is_written,
};

/// Where the search for a root filesystem ended.
pub enum Root<'a> {
    /// Here.
    Found(&'a Volume),
    /// Nowhere: every volume was read, and this is what they hold.
    None(Holds),
    /// A volume that may hold it could not be read.
    Undecided(Box<Verdict>),
}

/// The volume that holds the operating system.
pub fn root(facts: &Facts) -> Root<'_> {
    if let Some(name) = facts.guest.as_ref().and_then(|guest| guest.root.as_deref())
        && let Some(volume) = facts.volumes.iter().find(|v| v.name == name)
    {
        return Root::Found(volume);
    }
    if let Some(trouble) = facts.guest.as_ref().and_then(|guest| guest.trouble.as_ref()) {
        return Root::Undecided(Box::new(Verdict::of_trouble("the system on the disk", trouble)));
    }
    if facts.truncated.iter().any(|list| list == "volumes") {
        return Root::Undecided(Box::new(Verdict::Unknown(Why {
            reason: "LimitExceeded",
            message: "the list of volumes is not complete".to_owned(),
        })));
    }
    if let Some(volume) = facts.volumes.iter().find(|v| v.holds == Holds::System) {
        return Root::Found(volume);
    }
    let unread = facts.volumes.iter().filter_map(|v| unread(facts, v)).collect::<Vec<_>>();
    let damaged = |verdict: &Verdict| matches!(verdict, Verdict::Fail(..));
    // What may hold the system and is only not understood outweighs damage elsewhere: no false failure.
    if let Some(verdict) = unread.iter().find(|v| !damaged(v)).or_else(|| unread.first()) {
        return Root::Undecided(Box::new(verdict.clone()));
    }
    let most = [Holds::Installer, Holds::Data, Holds::Boot];
    let holds = most.into_iter().find(|h| facts.volumes.iter().any(|v| v.holds == *h));
    Root::None(holds.unwrap_or(Holds::Nothing))
}

/// The volume that a name would mean, were its identifier written in the other case: `UUID=0A1B` where that is `0a1b`.
pub fn in_another_case<'a>(facts: &'a Facts, name: &str) -> Option<&'a Volume> {
    let table = facts.table.as_ref().and_then(Fact::known);
    Devices::new(&facts.volumes, table).resolve_in_any_case(name)
}

/// A volume whose files are not known though it may hold some.
pub fn not_read(facts: &Facts) -> Option<&Volume> {
    facts.volumes.iter().find(|volume| unread(facts, volume).is_some())
}

/// Why the files of a volume are not known though it may hold some.
fn unread(facts: &Facts, volume: &Volume) -> Option<Verdict> {
    let name = format!("{} ({})", volume.name, described(volume));
    if is_helper(facts, volume) {
        return None;
    }
    if let Some(trouble) = &volume.trouble {
        return match trouble.kind {
            TroubleKind::NotFound => None,
            _ => Some(Verdict::of_trouble(&name, trouble)),
        };
    }
    match volume.class {
        VolumeClass::Encrypted => {
            Some(Verdict::Unknown(Why { reason: "VolumeEncrypted", message: format!("{name} is encrypted") }))
        }
        VolumeClass::Filesystem if matches!(volume.holds, Holds::Unknown | Holds::Other) => {
            Some(Verdict::not_read(format!("{name} is recognised but not read")))
        }
        VolumeClass::Member if !assembled(volume) => {
            Some(Verdict::not_read(format!("{name} is recognised but not read")))
        }
        VolumeClass::Other => Some(Verdict::missing(format!("{name} was not understood"))),
        VolumeClass::Filesystem
        | VolumeClass::Member
        | VolumeClass::Swap
        | VolumeClass::Empty
        | VolumeClass::Unrecognised => None,
    }
}

/// Whether what a member is part of was read: its own trouble says when it was not.
pub fn assembled(volume: &Volume) -> bool {
    volume.class == VolumeClass::Member && volume.trouble.is_none()
}

/// The first volume whose content, and so whose UUID and label, is not known.
pub fn unknown_content(facts: &Facts) -> Option<&Volume> {
    facts.volumes.iter().find(|v| match v.class {
        VolumeClass::Encrypted | VolumeClass::Other => true,
        VolumeClass::Member => !assembled(v),
        VolumeClass::Filesystem | VolumeClass::Swap => v.uuid.is_empty() && v.trouble.is_some(),
        VolumeClass::Empty | VolumeClass::Unrecognised => false,
    })
}

/// Partitions that boot a machine and hold no data of its own: EFI system, BIOS boot, PReP, freebsd-boot, MSR.
pub fn is_helper(facts: &Facts, volume: &Volume) -> bool {
    let role = partition(facts, volume).map(|p| p.role);
    matches!(role, Some(Role::Esp | Role::BiosBoot | Role::Prep | Role::FreebsdBoot | Role::MicrosoftReserved))
}

/// The partition that a volume is.
pub fn partition<'a>(facts: &'a Facts, volume: &Volume) -> Option<&'a crate::inspect::facts::Partition> {
    let table = facts.table.as_ref().and_then(Fact::known)?;
    table.partitions.iter().find(|p| Some(p.number) == volume.partition)
}

/// What the guest's disk begins as, where that is the format of an object.
pub fn guest_format(facts: &Facts) -> Option<&'static Format> {
    container::descriptor(facts.container.as_ref()?.guest_format.as_deref()?)
}

/// The installation medium that a disk image holds instead of a disk.
pub fn iso_inside(facts: &Facts) -> Option<&str> {
    let by_container = guest_format(facts).filter(|format| format.class == Class::Medium).map(|format| format.name);
    let instead = facts.table.as_ref().and_then(Fact::known).and_then(|t| t.instead.as_deref());
    by_container.or_else(|| instead.filter(|name| matches!(*name, "iso9660" | "udf")))
}

/// Bytes that the filesystems of the disk use, as far as that is known: at least so much is in use.
pub fn used_bytes(facts: &Facts) -> u64 {
    // What lies twice on the disk would be counted twice.
    if facts.table.as_ref().and_then(Fact::known).is_none_or(|table| !table.overlaps.is_empty()) {
        return 0;
    }
    let usages = facts.volumes.iter().filter_map(|v| v.usage.as_ref()?.known());
    usages.fold(0, |sum, usage| sum.saturating_add(usage.total_bytes.saturating_sub(usage.free_bytes)))
}

/// Bytes of the volumes of which it is not known how much is in use.
pub fn unmeasured_bytes(facts: &Facts) -> u64 {
    let overlapping = facts.table.as_ref().and_then(Fact::known).is_none_or(|table| !table.overlaps.is_empty());
    let unmeasured = facts.volumes.iter().filter(|v| match v.class {
        VolumeClass::Empty => false,
        VolumeClass::Member => !assembled(v),
        _ => overlapping || v.usage.as_ref().and_then(Fact::known).is_none(),
    });
    unmeasured.fold(0, |sum, volume| sum.saturating_add(volume.size_bytes))
}

/// What a volume is in a sentence: `ext4`, `nothing recognised`.
pub fn described(volume: &Volume) -> &str {
    match (volume.type_id.as_str(), volume.class) {
        ("", VolumeClass::Empty) => "empty",
        ("", _) => "nothing recognised",
        (name, _) => name,
    }
}

/// Name of a volume's filesystem; ext by its feature words, as libblkid tells ext2, ext3 and ext4 apart.
pub fn filesystem(volume: &Volume) -> &str {
    volume.ext.as_ref().map_or(volume.type_id.as_str(), |features| ext_generation(features))
}

/// Superblock fields of ext, by their names in the kernel's `fs/ext4/ext4.h`.
pub mod ext {
    pub const COMPAT_HAS_JOURNAL: u32 = 0x4;
    pub const INCOMPAT_64BIT: u32 = 0x80;
    pub const RO_COMPAT_QUOTA: u32 = 0x100;
    pub const RO_COMPAT_PROJECT: u32 = 0x2000;
    /// filetype, recover, meta_bg: all that ext3 has.
    pub const INCOMPAT_EXT3: u32 = 0x2 | 0x4 | 0x10;
    /// sparse_super, large_file, btree_dir: all that ext3 has.
    pub const RO_COMPAT_EXT3: u32 = 0x1 | 0x2 | 0x4;
}

fn ext_generation(features: &ExtFeatures) -> &'static str {
    if features.incompat & !ext::INCOMPAT_EXT3 != 0 || features.ro_compat & !ext::RO_COMPAT_EXT3 != 0 {
        "ext4"
    } else if features.compat & ext::COMPAT_HAS_JOURNAL != 0 {
        "ext3"
    } else {
        "ext2"
    }
}

/// `/etc/fstab`, where it could be read.
pub fn fstab(facts: &Facts) -> Option<&Fstab> {
    facts.guest.as_ref()?.linux.as_ref()?.fstab.as_ref()?.known()
}

/// True for an entry that is mounted at boot or fails it.
pub fn at_boot(mount: &Mount) -> bool {
    !mount.options.iter().any(|o| matches!(o.as_str(), "noauto" | "bind" | "rbind"))
}

/// Where a volume is mounted at boot: by fstab, or as what the guest's reader noted; `None` when nowhere.
pub fn mounted_at<'a>(facts: &'a Facts, volume: &'a Volume) -> Option<&'a str> {
    let mut entries = fstab(facts).into_iter().flat_map(|f| &f.entries);
    let mut own = entries.by_ref().filter(|m| m.volume.as_deref() == Some(volume.name.as_str())).peekable();
    if own.peek().is_some() {
        return own.find(|m| at_boot(m) && m.type_id != "swap").map(|m| m.target.as_str());
    }
    (!volume.mounted_at.is_empty()).then_some(volume.mounted_at.as_str())
}

/// Where a volume is mounted that the system has to be able to write to: subvolumes of one may be mounted in many places.
pub fn written_at<'a>(facts: &'a Facts, volume: &'a Volume) -> Option<&'a str> {
    let entries = fstab(facts).into_iter().flat_map(|f| &f.entries);
    let own = entries.filter(|m| m.volume.as_deref() == Some(volume.name.as_str()) && at_boot(m));
    let first = mounted_at(facts, volume).into_iter();
    own.map(|m| m.target.as_str()).chain(first).find(|at| is_written(at))
}
