use super::*;
use crate::disk::ErrorKind;
use crate::inspect::facts::Access;
use crate::source::is_source_changed;
use crate::source::testing::{self, Minio, Server, pattern};

const MODIFIED: &str = "Sat, 21 Nov 2026 08:00:00 GMT";

async fn open_with(url: &str, budget: Budget) -> Result<Opened> {
    let source = Source { url: url.into(), ..Source::default() };
    open(&source, &CredentialSource::Anonymous, &Egress::own_machine(), &budget).await
}

async fn open_url(url: &str) -> Result<Opened> {
    open_with(url, Budget::default()).await
}

/// Reads as a worker does: by blocking, away from the runtime.
async fn read(opened: &Opened, at: u64, len: usize) -> Result<Vec<u8>> {
    let bytes = Arc::clone(opened.bytes.as_ref().unwrap());
    tokio::task::spawn_blocking(move || bytes.read_vec_at(at, len)).await.unwrap()
}

fn image() -> testing::Object {
    testing::Object {
        bytes: pattern(300_000),
        etag: Some("\"one\""),
        last_modified: Some(MODIFIED),
        ..testing::Object::default()
    }
}

#[tokio::test]
async fn one_request_tells_what_the_object_is_and_later_ones_are_pinned_to_it() {
    let server = Server::start(image()).await;
    let opened = open_url(&server.url).await.unwrap();
    assert_eq!(opened.facts.access, Access::Reached);
    assert_eq!(opened.facts.etag.as_deref(), Some("\"one\""));
    assert_eq!(opened.facts.size_bytes, 300_000);
    assert_eq!(opened.facts.last_modified.as_deref(), Some("2026-11-21T08:00:00Z"));
    assert!(!opened.facts.signed);
    assert_eq!(server.seen().len(), 1);

    let expected = pattern(300_000);
    assert_eq!(read(&opened, 0, 131_072).await.unwrap(), expected[..131_072]);
    assert_eq!(server.seen().len(), 1, "the first bytes are there already");
    assert_eq!(read(&opened, 299_000, 1000).await.unwrap(), expected[299_000..]);
    assert_eq!(read(&opened, 0, 300_000).await.unwrap(), expected);
    assert!(server.seen()[1..].iter().all(|headers| headers["if-match"] == "\"one\""));
    assert_eq!(opened.meter.requests(), server.seen().len() as u64);
}

#[tokio::test]
async fn an_object_that_changes_midway_is_noticed() {
    for ignores_conditions in [false, true] {
        let server = Server::start(image()).await;
        let opened = open_url(&server.url).await.unwrap();
        server.change(|object| {
            object.etag = Some("\"two\"");
            object.ignores_conditions = ignores_conditions;
        });
        let error = read(&opened, 150_000, 10).await.unwrap_err();
        assert!(is_source_changed(&error), "{error}");
        assert_eq!(error.http.unwrap().status, 412);
    }
}

#[tokio::test]
async fn without_a_strong_etag_time_and_size_are_the_pin() {
    for etag in [None, Some("W/\"weak\"")] {
        let server = Server::start(testing::Object { etag, ..image() }).await;
        let opened = open_url(&server.url).await.unwrap();
        assert_eq!(opened.facts.etag, None);
        read(&opened, 280_000, 10).await.unwrap();
        assert_eq!(server.seen()[1]["if-unmodified-since"], MODIFIED);
        server.change(|object| object.last_modified = Some("Sat, 21 Nov 2026 09:00:00 GMT"));
        assert!(is_source_changed(&read(&opened, 150_000, 10).await.unwrap_err()));
    }
    let server = Server::start(testing::Object { etag: None, last_modified: None, ..image() }).await;
    let opened = open_url(&server.url).await.unwrap();
    assert_eq!(opened.facts.last_modified, None);
    server.change(|object| object.bytes.truncate(250_000));
    assert!(is_source_changed(&read(&opened, 150_000, 10).await.unwrap_err()));
}

