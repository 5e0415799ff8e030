//! A guest's file as a stream, and what a compressed one holds, in little memory.

use std::io::{self, BufRead, Read};

use ruzstd::decoding::StreamingDecoder;
use ruzstd::decoding::errors::FrameDecoderError;

use super::{lz4, lzma, lzop};
use crate::disk::bytes::to_u64;
use crate::disk::{Error, Result, ahead};
use crate::guest::Tree;

/// Read from the filesystem in pieces of this size: what streams is read to its end, so each is one large request.
const CHUNK: usize = 4 << 20;
/// Most memory a decompressor may ask for its window: four times what `xz -6` and `zstd -19` need.
pub(super) const WINDOW_BYTES: u64 = 32 << 20;
/// What xz' decoder asks for beside its window, which Linux' own kernels make as large as it may be
/// (`scripts/xz_wrap.sh`: `dict=32MiB`).
const XZ_KIB: u32 = 1024;

/// A file of the guest, from its beginning on.
pub struct FileStream<'a> {
    tree: &'a Tree,
    path: &'a str,
    at: u64,
    end: u64,
    buf: Vec<u8>,
    pos: usize,
    ended: bool,
    failed: Option<Error>,
}

impl<'a> FileStream<'a> {
    /// Of the regular file at `path`, from byte `at` on.
    pub fn new(tree: &'a Tree, path: &'a str, at: u64) -> Self {
        Self::part(tree, path, at, u64::MAX)
    }

    /// Of `len` bytes of the regular file at `path`, from byte `at` on.
    pub fn part(tree: &'a Tree, path: &'a str, at: u64, len: u64) -> Self {
        Self { tree, path, at, end: at.saturating_add(len), buf: Vec::new(), pos: 0, ended: false, failed: None }
    }

    /// Up to `len` bytes that come next, fewer only at the end; they stay unread.
    ///
    /// # Errors
    /// What the filesystem reports.
    pub fn peek(&mut self, len: usize) -> Result<&[u8]> {
        while self.rest().len() < len && !self.ended {
            // What was read is let go before more is asked for: two pieces are never held at once.
            self.buf = self.rest().to_vec();
            self.pos = 0;
            // It is large, and makes requests of its own size: nothing is gained by rehearsing them.
            if ahead::rehearsing() {
                return Err(ahead::lacking(self.at));
            }
            let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
            let mut more = self.tree.read_at(self.path, self.at, left.min(CHUNK))?;
            self.ended = more.is_empty();
            self.at = self.at.saturating_add(to_u64(more.len()));
            if self.buf.is_empty() {
                self.buf = more;
            } else {
                self.buf.append(&mut more);
            }
        }
        let rest = self.rest();
        Ok(rest.get(..len).unwrap_or(rest))
    }

    /// Where the next byte lies in the file.
    pub fn position(&self) -> u64 {
        self.at.saturating_sub(to_u64(self.rest().len()))
    }

    /// The filesystem's own error, where that is why a decoder over this stream stopped.
    pub fn failure(&self) -> Option<Error> {
        self.failed.clone()
    }

    fn rest(&self) -> &[u8] {
        self.buf.get(self.pos..).unwrap_or_default()
    }
}

impl Read for FileStream<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut available = self.fill_buf()?;
        let count = available.read(out)?;
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for FileStream<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if let Err(error) = self.peek(1) {
            self.failed = Some(error.clone());
            return Err(io::Error::other(error));
        }
        Ok(self.rest())
    }

    fn consume(&mut self, count: usize) {
        self.pos = self.pos.saturating_add(count).min(self.buf.len());
    }
}

/// How something is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// RFC 1952.
    Gzip,
    /// The .xz file format 1.1.
    Xz,
    /// RFC 8878.
    Zstd,
    /// The legacy frame of LZ4.
    Lz4,
    /// The .lzma file format.
    Lzma,
    /// A stream of bzip2.
    Bzip2,
    /// What lzop writes.
    Lzo,
}

