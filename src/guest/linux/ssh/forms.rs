//! Forms that values of sshd_config have, as sshd's own functions read them (misc.c, servconf.c, auth2.c).

use std::net::IpAddr;

use super::config::port;
use super::values::Wrong;

/// What `IPQoS` takes besides a number (misc.c, `ipqos`; `va` is of young releases).
const QOS: &[&str] = &[
    "none",
    "af11",
    "af12",
    "af13",
    "af21",
    "af22",
    "af23",
    "af31",
    "af32",
    "af33",
    "af41",
    "af42",
    "af43",
    "cs0",
    "cs1",
    "cs2",
    "cs3",
    "cs4",
    "cs5",
    "cs6",
    "cs7",
    "ef",
    "le",
    "va",
    "lowdelay",
    "throughput",
    "reliability",
];
/// Ways to authenticate (auth2.c, `authmethods`).
const METHODS: &[&str] =
    &["none", "publickey", "gssapi-with-mic", "gssapi-keyex", "password", "keyboard-interactive", "hostbased"];
/// Units of a size (fmt_scaled.c), each 1024 of the one before.
const SCALE: &str = "BKMGTPE";

/// Older releases take `0x10`, `-1` and what stands after a number (strtol(3)).
pub fn number(text: &str) -> Option<Wrong> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    match text.strip_prefix(['-', '+']).unwrap_or(text).starts_with(|c: char| c.is_ascii_digit()) {
        false => Some(Wrong::Always),
        true if digits && text.parse::<i32>().is_ok() => None,
        true => Some(Wrong::ByRelease),
    }
}

/// The same where no release takes anything else (strtonum(3)).
pub fn plain(text: &str, least: i64, most: i64) -> Option<Wrong> {
    text.parse::<i64>().map_or(true, |number| number < least || number > most).then_some(Wrong::Always)
}

/// `90`, `1h30m` (misc.c, `convtime`).
pub fn is_time(text: &str) -> bool {
    let parts = text.split_inclusive(|c: char| !c.is_ascii_digit());
    let part = |part: &str| {
        let digits = part.trim_end_matches(['s', 'S', 'm', 'M', 'h', 'H', 'd', 'D', 'w', 'W']);
        part.len().saturating_sub(digits.len()) < 2 && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
    };
    !text.is_empty() && parts.into_iter().all(part)
}

/// `10` or `10:30:100`: start, percent, most (`sMaxStartups`). Later releases take no zero.
pub fn ramp(text: &str) -> Option<Wrong> {
    let number = |part: &str| {
        let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        part.get(..end).and_then(|digits| digits.parse::<u32>().ok())
    };
    let parts: Vec<u32> = text.split(':').map_while(number).collect();
    match parts.as_slice() {
        [0] | [0, _, _, ..] => Some(Wrong::ByRelease),
        [_] => None,
        [begin, rate, most, ..] if begin <= most && (1..=100).contains(rate) => None,
        _ => Some(Wrong::Always),
    }
}

/// `RekeyLimit`: a size or `default`, and a time or `none` where there is a second word.
pub fn rekey(words: &[String]) -> Option<Wrong> {
    let (size, time) = match words {
        [size] => (size, None),
        [size, time] => (size, Some(time)),
        _ => return Some(Wrong::Always),
    };
    let time = time.is_none_or(|time| time == "none" || is_time(time));
    if !time {
        return Some(Wrong::Always);
    }
    if size == "default" {
        return None;
    }
    let unit = size.chars().next_back().and_then(|last| SCALE.find(last.to_ascii_uppercase()));
    let digits = if unit.is_some() { size.get(..size.len().saturating_sub(1)).unwrap_or_default() } else { size };
    let digits = digits.strip_prefix('+').unwrap_or(digits);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        // A fraction, or a unit alone.
        let rest = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        return if rest && digits.matches('.').count() < 2 { Some(Wrong::ByRelease) } else { Some(Wrong::Always) };
    }
    let small = unit.unwrap_or(0) == 0 && digits.parse::<u64>().is_ok_and(|bytes| (1..16).contains(&bytes));
    small.then_some(Wrong::Always)
}

/// `IPQoS`: one or two.
pub fn qos(words: &[String]) -> Option<Wrong> {
    let number = |word: &str| {
        let digits = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"));
        let radix = if digits.is_some() {
            16
        } else if word.starts_with('0') {
            8
        } else {
            10
        };
        u8::from_str_radix(digits.unwrap_or(word), radix).is_ok()
    };
    let takes = |word: &String| QOS.iter().any(|known| word.eq_ignore_ascii_case(known)) || number(word);
    (words.len() > 2 || !words.iter().all(takes)).then_some(Wrong::Always)
}

