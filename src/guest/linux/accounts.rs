//! root's account, and whether a new password for it can be written (passwd(5), shadow(5), FreeBSD's passwd(5)).
//!
//! Of a hash only its scheme, and whether the password that the user gave is its own, goes into the facts.

use super::{PATH_MAX, cut, optional};
use crate::disk::{Error, Result};
use crate::guest::Tree;
use crate::inspect::facts::{Accounts, Family, Password, PasswordState};
use crate::inspect::password;

const PASSWD: &str = "/etc/passwd";
const SHADOW: &str = "/etc/shadow";
const MASTER: &str = "/etc/master.passwd";
/// Made of the former; programs look accounts up in it.
const MASTER_DB: &str = "/etc/spwd.db";
/// A new file is written there and put in the place of the old one.
const FOLDER: &str = "/etc";
/// Largest file that is read.
const MAX_BYTES: usize = 4 << 20;
/// Seconds of a day.
const DAY: u32 = 24 * 60 * 60;

/// Starts of hashes and their schemes (crypt(5) of libxcrypt; crypt(3) of FreeBSD).
const SCHEMES: &[(&str, &str)] = &[
    ("$1$", "md5"),
    ("$md5", "sunmd5"),
    ("$2", "bcrypt"),
    ("$3$", "nt"),
    ("$5$", "sha256"),
    ("$6$", "sha512"),
    ("$7$", "scrypt"),
    ("$y$", "yescrypt"),
    ("$gy$", "gost-yescrypt"),
    ("$argon2", "argon2"),
    ("_", "bsdi"),
];

/// Reads it. `given` is the password that the user gave for root.
///
/// # Errors
/// What the filesystem reports.
pub fn read(tree: &Tree, family: Family, given: Option<&password::Password>) -> Result<Accounts> {
    let files: &[&str] = if family == Family::FreeBSD { &[MASTER, MASTER_DB] } else { &[SHADOW] };
    let mut found = Accounts::default();
    for path in files {
        let Some(stat) = optional(tree.stat(path))? else { continue };
        if found.file.is_empty() {
            (found.file, found.mode) = ((*path).to_owned(), stat.mode);
        }
        mark(&mut found, path, stat.immutable, stat.append_only);
    }
    if !found.file.is_empty()
        && let Some(stat) = optional(tree.stat(FOLDER))?
    {
        mark(&mut found, FOLDER, stat.immutable, stat.append_only);
    }
    let root = if family == Family::FreeBSD { root_of(tree, MASTER)? } else { linux_root(tree)? };
    let (root, field) = root.unzip();
    let hash = field.filter(|_| root.as_ref().is_some_and(|root| root.state == PasswordState::Set));
    found.given = given.map(|password| password.given(hash.as_deref()));
    found.root = root;
    Ok(found)
}

fn mark(found: &mut Accounts, path: &str, immutable: bool, append_only: bool) {
    if immutable {
        found.immutable.get_or_insert_with(|| path.to_owned());
    }
    if append_only {
        found.append_only.get_or_insert_with(|| path.to_owned());
    }
}

/// root's password, and the field it stands in: what `/etc/passwd` has, or `/etc/shadow` where that says `x`.
fn linux_root(tree: &Tree) -> Result<Option<(Password, String)>> {
    let Some((fields, line)) = entry(tree, PASSWD)? else { return root_of(tree, SHADOW) };
    match fields.get(1).map(String::as_str) {
        Some("x") | None => root_of(tree, SHADOW),
        Some(field) => Ok(Some((password(field, PASSWD, line), field.to_owned()))),
    }
}

fn root_of(tree: &Tree, path: &str) -> Result<Option<(Password, String)>> {
    let Some((fields, line)) = entry(tree, path)? else { return Ok(None) };
    let field = fields.get(1).map(String::as_str).unwrap_or_default();
    let mut found = password(field, path, line);
    let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u32>().ok());
    if path == SHADOW {
        // shadow(5): days. 0 as that of the last change means that it must be changed at the next login; 0 as the end of
        // the account is read by some programs as none.
        found.must_change = number(2) == Some(0);
        let changed = number(2).filter(|day| *day > 0);
        found.good_until = changed.zip(number(4)).map(|(changed, days)| changed.saturating_add(days));
        found.account_ends = number(7).filter(|day| *day > 0);
    } else {
        // FreeBSD's passwd(5): seconds, 0 for none.
        let day = |at: usize| number(at).filter(|seconds| *seconds > 0).map(|seconds| seconds / DAY);
        (found.good_until, found.account_ends) = (day(5), day(6));
    }
    Ok(Some((found, field.to_owned())))
}

