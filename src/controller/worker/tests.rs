use jiff::SignedDuration;
use serde_json::{Value, json};

use super::*;
use crate::controller::plan::Times;
use crate::controller::settings::WorkerConfig;
use crate::worker::EgressArgs;

pub fn settings(worker: &str) -> Settings {
    Settings {
        worker_image: "registry.example/image-import-operator@sha256:abc".into(),
        namespace: "system".into(),
        lease_name: "image-import-operator".into(),
        watch_namespaces: vec![],
        max_workers: 10,
        max_workers_per_namespace: 3,
        times: Times {
            pending_timeout: SignedDuration::from_secs(120),
            grace: SignedDuration::from_secs(300),
            deletion_grace: SignedDuration::from_secs(600),
        },
        inspect_deadline: SignedDuration::from_secs(1200),
        convert_deadline: SignedDuration::from_secs(21600),
        egress: EgressArgs {
            allow: vec!["10.0.0.0/8".into()],
            deny: vec!["10.96.0.1/32".into()],
            ..EgressArgs::default()
        },
        builtin_profiles: true,
        progress: true,
        notification: None,
        worker: WorkerConfig::parse(worker).unwrap(),
    }
}

pub fn import() -> ImageImport {
    serde_json::from_value(json!({
        "apiVersion": "imageimport.dev/v1alpha1", "kind": "ImageImport",
        "metadata": {"name": "web.base", "namespace": "team", "uid": "1234-uid", "generation": 1},
        "spec": {
            "source": {"url": "s3://acme/web.qcow2", "secretRef": {"name": "reader"}},
            "profileRef": {"name": "tencent-cvm"},
            "destination": {"url": "s3://store/images/", "secretRef": {"name": "writer"}}
        },
        "status": {"disks": [{"name": "system", "source": {"etag": "\"e1\"", "sizeBytes": 42}, "image": {"format": "QCOW2"}}]}
    }))
    .unwrap()
}

fn built(worker: &str, stage: Stage) -> Value {
    serde_json::to_value(
        job(&settings(worker), &import(), None, &Task::new("system", stage), "web-base-i-0123456789").unwrap(),
    )
    .unwrap()
}

#[test]
fn a_reading_job_is_exactly_this() {
    let credentials = |keys: &[&str]| keys.iter().map(|k| json!({"key": k, "path": k})).collect::<Vec<_>>();
    let labels = json!({
        "app.kubernetes.io/component": "worker", "app.kubernetes.io/managed-by": "image-import-operator",
        "app.kubernetes.io/name": "image-import-operator", "imageimport.dev/import-uid": "1234-uid",
        "imageimport.dev/stage": "inspect", "sidecar.istio.io/inject": "false"});
    let annotations = json!({
        "cluster-autoscaler.kubernetes.io/safe-to-evict": "true", "imageimport.dev/import": "web.base",
        "linkerd.io/inject": "disabled", "vault.hashicorp.com/agent-inject": "false"});
    let expected = json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {
            "name": "web-base-i-0123456789", "namespace": "team", "labels": labels, "annotations": annotations,
            "ownerReferences": [{"apiVersion": "imageimport.dev/v1alpha1", "kind": "ImageImport", "name": "web.base",
                "uid": "1234-uid", "controller": true}]},
        "spec": {
            "backoffLimit": 3, "activeDeadlineSeconds": 1200, "ttlSecondsAfterFinished": 86400,
            "podReplacementPolicy": "Failed",
            "podFailurePolicy": {"rules": [
                {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                {"action": "FailJob", "onExitCodes": {"containerName": "inspect", "operator": "In", "values": [70, 78, 101, 134, 139]}}]},
            "template": {
                "metadata": {"labels": labels, "annotations": annotations},
                "spec": {
                    "restartPolicy": "Never", "automountServiceAccountToken": false, "terminationGracePeriodSeconds": 30,
                    "enableServiceLinks": false,
                    "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532,
                        "seccompProfile": {"type": "RuntimeDefault"}},
                    "containers": [{
                        "name": "inspect", "image": "registry.example/image-import-operator@sha256:abc",
                        "args": ["worker", "inspect", "--source={\"url\":\"s3://acme/web.qcow2\"}",
                            "--source-credentials=/run/credentials/source", "--result=/dev/termination-log", "--seconds=600",
                            "--egress-allow=10.0.0.0/8", "--egress-deny=10.96.0.1/32"],
                        "securityContext": {"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                            "capabilities": {"drop": ["ALL"]}},
                        "resources": {
                            "requests": {"cpu": "100m", "memory": "128Mi", "ephemeral-storage": "16Mi"},
                            "limits": {"cpu": "2", "memory": "512Mi", "ephemeral-storage": "64Mi"}},
                        "terminationMessagePolicy": "File", "terminationMessagePath": "/dev/termination-log",
                        "env": [{"name": "JOB_UID", "valueFrom": {"fieldRef":
                            {"fieldPath": "metadata.labels['batch.kubernetes.io/controller-uid']"}}}],
                        "volumeMounts": [{"name": "source-credentials", "mountPath": "/run/credentials/source", "readOnly": true}]}],
                    "volumes": [{"name": "source-credentials", "projected": {"sources": [
                        {"secret": {"name": "reader", "items": credentials(&["accessKeyID", "secretAccessKey"])}},
                        {"secret": {"name": "reader", "optional": true, "items": credentials(&["sessionToken"])}}]}}]
                }}}
    });
    assert_eq!(built("", Stage::Inspect), expected);
}

