//! A pod that was killed, and the next one of its Job.

use http::Uri;

use super::*;
use crate::convert::encode::Compression;
use crate::source::opening::connect_destination;
use crate::source::testing::{Change, Proxy, query};
use crate::source::uploads;

/// Bytes of a part.
const PART_LEN: usize = 8 << 20;

/// Bytes that do not shrink, so that files of every format have parts: 64 MiB, of which some are zeros.
fn image() -> Vec<u8> {
    assert_eq!(PART, PART_LEN as u64);
    let mut dice = testkit::Dice(7);
    let mut bytes: Vec<u8> = (0..8 << 20).flat_map(|_| dice.roll().to_le_bytes()).collect();
    bytes[10 << 20..14 << 20].fill(0);
    // What begins with noise may be taken for anything.
    bytes[..512].fill(0);
    bytes
}

/// A job that writes through the proxy an object that nobody else writes.
fn through(proxy: &Proxy, store: &Minio, size: usize, to: &str, target: Option<Target>) -> Job {
    let mut job = Job { existing: Existing::Replaced, target, ..job(store, "disk.img", size as u64, to) };
    job.destination.endpoint = Some(proxy.endpoint.clone());
    job
}

/// Runs until so many parts were taken, and then no further: nothing is tidied up.
async fn killed(job: &Job, proxy: &Proxy, parts: usize) {
    let stop = CancellationToken::new();
    tokio::select! {
        ended = run(job, &|_, _| {}, &stop) => panic!("not killed: {ended:?}"),
        () = proxy.until_parts(proxy.parts() + parts) => {}
    }
}

async fn plain(store: &Minio) -> Proxy {
    Proxy::start(&store.endpoint, |_, _, _| None).await
}

