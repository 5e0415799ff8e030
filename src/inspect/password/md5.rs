//! md5crypt (crypt(5) of libxcrypt; crypt.c of FreeBSD 2.0, where it comes from): what no library that is kept has.

use md5::{Digest, Md5};

use super::DIGITS;

/// How often it hashes; the scheme has no parameter.
const ROUNDS: u32 = 1000;
/// Which bytes of the digest stand beside each other in a hash, lowest first.
const ORDER: [[usize; 3]; 5] = [[12, 6, 0], [13, 7, 1], [14, 8, 2], [15, 9, 3], [5, 10, 4]];

/// The part of a hash after `$1$` and `salt$`.
pub fn crypt(password: &[u8], salt: &[u8]) -> String {
    let other = Md5::new().chain_update(password).chain_update(salt).chain_update(password).finalize();
    let mut first = Md5::new().chain_update(password).chain_update(b"$1$").chain_update(salt);
    for block in password.chunks(other.len()) {
        first.update(other.get(..block.len()).unwrap_or_default());
    }
    let mut bits = password.len();
    while bits > 0 {
        // A zero byte where the bit is set, as the first program had it by mistake.
        first.update(if bits % 2 == 1 { &[0] } else { password.get(..1).unwrap_or_default() });
        bits /= 2;
    }
    let mut digest = first.finalize();
    for round in 0..ROUNDS {
        let mut hasher = Md5::new();
        let odd = round % 2 == 1;
        hasher.update(if odd { password } else { &digest });
        if round % 3 != 0 {
            hasher.update(salt);
        }
        if round % 7 != 0 {
            hasher.update(password);
        }
        hasher.update(if odd { &digest[..] } else { password });
        digest = hasher.finalize();
    }
    let byte = |at: usize| u32::from(digest.get(at).copied().unwrap_or_default());
    let groups = ORDER.iter().map(|[low, middle, high]| (byte(*low) | byte(*middle) << 8 | byte(*high) << 16, 4));
    groups
        .chain([(byte(11), 2)])
        .flat_map(|(group, digits)| (0..digits).map(move |n| digit(group >> (6 * n))))
        .collect()
}

fn digit(bits: u32) -> char {
    usize::try_from(bits % 64).ok().and_then(|at| DIGITS.as_bytes().get(at)).copied().map_or('.', char::from)
}
