//! What may be shown: no control characters, nothing that reorders text, no query strings, no more than fits.

/// Longest message, in bytes.
pub const MESSAGE_BYTES: usize = 512;

/// `text` without control characters and query strings, and not longer than `max` bytes, cut at a character.
pub fn clean(text: &str, max: usize) -> String {
    let mut out = String::new();
    for word in text.split_inclusive(char::is_whitespace) {
        for c in without_query(word).chars() {
            out.push(if c.is_whitespace() { ' ' } else { c });
        }
    }
    out.retain(crate::rules::printable);
    cut(out.trim(), max)
}

/// `text`, or its beginning and `…` where it is longer than `max` bytes.
pub fn cut(text: &str, max: usize) -> String {
    const MORE: &str = "…";
    if text.len() <= max {
        return text.to_owned();
    }
    let end = (0..=max.saturating_sub(MORE.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    format!("{}{MORE}", &text[..end])
}

/// A word without the query of an address in it: signatures and tokens live there.
fn without_query(word: &str) -> String {
    match (word.find("://"), word.find('?')) {
        (Some(scheme), Some(query)) if scheme < query => {
            let tail: String = word.chars().rev().take_while(|c| c.is_whitespace()).collect();
            format!("{}{tail}", &word[..query])
        }
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_address_loses_its_signature() {
        assert_eq!(
            clean("GET https://b.example/k?X-Amz-Signature=abc failed? yes", 512),
            "GET https://b.example/k failed? yes"
        );
    }

    #[test]
    fn control_and_reordering_characters_vanish() {
        assert_eq!(clean("a\u{1b}[31mb\nc\u{202e}d\u{0}", 512), "a[31mb cd");
    }

    #[test]
    fn a_cut_falls_between_characters_and_shows() {
        assert_eq!(cut("镜像损坏", 12), "镜像损坏");
        assert_eq!(cut("镜像损坏", 11), "镜像…");
        assert!(clean(&"像".repeat(400), MESSAGE_BYTES).len() <= MESSAGE_BYTES);
    }
}
