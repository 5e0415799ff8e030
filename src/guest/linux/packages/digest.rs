//! Digests that package databases hold of files, and the same ones made of the guest's files.

use md5::{Digest as _, Md5};
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};

use crate::disk::bytes::to_u64;
use crate::disk::{Error, Result};
use crate::guest::Tree;

const LAYER: &str = "packages";
/// Largest file whose digest is made: those that are asked about have at most a few MiB.
const MAX_FILE: u64 = 16 << 20;
/// Read in pieces of this size.
const CHUNK: usize = 2 << 20;

/// How a digest is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RFC 1321: dpkg, and rpm before 4.6.
    Md5,
    /// FIPS 180-4: apk.
    Sha1,
    /// FIPS 180-4.
    Sha224,
    /// FIPS 180-4: rpm.
    Sha256,
    /// FIPS 180-4.
    Sha384,
    /// FIPS 180-4.
    Sha512,
}

/// A digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// How it is made.
    pub algorithm: Algorithm,
    /// Lower-case hexadecimal.
    pub hex: String,
}

impl Algorithm {
    /// By the number that rpm's `FILEDIGESTALGO` holds (RFC 4880, section 9.4).
    pub fn of_rpm(number: u32) -> Option<Self> {
        Some(match number {
            1 => Self::Md5,
            2 => Self::Sha1,
            8 => Self::Sha256,
            9 => Self::Sha384,
            10 => Self::Sha512,
            11 => Self::Sha224,
            _ => return None,
        })
    }

    /// Hexadecimal digits of such a digest.
    pub fn digits(self) -> usize {
        match self {
            Self::Md5 => 32,
            Self::Sha1 => 40,
            Self::Sha224 => 56,
            Self::Sha256 => 64,
            Self::Sha384 => 96,
            Self::Sha512 => 128,
        }
    }

    /// The digest of these bytes.
    pub fn of(self, bytes: &[u8]) -> Digest {
        let mut state = State::new(self);
        state.update(bytes);
        state.end(self)
    }

    /// The digest of the regular file at `path`, links followed.
    ///
    /// # Errors
    /// `Limit` beyond 16 MiB, and what the filesystem reports.
    pub fn of_file(self, tree: &Tree, path: &str) -> Result<Digest> {
        let size = tree.stat(path)?.size;
        if size > MAX_FILE {
            return Err(Error::limit(LAYER, "a file of more than 16 MiB is not compared"));
        }
        let (mut state, mut at) = (State::new(self), 0_u64);
        while at < size {
            let chunk = tree.read_at(path, at, CHUNK)?;
            if chunk.is_empty() {
                return Err(Error::corrupt(LAYER, at, "a file is shorter than its size"));
            }
            at = at.saturating_add(to_u64(chunk.len()));
            state.update(&chunk);
        }
        Ok(state.end(self))
    }
}

impl Digest {
    /// A digest in hexadecimal; `None` where that is none of this algorithm.
    pub fn of_hex(algorithm: Algorithm, hex: &str) -> Option<Self> {
        let fits = hex.len() == algorithm.digits() && hex.bytes().all(|b| b.is_ascii_hexdigit());
        fits.then(|| Self { algorithm, hex: hex.to_ascii_lowercase() })
    }

    /// Its first digits, which tell two of them apart.
    pub fn short(&self) -> String {
        self.hex.chars().take(12).collect()
    }
}

/// A digest in the making.
enum State {
    Md5(Md5),
    Sha1(Sha1),
    Sha224(Sha224),
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

impl State {
    fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Md5 => Self::Md5(Md5::new()),
            Algorithm::Sha1 => Self::Sha1(Sha1::new()),
            Algorithm::Sha224 => Self::Sha224(Sha224::new()),
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
            Algorithm::Sha384 => Self::Sha384(Sha384::new()),
            Algorithm::Sha512 => Self::Sha512(Sha512::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Md5(state) => state.update(bytes),
            Self::Sha1(state) => state.update(bytes),
            Self::Sha224(state) => state.update(bytes),
            Self::Sha256(state) => state.update(bytes),
            Self::Sha384(state) => state.update(bytes),
            Self::Sha512(state) => state.update(bytes),
        }
    }

    fn end(self, algorithm: Algorithm) -> Digest {
        let hex = match self {
            Self::Md5(state) => hex::encode(state.finalize()),
            Self::Sha1(state) => hex::encode(state.finalize()),
            Self::Sha224(state) => hex::encode(state.finalize()),
            Self::Sha256(state) => hex::encode(state.finalize()),
            Self::Sha384(state) => hex::encode(state.finalize()),
            Self::Sha512(state) => hex::encode(state.finalize()),
        };
        Digest { algorithm, hex }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::testing::MemoryFs;

    #[test]
    fn digests_are_those_of_the_standards() {
        // "abc" in RFC 1321 and FIPS 180.
        for (algorithm, start) in [
            (Algorithm::Md5, "900150983cd24fb0"),
            (Algorithm::Sha1, "a9993e364706816a"),
            (Algorithm::Sha224, "23097d223405d822"),
            (Algorithm::Sha256, "ba7816bf8f01cfea"),
            (Algorithm::Sha384, "cb00753f45a35e8b"),
            (Algorithm::Sha512, "ddaf35a193617aba"),
        ] {
            let digest = algorithm.of(b"abc");
            assert!(digest.hex.starts_with(start) && digest.hex.len() == algorithm.digits(), "{digest:?}");
            assert_eq!(Digest::of_hex(algorithm, &digest.hex.to_uppercase()), Some(digest));
        }
        assert_eq!(Digest::of_hex(Algorithm::Md5, "newconffile"), None);
    }

    #[test]
    fn a_file_of_many_pieces_is_read_to_its_end() {
        let content = vec![7_u8; CHUNK * 2 + 5];
        let tree = MemoryFs::new().file("/a", &content).link("/b", "a").tree();
        assert_eq!(Algorithm::Md5.of_file(&tree, "/b").unwrap(), Algorithm::Md5.of(&content));
        let large = MemoryFs::new().file("/a", "").stat_of("/a", |stat| stat.size = MAX_FILE + 1).tree();
        assert_eq!(Algorithm::Md5.of_file(&large, "/a").unwrap_err().kind, crate::disk::ErrorKind::Limit);
    }
}
