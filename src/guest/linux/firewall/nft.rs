//! Rule sets of nft(8).

mod rule;
mod token;

use std::collections::BTreeMap;

use super::chains::{Chain, Chains, Outcome, Policy, all, follow};
use super::packet::Packet;
use crate::disk::Result;
use crate::guest::Tree;
use crate::guest::linux::{cut, glob, optional};
use crate::inspect::facts::Passage;
use token::{Statement, Token, statements, tokens};

/// Deepest nesting of files (nft's `MAX_INCLUDE_DEPTH`).
const MAX_DEPTH: usize = 16;
/// Largest file, most files, most statements of all of them.
const MAX_BYTES: usize = 1 << 20;
const MAX_FILES: usize = 128;
const MAX_STATEMENTS: usize = 50_000;
/// Where an `include` without a slash in front is looked for.
const INCLUDE: &str = "/etc";

/// What a rule set makes of a connection. A file that is not there makes nothing of it.
///
/// # Errors
/// What the filesystem reports.
pub fn judge(tree: &Tree, file: &str) -> Result<Outcome> {
    Packet::both(|packet| {
        let mut set = Set::new(tree, packet);
        Ok(match set.file(file, 0)? {
            Ok(()) => set.through(&["ip", "inet", "netdev"]),
            Err(place) => (Passage::Unknown, cut(&place, 256)),
        })
    })
}

/// Whether its tables of IPv6 filter. Rules are compared with a packet of IPv4: what they make of one of IPv6 stays open.
///
/// # Errors
/// What the filesystem reports.
pub fn judge_v6(tree: &Tree, file: &str) -> Result<Outcome> {
    Packet::both(|packet| {
        let mut set = Set::new(tree, packet);
        Ok(match set.file(file, 0)? {
            Ok(()) => match set.through(&["ip6"]) {
                (Passage::Passes, _) => (Passage::Unknown, cut(file, 256)),
                outcome => (if outcome.0 == Passage::Open { Passage::Open } else { Passage::Unknown }, outcome.1),
            },
            Err(place) => (Passage::Unknown, cut(&place, 256)),
        })
    })
}

/// One table: its chains, and which of them the kernel calls.
#[derive(Default)]
struct Table {
    chains: Chains,
    hooked: Vec<String>,
}

struct Set<'t> {
    tree: &'t Tree,
    /// With which its rules are compared.
    packet: Packet,
    /// By family and name.
    tables: BTreeMap<(String, String), Table>,
    defined: Vec<(String, Vec<Token>)>,
    files: usize,
    statements: usize,
}

/// `Err` is the place of what this program does not read.
type Read = std::result::Result<(), String>;

impl<'t> Set<'t> {
    fn new(tree: &'t Tree, packet: Packet) -> Self {
        Self { tree, packet, tables: BTreeMap::new(), defined: Vec::new(), files: 0, statements: 0 }
    }

    fn file(&mut self, path: &str, depth: usize) -> Result<Read> {
        self.files = self.files.saturating_add(1);
        if depth > MAX_DEPTH || self.files > MAX_FILES {
            return Ok(Err(format!("{}: too many files", cut(path, 128))));
        }
        let Some(text) = optional(self.tree.read_text(path, MAX_BYTES))? else { return Ok(Ok(())) };
        let list = statements(tokens(&text, path));
        self.statements = self.statements.saturating_add(list.len());
        if self.statements > MAX_STATEMENTS {
            return Ok(Err(format!("{}: too many statements", cut(path, 128))));
        }
        for statement in &list {
            if let Err(place) = self.top(statement, depth)? {
                return Ok(Err(place));
            }
        }
        Ok(Ok(()))
    }

    /// A statement outside of any block.
    fn top(&mut self, statement: &Statement, depth: usize) -> Result<Read> {
        let words: Vec<&str> = statement.head.iter().map(|t| t.text.as_str()).collect();
        Ok(match words.as_slice() {
            ["include", pattern] => return self.include(pattern, depth),
            ["define" | "redefine", name, "=", ..] => {
                let value = statement.head.get(3..).unwrap_or_default().to_vec();
                let value = if value.is_empty() { statement.tokens_of_block() } else { value };
                self.defined.insert(0, (format!("${name}"), value));
                Ok(())
            }
            ["flush", "ruleset", ..] => {
                self.tables.clear();
                Ok(())
            }
            ["delete" | "destroy", "table", rest @ ..] => {
                let (family, name) = family(rest);
                self.tables.retain(|(of, known), _| of != family || name != Some(known.as_str()));
                Ok(())
            }
            ["table", rest @ ..] | ["add" | "create", "table", rest @ ..] => match family(rest) {
                (family, Some(name)) => self.table(family, name, statement, depth)?,
                _ => Err(statement.place()),
            },
            ["add" | "create", "chain", rest @ ..] => match family(rest) {
                (family, Some(table)) => {
                    let named = rest.last().copied().unwrap_or_default();
                    self.chain(family, table, named, statement);
                    Ok(())
                }
                _ => Err(statement.place()),
            },
            ["add", "rule", rest @ ..] => match family(rest) {
                (family, Some(table)) => {
                    // add rule [family] table chain ...
                    let skip = words.len().saturating_sub(rest.len()).saturating_add(usize::from(is_family(rest)));
                    let tail = statement.head.get(skip.saturating_add(1)..).unwrap_or_default();
                    match tail.split_first() {
                        Some((chain, rule)) => {
                            let whole = Statement { head: rule.to_vec(), ..statement.clone() };
                            let rules = rule::read(&whole, &self.defined, self.packet);
                            self.table_of(family, table)
                                .chains
                                .entry(chain.text.clone())
                                .or_default()
                                .rules
                                .extend(rules);
                            Ok(())
                        }
                        None => Err(statement.place()),
                    }
                }
                _ => Err(statement.place()),
            },
            ["add" | "create", "set" | "map" | "element" | "counter" | "quota" | "limit" | "flowtable" | "ct", ..] => {
                Ok(())
            }
            [] => Ok(()),
            _ => Err(statement.place()),
        })
    }

