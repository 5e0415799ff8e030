//! By whose word: the signature of a notice (Standard Webhooks 1.0, "Signature scheme": HMAC-SHA256).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::disk::{Error, Result};

/// How a secret that is written in base64 begins.
const PREFIX: &str = "whsec_";
/// Bytes that a secret has at least and at most ("Signature scheme").
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Layer of the errors of this file: a worker ends with 78 on them.
pub const LAYER: &str = "webhook secret";

/// A secret that notices are signed with.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Vec<u8>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    /// A secret as a Secret holds it: `whsec_` and base64, or the bytes themselves. A line break at its end is none of it.
    ///
    /// # Errors
    /// `Unsupported` where it is no base64, or has another length than 24 to 64 bytes.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim_end_matches(['\r', '\n']);
        let bytes = match text.strip_prefix(PREFIX) {
            Some(encoded) => STANDARD
                .decode(encoded)
                .map_err(|_| Error::unsupported(LAYER, "it begins with whsec_, and what follows is no base64"))?,
            None => text.as_bytes().to_vec(),
        };
        if !BYTES.contains(&bytes.len()) {
            let what = format!("it has {} bytes, and must have {} to {}", bytes.len(), BYTES.start(), BYTES.end());
            return Err(Error::unsupported(LAYER, what));
        }
        Ok(Self(bytes))
    }

    /// The value of `webhook-signature` for a body of this id, sent at this second of Unix time.
    ///
    /// # Errors
    /// None that can happen: HMAC takes keys of any length.
    pub fn sign(&self, id: &str, second: i64, body: &[u8]) -> Result<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0)
            .map_err(|_| Error::unsupported(LAYER, "it cannot be used as a key"))?;
        for part in [id.as_bytes(), b".", second.to_string().as_bytes(), b".", body] {
            mac.update(part);
        }
        Ok(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_signature_is_the_one_that_openssl_makes() {
        let key = [7_u8; 32];
        let signed = Key::parse(&format!("whsec_{}\n", STANDARD.encode(key))).unwrap();
        let mac = format!("hexkey:{}", hex::encode(key));
        let mut openssl = Command::new("openssl")
            .args(["dgst", "-sha256", "-mac", "HMAC", "-macopt", &mac, "-binary"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        openssl.stdin.take().unwrap().write_all(b"msg_1.1700000000.{\"a\":1}").unwrap();
        let wanted = format!("v1,{}", STANDARD.encode(openssl.wait_with_output().unwrap().stdout));
        assert_eq!(signed.sign("msg_1", 1_700_000_000, b"{\"a\":1}").unwrap(), wanted);
    }

    #[test]
    fn a_secret_that_is_none_is_named_and_not_shown() {
        for bad in ["", "short", "whsec_%%%%", "whsec_c2hvcnQ=", &"x".repeat(65)] {
            let error = Key::parse(bad).unwrap_err();
            assert!(error.layer == LAYER && (bad.len() < 2 || !error.what.contains(bad)), "{error}");
        }
        assert!(Key::parse(&"x".repeat(24)).is_ok());
        assert_eq!(format!("{:?}", Key::parse(&"x".repeat(24))), "Ok(Key)");
    }
}
