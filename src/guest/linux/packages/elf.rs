//! What an ELF file says of itself (System V ABI, "ELF Header", "Program Header", "Sections").

use crate::disk::bytes::{self, to_usize};
use crate::disk::{Error, Result};
use crate::guest::Tree;

const LAYER: &str = "elf";
/// Bytes of the header, and of the tables that are read.
const HEADER: usize = 64;
const MAX_TABLE: usize = 64 << 10;
/// `PT_INTERP`.
const INTERPRETER: u64 = 3;

/// An ELF file.
struct Elf<'a> {
    tree: &'a Tree,
    path: &'a str,
    head: Vec<u8>,
    wide: bool,
    big: bool,
}

/// The interpreter that a program asks for: the dynamic loader. `None` for what is no ELF or is linked statically.
///
/// # Errors
/// `Corrupt` where the file contradicts itself, and what the filesystem reports.
pub fn interpreter(tree: &Tree, path: &str) -> Result<Option<String>> {
    let Some(elf) = Elf::open(tree, path)? else { return Ok(None) };
    // e_phoff, e_phentsize, e_phnum; p_type, p_offset, p_filesz.
    let table = elf.table([(28, 4, 32, 8), (42, 2, 54, 2), (44, 2, 56, 2)])?;
    for entry in &table {
        if elf.field(entry, (0, 4, 0, 4))? == INTERPRETER {
            let at = elf.field(entry, (4, 4, 8, 8))?;
            let len = to_usize(LAYER, elf.field(entry, (16, 4, 32, 8))?)?.min(256);
            return Ok(Some(bytes::text(&tree.read_at(path, at, len)?, 256)));
        }
    }
    Ok(None)
}

/// Whether prelink(8) has rewritten a program since it was installed: a section of that name is what it leaves.
///
/// # Errors
/// As [`interpreter`].
pub fn prelinked(tree: &Tree, path: &str) -> Result<bool> {
    let Some(elf) = Elf::open(tree, path)? else { return Ok(false) };
    // e_shoff, e_shentsize, e_shnum; e_shstrndx; sh_offset, sh_size.
    let table = elf.table([(32, 4, 40, 8), (46, 2, 58, 2), (48, 2, 60, 2)])?;
    let names = to_usize(LAYER, elf.field(&elf.head, (50, 2, 62, 2))?)?;
    let Some(names) = table.get(names) else { return Ok(false) };
    let at = elf.field(names, (16, 4, 24, 8))?;
    let len = to_usize(LAYER, elf.field(names, (20, 4, 32, 8))?)?.min(MAX_TABLE);
    Ok(tree.read_at(path, at, len)?.split(|b| *b == 0).any(|name| name.starts_with(b".gnu.prelink")))
}

/// A field: offset and width in files of 32 bits, and of 64.
type Field = (usize, usize, usize, usize);

impl<'a> Elf<'a> {
    fn open(tree: &'a Tree, path: &'a str) -> Result<Option<Self>> {
        let head = tree.read_head(path, HEADER)?;
        if head.len() < HEADER || !head.starts_with(b"\x7fELF") {
            return Ok(None);
        }
        let (wide, big) = (head.get(4) == Some(&2), head.get(5) == Some(&2));
        Ok(Some(Self { tree, path, head, wide, big }))
    }

    fn field(&self, buf: &[u8], (narrow, narrow_len, wide, wide_len): Field) -> Result<u64> {
        let (at, len) = if self.wide { (wide, wide_len) } else { (narrow, narrow_len) };
        let bytes = bytes::range(LAYER, buf, at, len)?.iter();
        let add = |value: u64, byte: &u8| value.wrapping_shl(8) | u64::from(*byte);
        Ok(if self.big { bytes.fold(0, add) } else { bytes.rev().fold(0, add) })
    }

    /// The entries of a table, whose place, entry size and number these fields of the header hold.
    fn table(&self, [at, size, count]: [Field; 3]) -> Result<Vec<Vec<u8>>> {
        let field = |field| self.field(&self.head, field);
        let (at, size) = (field(at)?, to_usize(LAYER, field(size)?)?);
        let len = to_usize(LAYER, field(count)?)?.saturating_mul(size);
        if len > MAX_TABLE || size == 0 {
            return Err(Error::limit(LAYER, "a table of an ELF file is too long"));
        }
        let table = self.tree.read_at(self.path, at, len)?;
        Ok(table.chunks_exact(size).map(<[u8]>::to_vec).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::testing::MemoryFs;

    #[test]
    fn this_machines_programs_name_their_interpreter_and_sections() {
        let shell = std::fs::read("/bin/sh").unwrap();
        let tree = MemoryFs::new().file("/bin/sh", &shell).file("/bin/x", "#!/bin/sh\n").tree();
        let named = interpreter(&tree, "/bin/sh").unwrap().unwrap();
        assert!(named.starts_with("/lib") && named.contains("ld-"), "{named}");
        assert!(std::path::Path::new(&named).exists());
        assert!(!prelinked(&tree, "/bin/sh").unwrap());
        assert_eq!(interpreter(&tree, "/bin/x").unwrap(), None);
    }

    #[test]
    fn what_prelink_leaves_is_seen() {
        let mut shell = std::fs::read("/bin/sh").unwrap();
        // A section of the same length of name takes the place of one that every program has.
        let at = shell.windows(14).position(|w| w == b".gnu_debuglink").unwrap();
        shell[at..at + 14].copy_from_slice(b".gnu.prelink_u");
        let tree = MemoryFs::new().file("/bin/sh", &shell).tree();
        assert!(prelinked(&tree, "/bin/sh").unwrap());
    }

    #[test]
    fn changed_bytes_never_harm() {
        let shell = std::fs::read("/bin/sh").unwrap();
        for at in 0..64 {
            for byte in [0, 1, 0x7f, 0xff] {
                let mut changed = shell.clone();
                changed[at] = byte;
                let tree = MemoryFs::new().file("/bin/sh", &changed).tree();
                let _ = interpreter(&tree, "/bin/sh");
                let _ = prelinked(&tree, "/bin/sh");
            }
        }
    }
}
