//! Shell patterns (glob(7)): `*`, `?`, `[a-z]`, `[!x]` in the names of files.

use super::names;
use crate::disk::{Error, Result};
use crate::guest::Tree;

/// Whether a name fits a pattern. A slash is a character as any other: patterns of paths are taken apart before.
pub fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0_usize, 0_usize);
    // Where the last star was, and how far the name went then: it may take one character more.
    let mut star: Option<(usize, usize)> = None;
    loop {
        let fits = match (pattern.get(p), name.get(n)) {
            (None, None) => return true,
            (Some('*'), _) => {
                star = Some((p, n));
                p = p.saturating_add(1);
                continue;
            }
            (Some(_), Some(c)) => one(pattern.get(p..).unwrap_or_default(), *c),
            _ => None,
        };
        match (fits, star) {
            (Some(len), _) => (p, n) = (p.saturating_add(len), n.saturating_add(1)),
            (None, Some((at, from))) if from < name.len() => {
                let next = from.saturating_add(1);
                star = Some((at, next));
                (p, n) = (at.saturating_add(1), next);
            }
            (None, _) => return false,
        }
    }
}

/// How many characters of the pattern fit the one of the name.
fn one(pattern: &[char], c: char) -> Option<usize> {
    match pattern {
        ['?', ..] => Some(1),
        ['\\', escaped, ..] => (*escaped == c).then_some(2),
        ['[', rest @ ..] => match set(rest) {
            Some((negated, set, len)) => (in_set(set, c) != negated).then_some(len),
            None => (c == '[').then_some(1),
        },
        [plain, ..] => (*plain == c).then_some(1),
        [] => None,
    }
}

/// The set after `[`: whether it is negated, its characters, and the length of all of it. A `]` in first place is a
/// character.
fn set(rest: &[char]) -> Option<(bool, &[char], usize)> {
    let negated = matches!(rest, ['!' | '^', ..]);
    let start = usize::from(negated);
    let first = start.checked_add(1)?;
    let end = rest.iter().skip(first).position(|c| *c == ']')?.checked_add(first)?;
    Some((negated, rest.get(start..end)?, end.checked_add(2)?))
}

fn in_set(set: &[char], c: char) -> bool {
    let mut rest = set;
    loop {
        rest = match rest {
            [] => return false,
            [low, '-', high, ..] if (*low..=*high).contains(&c) => return true,
            [_, '-', _, after @ ..] => after,
            [one, ..] if *one == c => return true,
            [_, after @ ..] => after,
        };
    }
}

/// The files that fit a pattern of paths, sorted as glob(3) sorts; a pattern without a star is a path.
///
/// # Errors
/// `Limit` for more than `max`, and what the filesystem reports.
pub fn expand(tree: &Tree, pattern: &str, max: usize) -> Result<Vec<String>> {
    let mut found = vec![String::new()];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        let mut next = Vec::new();
        for base in &found {
            if !part.contains(['*', '?', '[']) {
                next.push(format!("{base}/{part}"));
                continue;
            }
            let dir = if base.is_empty() { "/" } else { base };
            let names = names(tree, dir)?;
            // A star does not find hidden files.
            let fit = names.iter().filter(|name| part.starts_with('.') || !name.starts_with('.'));
            next.extend(fit.filter(|name| matches(part, name)).map(|name| format!("{base}/{name}")));
            if next.len() > max {
                return Err(Error::limit("glob", format!("more than {max} files fit {}", super::cut(pattern, 64))));
            }
        }
        found = next;
    }
    let mut there = Vec::new();
    for path in found {
        if tree.exists(&path)? {
            there.push(path);
        }
    }
    Ok(there)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::testing::MemoryFs;

    #[test]
    fn patterns_fit_as_the_shell_s() {
        for (pattern, name, fits) in [
            ("*", "", true),
            ("*.conf", "a.conf", true),
            ("*.conf", "a.conf.bak", false),
            ("a*b*c", "aXbYbc", true),
            ("a*b*c", "aXbYb", false),
            ("[0-9]?-[!x]", "1a-y", true),
            ("[0-9]?-[!x]", "1a-x", false),
            ("[]a]", "]", true),
            ("[a", "[a", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("en[ops]*", "ens3", true),
            ("en[ops]*", "enx0", false),
            ("eth?", "eth0", true),
            ("eth?", "eth10", false),
            ("*a*b", "xaxbab", true),
            ("[!a-c]x", "dx", true),
            ("[!a-c]x", "bx", false),
            ("[", "a", false),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
        assert!(!matches(&"*a".repeat(2000), &"a".repeat(3000).replace('a', "b")));
    }

    #[test]
    fn paths_are_sorted_and_hidden_files_are_not_found() {
        let files = [("/etc/x/b.conf", ""), ("/etc/x/a.conf", ""), ("/etc/x/.c.conf", ""), ("/etc/x/a.conf~", "")];
        let tree = MemoryFs::of_texts(&files).tree();
        assert_eq!(expand(&tree, "/etc/x/*.conf", 9).unwrap(), ["/etc/x/a.conf", "/etc/x/b.conf"]);
        assert_eq!(expand(&tree, "/etc/*/a.conf", 9).unwrap(), ["/etc/x/a.conf"]);
        assert!(expand(&tree, "/nowhere/*", 9).unwrap().is_empty() && expand(&tree, "/etc/x/z", 9).unwrap().is_empty());
        assert!(expand(&tree, "/etc/x/*", 1).is_err());
    }
}
