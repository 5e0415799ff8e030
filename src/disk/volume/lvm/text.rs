//! The text in which LVM2 keeps its metadata: sections in braces, numbers, strings and lists (`lvm.conf(5)`, syntax).

use std::collections::BTreeMap;

use crate::disk::bytes::{text, to_u64};
use crate::disk::{Error, Result};

const LAYER: &str = "lvm";
/// Sections within sections; LVM writes four.
const DEEPEST: u32 = 12;
/// Values in one text. A volume group of thousands of volumes stays below.
const MOST_VALUES: u32 = 200_000;
/// Characters of a name or a string that are kept.
const LONGEST: usize = 256;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Number(i64),
    Text(String),
    List(Vec<Value>),
    Section(Section),
}

/// Values by name. Of two with one name the first counts, as it does for LVM.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Section(pub BTreeMap<String, Value>);

impl Section {
    /// The section called `name`.
    pub fn section(&self, name: &str) -> Option<&Section> {
        match self.0.get(name)? {
            Value::Section(section) => Some(section),
            _ => None,
        }
    }

    /// A number that is not negative.
    pub fn number(&self, name: &str) -> Option<u64> {
        match self.0.get(name)? {
            Value::Number(number) => u64::try_from(*number).ok(),
            _ => None,
        }
    }

    /// A string.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A list; a single value is a list of one.
    pub fn list(&self, name: &str) -> &[Value] {
        match self.0.get(name) {
            Some(Value::List(list)) => list,
            Some(value) => std::slice::from_ref(value),
            None => &[],
        }
    }

    /// The strings of a list.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.list(name).iter().filter_map(|value| match value {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// The sections in this one, by name.
    pub fn sections(&self) -> impl Iterator<Item = (&str, &Section)> {
        self.0.iter().filter_map(|(name, value)| match value {
            Value::Section(section) => Some((name.as_str(), section)),
            _ => None,
        })
    }
}

/// Reads a text.
///
/// # Errors
/// `Unsupported` where it does not fit the grammar: its checksum was right. `Limit` where it is nested too deep or has too
/// many values.
pub fn parse(text: &[u8]) -> Result<Section> {
    // What follows the text in its buffer is zeros.
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    let mut parser = Parser { text, at: 0, values: 0 };
    let section = parser.section(0)?;
    if parser.at < text.len() {
        return Err(parser.unexpected());
    }
    Ok(section)
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    values: u32,
}

impl Parser<'_> {
    /// Name and value until a brace closes the section or the text ends.
    fn section(&mut self, depth: u32) -> Result<Section> {
        let mut section = Section::default();
        loop {
            match self.next() {
                None if depth == 0 => return Ok(section),
                Some(b'}') if depth > 0 => {
                    self.step();
                    return Ok(section);
                }
                _ => {}
            }
            let name = self.word(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'+' | b'/'));
            if name.is_empty() {
                return Err(self.unexpected());
            }
            let value = match self.next() {
                Some(b'{') if depth < DEEPEST => {
                    self.step();
                    self.count()?;
                    Value::Section(self.section(depth.saturating_add(1))?)
                }
                Some(b'{') => return Err(Error::limit(LAYER, "the metadata is nested too deep").at(to_u64(self.at))),
                Some(b'=') => {
                    self.step();
                    self.value(true)?
                }
                _ => return Err(self.unexpected()),
            };
            section.0.entry(name).or_insert(value);
        }
    }

    fn value(&mut self, list: bool) -> Result<Value> {
        self.count()?;
        match self.next() {
            Some(b'[') if list => {
                self.step();
                self.list()
            }
            Some(b'"') => {
                self.step();
                self.string()
            }
            Some(b'0'..=b'9' | b'-' | b'+') => {
                let digits = self.word(|b| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.'));
                // A fraction says nothing that is needed; it only has to be passed over.
                let whole = digits.split('.').next().unwrap_or_default();
                whole.parse().map(Value::Number).map_err(|_| self.unexpected())
            }
            _ => Err(self.unexpected()),
        }
    }

    fn list(&mut self) -> Result<Value> {
        let mut list = Vec::new();
        loop {
            match self.next() {
                Some(b']') => {
                    self.step();
                    return Ok(Value::List(list));
                }
                Some(b',') => self.step(),
                _ => list.push(self.value(false)?),
            }
        }
    }

    /// The rest of a string, in which a backslash protects a quote or a backslash.
    fn string(&mut self) -> Result<Value> {
        let mut raw = Vec::new();
        loop {
            let byte = self.peek().ok_or_else(|| self.unexpected())?;
            self.step();
            let byte = match byte {
                b'"' => return Ok(Value::Text(text(&raw, LONGEST))),
                b'\\' => {
                    let protected = self.peek().ok_or_else(|| self.unexpected())?;
                    self.step();
                    protected
                }
                other => other,
            };
            if raw.len() < LONGEST.saturating_mul(4) {
                raw.push(byte);
            }
        }
    }

    fn word(&mut self, belongs: impl Fn(u8) -> bool) -> String {
        let start = self.at;
        while self.peek().is_some_and(&belongs) {
            self.step();
        }
        text(self.text.get(start..self.at).unwrap_or_default(), LONGEST)
    }

    /// The next byte that is neither white space nor in a comment.
    fn next(&mut self) -> Option<u8> {
        loop {
            match self.peek()? {
                b'#' => {
                    while self.peek().is_some_and(|byte| byte != b'\n') {
                        self.step();
                    }
                }
                byte if byte.is_ascii_whitespace() => self.step(),
                byte => return Some(byte),
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn step(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    fn count(&mut self) -> Result<()> {
        self.values = self.values.saturating_add(1);
        if self.values > MOST_VALUES {
            return Err(Error::limit(LAYER, format!("more than {MOST_VALUES} values of metadata")));
        }
        Ok(())
    }

    fn unexpected(&self) -> Error {
        Error::unsupported(LAYER, "the metadata text is not understood").at(to_u64(self.at))
    }
}
