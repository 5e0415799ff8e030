//! Who is told how an import ended.

use std::time::Duration;

use http::StatusCode;
use image_import::api::{ImageImport, LocalRef, NoticeState, Notification, Receiver as Told};
use image_import::notify::Event;
use image_import::notify::event::{FAILED, MEDIA_TYPE, SUCCEEDED};
use image_import::notify::sign::Key;
use k8s_openapi::api::core::v1::{Event as Said, Secret};
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use serde_json::json;

use super::seen::SeenJobs;
use super::{eventually, no_work_left, own_profile, patch, small_image};
use crate::harness::{BAD_IMAGE, Case, Receiver, TOKEN, Triple, check, kubectl, operator_namespace, triple};

const SIGNING_KEY: &str = "0123456789abcdef0123456789abcdef";

fn to(receiver: &Receiver, secret: Option<&str>) -> Vec<Notification> {
    let secret_ref = secret.map(|name| LocalRef { name: name.to_owned() });
    vec![Notification { url: receiver.url.clone(), secret_ref }]
}

async fn signing_secret(case: &Case) {
    let secret = json!({"metadata": {"name": "signing"}, "stringData": {"signingKey": format!("{SIGNING_KEY}\n")}});
    let secret: Secret = serde_json::from_value(secret).unwrap();
    case.api().create(&PostParams::default(), &secret).await.expect("a Secret");
}

/// The receivers of the newest outcome, once none of them waits.
async fn told(case: &Case, name: &str) -> (ImageImport, Vec<Told>) {
    let of = |import: &ImageImport| {
        let newest = import.status.as_ref()?.notifications.first()?;
        Some(newest.receivers.clone())
    };
    let ended = |import: &ImageImport| {
        of(import).is_some_and(|all| !all.is_empty() && all.iter().all(|r| r.state != NoticeState::Pending))
    };
    let import = case.wait(name, "told", ended).await;
    let receivers = of(&import).unwrap();
    (import, receivers)
}

async fn said(case: &Case, reason: &str) -> Vec<Said> {
    let events = case.api::<Said>().list(&ListParams::default()).await.expect("events").items;
    events.into_iter().filter(|event| event.reason.as_deref() == Some(reason)).collect()
}

/// Nothing but the spec and the Job has what follows the host.
async fn keeps_the_token(case: &Case, import: &ImageImport) {
    assert!(!json!(import.status).to_string().contains(TOKEN));
    let events = case.api::<Said>().list(&ListParams::default()).await.expect("events").items;
    assert!(!json!(events).to_string().contains(TOKEN));
    let logs = kubectl(&[
        "logs",
        "-n",
        &operator_namespace(),
        "--tail=-1",
        "-l",
        "app.kubernetes.io/name=image-import-operator",
    ]);
    let logs = String::from_utf8_lossy(&logs.stdout).into_owned();
    assert!(logs.contains(&case.namespace) && !logs.contains(TOKEN));
}

