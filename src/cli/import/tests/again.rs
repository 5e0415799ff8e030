//! The same import once more, with what an earlier run left in the store.

use super::*;
use crate::source::testing::Proxy;

/// An import with a data disk, whose source has this checksum; it writes through the proxy.
fn with_logs(store: &Minio, proxy: &Proxy, format: Option<&str>, checksum: Option<&str>) -> Case {
    let mut source = json!({"url": "s3://images/logs.raw", "endpoint": store.endpoint, "secretRef": {"name": "store"}});
    if let Some(checksum) = checksum {
        source["checksum"] = json!(checksum);
    }
    let mut destination = json!({"endpoint": proxy.endpoint});
    if let Some(format) = format {
        destination["format"] = json!(format);
    }
    let change = json!({"spec": {"dataDisks": [{"name": "logs", "source": source}], "destination": destination}});
    Case::of(&[import(&store.endpoint, &change), profile(&["RAW"]), secret(store, "store")])
}

async fn plain(store: &Minio) -> Proxy {
    Proxy::start(&store.endpoint, |_, _, _| None).await
}

/// Keys and bytes of the objects that a run made, the system disk's first.
async fn objects(store: &Minio, ended: &Ended) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for disk in &ended.record.as_ref().unwrap().spec.disks {
        let key = disk.url.strip_prefix("s3://images/").unwrap().to_owned();
        let bytes = store.get(&key).await.unwrap();
        all.push((key, bytes));
    }
    all
}

async fn unchanged(store: &Minio, objects: &[(String, Vec<u8>)]) {
    for (key, bytes) in objects {
        assert!(store.get(key).await.as_ref() == Some(bytes), "{key}");
    }
    assert_eq!((store.objects("out").len(), store.unfinished_uploads()), (objects.len(), 0));
}

