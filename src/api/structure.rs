//! What the API server refuses of an object, said without one: the schema's keywords, and the rules of [`super::validation`].

use kube::core::cel::Validator;
use serde_json::{Map, Value};

use super::schema::crds;

/// What is said of a field that the schema does not have; the API server drops it.
pub const NO_SUCH_FIELD: &str = "there is no such field";

/// Everything that is wrong with an object of `kind` that is to be created: each is the field, and what must be. `status`
/// is not looked at, and what is `null` is not there.
pub fn problems(kind: &str, object: &Value) -> Vec<String> {
    let Some(schema) = schema(kind) else { return vec![format!("kind {kind} is not known")] };
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    drop_null(&mut object);
    let mut said = Vec::new();
    look(&schema, &object, "", &mut said);
    // The rules take the structure for granted.
    if said.is_empty()
        && let Err(errors) = Validator::new().validate(&schema, &object, None)
    {
        said.extend(errors.iter().map(ToString::to_string));
    }
    said
}

fn schema(kind: &str) -> Option<Value> {
    let crd = crds().into_iter().find(|crd| crd.spec.names.kind == kind)?;
    let schema = crd.spec.versions.into_iter().next()?.schema?.open_api_v3_schema?;
    serde_json::to_value(schema).ok()
}

/// `null` and absent are one thing.
pub fn drop_null(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_null);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_null),
        _ => {}
    }
}

fn look(schema: &Value, value: &Value, path: &str, said: &mut Vec<String>) {
    let number = |keyword: &str| schema.get(keyword).and_then(Value::as_f64);
    let count = |keyword: &str| schema.get(keyword).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
    let mut say = |what: String| said.push(if path.is_empty() { what } else { format!("{path}: {what}") });
    let wanted = schema.get("type").and_then(Value::as_str).unwrap_or_default();
    match (wanted, value) {
        ("object", Value::Object(fields)) => properties(schema, fields, path, said),
        ("array", Value::Array(items)) => {
            if let Some(max) = count("maxItems").filter(|max| items.len() > *max) {
                say(format!("must have at most {max} items"));
            }
            if let Some(min) = count("minItems").filter(|min| items.len() < *min) {
                say(format!("must have at least {min} items"));
            }
            if let Some(twice) = repeated(schema, items) {
                say(format!("{twice} is there twice"));
            }
            for (index, item) in items.iter().enumerate() {
                look(schema.get("items").unwrap_or(&Value::Null), item, &format!("{path}[{index}]"), said);
            }
        }
        ("string", Value::String(text)) => {
            let len = text.chars().count();
            if let Some(max) = count("maxLength").filter(|max| len > *max) {
                say(format!("must have at most {max} characters"));
            }
            if count("minLength").is_some_and(|min| len < min) {
                say("must not be empty".to_owned());
            }
            let words = schema.get("enum").and_then(Value::as_array);
            if let Some(words) = words.filter(|words| !words.contains(value)) {
                let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
                say(format!("must be one of {}", words.join(", ")));
            }
        }
        ("integer", Value::Number(value)) if value.is_i64() => {
            let value = value.as_f64().unwrap_or_default();
            if let Some(min) = number("minimum").filter(|min| value < *min) {
                say(format!("must be at least {min}"));
            }
            if let Some(max) = number("maximum").filter(|max| value > *max) {
                say(format!("must be at most {max}"));
            }
        }
        ("boolean", Value::Bool(_)) | ("number", Value::Number(_)) | ("", _) => {}
        _ => say(format!("must be of type {wanted}")),
    }
}

fn properties(schema: &Value, fields: &Map<String, Value>, path: &str, said: &mut Vec<String>) {
    let within = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    // What has none is somebody else's, as metadata is.
    let Some(known) = schema.get("properties").and_then(Value::as_object) else { return };
    for (name, value) in fields {
        match known.get(name) {
            Some(schema) => look(schema, value, &within(name), said),
            // Every object has these, and no schema says so.
            None if path.is_empty() && matches!(name.as_str(), "apiVersion" | "kind" | "metadata") => {}
            None => said.push(format!("{}: {NO_SUCH_FIELD}", within(name))),
        }
    }
    let required = schema.get("required").and_then(Value::as_array);
    for name in required.into_iter().flatten().filter_map(Value::as_str).filter(|name| !fields.contains_key(*name)) {
        said.push(format!("{}: must be given", within(name)));
    }
}

