//! The custom resource definitions: what the types derive, and what derived schemas lack.
//!
//! Lists, strings and numbers without a limit of their own get one here, so that no field can be added without: the API
//! server refuses CEL rules over unbounded data, and an object in etcd has to stay small.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray, ValidationRule,
};
use kube::CustomResourceExt as _;

use super::validation::{CHECKS, Check};
use super::{CustomImage, ImageImport, ImportProfile};

/// Characters of a string without a limit of its own.
const STRING_MAX: i64 = 1024;
/// Items of a list without a limit of its own.
const LIST_MAX: i64 = 128;
/// Limits of a condition's strings, as meta/v1 documents them; the library's type carries none.
const CONDITION_LIMITS: &[(&str, i64)] = &[("type", 316), ("reason", 1024), ("message", 32768)];

/// Where the object of the system disk is described, and where that of a data disk is: by the same rules.
const SYSTEM_SOURCE: &str = "spec.source";
const DATA_SOURCE: &str = "spec.dataDisks[].source";

/// All kinds, as they are installed.
pub fn crds() -> Vec<CustomResourceDefinition> {
    vec![complete(ImageImport::crd(), true), complete(CustomImage::crd(), false), complete(ImportProfile::crd(), true)]
}

/// Without conditions, tools that follow kstatus take an object for finished; `observedGeneration: -1` tells them that
/// nobody has looked yet. The default has to sit on `status` itself: inside it, it would never apply.
fn fresh_status() -> JSON {
    JSON(serde_json::json!({"observedGeneration": -1}))
}

fn complete(mut crd: CustomResourceDefinition, watched: bool) -> CustomResourceDefinition {
    let kind = crd.spec.names.kind.clone();
    for version in &mut crd.spec.versions {
        let Some(root) = version.schema.as_mut().and_then(|s| s.open_api_v3_schema.as_mut()) else { continue };
        bound(root);
        if let Some(status) = property(root, "status").filter(|_| watched) {
            status.default = Some(fresh_status());
        }
        for check in CHECKS.iter().filter(|c| c.kinds.contains(&kind.as_str())) {
            let again = check.at.strip_prefix(SYSTEM_SOURCE).map(|field| format!("{DATA_SOURCE}{field}"));
            for path in std::iter::once(check.at).chain(again.as_deref()) {
                if let Some(at) = find(root, path) {
                    at.x_kubernetes_validations.get_or_insert_default().push(rule(check));
                }
            }
        }
    }
    crd
}

/// Limits for every string and list, and no `nullable`: null and absent are one thing.
fn bound(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    if let Some(values) = &mut schema.enum_ {
        values.retain(|v| !v.0.is_null());
    }
    match schema.type_.as_deref() {
        Some("string") if schema.enum_.is_none() => {
            schema.max_length.get_or_insert(STRING_MAX);
        }
        Some("array") => {
            schema.max_items.get_or_insert(LIST_MAX);
        }
        // The API server does not hold numbers to their format, and one beyond it could not be read. All of ours count.
        Some("integer") if schema.format.as_deref() == Some("int32") => {
            schema.minimum.get_or_insert(0.0);
            schema.maximum.get_or_insert(f64::from(i32::MAX));
        }
        _ => {}
    }
    for (name, child) in schema.properties.iter_mut().flatten() {
        if name == "conditions" {
            limit_condition(child);
        }
        bound(child);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        bound(items);
    }
}

fn limit_condition(list: &mut JSONSchemaProps) {
    let Some(JSONSchemaPropsOrArray::Schema(item)) = &mut list.items else { return };
    for (name, max) in CONDITION_LIMITS {
        if let Some(field) = property(item, name) {
            field.max_length = Some(*max);
        }
    }
    if let Some(status) = property(item, "status") {
        status.enum_ = Some(["True", "False", "Unknown"].map(|s| JSON(s.into())).to_vec());
    }
}

fn rule(check: &Check) -> ValidationRule {
    ValidationRule {
        rule: check.rule.to_owned(),
        message: Some(check.message.to_owned()),
        field_path: check.field.map(str::to_owned),
        ..ValidationRule::default()
    }
}

/// The schema at a path such as `spec.waivers[].rule`; the empty path is the root.
pub(super) fn find<'a>(root: &'a mut JSONSchemaProps, path: &str) -> Option<&'a mut JSONSchemaProps> {
    path.split('.').filter(|step| !step.is_empty()).try_fold(root, |at, step| match step.strip_suffix("[]") {
        None => property(at, step),
        Some(list) => match property(at, list)?.items.as_mut()? {
            JSONSchemaPropsOrArray::Schema(items) => Some(&mut **items),
            JSONSchemaPropsOrArray::Schemas(_) => None,
        },
    })
}

fn property<'a>(schema: &'a mut JSONSchemaProps, name: &str) -> Option<&'a mut JSONSchemaProps> {
    schema.properties.as_mut()?.get_mut(name)
}
