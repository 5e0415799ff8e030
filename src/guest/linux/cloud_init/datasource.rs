//! The effective `datasource_list`.

use serde_json::Value;

use crate::disk::{Error, Result};
use crate::guest::Tree;
use crate::guest::linux::{PATH_MAX, cut, names, optional, yaml};
use crate::inspect::facts::Datasources;

const CONFIG: &str = "/etc/cloud/cloud.cfg";
const DROP_INS: &str = "/etc/cloud/cloud.cfg.d";
const DS_IDENTIFY: &str = "/etc/cloud/ds-identify.cfg";
const KERNEL_LINE: &str = "kernel command line";
/// ds-identify's policy on the kernel command line.
const POLICY: &str = "ci.di.policy=";
/// Largest configuration file that is read, most of them, and most names that are kept.
const MAX_BYTES: usize = 256 * 1024;
const MAX_FILES: usize = 256;
const MAX_SOURCES: usize = 64;

/// The list that counts: nothing at all where ds-identify is told not to look, what the kernel line says, the last of
/// cloud.cfg and its drop-ins in order. `None` where nothing sets it.
///
/// # Errors
/// `Unsupported` for a file that is not YAML as this program reads it, and what the filesystem reports.
pub fn read(tree: &Tree, command_line: Option<&str>) -> Result<Option<Datasources>> {
    let command_line = command_line.unwrap_or_default();
    let identify = optional(tree.read_text(DS_IDENTIFY, MAX_BYTES))?.unwrap_or_default();
    // As ds-identify reads them: the kernel line's policy counts instead of the file's, and "disabled" before any ds=.
    let policy = last(command_line, POLICY).map(|policy| (format!("{POLICY}{policy}"), KERNEL_LINE, policy));
    let policy = policy.or_else(|| file_policy(&identify).map(|p| (format!("policy: {p}"), DS_IDENTIFY, p)));
    if let Some((line, place, policy)) = policy
        && policy.split(',').next() == Some("disabled")
    {
        let line = Some(cut(&line, 64));
        return Ok(Some(Datasources { list: vec!["None".to_owned()], place: place.to_owned(), line }));
    }
    if let Some(list) = from_command_line(command_line) {
        // What follows the name may hold an address with a password.
        let line = last(command_line, "ds=").and_then(|ds| ds.split(';').next()).map(|ds| cut(&format!("ds={ds}"), 64));
        return Ok(Some(Datasources { list, place: KERNEL_LINE.to_owned(), line }));
    }
    let mut effective = None;
    for path in files(tree)? {
        let Some(text) = optional(tree.read_text(&path, MAX_BYTES))? else { continue };
        if let Some(list) = named(&text, &path)? {
            effective = Some(Datasources { list, place: cut(&path, PATH_MAX), line: None });
        }
    }
    Ok(effective)
}

/// cloud.cfg and its drop-ins, in the order in which later ones win.
///
/// # Errors
/// `Limit` for more than 256, and what the filesystem reports.
#[expect(clippy::case_sensitive_file_extension_comparisons, reason = "as cloud-init compares")]
pub fn files(tree: &Tree) -> Result<Vec<String>> {
    let drop_ins = names(tree, DROP_INS)?.into_iter().filter(|name| name.ends_with(".cfg"));
    let files: Vec<String> =
        std::iter::once(CONFIG.to_owned()).chain(drop_ins.map(|name| format!("{DROP_INS}/{name}"))).collect();
    if files.len() > MAX_FILES {
        return Err(Error::limit("cloud-init", format!("more than {MAX_FILES} files in {DROP_INS}")));
    }
    Ok(files)
}

/// The `datasource_list` of one file, where it has one.
fn named(text: &str, path: &str) -> Result<Option<Vec<String>>> {
    // Most files do not speak of it, whatever else they hold.
    if !text.contains("datasource_list") {
        return Ok(None);
    }
    let names = match yaml::parse(text, path)?.remove("datasource_list") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(names)) => names,
        Some(name) => vec![name],
    };
    let names = names.into_iter().take(MAX_SOURCES).map(|name| match name {
        Value::String(name) => Some(cut(&name, 64)),
        // PyYAML reads the word None as text, and null as nothing.
        Value::Null => Some("None".to_owned()),
        _ => None,
    });
    let names: Option<Vec<String>> = names.collect();
    let names = names.ok_or_else(|| {
        Error::unsupported("cloud-init", format!("{}: datasource_list is not a list of names", cut(path, 64)))
    });
    names.map(Some)
}

/// `ds=nocloud;...`, `ds=nocloud-net`, `ds=[A, B]` (cloud-init's documentation, "Datasource identification").
fn from_command_line(line: &str) -> Option<Vec<String>> {
    let value = last(line, "ds=")?.trim_matches(['[', ']']);
    let names = value.split(',').map(|name| name.split(';').next().unwrap_or_default().trim());
    let names: Vec<String> = names.filter(|n| !n.is_empty()).take(MAX_SOURCES).map(|n| cut(n, 64)).collect();
    (!names.is_empty()).then_some(names)
}

/// What follows `key` in the last word of a kernel command line that begins with it.
fn last<'l>(line: &'l str, key: &str) -> Option<&'l str> {
    line.split_whitespace().filter_map(|word| word.strip_prefix(key)).next_back()
}

/// The last `policy:` of ds-identify.cfg.
fn file_policy(text: &str) -> Option<&str> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    lines.filter_map(|line| line.strip_prefix("policy:")).map(str::trim).next_back()
}
