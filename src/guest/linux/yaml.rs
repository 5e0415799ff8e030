//! YAML as values, and what netplan's and cloud-init's programs make of several files of it.

use serde_json::{Map, Value};
use serde_saphyr::DuplicateKeyPolicy;

use crate::disk::{Error, Result};
use crate::guest::linux::cut;

/// The mapping of one file; an empty file is an empty mapping.
///
/// # Errors
/// `Unsupported` where it is no mapping as this program reads YAML.
pub fn parse(text: &str, path: &str) -> Result<Map<String, Value>> {
    // As PyYAML and netplan do, of two values of one key the later one is taken.
    let options = serde_saphyr::options! { duplicate_keys: DuplicateKeyPolicy::LastWins };
    match serde_saphyr::from_str_with_options(text, options) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(Value::Null) => Ok(Map::new()),
        _ => Err(Error::unsupported("YAML", format!("{} is not a YAML mapping", cut(path, 64)))),
    }
}

/// Lays `over` on `under`: mappings are merged, lists joined where `lists` says so, all else is replaced.
pub fn merge(under: &mut Map<String, Value>, over: Map<String, Value>, lists: bool) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => merge(old, new, lists),
            (Some(Value::Array(old)), Value::Array(new)) if lists => {
                // netplan does not take an item twice.
                for item in new {
                    if !old.contains(&item) {
                        old.push(item);
                    }
                }
            }
            (_, value) => drop(under.insert(key, value)),
        }
    }
}

/// A boolean, as YAML 1.1 has them: YAML 1.2 takes `yes` for text.
pub fn truth(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(is)) => *is,
        Some(Value::String(word)) => ["true", "yes", "on", "y"].iter().any(|yes| word.eq_ignore_ascii_case(yes)),
        _ => false,
    }
}

/// Text, or a number as it would be written.
pub fn word(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

/// The items of a list; none where it is none.
pub fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The line of the last `key:` in a text, or 1.
pub fn line_of(text: &str, key: &str) -> Option<u32> {
    let is_key = |line: &str| {
        let line = line.trim_start().trim_start_matches("- ").trim_start_matches(['"', '\'']);
        line.strip_prefix(key).is_some_and(|rest| rest.trim_start_matches(['"', '\'']).starts_with(':'))
    };
    text.lines().zip(1_u32..).filter(|(line, _)| is_key(line)).map(|(_, number)| number).last()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_what_the_guest_s_own_programs_make_of_them() {
        let map = parse("dhcp4: yes\nmac: 52:54:00:12:34:56\ntwice: 1\ntwice: 2\n", "/x").unwrap();
        assert!(truth(map.get("dhcp4")));
        assert_eq!((word(map.get("mac")), word(map.get("twice"))), ("52:54:00:12:34:56".to_owned(), "2".to_owned()));
        assert!(parse("", "/x").unwrap().is_empty());
        assert!(parse("- a\n", "/x").is_err() && parse("a: [", "/x").is_err());
    }

    #[test]
    fn mappings_are_merged_and_lists_joined_where_asked() {
        let of = |text: &str| parse(text, "/x").unwrap();
        let mut joined = of("a: {b: 1, c: [1, 2]}\n");
        merge(&mut joined, of("a: {b: 2, c: [2, 3]}\n"), true);
        assert_eq!(joined, of("a: {b: 2, c: [1, 2, 3]}\n"));
        let mut replaced = of("a: {c: [1, 2]}\n");
        merge(&mut replaced, of("a: {c: [3]}\n"), false);
        assert_eq!(replaced, of("a: {c: [3]}\n"));
    }
}
