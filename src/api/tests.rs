//! The schemas as data, and their CEL rules without a cluster. `e2e/cases/api.rs` asks a real API server the same.

use kube::core::cel::Validator;
use serde_json::{Value, json};

use super::conditions::LIFECYCLE;
use super::schema::{crds, find};
use super::validation::CHECKS;

/// The schema of a kind.
fn schema(kind: &str) -> Value {
    let crd = crds().into_iter().find(|c| c.spec.names.kind == kind).unwrap();
    serde_json::to_value(&crd).unwrap()["spec"]["versions"][0]["schema"]["openAPIV3Schema"].take()
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
    if !into.is_object() {
        *into = json!({});
    }
    for (name, value) in fields {
        if value.is_null() {
            into.as_object_mut().unwrap().remove(name);
        } else {
            merge(&mut into[name], value);
        }
    }
}

/// What the CEL rules say against an object, one line each.
fn refusals(schema: &Value, new: &Value, old: Option<&Value>) -> String {
    let Err(errors) = Validator::new().validate(schema, new, old) else { return String::new() };
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn table(text: &str) -> Vec<Value> {
    serde_yaml::from_str(text).unwrap()
}

#[test]
fn what_cannot_work_is_refused_with_what_to_write() {
    let schema = schema("ImageImport");
    for case in table(include_str!("tests/refused.yaml")).iter().filter(|c| c["schema"] != true) {
        let said = refusals(&schema, &import(&case["change"]), None);
        assert!(said.contains(case["says"].as_str().unwrap()), "{case}: {said:?}");
    }
}

#[test]
fn what_works_is_taken() {
    let schema = schema("ImageImport");
    for change in table(include_str!("tests/accepted.yaml")) {
        assert_eq!(refusals(&schema, &import(&change), None), "", "{change}");
    }
}

#[test]
fn what_was_asked_does_not_change_under_the_answer() {
    let schema = schema("ImageImport");
    for case in table(include_str!("tests/updated.yaml")) {
        let old = import(&json!({"status": case["status"]}));
        let mut new = old.clone();
        merge(&mut new, &case["change"]);
        let said = refusals(&schema, &new, Some(&old));
        match case["says"].as_str() {
            None => assert_eq!(said, "", "{case}"),
            Some(says) => {
                let sentence = says.rsplit(".* ").next().unwrap();
                assert!(said.contains(sentence), "{case}: {said:?}");
            }
        }
    }
}

#[test]
fn a_record_never_changes() {
    let schema = schema("CustomImage");
    let old = json!({"metadata": {"name": "web"}, "spec": {"profile": "p", "disks": []}});
    let mut new = old.clone();
    new["spec"]["profile"] = "q".into();
    assert!(refusals(&schema, &new, Some(&old)).contains("must not change: a CustomImage records"));
    assert_eq!(refusals(&schema, &old, Some(&old)), "");
}

#[test]
fn every_rule_sits_somewhere_and_says_what_must_be() {
    for check in CHECKS {
        assert!(check.message.contains("must "), "{check:?}");
        for kind in check.kinds {
            let mut root = serde_json::from_value(schema(kind)).unwrap();
            let place = find(&mut root, check.at).unwrap_or_else(|| panic!("{kind} has no {}", check.at));
            let rules = place.x_kubernetes_validations.as_deref().unwrap_or_default();
            assert!(rules.iter().any(|r| r.rule == check.rule), "{check:?}");
        }
    }
}

/// Calls `look` with each schema below `at` and its path.
fn walk(at: &Value, path: &str, look: &mut dyn FnMut(&Value, &str)) {
    look(at, path);
    for (name, child) in at["properties"].as_object().into_iter().flatten() {
        walk(child, &format!("{path}.{name}"), look);
    }
    if at["items"].is_object() {
        walk(&at["items"], &format!("{path}[]"), look);
    }
}

#[test]
fn every_field_is_described_and_bounded_and_never_null() {
    for kind in ["ImageImport", "CustomImage", "ImportProfile"] {
        walk(&schema(kind), kind, &mut |at, path| {
            assert!(at.get("nullable").is_none(), "{path}");
            let kubernetes_own = [".apiVersion", ".kind", ".metadata"].iter().any(|own| path == format!("{kind}{own}"));
            let described = at["description"].as_str().is_some_and(|d| !d.starts_with("Auto-generated"));
            assert!(described || kubernetes_own || path.ends_with("[]"), "{path} has no description");
            match at["type"].as_str() {
                Some("string") => {
                    let listed = at["enum"].as_array().is_some_and(|v| v.iter().all(Value::is_string));
                    assert!(listed || at["maxLength"].is_i64(), "{path} has no length");
                }
                Some("array") => assert!(at["maxItems"].is_i64(), "{path} has no number of items"),
                Some("integer") => {
                    let readable = at["format"] == "int64" || (at["format"] == "int32" && at["maximum"].is_number());
                    assert!(readable, "{path}: {at}");
                }
                Some("object") => assert!(at.get("additionalProperties").is_none(), "{path} is a map"),
                Some("boolean") => {}
                other => panic!("{path}: {other:?}"),
            }
        });
    }
}

#[test]
fn lists_of_named_things_are_merged_by_name() {
    for (kind, list, key) in [
        ("ImageImport", "/status/properties/conditions", "type"),
        ("ImageImport", "/status/properties/disks", "name"),
        ("ImageImport", "/spec/properties/waivers", "rule"),
        ("ImageImport", "/spec/properties/notifications", "url"),
        ("CustomImage", "/spec/properties/disks", "name"),
        ("CustomImage", "/status/properties/conditions", "type"),
        ("ImportProfile", "/status/properties/conditions", "type"),
    ] {
        let schema = schema(kind);
        let list = schema.pointer(&format!("/properties{list}")).unwrap();
        assert_eq!(list["x-kubernetes-list-type"], "map");
        assert_eq!(list["x-kubernetes-list-map-keys"], json!([key]));
    }
}

#[test]
fn nobody_takes_a_fresh_object_for_finished() {
    for (kind, default) in
        [("ImageImport", json!({"observedGeneration": -1})), ("ImportProfile", json!({"observedGeneration": -1}))]
    {
        let schema = schema(kind);
        assert_eq!(schema["properties"]["status"]["default"], default);
        assert!(schema["properties"]["status"]["properties"]["observedGeneration"].get("default").is_none());
    }
}

#[test]
fn conditions_fit() {
    let schema = schema("ImageImport");
    let max = &schema["properties"]["status"]["properties"]["conditions"]["maxItems"];
    let rules_a_profile_may_have = 100;
    assert!(LIFECYCLE.len() + rules_a_profile_may_have <= usize::try_from(max.as_u64().unwrap()).unwrap());
}

#[test]
fn a_definition_carries_nothing_that_tools_would_see_change() {
    for crd in crds() {
        let value = serde_json::to_value(&crd).unwrap();
        assert!(value.get("status").is_none());
        walk_values(&value, &mut |v| assert!(!v.as_array().is_some_and(Vec::is_empty) && !v.is_null(), "{v}"));
    }
}

fn walk_values(value: &Value, look: &mut dyn FnMut(&Value)) {
    look(value);
    match value {
        Value::Array(items) => items.iter().for_each(|v| walk_values(v, look)),
        Value::Object(fields) => fields.values().for_each(|v| walk_values(v, look)),
        _ => {}
    }
}
