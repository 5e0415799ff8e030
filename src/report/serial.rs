//! Reports as JSON and YAML: one report as itself, several as a list.

use serde::Serialize;

use super::{Report, SCHEMA};

/// Several reports on one image.
#[derive(Serialize)]
struct Several<'a> {
    schema: &'static str,
    reports: &'a [Report],
}

/// JSON, with a newline at the end. One report is itself, any other number a list under `reports`.
///
/// # Errors
/// None that a report can cause.
pub fn to_json(reports: &[Report], list: bool) -> serde_json::Result<String> {
    let text = match reports {
        [one] if !list => serde_json::to_string_pretty(one)?,
        reports => serde_json::to_string_pretty(&Several { schema: SCHEMA, reports })?,
    };
    Ok(text + "\n")
}

/// YAML that a YAML 1.1 reader takes for the same.
///
/// # Errors
/// None that a report can cause.
pub fn to_yaml(reports: &[Report], list: bool) -> Result<String, serde_saphyr::SerializeError> {
    match reports {
        [one] if !list => serde_saphyr::to_string(one),
        reports => serde_saphyr::to_string(&Several { schema: SCHEMA, reports }),
    }
}
