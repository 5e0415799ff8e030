//! An import's spare copies: those of the disks of an import that ended before all had one, and those of a worker whose
//! image another recorded first.

use jiff::Timestamp;
use kube::api::Api;
use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt};

use super::plan::Act;
use super::{Subject, discard, step};
use crate::api::{Conversion, Deletion, Destination, ImageImport};
use crate::controller::context::Context;
use crate::controller::events;
use crate::controller::look::{self, Result};
use crate::controller::moment::Draft;
use crate::controller::queue::Kind;
use crate::convert::StoredObject;

/// Notes that the copy is to be deleted when it is none of the objects that were published.
pub fn note_spare(draft: &mut Draft, published: &[String]) {
    let own = draft.status.disks.iter().filter_map(|disk| disk.conversion.as_ref()?.url.as_ref());
    let is_spare = own.into_iter().any(|url| !published.contains(url));
    draft.status.deletion = is_spare.then(Deletion::default);
}

/// True when an import has copies that are to be deleted.
pub fn is_spare(import: &ImageImport) -> bool {
    import.status.as_ref().is_some_and(|status| status.deletion.is_some())
}

/// Takes the next step of the deletion.
///
/// # Errors
/// What is worth a backoff, and a conflict when the import changed meanwhile.
pub async fn look_at_spare(cached: &ImageImport, context: &Context) -> Result<Action> {
    let shared = &context.shared;
    let api: Api<ImageImport> = Api::namespaced(shared.client.clone(), &cached.namespace().unwrap_or_default());
    // A Job is noted before the cache hears of it.
    let live = api.get_opt(&cached.name_any()).await?.filter(|live| live.uid() == cached.uid() && is_spare(live));
    let Some(import) = live else { return Ok(Action::await_change()) };
    let mut draft = Draft::of(&import, Timestamp::now(), shared.settings.times.grace);
    let Some(subject) = subject(&import) else {
        draft.status.deletion = None;
        shared.writer.lifecycle(&import, &draft.status).await?;
        return Ok(Action::await_change());
    };
    let plan = step(context, &subject).await?;
    match &plan.act {
        Act::Rest | Act::Start(_) => draft.status.deletion = Some(plan.noted.clone()),
        Act::Done => forget(&mut draft),
        Act::GiveUp(why) => {
            events::publish(shared, &import.object_ref(&()), vec![subject.told(why)]).await;
            forget(&mut draft);
        }
    }
    shared.writer.lifecycle(&import, &draft.status).await?;
    discard(context, &subject, &plan).await?;
    Ok(plan.again.map_or_else(Action::await_change, |again| Action::requeue(again.unsigned_abs().max(look::CAUGHT_UP))))
}

/// The copies are no more, or no longer the import's.
fn forget(draft: &mut Draft) {
    draft.status.deletion = None;
    for conversion in draft.status.disks.iter_mut().filter_map(|disk| disk.conversion.as_mut()) {
        (conversion.url, conversion.checksum, conversion.etag, conversion.bytes_written) = (None, None, None, None);
    }
}

/// The objects that an import wrote.
pub fn copies(import: &ImageImport) -> Vec<StoredObject> {
    let Some(destination) = &import.spec.destination else { return vec![] };
    let object = |conversion: &Conversion| {
        let url = conversion.url.clone()?;
        Some(StoredObject {
            destination: Destination {
                url,
                format: None,
                secret_ref: None,
                virtual_size_gib: None,
                ..destination.clone()
            },
            size_bytes: u64::try_from(conversion.bytes_written?).ok()?,
            etag: conversion.etag.clone(),
        })
    };
    let disks = import.status.iter().flat_map(|status| &status.disks);
    disks.filter_map(|disk| object(disk.conversion.as_ref()?)).collect()
}

/// What is deleted of an import.
fn subject(import: &ImageImport) -> Option<Subject> {
    let status = import.status.as_ref()?;
    let objects = copies(import);
    if objects.is_empty() {
        return None;
    }
    Some(Subject {
        kind: Kind::Import,
        namespace: import.namespace()?,
        name: import.name_any(),
        uid: import.uid()?,
        owner: import.controller_owner_ref(&())?,
        import_uid: import.uid()?,
        secret: import.spec.destination.as_ref()?.secret_ref.clone(),
        objects,
        noted: status.deletion.clone()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;
    use serde_json::json;

    fn import() -> ImageImport {
        serde_json::from_value(json!({
            "apiVersion": "imageimport.dev/v1alpha1", "kind": "ImageImport",
            "metadata": {"name": "web", "namespace": "team", "uid": "import-uid"},
            "spec": {"source": {"url": "s3://in/web.qcow2"}, "profileRef": {"name": "p"}, "destination":
                {"url": "s3://store/", "format": "RAW", "endpoint": "https://minio:9000", "secretRef": {"name": "writer"}}},
            "status": {"customImageRef": {"name": "web-1"}, "disks": [{"name": "system", "conversion":
                {"jobName": "j", "url": "s3://store/web-system-0a1b.raw", "bytesWritten": 42, "checksum": "sha256:aa",
                "etag": "\"e\""}}]}
        }))
        .unwrap()
    }

    fn draft() -> Draft {
        Draft::of(&import(), Timestamp::UNIX_EPOCH, SignedDuration::from_secs(300))
    }

    #[test]
    fn only_a_copy_that_was_not_published_is_spare() {
        for (published, spare) in [("s3://store/web-system-0a1b.raw", false), ("s3://store/web-system-ffff.raw", true)]
        {
            let mut draft = draft();
            note_spare(&mut draft, &[published.to_owned()]);
            assert_eq!(draft.status.deletion.is_some(), spare, "{published}");
            let noted = ImageImport { status: Some(draft.status), ..import() };
            assert_eq!(is_spare(&noted), spare);
        }
        let mut nothing_copied = draft();
        nothing_copied.disk("system").conversion = None;
        note_spare(&mut nothing_copied, &["s3://store/other.raw".to_owned()]);
        assert_eq!(nothing_copied.status.deletion, None);
    }

    #[test]
    fn what_goes_is_the_own_copy_and_no_word_of_it_stays() {
        let mut draft = draft();
        note_spare(&mut draft, &[]);
        let noted = ImageImport { status: Some(draft.status.clone()), ..import() };
        let subject = subject(&noted).unwrap();
        assert_eq!(
            serde_json::to_value(&subject.objects).unwrap(),
            json!([{"url": "s3://store/web-system-0a1b.raw", "endpoint": "https://minio:9000", "sizeBytes": 42,
                "etag": "\"e\""}])
        );
        assert_eq!((subject.secret.unwrap().name.as_str(), subject.owner.kind.as_str()), ("writer", "ImageImport"));
        forget(&mut draft);
        let conversion = draft.status.disks[0].conversion.clone().unwrap();
        assert_eq!((conversion.url, conversion.job_name.as_deref()), (None, Some("j")));
        assert_eq!(draft.status.deletion, None);
    }
}