/// A umask in octal digits; what stands after them is passed over (`sStreamLocalBindMask`).
pub fn mask(text: &str) -> Option<Wrong> {
    let end = text.find(|c: char| !('0'..='7').contains(&c)).unwrap_or(text.len());
    let value = text.get(..end).and_then(|digits| u32::from_str_radix(digits, 8).ok());
    value.is_none_or(|value| value > 0o777).then_some(Wrong::Always)
}

/// `PermitOpen` and, where the host may be left out, `PermitListen`; `any` or `none` stands alone.
pub fn forwards(words: &[String], bare: bool) -> Option<Wrong> {
    if words.first().is_some_and(|first| first == "any" || first == "none") {
        return (words.len() > 1).then_some(Wrong::Always);
    }
    words.iter().find_map(|word| forward(word, bare))
}

fn forward(word: &str, bare: bool) -> Option<Wrong> {
    let (host, named) = match word.rsplit_once(':') {
        Some((host, named)) => (host, named),
        None if bare => ("*", word),
        None => return Some(Wrong::Always),
    };
    let digits = !named.is_empty() && named.bytes().all(|b| b.is_ascii_digit());
    match () {
        // The names of services are not the same everywhere; a slash stands for a colon in some releases.
        () if host.is_empty() || word.contains('/') => Some(Wrong::ByRelease),
        () if host.contains(':') && !(host.starts_with('[') && host.ends_with(']')) => Some(Wrong::ByRelease),
        () if named == "*" => None,
        () if digits => port(named).is_none().then_some(Wrong::Always),
        () => Some(if named == "ssh" { return None } else { Wrong::ByRelease }),
    }
}

/// `ListenAddress ADDRESS [rdomain NAME]`. Which routing domains there are shows when it starts.
pub fn listen(words: &[String]) -> Option<Wrong> {
    match words {
        [_] => None,
        [_, word, _] if word == "rdomain" => Some(Wrong::ByRelease),
        _ => Some(Wrong::Always),
    }
}

/// `AuthenticationMethods`: lists of ways, each perhaps with a device after a colon; `any` stands alone.
pub fn methods(words: &[String]) -> Option<Wrong> {
    if words.iter().any(|word| word == "any") {
        return (words.len() > 1).then_some(Wrong::Always);
    }
    let names = words.iter().flat_map(|list| list.split(','));
    let mut names = names.map(|way| way.split(':').next().unwrap_or_default());
    (!names.all(|name| METHODS.contains(&name))).then_some(Wrong::Always)
}

/// `USER@HOST`: a network has to be one in later releases (`match_user`).
pub fn users(words: &[String]) -> Option<Wrong> {
    let is_wrong = |word: &String| match word.rsplit_once('@') {
        Some((_, "")) => true,
        Some((_, host)) => host.split_once('/').is_some_and(|(net, bits)| !is_network(net, bits)),
        None => false,
    };
    words.iter().any(is_wrong).then_some(Wrong::ByRelease)
}

fn is_network(net: &str, bits: &str) -> bool {
    let (Ok(net), Ok(bits)) = (net.parse::<IpAddr>(), bits.parse::<u32>()) else { return false };
    let (value, width) = match net {
        IpAddr::V4(net) => (u128::from(net.to_bits()), 32_u32),
        IpAddr::V6(net) => (net.to_bits(), 128),
    };
    // No bit of a host is set.
    width.checked_sub(bits).is_some_and(|host| host == 128 || value.trailing_zeros() >= host || value == 0)
}

/// `32` or `32:128` (`sPerSourceNetBlockSize`).
pub fn blocks(text: &str) -> Option<Wrong> {
    let mut parts = text.splitn(2, ':');
    let four = parts.next().and_then(|part| plain(part, 0, 32));
    four.or_else(|| parts.next().filter(|part| !part.is_empty()).and_then(|part| plain(part, 0, 128)))
}

/// `TYPE=TIME`; `none` stands alone (`sChannelTimeout`).
pub fn timeouts(words: &[String]) -> Option<Wrong> {
    if words.first().is_some_and(|first| first == "none") {
        return (words.len() > 1).then_some(Wrong::Always);
    }
    let fits = |word: &String| word.split_once('=').is_some_and(|(kind, time)| !kind.is_empty() && is_time(time));
    (!words.iter().all(fits)).then_some(Wrong::Always)
}
