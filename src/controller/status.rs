//! Two writers of one status: the report first, the lifecycle second, so that `Ready` never precedes what it sums up.
//!
//! Both are server-side-apply managers that send their whole set each time, or nothing when nothing changed. Each apply
//! carries the resourceVersion that was decided upon: where something else was written meanwhile, the API server answers
//! 409 and the decision is made again.

use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::key;
use super::moment::lifecycle_part;
use super::snapshot;
use crate::api::conditions::{LIFECYCLE, Stamp, Status};
use crate::api::{DiskStatus, ImageImport, ImageImportStatus, ImageSummary, Inspection, ReportSummary, SYSTEM_DISK};
use crate::report::RuleCondition;

/// Owner of rule conditions, `image`, `report`, and the facts with their key.
pub const REPORT: &str = "imageimport.dev/report";
/// Owner of the rest.
pub const LIFECYCLE_MANAGER: &str = "imageimport.dev/lifecycle";

/// The part of a status that the report manager owns.
pub fn report_part(status: &ImageImportStatus) -> ImageImportStatus {
    let own = |d: &DiskStatus| DiskStatus {
        name: d.name.clone(),
        image: d.image.clone(),
        inspection: d.inspection.as_ref().filter(|i| i.key.is_some()).map(|i| Inspection {
            key: i.key.clone(),
            facts: i.facts.clone(),
            ..Inspection::default()
        }),
        ..DiskStatus::default()
    };
    ImageImportStatus {
        disks: status.disks.iter().map(own).filter(|d| d.image.is_some() || d.inspection.is_some()).collect(),
        image: status.image.clone(),
        report: status.report.clone(),
        conditions: status.conditions.iter().filter(|c| !LIFECYCLE.contains(&c.type_.as_str())).cloned().collect(),
        ..ImageImportStatus::default()
    }
}

/// An import as it will be once this lifecycle is written.
pub fn ahead(import: &ImageImport, lifecycle: &ImageImportStatus) -> ImageImport {
    let report = import.status.as_ref().map(report_part).unwrap_or_default();
    let mut status = lifecycle.clone();
    status.conditions.extend(report.conditions);
    status.image = report.image;
    status.report = report.report;
    for found in report.disks {
        let Some(disk) = status.disks.iter_mut().find(|d| d.name == found.name) else {
            status.disks.push(found);
            continue;
        };
        disk.image = found.image;
        if let Some(inspection) = found.inspection {
            let own = disk.inspection.get_or_insert_default();
            (own.key, own.facts) = (inspection.key, inspection.facts);
        }
    }
    ImageImport { status: Some(status), ..import.clone() }
}

/// The report's part with new facts of a disk; what was judged of the old ones stays until the new ones are judged.
pub fn with_facts(live: &ImageImportStatus, disk: &str, key: &str, facts: &str) -> ImageImportStatus {
    let mut part = report_part(live);
    let known = part.disks.iter().position(|entry| entry.name == disk).map(|at| part.disks.remove(at));
    let entry = known.unwrap_or_else(|| DiskStatus { name: disk.to_owned(), ..DiskStatus::default() });
    let new = Inspection { key: Some(key.to_owned()), facts: Some(facts.to_owned()), ..Inspection::default() };
    // A list that is a map: where an entry stands is the lifecycle's.
    part.disks.push(DiskStatus { inspection: Some(new), ..entry });
    part
}

/// The report's part without facts: they are to be read again.
pub fn without_facts(live: &ImageImportStatus) -> ImageImportStatus {
    let mut part = report_part(live);
    for disk in &mut part.disks {
        disk.inspection = None;
    }
    part
}

