//! What was found on all disks of an import, to a report.

use jiff::Timestamp;

use super::key;
use crate::api::{
    DataDisk, ImageImport, ImageImportSpec, ImageImportStatus, ImageSummary, ImportProfileSpec, SYSTEM_DISK,
};
use crate::inspect::Facts;
use crate::inspect::wire::{Message, decode};
use crate::report::{self, Report};
use crate::rules::{self, Request};

/// The facts of all disks that are stored, as text, and the key of all of them.
pub fn stored_facts<'a>(
    spec: &'a ImageImportSpec,
    stored: &'a ImageImportStatus,
) -> Option<(String, Vec<(&'a str, &'a str)>)> {
    let (mut keys, mut texts) = (vec![], vec![]);
    for disk in spec.disks() {
        let inspection = stored.disk(disk.name)?.inspection.as_ref()?;
        keys.push(inspection.key.clone()?);
        texts.push((disk.name, inspection.facts.as_deref()?));
    }
    Some((key::readings(&keys), texts))
}

/// What each disk is, for the status.
pub fn images<'a>(facts: &[(&'a str, &Facts)]) -> Vec<(&'a str, ImageSummary)> {
    facts.iter().map(|(disk, facts)| (*disk, report::image_summary(facts))).collect()
}

/// Judges what was found on all disks, the system's first.
pub fn judge(
    spec: &ImageImportSpec,
    facts: &[(&str, &Facts)],
    profile_name: &str,
    profile: &ImportProfileSpec,
    request: &Request,
) -> Report {
    let of = |name: &str| facts.iter().find(|(disk, _)| *disk == name).map(|(_, facts)| *facts);
    let data = |disk: &DataDisk| {
        Some(rules::DataDisk {
            name: disk.name.clone(),
            facts: of(&disk.name)?.clone(),
            url: disk.source.url.clone(),
            bucket_region: disk.source.region.clone(),
            format: disk.source.format.map(|format| format.name().to_owned()),
            size_gib: disk.size_gib,
        })
    };
    let data: Vec<_> = spec.data_disks.iter().filter_map(data).collect();
    let none = Facts::default();
    report::judge_disks(of(SYSTEM_DISK).unwrap_or(&none), &data, profile_name, profile, request)
}

/// Facts of the text that a worker left.
pub fn facts_of(text: &str) -> Option<Facts> {
    match decode(text) {
        Ok(Message::Facts(facts)) => Some(*facts),
        _ => None,
    }
}

/// What the rules read of the spec.
pub fn request(import: &ImageImport, now: Timestamp) -> Request {
    let spec = &import.spec;
    let image = spec.image.clone().unwrap_or_default();
    Request {
        url: spec.source.url.clone(),
        // An address in a spec has no query.
        link: None,
        bucket_region: spec.source.region.clone(),
        image_region: image.region,
        format: spec.source.format.map(|f| f.name().to_owned()),
        image_name: image.name,
        description: image.description,
        os_type: image.os_type,
        platform: image.platform,
        architecture: image.architecture,
        system_disk_size_gib: image.system_disk_size_gib,
        force: image.force,
        acknowledgements: image.acknowledgements,
        waivers: spec.waivers.clone(),
        now,
    }
}
