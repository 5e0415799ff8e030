//! A profile in a file of its author's: what the API server would ignore or refuse is refused here, by its line.

use kube::Resource;
use serde_json::Value;

use super::check::problem;
use crate::api::ImportProfile;
use crate::api::structure::{NO_SUCH_FIELD, problems};

/// A profile's text, and what is wrong with it: `FILE:LINE: what`.
///
/// A field that is not known is an error: the API server drops it, and with a misspelt one goes what it should ask for.
///
/// # Errors
/// That sentence.
pub fn parse(file: &str, text: &str) -> Result<ImportProfile, String> {
    let at = |line: Option<usize>| line.map(|number| format!(":{number}")).unwrap_or_default();
    let profile: ImportProfile = serde_yaml::from_str(text).map_err(|error| format!("{file}: {error}"))?;
    let object: Value = serde_yaml::from_str(text).map_err(|error| format!("{file}: {error}"))?;
    for (field, wanted) in [("apiVersion", ImportProfile::api_version(&())), ("kind", ImportProfile::kind(&()))] {
        let given = object.get(field).and_then(Value::as_str).unwrap_or_default();
        if given != wanted {
            return Err(format!("{file}{}: {field} is {given:?}, not {wanted}", at(line_of(text, field))));
        }
    }
    if profile.metadata.name.as_deref().is_none_or(str::is_empty) {
        return Err(format!("{file}: metadata.name is empty: reports and imports name a profile by it"));
    }
    let said = problems("ImportProfile", &object);
    let at_field = |said: &String| {
        let path = said.split(": ").next().unwrap_or_default();
        format!("{file}{}: {said}", at(line_of(text, path)))
    };
    if let Some(unknown) = said.iter().find(|said| said.ends_with(NO_SUCH_FIELD)) {
        return Err(at_field(unknown));
    }
    match (problem(&profile.spec), said.first()) {
        (Some(problem), _) => Err(format!("{file}{}: {}", at(problem.line(text)), problem.message)),
        (None, Some(said)) => Err(at_field(said)),
        (None, None) => Ok(profile),
    }
}

/// The line, counted from 1, of the field at a path as `spec.rules[2].name`; where it is not there, that of what it is
/// missing from.
fn line_of(text: &str, path: &str) -> Option<usize> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = None;
    let mut from = 0;
    for part in path.split('.') {
        let (key, index) = part.split_once('[').unwrap_or((part, ""));
        let Some(at) = lines.iter().skip(from).position(|line| has_key(line, key)) else { break };
        from = from.saturating_add(at);
        found = Some(from.saturating_add(1));
        let Ok(index) = index.trim_end_matches(']').parse::<usize>() else { continue };
        if let Some(item) = item(&lines, from, index) {
            from = item;
            found = Some(item.saturating_add(1));
        }
    }
    found
}

/// Whether a line has that key, in a block or between braces.
fn has_key(line: &str, key: &str) -> bool {
    let line = line.split(" #").next().unwrap_or_default();
    let outside = |before: &str| before.chars().next_back().is_none_or(|c| " \t{,-\"'".contains(c));
    let ends = |after: &str| after.trim_start_matches(['"', '\'']).starts_with(':');
    line.match_indices(key).any(|(at, _)| {
        let (before, rest) = line.split_at(at);
        outside(before) && rest.strip_prefix(key).is_some_and(ends)
    })
}

/// The line of an item of the list below a line, where each item begins one.
fn item(lines: &[&str], below: usize, index: usize) -> Option<usize> {
    let indent = |line: &str| line.chars().take_while(|c| *c == ' ').count();
    let starts = |line: &&str| line.trim_start().starts_with("- ");
    let first = lines.get(below.checked_add(1)?).filter(|line| starts(line))?;
    let depth = indent(first);
    let items = lines.iter().enumerate().skip(below.saturating_add(1));
    items
        .take_while(|(_, line)| indent(line) >= depth || line.trim().is_empty())
        .filter(|(_, line)| indent(line) == depth && starts(line))
        .nth(index)
        .map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profiles::PROFILES;

    /// The text of the first built-in profile with a change, and the error that it makes.
    fn refused(from: &str, to: &str) -> (String, String) {
        let text = PROFILES[0].yaml.replacen(from, to, 1);
        assert_ne!(text, PROFILES[0].yaml, "{from}");
        let error = parse("mine.yaml", &text).expect_err(to);
        (text, error)
    }

    fn line(text: &str, part: &str) -> usize {
        text.lines().position(|line| line.contains(part)).unwrap() + 1
    }

    #[test]
    fn a_misspelt_field_is_refused_at_its_line() {
        for (from, to, path) in [
            ("virtualSizeGiB:", "virtualSizeGib:", "spec.limits.virtualSizeGib"),
            ("  datasource:", "  dataSource:", "spec.dataSource"),
            ("spec:\n", "spec:\n  extra: {name: x}\n", "spec.extra"),
            ("spec:\n", "limits: {}\nspec:\n", "limits"),
            ("{name: Debian, ids", "{name: Debian, version: [\"7\"], ids", "spec.operatingSystems[2].version"),
            (
                "    - code: PartitionNotPresent\n",
                "    - code: PartitionNotPresent\n      ru: x\n",
                "spec.handling[3].ru",
            ),
            // A name that another object of the profile has.
            ("{name: Ubuntu, ids", "{name: Ubuntu, action: Warn, ids", "spec.operatingSystems[1].action"),
        ] {
            let (text, error) = refused(from, to);
            let at = line(&text, to.lines().find(|line| line.contains(path.rsplit('.').next().unwrap())).unwrap());
            assert_eq!(error, format!("mine.yaml:{at}: {path}: there is no such field"));
        }
    }

    #[test]
    fn another_kind_of_object_is_refused() {
        let (_, error) = refused("kind: ImportProfile", "kind: ImportProfil");
        assert_eq!(error, "mine.yaml:3: kind is \"ImportProfil\", not ImportProfile");
        let (_, error) = refused("apiVersion: imageimport.dev/v1alpha1", "apiVersion: imageimport.dev/v1");
        assert_eq!(error, "mine.yaml:2: apiVersion is \"imageimport.dev/v1\", not imageimport.dev/v1alpha1");
        let (_, error) = refused("kind: ImportProfile\n", "");
        assert_eq!(error, "mine.yaml: kind is \"\", not ImportProfile");
    }

    #[test]
    fn words_of_no_meaning_are_refused_at_their_line() {
        let (text, error) = refused("formats: [RAW, ", "formats: [VHDX, RAW, ");
        assert!(error.starts_with(&format!("mine.yaml:{}: VHDX is no format", line(&text, "VHDX"))), "{error}");
        let (text, error) = refused("ids: [debian]", "ids: []");
        let at = line(&text, "name: Debian");
        assert_eq!(
            error,
            format!("mine.yaml:{at}: operatingSystems: \"Debian\" has no ids, and no system would be it")
        );
    }

    #[test]
    fn built_in_profiles_are_as_a_file_of_an_author_s_has_to_be() {
        for profile in PROFILES {
            assert_eq!(parse(profile.name, profile.yaml).err(), None);
        }
    }
}
