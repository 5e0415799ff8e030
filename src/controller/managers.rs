//! Who set a field of the spec, by the managed fields that the API server keeps of every object.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use serde_json::json;

use crate::api::ImageImport;

/// Fields whose setter is told.
const TOLD: &[&str] = &["cancel", "suspend"];
/// Most characters of a manager's name that are told.
const NAME_MAX: usize = 128;

/// Leaves of an object's managed fields, which are many bytes, only who set the fields that are told.
pub fn prune(import: &mut ImageImport) {
    let Some(entries) = import.metadata.managed_fields.take() else { return };
    let set = |field: &&&str| match **field {
        "cancel" => import.spec.cancel,
        _ => import.spec.suspend,
    };
    let kept: Vec<ManagedFieldsEntry> = TOLD
        .iter()
        .filter(set)
        .filter_map(|field| {
            let owners = entries.iter().filter(|entry| owns(entry, field));
            let mut last = owners.max_by_key(|entry| entry.time.as_ref().map(|time| time.0))?.clone();
            last.fields_v1.as_mut()?.0 = json!({"f:spec": {format!("f:{field}"): {}}});
            Some(last)
        })
        .collect();
    import.metadata.managed_fields = (!kept.is_empty()).then_some(kept);
}

fn owns(entry: &ManagedFieldsEntry, field: &str) -> bool {
    let spec = entry.fields_v1.as_ref().and_then(|fields| fields.0.get("f:spec"));
    spec.and_then(|spec| spec.get(format!("f:{field}"))).is_some()
}

/// ` by kubectl-edit at 2026-11-21T10:00:00Z`, of who set `spec.<field>` last; empty where that is not known.
pub fn setter(import: &ImageImport, field: &str) -> String {
    let entries = import.metadata.managed_fields.iter().flatten().filter(|entry| owns(entry, field));
    let Some(last) = entries.max_by_key(|entry| entry.time.as_ref().map(|time| time.0)) else { return String::new() };
    let name: String = last.manager.as_deref().unwrap_or("unknown").chars().take(NAME_MAX).collect();
    let at = last.time.as_ref().map(|time| time.0).and_then(|time| Timestamp::from_second(time.as_second()).ok());
    format!(" by {name}{}", at.map(|at| format!(" at {at}")).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn import(spec: &Value, managed: &Value) -> ImageImport {
        let mut whole = json!({"apiVersion": "imageimport.dev/v1alpha1", "kind": "ImageImport",
            "metadata": {"name": "web", "managedFields": managed},
            "spec": {"source": {"url": "s3://b/k"}, "profileRef": {"name": "p"}}});
        whole["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        serde_json::from_value(whole).unwrap()
    }

    fn entry(manager: &str, minute: u8, fields: &Value) -> Value {
        json!({"manager": manager, "operation": "Update", "apiVersion": "imageimport.dev/v1alpha1",
            "time": format!("2026-11-21T10:{minute:02}:00Z"), "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": fields}})
    }

    #[test]
    fn the_last_who_set_a_field_is_told_and_nothing_else_is_kept() {
        let managed = json!([
            entry("flux", 1, &json!({"f:source": {}, "f:cancel": {}})),
            entry("kubectl-edit", 3, &json!({"f:cancel": {}})),
            entry("other", 5, &json!({"f:waivers": {}, "f:suspend": {}})),
        ]);
        let mut cancelled = import(&json!({"cancel": true}), &managed);
        prune(&mut cancelled);
        assert_eq!(setter(&cancelled, "cancel"), " by kubectl-edit at 2026-11-21T10:03:00Z");
        let kept = cancelled.metadata.managed_fields.unwrap();
        assert_eq!((kept.len(), json!(kept[0].fields_v1)), (1, json!({"f:spec": {"f:cancel": {}}})));
        let mut running = import(&json!({}), &managed);
        prune(&mut running);
        assert_eq!((running.metadata.managed_fields.as_ref(), setter(&running, "cancel")), (None, String::new()));
    }
}
