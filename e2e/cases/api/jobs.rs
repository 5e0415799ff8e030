//! Which Jobs the operator may make: its own workers, with the keys they need.

use serde_json::{Value, json};

use super::{api, client, dry, operator, resource, run, said};

/// A worker Job as the operator makes them.
fn worker(image: &str) -> Value {
    let owner = json!([{"apiVersion": "imageimport.dev/v1alpha1", "kind": "ImageImport", "name": "web", "uid": "u", "controller": true}]);
    json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "web-i-0123456789", "ownerReferences": owner},
        "spec": {"template": {"spec": {
            "restartPolicy": "Never", "automountServiceAccountToken": false,
            "containers": [{
                "name": "inspect", "image": image, "args": ["worker", "inspect"],
                "env": [{"name": "JOB_UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['batch.kubernetes.io/controller-uid']"}}}],
                "securityContext": {"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}},
            }],
            "volumes": [{"name": "source", "projected": {"sources": [
                {"secret": {"name": "reader", "items": [{"key": "accessKeyID", "path": "accessKeyID"}, {"key": "secretAccessKey", "path": "secretAccessKey"}]}},
                {"secret": {"name": "reader", "optional": true, "items": [{"key": "sessionToken", "path": "sessionToken"}]}},
            ]}}],
        }}}
    })
}

/// Sets the value at a JSON pointer, whose last step may be new.
fn set(object: &mut Value, pointer: &str, value: &Value) {
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    match object.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer}")) {
        Value::Array(items) => items.push(value.clone()),
        fields => fields[last] = value.clone(),
    }
}

/// The only image that the policy allows.
fn worker_image() -> String {
    let (ok, image) = run(
        "kubectl",
        &[
            "get",
            "validatingadmissionpolicy",
            "image-import-operator-jobs",
            "-o",
            "jsonpath={.spec.validations[1].expression}",
        ],
        "",
    );
    assert!(ok, "the chart's policies are not installed: {image}");
    image.split('\'').nth(1).unwrap().to_owned()
}

#[tokio::test]
async fn the_operator_makes_worker_jobs_and_no_others() {
    let jobs = resource("batch/v1", "Job", "jobs");
    let (admin, operator) = (api(&client(None).await, &jobs), api(&client(Some(&operator())).await, &jobs));
    let image = &worker_image();
    assert_eq!(said(&operator, worker(image), &dry()).await, "");
    let password = json!({"name": "password", "projected": {"sources": [
        {"secret": {"name": "root", "items": [{"key": "password", "path": "password"}]}}]}});
    let mut reading = worker(image);
    set(&mut reading, "/spec/template/spec/volumes/-", &password);
    assert_eq!(said(&operator, reading.clone(), &dry()).await, "");
    set(&mut reading, "/spec/template/spec/containers/0/args", &json!(["worker", "convert"]));
    let refusal = said(&operator, reading, &dry()).await;
    assert!(refusal.contains("to inspect, of the item password alone"), "{refusal:?}");

    let pod = "/spec/template/spec";
    let secret =
        |items: Value| json!({"name": "x", "projected": {"sources": [{"secret": {"name": "tls", "items": items}}]}});
    for (at, value, says) in [
        ("/containers/0/image", json!("busybox"), "must run the operator's own image"),
        ("/containers/0/command", json!(["sh"]), "with `worker` as first argument"),
        ("/containers/0/args", json!(["run"]), "with `worker` as first argument"),
        ("/containers/-", json!({"name": "second", "image": image}), "must have exactly one container"),
        ("/initContainers", json!([{"name": "first", "image": image}]), "must have exactly one container"),
        ("/automountServiceAccountToken", json!(true), "must mount no token"),
        ("/serviceAccountName", json!("builder"), "name no ServiceAccount"),
        ("/hostNetwork", json!(true), "must share no namespace with the host"),
        ("/hostPID", json!(true), "must share no namespace with the host"),
        ("/containers/0/securityContext", json!({}), "must be unprivileged"),
        ("/containers/0/envFrom", json!([{"secretRef": {"name": "x"}}]), "must take nothing of a Secret"),
        (
            "/containers/0/env",
            json!([{"name": "A", "valueFrom": {"secretKeyRef": {"name": "x", "key": "y"}}}]),
            "must take nothing of a Secret",
        ),
        (
            "/volumes/-",
            json!({"name": "x", "secret": {"secretName": "tls"}}),
            "must mount Secrets as projected volumes",
        ),
        ("/volumes/-", secret(json!([{"key": "tls.key", "path": "k"}])), "must mount Secrets as projected volumes"),
        (
            "/volumes/-",
            secret(json!([{"key": "password", "path": "p"}, {"key": "accessKeyID", "path": "k"}])),
            "must mount Secrets as projected volumes",
        ),
        ("/volumes/-", secret(json!([])), "must mount Secrets as projected volumes"),
        ("/volumes/-", json!({"name": "x", "hostPath": {"path": "/"}}), "must mount Secrets as projected volumes"),
        (
            "/volumes/-",
            json!({"name": "x", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}),
            "must mount Secrets as projected volumes",
        ),
    ] {
        let mut job = worker(image);
        set(&mut job, &format!("{pod}{at}"), &value);
        let refusal = said(&operator, job.clone(), &dry()).await;
        assert!(refusal.contains(says), "{at} {value}: {refusal:?}");
        assert_eq!(said(&admin, job, &dry()).await, "", "a tenant's own Job is nobody's business");
    }
    for owner in
        [json!([]), json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "u", "controller": true}])]
    {
        let mut job = worker(image);
        set(&mut job, "/metadata/ownerReferences", &owner);
        let refusal = said(&operator, job, &dry()).await;
        assert!(refusal.contains("must be controlled by an ImageImport"), "{refusal:?}");
    }
}

