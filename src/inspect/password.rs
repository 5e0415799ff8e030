//! What the clouds ask of a password, asked of one that the user gave. Only the answers become facts.

mod hash;
mod md5;

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::facts::{Break, Given, Judgement};

/// At least three of the four kinds of characters.
pub const THREE_CLASSES: &str = "ThreeClasses";
/// A letter, a digit and a special character; letters of one case are doubted.
pub const LETTER_DIGIT_SPECIAL: &str = "LetterDigitSpecial";
/// Every policy that is known.
pub const POLICIES: &[&str] = &[THREE_CLASSES, LETTER_DIGIT_SPECIAL];

/// The special characters that the clouds list.
const SPECIAL: &str = "()`~!@#$%^&*-_+=|{}[]:;'<>,.?/";
/// Fewest and most characters.
const LENGTH: std::ops::RangeInclusive<usize> = 8..=30;

/// Digits of hashes in the order of their values (crypt(5) of libxcrypt).
const DIGITS: &str = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Bytes of a file that are read: far more than any password has.
const FILE_MAX: u64 = 1024;

/// A password that the user gave, which is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Password {
    bytes: Vec<u8>,
    compare: bool,
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

impl Password {
    /// A password, without the newline at its end. `compare`: it is tried against the image's hash, too.
    pub fn new(mut bytes: Vec<u8>, compare: bool) -> Self {
        if bytes.ends_with(b"\n") {
            bytes.pop();
            if bytes.ends_with(b"\r") {
                bytes.pop();
            }
        }
        Self { bytes, compare }
    }

    /// The password in a file.
    ///
    /// # Errors
    /// Why the file cannot be read.
    pub fn read(path: &Path, compare: bool) -> io::Result<Self> {
        let mut bytes = Vec::new();
        File::open(path)?.take(FILE_MAX).read_to_end(&mut bytes)?;
        Ok(Self::new(bytes, compare))
    }

    /// What it is found to be. `hash` is what the image has of the account's password; `None` where that is no hash.
    pub fn given(&self, hash: Option<&str>) -> Given {
        let policies = judge(&String::from_utf8_lossy(&self.bytes));
        match hash.filter(|_| self.compare).map(|hash| hash::matches(&self.bytes, hash)) {
            None => Given { policies, ..Given::default() },
            Some(Ok(matches)) => Given { policies, matches: Some(matches), ..Given::default() },
            Some(Err(why)) => Given { policies, uncompared: Some(why), ..Given::default() },
        }
    }
}

/// A password by every policy. Nothing of it is kept but what is wrong with it.
pub fn judge(password: &str) -> Vec<Judgement> {
    POLICIES.iter().map(|policy| Judgement { policy: (*policy).to_owned(), breaks: breaks(policy, password) }).collect()
}

fn breaks(policy: &str, password: &str) -> Vec<Break> {
    let has = |kind: fn(&char) -> bool| password.chars().any(|c| kind(&c));
    let (upper, lower) = (has(char::is_ascii_uppercase), has(char::is_ascii_lowercase));
    let (digit, special) = (has(char::is_ascii_digit), has(|c| is_special(*c)));
    let kinds = [upper, lower, digit, special].into_iter().filter(|there| *there).count();
    let three = policy == THREE_CLASSES;
    let enough = if three { kinds >= 3 } else { (upper || lower) && digit && special };
    let found = [
        (!LENGTH.contains(&password.chars().take(LENGTH.end().saturating_add(1)).count()), Break::Length),
        (!password.chars().all(|c| c.is_ascii_alphanumeric() || is_special(c)), Break::Character),
        (!enough, Break::Kinds),
        (!three && enough && !(upper && lower), Break::OneCase),
        (three && password.starts_with('/'), Break::Slash),
    ];
    found.into_iter().filter(|(broken, _)| *broken).map(|(_, what)| what).collect()
}

