//! The disks of an import: `system`, then the data disks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DiskStatus, ImageImport, ImageImportSpec, ImageImportStatus, SYSTEM_DISK, Source, SourceIdentity};

/// An image beside the system disk's.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct DataDisk {
    /// Its name, other than `system`.
    #[schemars(length(max = 32))]
    pub name: String,
    /// The object, as for the system disk.
    pub source: Source,
    /// Size of the disk that instances get, in GiB. Default: the image's, rounded up, and at least the cloud's smallest.
    #[schemars(range(min = 1))]
    #[serde(default, rename = "sizeGiB", skip_serializing_if = "Option::is_none")]
    pub size_gib: Option<i32>,
}

/// A disk of an import, as it is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Disk<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its object.
    pub source: &'a Source,
}

impl ImageImportSpec {
    /// All disks, the system's first.
    pub fn disks(&self) -> impl Iterator<Item = Disk<'_>> {
        let system = Disk { name: SYSTEM_DISK, source: &self.source };
        let data = self.data_disks.iter().map(|disk| Disk { name: &disk.name, source: &disk.source });
        std::iter::once(system).chain(data)
    }

    /// A disk by its name.
    pub fn disk(&self, name: &str) -> Option<Disk<'_>> {
        self.disks().find(|disk| disk.name == name)
    }
}

impl ImageImportStatus {
    /// What is known of a disk.
    pub fn disk(&self, name: &str) -> Option<&DiskStatus> {
        self.disks.iter().find(|disk| disk.name == name)
    }
}

impl ImageImport {
    /// What is known of a disk.
    pub fn disk(&self, name: &str) -> Option<&DiskStatus> {
        self.status.as_ref()?.disk(name)
    }

    /// Each disk with the object that was read of it; `None` until all were reached.
    pub fn read_disks(&self) -> Option<Vec<(Disk<'_>, &SourceIdentity)>> {
        self.spec.disks().map(|disk| Some((disk, self.disk(disk.name)?.source.as_ref()?))).collect()
    }
}
