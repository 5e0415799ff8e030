//! Keywords of `sshd_config` (servconf.c, `keywords`), and the program's own word on those that not every release has.

use crate::disk::Result;
use crate::guest::Tree;
use crate::guest::linux::packages::Packages;

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
/// Younger ones, and algorithms, that distributions put into every image, and the release that first had them (OpenSSH's
/// release notes); none has gone since.
const SINCE: &[(&str, (u32, u32))] = &[
    ("include", (8, 2)),
    ("aes128-ctr", (5, 3)),
    ("aes192-ctr", (5, 3)),
    ("aes256-ctr", (5, 3)),
    ("aes128-gcm@openssh.com", (6, 2)),
    ("aes256-gcm@openssh.com", (6, 2)),
    ("chacha20-poly1305@openssh.com", (6, 5)),
    ("hmac-sha1", (5, 3)),
    ("hmac-sha2-256", (5, 9)),
    ("hmac-sha2-512", (5, 9)),
    ("hmac-sha1-etm@openssh.com", (6, 2)),
    ("hmac-sha2-256-etm@openssh.com", (6, 2)),
    ("hmac-sha2-512-etm@openssh.com", (6, 2)),
    ("umac-128@openssh.com", (6, 2)),
    ("umac-128-etm@openssh.com", (6, 2)),
    ("curve25519-sha256", (7, 4)),
    ("curve25519-sha256@libssh.org", (6, 5)),
    ("diffie-hellman-group14-sha256", (7, 3)),
    ("diffie-hellman-group16-sha512", (7, 3)),
    ("diffie-hellman-group18-sha512", (7, 3)),
    ("diffie-hellman-group-exchange-sha256", (5, 3)),
];
/// Takes a `Subsystem` that is there a second time, or in a `Match` block, where earlier releases refused it.
pub const OVERRIDES: (u32, u32) = (9, 5);
/// The program of the distributions' packages.
pub const PACKAGED: &str = "/usr/sbin/sshd";
/// Those packages; SUSE's of old holds both sides.
const PACKAGES: &[&str] = &["openssh-server", "openssh"];
/// Largest program that is read, in bytes: OpenSSH's are smaller than two million.
const MAX_PROGRAM: usize = 8 << 20;

/// Whether every release knows it.
pub fn known(keyword: &str) -> bool {
    GLOBAL.contains(&keyword) || ANYWHERE.contains(&keyword)
}

/// Whether the installed package is young enough to know it.
pub fn packaged(keyword: &str, packages: &Packages) -> bool {
    let since = SINCE.iter().find(|(known, _)| *known == keyword);
    let package = PACKAGES.iter().find_map(|name| packages.installed(name));
    since
        .zip(package)
        .is_some_and(|((_, since), package)| release(&package.version).is_some_and(|found| found >= *since))
}

/// Of a package's version: `1:9.2p1-2+deb12u7` is 9.2.
fn release(version: &str) -> Option<(u32, u32)> {
    let upstream = version.split_once(':').map_or(version, |(_, rest)| rest);
    let (major, rest) = upstream.split_once('.')?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    Some((major.parse().ok()?, rest.get(..end)?.parse().ok()?))
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

/// A program of OpenSSH's: its tables of names are plain text, each name ended by a zero.
pub struct Program(Vec<u8>);

impl Program {
    /// Reads it. `Err` where it is not to be read, or none of OpenSSH's.
    ///
    /// # Errors
    /// A failed transport.
    pub fn read(tree: &Tree, path: &str) -> Result<std::result::Result<Self, String>> {
        let bytes = match tree.read(path, MAX_PROGRAM) {
            Ok(bytes) => bytes,
            Err(error) if error.kind == crate::disk::ErrorKind::Io => return Err(error),
            Err(error) => return Ok(Err(error.what)),
        };
        let program = Self(bytes);
        if program.0.starts_with(b"\x7fELF") && program.holds("permitrootlogin") && program.holds("listenaddress") {
            return Ok(Ok(program));
        }
        Ok(Err(format!("{path} is no program of OpenSSH's")))
    }

    fn texts(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|b| *b == 0)
    }

    /// Whether it knows a name. A linker may let one string be the end of another.
    pub fn holds(&self, word: &str) -> bool {
        self.texts().any(|text| text.ends_with(word.as_bytes()))
    }

    /// The release that it calls itself: `OpenSSH_9.2p1`, and no pattern of others' names.
    pub fn release(&self) -> Option<(u32, u32)> {
        let named = self.texts().filter_map(|text| text.strip_prefix(b"OpenSSH_".as_slice()));
        let mut own = named.filter(|text| !text.iter().any(|b| b"*?,".contains(b)));
        own.find_map(|text| release(std::str::from_utf8(text).ok()?))
    }
}