#[tokio::test]
async fn the_operator_deletes_with_the_stores_keys_alone() {
    let operator = &api(&client(Some(&operator())).await, &resource("batch/v1", "Job", "jobs"));
    let image = &worker_image();
    let (args, volumes) = ("/spec/template/spec/containers/0/args", "/spec/template/spec/volumes");
    let owner = json!({"apiVersion": "imageimport.dev/v1alpha1", "kind": "CustomImage", "name": "web-1", "uid": "u", "controller": true});
    let keys = |name: &str| {
        json!({"name": name, "projected": {"sources": [{"secret": {"name": "writer", "items":
            [{"key": "accessKeyID", "path": "accessKeyID"}, {"key": "secretAccessKey", "path": "secretAccessKey"}]}}]}})
    };
    let password = json!({"name": "destination-credentials", "projected": {"sources": [
        {"secret": {"name": "root", "items": [{"key": "password", "path": "password"}]}}]}});
    let deletes = |mounted: Value| {
        let mut job = worker(image);
        set(&mut job, args, &json!(["worker", "delete"]));
        set(&mut job, volumes, &mounted);
        set(&mut job, "/metadata/ownerReferences", &json!([owner]));
        job
    };
    for mounted in [json!([]), json!([keys("destination-credentials")])] {
        assert_eq!(said(operator, deletes(mounted), &dry()).await, "");
    }
    for (mounted, says) in [
        (
            json!([keys("destination-credentials"), keys("source-credentials")]),
            "must mount the destination's credentials",
        ),
        (json!([{"name": "destination-credentials", "emptyDir": {}}]), "must mount the destination's credentials"),
        (json!([password]), "must mount Secrets as projected volumes"),
    ] {
        let refusal = said(operator, deletes(mounted.clone()), &dry()).await;
        assert!(refusal.contains(says), "{mounted}: {refusal:?}");
    }
    let mut reads = deletes(json!([]));
    set(&mut reads, args, &json!(["worker", "inspect"]));
    let refusal = said(operator, reads, &dry()).await;
    assert!(refusal.contains("Jobs of a CustomImage must delete"), "{refusal:?}");
}

#[tokio::test]
async fn the_operator_notifies_with_the_key_that_signs_alone() {
    let operator = &api(&client(Some(&operator())).await, &resource("batch/v1", "Job", "jobs"));
    let image = &worker_image();
    let (args, volumes) = ("/spec/template/spec/containers/0/args", "/spec/template/spec/volumes");
    let secret = |name: &str, key: &str| {
        json!({"name": name, "projected": {"sources": [
            {"secret": {"name": "signing", "optional": true, "items": [{"key": key, "path": key}]}}]}})
    };
    let does = |what: &str, mounted: Value| {
        let mut job = worker(image);
        set(&mut job, args, &json!(["worker", what]));
        set(&mut job, volumes, &mounted);
        job
    };
    for mounted in [json!([]), json!([secret("webhook-secret", "signingKey")])] {
        assert_eq!(said(operator, does("notify", mounted), &dry()).await, "");
    }
    let alone = "must mount the key that signs notices alone";
    for (what, mounted, says) in [
        ("notify", json!([secret("webhook-secret", "signingKey"), secret("source", "accessKeyID")]), alone),
        ("notify", json!([secret("webhook-secret", "accessKeyID")]), alone),
        ("notify", json!([secret("other", "signingKey")]), alone),
        ("notify", json!([{"name": "webhook-secret", "emptyDir": {}}]), alone),
        ("notify", json!([secret("webhook-secret", "password")]), "must mount Secrets as projected volumes"),
        ("inspect", json!([secret("webhook-secret", "signingKey")]), "must mount Secrets as projected volumes"),
    ] {
        let refusal = said(operator, does(what, mounted.clone()), &dry()).await;
        assert!(refusal.contains(says), "{what} {mounted}: {refusal:?}");
    }
}
