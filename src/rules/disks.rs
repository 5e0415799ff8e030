//! Which disks of an import a rule looks at.

use super::Rule;

/// The disks that a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disks {
    /// The system disk.
    System,
    /// The system disk, and each data disk as well.
    Each,
    /// Each data disk.
    Data,
}

/// Rules on an object and its container. Partitions and what is on them are judged of the system disk alone: a data disk
/// may have none, and nothing starts from it.
const EACH: &[&str] = &[
    "SourceInCloudStore",
    "SourceReadable",
    "SourceInImageRegion",
    "SourcePresent",
    "FinanceRegionKept",
    "BucketRegionMatches",
    "UploadComplete",
    "ImageFormatAccepted",
    "NotIsoImage",
    "Qcow2TicketGranted",
    "CompactFormatUsed",
    "DeclaredFormatMatches",
    "ImageSelfContained",
    "ActualSizeWithinLimit",
    "ObjectAddressComplete",
];
/// Rules on data disks.
const DATA: &[&str] = &["DataDiskSizeInRange"];

/// The disks that the rule of that name looks at.
pub fn looks_at(rule: &str) -> Disks {
    match () {
        () if EACH.contains(&rule) => Disks::Each,
        () if DATA.contains(&rule) => Disks::Data,
        () => Disks::System,
    }
}

impl Rule {
    /// The disks that it looks at.
    pub fn disks(&self) -> Disks {
        looks_at(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::find;

    #[test]
    fn each_is_a_rule_by_its_name() {
        for name in EACH.iter().chain(DATA) {
            assert!(find(name).is_some_and(|rule| rule.name == *name), "{name}");
        }
        assert_eq!(find("SIZ-05").map(Rule::disks), Some(Disks::Data));
        assert_eq!(find("IMG-01").map(Rule::disks), Some(Disks::Each));
        assert_eq!(find("SIZ-01").map(Rule::disks), Some(Disks::System), "the limit is the system disk's");
    }
}
