//! Rules as iptables-save(8) writes and iptables-restore(8) reads them (iptables(8), iptables-extensions(8)).

use std::collections::BTreeSet;

use super::chains::{Action, Chain, Chains, Fit, Outcome, Policy, Rule, all, follow};
use super::packet::Packet;
use crate::guest::linux::cut;
use crate::inspect::facts::Passage;

/// Most rules of one file, and most of them that are put before others.
const MAX_RULES: usize = 20_000;
const MAX_INSERTED: usize = 1000;
/// Connections of one address that `recent` counts which a first one cannot come to, whatever counted it before.
const RECENT: u32 = 3;
/// Chains that a packet to the machine itself goes through: table and chain, in order.
const HOOKS: &[(&str, &str)] = &[
    ("raw", "PREROUTING"),
    ("mangle", "PREROUTING"),
    ("nat", "PREROUTING"),
    ("mangle", "INPUT"),
    ("filter", "INPUT"),
    ("security", "INPUT"),
];
/// The same of a packet from it, of a connection that is known: nat sees the first ones alone.
const REPLY_HOOKS: &[(&str, &str)] =
    &[("raw", "OUTPUT"), ("mangle", "OUTPUT"), ("filter", "OUTPUT"), ("security", "OUTPUT"), ("mangle", "POSTROUTING")];

/// Tables in the order of the file.
pub type Tables = Vec<(String, Chains)>;

/// What the rules of one file make of a connection.
pub fn judge(text: &str, file: &str) -> Outcome {
    let of = |packet| match parse(text, file, packet) {
        Ok(tables) => through(&tables, packet),
        Err(place) => (Passage::Unknown, place),
    };
    all([of(Packet::Reply), of(Packet::Request)])
}

/// What tables make of the packet.
fn through(tables: &Tables, packet: Packet) -> Outcome {
    let hooks = if packet == Packet::Reply { REPLY_HOOKS } else { HOOKS };
    all(hooks.iter().filter_map(|(table, chain)| {
        let (_, chains) = tables.iter().find(|(name, _)| name == table)?;
        Some(follow(chains, chain))
    }))
}

/// The tables of one file; `Err` is the place of a line that iptables-restore would refuse, or this program does.
pub fn parse(text: &str, file: &str, packet: Packet) -> Result<Tables, String> {
    let mut tables: Tables = Vec::new();
    let mut open = false;
    let (mut count, mut inserted) = (0_usize, 0_usize);
    for (line, number) in text.lines().zip(1_u32..) {
        let line = line.trim();
        let place = format!("{file}:{number}");
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(table) = line.strip_prefix('*') {
            open = true;
            if !tables.iter().any(|(name, _)| name == table) {
                tables.push((table.to_owned(), Chains::new()));
            }
            continue;
        }
        let Some((_, chains)) = tables.last_mut().filter(|_| open) else { return Err(place) };
        if line == "COMMIT" {
            open = false;
        } else if let Some(rest) = line.strip_prefix(':') {
            let mut words = rest.split_whitespace();
            let (Some(name), Some(policy)) = (words.next(), words.next()) else { return Err(place) };
            let policy = (policy != "-").then(|| Policy { drops: policy == "DROP", place });
            let chain = chains.entry(name.to_owned()).or_default();
            // Declared again, as for a file that is loaded over another: it starts empty.
            *chain = Chain { rules: Vec::new(), policy };
        } else {
            count = count.saturating_add(1);
            if count > MAX_RULES {
                return Err(place);
            }
            // Counters may stand before the rule.
            let line = if line.starts_with('[') { line.split_once(']').map_or(line, |(_, rest)| rest) } else { line };
            let words = words(line);
            let mut rest = words.iter().map(String::as_str);
            match (rest.next(), rest.next()) {
                (Some("-A" | "--append"), Some(chain)) => {
                    let rule = rule(rest, &place, packet);
                    chains.entry(chain.to_owned()).or_default().rules.push(rule);
                }
                (Some("-I" | "--insert"), Some(chain)) => {
                    inserted = inserted.saturating_add(1);
                    let mut rest = rest.peekable();
                    let at = rest.next_if(|word| word.bytes().all(|b| b.is_ascii_digit()));
                    let at = at.map_or(Some(1), |number| number.parse::<usize>().ok());
                    let rules = &mut chains.entry(chain.to_owned()).or_default().rules;
                    let at = at.and_then(|at| at.checked_sub(1)).filter(|at| *at <= rules.len());
                    let Some(at) = at.filter(|_| inserted <= MAX_INSERTED) else { return Err(place) };
                    rules.insert(at, rule(rest, &place, packet));
                }
                (Some("-P" | "--policy"), Some(chain)) => {
                    let drops = rest.next() == Some("DROP");
                    chains.entry(chain.to_owned()).or_default().policy = Some(Policy { drops, place });
                }
                (Some("-N" | "--new-chain"), Some(chain)) => drop(chains.entry(chain.to_owned()).or_default()),
                _ => return Err(place),
            }
        }
    }
    if open { Err(format!("{file}: no COMMIT at the end")) } else { Ok(tables) }
}

/// The words of a line, quotes removed.
fn words(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '\\' if quoted => word.get_or_insert_default().extend(chars.next()),
            c if c.is_whitespace() && !quoted => found.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    found.extend(word);
    found
}

