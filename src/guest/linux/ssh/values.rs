//! What sshd takes for the values of a line (servconf.c), and what no release does.

use super::config::port;

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// Every release refuses it.
    Always,
    /// Some do.
    ByRelease,
}

/// Keywords that every release takes `yes` and `no` for, and nothing else (`multistate_flag`).
const FLAGS: &[&str] = &[
    "challengeresponseauthentication",
    "hostbasedauthentication",
    "kbdinteractiveauthentication",
    "passwordauthentication",
    "permitemptypasswords",
    "printmotd",
    "pubkeyauthentication",
    "strictmodes",
    "tcpkeepalive",
    "usedns",
    "x11forwarding",
    "x11uselocalhost",
];
/// Keywords with a list of values (`multistate_*`, log.c `log_facilities` and `log_levels`).
const WORDS: &[(&str, &[&str])] = &[
    ("permitrootlogin", &["yes", "no", "without-password", "prohibit-password", "forced-commands-only"]),
    ("addressfamily", &["any", "inet", "inet6"]),
    ("compression", &["yes", "no", "delayed"]),
    ("gatewayports", &["yes", "no", "clientspecified"]),
    ("loglevel", &["silent", "quiet", "fatal", "error", "info", "verbose", "debug", "debug1", "debug2", "debug3"]),
    (
        "syslogfacility",
        &[
            "daemon", "user", "auth", "authpriv", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
            "local7",
        ],
    ),
];
/// Keywords with a number, and with a time (`parse_int`, `parse_time`).
const NUMBERS: &[&str] = &["clientalivecountmax", "maxauthtries", "maxsessions", "x11displayoffset"];
const TIMES: &[&str] = &["clientaliveinterval", "logingracetime"];
/// Further keywords with exactly one value.
const SINGLE: &[&str] = &[
    "allowagentforwarding",
    "allowtcpforwarding",
    "banner",
    "chrootdirectory",
    "ciphers",
    "hostbasedusesnamefrompacketonly",
    "hostkey",
    "ignorerhosts",
    "ignoreuserknownhosts",
    "kexalgorithms",
    "macs",
    "maxstartups",
    "permittunnel",
    "permituserenvironment",
    "pidfile",
    "port",
    "printlastlog",
    "xauthlocation",
];
/// Keywords whose value is a list of algorithms.
const ALGORITHMS: &[&str] = &[
    "casignaturealgorithms",
    "ciphers",
    "hostbasedacceptedalgorithms",
    "hostkeyalgorithms",
    "kexalgorithms",
    "macs",
    "pubkeyacceptedalgorithms",
    "pubkeyacceptedkeytypes",
];
/// Those of them that take patterns (`sshkey_names_valid2`); the others' names are compared.
const PATTERNS: &[&str] = &[
    "casignaturealgorithms",
    "hostbasedacceptedalgorithms",
    "hostkeyalgorithms",
    "pubkeyacceptedalgorithms",
    "pubkeyacceptedkeytypes",
];
/// Criteria of `Match` that take a value; `all` stands alone.
const CRITERIA: &[&str] = &["user", "group", "host", "address", "localaddress", "localport", "rdomain"];
/// Those that young releases have.
const YOUNG_CRITERIA: &[&str] = &["invalid-user", "version", "sessiontype", "command"];

/// What is wrong with the values of a keyword in small letters; `None` where nothing is, or that is not judged here.
pub fn wrong(keyword: &str, arguments: &[String]) -> Option<Wrong> {
    if keyword == "match" {
        return criteria(arguments);
    }
    let flag: &[&str] = &["yes", "no"];
    let words = WORDS.iter().find(|(known, _)| *known == keyword).map(|(_, words)| *words);
    let words = words.or_else(|| FLAGS.contains(&keyword).then_some(flag));
    let (number, time) = (NUMBERS.contains(&keyword), TIMES.contains(&keyword));
    let single = words.is_some() || number || time || SINGLE.contains(&keyword);
    let Some(first) = arguments.first() else {
        return (single || keyword == "listenaddress" || keyword == "subsystem").then_some(Wrong::Always);
    };
    if single && arguments.len() > 1 {
        return Some(Wrong::Always);
    }
    match keyword {
        _ if words.is_some_and(|words| !words.iter().any(|word| word.eq_ignore_ascii_case(first))) => {
            Some(Wrong::Always)
        }
        _ if number => self::number(first),
        _ if time => (!is_time(first)).then_some(Wrong::Always),
        "maxstartups" => (!is_ramp(first)).then_some(Wrong::Always),
        "port" if first.bytes().all(|b| b.is_ascii_digit()) => port(first).is_none().then_some(Wrong::Always),
        // Names only; a pattern takes names away.
        "ciphers" | "kexalgorithms" | "macs" => {
            (!first.starts_with('-') && first.contains(['*', '?'])).then_some(Wrong::Always)
        }
        // What comes after it is its program, where there is any.
        "subsystem" => (arguments.len() < 2).then_some(Wrong::Always),
        _ => None,
    }
}

