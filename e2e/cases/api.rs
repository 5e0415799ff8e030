//! The resources, the chart and the admission policies as a real API server takes them.
//!
//! The tables are those of the tests beside the code, which run the CEL rules without a server.

mod jobs;

use std::io::Write as _;
use std::process::{Command, Stdio};

use kube::api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams};
use kube::{Api, Client, Config};
use serde_json::{Value, json};

const REFUSED: &str = include_str!("../../src/api/tests/refused.yaml");
const ACCEPTED: &str = include_str!("../../src/api/tests/accepted.yaml");
const UPDATED: &str = include_str!("../../src/api/tests/updated.yaml");
const OPERATOR: &str = "image-import-operator";

/// A client of the cluster under test, perhaps in another user's name.
async fn client(user: Option<&str>) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut config = Config::infer().await.expect("a cluster: run `make e2e`, or set KUBECONFIG");
    config.auth_info.impersonate = user.map(str::to_owned);
    Client::try_from(config).unwrap()
}

fn operator() -> String {
    let namespace = std::env::var("OPERATOR_NAMESPACE").unwrap_or_else(|_| OPERATOR.to_owned());
    format!("system:serviceaccount:{namespace}:{OPERATOR}")
}

fn resource(group_version: &str, kind: &str, plural: &str) -> ApiResource {
    let (group, version) = group_version.split_once('/').unwrap_or(("", group_version));
    ApiResource::from_gvk_with_plural(&kube::core::GroupVersionKind::gvk(group, version, kind), plural)
}

fn ours(kind: &str) -> ApiResource {
    resource("imageimport.dev/v1alpha1", kind, &format!("{}s", kind.to_lowercase()))
}

/// Objects in the namespace `default`, where no operator's work is disturbed by them: they are suspended or dry runs.
fn api(client: &Client, resource: &ApiResource) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), "default", resource)
}

fn dry() -> PostParams {
    PostParams { dry_run: true, ..PostParams::default() }
}

/// What the server says to the creation of an object; nothing when it takes it.
async fn said(api: &Api<DynamicObject>, object: Value, params: &PostParams) -> String {
    let object: DynamicObject = serde_json::from_value(object).unwrap();
    match api.create(params, &object).await {
        Ok(_) => String::new(),
        Err(kube::Error::Api(status)) => status.message.clone(),
        Err(error) => panic!("{error}"),
    }
}

/// A good import, changed as by a merge patch.
fn import(change: &Value) -> Value {
    let mut import = json!({
        "apiVersion": "imageimport.dev/v1alpha1", "kind": "ImageImport", "metadata": {"name": "web"},
        "spec": {
            "source": {"url": "s3://images/web.qcow2", "secretRef": {"name": "reader"}},
            "profileRef": {"name": "tencent-cvm"},
        }
    });
    merge(&mut import, change);
    import
}

fn merge(into: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else { return *into = patch.clone() };
    for (name, value) in fields {
        if value.is_null() {
            into.as_object_mut().unwrap().remove(name);
        } else {
            merge(&mut into[name], value);
        }
    }
}

fn table(text: &str) -> Vec<Value> {
    serde_yaml::from_str(text).unwrap()
}

fn run(program: &str, args: &[&str], input: &str) -> (bool, String) {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("{program}: {e}; `make e2e` puts it on PATH"));
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (out.status.success(), if out.status.success() { text(&out.stdout) } else { text(&out.stderr) })
}

#[tokio::test]
async fn what_cannot_work_is_refused_with_what_to_write() {
    let imports = api(&client(None).await, &ours("ImageImport"));
    for case in table(REFUSED) {
        let said = said(&imports, import(&case["change"]), &dry()).await;
        assert!(said.contains(case["says"].as_str().unwrap()), "{case}: {said:?}");
    }
}

#[tokio::test]
async fn what_works_is_taken() {
    let imports = api(&client(None).await, &ours("ImageImport"));
    for change in table(ACCEPTED) {
        assert_eq!(said(&imports, import(&change), &dry()).await, "", "{change}");
    }
}