/// A rule, compared with the packet as it is read.
fn rule<'a>(words: impl Iterator<Item = &'a str>, place: &str, packet: Packet) -> Rule {
    let mut words = words.peekable();
    let mut fit = Fit::Yes;
    let mut action = Action::Next;
    let mut negated = false;
    let mut counted = false;
    while let Some(word) = words.next() {
        if word == "!" {
            negated = true;
            continue;
        }
        // An older spelling has the mark after the option.
        if words.peek() == Some(&"!") {
            words.next();
            negated = true;
        }
        let mut value = || words.next().unwrap_or_default();
        let one = match word {
            "-p" | "--protocol" | "--proto" => protocol(value()),
            "-s" | "--source" | "--src" | "-d" | "--destination" | "--dst" => address(value()),
            "-i" | "--in-interface" => interface(value()).and(Fit::of(packet == Packet::Request)),
            "-o" | "--out-interface" => interface(value()).and(Fit::of(packet == Packet::Reply)),
            "-m" | "--match" => module(value()),
            "--dport" | "--destination-port" => packet.destination_port(value(), ':'),
            "--sport" | "--source-port" => packet.source_port(value(), ':'),
            "--dports" | "--destination-ports" => any(value(), |port| packet.destination_port(port, ':')),
            "--sports" | "--source-ports" => any(value(), |port| packet.source_port(port, ':')),
            "--ports" => {
                any(value(), |port| Fit::any([packet.destination_port(port, ':'), packet.source_port(port, ':')]))
            }
            "--state" | "--ctstate" => any(value(), |state| packet.state(state)),
            "--dst-type" => match value() {
                "LOCAL" => Fit::of(packet == Packet::Request),
                "UNICAST" if packet == Packet::Reply => Fit::Yes,
                "BROADCAST" | "MULTICAST" | "ANYCAST" => Fit::No,
                _ => Fit::Maybe,
            },
            "--tcp-flags" => {
                let mask = value();
                flags(packet, mask, words.next().unwrap_or_default())
            }
            "--syn" => flags(packet, "FIN,SYN,RST,ACK", "SYN"),
            "-f" | "--fragment" => Fit::No,
            "--update" | "--rcheck" => {
                counted = !negated;
                Fit::Maybe
            }
            "--hitcount" => match value().parse::<u32>() {
                Ok(hits) if counted && !negated && hits >= RECENT => Fit::No,
                _ => Fit::Maybe,
            },
            "-j" | "--jump" => {
                action = target(value());
                Fit::Yes
            }
            "-g" | "--goto" => {
                action = Action::Goto(value().to_owned());
                Fit::Yes
            }
            // Words of a target or of a remark, and counters.
            "--comment" | "--log-prefix" | "--log-level" | "--reject-with" | "--set-xmark" | "--set-mark" | "-c"
            | "--set-counters" => {
                value();
                Fit::Yes
            }
            "-4" | "--ipv4" | "--log-tcp-options" | "--log-ip-options" | "--log-uid" | "--log-tcp-sequence" => Fit::Yes,
            _ => Fit::Maybe,
        };
        fit = fit.and(one.unless(negated));
        negated = false;
    }
    Rule { fit, action, place: cut(place, 256) }
}

fn protocol(name: &str) -> Fit {
    Fit::of(matches!(name.to_ascii_lowercase().as_str(), "tcp" | "6" | "all" | "0"))
}

/// The packet comes from an address that is not known, to one that is not known either; both are no loopback.
fn address(text: &str) -> Fit {
    match text {
        "0.0.0.0/0" | "0/0" | "::/0" | "0.0.0.0/0.0.0.0" => Fit::Yes,
        loopback if loopback.starts_with("127.") || loopback.starts_with("::1") => Fit::No,
        _ => Fit::Maybe,
    }
}

fn interface(name: &str) -> Fit {
    match name {
        "lo" => Fit::No,
        "+" => Fit::Yes,
        _ => Fit::Maybe,
    }
}

/// Modules that only bring options, which are compared each on its own.
fn module(name: &str) -> Fit {
    match name {
        "tcp" | "comment" | "state" | "conntrack" | "multiport" | "addrtype" | "iprange" => Fit::Yes,
        "udp" | "icmp" | "icmp6" | "sctp" => Fit::No,
        _ => Fit::Maybe,
    }
}

/// One of a list with commas has to fit.
fn any(list: &str, test: impl Fn(&str) -> Fit) -> Fit {
    Fit::any(list.split(',').map(test))
}

/// Of the flags the first packet has SYN alone; answers have ACK, and the first of them SYN, too.
fn flags(packet: Packet, mask: &str, set: &str) -> Fit {
    let wanted: BTreeSet<&str> = set.split(',').filter(|flag| *flag != "NONE").collect();
    let masked = |flag: &&str| mask == "ALL" || mask.split(',').any(|one| one == *flag);
    let is = |flags: &[&'static str]| Fit::of(flags.iter().copied().filter(masked).collect::<BTreeSet<_>>() == wanted);
    match packet {
        Packet::Request => is(&["SYN"]),
        Packet::Reply if is(&["SYN", "ACK"]) == is(&["ACK"]) => is(&["ACK"]),
        Packet::Reply => Fit::Maybe,
    }
}

fn target(name: &str) -> Action {
    match name {
        "ACCEPT" | "SNAT" | "MASQUERADE" => Action::Accept,
        "DROP" | "REJECT" | "TARPIT" => Action::Drop,
        "RETURN" => Action::Return,
        "LOG" | "NFLOG" | "ULOG" | "MARK" | "CONNMARK" | "TCPMSS" | "CLASSIFY" | "AUDIT" | "TRACE" | "SET"
        | "SECMARK" | "CONNSECMARK" | "CHECKSUM" | "TOS" | "DSCP" => Action::Next,
        "DNAT" | "REDIRECT" | "TPROXY" | "NFQUEUE" | "QUEUE" | "NOTRACK" | "CT" | "SYNPROXY" => Action::Unknown,
        chain => Action::Jump(chain.to_owned()),
    }
}
