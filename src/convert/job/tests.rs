mod checked;
mod larger;
mod resumed;

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::*;
use crate::disk::{ErrorKind, testkit};
use crate::source::testing::{self, Minio, Server, pattern};

async fn write(job: &Job) -> Result<Message> {
    run(job, &|_, _| {}, &CancellationToken::new()).await
}

fn job(store: &Minio, from: &str, size: u64, to: &str) -> Job {
    Job {
        source: store.source(from),
        source_credentials: store.credentials(),
        etag: None,
        size,
        found: None,
        destination: store.destination(to),
        destination_credentials: store.credentials(),
        egress: Egress::own_machine(),
        existing: Existing::Refused,
        target: None,
        max_qcow2_bytes: None,
    }
}

fn written(message: Message) -> Written {
    match message {
        Message::Written(written) => written,
        other => panic!("{other:?}"),
    }
}

fn refusal(message: Message) -> Refusal {
    match message {
        Message::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// `qemu-img convert` of a RAW, to a file beside it.
fn converted(raw: &Path, format: &str, options: &[&str]) -> PathBuf {
    let out = raw.with_extension(format);
    let args = [&["convert", "-f", "raw", "-O", format], options, &[text(raw), text(&out)]].concat();
    testkit::run("qemu-utils", "qemu-img", &args);
    out
}

fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

fn reason(message: &Message) -> &str {
    match message {
        Message::Refused(refusal) => &refusal.reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_written_is_what_was_read() {
    let Some(store) = Minio::start().await else { return };
    for size in [0, 1, 5_000_000, PART, PART + 1, 3 * PART, 20_000_001] {
        let bytes = pattern(usize::try_from(size).unwrap());
        store.put("disk.img", bytes.clone()).await;
        let to = format!("out/{size}.img");
        let told = std::sync::Mutex::new(Vec::new());
        let tell = |done, total| told.lock().unwrap().push((done, total));
        let done = run(&job(&store, "disk.img", size, &to), &tell, &CancellationToken::new()).await.unwrap();
        let checksum = sha256(&bytes);
        let url = format!("s3://images/{to}");
        let source_checksum = Some(checksum.clone());
        let Message::Written(Written { etag, .. }) = &done else { panic!("{done:?}") };
        assert_eq!(etag.is_some(), size > 0);
        let written = Written { url, bytes: size, checksum, etag: etag.clone(), source_checksum, ..Written::default() };
        assert_eq!(done, Message::Written(written));
        assert!(store.get(&to).await.unwrap() == bytes, "{size}");
        assert_eq!(told.lock().unwrap().last(), Some(&(size, size)));
    }
    assert_eq!(store.unfinished_uploads(), 0);
}

#[tokio::test]
async fn an_object_that_is_there_is_not_overwritten() {
    let Some(store) = Minio::start().await else { return };
    for size in [1000, PART + 1] {
        store.put("disk.img", pattern(usize::try_from(size).unwrap())).await;
        store.put("taken.img", vec![7; 10]).await;
        let mut job = job(&store, "disk.img", size, "taken.img");
        assert_eq!(reason(&write(&job).await.unwrap()), "DestinationExists");
        assert_eq!(store.get("taken.img").await.unwrap(), vec![7; 10]);
        job.existing = Existing::Replaced;
        assert!(matches!(write(&job).await.unwrap(), Message::Written(_)));
        assert_eq!(store.get("taken.img").await.unwrap().len() as u64, size);
    }
}

#[tokio::test]
async fn what_an_earlier_pod_of_the_job_had_written_is_its_result() {
    let Some(store) = Minio::start().await else { return };
    for size in [0, 1000, PART + 1] {
        let image = pattern(usize::try_from(size).unwrap());
        store.put("disk.img", image.clone()).await;
        let to = format!("{size}.img");
        let job = job(&store, "disk.img", size, &to);
        let first = write(&job).await.unwrap();
        assert!(matches!(first, Message::Written(_)), "{first:?}");
        assert_eq!(write(&job).await.unwrap(), first, "the second pod");
        if let Some(last) = image.len().checked_sub(1) {
            let other = [&image[..last], &[!image[last]]].concat();
            store.put(&to, other.clone()).await;
            assert_eq!(reason(&write(&job).await.unwrap()), "DestinationExists", "same size, other bytes");
            assert!(store.get(&to).await.unwrap() == other);
        }
    }
    assert_eq!(store.unfinished_uploads(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_made_an_object_only_where_it_knows_that_none_was_there() {
    let Some(store) = Minio::start().await else { return };
    // Whoever may not list a bucket is told no more than that.
    let blind = testing::Proxy::start(&store.endpoint, |method, _, text| {
        (method == "GET" && text.contains("NoSuchKey")).then_some(testing::Change::Status(403))
    })
    .await;
    for (size, target) in [(1000, None), (PART + 1, None), (PART + 512, Some(Target::Raw))] {
        let mut bytes = pattern(usize::try_from(size).unwrap());
        bytes[..512].fill(0);
        store.put("disk.img", bytes).await;
        let to = format!("{size}.img");
        let mut job = Job { existing: Existing::Kept, target, ..job(&store, "disk.img", size, &to) };
        for (endpoint, taken, wanted) in
            [(&store.endpoint, false, true), (&store.endpoint, true, false), (&blind.endpoint, false, false)]
        {
            if !taken {
                store.delete(&to).await;
            }
            job.destination.endpoint = Some(endpoint.clone());
            let (message, made) = run_and_tell(&job, &|_, _| {}, &CancellationToken::new()).await.unwrap();
            assert_eq!((written(message).bytes, made), (size, wanted), "{size}: {taken}");
        }
    }
}

#[tokio::test]
async fn errors_of_the_destination_name_it() {
    let Some(store) = Minio::start().await else { return };
    store.put("disk.img", pattern(1000)).await;
    let good = job(&store, "disk.img", 1000, "a.img");
    let mut down = good.clone();
    down.destination.endpoint = Some("http://127.0.0.1:9".into());
    let error = write(&down).await.unwrap_err();
    assert_eq!((error.kind, error.layer), (ErrorKind::Io, "destination"), "{error}");
    let none = Job { destination_credentials: CredentialSource::Folder("/nonexistent".into()), ..good.clone() };
    assert_eq!(write(&none).await.unwrap_err().layer, "destination credentials");
    let mut down = good;
    down.source.endpoint = Some("http://127.0.0.1:9".into());
    assert_eq!(write(&down).await.unwrap_err().layer, "source");
}

#[tokio::test]
async fn an_object_that_appears_while_copying_is_not_overwritten() {
    let Some(store) = Minio::start().await else { return };
    let size = PART + 1;
    store.put("disk.img", pattern(usize::try_from(size).unwrap())).await;
    for (existing, to) in [(Existing::Refused, "race.img"), (Existing::Kept, "kept.img")] {
        let job = job(&store, "disk.img", size, to);
        let upload = Upload::to(&job.destination, &job.destination_credentials, &job.egress, existing).unwrap();
        assert_eq!(upload.refuse_existing().await.unwrap(), None);
        upload.begin().await.unwrap().unwrap();
        assert_eq!(store.unfinished_uploads(), 1);
        upload.part(1, pattern(1000).into()).await.unwrap().unwrap();
        store.put(to, vec![7; 10]).await;
        assert_eq!(upload.complete().await.unwrap().unwrap_err().reason, "DestinationExists");
        upload.abort().await;
        assert_eq!(store.get(to).await.unwrap(), vec![7; 10]);
        assert_eq!(upload.put(pattern(9).into()).await.unwrap().unwrap_err().reason, "DestinationExists");
        assert_eq!((upload.made(), store.unfinished_uploads()), (false, 0));
    }
}

#[tokio::test]
async fn another_object_than_the_one_that_was_judged_is_refused() {
    let Some(store) = Minio::start().await else { return };
    store.put("disk.img", pattern(1000)).await;
    let other_tag = Job { etag: Some("\"other\"".into()), ..job(&store, "disk.img", 1000, "a.img") };
    let other_size = job(&store, "disk.img", 999, "b.img");
    for job in [other_tag, other_size] {
        assert_eq!(reason(&write(&job).await.unwrap()), "SourceChanged");
    }
    assert_eq!(reason(&write(&job(&store, "none.img", 1, "c.img")).await.unwrap()), "SourceNotFound");
    let unsigned = Job { source_credentials: CredentialSource::Anonymous, ..job(&store, "disk.img", 1000, "d.img") };
    assert_eq!(reason(&write(&unsigned).await.unwrap()), "SourceForbidden");
}

#[tokio::test]
async fn a_store_that_refuses_to_take_it_is_named() {
    let Some(store) = Minio::start().await else { return };
    store.put("disk.img", pattern(1000)).await;
    let mut job = job(&store, "disk.img", 1000, "a.img");
    job.destination.url = "s3://nowhere/a.img".into();
    assert_eq!(reason(&write(&job).await.unwrap()), "DestinationNotFound");
    job.destination.url = "s3://images/a.img".into();
    job.destination_credentials = store.credentials_with("wrong secret");
    let Message::Refused(refusal) = write(&job).await.unwrap() else { panic!() };
    assert_eq!(refusal.reason, "DestinationForbidden");
    assert_eq!(refusal.http.unwrap().code, "SignatureDoesNotMatch");
}

/// A source that this test can change, and a real store to write to.
async fn from_server(store: &Minio, size: u64) -> (Server, Job) {
    let object = testing::Object {
        bytes: pattern(usize::try_from(size).unwrap()),
        etag: Some("\"one\""),
        ..testing::Object::default()
    };
    let server = Server::start(object).await;
    let source = Source { url: server.url.clone(), ..Source::default() };
    let job = Job { source, etag: Some("\"one\"".into()), ..job(store, "unused", size, "out.img") };
    (server, job)
}

#[tokio::test]
async fn an_object_that_changes_while_it_is_copied_leaves_nothing() {
    let Some(store) = Minio::start().await else { return };
    let (server, job) = from_server(&store, 4 * PART).await;
    let tell = |done, _| {
        if done == PART {
            server.change(|object| object.etag = Some("\"two\""));
        }
    };
    let ended = run(&job, &tell, &CancellationToken::new()).await.unwrap();
    assert_eq!(reason(&ended), "SourceChanged");
    assert!(store.get("out.img").await.is_none());
    assert_eq!(store.unfinished_uploads(), 0);
}

#[tokio::test]
async fn a_stopped_copy_leaves_nothing() {
    let Some(store) = Minio::start().await else { return };
    let (server, job) = from_server(&store, 4 * PART).await;
    let stop = CancellationToken::new();
    let tell = |done, _| {
        if done == PART {
            server.change(|object| object.delay = Duration::from_secs(60));
            stop.cancel();
        }
    };
    let error = run(&job, &tell, &stop).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Io);
    assert!(store.get("out.img").await.is_none());
    assert_eq!(store.unfinished_uploads(), 0);
}
