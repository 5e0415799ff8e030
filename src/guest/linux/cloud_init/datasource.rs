//! The effective `datasource_list`.

use serde_json::Value;

use super::identify::{self, Identify, KERNEL_LINE, Mode, Setting};
use super::{MAX_BYTES, MAX_SOURCES};
use crate::disk::{Error, Result};
use crate::guest::Tree;
use crate::guest::linux::{PATH_MAX, cut, names, optional, yaml};
use crate::inspect::facts::Datasources;

const CONFIG: &str = "/etc/cloud/cloud.cfg";
const DROP_INS: &str = "/etc/cloud/cloud.cfg.d";
/// With it ds-identify leaves the choice to what an earlier boot chose.
const CHOSEN_BEFORE: &str = "/var/lib/cloud/instance/manual-clean";
/// Most files that are read, and most characters of a setting that are kept.
const MAX_FILES: usize = 256;
const LINE: usize = 64;

/// The list that counts: what ds-identify makes of it where that runs, else what the kernel line says, else the last of
/// cloud.cfg and its drop-ins in order. `None` where nothing sets it.
///
/// # Errors
/// `Unsupported` for a file that is not YAML as this program reads it, and what the filesystem reports.
pub fn read(tree: &Tree, command_line: &str, identify: Option<&Identify>) -> Result<Option<Datasources>> {
    let Some(identify) = identify.filter(|identify| identify.runs) else {
        return unaided(tree, command_line, identify);
    };
    let chooses = identify.mode == Mode::Search && !tree.exists(CHOSEN_BEFORE)?;
    let searched = |names: &[String]| chooses && identify.off_where_none && !single(names);
    if let Some(list) = identify::on_kernel_line(command_line) {
        let line = Some(cut(&format!("cc: datasource_list: [{}]", list.join(", ")), LINE));
        let searched = identify.datasource.is_none() && searched(&list);
        return Ok(Some(Datasources { list, place: KERNEL_LINE.to_owned(), line, searched }));
    }
    if !chooses {
        return in_files(tree);
    }
    if let Some(setting) = &identify.datasource {
        return Ok(Some(only(setting)));
    }
    let list = identify::list(tree)?;
    let by_line = identify.nocloud.as_ref().filter(|_| match &list {
        Some((names, _)) => names.iter().any(|name| name == "NoCloud") && !single(names),
        None => true,
    });
    if let Some(setting) = by_line {
        return Ok(Some(only(setting)));
    }
    Ok(match list {
        // Where none of them is found, cloud-init goes by the list as it reads it itself.
        Some((names, _)) if !single(&names) && !identify.off_where_none => in_files(tree)?,
        Some((names, path)) => {
            let searched = searched(&names);
            let list = names.iter().map(|name| cut(name, LINE)).collect();
            Some(Datasources { list, place: cut(&path, PATH_MAX), line: None, searched })
        }
        // A list that ds-identify does not see is no list.
        None => in_files(tree)?.map(|set| Datasources { list: Vec::new(), ..set }),
    })
}

/// Whether ds-identify hands on a list without looking for what it names.
fn single(names: &[String]) -> bool {
    match names {
        [_] => true,
        [_, second] => second == "None",
        _ => false,
    }
}

/// The one that a setting names.
fn only(setting: &Setting) -> Datasources {
    Datasources {
        list: vec![cut(&setting.value, LINE)],
        place: setting.place.to_owned(),
        line: Some(cut(&setting.line, LINE)),
        searched: false,
    }
}

/// The list of a cloud-init that no ds-identify helps, as far as this program knows.
fn unaided(tree: &Tree, command_line: &str, identify: Option<&Identify>) -> Result<Option<Datasources>> {
    if let Some(identify) = identify.filter(|identify| identify.mode == Mode::Disabled)
        && let Some(policy) = &identify.policy
    {
        return Ok(Some(Datasources { list: vec!["None".to_owned()], ..only(policy) }));
    }
    if let Some(list) = from_command_line(command_line) {
        // What follows the name may hold an address with a password.
        let line =
            last(command_line, "ds=").and_then(|ds| ds.split(';').next()).map(|ds| cut(&format!("ds={ds}"), LINE));
        return Ok(Some(Datasources { list, place: KERNEL_LINE.to_owned(), line, searched: false }));
    }
    in_files(tree)
}

/// The last list of cloud.cfg and its drop-ins, as cloud-init reads it.
fn in_files(tree: &Tree) -> Result<Option<Datasources>> {
    let mut effective = None;
    for path in files(tree)? {
        let Some(text) = optional(tree.read_text(&path, MAX_BYTES))? else { continue };
        if let Some(list) = named(&text, &path)? {
            effective = Some(Datasources { list, place: cut(&path, PATH_MAX), line: None, searched: false });
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
