//! The machine a userland is made for, from the ELF header of one of its programs.

use super::{PATH_MAX, cut, optional};
use crate::disk::{ErrorKind, Result, bytes};
use crate::guest::Tree;
use crate::inspect::facts::Evident;

/// Programs that every userland has at least one of; the first that is an ELF decides.
const PROGRAMS: &[&str] = &[
    "/sbin/init",
    "/usr/lib/systemd/systemd",
    "/lib/systemd/systemd",
    "/bin/sh",
    "/usr/bin/sh",
    "/bin/bash",
    "/usr/bin/env",
    "/bin/mount",
    "/usr/bin/mount",
    "/bin/busybox",
];

/// Machine of the first program that can be read.
///
/// # Errors
/// What the filesystem reports, when no program could be read.
pub fn read(tree: &Tree) -> Result<Option<Evident>> {
    let mut trouble = None;
    for program in PROGRAMS {
        match optional(tree.read_head(program, 20)) {
            Ok(Some(head)) => {
                if let Some(value) = machine(&head) {
                    let place = tree.resolve(program).unwrap_or_else(|_| (*program).to_owned());
                    return Ok(Some(Evident { value, place: cut(&place, PATH_MAX) }));
                }
            }
            Ok(None) => {}
            // Whether it is the next one's turn is not known.
            Err(error) if matches!(error.kind, ErrorKind::Io | ErrorKind::Limit) => return Err(error),
            Err(error) => trouble = trouble.or(Some(error)),
        }
    }
    trouble.map_or(Ok(None), Err)
}

/// The machine named by an ELF header (System V ABI, "ELF Header": `EI_DATA` at 5, `e_machine` at 18).
pub fn machine(head: &[u8]) -> Option<String> {
    if !head.starts_with(b"\x7fELF") {
        return None;
    }
    let read = match head.get(5)? {
        1 => bytes::u16_le,
        2 => bytes::u16_be,
        _ => return None,
    };
    Some(match (read("elf", head, 18).ok()?, head.get(5)?) {
        (3, _) => "i386".to_owned(),
        (62, _) => "x86_64".to_owned(),
        (183, _) => "aarch64".to_owned(),
        (40, _) => "arm".to_owned(),
        (243, _) => "riscv64".to_owned(),
        (258, _) => "loongarch64".to_owned(),
        (21, 1) => "ppc64le".to_owned(),
        (21, _) => "ppc64".to_owned(),
        (22, _) => "s390x".to_owned(),
        (8, _) => "mips".to_owned(),
        (other, _) => format!("ELF machine {other}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::testing::MemoryFs;

    fn elf(machine: u8) -> Vec<u8> {
        let mut head = b"\x7fELF\x02\x01\x01".to_vec();
        head.resize(18, 0);
        head.extend([machine, 0, 0, 0]);
        head
    }

    #[test]
    fn init_decides_through_its_links() {
        let tree = MemoryFs::new()
            .link("/sbin/init", "/lib/systemd/systemd")
            .file("/lib/systemd/systemd", elf(62))
            .file("/bin/sh", elf(3))
            .tree();
        let found = read(&tree).unwrap().unwrap();
        assert_eq!((&*found.value, &*found.place), ("x86_64", "/lib/systemd/systemd"));
    }

    #[test]
    fn a_script_is_passed_over_and_a_32_bit_userland_is_seen() {
        let tree = MemoryFs::new().file("/sbin/init", "#!/bin/sh\n").file("/bin/sh", elf(3)).tree();
        assert_eq!(read(&tree).unwrap().unwrap().value, "i386");
    }

    #[test]
    fn no_program_is_no_fact() {
        assert_eq!(read(&MemoryFs::new().file("/bin/sh", b"\x7fELF").tree()).unwrap(), None);
        assert_eq!(machine(b"\x7fELF\x02\x01\x01"), None);
    }

    #[test]
    fn this_machines_own_program_is_recognised() {
        let head = std::fs::read("/bin/sh").unwrap();
        assert_eq!(machine(&head[..64]).as_deref(), Some(std::env::consts::ARCH));
    }
}
