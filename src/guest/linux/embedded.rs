//! The initial ramdisk inside a kernel (`CONFIG_INITRAMFS_SOURCE`), which starts CoreOS.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read};

use super::cpio::{self, Allowance, Member, Sink};
use super::stream::{Compression, compression};
use super::{PATH_MAX, cut, drivers, from_io, image};
use crate::disk::bytes::{to_u64, to_usize};
use crate::disk::{Error, Result};
use crate::guest::Tree;
use crate::inspect::facts::Initramfs;

const LAYER: &str = "initramfs";
/// How far ahead it is looked: a block of zstd has 128 KiB, one of xz' LZMA2 64 KiB.
const AHEAD: usize = 256 * 1024;
/// The linker puts it on a border of four bytes (Linux, include/asm-generic/vmlinux.lds.h, `INIT_RAM_FS`).
const BORDER: usize = 4;
/// Most places that only look like the start of one.
const MAX_LOOKS: u32 = 256;
/// What an archive begins with.
const ARCHIVE: &[u8] = b"07070";

/// What was found in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Embedded {
    /// What goes into the facts.
    pub facts: Initramfs,
    /// Drivers of [`drivers::KNOWN`] that it has for the kernel, each with its member's name.
    pub drivers: BTreeMap<&'static str, String>,
    /// It has an `init`, which the kernel starts in place of mounting a root itself. Every kernel has one without.
    pub init: bool,
}

/// Reads the initial ramdisks inside the kernel at `path`, whose release is `release`; `None` where there is none.
///
/// # Errors
/// `Unsupported` for an image or a compression that is not read, `Corrupt`, `Limit`, and what the filesystem reports.
pub fn read(tree: &Tree, path: &str, release: &str) -> Result<Option<Embedded>> {
    image::unpacked(tree, path, |kernel| {
        let mut kernel = Window { from: kernel, bytes: Vec::new(), pos: 0, past: 0, ended: false };
        let (mut found, mut allowance) = (Listing::default(), Allowance::default());
        let (mut looks, mut used, mut trouble) = (MAX_LOOKS, "none", None);
        while let Some(start) = kernel.next(&mut looks)? {
            let mut listing = Listing { release, ..Listing::default() };
            let archive = match start {
                Start::Plain => cpio::read_one(&mut kernel, &mut allowance, &mut listing),
                Start::Packed(kind) => kind
                    .decoder(&mut kernel)
                    .and_then(|decoder| cpio::read_one(&mut BufReader::new(decoder), &mut allowance, &mut listing)),
            };
            match archive {
                Ok(()) => {
                    if let Start::Packed(kind) = start {
                        used = kind.name();
                    }
                    found.members = found.members.saturating_add(listing.members);
                    found.drivers.append(&mut listing.drivers);
                    found.init |= listing.init;
                }
                // Another one may come, as behind the broken one that some builds begin with.
                Err(error) => trouble = trouble.or(Some(Error { layer: LAYER, ..error })),
            }
        }
        match (found.members, trouble) {
            (0, Some(error)) => Err(error),
            (0, None) => Ok(None),
            (members, _) => {
                let path = cut(&format!("{path} (built in)"), PATH_MAX);
                let facts = Initramfs { path, compression: used.to_owned(), members, ..Initramfs::default() };
                Ok(Some(Embedded { facts, drivers: found.drivers, init: found.init }))
            }
        }
    })
}

/// How an archive starts.
#[derive(Clone, Copy)]
enum Start {
    Plain,
    Packed(Compression),
}

/// An unpacked kernel, of which some bytes are seen before they are read.
struct Window<'a> {
    from: Box<dyn Read + 'a>,
    bytes: Vec<u8>,
    /// The byte that comes next.
    pos: usize,
    /// How many bytes came before these.
    past: u64,
    ended: bool,
}

impl Window<'_> {
    /// Goes to the next archive and tells how it starts. Counts in `looks` what only looks like one.
    fn next(&mut self, looks: &mut u32) -> Result<Option<Start>> {
        let at = self.past.saturating_add(to_u64(self.pos));
        let mut skipped = to_usize(LAYER, at.next_multiple_of(to_u64(BORDER)).saturating_sub(at))?;
        loop {
            self.fill(2 * AHEAD).map_err(|error| from_io(LAYER, &error))?;
            let searched = if self.ended { self.bytes.len() } else { AHEAD };
            while skipped < searched {
                let rest = self.bytes.get(skipped..).unwrap_or_default();
                let found = match compression(rest) {
                    Some(_) if *looks == 0 => {
                        return Err(Error::limit(LAYER, "too much in the kernel looks like an archive"));
                    }
                    Some(kind) => {
                        *looks = looks.saturating_sub(1);
                        holds_archive(kind, rest).then_some(Start::Packed(kind))
                    }
                    None => is_archive(rest).then_some(Start::Plain),
                };
                if found.is_some() {
                    self.pos = skipped;
                    return Ok(found);
                }
                skipped = skipped.saturating_add(BORDER);
            }
            if self.ended {
                return Ok(None);
            }
            self.pos = AHEAD;
            skipped = skipped.saturating_sub(AHEAD);
        }
    }

    /// Lets go what was read, and reads on until so many bytes are there, or no more come.
    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        self.past = self.past.saturating_add(to_u64(self.pos));
        self.bytes.drain(..self.pos.min(self.bytes.len()));
        self.pos = 0;
        let lacking = to_u64(wanted.saturating_sub(self.bytes.len()));
        let read = self.from.by_ref().take(lacking).read_to_end(&mut self.bytes)?;
        self.ended |= to_u64(read) < lacking;
        Ok(())
    }
}

impl Read for Window<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(out)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for Window<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.pos >= self.bytes.len() {
            self.fill(AHEAD)?;
        }
        Ok(self.bytes.get(self.pos..).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.pos = self.pos.saturating_add(count).min(self.bytes.len());
    }
}

/// Whether a header of cpio is here: its magic and thirteen numbers.
fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(ARCHIVE) && bytes.get(..110).is_some_and(|head| head.iter().all(u8::is_ascii_hexdigit))
}

/// Whether what is compressed here begins as an archive does.
fn holds_archive(kind: Compression, bytes: &[u8]) -> bool {
    let mut head = [0; ARCHIVE.len()];
    let read = kind.decoder(bytes).ok().and_then(|mut decoder| decoder.read_exact(&mut head).ok());
    read.is_some() && head == *ARCHIVE
}

/// Collects drivers.
#[derive(Default)]
struct Listing<'a> {
    release: &'a str,
    members: u32,
    drivers: BTreeMap<&'static str, String>,
    init: bool,
}

impl Sink for Listing<'_> {
    fn wants(&self, _: &Member) -> bool {
        false
    }

    fn take(&mut self, member: Member, _: Option<Vec<u8>>) {
        self.members = self.members.saturating_add(1);
        self.init |= member.name == "init";
        let name = member.name.strip_prefix("usr/").unwrap_or(&member.name);
        let under = name.strip_prefix("lib64/").or_else(|| name.strip_prefix("lib/"));
        let release = under.and_then(|rest| rest.strip_prefix("modules/")?.split_once('/')).map(|(release, _)| release);
        let driver = drivers::of_file(&member.name).filter(|_| member.is_file() && release == Some(self.release));
        if let Some(driver) = driver {
            self.drivers.insert(driver, cut(&member.name, PATH_MAX));
        }
    }
}
