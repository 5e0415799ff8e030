//! The record: created once, never changed. The one create that succeeds decides who published.

use kube::api::{Api, ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt};
use serde_json::json;

use super::key;
use super::status::LIFECYCLE_MANAGER;
use super::worker::IMPORT_UID;
use crate::api::conditions::{READY, Stamp, Status, is_true, reason as word};
use crate::api::{
    CustomImage, CustomImageSpec, CustomImageStatus, DELETE_OBJECTS, DeletionPolicy, Destination, Disk, ImageImport,
    ImportedDisk, LocalRef, RecordedSource, RecordedStore, RecordedVerdict, SYSTEM_DISK, Snapshot, SnapshotState,
    SourceIdentity,
};

/// What there is under the record's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// The record of the same content, ours, an earlier one's or another worker's, of these objects.
    Same(Vec<String>),
    /// The record of something else.
    Other,
    /// A record that is being deleted.
    Leaving,
    /// The API server takes no such record, in its words: asking again would not mend that.
    Refused(String),
}

/// The record's name and content key.
pub struct Identity {
    /// Its name.
    pub name: String,
    /// What makes two imports the same.
    pub content_key: String,
}

/// Name and content of the record of what was inspected.
pub fn identity(import: &ImageImport) -> Option<Identity> {
    let content_key = key::content(import)?;
    Some(Identity { name: key::custom_image_name(import, &content_key), content_key })
}

/// One disk of the record.
fn recorded(import: &ImageImport, disk: Disk, source: &SourceIdentity) -> Option<ImportedDisk> {
    let read = import.disk(disk.name)?;
    let conversion = read.conversion.as_ref()?;
    let image = read.image.clone().unwrap_or_default();
    Some(ImportedDisk {
        name: disk.name.to_owned(),
        url: conversion.url.clone()?,
        format: written_as(import).map(str::to_owned).or(image.format).unwrap_or_default(),
        size_bytes: conversion.bytes_written?,
        virtual_size_bytes: conversion.virtual_size_bytes.or(image.virtual_size_bytes).unwrap_or_default(),
        checksum: conversion.checksum.clone()?,
        etag: conversion.etag.clone(),
        source: Some(RecordedSource { url: disk.source.url.clone(), identity: source.clone() }),
    })
}

/// The record of a finished copy of all disks. `import` has the conversions' results in its status.
pub fn record(import: &ImageImport) -> Option<CustomImage> {
    let Identity { name, content_key } = identity(import)?;
    let disks = import.read_disks()?.into_iter().map(|(disk, source)| recorded(import, disk, source));
    let image = import.disk(SYSTEM_DISK)?.image.clone().unwrap_or_default();
    let request = import.spec.image.clone().unwrap_or_default();
    let report = import.status.as_ref().and_then(|status| status.report.clone());
    let deletes = import.spec.deletion_policy == DeletionPolicy::Delete;
    let spec = CustomImageSpec {
        disks: disks.collect::<Option<_>>()?,
        operating_system: image.operating_system,
        platform: request.platform,
        architecture: image.architecture,
        boot_modes: image.boot_modes,
        system_disk_size_gib: request.system_disk_size_gib,
        profile: import.spec.profile_ref.name.clone(),
        profile_generation: report.as_ref().map(|report| report.profile_generation),
        verdict: report.map(|report| RecordedVerdict {
            counts: report.counts,
            warned: report.warned,
            undetermined: report.undetermined,
            waived: report.waived,
        }),
        content_key,
        import_uid: import.uid()?,
        deletion_policy: import.spec.deletion_policy,
        store: import.spec.destination.as_ref().filter(|_| deletes).map(store),
    };
    let mut record = CustomImage::new(&name, spec);
    record.metadata = ObjectMeta {
        name: Some(name),
        namespace: import.namespace(),
        finalizers: deletes.then(|| vec![DELETE_OBJECTS.to_owned()]),
        // No owner: pruning the request must not delete the record.
        labels: Some([(IMPORT_UID.to_owned(), import.uid()?)].into()),
        ..ObjectMeta::default()
    };
    Some(record)
}

/// How the objects are reached when they are deleted.
fn store(destination: &Destination) -> RecordedStore {
    RecordedStore {
        region: destination.region.clone(),
        endpoint: destination.endpoint.clone(),
        addressing: destination.addressing,
        secret_ref: destination.secret_ref.clone(),
    }
}

/// The format that was asked for.
fn written_as(import: &ImageImport) -> Option<&'static str> {
    Some(import.spec.destination.as_ref()?.format?.name())
}

/// What is there under this name.
///
/// # Errors
/// What the API server says.
pub async fn find(client: &Client, namespace: &str, identity: &Identity) -> kube::Result<Found> {
    let api: Api<CustomImage> = Api::namespaced(client.clone(), namespace);
    let Some(there) = api.get_opt(&identity.name).await? else { return Ok(Found::Nothing) };
    if there.metadata.deletion_timestamp.is_some() {
        return Ok(Found::Leaving);
    }
    if there.spec.content_key != identity.content_key {
        return Ok(Found::Other);
    }
    available(&api, &there).await?;
    Ok(same(&there))
}

