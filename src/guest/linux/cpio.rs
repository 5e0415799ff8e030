//! cpio archives of the "new ASCII" kind, as Linux unpacks them (Documentation/driver-api/early-userspace/buffer-format).

use std::io::{self, Read};

use super::from_io;
use crate::disk::bytes::{to_u64, to_usize};
use crate::disk::{Error, Result};

const LAYER: &str = "cpio";
/// Bytes of a header: the magic and 13 numbers of eight hexadecimal digits.
const HEADER: usize = 110;
/// The magic numbers without and with checksums.
const MAGIC: [&[u8]; 2] = [b"070701", b"070702"];
/// The name of the member that ends an archive.
const TRAILER: &str = "TRAILER!!!";
/// Longest name: `PATH_MAX` of Linux.
const MAX_NAME: u64 = 4096;
/// Most bytes of one member that are kept.
const MAX_KEPT: u64 = 512 * 1024;

/// What reading may cost, over all archives of a file.
#[derive(Debug, Clone)]
pub struct Allowance {
    /// Members that may still come.
    pub members: u32,
    /// Unpacked bytes that may still come.
    pub bytes: u64,
    /// Bytes of contents that may still be kept.
    pub kept: u64,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { members: 200_000, bytes: 512 << 20, kept: 8 << 20 }
    }
}

/// One member of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Name without a leading `/` or `./`.
    pub name: String,
    /// File type and permissions, as in `st_mode`.
    pub mode: u32,
    /// Number of links: with several, only the last of them carries the content.
    pub links: u32,
    /// Size of its content.
    pub size: u64,
}

impl Member {
    /// A regular file that has content here or at another of its names.
    pub fn is_file(&self) -> bool {
        self.mode & 0o170_000 == 0o100_000 && (self.size > 0 || self.links > 1)
    }
}

/// Takes the members of an archive.
pub trait Sink {
    /// Whether the content of this member is wanted.
    fn wants(&self, member: &Member) -> bool;
    /// A member; with its content, where that was wanted.
    fn take(&mut self, member: Member, content: Option<Vec<u8>>);
}

/// Reads the archives in `from` up to its end: one after another, with zeros between them.
///
/// # Errors
/// `Corrupt` for what is no archive or is cut short, `Limit` when the allowance is used up, and what `from` reports.
pub fn read_all(from: &mut dyn Read, allowance: &mut Allowance, sink: &mut dyn Sink) -> Result<()> {
    while let Some(first) = skip_zeros(from, allowance)? {
        read_members(from, first, allowance, sink)?;
    }
    Ok(())
}

/// Reads one archive from its first byte on to behind its trailer, or to the end of `from` at a member's border.
///
/// # Errors
/// As [`read_all`].
pub fn read_one(from: &mut dyn Read, allowance: &mut Allowance, sink: &mut dyn Sink) -> Result<()> {
    match byte(from)? {
        Some(first) => read_members(from, first, allowance, sink),
        None => Ok(()),
    }
}

fn read_members(from: &mut dyn Read, first: u8, allowance: &mut Allowance, sink: &mut dyn Sink) -> Result<()> {
    let mut first = Some(first);
    while let Some(start) = first {
        let (member, name_room) = header(from, start, allowance)?;
        // Name and content are each padded to four bytes, counted from the archive's start.
        skip(from, name_room, allowance)?;
        if member.name == TRAILER {
            return skip(from, padded(member.size), allowance);
        }
        let content = if member.size <= MAX_KEPT && sink.wants(&member) {
            allowance.kept = allowance
                .kept
                .checked_sub(member.size)
                .ok_or_else(|| Error::limit(LAYER, "its configuration files are too large together"))?;
            let content = take(from, member.size, allowance)?;
            skip(from, padded(member.size).saturating_sub(member.size), allowance)?;
            Some(content)
        } else {
            skip(from, padded(member.size), allowance)?;
            None
        };
        sink.take(member, content);
        first = byte(from)?;
    }
    Ok(())
}