/// The report's part with a verdict; `images` are the disks', the system's first. The digest is of everything that was found; equal digests mean equal parts, but for
/// the times of conditions, which stay as they are.
pub fn with_report(
    live: &ImageImportStatus,
    images: &[(&str, ImageSummary)],
    mut summary: ReportSummary,
    rules: &[RuleCondition],
    now: k8s_openapi::apimachinery::pkg::apis::meta::v1::Time,
) -> ImageImportStatus {
    let stamp = Stamp { stored: &live.conditions, now, observed_generation: None };
    let mut part = report_part(live);
    part.conditions = rules.iter().map(|r| stamp.condition(&r.type_, truth(r.status), &r.reason, &r.message)).collect();
    let image = |name: &str| images.iter().find(|(disk, _)| *disk == name).map(|(_, image)| image.clone());
    part.image = image(SYSTEM_DISK);
    part.disks.retain(|disk| image(&disk.name).is_some());
    for disk in &mut part.disks {
        disk.image = image(&disk.name);
    }
    summary.digest = String::new();
    let found: Vec<_> = part.conditions.iter().map(|c| [&c.type_, &c.status, &c.reason, &c.message]).collect();
    let text = json!({"images": images, "summary": summary, "rules": found}).to_string();
    summary.digest = key::hash(&["report", &text]).chars().take(16).collect();
    part.report = Some(summary);
    part
}

fn truth(status: &str) -> Status {
    match status {
        "True" => Status::True,
        "False" => Status::False,
        _ => Status::Unknown,
    }
}

/// What one manager sends.
fn body(import: &ImageImport, resource_version: &str, status: &Value) -> Value {
    json!({
        "apiVersion": "imageimport.dev/v1alpha1",
        "kind": "ImageImport",
        "metadata": {
            "name": import.metadata.name, "namespace": import.metadata.namespace, "resourceVersion": resource_version,
        },
        "status": status,
    })
}

/// A manager's part as it is sent: without empty records. A record whose last field server-side apply takes away becomes
/// null, and the schema refuses that.
fn sent(part: &ImageImportStatus) -> Value {
    fn drop_empty(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.values_mut().for_each(drop_empty);
                fields.retain(|_, field| field.as_object().is_none_or(|f| !f.is_empty()));
            }
            Value::Array(items) => items.iter_mut().for_each(drop_empty),
            _ => {}
        }
    }
    let mut value = json!(part);
    drop_empty(&mut value);
    value
}

/// Writes statuses.
#[derive(Clone)]
pub struct Writer {
    client: Client,
}

impl Writer {
    /// One writer for all namespaces.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// Writes the lifecycle's part on top of the version of `onto`, unless it is there already. The object as it is now.
    ///
    /// # Errors
    /// 409 when the object changed meanwhile, and whatever else the API server says.
    pub async fn lifecycle(&self, onto: &ImageImport, part: &ImageImportStatus) -> kube::Result<ImageImport> {
        let stored = onto.status.as_ref().map(lifecycle_part).unwrap_or_default();
        let part = ImageImportStatus { snapshot: snapshot::of(&onto.spec, part), ..part.clone() };
        self.apply(onto, LIFECYCLE_MANAGER, &stored, &part).await
    }

    /// Writes the report's part on top of the version of `live`, unless it is there already. The object as it is now.
    ///
    /// # Errors
    /// As [`Self::lifecycle`].
    pub async fn report(&self, live: &ImageImport, part: &ImageImportStatus) -> kube::Result<ImageImport> {
        let stored = live.status.as_ref().map(report_part).unwrap_or_default();
        self.apply(live, REPORT, &stored, part).await
    }

    async fn apply(
        &self,
        onto: &ImageImport,
        manager: &str,
        stored: &ImageImportStatus,
        part: &ImageImportStatus,
    ) -> kube::Result<ImageImport> {
        let status = sent(part);
        if status == sent(stored) {
            return Ok(onto.clone());
        }
        let name = onto.metadata.name.as_deref().unwrap_or_default();
        let namespace = onto.metadata.namespace.as_deref().unwrap_or_default();
        let api: Api<ImageImport> = Api::namespaced(self.client.clone(), namespace);
        let version = onto.metadata.resource_version.as_deref().unwrap_or_default();
        let params = PatchParams::apply(manager).force();
        api.patch_status(name, &params, &Patch::Apply(body(onto, version, &status))).await
    }
}

#[cfg(test)]
mod tests;
