//! Which entry of a menu GRUB starts by itself, and what that loads.

use std::rc::Rc;

use super::parse::{Block, Command, Piece, Word};
use super::run::Runner;
use super::state::{Arg, Entry, Loads, State};
use crate::disk::{Error, Result};
use crate::guest::linux::cut;

const LAYER: &str = "grub.cfg";
/// Deepest nesting of submenus.
const MAX_DEPTH: u32 = 8;

/// The default entry, through all submenus, and what it loads.
///
/// # Errors
/// `Unsupported` where that depends on what is not known here, `Limit`, and what reading the guest's files reports.
pub fn choose(runner: &mut Runner, state: &mut State) -> Result<(Rc<Entry>, Loads)> {
    for _ in 0..MAX_DEPTH {
        state.settled()?;
        if let Some(place) = &state.started {
            return Ok((unlisted(place), std::mem::take(&mut state.loads)));
        }
        let default = state.get("default");
        let Some(default) = default.value() else {
            return Err(Error::unsupported(LAYER, "the default entry depends on what is not known here"));
        };
        let (here, below) = split_path(default);
        let entry = state.entries.get(position(state, &here)?).cloned();
        let entry = entry.ok_or_else(|| match state.nowhere.as_ref().filter(|_| state.certain.is_none()) {
            Some(nowhere) => Error::not_found(LAYER, format!("{nowhere}, and GRUB finds no menu")),
            None => Error::unsupported(LAYER, "it has no menu entry"),
        })?;
        if !entry.submenu {
            let loads = loads(runner, state, &entry)?;
            return Ok((entry, loads));
        }
        state.enter();
        state.ended = false;
        state.set("default", Arg::known(&below))?;
        runner.block(&entry.body, state, &[], 0)?;
    }
    Err(Error::limit(LAYER, format!("submenus nested deeper than {MAX_DEPTH}")))
}

/// What makes GRUB wait for somebody at the keyboard, before it starts an entry: a timeout that is not set, or no number
/// of seconds (normal/menu.c, `grub_menu_get_timeout`). What is not known is not told.
pub fn waits(menu: &State) -> Option<String> {
    if menu.started.is_some() || menu.settled().is_err() {
        return None;
    }
    let timeout = menu.get("timeout");
    let timeout = timeout.value()?.trim();
    match leading_number(timeout) {
        Some(_) => None,
        None if timeout.is_empty() => Some("no timeout is set".to_owned()),
        None => Some(format!("timeout={}", cut(timeout, 32))),
    }
}

/// What a configuration starts by itself, as an entry: it has no title but the command that starts it.
fn unlisted(place: &str) -> Rc<Entry> {
    let title = Arg::known("boot");
    let (id, body) = (title.clone(), Rc::default());
    Rc::new(Entry { title, id, body, submenu: false, place: place.to_owned(), restricted: false, loads: None })
}

/// What the default variable says of this menu, and of the submenu it leads to: cut at the first single `>`.
fn split_path(default: &str) -> (String, String) {
    let mut here = String::new();
    let mut rest = default.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '>' && rest.next_if_eq(&'>').is_none() {
            return (here, rest.collect());
        }
        here.push(c);
    }
    (here, String::new())
}

/// The index that GRUB takes: an entry with that title or id; else the number it begins with; else the first.
///
/// GRUB before 2.12 took a number at the beginning first. Where the two differ, only entries of BLS files are decided:
/// the GRUB that has those has the later order, too.
fn position(state: &State, wanted: &str) -> Result<usize> {
    let depends = || Error::unsupported(LAYER, "the default entry depends on what is not known here");
    let sure = state.certain.unwrap_or(state.entries.len());
    let is = |entry: &Entry| entry.title.value() == Some(wanted) || entry.id.value() == Some(wanted);
    let unclear = |entry: &Entry| !entry.title.whole || !entry.id.whole;
    let named = state.entries.iter().take(sure).position(|entry| is(entry) || unclear(entry));
    let number = leading_number(wanted).map(|n| if n < state.entries.len() { n } else { 0 });
    let found = match (named, number) {
        (Some(at), _) if state.entries.get(at).is_some_and(|entry| !is(entry)) && number.is_none() => {
            return Err(depends());
        }
        (Some(at), number) if state.entries.get(at).is_some_and(|entry| is(entry)) => {
            let by_file = state.entries.get(at).is_some_and(|entry| entry.loads.is_some());
            if number.is_some_and(|number| number != at) && !by_file {
                return Err(Error::unsupported(LAYER, "which entry is the default depends on the version of GRUB"));
            }
            at
        }
        (_, Some(number)) => number,
        // Of a menu that is not known to its end another entry may have the name.
        (_, None) if state.certain.is_some() && !wanted.is_empty() => return Err(depends()),
        (_, None) => 0,
    };
    match (state.certain, leading_number(wanted)) {
        (Some(sure), _) if found >= sure => Err(depends()),
        (Some(_), Some(asked)) if asked != found && named.is_none() => Err(depends()),
        _ => Ok(found),
    }
}

/// Whether the menu has the entry that a word of `fallback` names: by title, id or number.
pub fn has(state: &State, name: &str) -> bool {
    let named = state.entries.iter().any(|entry| entry.title.value() == Some(name) || entry.id.value() == Some(name));
    named || leading_number(name).is_some_and(|number| number < state.entries.len())
}

/// The number at the beginning, as C's `strtoul` with base 0 reads it.
fn leading_number(text: &str) -> Option<usize> {
    let text = text.trim_start();
    let (digits, radix) = match text.strip_prefix("0x") {
        Some(rest) => (rest, 16),
        None if text.len() > 1 && text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    let end = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    usize::from_str_radix(digits.get(..end)?, radix).ok()
}

/// Runs an entry. One that is tried without an initial ramdisk first is judged by what it falls back to: Ubuntu's
/// cloud images set `initrdfail` before the second try (their 10_linux).
fn loads(runner: &mut Runner, state: &State, entry: &Entry) -> Result<Loads> {
    if let Some(loads) = &entry.loads {
        return Ok(loads.clone());
    }
    let first = run_entry(runner, state.clone(), entry)?;
    if first.initrd.is_empty() && mentions(&entry.body, "initrdfail") {
        let mut again = state.clone();
        again.set("initrdfail", Arg::known("1"))?;
        return run_entry(runner, again, entry);
    }
    Ok(first)
}

fn run_entry(runner: &mut Runner, mut state: State, entry: &Entry) -> Result<Loads> {
    state.loads = Loads::default();
    (state.started, state.ended) = (None, false);
    runner.block(&entry.body, &mut state, std::slice::from_ref(&entry.title), 0)?;
    state.settled()?;
    Ok(state.loads)
}

/// Whether a block looks at a variable.
fn mentions(block: &Block, variable: &str) -> bool {
    let in_words = |words: &[Word]| {
        words
            .iter()
            .flat_map(|word| &word.pieces)
            .any(|p| matches!(p, Piece::Variable { name, .. } if name == variable))
    };
    block.iter().any(|(_, command)| match command {
        Command::Simple(words, _) => in_words(words),
        Command::If(arms, otherwise) => {
            arms.iter().any(|(condition, body)| mentions(condition, variable) || mentions(body, variable))
                || mentions(otherwise, variable)
        }
        _ => false,
    })
}
