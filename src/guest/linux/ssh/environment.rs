//! Variables of a unit, and a command line with them put in (systemd.exec(5), "Environment"; systemd.service(5), "Command
//! lines").

use std::collections::BTreeMap;

use super::config::text_of;
use crate::disk::Result;
use crate::guest::Tree;
use crate::guest::linux::services::systemd::unit::{Unit, parse};
use crate::guest::linux::{cut, glob};

/// Most files that one pattern finds.
const MAX_FILES: usize = 64;

/// What is known of the variables.
#[derive(Debug, Default)]
pub struct Environment {
    /// By name: value and place.
    set: BTreeMap<String, (String, String)>,
    /// A file that the image does not have, as it is made at each boot.
    hidden: Option<String>,
}

impl Environment {
    /// Of a unit. `Err` is a file that is asked for and not there, and the line: the service does not start then.
    ///
    /// # Errors
    /// What the filesystem reports.
    pub fn of(tree: &Tree, unit: &Unit) -> Result<std::result::Result<Self, (String, String)>> {
        let mut found = Self::default();
        for entry in unit.list("Service", "Environment") {
            for word in words(&entry.value) {
                if let Some((name, value)) = word.split_once('=') {
                    found.set.insert(name.to_owned(), (value.to_owned(), entry.place.clone()));
                }
            }
        }
        // Files count after the former, the last of them most.
        for entry in unit.list("Service", "EnvironmentFile") {
            let (wanted, path) =
                entry.value.strip_prefix('-').map_or((true, entry.value.as_str()), |path| (false, path));
            if !path.starts_with('/') {
                continue;
            }
            if path.contains('%') || path.starts_with("/run/") {
                found.hidden = Some(format!("{}: EnvironmentFile={}", entry.place, cut(path, 64)));
                continue;
            }
            let files = glob::expand(tree, path, MAX_FILES)?;
            if files.is_empty() && wanted {
                return Ok(Err((format!("EnvironmentFile={} that is not there", cut(path, 64)), entry.place.clone())));
            }
            for file in files {
                for line in parse(&text_of(tree, &file)?, &file) {
                    let value = line.value.trim_matches(['"', '\'']).to_owned();
                    found.set.insert(line.key, (value, line.place));
                }
            }
        }
        Ok(Ok(found))
    }

    /// The words of a command line, each with the place that it comes from; `Err` says why they are not known.
    pub fn expand(&self, line: &str, place: &str) -> std::result::Result<Vec<(String, String)>, String> {
        let mut found = Vec::new();
        for word in words(line) {
            if let Some(name) = word.strip_prefix('$').filter(|name| is_name(name)) {
                let Some((value, from)) = self.get(name)? else { continue };
                found.extend(words(value).into_iter().map(|word| (word, from.to_owned())));
                continue;
            }
            let mut whole = String::new();
            let mut from = place;
            let mut rest = word.as_str();
            while let Some((before, after)) = rest.split_once('$') {
                whole.push_str(before);
                let inner = after.strip_prefix('{').and_then(|after| after.split_once('}'));
                rest = if let Some((name, after)) = inner.filter(|(name, _)| is_name(name)) {
                    if let Some((value, of)) = self.get(name)? {
                        whole.push_str(value);
                        from = of;
                    }
                    after
                } else {
                    whole.push('$');
                    after.strip_prefix('$').unwrap_or(after)
                };
            }
            whole.push_str(rest);
            found.push((whole, from.to_owned()));
        }
        Ok(found)
    }

    fn get(&self, name: &str) -> std::result::Result<Option<(&str, &str)>, String> {
        match (self.set.get(name), &self.hidden) {
            (_, Some(hidden)) => Err(format!("what {hidden} sets is made at boot")),
            (set, None) => Ok(set.map(|(value, place)| (value.as_str(), place.as_str()))),
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The words of a line of a unit: quotes hold white space, a backslash the next character (systemd.syntax(7), "Quoting").
pub fn words(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (_, '\\') => word.get_or_insert_default().extend(chars.next()),
            (None, c) if c.is_whitespace() => found.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    found.extend(word);
    found
}