/// A member without its content, and how many bytes of padding come before that.
fn header(from: &mut dyn Read, first: u8, allowance: &mut Allowance) -> Result<(Member, u64)> {
    allowance.members =
        allowance.members.checked_sub(1).ok_or_else(|| Error::limit(LAYER, "the archive has too many members"))?;
    let mut head = vec![first];
    head.extend(take(from, to_u64(HEADER).saturating_sub(1), allowance)?);
    if !MAGIC.iter().any(|magic| head.starts_with(magic)) {
        return Err(Error::new(crate::disk::ErrorKind::Corrupt, LAYER, "no archive member where one has to be"));
    }
    let (name_size, size) = (field(&head, 11)?, field(&head, 6)?);
    if !(1..=MAX_NAME).contains(&name_size) {
        return Err(Error::new(crate::disk::ErrorKind::Corrupt, LAYER, format!("a name of {name_size} bytes")));
    }
    let name = take(from, name_size, allowance)?;
    let name = name.split(|b| *b == 0).next().unwrap_or_default();
    let name = String::from_utf8_lossy(name);
    let name = name.trim_start_matches("./").trim_start_matches('/').to_owned();
    let mode = u32::try_from(field(&head, 1)?).unwrap_or_default();
    let links = u32::try_from(field(&head, 4)?).unwrap_or_default();
    let before_content = to_u64(HEADER).saturating_add(name_size);
    Ok((Member { name, mode, links, size }, padded(before_content).saturating_sub(before_content)))
}

/// The number `index` of a header: ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor,
/// rdevminor, namesize, check.
fn field(head: &[u8], index: usize) -> Result<u64> {
    let at = index.saturating_mul(8).saturating_add(6);
    let digits = head.get(at..at.saturating_add(8)).and_then(|digits| std::str::from_utf8(digits).ok());
    let number = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    number.ok_or_else(|| Error::new(crate::disk::ErrorKind::Corrupt, LAYER, "a header that is not hexadecimal"))
}

fn padded(size: u64) -> u64 {
    size.saturating_add(3) & !3
}

fn take(from: &mut dyn Read, len: u64, allowance: &mut Allowance) -> Result<Vec<u8>> {
    spend(allowance, len)?;
    let mut bytes = vec![0; to_usize(LAYER, len)?];
    from.read_exact(&mut bytes).map_err(|error| cut_short(&error))?;
    Ok(bytes)
}

