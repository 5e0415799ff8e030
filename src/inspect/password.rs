//! What the clouds ask of a password, asked of one that the user gave. Only the answers become facts.

use super::facts::{Break, Judgement};

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

    #[test]
    fn no_part_of_a_password_is_in_the_facts() {
        let text = serde_json::to_string(&judge("Secret!pw1")).unwrap();
        assert!(!text.contains("Secret") && !text.contains("pw1"), "{text}");
    }
}