#[tokio::test]
async fn what_was_asked_does_not_change_under_the_answer() {
    let imports = api(&client(None).await, &ours("ImageImport"));
    for (i, case) in table(UPDATED).into_iter().enumerate() {
        let name = format!("mend-in-place-{i}-{}", std::process::id());
        let change = json!({"metadata": {"name": name}, "spec": {"suspend": true}});
        assert_eq!(said(&imports, import(&change), &PostParams::default()).await, "");
        let params = PatchParams::default();
        if !case["status"].is_null() {
            let status = json!({"status": case["status"]});
            imports.patch_status(&name, &params, &Patch::Merge(status)).await.expect("a status");
        }
        let answer = imports.patch(&name, &params, &Patch::Merge(&case["change"])).await;
        match (case["says"].as_str(), answer) {
            (None, answer) => assert!(answer.is_ok(), "{case}: {answer:?}"),
            (Some(says), Err(kube::Error::Api(status))) => {
                let all = says.split(".*").all(|part| status.message.contains(part));
                assert!(all, "{case}: {}", status.message);
            }
            (Some(_), answer) => panic!("{case}: {answer:?}"),
        }
        imports.delete(&name, &kube::api::DeleteParams::default()).await.expect("it goes");
    }
}

#[tokio::test]
async fn nobody_takes_a_fresh_object_for_finished() {
    let client = client(None).await;
    let fresh: DynamicObject = serde_json::from_value(import(&json!({}))).unwrap();
    let created = api(&client, &ours("ImageImport")).create(&dry(), &fresh).await.expect("an import");
    assert_eq!(created.data["status"], json!({"observedGeneration": -1}));
    let profile = json!({
        "apiVersion": "imageimport.dev/v1alpha1", "kind": "ImportProfile", "metadata": {"name": "mine"},
        "spec": {"title": "Mine", "revision": 1, "formats": ["RAW"], "partitionTables": ["MBR"], "operatingSystems": [], "rules": [{"name": "ImageFormatAccepted", "action": "Require", "cite": ["own"]}]}
    });
    let profiles: Api<DynamicObject> = Api::all_with(client, &ours("ImportProfile"));
    let created = profiles.create(&dry(), &serde_json::from_value(profile).unwrap()).await.expect("a profile");
    assert_eq!(created.data["status"], json!({"observedGeneration": -1}));
}

#[tokio::test]
async fn a_status_holds_128_conditions_and_each_type_once() {
    let imports = api(&client(None).await, &ours("ImageImport"));
    let name = format!("conditions-{}", std::process::id());
    let change = json!({"metadata": {"name": name}, "spec": {"suspend": true}});
    assert_eq!(said(&imports, import(&change), &PostParams::default()).await, "");
    let conditions = |count: usize| -> Vec<Value> {
        let one = |i| json!({"type": format!("Rule{i}"), "status": "True", "reason": "Passed", "message": "", "lastTransitionTime": "2026-11-21T00:00:00Z"});
        (0..count).map(one).collect()
    };
    let params = PatchParams { dry_run: true, ..PatchParams::default() };
    let mut answers = Vec::new();
    let mut twice = conditions(2);
    twice[1]["type"] = "Rule0".into();
    for list in [conditions(128), conditions(129), twice] {
        let patch = Patch::Merge(json!({"status": {"conditions": list}}));
        answers.push(imports.patch_status(&name, &params, &patch).await.err().map(|e| e.to_string()));
    }
    imports.delete(&name, &kube::api::DeleteParams::default()).await.expect("it goes");
    assert_eq!(answers[0], None);
    assert!(answers[1].as_ref().unwrap().contains("must have at most 128 items"), "{answers:?}");
    assert!(answers[2].as_ref().unwrap().contains("Duplicate value"), "{answers:?}");
}

