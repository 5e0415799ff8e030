//! Rules of nft's, compared with the packet from left to right (nft(8), "Rules", "Expressions", "Statements").

use super::token::{Statement, Token};
use crate::guest::linux::cut;
use crate::guest::linux::firewall::chains::{Action, Fit, Rule};
use crate::guest::linux::firewall::packet::Packet;

/// Most words of a rule that variables may make.
const MAX_WORDS: usize = 100_000;

/// The rules that one rule amounts to: a verdict map is several.
pub fn read(statement: &Statement, defined: &[(String, Vec<Token>)], packet: Packet) -> Vec<Rule> {
    let mut words = Vec::new();
    for token in &statement.head {
        match defined.iter().find(|(name, _)| *name == token.text) {
            Some((_, value)) => words.extend(value.iter().map(|t| t.text.clone())),
            None => words.push(token.text.clone()),
        }
    }
    let place = cut(&statement.place(), 256);
    if words.len() > MAX_WORDS {
        return vec![Rule { fit: Fit::Maybe, action: Action::Unknown, place }];
    }
    let mut reader = Reader { packet, words: &words, at: 0, fit: Fit::Yes, rules: Vec::new(), place };
    reader.rule();
    reader.rules
}

struct Reader<'a> {
    packet: Packet,
    words: &'a [String],
    at: usize,
    fit: Fit,
    rules: Vec<Rule>,
    place: String,
}

