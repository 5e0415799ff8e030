//! Whether a password is the one of a hash (crypt(5) of libxcrypt). Who wrote the image chose the hash, and with it what a
//! comparison costs: parameters are read first, and what would take long, or is not as the system's own programs write it,
//! is not compared.

use sha_crypt::PasswordVerifier;

use super::{DIGITS, md5};
use crate::inspect::facts::Uncompared;

/// Longest password that is compared, in bytes: 30 characters of four bytes are less.
const PASSWORD_MAX: usize = 128;
/// Longest salt of `$1$`, `$5$` and `$6$`; what is beyond it is not hashed.
const MD5_SALT: usize = 8;
const SHA_SALT: usize = 16;
/// Rounds of `$5$` and `$6$` where the hash names none, the fewest there are, and the most that are gone through: less than
/// a second.
const SHA_ROUNDS: u32 = 5000;
const SHA_ROUNDS_MIN: u32 = 1000;
const SHA_ROUNDS_MAX: u32 = 200_000;
/// Cost of `$2b$`, the logarithm of its rounds: less than a second.
const BCRYPT_COST: std::ops::RangeInclusive<u32> = 4..=12;
/// Characters of a whole `$2b$`.
const BCRYPT_LEN: usize = 60;
/// Cost of `$y$` by crypt_gensalt(3): the logarithm of the blocks N, and the most blocks times their size r. The memory is
/// 128 bytes times that, 64 MiB.
const YESCRYPT_BLOCKS: std::ops::RangeInclusive<u32> = 10..=18;
const YESCRYPT_WORK_MAX: u64 = 1 << 19;
/// Characters of the part of a `$y$` that is the hash itself.
const YESCRYPT_LEN: usize = 43;

/// Whether it is.
///
/// # Errors
/// Why they were not compared.
pub fn matches(password: &[u8], hash: &str) -> Result<bool, Uncompared> {
    let (scheme, rest) = hash.strip_prefix('$').and_then(|hash| hash.split_once('$')).ok_or(Uncompared::Scheme)?;
    let comparing = match scheme {
        "1" => md5_crypt,
        "5" | "6" => sha_crypt,
        // `2x` is what a program with a fault wrote.
        "2a" | "2b" | "2y" => bcrypt,
        "y" => yescrypt,
        _ => return Err(Uncompared::Scheme),
    };
    if password.len() > PASSWORD_MAX {
        return Err(Uncompared::TooCostly);
    }
    // Nobody can type it: to crypt(3) a password ends at its first zero byte.
    if password.contains(&0) {
        return Ok(false);
    }
    comparing(password, hash, rest)
}

/// `salt$hash`.
fn md5_crypt(password: &[u8], _: &str, rest: &str) -> Result<bool, Uncompared> {
    let (salt, hash) = rest.split_once('$').ok_or(Uncompared::Malformed)?;
    let salt = salt.as_bytes().get(..salt.len().min(MD5_SALT)).unwrap_or_default();
    Ok(md5::crypt(password, salt) == hash)
}

/// `rounds=N$salt$hash` or `salt$hash`.
fn sha_crypt(password: &[u8], hash: &str, rest: &str) -> Result<bool, Uncompared> {
    let (rounds, rest) = match rest.strip_prefix("rounds=") {
        None => (SHA_ROUNDS, rest),
        Some(named) => {
            let (rounds, rest) = named.split_once('$').ok_or(Uncompared::Malformed)?;
            if rounds.is_empty() || rounds.starts_with('0') || !rounds.bytes().all(|digit| digit.is_ascii_digit()) {
                return Err(Uncompared::Malformed);
            }
            (rounds.parse().map_err(|_| Uncompared::TooCostly)?, rest)
        }
    };
    let (salt, digest) = rest.split_once('$').ok_or(Uncompared::Malformed)?;
    if rounds < SHA_ROUNDS_MIN || salt.len() > SHA_SALT || !salt.is_ascii() || !of_digits(digest) {
        return Err(Uncompared::Malformed);
    }
    if rounds > SHA_ROUNDS_MAX {
        return Err(Uncompared::TooCostly);
    }
    verified(&sha_crypt::ShaCrypt::default(), password, hash)
}

/// `cost$` and 53 digits: salt and hash.
fn bcrypt(password: &[u8], hash: &str, rest: &str) -> Result<bool, Uncompared> {
    let (cost, _) = rest.split_once('$').ok_or(Uncompared::Malformed)?;
    let cost: u32 = cost.parse().map_err(|_| Uncompared::Malformed)?;
    if hash.len() != BCRYPT_LEN || cost < *BCRYPT_COST.start() {
        return Err(Uncompared::Malformed);
    }
    if cost > *BCRYPT_COST.end() {
        return Err(Uncompared::TooCostly);
    }
    bcrypt::verify(password, hash).map_err(|_| Uncompared::Malformed)
}

/// `parameters$salt$hash`, where the parameters are the three characters that crypt_gensalt(3) writes: flavour, blocks, size.
fn yescrypt(password: &[u8], hash: &str, rest: &str) -> Result<bool, Uncompared> {
    let mut parts = rest.split('$');
    let (Some(parameters), Some(salt), Some(digest), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Uncompared::Malformed);
    };
    let mut values = parameters.chars().map(|c| DIGITS.find(c).and_then(|value| u32::try_from(value).ok()));
    let (Some(Some(blocks)), Some(Some(size)), None) = (values.nth(1), values.next(), values.next()) else {
        return Err(Uncompared::Malformed);
    };
    // Values from 48 on go on in further characters.
    let (blocks, size) = (blocks.saturating_add(1), size.saturating_add(1));
    if !parameters.starts_with('j') || size > 48 || !of_digits(salt) || digest.len() != YESCRYPT_LEN {
        return Err(Uncompared::Malformed);
    }
    if blocks < *YESCRYPT_BLOCKS.start() {
        return Err(Uncompared::Malformed);
    }
    let work = 1_u64.checked_shl(blocks).and_then(|blocks| blocks.checked_mul(size.into()));
    if blocks > *YESCRYPT_BLOCKS.end() || work.is_none_or(|work| work > YESCRYPT_WORK_MAX) {
        return Err(Uncompared::TooCostly);
    }
    verified(&yescrypt::Yescrypt::default(), password, hash)
}

fn of_digits(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| DIGITS.contains(c))
}

fn verified(by: &impl PasswordVerifier<str>, password: &[u8], hash: &str) -> Result<bool, Uncompared> {
    match by.verify_password(password, hash) {
        Ok(()) => Ok(true),
        Err(sha_crypt::password_hash::Error::PasswordInvalid) => Ok(false),
        Err(_) => Err(Uncompared::Malformed),
    }
}

#[cfg(test)]
mod tests;
