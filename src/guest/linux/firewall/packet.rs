//! The packets that are asked for: TCP, to port 22, and what answers them.

use super::chains::{Fit, Outcome, all};
use crate::disk::Result;

/// Its port.
pub const PORT: u16 = 22;
/// The only service of `/etc/services` with that port.
const SERVICE: &str = "ssh";

/// Ports that clients connect from: those below are services' own.
const CLIENTS: std::ops::RangeInclusive<u16> = 1024..=u16::MAX;

/// One of the two that a connection begins with. Both have to pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packet {
    /// The first, to port 22: it is new.
    Request,
    /// What the machine answers, from port 22: the connection is established.
    Reply,
}

impl Packet {
    /// What becomes of both.
    ///
    /// # Errors
    /// Those of `judge`.
    pub fn both(judge: impl Fn(Self) -> Result<Outcome>) -> Result<Outcome> {
        // Where both are blocked, the last is told.
        Ok(all([judge(Self::Reply)?, judge(Self::Request)?]))
    }

    /// Whether a port or a range of ports has its source port.
    pub fn source_port(self, text: &str, dash: char) -> Fit {
        if self == Self::Reply { in_range(text, dash) } else { of_client(text, dash) }
    }

    /// Whether a port or a range of ports has its destination port.
    pub fn destination_port(self, text: &str, dash: char) -> Fit {
        if self == Self::Request { in_range(text, dash) } else { of_client(text, dash) }
    }

    /// Whether a state of connection tracking is its own.
    pub fn state(self, name: &str) -> Fit {
        match (name.to_ascii_lowercase().as_str(), self) {
            ("new", _) => Fit::of(self == Self::Request),
            ("established", _) => Fit::of(self == Self::Reply),
            ("related" | "invalid" | "untracked", _) => Fit::No,
            _ => Fit::Maybe,
        }
    }
}

/// The same of the port that a client happened to connect from.
fn of_client(text: &str, dash: char) -> Fit {
    let bounds = match text.trim().split_once(dash) {
        Some(("", high)) => (Ok(0), high.parse()),
        Some((low, "")) => (low.parse(), Ok(u16::MAX)),
        Some((low, high)) => (low.parse(), high.parse()),
        None => (text.trim().parse(), text.trim().parse()),
    };
    match bounds {
        (Ok(low), Ok(high)) if low <= *CLIENTS.start() && high == *CLIENTS.end() => Fit::Yes,
        (Ok(_), Ok(high)) if high < *CLIENTS.start() => Fit::No,
        // By its name.
        _ if text.trim() == SERVICE => Fit::No,
        _ => Fit::Maybe,
    }
}

/// Whether a port, a service's name or a range of ports has its port.
pub fn in_range(text: &str, dash: char) -> Fit {
    let bound = |text: &str, open: u16| match text.trim() {
        "" => Some(open),
        SERVICE => Some(PORT),
        number => number.parse::<u16>().ok(),
    };
    let whole = text.trim();
    if whole == SERVICE {
        return Fit::Yes;
    }
    match whole.split_once(dash) {
        Some((low, high)) => match (bound(low, 0), bound(high, u16::MAX)) {
            (Some(low), Some(high)) => Fit::of((low..=high).contains(&PORT)),
            // A name with a dash in it.
            _ if whole.starts_with(|c: char| c.is_ascii_alphabetic()) => Fit::No,
            _ => Fit::Maybe,
        },
        None => match whole.parse::<u16>() {
            Ok(port) => Fit::of(port == PORT),
            Err(_) if whole.starts_with(|c: char| c.is_ascii_alphabetic()) => Fit::No,
            Err(_) => Fit::Maybe,
        },
    }
}
