//! Profiles that are missing, edited, deleted, and the built-in ones that come back.

use image_import::api::ImportProfile;
use image_import::profiles::{self as ours, BUILT_IN};
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;

use super::seen::SeenJobs;
use super::{Checked, checked, disk, eventually, own_profile, patch, profiles, small_image};
use crate::harness::{Case, Triple, check, condition, triple};

#[tokio::test]
async fn an_import_waits_for_its_profile() {
    let case = Case::new("no-profile").await;
    let store = case.store().await;
    let key = small_image(&case, &store).await;
    let jobs = SeenJobs::start(&case).await;
    case.apply(&check("small", &key, &case.namespace)).await.unwrap();
    let missing = case.wait_for("small", "Ready", "False").await;
    assert_eq!(triple(&missing), Triple::of("False/ProfileNotFound", Some("True/ProgressingWithRetry"), None));
    assert!(condition(&missing, "Ready").unwrap().message.contains(&case.namespace));
    if let 60.. = case.operator().flag_seconds("grace").await {
        println!("`--grace` is longer than a case waits: that the import stalls is not seen here");
    } else {
        let stalled = case.wait_for("small", "Stalled", "True").await;
        assert_eq!(triple(&stalled), Triple::of("False/ProfileNotFound", None, Some("True/ProfileNotFound")));
    }
    assert_eq!(jobs.made("inspect"), 0, "nothing is read that nobody could judge");
    own_profile(&case, &["RAW"]).await;
    let done = case.wait_for("small", "Ready", "True").await;
    assert_eq!(triple(&done), Triple::of("True/Checked", None, None));
    assert_eq!(jobs.made("inspect"), 1);
}

#[tokio::test]
async fn an_edited_profile_judges_again_and_reads_nothing_and_a_verdict_outlives_its_profile() {
    let case = Case::new("edited-profile").await;
    let Checked { key, profile, jobs, import: first, .. } = checked(&case).await;
    let formats = |names: &[&str]| Patch::Merge(json!({"spec": {"formats": names}}));
    let edit = async |names: &[&str]| {
        profiles(&case).patch(&profile, &PatchParams::default(), &formats(names)).await.expect("the profile changes")
    };

    let edited = edit(&["QCOW2", "VHD"]).await;
    let refused = case.wait_for("small", "Ready", "False").await;
    assert_eq!(triple(&refused), Triple::of("False/ImageFormatNotSupported", None, Some("True/Rejected")));
    assert_eq!(
        refused.status.as_ref().unwrap().report.as_ref().unwrap().profile_generation,
        edited.metadata.generation.unwrap()
    );
    edit(&["RAW"]).await;
    let taken = case.wait_for("small", "Ready", "True").await;
    for judged in [&refused, &taken] {
        assert_eq!(disk(judged).inspection, disk(&first).inspection, "nothing was read again");
    }

    profiles(&case).delete(&profile, &DeleteParams::default()).await.unwrap();
    // A write makes the operator look, and it says so in the generation.
    patch(&case, "small", json!({"metadata": {"labels": {"touched": "yes"}}})).await.unwrap();
    let late = check("late", &key, &profile);
    case.apply(&late).await.unwrap();
    let late = case.wait_for("late", "Ready", "False").await;
    assert_eq!(condition(&late, "Ready").unwrap().reason, "ProfileNotFound");
    let kept = case.wait_for("small", "Ready", "True").await;
    assert_eq!(triple(&kept), Triple::of("True/Checked", None, None), "a verdict outlives its profile");
    assert_eq!(jobs.made("inspect"), 1);
}

#[tokio::test]
async fn a_built_in_profile_is_put_back_and_a_higher_revision_is_kept() {
    let case = Case::new("built-in").await;
    let name = "alibaba-ecs-2018-06";
    let ours = ours::get(name).unwrap();
    let api: Api<ImportProfile> = Api::all(case.as_operator().await);
    let edit = async |spec| {
        api.patch(name, &PatchParams::default(), &Patch::Merge(json!({"spec": spec}))).await.expect("it changes")
    };
    let back = async || {
        eventually("the built-in profile is back", 30, async || {
            api.get_opt(name).await.unwrap().is_some_and(|p| p.spec == ours.spec && p.labels().contains_key(BUILT_IN))
        })
        .await;
    };
    edit(json!({"title": "Mine", "formats": ["RAW"]})).await;
    back().await;

    let newer = edit(json!({"title": "Of a newer version", "revision": ours.spec.revision + 1})).await;
    // The operator has seen it when its status speaks of it.
    eventually("the newer revision was looked at", 30, async || {
        api.get(name).await.unwrap().status.and_then(|s| s.observed_generation) == newer.metadata.generation
    })
    .await;
    assert_eq!(api.get(name).await.unwrap().spec, newer.spec, "a higher revision is kept");

    edit(json!({"revision": ours.spec.revision})).await;
    back().await;

    let all = profiles(&case);
    let admin = [
        all.patch(name, &PatchParams::default(), &Patch::Merge(json!({"spec": {"title": "Mine"}}))).await.map(|_| ()),
        all.delete(name, &DeleteParams::default().dry_run()).await.map(|_| ()),
    ];
    for answer in admin {
        let refusal = answer.expect_err("nobody but the operator changes it").to_string();
        assert!(refusal.contains("a built-in ImportProfile must be left as it is"), "{refusal}");
    }
}
