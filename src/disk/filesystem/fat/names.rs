//! Names: short ones, and long ones that lie before them in pieces (Microsoft FAT specification, "Directory Structure"
//! and "Long File Name Implementation").

/// UTF-16 units a piece holds, and the most pieces of a name.
const UNITS: [std::ops::Range<usize>; 3] = [1..11, 14..26, 28..32];
const MOST_PIECES: u8 = 20;
/// In the number of the piece that comes first, which is the last of the name.
const LAST: u8 = 0x40;
/// `DIR_NTRes`: Windows NT wrote name or extension in small letters.
const SMALL_NAME: u8 = 0x08;
const SMALL_EXTENSION: u8 = 0x10;
/// A name that begins with 0xE5, which would mean deleted.
const KANJI: u8 = 0x05;
/// Code page 437 from 0x80 on: that of the specification, and Linux's default.
const CODE_PAGE: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

/// The name of eleven bytes as Windows NT and Linux show it; empty where there is none.
pub(super) fn short(raw: &[u8], flags: u8) -> String {
    let part = |raw: &[u8], small: bool| {
        let text: String = raw.iter().map(|byte| character(*byte)).collect();
        let text = text.trim_end_matches(' ');
        if small { text.chars().map(|c| single(c.to_lowercase(), c)).collect() } else { text.to_owned() }
    };
    let (base, extension) = raw.split_at_checked(8).unwrap_or((raw, &[]));
    let mut base = base.to_vec();
    if let Some(first) = base.first_mut().filter(|first| **first == KANJI) {
        *first = 0xE5;
    }
    let base = part(&base, flags & SMALL_NAME != 0);
    match part(extension, flags & SMALL_EXTENSION != 0) {
        extension if extension.is_empty() => base,
        extension => format!("{base}.{extension}"),
    }
}

fn character(byte: u8) -> char {
    match byte.checked_sub(0x80) {
        None => char::from(byte),
        Some(index) => CODE_PAGE.chars().nth(index.into()).unwrap_or(char::REPLACEMENT_CHARACTER),
    }
}

/// Whether two names are one where case is ignored: character by character, as Windows compares.
pub(super) fn same(a: &str, b: &str) -> bool {
    a.chars().map(fold).eq(b.chars().map(fold))
}

/// The capital letter, where it is a single one, and none of ASCII for what is not.
fn fold(c: char) -> char {
    let capital = single(c.to_uppercase(), c);
    if capital.is_ascii() == c.is_ascii() { capital } else { c }
}

fn single(mut mapped: impl Iterator<Item = char>, unmapped: char) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => unmapped,
    }
}

/// What the short name's eleven bytes must sum up to in the pieces of its long name (`ChkSum`).
pub(super) fn checksum(raw: &[u8]) -> u8 {
    raw.iter().fold(0_u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte))
}

/// The pieces of a long name seen so far: the last one first.
#[derive(Default)]
pub(super) struct LongName {
    units: Vec<u16>,
    /// The number of the piece seen last; the name is whole at 1, and there is none at 0.
    piece: u8,
    checksum: u8,
}

impl LongName {
    /// Takes an entry of 32 bytes that is a piece. One that does not continue the pieces before ends them.
    pub(super) fn add(&mut self, raw: &[u8]) {
        let byte = |at: usize| raw.get(at).copied().unwrap_or_default();
        let (number, checksum) = (byte(0), byte(13));
        let begins = number & LAST != 0;
        let piece = number & !LAST;
        let follows = piece.checked_add(1) == Some(self.piece) && checksum == self.checksum;
        if !(1..=MOST_PIECES).contains(&piece) || !(begins || follows) {
            *self = Self::default();
            return;
        }
        if begins {
            self.units.clear();
        }
        let pairs = UNITS.iter().filter_map(|range| raw.get(range.clone())).flat_map(|part| part.chunks_exact(2));
        let units = pairs.filter_map(|pair| pair.try_into().ok().map(u16::from_le_bytes));
        self.units.splice(0..0, units);
        self.piece = piece;
        self.checksum = checksum;
    }

    /// The long name of the short one that follows the pieces, where they are its own; forgets them.
    pub(super) fn take(&mut self, short: &[u8]) -> Option<String> {
        let found = std::mem::take(self);
        if found.piece != 1 || found.checksum != checksum(short) {
            return None;
        }
        let units = found.units.split(|unit| *unit == 0).next().unwrap_or_default();
        let name: String = String::from_utf16_lossy(units).chars().take(255).collect();
        (!name.is_empty()).then_some(name)
    }
}
