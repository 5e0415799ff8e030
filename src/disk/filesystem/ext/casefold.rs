//! Names in directories that ignore case. The kernel compares them by a table of Unicode 12.1 (fs/unicode: canonical
//! decomposition, then full case folding); here they are compared where that needs no table.

/// Whether two names are the same but for case; `None` where it takes the table to tell.
pub(super) fn equal(a: &[u8], b: &[u8]) -> Option<bool> {
    let (Ok(a), Ok(b)) = (std::str::from_utf8(a), std::str::from_utf8(b)) else {
        // What is no UTF-8 is compared by bytes.
        return Some(a == b);
    };
    match (a.is_ascii(), b.is_ascii()) {
        (true, true) => Some(a.eq_ignore_ascii_case(b)),
        (true, false) => foreign(b),
        (false, true) => foreign(a),
        (false, false) => {
            a.chars().flat_map(char::to_lowercase).eq(b.chars().flat_map(char::to_lowercase)).then_some(true)
        }
    }
}

/// `Some(false)` where a name of other characters than ASCII ones cannot fold into one of ASCII characters alone.
fn foreign(name: &str) -> Option<bool> {
    name.chars().any(|c| !c.is_ascii() && !folds_into_ascii(c)).then_some(false)
}

/// Characters outside ASCII that become ASCII ones, or nothing (`Default_Ignorable_Code_Point`), by what is done to
/// names. More than there are does no harm: then it is not told.
fn folds_into_ascii(c: char) -> bool {
    matches!(u32::from(c),
        0xAD | 0xDF | 0x149 | 0x17F | 0x1F0 | 0x34F | 0x37E | 0x61C | 0x115F | 0x1160 | 0x17B4 | 0x17B5
        | 0x180B..=0x180F | 0x1E96..=0x1E9E | 0x1FEF | 0x2000..=0x206F | 0x212A | 0x3164 | 0xFB00..=0xFB06
        | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFF8 | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A
        | 0xE0000..=0xE0FFF)
}
