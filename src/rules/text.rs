//! Strings of a guest, and sizes, as a sentence may show them.

/// A string from an image, quoted, escaped and at most 64 characters long.
pub fn shown(text: &str) -> String {
    shown_to(text, 64)
}

/// The same of at most `max` characters.
pub fn shown_to(text: &str, max: usize) -> String {
    let mut out = String::from("\"");
    let mut chars = text.chars();
    for c in chars.by_ref().take(max) {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if printable(c) => out.push(c),
            c => out.extend(c.escape_unicode()),
        }
    }
    if chars.next().is_some() {
        out.push('…');
    }
    out.push('"');
    out
}

/// False for control characters and for those that reorder or hide text (Unicode bidi controls, zero-width, BOM).
pub fn printable(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{061c}' | '\u{00ad}')
}

/// Bytes in a GiB.
pub const GIB: u64 = 1 << 30;
/// Bytes in a GB.
pub const GB: u64 = 1_000_000_000;

/// A size as `40 GiB (42949672960 bytes)`.
pub fn size(bytes: u64) -> String {
    format!("{} GiB ({bytes} bytes)", in_gib(bytes))
}

/// `bytes` in `unit`s with two decimals, rounded down, without trailing zeros: `1.5`.
pub fn decimal(bytes: u64, unit: u64) -> String {
    let hundredths = u128::from(bytes) * 100 / u128::from(unit.max(1));
    let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A size in GiB with two decimals at most: `40`.
pub fn in_gib(bytes: u64) -> String {
    decimal(bytes, GIB)
}

/// Names with commas, at most `max` of them: `a, b and 3 more`.
pub fn join(names: &[String], max: usize) -> String {
    let head = names.iter().take(max).cloned().collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(max) {
        Some(more) if more > 0 => format!("{head} and {more} more"),
        _ => head,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_string_cannot_break_out_of_its_quotes() {
        assert_eq!(shown("a\"b\\c\nd\u{202e}"), r#""a\"b\\c\u{a}d\u{202e}""#);
        assert_eq!(shown(&"x".repeat(70)), format!("\"{}…\"", "x".repeat(64)));
    }

    #[test]
    fn sizes_are_rounded_down() {
        assert_eq!(size(40 * GIB), "40 GiB (42949672960 bytes)");
        assert_eq!(decimal(GIB * 3 / 2, GIB), "1.5");
        assert_eq!(decimal(u64::MAX, GIB), "17179869183.99");
    }

    #[test]
    fn long_lists_end_in_a_number() {
        let names: Vec<String> = ["a", "b", "c"].map(String::from).to_vec();
        assert_eq!(join(&names, 3), "a, b, c");
        assert_eq!(join(&names, 1), "a and 2 more");
    }
}