/// The names of algorithms that a line demands of the program.
pub fn algorithms<'a>(keyword: &str, arguments: &'a [String]) -> Vec<&'a str> {
    let Some(list) = arguments.first().filter(|_| ALGORITHMS.contains(&keyword)) else { return Vec::new() };
    // What is taken away need not be there.
    if list.starts_with('-') {
        return Vec::new();
    }
    let names = list.trim_start_matches(['+', '^']).split(',').take_while(|name| !name.is_empty());
    names.filter(|name| !(PATTERNS.contains(&keyword) && name.contains(['*', '?', '!']))).collect()
}

/// Older releases take `0x10`, `-1` and what stands after a number (strtol(3)).
fn number(text: &str) -> Option<Wrong> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    match text.strip_prefix(['-', '+']).unwrap_or(text).starts_with(|c: char| c.is_ascii_digit()) {
        false => Some(Wrong::Always),
        true if digits && text.parse::<i32>().is_ok() => None,
        true => Some(Wrong::ByRelease),
    }
}

/// `90`, `1h30m` (misc.c, `convtime`).
fn is_time(text: &str) -> bool {
    let parts = text.split_inclusive(|c: char| !c.is_ascii_digit());
    let part = |part: &str| {
        let digits = part.trim_end_matches(['s', 'S', 'm', 'M', 'h', 'H', 'd', 'D', 'w', 'W']);
        part.len().saturating_sub(digits.len()) < 2 && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
    };
    !text.is_empty() && parts.into_iter().all(part)
}

/// `10` or `10:30:100`: start, percent, most (`sMaxStartups`).
fn is_ramp(text: &str) -> bool {
    let number = |part: &str| {
        let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        part.get(..end).and_then(|digits| digits.parse::<u32>().ok())
    };
    let parts: Vec<u32> = text.split(':').map_while(number).collect();
    match parts.as_slice() {
        [_] => true,
        [begin, rate, most, ..] => begin <= most && (1..=100).contains(rate),
        _ => false,
    }
}

/// `Match`: pairs of a criterion and a value, or `all` (`match_cfg_line`).
fn criteria(arguments: &[String]) -> Option<Wrong> {
    let parts = |word: &'_ String| word.split('=').filter(|part| !part.is_empty()).map(str::to_owned).collect();
    let words: Vec<String> = arguments.iter().flat_map(|word| -> Vec<String> { parts(word) }).collect();
    let mut words = words.iter();
    let mut wrong = (arguments.is_empty()).then_some(Wrong::Always);
    let mut first = true;
    while let Some(name) = words.next() {
        let name = name.to_ascii_lowercase();
        if name == "all" {
            let alone = first && words.next().is_none();
            return if alone { wrong } else { Some(Wrong::Always) };
        }
        first = false;
        if YOUNG_CRITERIA.contains(&name.as_str()) {
            // Some of them take a value, and some do not: what follows is not known.
            return Some(Wrong::ByRelease);
        }
        if !CRITERIA.contains(&name.as_str()) {
            return Some(Wrong::Always);
        }
        match words.next() {
            None => return Some(Wrong::Always),
            Some(value) if name == "localport" && port(value).is_none() => wrong = Some(Wrong::ByRelease),
            Some(_) => {}
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> (String, Vec<String>) {
        let mut words = line.split(' ').map(str::to_owned);
        (words.next().unwrap(), words.collect())
    }

    /// What releases before 8 took and later ones do not.
    #[test]
    fn what_releases_differ_in_is_not_refused() {
        for line in ["maxauthtries 0x10", "maxsessions -1", "maxauthtries 5x", "match invalid-user", "match version x"]
        {
            let (keyword, arguments) = words(line);
            assert_eq!(wrong(&keyword, &arguments), Some(Wrong::ByRelease), "{line}");
        }
    }

    #[test]
    fn only_names_that_have_to_be_there_are_asked_for() {
        for (line, asked) in [
            ("ciphers aes128-ctr,foo", "aes128-ctr foo"),
            ("ciphers +foo", "foo"),
            ("macs -hmac-md5*", ""),
            ("kexalgorithms ^a,b,,c", "a b"),
            ("ciphers aes*", "aes*"),
            ("hostkeyalgorithms ssh-*,x", "x"),
            ("port 22", ""),
        ] {
            let (keyword, arguments) = words(line);
            assert_eq!(algorithms(&keyword, &arguments).join(" "), asked, "{line}");
        }
    }
}
