//! Keywords of `sshd_config` (servconf.c, `keywords`), and the program's own word on those that not every release has.

use crate::disk::Result;
use crate::guest::Tree;

/// Known to every release from 5.3 to 10, deprecated and unsupported ones with them, and refused in a `Match` block by
/// all of them (`SSHCFG_GLOBAL`).
const GLOBAL: &[&str] = &[
    "addressfamily",
    "afstokenpassing",
    "checkmail",
    "ciphers",
    "compression",
    "dsaauthentication",
    "gssapicleanupcredentials",
    "hostdsakey",
    "hostkey",
    "ignoreuserknownhosts",
    "keepalive",
    "kerberosgetafstoken",
    "kerberosorlocalpasswd",
    "kerberostgtpassing",
    "kerberosticketcleanup",
    "keyregenerationinterval",
    "listenaddress",
    "logingracetime",
    "macs",
    "maxstartups",
    "pamauthenticationviakbdint",
    "permituserenvironment",
    "pidfile",
    "port",
    "printlastlog",
    "printmotd",
    "protocol",
    "reversemappingcheck",
    "rhostsauthentication",
    "serverkeybits",
    "strictmodes",
    "syslogfacility",
    "tcpkeepalive",
    "usedns",
    "uselogin",
    "usepam",
    "useprivilegeseparation",
    "verifyreversemapping",
    "xauthlocation",
];
/// Known to all of them, too; in a `Match` block by some.
const ANYWHERE: &[&str] = &[
    "acceptenv",
    "allowagentforwarding",
    "allowgroups",
    "allowtcpforwarding",
    "allowusers",
    "authorizedkeysfile",
    "authorizedkeysfile2",
    "banner",
    "challengeresponseauthentication",
    "chrootdirectory",
    "clientalivecountmax",
    "clientaliveinterval",
    "denygroups",
    "denyusers",
    "forcecommand",
    "gatewayports",
    "gssapiauthentication",
    "hostbasedauthentication",
    "hostbasedusesnamefrompacketonly",
    "ignorerhosts",
    "kbdinteractiveauthentication",
    "kerberosauthentication",
    "loglevel",
    "match",
    "maxauthtries",
    "maxsessions",
    "passwordauthentication",
    "permitemptypasswords",
    "permitopen",
    "permitrootlogin",
    "permittunnel",
    "pubkeyauthentication",
    "rhostsrsaauthentication",
    "rsaauthentication",
    "skeyauthentication",
    "subsystem",
    "x11displayoffset",
    "x11forwarding",
    "x11uselocalhost",
];
/// Younger ones that no release takes in a `Match` block.
const YOUNGER: &[&str] = &["hostcertificate", "hostkeyagent", "hostkeyalgorithms", "kexalgorithms", "versionaddendum"];
/// Largest program that is read, in bytes: OpenSSH's are smaller than two million.
const MAX_PROGRAM: usize = 8 << 20;

/// Whether every release knows it.
pub fn known(keyword: &str) -> bool {
    GLOBAL.contains(&keyword) || ANYWHERE.contains(&keyword)
}

/// Every one of the lists.
#[cfg(test)]
pub fn all() -> impl Iterator<Item = &'static str> {
    [GLOBAL, ANYWHERE, YOUNGER].into_iter().flatten().copied()
}

/// Whether no release takes it in a `Match` block.
pub fn global(keyword: &str) -> bool {
    GLOBAL.contains(&keyword) || YOUNGER.contains(&keyword)
}

/// The first of `keywords` that the program does not know: its table of keywords is plain text that ends in zeroes.
/// `Err` where the program is not to be read, or none of OpenSSH's.
///
/// # Errors
/// A failed transport.
pub fn unknown<'k, T>(
    tree: &Tree,
    program: &str,
    keywords: &'k [(String, T)],
) -> Result<std::result::Result<Option<&'k (String, T)>, String>> {
    let bytes = match tree.read(program, MAX_PROGRAM) {
        Ok(bytes) => bytes,
        Err(error) if error.kind == crate::disk::ErrorKind::Io => return Err(error),
        Err(error) => return Ok(Err(error.what)),
    };
    // A linker may let one string be the end of another.
    let holds = |word: &str| bytes.split(|b| *b == 0).any(|text| text.ends_with(word.as_bytes()));
    if !(bytes.starts_with(b"\x7fELF") && holds("permitrootlogin") && holds("listenaddress")) {
        return Ok(Err(format!("{program} is no program of OpenSSH's")));
    }
    Ok(Ok(keywords.iter().find(|(keyword, _)| !holds(keyword))))
}
