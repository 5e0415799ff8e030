//! What a packet filter makes of one connection: TCP to port 22, its first packet and the answer to it, between unknown
//! addresses at an unknown interface. Each rule was compared with one packet when it was read; here the rules are followed.

use std::collections::HashMap;

use crate::guest::linux::cut;
use crate::inspect::facts::Passage;

/// Deepest nesting of chains.
const MAX_DEPTH: usize = 64;

/// Whether a rule is for the packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// It depends on what is not known.
    Maybe,
}

impl Fit {
    /// Both have to fit.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Maybe,
        }
    }

    /// The opposite, where `negated`.
    #[must_use]
    pub fn unless(self, negated: bool) -> Self {
        match self {
            Self::Yes if negated => Self::No,
            Self::No if negated => Self::Yes,
            fit => fit,
        }
    }

    /// One of them has to fit.
    pub fn any(fits: impl IntoIterator<Item = Self>) -> Self {
        fits.into_iter().fold(Self::No, |found, fit| match (found, fit) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::No, Self::No) => Self::No,
            _ => Self::Maybe,
        })
    }

    /// One or the other.
    pub fn of(fits: bool) -> Self {
        if fits { Self::Yes } else { Self::No }
    }
}

/// What a rule does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Nothing that ends it: a log, a counter.
    Next,
    /// Let through.
    Accept,
    /// Dropped or rejected.
    Drop,
    /// Back to the chain that called.
    Return,
    /// On to another chain, and back.
    Jump(String),
    /// On to another chain, and not back.
    Goto(String),
    /// What this program does not know.
    Unknown,
}

/// One rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Whether it is for the packet.
    pub fit: Fit,
    /// What it does.
    pub action: Action,
    /// `path:line`.
    pub place: String,
}

/// A chain, with what happens at its end where it is a chain of the kernel's own.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    /// In order.
    pub rules: Vec<Rule>,
    /// Dropped or let through at its end; `None` for a chain that is only called.
    pub policy: Option<Policy>,
}

/// What happens at the end of a chain.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Dropped.
    pub drops: bool,
    /// `path:line`.
    pub place: String,
}

/// What becomes of the packet, and the line that decides or leaves it open.
pub type Outcome = (Passage, String);

/// Everything that may become of the packet in a chain.
#[derive(Debug, Clone, Default)]
struct May {
    accept: bool,
    drop: Option<String>,
    unknown: Option<String>,
    /// It may come out at the end.
    fall: bool,
}

/// One table's chains, by name.
pub type Chains = HashMap<String, Chain>;

/// Follows the packet through a chain of the kernel's.
pub fn follow(chains: &Chains, first: &str) -> Outcome {
    let Some(chain) = chains.get(first) else { return (Passage::Open, String::new()) };
    let filters = chains.values().any(|chain| {
        chain.policy.as_ref().is_some_and(|policy| policy.drops)
            || chain.rules.iter().any(|rule| matches!(rule.action, Action::Drop | Action::Unknown))
    });
    if !filters {
        return (Passage::Open, String::new());
    }
    let mut walk = Walk { chains, known: HashMap::new() };
    let mut may = walk.chain(first, 0);
    if may.fall {
        match &chain.policy {
            Some(policy) if policy.drops => may.drop = may.drop.or_else(|| Some(policy.place.clone())),
            _ => may.accept = true,
        }
    }
    match (may.accept, may.drop, may.unknown) {
        (_, _, Some(place)) | (true, Some(place), None) => (Passage::Unknown, place),
        (false, Some(place), None) => (Passage::Blocked, place),
        (_, None, None) => (Passage::Passes, String::new()),
    }
}

/// Of several filters that a packet goes through, what all of them together make of it.
pub fn all(outcomes: impl IntoIterator<Item = Outcome>) -> Outcome {
    // A packet that is dropped anywhere is dropped; one that is not known to pass is not known.
    let rank = |passage: Passage| match passage {
        Passage::Open => 0,
        Passage::Passes => 1,
        Passage::Unknown => 2,
        Passage::Blocked => 3,
    };
    outcomes.into_iter().max_by_key(|(passage, _)| rank(*passage)).unwrap_or((Passage::Open, String::new()))
}

struct Walk<'a> {
    chains: &'a Chains,
    /// Chains already followed: the packet is always the same.
    known: HashMap<String, May>,
}

impl Walk<'_> {
    fn chain(&mut self, name: &str, depth: usize) -> May {
        if let Some(known) = self.known.get(name) {
            return known.clone();
        }
        let unknown = |what: String| May { unknown: Some(what), ..May::default() };
        let Some(chain) = self.chains.get(name) else { return unknown(format!("no chain {}", cut(name, 32))) };
        if depth > MAX_DEPTH {
            return unknown("chains nested too deep".to_owned());
        }
        // A chain that calls itself is refused by the kernel.
        self.known.insert(name.to_owned(), unknown(format!("chain {} calls itself", cut(name, 32))));
        let mut may = May::default();
        // Whether the packet may come to the next rule.
        let mut here = true;
        for rule in chain.rules.iter().filter(|rule| rule.fit != Fit::No) {
            let after = self.act(rule, depth);
            may.accept |= after.accept;
            may.drop = may.drop.or(after.drop);
            may.unknown = may.unknown.or(after.unknown);
            let leaves = matches!(rule.action, Action::Return | Action::Goto(_));
            may.fall |= after.fall && leaves;
            here = rule.fit == Fit::Maybe || (after.fall && !leaves);
            if !here {
                break;
            }
        }
        may.fall |= here;
        self.known.insert(name.to_owned(), may.clone());
        may
    }

    fn act(&mut self, rule: &Rule, depth: usize) -> May {
        let place = || Some(rule.place.clone());
        match &rule.action {
            Action::Next | Action::Return => May { fall: true, ..May::default() },
            Action::Accept => May { accept: true, ..May::default() },
            Action::Drop => May { drop: place(), ..May::default() },
            Action::Unknown => May { unknown: place(), ..May::default() },
            Action::Jump(to) | Action::Goto(to) => self.chain(to, depth.saturating_add(1)),
        }
    }
}
