//! What starts the small disks: EXTLINUX, as far as its boot sectors lead to its loader.

use std::path::Path;
use std::sync::OnceLock;

use super::disks::run;

/// Where boot code ends in the first sector of a disk.
const CODE: usize = 440;
/// ldlinux.sys begins so.
const BANNER: &[u8] = b"\r\nSYSLINUX ";

/// The boot sector of a partition, and the loader that it loads.
struct Loader {
    sector: Vec<u8>,
    file: Vec<u8>,
}

/// As the installer leaves both on a FAT filesystem, the only one on which it needs no mount.
fn installed() -> &'static Loader {
    static LOADER: OnceLock<Loader> = OnceLock::new();
    LOADER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let [fat, file] = ["fat", "ldlinux.sys"].map(|name| folder.path().join(name));
        std::fs::File::create(&fat).unwrap().set_len(2 << 20).unwrap();
        run("dosfstools", "mkfs.vfat", [fat.as_path()], "");
        run("syslinux", "syslinux", [Path::new("--install"), &fat], "");
        run("mtools", "mcopy", [Path::new("-i"), &fat, Path::new("::ldlinux.sys"), &file], "");
        let sector = std::fs::read(fat).unwrap()[..512].to_vec();
        Loader { sector, file: std::fs::read(file).unwrap() }
    })
}

/// The loader as a file of the guest.
pub fn loader() -> &'static [u8] {
    &installed().file
}

/// Writes the boot sector of a partition that has the loader among its files; of another one, none.
pub fn start_partition(partition: &mut [u8]) {
    let Some(at) = partition.chunks(512).position(|sector| sector.starts_with(BANNER)) else { return };
    let mut sector = installed().sector.clone();
    // mov eax, LOW; mov edx, HIGH: the first sector of the loader.
    let code = sector
        .windows(13)
        .position(|code| code.starts_with(&[0x66, 0xb8]) && code[6..8] == [0x66, 0xba] && code[12] == 0xbb);
    let code = code.expect("the place of the loader's sector in the boot sector");
    sector[code + 2..code + 6].copy_from_slice(&u32::try_from(at).unwrap().to_le_bytes());
    sector[code + 8..code + 12].fill(0);
    // EXTLINUX says its own name and has no parameters of a FAT (3.1 and 3.3 of Microsoft's FAT specification).
    sector[3..11].copy_from_slice(b"EXTLINUX");
    sector[11..90].fill(0);
    partition[..512].copy_from_slice(&sector);
}

/// Writes the code that starts the active partition, or the one of a GPT that is marked as bootable.
pub fn start_disk(table: &str, disk: &mut [u8]) {
    let path = format!("/usr/lib/EXTLINUX/{}mbr.bin", if table == "gpt" { "gpt" } else { "" });
    let code = std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}: install the Debian package extlinux"));
    assert!(code.len() <= CODE, "{path}: {} bytes", code.len());
    disk[..code.len()].copy_from_slice(&code);
}
