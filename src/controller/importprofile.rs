//! Profiles: the built-in ones are applied and put back, and each says whether this version can apply it.

use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::context::Shared;
use super::queue::Kind;
use super::settings::Settings;
use super::status::LIFECYCLE_MANAGER;
use super::store::{Scope, Touched};
use crate::api::ImportProfile;
use crate::api::conditions::{READY, Stamp, Status, reason as word};
use crate::profiles;

/// Field manager of the built-in profiles.
const MANAGER: &str = "imageimport.dev/profiles";
/// How often every built-in profile is looked at, whatever the watch says.
const SWEEP: Duration = Duration::from_secs(300);
/// How long after an error a profile is looked at again.
const RETRY: Duration = Duration::from_secs(5);

/// What makes the stored profile ours again; `None` when it is, or when a higher revision is there.
pub fn mend(stored: &ImportProfile, built_in: &ImportProfile) -> Option<Value> {
    let labelled = built_in.labels().iter().all(|(k, v)| stored.labels().get(k) == Some(v));
    if stored.spec.revision > built_in.spec.revision || (stored.spec == built_in.spec && labelled) {
        return None;
    }
    let spec = |p: &ImportProfile| serde_json::to_value(&p.spec).unwrap_or_default();
    Some(json!({
        "metadata": {"resourceVersion": stored.resource_version(), "labels": built_in.labels()},
        "spec": difference(&spec(stored), &spec(built_in)),
    }))
}

/// The merge patch (RFC 7396) from one value to another: what is no longer wanted is null.
fn difference(from: &Value, to: &Value) -> Value {
    let (Value::Object(from), Value::Object(to)) = (from, to) else { return to.clone() };
    let gone = from.keys().filter(|k| !to.contains_key(*k)).map(|k| (k.clone(), Value::Null));
    let wanted = to.iter().map(|(k, v)| (k.clone(), from.get(k).map_or_else(|| v.clone(), |old| difference(old, v))));
    Value::Object(gone.chain(wanted).collect::<Map<_, _>>())
}

/// The status a profile is to have.
fn status(profile: &ImportProfile, now: Time) -> crate::api::ImportProfileStatus {
    let generation = profile.metadata.generation;
    let stored = profile.status.as_ref().map(|s| s.conditions.clone()).unwrap_or_default();
    let stamp = Stamp { stored: &stored, now, observed_generation: generation };
    let ready = match profiles::problem(&profile.spec) {
        None => stamp.condition(READY, Status::True, word::PROFILE_ACCEPTED, "The profile can be applied"),
        Some(found) => {
            let message = format!("The profile cannot be applied: {}", found.message);
            stamp.condition(READY, Status::False, found.reason, &message)
        }
    };
    crate::api::ImportProfileStatus { observed_generation: generation, conditions: vec![ready] }
}

/// Applies the built-in profiles, before an import is looked at that names one. What fails is tried again by [`run`].
pub async fn install(client: &Client, settings: &Settings) {
    for name in built_in_names() {
        if let Err(error) = keep(client, settings, &name).await {
            tracing::warn!(profile = name, %error, "Built-in ImportProfile could not be applied yet");
        }
    }
}

fn built_in_names() -> Vec<String> {
    profiles::built_in().iter().map(ResourceExt::name_any).collect()
}

/// Keeps profiles as they are to be, and wakes the imports that name one that changed.
pub async fn run(shared: &Shared, scopes: &[Scope], mut watch: Touched<ImportProfile>, stop: CancellationToken) {
    let (retry, mut again) = mpsc::unbounded_channel::<String>();
    let mut sweep = tokio::time::interval(SWEEP);
    loop {
        let names: Vec<String> = tokio::select! {
            () = stop.cancelled() => return,
            Some(name) = again.recv() => vec![name],
            touched = watch.next() => match touched {
                Some(Ok(profile)) => {
                    wake_users(shared, scopes, &profile.name_any());
                    vec![profile.name_any()]
                }
                Some(Err(_)) => continue,
                None => return,
            },
            _ = sweep.tick() => built_in_names(),
        };
        for name in names {
            if let Err(error) = keep(&shared.client, &shared.settings, &name).await {
                tracing::warn!(profile = name, %error, "ImportProfile could not be kept");
                let retry = retry.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(RETRY).await;
                    let _ = retry.send(name);
                });
            }
        }
    }
}

fn wake_users(shared: &Shared, scopes: &[Scope], profile: &str) {
    for import in scopes.iter().flat_map(|s| s.imports.state_filter(|i| i.spec.profile_ref.name == profile)) {
        shared.wake(Kind::Import, &import.namespace().unwrap_or_default(), &import.name_any());
    }
}

/// One look at one profile.
async fn keep(client: &Client, settings: &Settings, name: &str) -> kube::Result<()> {
    let api: Api<ImportProfile> = Api::all(client.clone());
    let built_in = settings.builtin_profiles.then(|| profiles::get(name)).flatten();
    let stored = match (api.get_opt(name).await?, built_in) {
        (None, None) => return Ok(()),
        (None, Some(mut built_in)) => {
            built_in.status = None;
            let by = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
            api.create(&by, &built_in).await?
        }
        (Some(stored), built_in) => match built_in.and_then(|b| mend(&stored, &b)) {
            None => stored,
            Some(patch) => {
                tracing::info!(profile = name, "Put a built-in ImportProfile back");
                let by = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
                api.patch(name, &by, &Patch::Merge(patch)).await?
            }
        },
    };
    let wanted = status(&stored, Time(Timestamp::now()));
    if stored.status.as_ref() == Some(&wanted) {
        return Ok(());
    }
    let body = json!({"apiVersion": "imageimport.dev/v1alpha1", "kind": "ImportProfile", "metadata": {"name": name}, "status": wanted});
    let by = PatchParams::apply(LIFECYCLE_MANAGER).force();
    api.patch_status(name, &by, &Patch::Apply(body)).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ImportProfileSpec;

    fn built_in() -> ImportProfile {
        profiles::built_in().remove(0)
    }

    fn merged(mut onto: Value, patch: &Value) -> Value {
        let Value::Object(patch) = patch else { return patch.clone() };
        if !onto.is_object() {
            onto = json!({});
        }
        for (k, v) in patch {
            if v.is_null() {
                onto.as_object_mut().unwrap().remove(k);
            } else {
                onto[k] = merged(onto.get(k).cloned().unwrap_or_default(), v);
            }
        }
        onto
    }

    #[test]
    fn an_edited_profile_is_put_back_whole() {
        let mut edited = built_in();
        edited.spec.title = "Mine".into();
        edited.spec.datasource = Some("NoCloud".into());
        edited.spec.limits.virtual_size_gib = Some(1);
        let extra = edited.spec.rules[0].clone();
        edited.spec.rules.push(extra);
        let patch = mend(&edited, &built_in()).unwrap();
        let spec = merged(serde_json::to_value(&edited.spec).unwrap(), &patch["spec"]);
        assert_eq!(serde_json::from_value::<ImportProfileSpec>(spec).unwrap(), built_in().spec);
    }

    #[test]
    fn a_higher_revision_is_kept_and_a_lower_one_is_not() {
        let mut other = built_in();
        other.spec.title = "Mine".into();
        other.spec.revision += 1;
        assert_eq!(mend(&other, &built_in()), None);
        other.spec.revision -= 2;
        assert!(mend(&other, &built_in()).is_some());
        assert_eq!(mend(&built_in(), &built_in()), None);
    }
}
