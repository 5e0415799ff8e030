//! GRUB's script language (GRUB manual, "Writing full configuration files directly"): text to commands.

use std::rc::Rc;

use crate::disk::{Error, Result};

const LAYER: &str = "grub.cfg";
/// Deepest nesting of blocks.
const MAX_DEPTH: u32 = 32;

/// A part of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// As it stands.
    Text(String),
    /// The value of a variable; outside of quotes it is split at spaces.
    Variable {
        /// Its name.
        name: String,
        /// It stands in double quotes.
        quoted: bool,
    },
}

/// A word: its parts, and whether any of it was quoted, which makes an empty one count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Word {
    /// The parts in order.
    pub pieces: Vec<Piece>,
    /// Quotes were used.
    pub quoted: bool,
}

/// Commands in order, each with its line.
pub type Block = Vec<(u32, Command)>;

/// One command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Words, and the block that follows them (`menuentry 'x' { ... }`).
    Simple(Vec<Word>, Option<Rc<Block>>),
    /// Conditions with what they lead to, and what is done otherwise.
    If(Vec<(Block, Block)>, Block),
    /// `for name in words; do ... done`.
    For(String, Vec<Word>, Block),
    /// `while` and `until`, which are not run.
    Loop,
    /// `function name { ... }`.
    Function(String, Rc<Block>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(Word),
    Open,
    Close,
    End,
}

/// Parses a configuration.
///
/// # Errors
/// `Unsupported` with the line, for what is not understood.
pub fn parse(text: &str) -> Result<Block> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, at: 0, depth: 0 };
    let block = parser.block(&[])?;
    match parser.peek() {
        None => Ok(block),
        Some(_) => Err(parser.not_understood()),
    }
}

/// The word at `line`, in an error.
pub fn unsupported(line: u32, what: &str) -> Error {
    Error::unsupported(LAYER, format!("line {line}: {}", super::super::super::cut(what, 100)))
}

fn tokens(text: &str) -> Result<Vec<(u32, Token)>> {
    let mut out = Vec::new();
    let mut chars = text.chars().peekable();
    let mut line = 1_u32;
    while let Some(&c) = chars.peek() {
        match c {
            '\n' => {
                out.push((line, Token::End));
                line = line.saturating_add(1);
                chars.next();
            }
            ';' => {
                out.push((line, Token::End));
                chars.next();
            }
            c if c.is_whitespace() => _ = chars.next(),
            '{' | '}' => {
                out.push((line, if c == '{' { Token::Open } else { Token::Close }));
                chars.next();
            }
            '#' => while chars.next_if(|c| *c != '\n').is_some() {},
            '&' | '|' => return Err(unsupported(line, "an operator between commands")),
            _ => {
                let start = line;
                if let Some(word) = word(&mut chars, &mut line)? {
                    out.push((start, Token::Word(word)));
                }
            }
        }
    }
    Ok(out)
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// `None` where there is only a line that goes on.
fn word(chars: &mut Chars, line: &mut u32) -> Result<Option<Word>> {
    let mut word = Word::default();
    let mut text = String::new();
    while let Some(&c) = chars.peek() {
        match c {
            c if c.is_whitespace() || matches!(c, ';' | '{' | '}' | '&' | '|') => break,
            '\'' => {
                chars.next();
                word.quoted = true;
                loop {
                    match chars.next() {
                        Some('\'') => break,
                        Some(c) => push(&mut text, c, line),
                        None => return Err(unsupported(*line, "a quote that does not end")),
                    }
                }
            }
            '"' => {
                chars.next();
                word.quoted = true;
                double_quoted(chars, line, &mut word, &mut text)?;
            }
            '\\' => {
                chars.next();
                match chars.next() {
                    Some('\n') => *line = line.saturating_add(1),
                    Some(c) => text.push(c),
                    None => {}
                }
            }
            '$' => {
                chars.next();
                variable(chars, *line, false, &mut word, &mut text)?;
            }
            c => {
                chars.next();
                text.push(c);
            }
        }
    }
    if !text.is_empty() {
        word.pieces.push(Piece::Text(text));
    }
    Ok((word.quoted || !word.pieces.is_empty()).then_some(word))
}

fn double_quoted(chars: &mut Chars, line: &mut u32, word: &mut Word, text: &mut String) -> Result<()> {
    loop {
        match chars.next() {
            Some('"') => return Ok(()),
            Some('$') => variable(chars, *line, true, word, text)?,
            Some('\\') => match chars.next() {
                Some('\n') => *line = line.saturating_add(1),
                Some(c @ ('"' | '$' | '\\')) => text.push(c),
                Some(c) => {
                    text.push('\\');
                    push(text, c, line);
                }
                None => {}
            },
            Some(c) => push(text, c, line),
            None => return Err(unsupported(*line, "a quote that does not end")),
        }
    }
}

/// A variable after its `$`: `$name`, `${name}`, `$1`, `$?`, ...; anything else is a dollar sign.
fn variable(chars: &mut Chars, line: u32, quoted: bool, word: &mut Word, text: &mut String) -> Result<()> {
    let mut name = String::new();
    if chars.next_if_eq(&'{').is_some() {
        loop {
            match chars.next() {
                Some('}') => break,
                Some(c) if c.is_ascii_alphanumeric() || matches!(c, '_' | '?' | '@' | '#' | '*') => name.push(c),
                _ => return Err(unsupported(line, "a variable's name")),
            }
        }
    } else if let Some(c) = chars.next_if(|c| matches!(c, '?' | '@' | '#' | '*')) {
        name.push(c);
    } else {
        while let Some(c) = chars.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
            name.push(c);
            // $12 is $1 and a 2.
            if name.len() == 1 && c.is_ascii_digit() {
                break;
            }
        }
    }
    if name.is_empty() {
        text.push('$');
        return Ok(());
    }
    if !text.is_empty() {
        word.pieces.push(Piece::Text(std::mem::take(text)));
    }
    word.pieces.push(Piece::Variable { name, quoted });
    Ok(())
}