#[test]
fn a_copying_job_has_the_judged_identity_and_both_credentials() {
    let job = built("", Stage::Convert);
    let container = &job["spec"]["template"]["spec"]["containers"][0];
    let args: Vec<&str> = container["args"].as_array().unwrap().iter().map(|a| a.as_str().unwrap()).collect();
    assert_eq!(args[..2], ["worker", "convert"]);
    for wanted in [
        "--etag=\"e1\"",
        "--size=42",
        "--destination={\"url\":\"s3://store/images/\",\"format\":\"QCOW2\"}",
        "--destination-name=web.base-system",
        "--destination-credentials=/run/credentials/destination",
    ] {
        assert!(args.contains(&wanted), "{wanted} in {args:?}");
    }
    assert_eq!(container["name"], "convert");
    assert_eq!(container["volumeMounts"].as_array().unwrap().len(), 2);
    assert_eq!(job["spec"]["activeDeadlineSeconds"], 21600);
    assert_eq!(job["spec"]["ttlSecondsAfterFinished"], 604_800);
    let url = own_url(&settings(""), &import(), "system", "0a1b2c3d-4e5f").unwrap();
    assert_eq!(url, "s3://store/images/web.base-system-0a1b2c3d.qcow2");
}

#[test]
fn a_data_disk_is_read_and_copied_with_its_own_address_and_keys_and_is_not_made_larger() {
    let mut import = serde_json::to_value(import()).unwrap();
    import["spec"]["image"] = json!({"passwordSecretRef": {"name": "root"}});
    import["spec"]["destination"]["virtualSizeGiB"] = json!(40);
    import["spec"]["dataDisks"] =
        json!([{"name": "logs", "source": {"url": "s3://in/logs.vhd", "secretRef": {"name": "logs"}}}]);
    import["status"]["disks"]
        .as_array_mut()
        .unwrap()
        .push(json!({"name": "logs", "source": {"etag": "\"e9\"", "sizeBytes": 9}, "image": {"format": "VHD"}}));
    let import: ImageImport = serde_json::from_value(import).unwrap();
    let pod = |stage| {
        let job = job(&settings(""), &import, None, &Task::new("logs", stage), "x").unwrap();
        serde_json::to_value(job).unwrap()["spec"]["template"]["spec"].to_string()
    };
    let (reading, copying) = (pod(Stage::Inspect), pod(Stage::Convert));
    for text in [&reading, &copying] {
        assert!(
            text.contains("s3://in/logs.vhd")
                && text.contains(r#""secret":{"items":[{"key":"accessKeyID","path":"accessKeyID"}"#),
            "{text}"
        );
        assert!(
            text.contains(r#""name":"logs""#) && !text.contains("root") && !text.contains("virtualSizeGiB"),
            "{text}"
        );
    }
    let url = own_url(&settings(""), &import, "logs", "0a1b2c3d-4e5f").unwrap();
    assert!(url.contains("-logs-0a1b2c3d."), "{url}");
}

#[test]
fn a_password_is_mounted_where_it_is_judged_and_nowhere_else() {
    let mut given = import();
    let image = json!({"passwordSecretRef": {"name": "root"}, "comparePassword": true});
    given.spec.image = Some(serde_json::from_value(image).unwrap());
    let pod = |stage| {
        let job =
            serde_json::to_value(job(&settings(""), &given, None, &Task::new("system", stage), "x").unwrap()).unwrap();
        job["spec"]["template"]["spec"].clone()
    };
    let reading = pod(Stage::Inspect);
    assert_eq!(
        reading["volumes"][1],
        json!({"name": "password", "projected": {"sources": [
            {"secret": {"name": "root", "items": [{"key": "password", "path": "password"}]}}]}})
    );
    let container = &reading["containers"][0];
    assert_eq!(
        container["volumeMounts"][1],
        json!({"name": "password", "mountPath": "/run/credentials/password", "readOnly": true})
    );
    let args = container["args"].as_array().unwrap();
    for wanted in ["--password-file=/run/credentials/password/password", "--compare-password"] {
        assert!(args.contains(&json!(wanted)), "{wanted} in {args:?}");
    }
    let copying = pod(Stage::Convert).to_string();
    assert!(copying.contains("destination-credentials") && !copying.contains("password"), "{copying}");
}

#[test]
fn a_deleting_job_has_the_objects_and_nothing_but_the_stores_keys() {
    let object =
        json!({"url": "s3://store/web.raw", "endpoint": "https://minio:9000", "sizeBytes": 42, "etag": "\"e\""});
    let subject = Subject {
        kind: Kind::Record,
        namespace: "team".into(),
        name: "web-1".into(),
        uid: "record-uid".into(),
        owner: serde_json::from_value(json!({"apiVersion": "imageimport.dev/v1alpha1", "kind": "CustomImage",
            "name": "web-1", "uid": "record-uid", "controller": true}))
        .unwrap(),
        import_uid: "1234-uid".into(),
        objects: vec![serde_json::from_value(object.clone()).unwrap()],
        secret: Some(LocalRef { name: "writer".into() }),
        noted: crate::api::Deletion::default(),
    };
    let job = serde_json::to_value(deletion(&settings(""), &subject, "web-1-d-0123456789")).unwrap();
    let metadata = &job["metadata"];
    assert_eq!(
        (&metadata["namespace"], &metadata["ownerReferences"][0]["uid"]),
        (&json!("team"), &json!("record-uid"))
    );
    assert_eq!(metadata["labels"]["imageimport.dev/import-uid"], "1234-uid");
    assert_eq!(metadata["labels"]["imageimport.dev/stage"], "delete");
    assert_eq!(metadata["annotations"]["imageimport.dev/custom-image"], "web-1");
    assert_eq!(metadata["annotations"].get("imageimport.dev/import"), None);
    assert_eq!(job["spec"]["activeDeadlineSeconds"], 600);

    let pod = &job["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    let args: Vec<&str> = container["args"].as_array().unwrap().iter().map(|a| a.as_str().unwrap()).collect();
    assert_eq!(args[..2], ["worker", "delete"]);
    let given: Value = serde_json::from_str(args[2].strip_prefix("--object=").unwrap()).unwrap();
    assert_eq!(given, object);
    assert_eq!(args[3], "--destination-credentials=/run/credentials/destination");
    // Beside its task it is like any other worker.
    let mut like = built("", Stage::Convert)["spec"]["template"]["spec"].clone();
    like["containers"][0]["name"] = json!("delete");
    like["containers"][0]["args"] = container["args"].clone();
    for list in ["/containers/0/volumeMounts", "/volumes"] {
        let list = like.pointer_mut(list).unwrap().as_array_mut().unwrap();
        list.retain(|volume| volume["name"] == "destination-credentials");
    }
    assert_eq!(*pod, like);

    let spare = Subject { kind: Kind::Import, name: "web".into(), secret: None, ..subject };
    let job = serde_json::to_value(deletion(&settings(""), &spare, "web-d-0123456789")).unwrap();
    assert_eq!(job["metadata"]["annotations"]["imageimport.dev/import"], "web");
    assert_eq!(job["spec"]["template"]["spec"]["volumes"], Value::Null);
}

#[test]
fn nothing_is_copied_before_it_was_seen() {
    let mut unseen = import();
    unseen.status = None;
    assert_eq!(job(&settings(""), &unseen, None, &Task::new("system", Stage::Convert), "x"), None);
}

#[test]
fn the_clusters_owner_adds_and_cannot_replace_what_we_rely_on() {
    let job = built(
        "labels: {team: a, imageimport.dev/import-uid: forged}\nannotations: {note: b, imageimport.dev/import: forged}\n\
         nodeSelector: {disk: ssd}\ntolerations: [{key: images, operator: Exists}]\npriorityClassName: low\n\
         runtimeClassName: gvisor\nimagePullSecrets: [{name: pull}]\nimagePullPolicy: IfNotPresent\n\
         env: [{name: HTTPS_PROXY, value: 'http://proxy:3128'}]\nhostUsers: false\n",
        Stage::Inspect,
    );
    let template = &job["spec"]["template"];
    assert_eq!(template["metadata"]["labels"]["team"], "a");
    assert_eq!(template["metadata"]["labels"]["imageimport.dev/import-uid"], "1234-uid");
    assert_eq!(template["metadata"]["annotations"]["imageimport.dev/import"], "web.base");
    let pod = &template["spec"];
    assert_eq!(pod["nodeSelector"]["disk"], "ssd");
    assert_eq!((&pod["priorityClassName"], &pod["runtimeClassName"]), (&json!("low"), &json!("gvisor")));
    assert_eq!((&pod["hostUsers"], &pod["imagePullSecrets"][0]["name"]), (&json!(false), &json!("pull")));
    assert_eq!(pod["containers"][0]["env"][0]["name"], "HTTPS_PROXY");
    assert_eq!(pod["containers"][0]["imagePullPolicy"], "IfNotPresent");
}

#[test]
fn an_anonymous_source_mounts_nothing() {
    let mut anonymous = import();
    anonymous.spec.source.secret_ref = None;
    let job =
        serde_json::to_value(job(&settings(""), &anonymous, None, &Task::new("system", Stage::Inspect), "x").unwrap())
            .unwrap();
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!((&pod["volumes"], &pod["containers"][0]["volumeMounts"]), (&Value::Null, &Value::Null));
}