const WRONG: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_run_wrote_stays_when_a_later_one_fails() {
    for format in [None, Some("QCOW2"), Some("VHD")] {
        let Some(store) = Minio::start().await else { return };
        with_disk(&store).await;
        store.put("logs.raw", pattern(3 << 20)).await;
        let proxy = plain(&store).await;
        let first = with_logs(&store, &proxy, format, None).run().await.unwrap();
        assert_eq!((first.code, first.why.as_deref()), (0, None));
        let there = objects(&store, &first).await;
        assert_eq!(there.len(), 2);
        let sent = proxy.parts();

        let failed = with_logs(&store, &proxy, format, Some(WRONG)).run().await.unwrap();
        let why = failed.why.clone().unwrap();
        assert!(failed.code == 65 && why.starts_with("data disk logs: ChecksumMismatch"), "{format:?}: {why}");
        assert!(
            why.ends_with(&format!("an earlier run may have written what stays: s3://images/{}", there[0].0)),
            "{why}"
        );
        unchanged(&store, &there).await;

        let right = format!("sha256:{}", hex::encode(Sha256::digest(pattern(3 << 20))));
        let again = with_logs(&store, &proxy, format, Some(&right)).run().await.unwrap();
        assert_eq!((again.code, &again.record), (0, &first.record), "{format:?}: what is there is the result");
        unchanged(&store, &there).await;
        assert_eq!(proxy.parts(), sent, "{format:?}: and it is not sent once more");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_what_is_taken_back_only_the_own_goes() {
    let Some(store) = Minio::start().await else { return };
    with_disk(&store).await;
    store.put("logs.raw", pattern(3 << 20)).await;
    let proxy = plain(&store).await;
    let first = with_logs(&store, &proxy, None, None).run().await.unwrap();
    let there = objects(&store, &first).await;
    // Somebody removed the system disk, and put something else in the place of the other one.
    store.delete(&there[0].0).await;
    store.put(&there[1].0, vec![7; 3 << 20]).await;
    let ended = with_logs(&store, &proxy, None, None).run().await.unwrap();
    let why = ended.why.clone().unwrap();
    assert!(ended.code == 73 && why.starts_with("data disk logs: DestinationExists"), "{why}");
    assert!(!why.contains("stays"), "{why}");
    unchanged(&store, &[(there[1].0.clone(), vec![7; 3 << 20])]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_object_of_the_name_is_neither_replaced_nor_deleted() {
    let Some(store) = Minio::start().await else { return };
    with_disk(&store).await;
    for format in ["RAW", "QCOW2"] {
        let change = json!({"spec": {"destination": {"format": format}}});
        let case = Case::of(&[import(&store.endpoint, &change), profile(&["RAW"]), secret(&store, "store")]);
        let there = objects(&store, &case.run().await.unwrap()).await;
        let (key, bytes) = there.into_iter().next().unwrap();
        let mut longer = bytes.clone();
        longer.push(0);
        let mut other = bytes.clone();
        *other.last_mut().unwrap() ^= 1;
        for other in [other, longer, bytes[..bytes.len() - 1].to_vec(), vec![]] {
            store.put(&key, other.clone()).await;
            let ended = case.run().await.unwrap();
            assert_eq!((ended.code, ready(&ended).1.as_str()), (73, "DestinationExists"), "{format}: {:?}", ended.why);
            assert!(store.get(&key).await.unwrap() == other, "{format}");
        }
        store.put(&key, bytes).await;
        assert_eq!(case.run().await.unwrap().code, 0);
        store.delete(&key).await;
    }
    assert_eq!((store.objects("out").len(), store.unfinished_uploads()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_run_is_gone_on_with() {
    let Some(store) = Minio::start().await else { return };
    with_disk(&store).await;
    store.put("logs.raw", pattern(3 << 20)).await;
    for format in [None, Some("VHD")] {
        let proxy = plain(&store).await;
        let case = with_logs(&store, &proxy, format, None);
        tokio::select! {
            ended = case.run() => panic!("not killed: {ended:?}"),
            () = proxy.until_parts(1) => {}
        }
        assert_eq!((store.objects("out").len(), store.unfinished_uploads()), (0, 1));
        let before = proxy.parts();
        let ended = case.run().await.unwrap();
        assert_eq!((ended.code, ended.why.as_deref()), (0, None));
        let resumed = proxy.parts() - before;
        for (key, _) in objects(&store, &ended).await {
            store.delete(&key).await;
        }
        let before = proxy.parts();
        assert_eq!(case.run().await.unwrap().record, ended.record);
        assert!(resumed < proxy.parts() - before, "{format:?}: {resumed} parts were sent");
        for (key, _) in objects(&store, &ended).await {
            store.delete(&key).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_is_held_to_its_time() {
    let Some(store) = Minio::start().await else { return };
    with_disk(&store).await;
    let slow = Proxy::start(&store.endpoint, |method, uri, _| {
        if method == "PUT" && crate::source::testing::query(uri).contains("partNumber=") {
            std::thread::sleep(Duration::from_secs(2));
        }
        None
    })
    .await;
    let change = json!({"spec": {"deadlineSeconds": 60, "destination": {"endpoint": slow.endpoint}}});
    let case = Case::of(&[import(&store.endpoint, &change), profile(&["RAW"]), secret(&store, "store")]);
    let mut task = case.task();
    assert_eq!(task.deadline, Some(Duration::from_secs(60)));
    let stop = CancellationToken::new();
    let (judged, _) = Box::pin(carry::judge(&task, &stop)).await.unwrap();
    task.deadline = Some(Duration::from_secs(1));
    let ended = Box::pin(carry::convert(&task, judged, &stop)).await;
    assert_eq!((ended.code, ready(&ended)), (75, ("False".into(), "DeadlineExceeded".into())));
    assert_eq!(ended.why.as_deref(), Some("DeadlineExceeded: The worker was not done after 1 s"));
    assert_eq!((store.objects("out").len(), store.unfinished_uploads()), (0, 0));
    task.deadline = Some(Duration::ZERO);
    let refused = Box::pin(carry::judge(&task, &stop)).await.err().unwrap();
    assert_eq!((refused.code, refused.message.as_str()), (75, "DeadlineExceeded: The worker was not done after 0 s"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_was_not_reached_has_its_own_code() {
    let Some(store) = Minio::start().await else { return };
    with_disk(&store).await;
    for rule in ["SourceReadable", "ImageFormatAccepted"] {
        let mut profile = profile(&["RAW"]);
        profile["spec"]["rules"][0]["name"] = json!(rule);
        let missing = import(&store.endpoint, &json!({"spec": {"source": {"url": "s3://images/none.raw"}}}));
        let ended = Case::of(&[missing, profile.clone(), secret(&store, "store")]).run().await.unwrap();
        assert_eq!((ended.code, ended.record.is_none()), (66, true));
        let mut wrong = secret(&store, "store");
        wrong["stringData"]["secretAccessKey"] = json!("another-secret");
        let ended = Case::of(&[import(&store.endpoint, &json!({})), profile, wrong]).run().await.unwrap();
        assert_eq!((ended.code, ended.record.is_none()), (77, true));
    }
}
