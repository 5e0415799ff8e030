//! What sshd takes for the values of a line (servconf.c), and what no release does.

use super::config::port;
use super::forms;

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
    "allowagentforwarding",
    "challengeresponseauthentication",
    "disableforwarding",
    "exposeauthinfo",
    "hostbasedauthentication",
    "hostbasedusesnamefrompacketonly",
    "ignoreuserknownhosts",
    "kbdinteractiveauthentication",
    "passwordauthentication",
    "permitemptypasswords",
    "permittty",
    "permituserrc",
    "printmotd",
    "pubkeyauthentication",
    "streamlocalbindunlink",
    "strictmodes",
    "tcpkeepalive",
    "usedns",
    "x11forwarding",
    "x11uselocalhost",
];
/// The same of what a release or a program built without it takes any value for (`sUnsupported`, `sDeprecated`).
const FLAGS_OF_SOME: &[&str] = &[
    "debianbanner",
    "dsaauthentication",
    "gssapiauthentication",
    "gssapicleanupcredentials",
    "gssapikeyexchange",
    "gssapistorecredentialsonrekey",
    "gssapistrictacceptorcheck",
    "kerberosauthentication",
    "kerberosorlocalpasswd",
    "kerberosticketcleanup",
    "printlastlog",
    "skeyauthentication",
    "usepam",
];
/// Keywords with a list of values (`multistate_*`, log.c `log_facilities` and `log_levels`).
const WORDS: &[(&str, &[&str])] = &[
    ("permitrootlogin", &["yes", "no", "without-password", "prohibit-password", "forced-commands-only"]),
    ("addressfamily", &["any", "inet", "inet6"]),
    ("allowstreamlocalforwarding", &["yes", "no", "all", "local", "remote"]),
    ("allowtcpforwarding", &["yes", "no", "all", "local", "remote"]),
    ("fingerprinthash", &["md5", "ripemd160", "sha1", "sha256", "sha384", "sha512"]),
    ("ignorerhosts", &["yes", "no", "shosts-only"]),
    ("permittunnel", &["yes", "no", "point-to-point", "ethernet"]),
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
    "authorizedkeyscommanduser",
    "authorizedprincipalscommanduser",
    "authorizedprincipalsfile",
    "banner",
    "chrootdirectory",
    "hostcertificate",
    "hostkey",
    "hostkeyagent",
    "maxstartups",
    "modulifile",
    "persourcemaxstartups",
    "persourcenetblocksize",
    "permituserenvironment",
    "pidfile",
    "port",
    "rdomain",
    "requiredrsasize",
    "securitykeyprovider",
    "streamlocalbindmask",
    "unusedconnectiontimeout",
    "xauthlocation",
];
/// One file, and perhaps several in releases to come.
const FILES: &[&str] = &["revokedkeys", "trustedusercakeys"];
/// Keywords that every release wants a value for, of one word or more.
const VALUED: &[&str] = &[
    "authorizedkeyscommand",
    "authorizedprincipalscommand",
    "forcecommand",
    "include",
    "ipqos",
    "listenaddress",
    "permitlisten",
    "permitopen",
    "rekeylimit",
    "subsystem",
    "versionaddendum",
];
/// Keywords that releases before 8.7 take without a value, or with an empty one.
const LISTS: &[&str] = &[
    "acceptenv",
    "allowgroups",
    "allowusers",
    "authenticationmethods",
    "authorizedkeysfile",
    "channeltimeout",
    "denygroups",
    "denyusers",
    "logverbose",
    "pubkeyauthoptions",
    "setenv",
];
/// Programs, which releases before 9 look at only where the line counts.
pub const COMMANDS: &[&str] = &["authorizedkeyscommand", "authorizedprincipalscommand"];
/// Keywords whose value is a list of algorithms.
const ALGORITHMS: &[&str] = &[
    "casignaturealgorithms",
    "ciphers",
    "hostbasedacceptedalgorithms",
    "hostbasedacceptedkeytypes",
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
    "hostbasedacceptedkeytypes",
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
    let words = words(keyword);
    let (number, time) = (NUMBERS.contains(&keyword), TIMES.contains(&keyword));
    let some = FLAGS_OF_SOME.contains(&keyword);
    let single = words.is_some() || number || time || [SINGLE, ALGORITHMS].iter().any(|list| list.contains(&keyword));
    let first = match arguments.first() {
        Some(first) if !first.is_empty() || !(single || [LISTS, FILES].iter().any(|list| list.contains(&keyword))) => {
            first
        }
        none => return Some(lacking(keyword, none.is_none(), single && !some)),
    };
    if arguments.len() > 1 && (single || FILES.contains(&keyword)) {
        return Some(if single && !some { Wrong::Always } else { Wrong::ByRelease });
    }
    match keyword {
        _ if words.is_some_and(|words| !words.iter().any(|word| word.eq_ignore_ascii_case(first))) => {
            Some(if some { Wrong::ByRelease } else { Wrong::Always })
        }
        _ if number => forms::number(first),
        _ if time => (!forms::is_time(first)).then_some(Wrong::Always),
        "port" if first.bytes().all(|b| b.is_ascii_digit()) => port(first).is_none().then_some(Wrong::Always),
        // A program holds many words, and no others without a hyphen are algorithms.
        _ if algorithms(keyword, arguments)
            .iter()
            .any(|name| !name.contains(['-', '*', '?']) && !name.starts_with("arcfour")) =>
        {
            Some(Wrong::Always)
        }
        // Names only; a pattern takes names away.
        "ciphers" | "kexalgorithms" | "macs" => {
            (!first.starts_with('-') && first.contains(['*', '?'])).then_some(Wrong::Always)
        }
        // What comes after it is its program, where there is any.
        "subsystem" => (arguments.len() < 2).then_some(Wrong::Always),
        _ => formed(keyword, first, arguments),
    }
}