#[tokio::test]
async fn missing_and_forbidden_are_facts() {
    let answers =
        [(404, Access::NotFound), (410, Access::NotFound), (401, Access::Forbidden), (403, Access::Forbidden)];
    for (status, access) in answers {
        let body = "<Error><Code>SomeCode</Code><Message>no</Message></Error>";
        let fixed = Some((status, vec![("x-amz-request-id", "R1".to_owned())], body));
        let server = Server::start(testing::Object { fixed, ..image() }).await;
        let opened = open_url(&server.url).await.unwrap();
        assert_eq!(opened.facts.access, access);
        let http = opened.facts.http.unwrap();
        assert_eq!((http.status, http.code.as_str(), http.request_id.as_str()), (status, "SomeCode", "R1"));
        assert!(opened.bytes.is_none());
    }
}

#[tokio::test]
async fn a_request_that_is_refused_as_such_is_not_worth_another() {
    let fixed = Some((400, vec![], "<Code>AuthorizationHeaderMalformed</Code>"));
    let server = Server::start(testing::Object { fixed, ..image() }).await;
    let error = open_url(&server.url).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert_eq!(error.http.unwrap().code, "AuthorizationHeaderMalformed");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn an_empty_object_is_reached() {
    for ignores_range in [false, true] {
        let server = Server::start(testing::Object { bytes: vec![], ignores_range, ..image() }).await;
        let opened = open_url(&server.url).await.unwrap();
        assert_eq!((opened.facts.access, opened.facts.size_bytes), (Access::Reached, 0));
        assert!(opened.bytes.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let fixed = Some((302, vec![("location", "https://169.254.169.254/latest?token=secret".to_owned())], ""));
    let server = Server::start(testing::Object { fixed, ..image() }).await;
    let error = open_url(&server.url).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert!(error.what.contains("redirects to 169.254.169.254"), "{error}");
    assert!(!error.what.contains("secret"));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_server_that_ignores_ranges_is_told_apart() {
    let server = Server::start(testing::Object { ignores_range: true, ..image() }).await;
    let error = open_url(&server.url).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert!(error.what.contains("ignores range requests"));
}

#[tokio::test]
async fn a_flood_is_cut_off() {
    let server = Server::start(testing::Object { floods: true, ..image() }).await;
    let error = open_url(&server.url).await.err().unwrap();
    assert!(error.what.contains("more than was asked for"), "{error}");
}

#[tokio::test]
async fn failed_requests_are_tried_again_and_counted() {
    let server = Server::start(testing::Object { unavailable: 1, ..image() }).await;
    let opened = open_url(&server.url).await.unwrap();
    server.change(|object| object.cut = 1);
    assert_eq!(read(&opened, 150_000, 10).await.unwrap(), pattern(300_000)[150_000..150_010]);
    assert_eq!(server.seen().len(), 4);
    assert_eq!(opened.meter.requests(), 4);
}

#[tokio::test]
async fn a_store_that_stays_away_is_a_failed_transport() {
    let server = Server::start(testing::Object { unavailable: 99, ..image() }).await;
    let error = open_url(&server.url).await.err().unwrap();
    assert_eq!((error.kind, error.http.unwrap().status), (ErrorKind::Io, 503));
    let refused = open_url("http://127.0.0.1:9/disk.img?sig=secret").await.err().unwrap();
    assert_eq!(refused.kind, ErrorKind::Io);
    assert!(!refused.what.contains("secret") && refused.what.contains("refused"), "{refused}");
}

#[tokio::test]
async fn the_budget_ends_reading() {
    let server = Server::start(image()).await;
    let few = |requests, bytes, time| Budget { requests, bytes, time };
    let minute = Duration::from_secs(60);
    let opened = open_with(&server.url, few(1, 1 << 30, minute)).await.unwrap();
    assert_eq!(read(&opened, 150_000, 1).await.unwrap_err().kind, ErrorKind::Limit);
    let opened = open_with(&server.url, few(99, 140_000, minute)).await.unwrap();
    assert_eq!(read(&opened, 150_000, 1).await.unwrap_err().kind, ErrorKind::Limit);

    let opened = open_with(&server.url, few(99, 1 << 30, Duration::from_millis(300))).await.unwrap();
    server.change(|object| object.delay = minute);
    assert_eq!(read(&opened, 150_000, 1).await.unwrap_err().kind, ErrorKind::Limit);
    assert_eq!(read(&opened, 0, 1).await.unwrap_err().kind, ErrorKind::Limit, "cached bytes too");
}

#[tokio::test]
async fn addresses_that_are_not_dialled_are_refused_before_a_request() {
    let server = Server::start(image()).await;
    let args = crate::worker::EgressArgs { allow_insecure_endpoints: true, ..Default::default() };
    let in_a_pod = Egress::new(&args).unwrap();
    let by_name = server.url.replace("127.0.0.1", "localhost");
    for url in [&server.url, &by_name, &"http://169.254.169.254/latest".to_owned()] {
        let source = Source { url: url.clone(), ..Source::default() };
        let error = open(&source, &CredentialSource::Anonymous, &in_a_pod, &Budget::default()).await.err().unwrap();
        assert_eq!(error.kind, ErrorKind::Unsupported);
        assert!(error.what.contains("which is not dialled"), "{error}");
    }
    let no_tls = Egress::new(&crate::worker::EgressArgs::default()).unwrap();
    let source = Source { url: server.url.clone(), ..Source::default() };
    let error = open(&source, &CredentialSource::Anonymous, &no_tls, &Budget::default()).await.err().unwrap();
    assert!(error.what.contains("plain http is not accepted"), "{error}");
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_path_is_asked_for_as_it_was_written() {
    let server = Server::start(image()).await;
    let base = server.url.trim_end_matches("disk.img");
    for (number, path) in ["a%2Fb//c%20d/%E9%95%9C?x=%2B1&y", "plus+and~tilde"].into_iter().enumerate() {
        open_url(&format!("{base}{path}")).await.unwrap();
        assert_eq!(server.seen()[number]["uri"], format!("/{path}"));
    }
}

#[tokio::test]
async fn a_file_is_an_object_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("disk.img");
    std::fs::write(&path, pattern(100_000)).unwrap();
    let opened = open_url(path.to_str().unwrap()).await.unwrap();
    assert_eq!(opened.facts.size_bytes, 100_000);
    assert_eq!(read(&opened, 1000, 90_000).await.unwrap(), pattern(100_000)[1000..91_000]);
    let missing = open_url(folder.path().join("none").to_str().unwrap()).await.unwrap();
    assert_eq!(missing.facts.access, Access::NotFound);
    let error = open_url(folder.path().to_str().unwrap()).await.err().unwrap();
    assert!(error.what.contains("a folder"));
}

#[tokio::test]
async fn a_real_store_is_read_with_keys_of_any_spelling() {
    let Some(store) = Minio::start().await else { return };
    let egress = Egress::own_machine();
    for key in ["plain.qcow2", "web/centos 8+1%20.img", "镜像/系统.vhd", "a~b/c=d&e;f'g(h)!*", "[x]{y}#z"] {
        store.put(key, pattern(200_000)).await;
        let opened = open(&store.source(key), &store.credentials(), &egress, &Budget::default()).await.unwrap();
        assert_eq!(opened.facts.access, Access::Reached, "{key}: {:?}", opened.facts.http);
        assert!(opened.facts.signed);
        assert_eq!(read(&opened, 150_000, 50_000).await.unwrap(), pattern(200_000)[150_000..]);
    }
    store.put("plain.qcow2", vec![]).await;
    let empty = open(&store.source("plain.qcow2"), &store.credentials(), &egress, &Budget::default()).await.unwrap();
    assert_eq!((empty.facts.access, empty.facts.size_bytes), (Access::Reached, 0));
}

#[tokio::test]
async fn a_bucket_is_named_by_its_cloud_too() {
    let Some(store) = Minio::start().await else { return };
    store.put("web/镜像 1.vhd", pattern(200_000)).await;
    for scheme in ["oss", "cos"] {
        let url = format!("{scheme}://images/web/镜像 1.vhd");
        let source = Source { url, region: Some("cn-hangzhou".into()), ..store.source("") };
        let opened = open(&source, &store.credentials(), &Egress::own_machine(), &Budget::default()).await.unwrap();
        assert_eq!((opened.facts.access, opened.facts.size_bytes), (Access::Reached, 200_000), "{scheme}");
    }
}

#[tokio::test]
async fn a_cloud_s_store_is_known_by_what_only_it_says() {
    let refusal = |name: &'static str, value: &str, more: &'static str| testing::Object {
        fixed: Some((403, vec![(name, value.to_owned()), (more, "ap-x\u{9}y".to_owned())], "")),
        ..testing::Object::default()
    };
    for (object, cloud, region) in [
        (refusal("x-cos-request-id", "1", "x-cos-bucket-region"), Some("cos"), Some("ap-xy")),
        (refusal("server", "tencent-cos", "x-other"), Some("cos"), None),
        (refusal("x-oss-request-id", "1", "x-other"), Some("oss"), None),
        (refusal("server", "AliyunOSS", "x-amz-bucket-region"), Some("oss"), Some("ap-xy")),
        (refusal("server", "nginx", "x-other"), None, None),
    ] {
        let server = Server::start(object).await;
        let facts = open_url(&server.url).await.unwrap().facts;
        assert_eq!((facts.cloud.as_deref(), facts.region.as_deref()), (cloud, region));
    }
}

#[tokio::test]
async fn a_real_store_says_why_it_refuses() {
    let Some(store) = Minio::start().await else { return };
    store.put("disk.img", pattern(200_000)).await;
    let egress = Egress::own_machine();
    let budget = Budget::default();
    let code = |opened: Opened| opened.facts.http.unwrap().code;

    let wrong =
        open(&store.source("disk.img"), &store.credentials_with("wrong secret"), &egress, &budget).await.unwrap();
    assert_eq!(wrong.facts.access, Access::Forbidden);
    assert!(!wrong.facts.http.as_ref().unwrap().request_id.is_empty());
    assert_eq!(code(wrong), "SignatureDoesNotMatch");

    let anonymous = open(&store.source("disk.img"), &CredentialSource::Anonymous, &egress, &budget).await.unwrap();
    assert_eq!((anonymous.facts.access, anonymous.facts.signed), (Access::Forbidden, false));
    assert_eq!(code(anonymous), "AccessDenied");

    let missing = open(&store.source("none.img"), &store.credentials(), &egress, &budget).await.unwrap();
    assert_eq!(missing.facts.access, Access::NotFound);
    assert_eq!(code(missing), "NoSuchKey");

    let presigned = open_url(&store.presigned("disk.img").await).await.unwrap();
    assert_eq!((presigned.facts.access, presigned.facts.signed), (Access::Reached, true));
}

#[tokio::test]
async fn a_real_store_refuses_an_object_that_changed() {
    let Some(store) = Minio::start().await else { return };
    store.put("disk.img", pattern(200_000)).await;
    let egress = Egress::own_machine();
    let opened = open(&store.source("disk.img"), &store.credentials(), &egress, &Budget::default()).await.unwrap();
    store.put("disk.img", vec![7; 200_000]).await;
    let error = read(&opened, 150_000, 10).await.unwrap_err();
    assert!(is_source_changed(&error), "{error}");
    assert_eq!(error.http.unwrap().code, "PreconditionFailed");
}

#[tokio::test]
async fn a_rotated_secret_is_read_again() {
    let Some(store) = Minio::start().await else { return };
    store.put("disk.img", pattern(300_000)).await;
    let folder = tempfile::tempdir().unwrap();
    store.write_credentials(folder.path(), Some("expired secret"));
    let credentials = CredentialSource::Folder(folder.path().to_owned());
    let keyring = Keyring::new(&credentials).unwrap();
    let meter = Arc::default();
    let address = Address::of_source(&store.source("disk.img"), Author::Api).unwrap();
    let dialler = Dialler::new(&Egress::own_machine(), &meter).unwrap();
    let connected = Store::connect(&address, &keyring, dialler).unwrap();
    store.write_credentials(folder.path(), None);
    let first = Object::open(connected, Allowance::start(&Budget::default(), &meter)).await.unwrap();
    assert!(matches!(first, First::Reached { .. }));
    assert_eq!(meter.requests(), 2);
}