fn same(record: &CustomImage) -> Found {
    Found::Same(record.spec.disks.iter().map(|disk| disk.url.clone()).collect())
}

/// Creates the record, unless one of its name is there.
///
/// # Errors
/// What the API server says.
pub async fn publish(client: &Client, record: &CustomImage) -> kube::Result<Found> {
    let namespace = record.namespace().unwrap_or_default();
    let api: Api<CustomImage> = Api::namespaced(client.clone(), &namespace);
    match api.create(&PostParams::default(), record).await {
        Ok(made) => {
            available(&api, &made).await?;
            Ok(same(&made))
        }
        Err(kube::Error::Api(status)) if status.code == 409 => {
            let identity = Identity { name: record.name_any(), content_key: record.spec.content_key.clone() };
            find(client, &namespace, &identity).await
        }
        Err(error) => refusal(&error).map(Found::Refused).ok_or(error),
    }
}

/// What the API server says of a record that is not valid.
fn refusal(error: &kube::Error) -> Option<String> {
    match error {
        kube::Error::Api(status) if matches!(status.code, 400 | 422) => Some(status.message.clone()),
        _ => None,
    }
}

/// Says in the record's status that it can be used.
async fn available(api: &Api<CustomImage>, record: &CustomImage) -> kube::Result<()> {
    let stored = record.status.clone().unwrap_or_default().conditions;
    if is_true(&stored, READY) {
        return Ok(());
    }
    let now = k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(jiff::Timestamp::now());
    let stamp = Stamp { stored: &stored, now, observed_generation: record.metadata.generation };
    let ready = stamp.condition(READY, Status::True, word::AVAILABLE, "The image can be used");
    let status = CustomImageStatus {
        observed_generation: record.metadata.generation,
        snapshot: Some(snapshot(&record.spec)),
        deletion: None,
        conditions: vec![ready],
    };
    write_status(api, record, &status).await
}

/// Writes the whole status of a record, unless the record changed since it was read.
///
/// # Errors
/// 409 when it did, and whatever else the API server says.
pub async fn write_status(
    api: &Api<CustomImage>,
    record: &CustomImage,
    status: &CustomImageStatus,
) -> kube::Result<()> {
    if record.status.as_ref() == Some(status) {
        return Ok(());
    }
    let name = record.name_any();
    let body = json!({
        "apiVersion": "imageimport.dev/v1alpha1", "kind": "CustomImage",
        "metadata": {"name": name, "resourceVersion": record.resource_version()},
        "status": status,
    });
    let params = PatchParams::apply(LIFECYCLE_MANAGER).force();
    api.patch_status(&name, &params, &Patch::Apply(body)).await.map(|_| ())
}

/// The import's snapshot, taken over.
fn snapshot(spec: &CustomImageSpec) -> Snapshot {
    let sizes = spec.disks.iter().map(|disk| disk.source.as_ref().map(|source| source.identity.size_bytes));
    Snapshot { state: SnapshotState::Available, size_bytes: sizes.sum() }
}