#[tokio::test]
async fn an_outcome_is_told_once_and_another_once_more() {
    let case = Case::alone("told").await;
    let Some(receiver) = Receiver::start(&case, StatusCode::NO_CONTENT).await else { return };
    let store = case.store().await;
    let (key, profile) = (small_image(&case, &store).await, own_profile(&case, &["RAW"]).await);
    signing_secret(&case).await;
    let jobs = SeenJobs::start(&case).await;
    let mut small = check("small", &key, &profile);
    small.spec.notifications = to(&receiver, Some("signing"));
    case.apply(&small).await.unwrap();
    let (import, all) = told(&case, "small").await;
    assert_eq!(triple(&import), Triple::of("True/Checked", None, None));
    let sent = &all[0];
    assert_eq!((sent.state, sent.host.as_str(), sent.attempt), (NoticeState::Sent, receiver.host.as_str(), 1));
    no_work_left(&case).await;

    let (headers, body) = receiver.got().remove(0);
    let text = |name: &str| headers[name].to_str().unwrap().to_owned();
    let event: Event = serde_json::from_slice(&body).unwrap();
    assert_eq!((event.kind.as_str(), event.data.reason.as_str()), (SUCCEEDED, "Checked"));
    assert_eq!(event.subject, format!("{}/small", case.namespace));
    assert_eq!(event.id, import.status.as_ref().unwrap().notifications[0].id);
    assert_eq!((text("content-type"), text("webhook-id")), (MEDIA_TYPE.to_owned(), event.id.clone()));
    let second = text("webhook-timestamp").parse().unwrap();
    let signature = Key::parse(SIGNING_KEY).unwrap().sign(&event.id, second, &body).unwrap();
    assert_eq!(text("webhook-signature"), signature);
    keeps_the_token(&case, &import).await;

    // Another look at it, and another process that looks.
    let label = |value: &str| json!({"metadata": {"labels": {"looked": value}}});
    patch(&case, "small", label("again")).await.unwrap();
    case.operator().kill().await;
    patch(&case, "small", label("by-another")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!((receiver.got().len(), jobs.made("notify")), (1, 1), "told once");

    // Another reading that was asked for.
    patch(&case, "small", json!({"metadata": {"annotations": {"imageimport.dev/requestedAt": "again"}}}))
        .await
        .unwrap();
    eventually("the second outcome is told", 60, async || receiver.got().len() == 2).await;
    let again: Event = serde_json::from_slice(&receiver.got()[1].1).unwrap();
    assert_ne!(again.id, event.id);
    assert_eq!(said(&case, "NobodyTold").await.len(), 0);
}

#[tokio::test]
async fn a_failure_is_told_with_what_the_cloud_suggests() {
    let case = Case::new("told-failure").await;
    let Some(receiver) = Receiver::start(&case, StatusCode::OK).await else { return };
    let mut bad = check("bad", BAD_IMAGE, "tencent-cvm");
    bad.spec.notifications = to(&receiver, None);
    case.apply(&bad).await.unwrap();
    let (import, _) = told(&case, "bad").await;
    let (headers, body) = receiver.got().remove(0);
    assert!(!headers.contains_key("webhook-signature"));
    let event: Event = serde_json::from_slice(&body).unwrap();
    assert_eq!((event.kind.as_str(), event.data.reason.as_str()), (FAILED, "VirtioNotInstall"));
    let failures = &event.data.failures;
    assert_eq!(failures.len(), import.status.as_ref().unwrap().report.as_ref().unwrap().failed.len());
    let virtio = failures.iter().find(|f| f.rule == "VirtioInstalled").expect("the rule that fails");
    assert_eq!(virtio.code, "VirtioNotInstall");
    assert!(virtio.message.contains("virtio"), "{virtio:?}");
    let [zh, en] = virtio.suggested_handling.as_slice() else { panic!("{virtio:?}") };
    assert!(!zh.is_ascii() && en.is_ascii(), "{virtio:?}");
    no_work_left(&case).await;
}

#[tokio::test]
async fn a_receiver_that_wants_no_notices_is_asked_once() {
    let case = Case::new("told-refused").await;
    let Some(receiver) = Receiver::start(&case, StatusCode::GONE).await else { return };
    let store = case.store().await;
    let (key, profile) = (small_image(&case, &store).await, own_profile(&case, &["RAW"]).await);
    let mut small = check("small", &key, &profile);
    small.spec.notifications = to(&receiver, None);
    case.apply(&small).await.unwrap();
    let (import, all) = told(&case, "small").await;
    assert_eq!(all[0].state, NoticeState::Refused);
    assert!(all[0].message.as_ref().unwrap().contains("410"), "{all:?}");
    eventually("an event says so", 20, async || !said(&case, "NotNotified").await.is_empty()).await;
    let event = said(&case, "NotNotified").await.remove(0);
    assert_eq!(event.type_.as_deref(), Some("Warning"));
    assert!(event.message.unwrap().starts_with(&receiver.host));
    no_work_left(&case).await;
    assert_eq!(receiver.got().len(), 1);
    keeps_the_token(&case, &import).await;
}

#[tokio::test]
async fn a_notice_that_cannot_be_sent_holds_nothing_up() {
    let case = Case::new("told-never").await;
    let Some(receiver) = Receiver::start(&case, StatusCode::OK).await else { return };
    let store = case.store().await;
    let (key, profile) = (small_image(&case, &store).await, own_profile(&case, &["RAW"]).await);
    let jobs = SeenJobs::start(&case).await;
    let mut small = check("small", &key, &profile);
    small.spec.notifications = to(&receiver, Some("missing"));
    case.apply(&small).await.unwrap();
    case.wait_for("small", "Ready", "True").await;
    eventually("a worker that cannot start", 30, async || jobs.made("notify") == 1).await;
    let again = Patch::Merge(json!({"metadata": {"annotations": {"imageimport.dev/requestedAt": "again"}}}));
    case.api::<ImageImport>().patch("small", &PatchParams::default(), &again).await.unwrap();
    let read_again = |i: &ImageImport| i.status.as_ref().is_some_and(|s| s.last_handled_request_at.is_some());
    case.wait("small", "read again", |i| read_again(i) && triple(i).ready == "True/Checked").await;
    assert_eq!(jobs.made("inspect"), 2);
    let failed = |i: &ImageImport| {
        let outcomes = i.status.iter().flat_map(|s| &s.notifications);
        outcomes.flat_map(|o| &o.receivers).all(|r| r.message.as_ref().is_some_and(|m| m.contains("not found")))
    };
    case.wait("small", "told what is missing", failed).await;
    assert_eq!(receiver.got().len(), 0);
}

#[tokio::test]
async fn an_import_of_whose_end_nobody_is_told_says_so() {
    let case = Case::new("told-nobody").await;
    super::checked(&case).await;
    eventually("an event says so", 20, async || !said(&case, "NobodyTold").await.is_empty()).await;
    let label = json!({"metadata": {"labels": {"looked": "again"}}});
    patch(&case, "small", label).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let events = said(&case, "NobodyTold").await;
    assert_eq!((events.len(), events[0].type_.as_deref()), (1, Some("Normal")));
    assert!(events[0].series.is_none() && events[0].count.unwrap_or(1) <= 1, "once: {events:?}");
}
