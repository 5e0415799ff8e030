//! Directories of small files, read with bounds.

use crate::disk::{Error, Result};
use crate::guest::Tree;
use crate::guest::linux::{cut, optional};

pub const LAYER: &str = "network";
/// Largest file that is read.
pub const MAX_BYTES: usize = 256 * 1024;
/// Most files of one directory that are read.
const MAX_FILES: usize = 256;
/// Most names of a directory.
const MAX_NAMES: usize = 4096;

/// The names in a directory, sorted; none where it is not there.
///
/// # Errors
/// What the filesystem reports.
pub fn names(tree: &Tree, dir: &str) -> Result<Vec<String>> {
    Ok(optional(tree.list(dir, MAX_NAMES))?.unwrap_or_default())
}

/// The text of a file; `None` where it is not there.
///
/// # Errors
/// What the filesystem reports.
pub fn text(tree: &Tree, path: &str) -> Result<Option<String>> {
    optional(tree.read_text(path, MAX_BYTES))
}

/// The names of a directory that `wanted` takes.
///
/// # Errors
/// `Limit` where they are more than 256, and what the filesystem reports.
pub fn wanted(tree: &Tree, dir: &str, wanted: impl Fn(&str) -> bool) -> Result<Vec<String>> {
    let names: Vec<String> = names(tree, dir)?.into_iter().filter(|name| wanted(name)).collect();
    if names.len() > MAX_FILES {
        return Err(Error::limit(LAYER, format!("more than {MAX_FILES} files in {}", cut(dir, 64))));
    }
    Ok(names)
}

/// Files of several directories, sorted by name; of two of one name, that of the earlier directory counts.
///
/// # Errors
/// As [`wanted`].
pub fn layered(tree: &Tree, dirs: &[&str], take: impl Fn(&str) -> bool) -> Result<Vec<(String, String)>> {
    let mut found = std::collections::BTreeMap::new();
    for dir in dirs {
        for name in wanted(tree, dir, &take)? {
            let path = format!("{dir}/{name}");
            found.entry(name).or_insert(path);
        }
    }
    Ok(found.into_iter().collect())
}

/// Whether `text` matches a shell pattern of `*`, `?` and `[...]` (fnmatch(3)).
pub fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0_usize, 0_usize);
    // Where to go on when what follows the last star does not match.
    let mut star: Option<(usize, usize)> = None;
    while let Some(&c) = text.get(t) {
        match step(pattern.get(p..).unwrap_or_default(), c) {
            Step::Star => {
                star = Some((p, t));
                p = p.saturating_add(1);
            }
            Step::Takes(len) => {
                p = p.saturating_add(len);
                t = t.saturating_add(1);
            }
            Step::Fails => match star {
                Some((at, from)) => {
                    p = at.saturating_add(1);
                    t = from.saturating_add(1);
                    star = Some((at, t));
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|c| *c == '*')
}

enum Step {
    Star,
    /// The character matches so many characters of the pattern.
    Takes(usize),
    Fails,
}

fn step(pattern: &[char], c: char) -> Step {
    match pattern {
        ['*', ..] => Step::Star,
        ['?', ..] => Step::Takes(1),
        ['[', rest @ ..] => match rest.iter().skip(1).position(|c| *c == ']').map(|at| at.saturating_add(1)) {
            Some(end) => {
                let set = rest.get(..end).unwrap_or_default();
                let (not, set) = match set {
                    ['!' | '^', set @ ..] => (true, set),
                    set => (false, set),
                };
                if in_set(set, c) == not { Step::Fails } else { Step::Takes(end.saturating_add(2)) }
            }
            None if c == '[' => Step::Takes(1),
            None => Step::Fails,
        },
        ['\\', literal, ..] if *literal == c => Step::Takes(2),
        [literal, ..] if *literal == c => Step::Takes(1),
        _ => Step::Fails,
    }
}

fn in_set(mut set: &[char], c: char) -> bool {
    loop {
        set = match set {
            [low, '-', high, rest @ ..] => {
                if (*low..=*high).contains(&c) {
                    return true;
                }
                rest
            }
            [one, rest @ ..] => {
                if *one == c {
                    return true;
                }
                rest
            }
            [] => return false,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_the_shell_s() {
        for (pattern, text) in
            [("e*", "eth0"), ("en[ops]*", "ens3"), ("*", ""), ("eth?", "eth0"), ("*a*b", "xaxbab"), ("[!a-c]x", "dx")]
        {
            assert!(glob(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("e*", "wlan0"), ("en[ops]*", "enx0"), ("eth?", "eth10"), ("[!a-c]x", "bx"), ("[", "a")]
        {
            assert!(!glob(pattern, text), "{pattern} {text}");
        }
        let long = "*a".repeat(2000);
        assert!(!glob(&long, &"a".repeat(1999)));
    }
}
