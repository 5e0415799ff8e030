use super::*;
use crate::convert::StoredObject;
use crate::inspect::wire::{Deleted, Notified, Written, decode};
use crate::notify::event::{Event, Notice};
use crate::source::testing::{Minio, Object, Server, pattern};
use crate::worker::{EgressArgs, parse_failure};

fn egress() -> EgressArgs {
    EgressArgs { allow: vec!["127.0.0.0/8".into()], deny: vec![], allow_insecure_endpoints: true }
}

fn inspect_args(url: &str, result: &Path) -> InspectArgs {
    InspectArgs {
        source: crate::api::Source { url: url.into(), ..Default::default() },
        source_credentials: None,
        password_file: None,
        compare_password: false,
        result: result.to_owned(),
        seconds: 60,
        egress: egress(),
    }
}

/// Runs the work as the program does: on a thread that belongs to no runtime.
async fn worked(work: Work) -> (Exit, String) {
    let result = work.result().to_owned();
    tokio::task::spawn_blocking(move || {
        let ended = supervise(work);
        let exit = ended.as_ref().map_or_else(|(exit, _)| *exit, |_| Exit::Done);
        let _ = finish(&result, ended);
        (exit, std::fs::read_to_string(result).unwrap())
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn an_object_that_was_reached_or_not_gives_facts() {
    let folder = tempfile::tempdir().unwrap();
    let result = folder.path().join("message");
    let image = Object { bytes: pattern(1 << 20), etag: Some("\"a\""), ..Object::default() };
    let server = Server::start(image).await;
    let (exit, text) = worked(Work::Inspect(inspect_args(&server.url, &result))).await;
    assert_eq!(exit, Exit::Done, "{text}");
    let Message::Facts(facts) = decode(&text).unwrap() else { panic!("{text}") };
    assert_eq!((facts.source.size_bytes, facts.source.etag.as_deref()), (1 << 20, Some("\"a\"")));

    server.change(|object| object.fixed = Some((404, vec![], "<Code>NoSuchKey</Code>")));
    let (exit, text) = worked(Work::Inspect(inspect_args(&server.url, &result))).await;
    assert_eq!(exit, Exit::Done);
    let Message::Facts(facts) = decode(&text).unwrap() else { panic!("{text}") };
    assert_eq!(facts.source.http.unwrap().code, "NoSuchKey");
}

#[tokio::test]
async fn a_transport_that_failed_is_75_and_unusable_settings_are_78() {
    let folder = tempfile::tempdir().unwrap();
    let result = folder.path().join("message");
    let refused = inspect_args("http://127.0.0.1:9/disk.img", &result);
    let (exit, text) = worked(Work::Inspect(refused)).await;
    assert_eq!((exit, parse_failure(&text).unwrap().kind.as_str()), (Exit::Transport, "io"));

    let metadata = inspect_args("http://169.254.169.254/latest", &result);
    let (exit, text) = worked(Work::Inspect(metadata)).await;
    assert_eq!(exit, Exit::Config);
    assert!(parse_failure(&text).unwrap().what.contains("metadata address"), "{text}");

    let mut useless = inspect_args("http://127.0.0.1:9/disk.img", &result);
    useless.source_credentials = Some(folder.path().to_owned());
    for key in ["accessKeyID", "secretAccessKey"] {
        std::fs::write(folder.path().join(key), "k").unwrap();
    }
    let (exit, text) = worked(Work::Inspect(useless)).await;
    assert_eq!((exit, parse_failure(&text).unwrap().layer.as_str()), (Exit::Config, "credentials"), "{text}");
    assert!(text.contains("leave out secretRef"), "{text}");

    let mut no_secret = inspect_args("s3://bucket/key", &result);
    no_secret.source_credentials = Some(folder.path().join("none"));
    let (exit, text) = worked(Work::Inspect(no_secret)).await;
    assert_eq!(exit, Exit::Config);
    let failure = parse_failure(&text).unwrap();
    assert_eq!((failure.kind.as_str(), failure.layer.as_str()), ("notFound", "credentials"));
    assert!(failure.what.contains("accessKeyID"));
}

#[tokio::test]
async fn arguments_that_cannot_be_parsed_leave_a_message() {
    let folder = tempfile::tempdir().unwrap();
    let result = folder.path().join("message");
    let words = ["image-import".into(), "worker".into(), format!("--result={}", result.display())];
    let _ = refuse_arguments(&words, "the worker's arguments cannot be used");
    assert_eq!(parse_failure(&std::fs::read_to_string(result).unwrap()).unwrap().kind, "arguments");
}

#[tokio::test]
async fn a_conversion_reports_the_object_it_wrote() {
    let Some(store) = Minio::start().await else { return };
    let folder = tempfile::tempdir().unwrap();
    store.put("in/disk.img", pattern(100_000)).await;
    store.write_credentials(folder.path(), None);
    let args = ConvertArgs {
        source: store.source("in/disk.img"),
        source_credentials: Some(folder.path().to_owned()),
        etag: None,
        size: 100_000,
        destination: store.destination("out/"),
        found: None,
        max_qcow2_bytes: None,
        destination_name: "web-system".into(),
        destination_credentials: Some(folder.path().to_owned()),
        result: folder.path().join("message"),
        egress: egress(),
    };
    let (exit, text) = worked(Work::Convert(args)).await;
    assert_eq!(exit, Exit::Done, "{text}");
    let Message::Written(Written { url, bytes, checksum, .. }) = decode(&text).unwrap() else { panic!("{text}") };
    assert_eq!((url.as_str(), bytes), ("s3://images/out/web-system.img", 100_000));
    assert!(checksum.starts_with("sha256:") && checksum.len() == 71);
    assert_eq!(store.get("out/web-system.img").await.unwrap(), pattern(100_000));
}

#[tokio::test]
async fn a_deletion_reports_what_is_gone_and_what_it_could_not_use() {
    let Some(store) = Minio::start().await else { return };
    let folder = tempfile::tempdir().unwrap();
    store.put("out/disk.img", pattern(1000)).await;
    store.write_credentials(folder.path(), None);
    let mut args = DeleteArgs {
        objects: vec![StoredObject { destination: store.destination("out/disk.img"), size_bytes: 1000, etag: None }],
        destination_credentials: Some(folder.path().join("none")),
        result: folder.path().join("message"),
        egress: egress(),
    };
    let (exit, text) = worked(Work::Delete(args.clone())).await;
    assert_eq!(exit, Exit::Config);
    assert_eq!(parse_failure(&text).unwrap().layer, "destination credentials");
    assert_eq!(store.get("out/disk.img").await.unwrap(), pattern(1000));

    args.destination_credentials = Some(folder.path().to_owned());
    let (exit, text) = worked(Work::Delete(args)).await;
    assert_eq!(exit, Exit::Done, "{text}");
    assert_eq!(decode(&text).unwrap(), Message::Deleted(Deleted { deleted: 1, gone: 0 }));
    assert_eq!(store.get("out/disk.img").await, None);
}

#[tokio::test]
async fn a_notice_is_sent_with_a_secret_that_can_be_read() {
    let app = axum::Router::new().fallback(async |headers: http::HeaderMap| {
        let signed = headers.get("webhook-signature").is_some_and(|s| s.to_str().unwrap().starts_with("v1,"));
        if signed { http::StatusCode::NO_CONTENT } else { http::StatusCode::UNAUTHORIZED }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    let mut args = NotifyArgs {
        url,
        event: Event::new("id-1", "2026-11-21T10:00:00Z", true, Notice::default()),
        secret_file: Some(secret.clone()),
        secret_optional: false,
        result: folder.path().join("message"),
        egress: egress(),
    };
    let (exit, text) = worked(Work::Notify(args.clone())).await;
    assert_eq!((exit, parse_failure(&text).unwrap().layer.as_str()), (Exit::Config, "webhook secret"));
    args.secret_optional = true;
    let unsigned = decode(&worked(Work::Notify(args.clone())).await.1).unwrap();
    assert!(matches!(unsigned, Message::Refused(r) if r.http.as_ref().unwrap().status == 401));
    std::fs::write(&secret, "k".repeat(32)).unwrap();
    let (exit, text) = worked(Work::Notify(args.clone())).await;
    assert_eq!(exit, Exit::Done, "{text}");
    assert_eq!(decode(&text).unwrap(), Message::Notified(Notified {}));
    args.url = "http://127.0.0.1:1/hook".into();
    args.egress.allow = vec![];
    assert_eq!(worked(Work::Notify(args)).await.0, Exit::Config, "an address that is not dialled");
}
