//! Runs a GRUB configuration as far as an unattended boot would.
//!
//! What this program cannot know (a condition on the firmware, a console) is taken both ways, and what then differs is
//! unknown. Only an answer that does not depend on the unknown is given.

use std::rc::Rc;

use super::commands;
use super::parse::{Block, Command, Piece, Word};
use super::state::{Arg, State};
use crate::disk::{Error, Result};
use crate::guest::linux::bootloader::place::Places;

const LAYER: &str = "grub.cfg";
/// Most commands that are run.
const MAX_STEPS: u32 = 10_000;
/// Deepest nesting of function calls and files.
pub const MAX_DEPTH: u32 = 16;
/// Longest value.
const MAX_VALUE: usize = 8 * 1024;
/// Most words of one command.
const MAX_WORDS: usize = 512;

/// How a command ended; `None` where that depends on what is not known here.
pub type Status = Option<bool>;

/// Runs commands.
pub struct Runner<'a> {
    /// Where names lead.
    pub places: Places<'a>,
    /// The file that is run, as the guest calls it.
    pub file: String,
    steps: u32,
}

impl<'a> Runner<'a> {
    /// A new one of this file, with its whole allowance.
    pub fn new(places: Places<'a>, file: &str) -> Self {
        Self { places, file: file.to_owned(), steps: MAX_STEPS }
    }

    /// Runs a block; `args` are `$1`, `$2`, ...
    ///
    /// # Errors
    /// `Limit` beyond the allowance, and what reading the guest's files reports.
    pub fn block(&mut self, block: &Block, state: &mut State, args: &[Arg], depth: u32) -> Result<Status> {
        let mut status = Some(true);
        for (line, command) in block {
            if state.ended {
                break;
            }
            self.steps = self
                .steps
                .checked_sub(1)
                .ok_or_else(|| Error::limit(LAYER, format!("more than {MAX_STEPS} commands")))?;
            status = match command {
                Command::Simple(words, block) => self.simple(*line, words, block.as_ref(), state, args, depth)?,
                Command::If(arms, otherwise) => self.conditional(*line, arms, otherwise, state, args, depth)?,
                Command::Function(name, body) => {
                    state.functions.insert(name.as_str().into(), Some(body.clone()));
                    Some(true)
                }
                Command::For(name, words, body) => {
                    let values = expand(words, state, args)?;
                    if values.iter().any(|value| value.value().is_none_or(|text| text.contains(['*', '?']))) {
                        state.doubt(*line, "a loop over what is not known here");
                    }
                    for value in values {
                        state.set(name, value)?;
                        self.block(body, state, args, depth)?;
                    }
                    None
                }
                Command::Loop => {
                    state.doubt(*line, "a loop");
                    None
                }
            };
        }
        Ok(status)
    }

    fn conditional(
        &mut self,
        line: u32,
        arms: &[(Block, Block)],
        otherwise: &Block,
        state: &mut State,
        args: &[Arg],
        depth: u32,
    ) -> Result<Status> {
        let Some(((condition, body), rest)) = arms.split_first() else {
            return self.block(otherwise, state, args, depth);
        };
        match self.block(condition, state, args, depth)? {
            Some(true) => self.block(body, state, args, depth),
            Some(false) => self.conditional(line, rest, otherwise, state, args, depth),
            None => {
                let mut other = state.clone();
                let first = self.block(body, state, args, depth)?;
                let second = self.conditional(line, rest, otherwise, &mut other, args, depth)?;
                state.join(other, line);
                Ok(first.filter(|_| first == second))
            }
        }
    }

    fn simple(
        &mut self,
        line: u32,
        words: &[Word],
        block: Option<&Rc<Block>>,
        state: &mut State,
        args: &[Arg],
        depth: u32,
    ) -> Result<Status> {
        let words = expand(words, state, args)?;
        let Some((name, rest)) = words.split_first() else { return Ok(Some(true)) };
        if let Some((variable, _)) = name.text.split_once('=').filter(|(variable, _)| is_name(variable)) {
            let value =
                Arg { text: name.text.get(variable.len().saturating_add(1)..).unwrap_or_default().into(), ..*name };
            state.set(variable, value)?;
            return Ok(Some(true));
        }
        let Some(name) = name.value() else {
            state.doubt(line, "a command that is not known here");
            return Ok(None);
        };
        match state.functions.get(name).cloned() {
            Some(Some(body)) if depth < MAX_DEPTH => return self.block(&body, state, rest, depth.saturating_add(1)),
            Some(Some(_)) => return Err(Error::limit(LAYER, "functions call each other without end")),
            Some(None) => {
                state.doubt(line, &format!("function {name} is not known here"));
                return Ok(None);
            }
            None => {}
        }
        commands::run(self, &commands::Call { line, name, args: rest, block, depth }, state)
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Words to arguments: variables replaced, outside of quotes split at spaces.
///
/// # Errors
/// `Limit` for what grows too long.
pub fn expand(words: &[Word], state: &State, args: &[Arg]) -> Result<Vec<Arg>> {
    let mut out = Vec::new();
    for word in words {
        let mut current = (String::new(), true);
        let mut any = word.quoted;
        for piece in &word.pieces {
            match piece {
                Piece::Text(text) => {
                    any = true;
                    append(&mut current, text, true)?;
                }
                Piece::Variable { name, quoted } => {
                    let value = lookup(name, state, args);
                    if *quoted || !value.whole {
                        any = true;
                        append(&mut current, &value.text, value.whole)?;
                        continue;
                    }
                    let mut parts = value.text.split([' ', '\t', '\n']);
                    let head = parts.next().unwrap_or_default();
                    any |= !head.is_empty();
                    append(&mut current, head, true)?;
                    for part in parts {
                        if any {
                            finish(&mut out, std::mem::replace(&mut current, (String::new(), true)));
                        }
                        any = !part.is_empty();
                        append(&mut current, part, true)?;
                    }
                }
            }
        }
        if any {
            finish(&mut out, current);
        }
        if out.len() > MAX_WORDS {
            return Err(Error::limit(LAYER, format!("a command of more than {MAX_WORDS} words")));
        }
    }
    Ok(out)
}

fn finish(out: &mut Vec<Arg>, (text, whole): (String, bool)) {
    out.push(Arg { text: text.into(), whole });
}

/// What follows something unknown is unknown as well.
fn append(current: &mut (String, bool), text: &str, whole: bool) -> Result<()> {
    if current.1 {
        current.0.push_str(text);
        current.1 = whole;
    }
    if current.0.len() > MAX_VALUE {
        return Err(Error::limit(LAYER, format!("a value of more than {MAX_VALUE} bytes")));
    }
    Ok(())
}

fn lookup(name: &str, state: &State, args: &[Arg]) -> Arg {
    match name.parse::<usize>() {
        Ok(0) => Arg::known(""),
        Ok(number) => args.get(number.saturating_sub(1)).cloned().unwrap_or_else(|| Arg::known("")),
        // Status, count and list of arguments: not followed.
        Err(_) if matches!(name, "?" | "#" | "@" | "*") => Arg { text: "".into(), whole: false },
        Err(_) => state.get(name),
    }
}