/// The compression that starts with `head`, by the magic numbers of Linux, lib/decompress.c.
pub fn compression(head: &[u8]) -> Option<Compression> {
    const MAGIC: &[(&[u8], Compression)] = &[
        (b"\x1f\x8b", Compression::Gzip),
        (b"\x1f\x9e", Compression::Gzip),
        (b"\xfd7zXZ\x00", Compression::Xz),
        (b"\x28\xb5\x2f\xfd", Compression::Zstd),
        (&lz4::MAGIC, Compression::Lz4),
        (b"\x5d\x00\x00", Compression::Lzma),
        (b"BZh", Compression::Bzip2),
        (b"\x89LZO", Compression::Lzo),
    ];
    MAGIC.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, kind)| *kind)
}

impl Compression {
    /// Its usual name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
            Self::Lzma => "lzma",
            Self::Bzip2 => "bzip2",
            Self::Lzo => "lzo",
        }
    }

    /// What one compressed stream holds. Whatever follows it in `from` stays there.
    ///
    /// # Errors
    /// `Corrupt` where the stream's header is not one, `Limit` where unpacking it takes too much memory.
    pub fn decoder<'r, R: BufRead + 'r>(self, from: R) -> Result<Box<dyn Read + 'r>> {
        Ok(match self {
            Self::Gzip => Box::new(flate2::bufread::GzDecoder::new(from)),
            Self::Xz => {
                let limit = u32::try_from(WINDOW_BYTES / 1024).unwrap_or(u32::MAX).saturating_add(XZ_KIB);
                Box::new(lzma_rust2::XzReader::new_mem_limit(from, false, limit))
            }
            Self::Zstd => Box::new(StreamingDecoder::new_with_max_window_size(from, WINDOW_BYTES).map_err(
                |error| match error {
                    FrameDecoderError::WindowSizeTooBig { .. } => too_wide("zstd"),
                    error => super::from_io("zstd", &io::Error::other(error.to_string())),
                },
            )?),
            Self::Lz4 => Box::new(lz4::Reader::new(from)),
            Self::Lzma => Box::new(lzma::Reader::new(from)?),
            // Linux takes one stream, too, and looks anew at what follows.
            Self::Bzip2 => Box::new(bzip2::bufread::BzDecoder::new(from)),
            Self::Lzo => Box::new(lzop::Reader::new(from)),
        })
    }
}

/// What was packed with a window that is not held in memory. Linux may hold it, so it is no damage.
pub(super) fn too_wide(layer: &'static str) -> Error {
    let limit = WINDOW_BYTES >> 20;
    let what = format!(
        "unpacking it takes a window of more than {limit} MiB, which this version does not hold (`xz -6`, `lzma -6` and \
         `zstd -19` pack for less)"
    );
    Error::limit(layer, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::testing::MemoryFs;

    #[test]
    fn a_file_is_read_in_pieces_and_a_glimpse_takes_nothing() {
        let bytes: Vec<u8> = (0..=250).cycle().take(CHUNK * 2 + 77).collect();
        let tree = MemoryFs::new().file("/f", &bytes).tree();
        let mut stream = FileStream::new(&tree, "/f", 0);
        let mut skipped = vec![0; CHUNK - 2];
        stream.read_exact(&mut skipped).unwrap();
        assert_eq!(stream.peek(6).unwrap(), &bytes[CHUNK - 2..CHUNK + 4]);
        assert_eq!(stream.position(), (CHUNK - 2) as u64);
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        assert!(rest == bytes[CHUNK - 2..]);
        assert_eq!(stream.peek(6).unwrap(), b"");
    }

    #[test]
    fn a_filesystems_error_stays_what_it_was() {
        let tree = MemoryFs::new().broken("/f", Error::limit("ext4", "budget")).tree();
        let mut stream = FileStream::new(&tree, "/f", 0);
        let error = stream.read(&mut [0; 4]).unwrap_err();
        assert_eq!(crate::guest::linux::from_io("x", &error), Error::limit("ext4", "budget"));
        assert_eq!(stream.failure(), Some(Error::limit("ext4", "budget")));
    }

    #[test]
    fn each_magic_names_its_compression() {
        assert_eq!(compression(b"\x1f\x8b\x08").map(Compression::name), Some("gzip"));
        assert_eq!(compression(b"BZh9").map(Compression::name), Some("bzip2"));
        assert_eq!(compression(b"070701"), None);
        assert_eq!(compression(b""), None);
    }
}