/// A reference to the record.
pub fn reference(identity: &Identity) -> LocalRef {
    LocalRef { name: identity.name.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn import() -> ImageImport {
        serde_json::from_value(json!({
            "apiVersion": "imageimport.dev/v1alpha1", "kind": "ImageImport",
            "metadata": {"name": "web", "namespace": "team", "uid": "import-uid"},
            "spec": {"source": {"url": "s3://in/web.qcow2"}, "profileRef": {"name": "tencent-cvm"},
                "image": {"platform": "Debian", "systemDiskSizeGiB": 40},
                "destination": {"url": "s3://store/", "secretRef": {"name": "writer"}}},
            "status": {"report": {"profile": "tencent-cvm", "profileGeneration": 3, "digest": "d", "warned": ["SVC-08"],
                "waived": ["FS-02"], "counts": {"passed": 9, "failed": 0, "warned": 1, "advised": 0, "undetermined": 0,
                "waived": 1}}, "disks": [{"name": "system", "source": {"etag": "\"e\"", "sizeBytes": 42},
                "image": {"format": "QCOW2", "virtualSizeBytes": 99, "architecture": "x86_64", "bootModes": ["BIOS"]},
                "conversion": {"url": "s3://store/web-system-0a1b.qcow2", "bytesWritten": 42, "checksum": "sha256:aa"}}]}
        }))
        .unwrap()
    }

    #[test]
    fn the_record_says_what_was_imported() {
        let record = serde_json::to_value(record(&import()).unwrap()).unwrap();
        assert!(record["metadata"]["name"].as_str().unwrap().starts_with("web-"));
        assert_eq!(record["metadata"].get("ownerReferences"), None);
        assert_eq!(
            record["spec"]["disks"][0],
            json!({"name": "system", "url": "s3://store/web-system-0a1b.qcow2",
            "format": "QCOW2", "sizeBytes": 42, "virtualSizeBytes": 99, "checksum": "sha256:aa",
            "source": {"url": "s3://in/web.qcow2", "etag": "\"e\"", "sizeBytes": 42}})
        );
        assert_eq!((&record["spec"]["platform"], &record["spec"]["systemDiskSizeGiB"]), (&json!("Debian"), &json!(40)));
        assert_eq!(record["spec"]["importUID"], "import-uid");
        assert_eq!((&record["spec"]["bootModes"], &record["spec"]["profileGeneration"]), (&json!(["BIOS"]), &json!(3)));
        assert_eq!(
            record["spec"]["verdict"],
            json!({"counts": {"passed": 9, "failed": 0, "warned": 1, "advised": 0, "undetermined": 0, "waived": 1},
            "warned": ["SVC-08"], "waived": ["FS-02"]})
        );
    }

    #[test]
    fn a_disk_that_was_made_larger_is_recorded_as_it_was_written() {
        let mut import = import();
        import.status.as_mut().unwrap().disks[0].conversion.as_mut().unwrap().virtual_size_bytes = Some(2 << 30);
        assert_eq!(record(&import).unwrap().spec.disks[0].virtual_size_bytes, 2 << 30);
    }

    #[test]
    fn only_a_record_that_deletes_knows_how_and_holds_on() {
        let retained = record(&import()).unwrap();
        assert_eq!((retained.spec.deletion_policy, &retained.spec.store), (DeletionPolicy::Retain, &None));
        assert_eq!(retained.metadata.finalizers, None);

        let mut deletes = import();
        deletes.spec.deletion_policy = DeletionPolicy::Delete;
        let destination = deletes.spec.destination.as_mut().unwrap();
        destination.endpoint = Some("https://minio:9000".into());
        destination.region = Some("r1".into());
        deletes.status.as_mut().unwrap().disks[0].conversion.as_mut().unwrap().etag = Some("\"e2\"".into());
        let record = serde_json::to_value(record(&deletes).unwrap()).unwrap();
        assert_eq!(record["metadata"]["finalizers"], json!(["imageimport.dev/delete-objects"]));
        assert_eq!(
            record["spec"]["store"],
            json!({"endpoint": "https://minio:9000", "region": "r1", "secretRef": {"name": "writer"}})
        );
        assert_eq!(record["spec"]["disks"][0]["etag"], "\"e2\"");
        assert_eq!(identity(&deletes).unwrap().content_key.len(), 64);
    }

    #[test]
    fn an_unfinished_copy_is_never_recorded() {
        for missing in ["url", "bytesWritten", "checksum"] {
            let mut status = serde_json::to_value(import().status).unwrap();
            status["disks"][0]["conversion"].as_object_mut().unwrap().remove(missing);
            let unfinished = ImageImport { status: serde_json::from_value(status).unwrap(), ..import() };
            assert_eq!(record(&unfinished), None, "{missing}");
        }
    }

    #[test]
    fn content_is_source_and_destination_whoever_asks() {
        let key = |change: fn(&mut ImageImport)| {
            let mut other = import();
            change(&mut other);
            identity(&other).unwrap().content_key
        };
        let own = key(|_| {});
        assert_eq!(own, key(|i| i.metadata.uid = Some("another".into())));
        assert_eq!(own, key(|i| i.spec.destination.as_mut().unwrap().secret_ref = None));
        assert_ne!(own, key(|i| i.spec.source.url = "s3://in/other".into()));
        assert_ne!(own, key(|i| i.spec.destination.as_mut().unwrap().url = "s3://elsewhere/".into()));
        assert_ne!(
            own,
            key(|i| i.status.as_mut().unwrap().disks[0].source.as_mut().unwrap().etag = Some("new".into()))
        );
    }

    #[test]
    fn a_record_of_all_disks_that_an_import_may_have_is_valid() {
        let mut record = serde_json::to_value(record(&import()).unwrap()).unwrap();
        let disks = record["spec"]["disks"].as_array_mut().unwrap();
        for number in 0..16 {
            let mut data = disks[0].clone();
            data["name"] = json!(format!("data-{number}"));
            disks.push(data);
        }
        let problems = crate::api::structure::problems("CustomImage", &record);
        assert_eq!(problems, Vec::<String>::new());
    }

    #[test]
    fn what_the_api_server_does_not_take_is_told_and_what_may_heal_is_tried_again() {
        let said = |code: u16| {
            let status = kube::core::Status { code, message: "spec.disks: Too many".into(), ..Default::default() };
            refusal(&kube::Error::Api(Box::new(status)))
        };
        for (code, refused) in [(400, true), (422, true), (403, false), (404, false), (409, false), (500, false)] {
            assert_eq!(said(code).is_some(), refused, "{code}");
        }
        assert_eq!(said(422).as_deref(), Some("spec.disks: Too many"));
    }

    #[test]
    fn a_record_of_a_long_name_still_has_63_characters() {
        let mut long = import();
        long.metadata.name = Some("x".repeat(63));
        assert_eq!(identity(&long).unwrap().name.len(), 63);
        long.spec.custom_image_name = Some("chosen".into());
        assert_eq!(identity(&long).unwrap().name, "chosen");
    }
}
