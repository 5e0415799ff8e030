//! The packet that is asked for: TCP, to port 22.

use super::chains::Fit;

/// Its port.
pub const PORT: u16 = 22;
/// The only service of `/etc/services` with that port.
const SERVICE: &str = "ssh";

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