impl Reader<'_> {
    fn rule(&mut self) {
        let packet = self.packet;
        while let Some(word) = self.next() {
            match word.as_str() {
                "tcp" | "th" => match self.next().as_deref() {
                    Some("dport") => self.compare(|value| packet.destination_port(value, '-')),
                    Some("sport") => self.compare(|value| packet.source_port(value, '-')),
                    _ => self.compare(|_| Fit::Maybe),
                },
                "udp" | "udplite" | "sctp" | "dccp" | "icmp" | "icmpv6" | "igmp" | "esp" | "ah" | "comp" | "ip6"
                | "arp" => {
                    self.next();
                    self.compare(|_| Fit::Maybe);
                    self.fit = Fit::No;
                }
                "ip" => match self.next().as_deref() {
                    Some("protocol") => self.compare(protocol),
                    Some("saddr" | "daddr") => self.compare(address),
                    _ => self.compare(|_| Fit::Maybe),
                },
                "meta" => self.meta(),
                "iif" | "iifname" => self.interface(Packet::Request),
                "oif" | "oifname" => self.interface(Packet::Reply),
                "ct" => match self.next().as_deref() {
                    Some("state") => self.compare(|name| packet.state(name)),
                    _ => self.fit = self.fit.and(Fit::Maybe),
                },
                "counter" => self.skip_pairs(&["packets", "bytes", "name"]),
                "log" => self.skip_pairs(&["prefix", "level", "group", "snaplen", "queue-threshold", "flags"]),
                "comment" => drop(self.next()),
                "accept" | "masquerade" | "snat" => return self.end(Action::Accept),
                "drop" | "reject" => return self.end(Action::Drop),
                "return" => return self.end(Action::Return),
                "continue" => return self.end(Action::Next),
                "jump" => {
                    let to = self.next().unwrap_or_default();
                    return self.end(Action::Jump(to));
                }
                "goto" => {
                    let to = self.next().unwrap_or_default();
                    return self.end(Action::Goto(to));
                }
                "dnat" | "redirect" | "tproxy" | "queue" | "notrack" | "synproxy" | "fwd" | "dup" | "vmap" => {
                    return self.end(Action::Unknown);
                }
                "{" => {
                    // A set of something that is not known; verdicts in it are not known either.
                    let inner = self.braces();
                    if inner.iter().any(|w| matches!(w.as_str(), "drop" | "reject" | "accept" | "jump" | "goto")) {
                        return self.end(Action::Unknown);
                    }
                    self.fit = self.fit.and(Fit::Maybe);
                }
                _ => self.fit = self.fit.and(Fit::Maybe),
            }
        }
    }

    fn meta(&mut self) {
        match self.next().as_deref() {
            Some("l4proto") => self.compare(protocol),
            Some("nfproto") => self.compare(|v| Fit::of(v == "ipv4")),
            Some("protocol") => self.compare(|v| Fit::of(v == "ip")),
            Some("iif" | "iifname") => self.interface(Packet::Request),
            Some("oif" | "oifname") => self.interface(Packet::Reply),
            _ if self.peek() == Some("set") => drop((self.next(), self.next())),
            _ => self.compare(|_| Fit::Maybe),
        }
    }

    /// An interface that only one of the packets has, where the rules of this one are asked.
    fn interface(&mut self, of: Packet) {
        if of == self.packet {
            return self.compare(interface);
        }
        // What is not there is unlike every name for newer kernels, and ends the rule in older ones.
        let unlike = self.peek() == Some("!=");
        self.compare(|_| Fit::Maybe);
        if !unlike {
            self.fit = Fit::No;
        }
    }

    /// What follows an expression: a value, a list, a set, a map of verdicts.
    fn compare(&mut self, test: impl Fn(&str) -> Fit + Copy) {
        if self.peek() == Some(".") {
            return self.concatenation();
        }
        let mut negated = false;
        loop {
            match self.peek() {
                Some("==" | "=") => drop(self.next()),
                Some("!=") => {
                    self.next();
                    negated = !negated;
                }
                Some("!") => {
                    self.next();
                    self.fit = self.fit.and(Fit::Maybe);
                }
                _ => break,
            }
        }
        let fit = match self.peek() {
            Some("vmap") => {
                self.next();
                return self.map(test);
            }
            Some("{") => {
                let inner = self.braces();
                Fit::any(inner.split(|w| w == ",").filter_map(|item| item.first()).map(|item| named(item, test)))
            }
            None | Some("<" | ">" | "<=" | ">=" | "&" | "|" | "(") => Fit::Maybe,
            Some(_) => {
                let first = self.next().unwrap_or_default();
                let mut fit = named(&first, test);
                while self.peek() == Some(",") {
                    self.next();
                    let more = self.next().unwrap_or_default();
                    fit = Fit::any([fit, named(&more, test)]);
                }
                fit
            }
        };
        self.fit = self.fit.and(fit.unless(negated));
    }

    /// `meta l4proto . th dport { tcp . 22 }`: whether the fields have one of the values together is not asked here.
    fn concatenation(&mut self) {
        self.fit = self.fit.and(Fit::Maybe);
        while let Some(word) = self.next() {
            match word.as_str() {
                "vmap" => return self.end(Action::Unknown),
                "{" => {
                    self.at = self.at.saturating_sub(1);
                    return drop(self.braces());
                }
                word if word.starts_with(['@', '$']) => return,
                _ => {}
            }
        }
    }

    /// `{ key : verdict, ... }`: one rule for each key.
    fn map(&mut self, test: impl Fn(&str) -> Fit + Copy) {
        if self.peek() != Some("{") {
            self.next();
            return self.end(Action::Unknown);
        }
        let prefix = self.fit;
        for item in self.braces().split(|w| w == ",") {
            // The colon may stand alone, or at the end of the key.
            let words: Vec<&str> = item.iter().map(|w| w.trim_end_matches(':')).filter(|w| !w.is_empty()).collect();
            let (fit, action) = match words.as_slice() {
                [key, "accept"] => (named(key, test), Action::Accept),
                [key, "drop"] => (named(key, test), Action::Drop),
                [key, "return"] => (named(key, test), Action::Return),
                [key, "continue"] => (named(key, test), Action::Next),
                [key, "jump", to] => (named(key, test), Action::Jump((*to).to_owned())),
                [key, "goto", to] => (named(key, test), Action::Goto((*to).to_owned())),
                [] => continue,
                _ => (Fit::Maybe, Action::Unknown),
            };
            self.rules.push(Rule { fit: prefix.and(fit), action, place: self.place.clone() });
        }
        // Nothing after a map of verdicts is read.
        self.at = self.words.len();
    }

    /// The words up to the brace that closes the one here, inner braces' own left out.
    fn braces(&mut self) -> Vec<String> {
        let mut depth = 0_usize;
        let mut found = Vec::new();
        while let Some(word) = self.next() {
            match word.as_str() {
                "{" => depth = depth.saturating_add(1),
                "}" => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        break;
                    }
                }
                _ => found.push(word),
            }
        }
        found
    }

    fn skip_pairs(&mut self, keys: &[&str]) {
        while self.peek().is_some_and(|word| keys.contains(&word)) {
            self.next();
            self.next();
        }
    }

    fn end(&mut self, action: Action) {
        self.rules.push(Rule { fit: self.fit, action, place: self.place.clone() });
        self.at = self.words.len();
    }

    fn peek(&self) -> Option<&str> {
        self.words.get(self.at).map(String::as_str)
    }

    fn next(&mut self) -> Option<String> {
        let word = self.words.get(self.at).cloned();
        self.at = self.at.saturating_add(1);
        word
    }
}

/// A value, unless it is the name of a set or of a variable that is not known.
fn named(value: &str, test: impl Fn(&str) -> Fit) -> Fit {
    if value.starts_with(['@', '$']) { Fit::Maybe } else { test(value) }
}

fn protocol(value: &str) -> Fit {
    Fit::of(matches!(value, "tcp" | "6"))
}

fn address(value: &str) -> Fit {
    match value {
        "0.0.0.0/0" => Fit::Yes,
        loopback if loopback.starts_with("127.") => Fit::No,
        _ => Fit::Maybe,
    }
}

fn interface(name: &str) -> Fit {
    match name {
        "lo" => Fit::No,
        "*" => Fit::Yes,
        _ => Fit::Maybe,
    }
}
