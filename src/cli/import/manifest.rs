//! The documents of a manifest: one import, and what it names.

use std::io::Read;
use std::path::Path;

use k8s_openapi::api::core::v1::Secret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::api::structure::{drop_null, problems};
use crate::api::{GROUP, ImageImport, ImportProfile, VERSION};
use crate::cli::inspect::{Refused, exit};
use crate::profiles;

/// Bytes of a manifest that are read.
const MOST: u64 = 4 << 20;
/// Characters of an object's name, and of its namespace's (RFC 1123, as the API server holds to it).
const SUBDOMAIN: usize = 253;
const LABEL: usize = 63;
/// Problems of a document that are told.
const TOLD: usize = 8;

/// What a manifest holds.
pub struct Documents {
    /// Its name, for sentences.
    pub file: String,
    /// The import.
    pub import: ImageImport,
    /// Profiles, one of which it may name.
    pub profiles: Vec<ImportProfile>,
    /// Secrets that it may name.
    pub secrets: Vec<Secret>,
}

/// Reads a file, or standard input.
pub fn read(file: &Path) -> Result<Documents, Refused> {
    let name = file.display().to_string();
    let text = if file == Path::new("-") { text(std::io::stdin()) } else { std::fs::File::open(file).and_then(text) };
    let text = text.map_err(|error| Refused { code: exit::NO_INPUT, message: format!("{name}: {error}") })?;
    parse(&name, &text).map_err(wrong)
}

fn text(from: impl Read) -> std::io::Result<String> {
    let mut text = String::new();
    from.take(MOST.saturating_add(1)).read_to_string(&mut text)?;
    if text.len() as u64 > MOST {
        return Err(std::io::Error::other(format!("a manifest has at most {MOST} bytes")));
    }
    Ok(text)
}

/// Reads the documents of a text.
///
/// # Errors
/// A sentence that names file, document and field.
pub fn parse(file: &str, text: &str) -> Result<Documents, String> {
    let (mut imports, mut profiles, mut secrets) = (Vec::new(), Vec::new(), Vec::new());
    for (number, document) in (1..).zip(serde_yaml::Deserializer::from_str(text)) {
        let place = format!("{file}: document {number}");
        let mut object = Value::deserialize(document).map_err(|error| format!("{place}: {error}"))?;
        if object.is_null() {
            continue;
        }
        drop_null(&mut object);
        let word = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let own = format!("{GROUP}/{VERSION}");
        match (word("apiVersion"), word("kind").as_str()) {
            (version, "ImageImport") if version == own => imports.push(valid("ImageImport", &place, object)?),
            (version, "ImportProfile") if version == own => {
                let profile: ImportProfile = valid("ImportProfile", &place, object)?;
                if let Some(problem) = profiles::problem(&profile.spec) {
                    return Err(format!("{place}: {}", problem.message));
                }
                profiles.push(profile);
            }
            (version, "Secret") if version == "v1" => secrets.push(typed(&place, object)?),
            (version, kind) => {
                return Err(format!(
                    "{place}: apiVersion {version:?} and kind {kind:?}: write one ImageImport ({own}), and perhaps the \
                     Secrets (v1) and the ImportProfile ({own}) that it names"
                ));
            }
        }
    }
    let count = imports.len();
    match imports.pop().filter(|_| count == 1) {
        Some(import) => Ok(Documents { file: file.to_owned(), import, profiles, secrets }),
        None => Err(format!("{file}: {count} documents are an ImageImport: write one")),
    }
}

/// The profile that the import names: built in, of the manifest, or of a file of its own.
pub fn profile(documents: &Documents, file: Option<&Path>) -> Result<ImportProfile, Refused> {
    let name = &documents.import.spec.profile_ref.name;
    let mut own = documents.profiles.clone();
    if let Some(file) = file {
        let shown = file.display().to_string();
        let text = std::fs::read_to_string(file)
            .map_err(|error| Refused { code: exit::NO_INPUT, message: format!("{shown}: {error}") })?;
        own.push(profiles::parse(&shown, &text).map_err(wrong)?);
    }
    let own = own.into_iter().rfind(|profile| profile.metadata.name.as_ref() == Some(name));
    match (profiles::get(name), own) {
        (Some(_), Some(_)) => Err(wrong(format!("{name:?} is a profile that is built in: give yours another name"))),
        (Some(profile), None) | (None, Some(profile)) => Ok(profile),
        (None, None) => {
            let known: Vec<&str> = profiles::PROFILES.iter().map(|profile| profile.name).collect();
            Err(wrong(format!(
                "{}: spec.profileRef: no profile {name:?}: built in are {}; another one is a document of the manifest, or \
                 a file for --profile",
                documents.file,
                known.join(", ")
            )))
        }
    }
}

fn wrong(message: String) -> Refused {
    Refused { code: exit::USAGE, message }
}

/// An object that the API server would take.
fn valid<T: DeserializeOwned>(kind: &str, place: &str, object: Value) -> Result<T, String> {
    let meta = |field: &str| object.pointer(&format!("/metadata/{field}")).and_then(Value::as_str);
    let Some(name) = meta("name").filter(|name| !name.is_empty()) else {
        return Err(format!("{place}: metadata.name must be given"));
    };
    if name.len() > SUBDOMAIN || !name.split('.').all(is_label) {
        return Err(format!(
            "{place}: metadata.name: Invalid value: {name:?}: a lowercase RFC 1123 subdomain must consist of lower case \
             alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character, and have at most \
             {SUBDOMAIN} characters"
        ));
    }
    if let Some(namespace) = meta("namespace").filter(|namespace| namespace.len() > LABEL || !is_label(namespace)) {
        return Err(format!(
            "{place}: metadata.namespace: Invalid value: {namespace:?}: a lowercase RFC 1123 label must consist of lower \
             case alphanumeric characters or '-', and must start and end with an alphanumeric character, and have at most \
             {LABEL} characters"
        ));
    }
    let said = problems(kind, &object);
    if !said.is_empty() {
        let lines: Vec<String> = said.iter().take(TOLD).map(|what| format!("{place}: {what}")).collect();
        return Err(lines.join("\n"));
    }
    typed(place, object)
}

/// True for what may stand between the dots of a name.
fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

fn typed<T: DeserializeOwned>(place: &str, object: Value) -> Result<T, String> {
    serde_json::from_value(object).map_err(|error| format!("{place}: {error}"))
}