/// What stands twice in a list that is a set, or a map by one of its fields.
fn repeated(schema: &Value, items: &[Value]) -> Option<String> {
    let key = schema.get("x-kubernetes-list-map-keys").and_then(|keys| keys.get(0)).and_then(Value::as_str);
    let is_set = schema.get("x-kubernetes-list-type").and_then(Value::as_str) == Some("set");
    let name = |item: &Value| match key {
        Some(key) => item.get(key).cloned(),
        None => is_set.then(|| item.clone()),
    };
    let mut seen: Vec<Value> = Vec::new();
    for name in items.iter().filter_map(name) {
        if seen.contains(&name) {
            return Some(name.to_string());
        }
        seen.push(name);
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn import(change: &Value) -> Value {
        let mut import = json!({
            "apiVersion": "imageimport.dev/v1alpha1", "kind": "ImageImport", "metadata": {"name": "web", "labels": {"a": "b"}},
            "spec": {"source": {"url": "s3://images/web.qcow2"}, "profileRef": {"name": "tencent-cvm"}}
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
            merge(&mut into[name], value);
        }
    }

    fn table(text: &str) -> Vec<Value> {
        serde_yaml::from_str(text).unwrap()
    }

    #[test]
    fn what_the_api_server_takes_is_taken_and_what_it_refuses_refused() {
        for change in table(include_str!("tests/accepted.yaml")) {
            assert_eq!(problems("ImageImport", &import(&change)), Vec::<String>::new(), "{change}");
        }
        for case in table(include_str!("tests/refused.yaml")) {
            let said = problems("ImageImport", &import(&case["change"])).join("\n");
            // The keywords of the schema are said in words of our own.
            let says = case["says"].as_str().filter(|_| case["schema"] != true).unwrap_or_default();
            assert!(!said.is_empty() && said.contains(says), "{case}: {said:?}");
        }
    }

    #[test]
    fn each_problem_names_its_field() {
        for (change, says) in [
            (json!({"spec": {"sorce": 1}}), "spec.sorce: there is no such field"),
            (json!({"spec": {"source": {"url": 7}}}), "spec.source.url: must be of type string"),
            (json!({"spec": {"source": null}}), "spec.source: must be given"),
            (
                json!({"spec": {"source": {"format": "ISO"}}}),
                "spec.source.format: must be one of RAW, QCOW2, VHD, VMDK",
            ),
            (
                json!({"spec": {"destination": {"url": "s3://b/", "virtualSizeGiB": 0}}}),
                "virtualSizeGiB: must be at least 1",
            ),
            (json!({"spec": {"destination": {"url": "s3://b/", "virtualSizeGiB": 1.5}}}), "must be of type integer"),
            (
                json!({"spec": {"image": {"acknowledgements": ["ImportRole", "ImportRole"]}}}),
                "\"ImportRole\" is there twice",
            ),
            (json!({"spec": {"suspend": "yes"}}), "spec.suspend: must be of type boolean"),
            (
                json!({"spec": {"source": {"region": "x".repeat(65)}}}),
                "spec.source.region: must have at most 64 characters",
            ),
            (json!({"spec": {"profileRef": {"name": ""}}}), "spec.profileRef.name: must not be empty"),
            (json!({"spec": {"source": {"url": "nfs://b/k"}}}), "spec.source.url: must begin with s3://"),
        ] {
            let said = problems("ImageImport", &import(&change)).join("\n");
            assert!(said.contains(says), "{change}: {said:?}");
        }
        let waiver = json!({"rule": "A", "justification": "b"});
        let said = problems("ImageImport", &import(&json!({"spec": {"waivers": [waiver, waiver]}}))).join("\n");
        assert_eq!(said, "spec.waivers: \"A\" is there twice");
        assert_eq!(problems("Pod", &json!({})), ["kind Pod is not known"]);
    }

    #[test]
    fn built_in_profiles_have_no_problem() {
        for profile in crate::profiles::PROFILES {
            let object: Value = serde_yaml::from_str(profile.yaml).unwrap();
            assert_eq!(problems("ImportProfile", &object), Vec::<String>::new(), "{}", profile.name);
        }
    }
}
