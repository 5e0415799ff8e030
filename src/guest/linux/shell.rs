//! Files of assignments that a shell sources: ifcfg files, `/etc/rc.conf`.

use std::collections::BTreeMap;

/// Most assignments of one file that are kept.
const MAX_ASSIGNMENTS: usize = 2048;

/// The assignments of a file: of two to one name the later one counts.
#[derive(Debug, Clone, Default)]
pub struct Assignments {
    values: BTreeMap<String, (String, u32)>,
}

impl Assignments {
    /// Takes what `text` assigns, over what is there already.
    pub fn source(&mut self, text: &str) {
        for (line, number) in text.lines().zip(1_u32..) {
            let mut words = Words { rest: line.chars().peekable() };
            while let Some(word) = words.next_word() {
                let Some((name, value)) = word.split_once('=') else {
                    if matches!(word.as_str(), "export" | "declare" | "typeset" | "local") {
                        continue;
                    }
                    break;
                };
                let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
                if !is_name || name.starts_with(|c: char| c.is_ascii_digit()) {
                    break;
                }
                if self.values.len() < MAX_ASSIGNMENTS || self.values.contains_key(name) {
                    self.values.insert(name.to_owned(), (value.to_owned(), number));
                }
            }
        }
    }

    /// What `name` is assigned; empty where nothing is, as in a shell.
    pub fn get(&self, name: &str) -> &str {
        self.values.get(name).map(|(value, _)| value.as_str()).unwrap_or_default()
    }

    /// The line of the assignment to the first of `names` that there is one to.
    pub fn line(&self, names: &[&str]) -> u32 {
        names.iter().find_map(|name| self.values.get(*name)).map_or(1, |(_, line)| *line)
    }

    /// Every name and value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, u32)> {
        self.values.iter().map(|(name, (value, line))| (name.as_str(), value.as_str(), *line))
    }

    /// Whether `name` is `yes` and the like.
    pub fn yes(&self, name: &str) -> bool {
        ["yes", "true", "1", "y", "t", "on"].iter().any(|word| self.get(name).eq_ignore_ascii_case(word))
    }

    /// Whether `name` is `no` and the like.
    pub fn no(&self, name: &str) -> bool {
        ["no", "false", "0", "n", "f", "off"].iter().any(|word| self.get(name).eq_ignore_ascii_case(word))
    }
}

/// Words of a line as a shell splits them (POSIX, "Token Recognition"); what would have to be expanded stays as it is.
struct Words<'l> {
    rest: std::iter::Peekable<std::str::Chars<'l>>,
}

impl Words<'_> {
    fn next_word(&mut self) -> Option<String> {
        while self.rest.next_if(|c| c.is_whitespace() || *c == ';').is_some() {}
        if self.rest.peek().is_none_or(|c| *c == '#') {
            return None;
        }
        let mut word = String::new();
        let mut quote = None;
        while let Some(&c) = self.rest.peek() {
            if quote.is_none() && (c.is_whitespace() || c == ';') {
                break;
            }
            self.rest.next();
            match (c, quote) {
                (c, Some(q)) if c == q => quote = None,
                ('"' | '\'', None) => quote = Some(c),
                ('\\', None) => word.extend(self.rest.next()),
                ('\\', Some('"')) => match self.rest.next() {
                    Some(escaped @ ('"' | '\\' | '$' | '`')) => word.push(escaped),
                    other => word.extend(std::iter::once('\\').chain(other)),
                },
                (c, _) => word.push(c),
            }
        }
        Some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    const TEXT: &str = "# BOOTPROTO=no\nDEVICE=\"eth0\" # the first\nexport BOOTPROTO='dhcp'\nONBOOT=no;ONBOOT=yes\n\
        NAME=a\\ b\n A=\"x\\\"y\\z\"\nHASH=a#b\nEMPTY=\nB = c\nTWICE=1\nTWICE=2\n";
    const NAMES: &[&str] = &["DEVICE", "BOOTPROTO", "ONBOOT", "NAME", "A", "HASH", "EMPTY", "B", "TWICE", "NEVER"];

    #[test]
    fn assignments_are_what_a_shell_makes_of_them() {
        let mut found = Assignments::default();
        found.source(TEXT);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), TEXT).unwrap();
        for name in NAMES {
            let script = format!(". {} 2>/dev/null; printf %s \"${name}\"", file.path().display());
            let shell = Command::new("bash").args(["-c", &script]).output().expect("bash");
            assert_eq!(found.get(name), String::from_utf8(shell.stdout).unwrap(), "{name}");
        }
        assert_eq!(found.line(&["NEVER", "TWICE"]), 11);
    }

    #[test]
    fn what_is_no_assignment_is_passed_over() {
        let mut found = Assignments::default();
        found.source("x =1\nif y; then y=1; fi\na=\"b\\\"c\n");
        assert_eq!(found.iter().collect::<Vec<_>>(), [("a", "b\"c", 3)]);
    }

    #[test]
    fn hostile_text_ends() {
        let mut found = Assignments::default();
        found.source(&format!("A='{}\n{}\n", "x\\".repeat(50_000), "B=\"".repeat(50_000)));
        found.source(&(0..5000).map(|n| format!("V{n}=1")).collect::<Vec<_>>().join("\n"));
        assert!(found.iter().count() <= MAX_ASSIGNMENTS);
    }
}
