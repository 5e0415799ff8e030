//! What users write: the three kinds of the API group `imageimport.dev`, version `v1alpha1`.

#![expect(clippy::duplicated_attributes, reason = "print columns are attributes within one attribute, alike in part")]

pub mod conditions;
mod customimage;
mod disks;
mod imageimport;
mod importprofile;
mod notification;
pub mod schema;
mod status;
pub mod structure;
pub mod validation;

#[cfg(test)]
mod tests;

pub use customimage::{
    CustomImage, CustomImageSpec, CustomImageStatus, DeletionPolicy, ImportedDisk, RecordedSource, RecordedStore,
    RecordedVerdict,
};
pub use disks::{DataDisk, Disk};
pub use imageimport::{
    Acknowledgement, Addressing, Architecture, Compression, Destination, Format, ImageImport, ImageImportSpec,
    ImageRequest, LocalRef, OsType, Source, Waiver,
};
pub use importprofile::{
    Action, CloudStore, Expect, Guests, Handling, Hypervisors, ImportProfile, ImportProfileSpec, ImportProfileStatus,
    Limits, OperatingSystem, PasswordPolicy, PlatformAction, PlatformChoice, Prerequisite, ProfileRule, SizeRange,
    VersionMatch,
};
pub use notification::{NoticeState, Notification, OutcomeNotice, Receiver};
pub use status::{
    Conversion, Deletion, DiskStatus, ImageImportStatus, ImageSummary, Inspection, Progress, ReportSummary, RuleCounts,
    Snapshot, SnapshotState, SourceIdentity,
};

/// The API group.
pub const GROUP: &str = "imageimport.dev";
/// The API version.
pub const VERSION: &str = "v1alpha1";
/// Annotation that asks for a new read of the source; any new value does.
pub const REQUESTED_AT: &str = "imageimport.dev/requestedAt";
/// Finalizer of a CustomImage whose objects go with it.
pub const DELETE_OBJECTS: &str = "imageimport.dev/delete-objects";
/// The disk every import has; data disks have names of their own.
pub const SYSTEM_DISK: &str = "system";