    fn include(&mut self, pattern: &str, depth: usize) -> Result<Read> {
        let pattern = if pattern.starts_with('/') { pattern.to_owned() } else { format!("{INCLUDE}/{pattern}") };
        let found = match glob::expand(self.tree, &pattern, MAX_FILES) {
            Err(error) if error.kind == crate::disk::ErrorKind::Limit => return Ok(Err(error.what)),
            found => found?,
        };
        for file in found {
            if let Err(place) = self.file(&file, depth.saturating_add(1))? {
                return Ok(Err(place));
            }
        }
        Ok(Ok(()))
    }

    /// The block of a table.
    fn table(&mut self, family: &str, name: &str, statement: &Statement, depth: usize) -> Result<Read> {
        self.table_of(family, name);
        for inner in &statement.block {
            let words: Vec<&str> = inner.head.iter().map(|t| t.text.as_str()).collect();
            let read = match words.as_slice() {
                ["chain", chain] => {
                    self.chain(family, name, chain, inner);
                    Ok(())
                }
                ["include", pattern] => self.include(pattern, depth)?,
                ["define", ..] => self.top(inner, depth)?,
                [
                    "set" | "map" | "counter" | "quota" | "limit" | "flowtable" | "ct" | "secmark" | "synproxy"
                    | "comment",
                    ..,
                ]
                | [] => Ok(()),
                _ => Err(inner.place()),
            };
            if read.is_err() {
                return Ok(read);
            }
        }
        Ok(Ok(()))
    }

    /// The block of a chain: its hook and policy, then its rules.
    fn chain(&mut self, family: &str, table: &str, name: &str, statement: &Statement) {
        let mut chain = Chain::default();
        let mut hooked = false;
        for inner in &statement.block {
            let words: Vec<&str> = inner.head.iter().map(|t| t.text.as_str()).collect();
            match words.as_slice() {
                ["type", kind, "hook", hook, ..] => {
                    hooked = match self.packet {
                        Packet::Request => matches!(*hook, "input" | "prerouting" | "ingress"),
                        // nat sees the first packets of connections alone.
                        Packet::Reply => *kind != "nat" && matches!(*hook, "output" | "postrouting" | "egress"),
                    };
                    if hooked {
                        chain.policy.get_or_insert(Policy { drops: false, place: inner.place() });
                    }
                }
                ["policy", policy] => chain.policy = Some(Policy { drops: *policy == "drop", place: inner.place() }),
                ["comment" | "flags" | "devices" | "device", ..] | [] => {}
                _ => chain.rules.extend(rule::read(inner, &self.defined, self.packet)),
            }
        }
        let table = self.table_of(family, table);
        if hooked && !table.hooked.iter().any(|known| known == name) {
            table.hooked.push(name.to_owned());
        }
        let known = table.chains.entry(name.to_owned()).or_default();
        known.rules.extend(chain.rules);
        known.policy = chain.policy.or_else(|| known.policy.take());
    }

    fn table_of(&mut self, family: &str, name: &str) -> &mut Table {
        self.tables.entry((family.to_owned(), name.to_owned())).or_default()
    }

    /// Every chain of these families that the kernel calls for the packet; a drop in any of them is final.
    fn through(&self, families: &[&str]) -> Outcome {
        let tables = self.tables.iter().filter(|((family, _), _)| families.contains(&family.as_str()));
        all(tables.flat_map(|(_, table)| table.hooked.iter().map(|chain| follow(&table.chains, chain))))
    }
}

/// `[family] name ...`; ip where none is named.
fn family<'a>(words: &[&'a str]) -> (&'a str, Option<&'a str>) {
    match words {
        [family @ ("ip" | "ip6" | "inet" | "arp" | "bridge" | "netdev"), name, ..] => (family, Some(name)),
        [name, ..] => ("ip", Some(name)),
        [] => ("ip", None),
    }
}

fn is_family(words: &[&str]) -> bool {
    matches!(words.first(), Some(&("ip" | "ip6" | "inet" | "arp" | "bridge" | "netdev")))
}
