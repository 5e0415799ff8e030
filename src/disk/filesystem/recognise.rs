//! What is on a volume, by its signatures, in the names of `blkid`.

use crate::disk::{ReadAt, Result};
use crate::inspect::facts::{ExtFeatures, VolumeClass};

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

/// Recognises what is on a volume.
///
/// # Errors
/// `Io` and `Limit` only: damage is `Unrecognised`.
pub fn recognise(_volume: &dyn ReadAt) -> Result<Content> {
    Ok(Content { class: VolumeClass::Unrecognised, ..Content::default() })
}
