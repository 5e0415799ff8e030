//! Manifests carried out against a real store.

mod again;

use std::path::Path;
use std::time::Duration;

use clap::Parser;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::*;
use crate::source::testing::{Minio, pattern};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: Args,
}

/// A folder with a manifest, and what is said on the way.
struct Case {
    dir: tempfile::TempDir,
    flags: Vec<String>,
    env: Vec<(String, String)>,
}

impl Case {
    fn of(documents: &[Value]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let text: Vec<String> = documents.iter().map(|document| serde_yaml::to_string(document).unwrap()).collect();
        std::fs::write(dir.path().join("import.yaml"), text.join("---\n")).unwrap();
        let flags = ["--egress-allow=127.0.0.0/8", "--allow-insecure-endpoints"].map(str::to_owned).to_vec();
        Self { dir, flags, env: Vec::new() }
    }

    fn args(&self) -> Args {
        let file = self.dir.path().join("import.yaml").display().to_string();
        let words = ["import".to_owned(), format!("--file={file}")].into_iter().chain(self.flags.iter().cloned());
        Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{error}")).args
    }

    fn task(&self) -> carry::Task {
        let args = self.args();
        let documents = manifest::read(&args.file).unwrap();
        let profile = manifest::profile(&documents, None).unwrap();
        let secrets = secrets::Secrets::new(&documents, &[], &[], &|_| None).unwrap();
        carry::Task::new(documents.import, profile, &secrets, &args.egress).unwrap()
    }

    async fn run(&self) -> Result<Ended, Refused> {
        let env = |name: &str| self.env.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        Box::pin(carried(&self.args(), &env, &CancellationToken::new(), |_| {})).await
    }

    async fn refused(&self) -> Refused {
        self.run().await.map_or_else(|refused| refused, |ended| panic!("{ended:?}"))
    }
}

fn profile(formats: &[&str]) -> Value {
    json!({
        "apiVersion": "imageimport.dev/v1alpha1", "kind": "ImportProfile", "metadata": {"name": "any-disk"},
        "spec": {
            "title": "Any disk", "revision": 1, "formats": formats, "partitionTables": ["MBR", "GPT"],
            "operatingSystems": [],
            "rules": [{"name": "ImageFormatAccepted", "action": "Require", "cite": ["-"]}],
        }
    })
}

fn secret(store: &Minio, name: &str) -> Value {
    let [id, key] = store.keys();
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name},
        "stringData": {"accessKeyID": id, "secretAccessKey": key}})
}

fn import(endpoint: &str, change: &Value) -> Value {
    let mut import = json!({
        "apiVersion": "imageimport.dev/v1alpha1", "kind": "ImageImport", "metadata": {"name": "web", "namespace": "team"},
        "spec": {
            "source": {"url": "s3://images/disk.raw", "endpoint": endpoint, "secretRef": {"name": "store"}},
            "profileRef": {"name": "any-disk"},
            "destination": {"url": "s3://images/out/", "endpoint": endpoint, "secretRef": {"name": "store"}},
        }
    });
    merge(&mut import, change);
    import
}

fn merge(into: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else { return *into = patch.clone() };
    for (name, value) in fields {
        merge(&mut into[name], value);
    }
}

/// A disk that is RAW, and nothing else.
async fn with_disk(store: &Minio) -> Vec<u8> {
    let mut disk = vec![0; 20 << 20];
    disk[1 << 20..11 << 20].copy_from_slice(&pattern(10 << 20));
    store.put("disk.raw", disk.clone()).await;
    disk
}

fn condition(ended: &Ended, kind: &str) -> (String, String) {
    let conditions = &ended.import.status.as_ref().unwrap().conditions;
    let found = crate::api::conditions::find(conditions, kind).unwrap();
    (found.status.clone(), found.reason.clone())
}