#[tokio::test]
async fn kubectl_explains_every_field_and_shows_the_columns() {
    client(None).await;
    let (ok, text) = run("kubectl", &["explain", "imageimports.spec.source.url"], "");
    assert!(ok && text.contains("`s3://bucket/key`"), "{text}");
    for kind in ["imageimports", "customimages", "importprofiles"] {
        let (ok, text) = run("kubectl", &["explain", kind, "--recursive"], "");
        assert!(ok && text.contains("spec") && text.contains("status"), "{text}");
        let (ok, text) = run("kubectl", &["explain", &format!("{kind}.spec")], "");
        assert!(ok && !text.contains("<no description>"), "{text}");
    }
    for (name, columns) in [
        ("imgimport", ["PROFILE", "READY", "REASON", "IMAGE", "AGE"].as_slice()),
        ("cimg", &["OS", "ARCH", "BOOT", "FORMAT", "PROFILE", "READY", "AGE"]),
        ("improfile", &["TITLE", "REVISION", "READY", "AGE"]),
    ] {
        let (ok, text) =
            run("kubectl", &["get", "--raw", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"], "");
        assert!(ok, "{text}");
        let crds: Value = serde_json::from_str(&text).unwrap();
        let crd = crds["items"].as_array().unwrap().iter().find(|c| c["spec"]["names"]["shortNames"] == json!([name]));
        let version = &crd.unwrap_or_else(|| panic!("no kind is called {name}"))["spec"]["versions"][0];
        let shown = version["additionalPrinterColumns"].as_array().unwrap().iter();
        let shown: Vec<_> = shown.filter(|c| c["priority"].is_null()).map(|c| c["name"].as_str().unwrap()).collect();
        assert_eq!(shown, columns);
    }
    let (ok, text) = run("kubectl", &["get", "imgimport", "-A", "--field-selector=spec.profileRef.name=none"], "");
    assert!(ok, "{text}");
}

fn record(profile: &str) -> Value {
    json!({
        "apiVersion": "imageimport.dev/v1alpha1", "kind": "CustomImage", "metadata": {"name": format!("record-{}", std::process::id())},
        "spec": {"profile": profile, "contentKey": "k", "importUID": "u", "disks": [{"name": "system", "url": "s3://b/k",
            "format": "QCOW2", "sizeBytes": 1, "virtualSizeBytes": 1, "checksum": "sha256:0"}]}
    })
}

#[tokio::test]
async fn a_record_is_the_operators_and_never_changes() {
    let kind = ours("CustomImage");
    let (admin, records) = (api(&client(None).await, &kind), api(&client(Some(&operator())).await, &kind));
    let refusal = said(&admin, record("p"), &dry()).await;
    assert!(refusal.contains("a CustomImage must be created by the operator"), "{refusal:?}");
    assert_eq!(said(&records, record("p"), &PostParams::default()).await, "");
    let name = record("p")["metadata"]["name"].as_str().unwrap().to_owned();
    let other = admin.patch(&name, &PatchParams::default(), &Patch::Merge(json!({"spec": {"profile": "q"}}))).await;
    let labelled = json!({"metadata": {"labels": {"team": "web"}}});
    let labelled = admin.patch(&name, &PatchParams::default(), &Patch::Merge(labelled)).await;
    admin.delete(&name, &kube::api::DeleteParams::default()).await.expect("it goes");
    let other = other.expect_err("spec changed").to_string();
    assert!(other.contains("must not change: a CustomImage records what was imported"), "{other}");
    labelled.expect("metadata is the user's");
}

#[tokio::test]
async fn built_in_profiles_are_the_operators() {
    let kind = ours("ImportProfile");
    let profile = |labels: Value| {
        json!({"apiVersion": "imageimport.dev/v1alpha1", "kind": "ImportProfile", "metadata": {"name": "mine", "labels": labels},
            "spec": {"title": "Mine", "revision": 1, "formats": [], "partitionTables": [], "operatingSystems": [], "rules": [{"name": "ImageFormatAccepted", "action": "Require", "cite": ["own"]}]}})
    };
    let built_in = json!({"imageimport.dev/built-in": "true"});
    let admin: Api<DynamicObject> = Api::all_with(client(None).await, &kind);
    let refusal = said(&admin, profile(built_in.clone()), &dry()).await;
    assert!(refusal.contains("a built-in ImportProfile must be left as it is"), "{refusal:?}");
    assert_eq!(said(&admin, profile(json!({})), &dry()).await, "");
    let operator: Api<DynamicObject> = Api::all_with(client(Some(&operator())).await, &kind);
    assert_eq!(said(&operator, profile(built_in), &dry()).await, "");
}

#[tokio::test]
async fn users_edit_imports_and_only_delete_records() {
    client(None).await;
    for (role, verb, kind, answer) in [
        ("view", "watch", "imageimports", "yes"),
        ("view", "get", "customimages", "yes"),
        ("view", "create", "imageimports", "no"),
        ("edit", "create", "imageimports", "yes"),
        ("edit", "patch", "imageimports/status", "no"),
        ("edit", "delete", "customimages", "yes"),
        ("edit", "create", "customimages", "no"),
        ("admin", "patch", "customimages", "no"),
        ("admin", "delete", "imageimports", "yes"),
        ("view", "list", "importprofiles", "yes"),
        ("admin", "create", "importprofiles", "no"),
    ] {
        let user = format!("e2e-{role}");
        let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": user, "namespace": "default"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}, "subjects": [{"kind": "User", "name": user}]});
        let (ok, text) = run("kubectl", &["apply", "-f", "-"], &binding.to_string());
        assert!(ok, "{text}");
        let (kind, subresource) = kind.split_once('/').unwrap_or((kind, ""));
        let question = [
            "auth",
            "can-i",
            verb,
            &format!("{kind}.imageimport.dev"),
            &format!("--subresource={subresource}"),
            "--namespace=default",
            &format!("--as={user}"),
            "--as-group=system:authenticated",
        ];
        let (_, text) = run("kubectl", &question, "");
        assert_eq!(text.contains("yes"), answer == "yes", "{role} {verb} {kind}/{subresource}: {text}");
    }
}

/// The objects that the chart renders with one of its `ci/` files.
fn chart(values: &str) -> String {
    let chart = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/image-import-operator");
    let file = format!("{chart}/ci/{values}-values.yaml");
    let mut args =
        vec!["template", "other", chart, "--namespace=default", "--set=metrics.serviceMonitor.enabled=false"];
    if values != "default" {
        args.extend(["-f", &file]);
    }
    let (ok, text) = run("helm", &args, "");
    assert!(ok, "{text}");
    text
}

#[tokio::test]
async fn the_server_takes_what_the_chart_renders() {
    client(None).await;
    for values in ["default", "full", "bare"] {
        // Roles go to namespaces that are not there.
        let text = chart(values)
            .replace("namespace: team-a", "namespace: default")
            .replace("namespace: team-b", "namespace: kube-public");
        let args = [
            "apply",
            "--server-side",
            "--force-conflicts",
            "--field-manager=e2e",
            "--dry-run=server",
            "--validate=strict",
            "-f",
            "-",
        ];
        let (ok, text) = run("kubectl", &args, &text);
        assert!(ok, "{values}: {text}");
    }
}

#[tokio::test]
async fn watched_namespaces_narrow_the_operators_rights() {
    use serde::Deserialize as _;
    let rights = |text: &str, kind: &str, name: &str| -> Vec<(String, String)> {
        let mut found = Vec::new();
        for document in serde_yaml::Deserializer::from_str(text) {
            let object = Value::deserialize(document).unwrap();
            if object["kind"] == kind && object["metadata"]["name"] == name {
                let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
                for rule in object["rules"].as_array().unwrap() {
                    for resource in rule["resources"].as_array().unwrap() {
                        found.push((namespace.to_owned(), resource.as_str().unwrap().to_owned()));
                    }
                }
            }
        }
        found
    };
    let everywhere: Vec<_> = rights(&chart("default"), "ClusterRole", "other-image-import-operator");
    let names: Vec<_> = everywhere.iter().map(|(_, r)| r.as_str()).collect();
    assert_eq!(
        names,
        [
            "importprofiles",
            "importprofiles/status",
            "imageimports",
            "imageimports/status",
            "customimages/status",
            "customimages",
            "jobs",
            "pods",
            "events",
            "events",
            "pods/log"
        ]
    );
    let full = chart("full");
    let names: Vec<_> = rights(&full, "ClusterRole", "importer").into_iter().map(|(_, r)| r).collect();
    assert_eq!(names, ["importprofiles", "importprofiles/status"]);
    let narrow = rights(&full, "Role", "importer");
    for namespace in ["team-a", "team-b"] {
        let names: Vec<_> = narrow.iter().filter(|(n, _)| n == namespace).map(|(_, r)| r.as_str()).collect();
        assert_eq!(
            names,
            [
                "imageimports",
                "imageimports/status",
                "customimages/status",
                "customimages",
                "jobs",
                "pods",
                "events",
                "events"
            ],
            "progress is off: no pods/log"
        );
    }
}

#[test]
fn the_kustomize_base_is_the_chart() {
    let (ok, text) = run(concat!(env!("CARGO_MANIFEST_DIR"), "/config/generate.sh"), &["--check"], "");
    assert!(ok, "{text}");
}
