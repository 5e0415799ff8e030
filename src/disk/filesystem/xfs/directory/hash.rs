//! Hashes of names.

/// `xfs_da_hashname`: every byte xored to what was, rotated by seven bits.
pub(super) fn of(name: &[u8]) -> u32 {
    name.iter().fold(0_u32, |hash, byte| hash.rotate_left(7) ^ u32::from(*byte))
}

/// `xfs_ascii_ci_xfrm`: capitals of ASCII and of Latin-1 made small.
pub(super) fn fold(byte: u8) -> u8 {
    match byte {
        b'A'..=b'Z' | 0xC0..=0xD6 | 0xD8..=0xDE => byte | 0x20,
        _ => byte,
    }
}