fn push(text: &mut String, c: char, line: &mut u32) {
    if c == '\n' {
        *line = line.saturating_add(1);
    }
    text.push(c);
}

struct Parser<'a> {
    tokens: &'a [(u32, Token)],
    at: usize,
    depth: u32,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at).map(|(_, token)| token)
    }

    fn next(&mut self) -> Option<&'a Token> {
        let token = self.peek();
        self.at = self.at.saturating_add(1);
        token
    }

    fn line(&self) -> u32 {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(1, |(line, _)| *line)
    }

    fn not_understood(&self) -> Error {
        unsupported(self.line(), "not understood")
    }

    /// The plain word that comes next, where one does.
    fn keyword(&self) -> Option<&'a str> {
        match self.peek() {
            Some(Token::Word(Word { pieces, quoted: false })) => match pieces.as_slice() {
                [Piece::Text(text)] => Some(text),
                _ => None,
            },
            _ => None,
        }
    }

    fn expect(&mut self, keyword: &str) -> Result<()> {
        self.skip_ends();
        match self.keyword() {
            Some(found) if found == keyword => {
                self.next();
                Ok(())
            }
            _ => Err(self.not_understood()),
        }
    }

    fn skip_ends(&mut self) {
        while self.peek() == Some(&Token::End) {
            self.next();
        }
    }

    /// Commands up to one of `ends`, a closing brace, or the end of the text.
    fn block(&mut self, ends: &[&str]) -> Result<Block> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > MAX_DEPTH {
            return Err(Error::limit(LAYER, format!("blocks nested deeper than {MAX_DEPTH}")));
        }
        let mut block = Block::new();
        loop {
            self.skip_ends();
            let line = self.line();
            match self.peek() {
                None | Some(Token::Close) => break,
                _ if self.keyword().is_some_and(|word| ends.contains(&word)) => break,
                _ => block.push((line, self.command()?)),
            }
        }
        self.depth = self.depth.saturating_sub(1);
        Ok(block)
    }

    fn braced(&mut self) -> Result<Rc<Block>> {
        if self.next() != Some(&Token::Open) {
            return Err(self.not_understood());
        }
        let block = self.block(&[])?;
        match self.next() {
            Some(Token::Close) => Ok(Rc::new(block)),
            _ => Err(self.not_understood()),
        }
    }

    fn command(&mut self) -> Result<Command> {
        match self.keyword() {
            Some("if") => {
                self.next();
                self.conditional()
            }
            Some("for") => {
                self.next();
                let name = self.keyword().ok_or_else(|| self.not_understood())?.to_owned();
                self.next();
                self.expect("in")?;
                let words = self.words();
                Ok(Command::For(name, words, self.body()?))
            }
            Some("while" | "until") => {
                self.next();
                self.block(&["do"])?;
                self.body()?;
                Ok(Command::Loop)
            }
            Some("function") => {
                self.next();
                let name = self.keyword().ok_or_else(|| self.not_understood())?.to_owned();
                self.next();
                self.skip_ends();
                Ok(Command::Function(name, self.braced()?))
            }
            Some("then" | "elif" | "else" | "fi" | "do" | "done" | "case" | "esac" | "select" | "time") => {
                Err(self.not_understood())
            }
            _ => {
                let words = self.words();
                let block = match self.peek() {
                    Some(Token::Open) => Some(self.braced()?),
                    _ => None,
                };
                if words.is_empty() {
                    return Err(self.not_understood());
                }
                Ok(Command::Simple(words, block))
            }
        }
    }

    fn words(&mut self) -> Vec<Word> {
        let mut words = Vec::new();
        while let Some(Token::Word(word)) = self.peek() {
            words.push(word.clone());
            self.next();
        }
        words
    }

    fn body(&mut self) -> Result<Block> {
        self.expect("do")?;
        let body = self.block(&["done"])?;
        self.expect("done")?;
        Ok(body)
    }

    fn conditional(&mut self) -> Result<Command> {
        let mut arms = Vec::new();
        loop {
            let condition = self.block(&["then"])?;
            self.expect("then")?;
            let body = self.block(&["elif", "else", "fi"])?;
            arms.push((condition, body));
            match self.keyword() {
                Some("elif") => _ = self.next(),
                Some("else") => {
                    self.next();
                    let otherwise = self.block(&["fi"])?;
                    self.expect("fi")?;
                    return Ok(Command::If(arms, otherwise));
                }
                _ => {
                    self.expect("fi")?;
                    return Ok(Command::If(arms, Block::new()));
                }
            }
        }
    }
}
