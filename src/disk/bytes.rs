//! Checked access to numbers in byte slices. Out of range is `Corrupt` with the offset, never a panic.

use super::{Error, Result};

/// `usize` as `u64`; lossless on every platform this program builds for.
pub fn to_u64(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// A size or offset of an image as `usize`.
///
/// # Errors
/// `Limit` where it does not fit.
pub fn to_usize(layer: &'static str, n: u64) -> Result<usize> {
    usize::try_from(n).map_err(|_| Error::limit(layer, "size does not fit this machine").at(n))
}

/// The `len` bytes of `buf` from `at` on.
///
/// # Errors
/// `Corrupt` when they pass the end of `buf`.
pub fn range<'a>(layer: &'static str, buf: &'a [u8], at: usize, len: usize) -> Result<&'a [u8]> {
    at.checked_add(len)
        .and_then(|end| buf.get(at..end))
        .ok_or_else(|| Error::corrupt(layer, to_u64(at), "structure is cut short"))
}

/// A fixed array of `buf` from `at` on.
///
/// # Errors
/// `Corrupt` when it passes the end of `buf`.
pub fn array<const N: usize>(layer: &'static str, buf: &[u8], at: usize) -> Result<[u8; N]> {
    range(layer, buf, at, N)?.try_into().map_err(|_| Error::corrupt(layer, to_u64(at), "structure is cut short"))
}

macro_rules! number {
    ($($name:ident $type:ty, $from:ident, $doc:literal;)*) => {$(
        #[doc = $doc]
        ///
        /// # Errors
        /// `Corrupt` when it passes the end of `buf`.
        pub fn $name(layer: &'static str, buf: &[u8], at: usize) -> Result<$type> {
            Ok(<$type>::$from(array(layer, buf, at)?))
        }
    )*};
}

number! {
    u16_le u16, from_le_bytes, "Little-endian 16-bit number at `at`.";
    u32_le u32, from_le_bytes, "Little-endian 32-bit number at `at`.";
    u64_le u64, from_le_bytes, "Little-endian 64-bit number at `at`.";
    u16_be u16, from_be_bytes, "Big-endian 16-bit number at `at`.";
    u32_be u32, from_be_bytes, "Big-endian 32-bit number at `at`.";
    u64_be u64, from_be_bytes, "Big-endian 64-bit number at `at`.";
}

/// Guest-controlled bytes as text that is fit to show: lossy UTF-8 up to the first NUL, no control characters,
/// at most `max` characters.
pub fn text(raw: &[u8], max: usize) -> String {
    let raw = raw.split(|b| *b == 0).next().unwrap_or_default();
    String::from_utf8_lossy(raw).chars().filter(|c| !c.is_control()).take(max).collect()
}
