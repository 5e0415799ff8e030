//! # What it checks
//! That the name the image shall have in the cloud is one that the cloud's form takes.
//!
//! # Why
//! Alibaba Cloud's form takes 2 to 128 characters: a letter or a Chinese character first, then letters, Chinese characters,
//! digits, and `.` `_` `:` `-`. Another name is refused (`InvalidImageName.Malformed`).
//!
//! # How it is found
//! Each character of `spec.image.name` is looked at; Chinese are those of the script Han. No name, nothing to judge: the
//! name of the `ImageImport` is another thing. Only what the name is made of is decided here. Whether another image has
//! it already (`InvalidImageName.Duplicated`) cannot be told from image and request, and a pass does not say it.
//! That the cloud also refuses names that begin with `aliyun` or `acs:` is on its API's own page, and only told.
//!
//! # How to mend it
//! Choose a name that keeps these rules in `spec.image.name`. Blanks, brackets and full-width punctuation become `-`.

use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, shown};

/// FRM-01.
pub const RULE: Rule = Rule {
    id: "FRM-01",
    name: "ImageNameValid",
    code: "InvalidImageName",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("frm_01_image_name.rs"),
    check,
};

/// Characters of a name.
const LENGTH: std::ops::RangeInclusive<usize> = 2..=128;
/// What the cloud's API keeps for images of its own (ImportImage, "ImageName").
const RESERVED: &[&str] = &["aliyun", "acs:"];
/// The script Han (Unicode 16.0, Scripts.txt), first and last of each run.
const HAN: &[(char, char)] = &[
    ('\u{2e80}', '\u{2e99}'),
    ('\u{2e9b}', '\u{2ef3}'),
    ('\u{2f00}', '\u{2fd5}'),
    ('\u{3005}', '\u{3005}'),
    ('\u{3007}', '\u{3007}'),
    ('\u{3021}', '\u{3029}'),
    ('\u{3038}', '\u{303b}'),
    ('\u{3400}', '\u{4dbf}'),
    ('\u{4e00}', '\u{9fff}'),
    ('\u{f900}', '\u{fa6d}'),
    ('\u{fa70}', '\u{fad9}'),
    ('\u{16fe2}', '\u{16fe3}'),
    ('\u{16ff0}', '\u{16ff1}'),
    ('\u{20000}', '\u{2a6df}'),
    ('\u{2a700}', '\u{2b739}'),
    ('\u{2b740}', '\u{2b81d}'),
    ('\u{2b820}', '\u{2cea1}'),
    ('\u{2ceb0}', '\u{2ebe0}'),
    ('\u{2ebf0}', '\u{2ee5d}'),
    ('\u{2f800}', '\u{2fa1d}'),
    ('\u{30000}', '\u{3134a}'),
    ('\u{31350}', '\u{323af}'),
];

#[expect(clippy::unnecessary_wraps, reason = "the type of every rule")]
fn check(case: &Case) -> Judged {
    let Some(name) = &case.request.image_name else {
        return Ok(Verdict::not_applicable("no name was asked for"));
    };
    let finding = Finding::default().seen(shown(name), "spec.image.name");
    let wrong = faults(name);
    if wrong.is_empty() {
        let reserved = RESERVED.iter().find(|word| name.to_ascii_lowercase().starts_with(**word));
        let finding = Finding { message: shown(name), ..finding };
        return Ok(match reserved {
            Some(word) => finding.note(
                Grade::Note,
                format!(
                    "the cloud's API keeps names that begin with {word} for itself (its own page, not the document)"
                ),
            ),
            None => finding,
        }
        .pass());
    }
    let message = format!(
        "the cloud refuses the name {}: {}. It takes {} to {} characters: a letter A to Z, a to z or a Chinese character \
         first, then these, digits and . _ : - ({})",
        shown(name),
        wrong.join("; "),
        LENGTH.start(),
        LENGTH.end(),
        case.cited()
    );
    let remedy = match proposal(name) {
        Some(other) => format!("Set spec.image.name to such a name, as in {other}."),
        None => "Set spec.image.name to such a name, as in web-base.".to_owned(),
    };
    Ok(Finding { message, ..finding }.remedy(remedy).fail(Grade::Breach))
}

/// What is wrong with a name, a clause each.
fn faults(name: &str) -> Vec<String> {
    let count = name.chars().count();
    let mut wrong = Vec::new();
    if !LENGTH.contains(&count) {
        wrong.push(format!("it has {count} character{}", if count == 1 { "" } else { "s" }));
    }
    if let Some(first) = name.chars().next().filter(|c| !is_letter(*c)) {
        wrong.push(format!("it begins with {}", pointed(first)));
    }
    if let Some((number, c)) = (1_usize..).zip(name.chars()).skip(1).find(|(_, c)| !is_allowed(*c)) {
        wrong.push(format!("character {number} is {}", pointed(c)));
    }
    wrong
}

/// A character and its code point: a full-width colon looks like a colon.
fn pointed(c: char) -> String {
    format!("{} (U+{:04X})", shown(&c.to_string()), u32::from(c))
}

fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic() || HAN.iter().any(|(first, last)| (*first..=*last).contains(&c))
}

fn is_allowed(c: char) -> bool {
    is_letter(c) || c.is_ascii_digit() || matches!(c, '.' | '_' | ':' | '-')
}

/// The nearest name that is taken; nothing where too little would be left.
fn proposal(name: &str) -> Option<String> {
    let clean = name.chars().map(|c| if is_allowed(c) { c } else { '-' });
    let near: String = clean.skip_while(|c| !is_letter(*c)).take(*LENGTH.end()).collect();
    let near = near.trim_end_matches('-').to_owned();
    faults(&near).is_empty().then_some(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Perl knows the script from the same file, of its own version of Unicode: what it does not know yet, it cannot say.
    #[test]
    fn chinese_characters_are_those_of_perl() {
        let script = r#"for (0..0x33FFF) { next if $_ >= 0xD800 && $_ <= 0xDFFF; my $c = chr;
            print $c =~ /\p{Script=Han}/ ? "h" : $c =~ /\p{Assigned}/ ? "." : "?" }"#;
        let output = std::process::Command::new("perl").args(["-e", script]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let chars = (0..=0x33fff).filter_map(char::from_u32);
        let han = |c: char| is_letter(c) && !c.is_ascii();
        let mut found = 0;
        for (c, perl) in chars.zip(&output.stdout) {
            assert!(*perl == b'?' || han(c) == (*perl == b'h'), "U+{:04X}", u32::from(c));
            found += u32::from(*perl == b'h');
        }
        assert!(found > 90_000, "{found}");
    }

    #[test]
    fn the_name_that_is_proposed_is_taken() {
        for (name, near) in [
            ("1web", Some("web")),
            ("web base (2)", Some("web-base--2")),
            ("数据：盘", Some("数据-盘")),
            ("9", None),
            ("我", None),
            ("", None),
        ] {
            assert_eq!(proposal(name).as_deref(), near, "{name}");
        }
        assert_eq!(proposal(&"x".repeat(200)).unwrap().len(), 128);
    }
}