/// What a keyword has one word of.
fn words(keyword: &str) -> Option<&'static [&'static str]> {
    let flag = FLAGS.contains(&keyword) || FLAGS_OF_SOME.contains(&keyword);
    let words = WORDS.iter().find(|(known, _)| *known == keyword).map(|(_, words)| *words);
    words.or(flag.then_some(&["yes", "no"]))
}

/// Without a value, or with an empty one: since 8.7 there has to be one for every keyword.
fn lacking(keyword: &str, none: bool, single: bool) -> Wrong {
    if single || (none && VALUED.contains(&keyword)) { Wrong::Always } else { Wrong::ByRelease }
}

/// Keywords whose values have a form of their own.
fn formed(keyword: &str, first: &str, arguments: &[String]) -> Option<Wrong> {
    match keyword {
        "maxstartups" => forms::ramp(first),
        "listenaddress" => forms::listen(arguments),
        "authenticationmethods" => forms::methods(arguments),
        "ipqos" => forms::qos(arguments),
        "rekeylimit" => forms::rekey(arguments),
        "requiredrsasize" => forms::plain(first, 0, i64::from(i32::MAX)),
        "permitopen" => forms::forwards(arguments, false),
        "permitlisten" => forms::forwards(arguments, true),
        "streamlocalbindmask" => forms::mask(first),
        "allowusers" | "denyusers" => forms::users(arguments),
        "persourcemaxstartups" if first != "none" => forms::plain(first, 0, i64::from(i32::MAX)),
        "persourcenetblocksize" => forms::blocks(first),
        "unusedconnectiontimeout" => (first != "none" && !forms::is_time(first)).then_some(Wrong::Always),
        "channeltimeout" => forms::timeouts(arguments),
        // A value may be there in a release to come, and a program may be built without it.
        "pubkeyauthoptions" => {
            let known = ["none", "touch-required", "verify-required"];
            (!arguments.iter().all(|word| known.contains(&word.as_str()))).then_some(Wrong::ByRelease)
        }
        // Not on every system, whatever its value.
        "rdomain" => Some(Wrong::ByRelease),
        "gssapikexalgorithms" => {
            let list = first.trim_start_matches(['+', '-', '^']);
            list.split(',').any(|name| !name.starts_with("gss-")).then_some(Wrong::ByRelease)
        }
        "include" => first.is_empty().then_some(Wrong::ByRelease),
        // A name, an equals sign, a value.
        "setenv" => arguments.iter().any(|word| word.find('=').is_none_or(|at| at == 0)).then_some(Wrong::Always),
        // Older releases take the sign for white space.
        "acceptenv" => arguments.iter().any(|word| word.contains('=')).then_some(Wrong::ByRelease),
        keyword if COMMANDS.contains(&keyword) => {
            (!first.starts_with('/') && !first.eq_ignore_ascii_case("none")).then_some(Wrong::Always)
        }
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

/// `Match`: pairs of a criterion and a value, or `all` (`match_cfg_line`).
fn criteria(arguments: &[String]) -> Option<Wrong> {
    let parts = |word: &'_ String| word.split('=').filter(|part| !part.is_empty()).map(str::to_owned).collect();
    let words: Vec<String> = arguments.iter().flat_map(|word| -> Vec<String> { parts(word) }).collect();
    let mut wrong = (words.is_empty()).then_some(Wrong::Always);
    let mut words = words.iter();
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