const TARGETS: [Option<Target>; 4] =
    [None, Some(Target::Raw), Some(Target::qcow2(Compression::Zlib)), Some(Target::VhdDynamic { id: [1; 16] })];

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_pod_sent_is_not_sent_again() {
    let Some(store) = Minio::start().await else { return };
    let image = image();
    store.put("disk.img", image.clone()).await;
    for target in TARGETS {
        let proxy = plain(&store).await;
        let job = |to| through(&proxy, &store, image.len(), to, target);
        let whole = written(write(&job("whole.img")).await.unwrap());
        let all = proxy.parts();
        assert!(all >= 8, "{target:?}: {all}");

        let job = job("resumed.img");
        killed(&job, &proxy, 3).await;
        killed(&job, &proxy, 2).await;
        assert_eq!(store.unfinished_uploads(), 1, "{target:?}: the second pod went on with it");
        let before = proxy.parts();
        let resumed = written(write(&job).await.unwrap());
        let sent = proxy.parts() - before;
        assert!(sent <= all - 5, "{target:?}: {sent} of {all} parts were sent by the third pod");
        assert_eq!((resumed.bytes, &resumed.checksum), (whole.bytes, &whole.checksum), "{target:?}");
        assert!(store.get("resumed.img").await == store.get("whole.img").await, "{target:?}");
        assert_eq!(store.unfinished_uploads(), 0, "{target:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_with_other_bytes_is_sent_again() {
    let Some(store) = Minio::start().await else { return };
    let image = image();
    store.put("disk.img", image.clone()).await;
    let proxy = plain(&store).await;
    let job = through(&proxy, &store, image.len(), "out.img", None);
    let upload = Upload::to(&job.destination, &job.destination_credentials, &job.egress, Existing::Replaced).unwrap();
    upload.begin().await.unwrap().unwrap();
    let part = |from: usize| image[from..from + PART_LEN].to_vec();
    let mut other = part(0);
    *other.last_mut().unwrap() ^= 1;
    // One that differs in its last byte, one that is right, and one that lies beyond the end.
    for (number, bytes) in [(1, other), (2, part(PART_LEN)), (99, part(0))] {
        upload.part(number, bytes.into()).await.unwrap().unwrap();
    }
    drop(upload);
    let before = proxy.parts();
    written(write(&job).await.unwrap());
    assert_eq!(proxy.parts() - before, image.len() / PART_LEN - 1, "all but the second");
    assert!(store.get("out.img").await.unwrap() == image);
    assert_eq!(store.unfinished_uploads(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_uploads_one_is_continued_and_the_others_end() {
    let Some(store) = Minio::start().await else { return };
    let image = image();
    store.put("disk.img", image.clone()).await;
    let proxy = plain(&store).await;
    let job = through(&proxy, &store, image.len(), "a b/out+1&.img", None);
    let begun = |to: &str| {
        let destination = crate::api::Destination { url: format!("s3://images/{to}"), ..job.destination.clone() };
        // Which does not look for what was begun before.
        Upload::to(&destination, &job.destination_credentials, &job.egress, Existing::Refused).unwrap()
    };
    let neighbour = begun("a b/out+1&.img2");
    neighbour.begin().await.unwrap().unwrap();
    for parts in [1_u32, 3, 2] {
        let upload = begun("a b/out+1&.img");
        upload.begin().await.unwrap().unwrap();
        for number in 1..=parts {
            let from = PART_LEN * (number as usize - 1);
            upload.part(number, image[from..from + PART_LEN].to_vec().into()).await.unwrap().unwrap();
        }
    }
    assert_eq!(store.unfinished_uploads(), 4);
    let before = proxy.parts();
    written(write(&job).await.unwrap());
    assert_eq!(proxy.parts() - before, image.len() / PART_LEN - 3, "the one with most parts");
    assert!(store.get("a b/out+1&.img").await.unwrap() == image);
    assert_eq!(store.unfinished_uploads(), 1, "the neighbour's is untouched");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_others_may_write_too_is_begun_anew_and_their_upload_left_alone() {
    let Some(store) = Minio::start().await else { return };
    let image = image();
    store.put("disk.img", image.clone()).await;
    let proxy = plain(&store).await;
    let job = Job { existing: Existing::Refused, ..through(&proxy, &store, image.len(), "fixed.img", None) };
    killed(&job, &proxy, 3).await;
    let before = proxy.parts();
    written(write(&job).await.unwrap());
    assert_eq!(proxy.parts() - before, image.len() / PART_LEN);
    assert_eq!(store.unfinished_uploads(), 1);
}

type Meddle = fn(&http::Method, &Uri, &str) -> Option<Change>;

fn is_list_of_uploads(uri: &Uri) -> bool {
    query(uri).split('&').any(|pair| matches!(pair, "uploads" | "uploads="))
}

fn is_list_of_parts(uri: &Uri) -> bool {
    query(uri).contains("max-parts=")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_does_not_tell_is_written_to_all_the_same() {
    let Some(store) = Minio::start().await else { return };
    let image = image();
    store.put("disk.img", image.clone()).await;
    let parts = image.len() / PART_LEN;
    // Entity tags that are no MD5; no right to list; a list that cannot be read; a list without end.
    let meddled: [(Meddle, usize); 4] = [
        (|_, uri, text| is_list_of_parts(uri).then(|| Change::Body(text.replace("ETag>&#34;", "ETag>&#34;0"))), 0),
        (|method, uri, _| (method == "GET" && is_list_of_uploads(uri)).then_some(Change::Status(403)), 1),
        (|method, uri, _| (method == "GET" && is_list_of_uploads(uri)).then(|| Change::Body("no list".into())), 1),
        (
            |_, uri, text| {
                let endless = text
                    .replace("<IsTruncated>false<", "<IsTruncated>true<")
                    .replace("<NextPartNumberMarker>0<", "<NextPartNumberMarker>1<");
                is_list_of_parts(uri).then_some(Change::Body(endless))
            },
            0,
        ),
    ];
    for (number, (meddle, left)) in meddled.into_iter().enumerate() {
        let proxy = Proxy::start(&store.endpoint, meddle).await;
        let job = through(&proxy, &store, image.len(), &format!("{number}.img"), None);
        killed(&job, &proxy, 3).await;
        let before = proxy.parts();
        written(write(&job).await.unwrap());
        let sent = proxy.parts() - before;
        assert!(sent == parts || number == 3, "{number}: {sent} of {parts}");
        assert!(store.get(&format!("{number}.img")).await.unwrap() == image, "{number}");
        let credentials = store.credentials();
        let direct =
            connect_destination(&store.destination(&format!("{number}.img")), &credentials, &job.egress, false);
        let unfinished = uploads::begun(&direct.unwrap()).await.unwrap();
        assert_eq!(unfinished.len(), left, "{number}: what is not told of cannot be ended");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_is_told_to_stop_leaves_nothing_whatever_it_writes() {
    let Some(store) = Minio::start().await else { return };
    let image = image();
    store.put("disk.img", image.clone()).await;
    for target in TARGETS {
        let proxy = plain(&store).await;
        let job = through(&proxy, &store, image.len(), "stopped.img", target);
        let stop = CancellationToken::new();
        let stopping = async {
            proxy.until_parts(2).await;
            assert_eq!(store.unfinished_uploads(), 1);
            stop.cancel();
            std::time::Instant::now()
        };
        let (ended, since) = tokio::join!(run(&job, &|_, _| {}, &stop), stopping);
        assert!(since.elapsed() < Duration::from_secs(8), "{target:?}: {:?}", since.elapsed());
        assert_eq!(ended.unwrap_err().what, "the work was stopped");
        assert!(store.get("stopped.img").await.is_none(), "{target:?}");
        assert_eq!(store.unfinished_uploads(), 0, "{target:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_is_told_to_stop_as_its_upload_begins_leaves_nothing() {
    let Some(store) = Minio::start().await else { return };
    let image = image();
    store.put("disk.img", image.clone()).await;
    for target in [None, Some(Target::Raw)] {
        let stop = CancellationToken::new();
        let now = stop.clone();
        let proxy = Proxy::start(&store.endpoint, move |method, uri, _| {
            // The store has begun it, and does not say so yet.
            if method == "POST" && is_list_of_uploads(uri) {
                now.cancel();
                std::thread::sleep(Duration::from_millis(200));
            }
            None
        })
        .await;
        let job = through(&proxy, &store, image.len(), "stopped.img", target);
        assert_eq!(run(&job, &|_, _| {}, &stop).await.unwrap_err().what, "the work was stopped");
        assert_eq!((proxy.parts(), store.unfinished_uploads()), (0, 0), "{target:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_is_told_to_stop_as_it_looks_for_an_earlier_ones_upload_ends_that() {
    let Some(store) = Minio::start().await else { return };
    let image = image();
    store.put("disk.img", image.clone()).await;
    let stop = CancellationToken::new();
    let now = stop.clone();
    let proxy = Proxy::start(&store.endpoint, move |_, uri, _| {
        if is_list_of_parts(uri) {
            now.cancel();
            std::thread::sleep(Duration::from_millis(200));
        }
        None
    })
    .await;
    let job = through(&proxy, &store, image.len(), "stopped.img", None);
    killed(&job, &proxy, 2).await;
    assert_eq!(store.unfinished_uploads(), 1);
    assert_eq!(run(&job, &|_, _| {}, &stop).await.unwrap_err().what, "the work was stopped");
    assert_eq!(store.unfinished_uploads(), 0);
}