/// The fields of root's line, and its number.
fn entry(tree: &Tree, path: &str) -> Result<Option<(Vec<String>, u32)>> {
    let text = match optional(tree.read_text(path, MAX_BYTES)) {
        // What an error says of the file is kept, never a part of it.
        Err(error) if error.kind == crate::disk::ErrorKind::Corrupt => {
            return Err(Error { what: format!("{path}: {}", error.what), ..error });
        }
        read => read?,
    };
    let text = text.unwrap_or_default();
    let mut lines = text.lines().zip(1_u32..);
    Ok(lines.find_map(|(line, number)| {
        let fields: Vec<String> = line.split(':').take(10).map(str::to_owned).collect();
        (fields.len() > 1 && fields.first().is_some_and(|name| name == "root")).then_some((fields, number))
    }))
}

fn password(field: &str, path: &str, line: u32) -> Password {
    let place = cut(&format!("{path}:{line}"), PATH_MAX);
    let state = match field {
        "" => PasswordState::Empty,
        field if field.starts_with(['!', '*']) || !may_be_hash(field) => PasswordState::Locked,
        _ => PasswordState::Set,
    };
    let scheme = if state == PasswordState::Set { scheme(field) } else { "" };
    Password { state, scheme: scheme.to_owned(), place, ..Password::default() }
}

/// Whether a password may make this: crypt(5) has schemes that begin with `$` or `_`, and others of at least 13 characters.
fn may_be_hash(field: &str) -> bool {
    field.starts_with(['$', '_']) || (field.len() >= DES_LEN && field.chars().all(of_des))
}

/// crypt(5), descrypt: 13 characters of ./0-9A-Za-z.
const DES_LEN: usize = 13;

fn of_des(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '/')
}