fn is_special(c: char) -> bool {
    SPECIAL.contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C-08.
    #[test]
    fn each_policy_says_what_is_wrong() {
        use Break::{Character, Kinds, Length, OneCase, Slash};
        let rows: &[(&str, &[Break], &[Break])] = &[
            ("Abcdef12", &[], &[Kinds]),
            ("Abcdef1!", &[], &[]),
            ("abcdef1!", &[], &[OneCase]),
            ("ABCDEF1!", &[], &[OneCase]),
            ("abcdefgh", &[Kinds], &[Kinds]),
            ("abcdef12", &[Kinds], &[Kinds]),
            ("Abcdefg!", &[], &[Kinds]),
            ("Abcd12!", &[Length], &[Length]),
            ("", &[Length, Kinds], &[Length, Kinds]),
            ("Abcdef1 !", &[Character], &[Character]),
            ("Abcdef1\"!", &[Character], &[Character]),
            ("Abcdef1\\!", &[Character], &[Character]),
            ("Abcdef1!é", &[Character], &[Character]),
            ("/bcdEf1!", &[Slash], &[]),
            ("Aa1!Aa1!Aa1!Aa1!Aa1!Aa1!Aa1!Aa", &[], &[]),
            ("Aa1!Aa1!Aa1!Aa1!Aa1!Aa1!Aa1!Aa1", &[Length], &[Length]),
        ];
        for (password, three, letter) in rows {
            let found = judge(password);
            assert_eq!(found.len(), POLICIES.len());
            assert_eq!((found[0].policy.as_str(), found[0].breaks.as_slice()), (THREE_CLASSES, *three), "{password}");
            assert_eq!(
                (found[1].policy.as_str(), found[1].breaks.as_slice()),
                (LETTER_DIGIT_SPECIAL, *letter),
                "{password}"
            );
        }
        for c in SPECIAL.chars() {
            assert_eq!(judge(&format!("Abcdef1{c}"))[1].breaks, [], "{c}");
        }
    }

    fn of_file(content: &[u8], compare: bool) -> Password {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        Password::read(file.path(), compare).unwrap()
    }

    #[test]
    fn no_part_of_a_password_is_in_the_facts_or_in_a_log() {
        let password = of_file(b"Secret!pw1", true);
        for hash in [None, Some("$6$salt$hash"), Some("$1$salt$nonsense")] {
            let text = format!("{} {password:?}", serde_json::to_string(&password.given(hash)).unwrap());
            assert!(!text.contains("Secret") && !text.contains("pw1") && !text.contains("salt"), "{text}");
        }
    }

    #[test]
    fn one_newline_at_the_end_of_a_file_is_no_part_of_the_password() {
        for content in [&b"Abcdef1!"[..], b"Abcdef1!\n", b"Abcdef1!\r\n"] {
            assert_eq!(of_file(content, false).bytes, b"Abcdef1!");
        }
        assert_eq!(of_file(b"Abcdef1!\n\n", false).bytes, b"Abcdef1!\n");
        assert_eq!(of_file(b"", false).given(None).policies[0].breaks, [Break::Length, Break::Kinds]);
        assert!(Password::read(Path::new("/nonexistent"), false).is_err());
    }

    #[test]
    fn a_file_of_any_size_and_of_any_bytes_is_judged() {
        assert_eq!(of_file(&b"Aa1!".repeat(1 << 20), false).given(None).policies[0].breaks, [Break::Length]);
        assert_eq!(of_file(b"Abcdef1!\xff\xfe", false).given(None).policies[0].breaks, [Break::Character]);
    }

    #[test]
    fn it_is_compared_only_when_that_is_asked_for() {
        const HASH: &str = "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/"; // of "password"
        let given = |compare, hash| of_file(b"password", compare).given(hash).matches;
        assert_eq!(given(false, Some(HASH)), None);
        assert_eq!(given(true, Some(HASH)), Some(true));
        assert_eq!(given(true, None), None);
        assert_eq!(of_file(b"passwore", true).given(Some(HASH)).matches, Some(false));
    }
}
