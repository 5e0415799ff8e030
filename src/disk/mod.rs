//! Bytes to files: containers, partition tables, volumes, filesystems.
//!
//! Every layer takes an [`Arc<dyn ReadAt>`](ReadAt) and gives more of them, so layers stack in any order an image
//! may stack them. All bytes are hostile: nothing here panics, loops without a bound or allocates what the image says
//! without a cap.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::indexing_slicing))]

pub(crate) mod ahead;
pub mod bytes;
pub mod container;
mod error;
pub mod filesystem;
pub(crate) mod lzo;
pub mod partition;
mod slice;
#[cfg(test)]
pub(crate) mod testkit;
pub mod volume;
pub mod want;

pub use error::{Error, ErrorKind, Http};
pub use slice::{Memory, Slice, check_range};

/// The result of anything that reads an image.
pub type Result<T> = std::result::Result<T, Error>;

/// Random-access bytes: an object in a bucket, a container's guest view, a partition and a volume are all this.
pub trait ReadAt: Send + Sync {
    /// Size in bytes. Constant over the life of the value.
    fn len(&self) -> u64;

    /// True when there is no byte at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `buf` from byte `at` on.
    ///
    /// # Errors
    /// `Corrupt` when the range passes the end, `Io` when the transport fails, `Limit` when the read budget is used up,
    /// and whatever the layer's own format may break.
    fn read_exact_at(&self, buf: &mut [u8], at: u64) -> Result<()>;

    /// Reads `len` bytes from `at` into a new buffer. For sizes that the caller bounded.
    ///
    /// # Errors
    /// As [`read_exact_at`](Self::read_exact_at).
    fn read_vec_at(&self, at: u64, len: usize) -> Result<Vec<u8>> {
        let mut buf = vec![0; len];
        self.read_exact_at(&mut buf, at)?;
        Ok(buf)
    }

    /// Says that all of `at .. at + len` will be read next, in pieces: whoever pays by the request fetches it at once.
    /// Only a hint, which costs nothing where it does nothing.
    ///
    /// # Errors
    /// As [`read_exact_at`](Self::read_exact_at).
    fn will_read(&self, _at: u64, _len: u64) -> Result<()> {
        Ok(())
    }

    /// The same of several places (offset, length), whose bytes do not depend on one another: they are fetched side by
    /// side.
    ///
    /// # Errors
    /// As [`read_exact_at`](Self::read_exact_at).
    fn will_read_all(&self, places: &[(u64, u64)]) -> Result<()> {
        places.iter().try_for_each(|(at, len)| self.will_read(*at, *len))
    }
}