fn skip(from: &mut dyn Read, len: u64, allowance: &mut Allowance) -> Result<()> {
    spend(allowance, len)?;
    let skipped = io::copy(&mut from.take(len), &mut io::sink()).map_err(|error| cut_short(&error))?;
    if skipped < len {
        return Err(cut_short(&io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(())
}

fn skip_zeros(from: &mut dyn Read, allowance: &mut Allowance) -> Result<Option<u8>> {
    loop {
        match byte(from)? {
            Some(0) => spend(allowance, 1)?,
            other => return Ok(other),
        }
    }
}

fn byte(from: &mut dyn Read) -> Result<Option<u8>> {
    let mut one = [0];
    loop {
        match from.read(&mut one) {
            Ok(0) => return Ok(None),
            Ok(_) => return Ok(one.first().copied()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(cut_short(&error)),
        }
    }
}

fn spend(allowance: &mut Allowance, bytes: u64) -> Result<()> {
    allowance.bytes = allowance
        .bytes
        .checked_sub(bytes)
        .ok_or_else(|| Error::limit(LAYER, "the archive is too large when unpacked"))?;
    Ok(())
}

fn cut_short(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Error::new(crate::disk::ErrorKind::Corrupt, LAYER, "the archive is cut short"),
        _ => from_io(LAYER, error),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::disk::ErrorKind;

    /// An archive with these members, written as `cpio -H newc` writes it.
    pub(crate) fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        for (name, content) in members.iter().chain([&(TRAILER, &b""[..])]) {
            let numbers = [1, 0o100_644, 0, 0, 1, 0, content.len(), 0, 0, 0, 0, name.len() + 1, 0];
            out.extend(b"070701");
            out.extend(numbers.iter().flat_map(|n| format!("{n:08X}").into_bytes()));
            out.extend(name.bytes().chain([0]));
            out.resize(out.len().next_multiple_of(4), 0);
            out.extend(*content);
            out.resize(out.len().next_multiple_of(4), 0);
        }
        out
    }

    #[derive(Default)]
    struct Names(Vec<String>, Vec<Vec<u8>>);

    impl Sink for Names {
        #[expect(clippy::case_sensitive_file_extension_comparisons, reason = "as the archive spells it")]
        fn wants(&self, member: &Member) -> bool {
            member.name.ends_with(".conf")
        }
        fn take(&mut self, member: Member, content: Option<Vec<u8>>) {
            self.0.push(member.name);
            self.1.extend(content);
        }
    }

    fn list(bytes: &[u8]) -> Result<Names> {
        let mut names = Names::default();
        read_all(&mut &bytes[..], &mut Allowance::default(), &mut names)?;
        Ok(names)
    }

    #[test]
    fn archives_follow_one_another_with_zeros_between() {
        let mut bytes = archive(&[("a", b"x"), ("./etc/b.conf", b"hello")]);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes.extend(archive(&[("/lib/c", &[7; 999])]));
        let names = list(&bytes).unwrap();
        assert_eq!(names.0, ["a", "etc/b.conf", "lib/c"]);
        assert_eq!(names.1, [b"hello"]);
    }

    #[test]
    fn what_a_real_tool_writes_is_read() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("etc/deep")).unwrap();
        std::fs::write(dir.path().join("etc/deep/x.conf"), "blacklist a\n").unwrap();
        std::os::unix::fs::symlink("etc", dir.path().join("link")).unwrap();
        // Any tool that writes newc would do.
        let script = "find . -mindepth 1 | LC_ALL=C sort | busybox cpio -o -H newc";
        let out = std::process::Command::new("sh").args(["-c", script]).current_dir(dir.path()).output().unwrap();
        assert!(out.status.success(), "busybox is needed (Debian: busybox): {}", String::from_utf8_lossy(&out.stderr));
        let names = list(&out.stdout).unwrap();
        assert_eq!(names.0, ["etc", "etc/deep", "etc/deep/x.conf", "link"]);
        assert_eq!(names.1, [b"blacklist a\n"]);
    }

    #[test]
    fn damage_is_corrupt_and_greed_is_limited() {
        let good = archive(&[("a", b"x")]);
        assert_eq!(list(&good[..good.len() - 60]).err().unwrap().kind, ErrorKind::Corrupt);
        assert_eq!(list(b"not an archive at all").err().unwrap().kind, ErrorKind::Corrupt);
        let mut huge = archive(&[("a", b"x")]);
        huge[54..62].copy_from_slice(b"FFFFFFFF");
        assert_eq!(list(&huge).err().unwrap().kind, ErrorKind::Limit);
        let mut long = archive(&[("a", b"x")]);
        long[94..102].copy_from_slice(b"0000FFFF");
        assert_eq!(list(&long).err().unwrap().kind, ErrorKind::Corrupt);
        let mut few = Allowance { members: 1, ..Allowance::default() };
        let error = read_all(&mut &archive(&[("a", b""), ("b", b"")])[..], &mut few, &mut Names::default());
        assert_eq!(error.unwrap_err().kind, ErrorKind::Limit);
    }

    #[test]
    fn no_mutation_panics() {
        let good = archive(&[("a", b"x"), ("etc/b.conf", b"hello"), ("lib/c", &[7; 99])]);
        for at in 0..good.len() {
            for value in [0, 0x30, 0x46, 0xff] {
                let mut bad = good.clone();
                bad[at] = value;
                let _ = list(&bad);
            }
            let _ = list(&good[..at]);
        }
    }
}