/// The scheme of a hash; empty where it is none that is known.
fn scheme(hash: &str) -> &'static str {
    let named = SCHEMES.iter().find(|(start, _)| hash.starts_with(start)).map(|(_, name)| *name);
    let des = hash.len() == DES_LEN && hash.chars().all(of_des);
    named.unwrap_or(if des { "des" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::testing::MemoryFs;

    fn root(shadow: &str) -> Password {
        let fs = MemoryFs::of_texts(&[
            (PASSWD, "daemon:x:1:1::/:/bin/sh\nroot:x:0:0:root:/root:/bin/sh\n"),
            (SHADOW, shadow),
        ]);
        read(&fs.tree(), Family::Linux, None).unwrap().root.unwrap()
    }

    #[test]
    fn a_password_is_known_by_its_scheme_alone() {
        for (field, state, scheme) in [
            ("*", PasswordState::Locked, ""),
            ("!", PasswordState::Locked, ""),
            ("!!", PasswordState::Locked, ""),
            ("!$6$salt$hash", PasswordState::Locked, ""),
            ("", PasswordState::Empty, ""),
            ("$6$salt$hash", PasswordState::Set, "sha512"),
            ("$y$j9T$salt$hash", PasswordState::Set, "yescrypt"),
            ("$1$salt$hash", PasswordState::Set, "md5"),
            ("$2b$12$hash", PasswordState::Set, "bcrypt"),
            ("ab01FAX.bQRSU", PasswordState::Set, "des"),
            ("$99$salt$hash", PasswordState::Set, ""),
            ("x", PasswordState::Locked, ""),
            ("NOLOGIN_NOLOGIN", PasswordState::Locked, ""),
        ] {
            let found = root(&format!("bin:*:1::::::\nroot:{field}:19000:0:99999:7:::\n"));
            assert_eq!((found.state, found.scheme.as_str()), (state, scheme), "{field}");
            assert_eq!(found.place, "/etc/shadow:2");
            let facts = serde_json::to_string(&found).unwrap();
            assert!(!facts.contains("hash") && !facts.contains("salt") && !facts.contains("FAX"), "{facts}");
        }
        assert!(root("root:$6$s$h:0:0:99999:7:::\n").must_change);
        assert!(!root("root:$6$s$h::0:99999:7:::\n").must_change);
    }

    #[test]
    fn days_are_told_and_not_judged() {
        let days = |rest: &str| {
            let found = root(&format!("root:$6$s$h:{rest}\n"));
            (found.must_change, found.good_until, found.account_ends)
        };
        assert_eq!(days("10000:0:90:7:::"), (false, Some(10090), None));
        assert_eq!(days("19000:0:99999:7::15000:"), (false, Some(118_999), Some(15000)));
        assert_eq!(days("0:0:90:7:::"), (true, None, None));
        for rest in [":0:90:7:::", "19000::::::", "19000:0::7::0:", "19000:0:-1:7::-1:", "19000", ""] {
            assert_eq!(days(rest), (false, None, None), "{rest}");
        }
        let fs = MemoryFs::of_texts(&[(MASTER, "root:$6$s$h:0:0::864000000:950400000:Charlie &:/root:/bin/sh\n")]);
        let found = read(&fs.tree(), Family::FreeBSD, None).unwrap().root.unwrap();
        assert_eq!((found.must_change, found.good_until, found.account_ends), (false, Some(10000), Some(11000)));
    }

    /// openssl writes hashes of the schemes it knows.
    #[test]
    fn hashes_of_real_programs_are_told_apart() {
        for (option, wanted) in [("-1", "md5"), ("-5", "sha256"), ("-6", "sha512")] {
            let mut openssl = std::process::Command::new("openssl");
            let run = openssl.args(["passwd", option, "-salt", "saltsalt", "secret"]).output().expect("openssl");
            let hash = String::from_utf8(run.stdout).unwrap();
            assert_eq!(scheme(hash.trim()), wanted);
        }
    }

    #[test]
    fn a_password_in_passwd_itself_counts() {
        let of = |passwd: &str| {
            let fs = MemoryFs::of_texts(&[(PASSWD, passwd), (SHADOW, "root:$6$s$h:1::::::\n")]);
            read(&fs.tree(), Family::Linux, None).unwrap().root.unwrap()
        };
        let empty = of("root::0:0::/root:/bin/sh\n");
        assert_eq!((empty.state, empty.place.as_str()), (PasswordState::Empty, "/etc/passwd:1"));
        assert_eq!(of("root:x:0:0::/root:/bin/sh\n").state, PasswordState::Set);
        assert_eq!(of("#root::0:0\ntoor::0:0\n").place, "/etc/shadow:1");
    }

    #[test]
    fn flags_are_of_the_file_and_of_its_folder() {
        let base = MemoryFs::of_texts(&[(SHADOW, "root:*:1::::::\n")]);
        let read = |fs: MemoryFs| read(&fs.tree(), Family::Linux, None).unwrap();
        let found = read(base.clone().stat_of(SHADOW, |s| s.mode = 0o640));
        assert_eq!((found.file.as_str(), found.mode, found.immutable), (SHADOW, 0o640, None));
        assert_eq!(read(base.clone().stat_of(SHADOW, |s| s.immutable = true)).immutable.as_deref(), Some(SHADOW));
        assert_eq!(read(base.clone().stat_of(SHADOW, |s| s.append_only = true)).append_only.as_deref(), Some(SHADOW));
        assert_eq!(read(base.stat_of(FOLDER, |s| s.immutable = true)).immutable.as_deref(), Some(FOLDER));
        assert_eq!(read(MemoryFs::new()), Accounts::default(), "CoreOS before its first start");
    }

    #[test]
    fn freebsd_keeps_passwords_elsewhere() {
        let fs = MemoryFs::of_texts(&[
            (MASTER, "# $FreeBSD$\n#\nroot::0:0::0:0:Charlie &:/root:/bin/sh\n"),
            (MASTER_DB, ""),
        ]);
        let found = read(&fs.stat_of(MASTER_DB, |s| s.immutable = true).tree(), Family::FreeBSD, None).unwrap();
        assert_eq!((found.file.as_str(), found.immutable.as_deref()), (MASTER, Some(MASTER_DB)));
        assert_eq!(
            (found.root.as_ref().unwrap().state, &*found.root.unwrap().place),
            (PasswordState::Empty, "/etc/master.passwd:3")
        );
    }

    #[test]
    fn a_given_password_is_compared_with_roots_and_no_other() {
        const OF_PASSWORD: &str = "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/";
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "password").unwrap();
        let password = password::Password::read(file.path(), true).unwrap();
        let given = |fs: MemoryFs, family| read(&fs.tree(), family, Some(&password)).unwrap().given.unwrap();
        for (field, wanted) in [
            (OF_PASSWORD.to_owned(), Some(true)),
            (OF_PASSWORD.replace("saltsalt", "salt"), Some(false)),
            (format!("!{OF_PASSWORD}"), None),
            ("*".to_owned(), None),
            (String::new(), None),
        ] {
            let shadow = format!("bin:{OF_PASSWORD}:1::::::\nroot:{field}:1::::::\n");
            let found = given(MemoryFs::of_texts(&[(SHADOW, &shadow)]), Family::Linux);
            assert_eq!((found.matches, found.uncompared), (wanted, None), "{field}");
            let master = format!("root:{field}:0:0::0:0:Charlie &:/root:/bin/sh\n");
            assert_eq!(given(MemoryFs::of_texts(&[(MASTER, &master)]), Family::FreeBSD).matches, wanted, "{field}");
            let passwd = format!("root:{field}:0:0::/root:/bin/sh\n");
            assert_eq!(given(MemoryFs::of_texts(&[(PASSWD, &passwd)]), Family::Linux).matches, wanted, "{field}");
        }
        let without = given(MemoryFs::new(), Family::Linux);
        assert!(without.matches.is_none() && !without.policies.is_empty(), "judged, where there is no root");
    }
}
