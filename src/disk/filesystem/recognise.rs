//! What is on a volume, by its signatures, in the names of `blkid` (util-linux, libblkid/src/superblocks).
//!
//! Two requests a volume: its first 68 KiB, where all but one kind has its superblock, and its last 128 KiB, where old
//! md members have theirs. A label that lies elsewhere (FAT, NTFS) costs one more.

mod fat;
mod linux;
mod members;
mod other;
mod sample;
mod windows;

#[cfg(test)]
mod tests;

use crate::disk::{ReadAt, Result};
use crate::inspect::facts::{ExtFeatures, VolumeClass};

pub use members::lvm_id;
use sample::Sample;

/// The filesystems that are recognised, the three kinds of ext as libblkid tells them apart.
pub const NAMES: &[&str] = &[
    "ReFS",
    "apfs",
    "bcachefs",
    "btrfs",
    "cramfs",
    "erofs",
    "exfat",
    "ext2",
    "ext3",
    "ext4",
    "f2fs",
    "gfs2",
    "hfsplus",
    "iso9660",
    "jfs",
    "nilfs2",
    "ntfs",
    "reiserfs",
    "romfs",
    "squashfs",
    "udf",
    "ufs",
    "vfat",
    "xfs",
    "zfs_member",
];

/// What was recognised on a volume.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Content {
    /// Name as `blkid` spells it (`ext4`, `LVM2_member`, `crypto_LUKS`); empty when nothing was recognised.
    pub type_id: String,
    /// What that is.
    pub class: VolumeClass,
    /// Label.
    pub label: String,
    /// UUID, as `blkid` spells it.
    pub uuid: String,
    /// ext: the feature words.
    pub ext: Option<ExtFeatures>,
}

impl Content {
    fn new(type_id: &str, class: VolumeClass) -> Self {
        Self { type_id: type_id.to_owned(), class, ..Self::default() }
    }

    fn filesystem(type_id: &str) -> Self {
        Self::new(type_id, VolumeClass::Filesystem)
    }

    fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    fn uuid(mut self, uuid: impl Into<String>) -> Self {
        self.uuid = uuid.into();
        self
    }
}

/// One kind, or a family that shares a structure.
type Recogniser = fn(&Sample) -> Result<Option<Content>>;

/// In the order of libblkid: members of something larger first, since what they hold may show through.
const RECOGNISERS: &[Recogniser] = &[
    members::linux_raid,
    members::bcache,
    members::lvm2,
    members::luks,
    members::bitlocker,
    fat::vfat,
    linux::swap,
    linux::xfs,
    linux::ext,
    linux::reiserfs,
    linux::jfs,
    other::udf,
    other::iso9660,
    members::zfs,
    other::ufs,
    windows::ntfs,
    windows::refs,
    linux::btrfs,
    fat::exfat,
    linux::f2fs,
    linux::erofs,
    other::by_signature,
];

/// Recognises what is on a volume.
///
/// # Errors
/// What the layers below say of the volume's first and last bytes. Damage to what is on the volume is no error: it is
/// then `Unrecognised`.
pub fn recognise(volume: &dyn ReadAt) -> Result<Content> {
    let sample = Sample::read(volume)?;
    for recogniser in RECOGNISERS {
        if let Some(content) = recogniser(&sample)? {
            return Ok(content);
        }
    }
    let class = if sample.is_zero() { VolumeClass::Empty } else { VolumeClass::Unrecognised };
    Ok(Content { class, ..Content::default() })
}