fn ready(ended: &Ended) -> (String, String) {
    condition(ended, "Ready")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_is_imported_and_recorded_as_in_a_cluster() {
    let Some(store) = Minio::start().await else { return };
    let disk = with_disk(&store).await;
    let change = json!({"spec": {
        "source": {"checksum": format!("sha256:{}", hex::encode(Sha256::digest(&disk)))},
        "destination": {"format": "QCOW2", "compression": "Zstd", "virtualSizeGiB": 1},
        "image": {"platform": "Others Linux"},
    }});
    let case = Case::of(&[secret(&store, "store"), import(&store.endpoint, &change), profile(&["RAW"])]);
    let ended = case.run().await.unwrap();
    assert_eq!((ended.code, ended.why.as_deref()), (0, None));
    let record = serde_json::to_value(ended.record.as_ref().unwrap()).unwrap();
    let written = &record["spec"]["disks"][0];
    let url = written["url"].as_str().unwrap();
    let object = store.get(url.strip_prefix("s3://images/").unwrap()).await.unwrap();
    assert_eq!(object[104], 1, "compression_type: zstd");
    let own = url.strip_prefix("s3://images/out/web-system-").and_then(|name| name.strip_suffix(".qcow2"));
    assert!(own.is_some_and(|uid| uid.len() == 8), "{url}");
    assert_eq!(written["checksum"], format!("sha256:{}", hex::encode(Sha256::digest(&object))));
    assert_eq!((&written["sizeBytes"], &written["virtualSizeBytes"]), (&json!(object.len()), &json!(1_u64 << 30)));
    assert_eq!((&record["kind"], &record["metadata"]["namespace"]), (&json!("CustomImage"), &json!("team")));
    assert_eq!((&record["spec"]["platform"], &record["spec"]["profile"]), (&json!("Others Linux"), &json!("any-disk")));
    assert!(written["etag"].as_str().is_some_and(|etag| etag.contains('-')), "of an upload in parts: {written}");
    let status = serde_json::to_value(&ended.import).unwrap()["status"].take();
    assert_eq!(status["snapshot"], json!({"state": "Available", "sizeBytes": disk.len()}));
    assert_eq!(condition(&ended, "Converted"), ("True".into(), "Written".into()));
    assert_eq!(ready(&ended), ("True".into(), "Imported".into()));
    assert_eq!(status["customImageRef"]["name"], record["metadata"]["name"]);
    assert_eq!(status["disks"][0]["conversion"]["url"], written["url"]);
    assert!(status["disks"][0]["inspection"]["facts"].as_str().unwrap().starts_with("v1:"));
    assert_eq!(status["report"]["counts"]["passed"], 1);

    let again = case.run().await.unwrap();
    assert_eq!(again.record, ended.record, "the same import is the same record");
    assert_eq!((store.objects("out").len(), store.unfinished_uploads()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_does_not_comply_is_not_written() {
    let Some(store) = Minio::start().await else { return };
    with_disk(&store).await;
    let case = Case::of(&[import(&store.endpoint, &json!({})), profile(&["VHD"]), secret(&store, "store")]);
    let ended = case.run().await.unwrap();
    assert_eq!((ended.code, ended.record.is_none()), (1, true));
    assert_eq!(ready(&ended).0, "False");
    assert!(crate::api::conditions::is_true(&ended.import.status.as_ref().unwrap().conditions, "Stalled"));
    assert_eq!(store.objects("out"), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_while_it_is_written_is_no_record_and_says_why() {
    let Some(store) = Minio::start().await else { return };
    with_disk(&store).await;
    store.put("taken.raw", pattern(10)).await;
    let sum = format!("sha256:{}", "0".repeat(64));
    for (change, code, reason) in [
        (json!({"source": {"checksum": sum}}), 65, "ChecksumMismatch"),
        (json!({"destination": {"url": "s3://images/taken.raw"}}), 73, "DestinationExists"),
        (json!({"destination": {"url": "s3://nowhere/out/"}}), 73, "DestinationNotFound"),
    ] {
        let import = import(&store.endpoint, &json!({"spec": change}));
        let ended = Case::of(&[import, profile(&["RAW"]), secret(&store, "store")]).run().await.unwrap();
        assert_eq!((ended.code, ended.record.is_none()), (code, true), "{reason}: {:?}", ended.why);
        assert_eq!(ready(&ended), ("False".into(), reason.into()));
        assert_eq!(condition(&ended, "Converted"), ready(&ended));
        let status = serde_json::to_value(&ended.import).unwrap()["status"].take();
        assert_eq!(status["snapshot"]["state"], "Failed");
        assert!(ended.why.as_ref().unwrap().starts_with(reason), "{:?}", ended.why);
    }
    assert_eq!((store.objects("out"), store.unfinished_uploads()), (Vec::<String>::new(), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_a_document_a_folder_or_variables() {
    let Some(store) = Minio::start().await else { return };
    with_disk(&store).await;
    let [id, key] = store.keys();
    let mut only_checked = import(&store.endpoint, &json!({}));
    only_checked["spec"].as_object_mut().unwrap().remove("destination");
    let with = |secret: Option<Value>| {
        Case::of(&[only_checked.clone(), profile(&["RAW"])].into_iter().chain(secret).collect::<Vec<_>>())
    };
    let encode = |text: &str| {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode(text)
    };
    let data = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "store", "namespace": "team"},
        "data": {"accessKeyID": encode(id), "secretAccessKey": encode(&format!("{key}\n"))}});
    let document = with(Some(data.clone()));
    let mut folder = with(None);
    store.write_credentials(folder.dir.path(), None);
    folder.flags.push(format!("--secret=store={}", folder.dir.path().display()));
    let mut variables = with(None);
    variables.flags.push("--secret-env=store=BUCKET".into());
    variables.env = vec![("BUCKET_ACCESS_KEY_ID".into(), id.into()), ("BUCKET_SECRET_ACCESS_KEY".into(), key.into())];
    for case in [&document, &folder, &variables] {
        let ended = case.run().await.unwrap();
        assert_eq!((ended.code, ready(&ended).1.as_str()), (0, "Checked"));
    }
    variables.env.pop();
    let refused = variables.refused().await;
    assert_eq!(refused.code, 78);
    assert!(
        refused.message.contains("variables BUCKET_*") && refused.message.contains("secretAccessKey"),
        "{refused:?}"
    );
    let mut elsewhere = data;
    elsewhere["metadata"]["namespace"] = "other".into();
    for case in [with(None), with(Some(elsewhere))] {
        let refused = case.refused().await;
        assert_eq!(refused.code, 78);
        for word in ["\"store\"", "spec.source.secretRef", "--secret store=DIR", "--secret-env store=PREFIX"] {
            assert!(refused.message.contains(word), "{word}: {}", refused.message);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rules_for_connections_are_those_of_a_worker() {
    let Some(store) = Minio::start().await else { return };
    with_disk(&store).await;
    let mut case = Case::of(&[import(&store.endpoint, &json!({})), profile(&["RAW"]), secret(&store, "store")]);
    let insecure = case.flags.pop().unwrap();
    let refused = case.refused().await;
    assert!(refused.code == 64 && refused.message.contains("--allow-insecure-endpoints"), "{refused:?}");
    case.flags = vec![insecure];
    let refused = case.refused().await;
    assert!(refused.code == 64 && refused.message.contains("127.0.0.1"), "{refused:?}");
}

#[tokio::test]
async fn a_manifest_that_cannot_be_used_says_where_and_why() {
    let good = || import("http://127.0.0.1:9", &json!({}));
    let with = |change: Value| import("http://127.0.0.1:9", &json!({"spec": change}));
    let mut built_in = profile(&["RAW"]);
    built_in["metadata"]["name"] = "tencent-cvm".into();
    let mut nameless = good();
    nameless["metadata"].as_object_mut().unwrap().remove("name");
    let named = |name: &str, namespace: &str| {
        let mut import = good();
        import["metadata"] = json!({"name": name, "namespace": namespace});
        import
    };
    let unknown_rule = json!([{"name": "Painted", "action": "Require", "cite": []}]);
    let mut painted = profile(&["RAW"]);
    painted["spec"]["rules"] = unknown_rule;
    for (documents, says) in [
        (vec![], "0 documents are an ImageImport"),
        (vec![good(), good()], "2 documents are an ImageImport"),
        (vec![good(), json!({"apiVersion": "v1", "kind": "Pod"})], "document 2: apiVersion \"v1\" and kind \"Pod\""),
        (vec![json!({"kind": "ImageImport", "spec": {}})], "document 1: apiVersion \"\" and kind \"ImageImport\""),
        (vec![nameless], "document 1: metadata.name must be given"),
        (vec![named("UPPER_x", "team")], "metadata.name: Invalid value: \"UPPER_x\": a lowercase RFC 1123 subdomain"),
        (vec![named("web..1", "team")], "metadata.name: Invalid value"),
        (vec![named("-web", "team")], "metadata.name: Invalid value"),
        (vec![named("web", "my.team")], "metadata.namespace: Invalid value: \"my.team\": a lowercase RFC 1123 label"),
        (vec![named("web", &"x".repeat(64))], "metadata.namespace: Invalid value"),
        (vec![named("web-1.x", "team")], "spec.profileRef: no profile"),
        (vec![with(json!({"sorce": 1}))], "document 1: spec.sorce: there is no such field"),
        (vec![with(json!({"source": {"url": "nfs://b/k"}}))], "spec.source.url: must begin with s3://"),
        (vec![with(json!({"destination": {"url": "s3://images/disk.raw"}}))], "must not be the source itself"),
        (vec![with(json!({"destination": {"format": "VMDK"}})), profile(&["RAW"])], "spec.destination.format: VMDK"),
        (vec![with(json!({"suspend": true})), profile(&["RAW"])], "spec.suspend is true"),
        (vec![good()], "spec.profileRef: no profile \"any-disk\": built in are tencent-cvm"),
        (vec![good(), painted], "document 2: "),
        (vec![with(json!({"profileRef": {"name": "tencent-cvm"}})), built_in], "is a profile that is built in"),
    ] {
        let refused = Case::of(&documents).refused().await;
        assert!(refused.code == 64 && refused.message.contains(says), "{says}: {refused:?}");
    }
    let mut case = Case::of(&[good()]);
    std::fs::write(case.dir.path().join("import.yaml"), "a: [1").unwrap();
    assert!(case.refused().await.message.contains("document 1: "));
    case.flags.push("--file=/nowhere.yaml".into());
    case.flags.remove(0);
    assert!(Cli::try_parse_from(["import", "--secret=x", "--file=-"]).is_err(), "a Secret without a folder");
    let missing = manifest::read(Path::new("/nowhere.yaml")).err().unwrap();
    assert_eq!((missing.code, missing.message.contains("/nowhere.yaml")), (66, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_may_be_a_file_and_work_that_is_stopped_is_to_be_tried_again() {
    let Some(store) = Minio::start().await else { return };
    with_disk(&store).await;
    let mut case = Case::of(&[import(&store.endpoint, &json!({})), secret(&store, "store")]);
    let file = case.dir.path().join("profile.yaml");
    std::fs::write(&file, serde_yaml::to_string(&profile(&["RAW"])).unwrap()).unwrap();
    case.flags.push(format!("--profile={}", file.display()));
    let stop = CancellationToken::new();
    let mut told = None;
    let tell = |report: &report::Report| {
        told = Some(report.profile.clone());
        stop.cancel();
    };
    let ended = carried(&case.args(), &|_| None, &stop, tell).await.unwrap();
    assert_eq!((ended.code, ready(&ended).1.as_str()), (75, "Cancelled"), "no store was unavailable");
    assert_eq!(condition(&ended, "Converted"), ("False".into(), "Cancelled".into()));
    assert_eq!(told.as_deref(), Some("any-disk"), "the report comes before the writing");
    assert_eq!((store.objects("out"), store.unfinished_uploads()), (Vec::<String>::new(), 0));
    let ended = carried(&case.args(), &|_| None, &stop, |_| {}).await;
    assert!(ended.is_err_and(|refused| refused.code == 75), "before it was read");
}

#[tokio::test(flavor = "multi_thread")]
async fn data_disks_are_written_with_the_system_disk_or_nothing_is() {
    let Some(store) = Minio::start().await else { return };
    with_disk(&store).await;
    store.put("logs.raw", pattern(3 << 20)).await;
    let logs = |checksum: Option<String>| {
        let mut source =
            json!({"url": "s3://images/logs.raw", "endpoint": store.endpoint, "secretRef": {"name": "store"}});
        if let Some(checksum) = checksum {
            source["checksum"] = json!(checksum);
        }
        json!({"spec": {"dataDisks": [{"name": "logs", "source": source}]}})
    };
    let wrong = format!("sha256:{}", "0".repeat(64));
    let of = |change: &Value| Case::of(&[import(&store.endpoint, change), profile(&["RAW"]), secret(&store, "store")]);
    let ended = of(&logs(Some(wrong))).run().await.unwrap();
    let why = ended.why.clone().unwrap();
    assert!(ended.code == 65 && why.starts_with("data disk logs: ChecksumMismatch"), "{why}");
    assert_eq!((ended.record.is_some(), store.objects("out").len(), store.unfinished_uploads()), (false, 0, 0));

    let ended = of(&logs(None)).run().await.unwrap();
    assert_eq!((ended.code, ended.why.as_deref()), (0, None));
    let record = serde_json::to_value(ended.record.as_ref().unwrap()).unwrap();
    let disks = record["spec"]["disks"].as_array().unwrap();
    assert_eq!((disks.len(), &disks[1]["name"], &disks[1]["sizeBytes"]), (2, &json!("logs"), &json!(3 << 20)));
    assert_eq!(store.objects("out").len(), 2);
    let other = of(&json!({"spec": {"dataDisks": [{"name": "logs", "source": {"url": "s3://images/none.raw",
        "endpoint": store.endpoint, "secretRef": {"name": "lost"}}}]}}));
    assert!(other.refused().await.message.contains("spec.dataDisks[logs].source.secretRef"));
}
