//! What a kernel image says of itself: its release, and its configuration where that is built in.

use std::io::{BufRead, BufReader, Read};

use super::stream::{Compression, FileStream, compression};
use super::{cut, from_io};
use crate::disk::bytes::{u16_le, u32_le};
use crate::disk::filesystem::NodeKind;
use crate::disk::{Error, Result};
use crate::guest::Tree;
use crate::guest::boot::pe;
use crate::inspect::facts::KernelFault;

const LAYER: &str = "vmlinuz";
/// Enough for the setup part of any bzImage: 64 sectors of it, and the boot sector.
const SETUP_BYTES: usize = 65 * 512;
/// Most bytes of an unpacked kernel that are searched.
const MAX_KERNEL: u64 = 512 << 20;
/// Longest configuration.
const MAX_CONFIG: u64 = 4 << 20;
/// Stands before the gzipped configuration (Linux, kernel/configs.c).
const MARK: &[u8] = b"IKCFG_ST";

/// What the setup header of a bzImage says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The release: `6.1.0-18-cloud-amd64`.
    pub release: Option<String>,
    /// It runs in 64 bit. False too where the header is too old to say.
    pub long_mode: bool,
}

/// The setup header of a kernel; nothing where it is no bzImage.
///
/// # Errors
/// What the filesystem reports.
pub fn header(tree: &Tree, path: &str) -> Result<Header> {
    let setup = tree.read_at(path, start(tree, path)?, SETUP_BYTES)?;
    // Documentation/arch/x86/boot.rst: "HdrS" at 0x202, its version at 0x206.
    if setup.get(0x202..0x206) != Some(b"HdrS") {
        return Ok(Header::default());
    }
    // boot.rst: xloadflags at 0x236 from version 2.12 on, bit 0 is XLF_KERNEL_64.
    let flags = u16_le(LAYER, &setup, 0x206).ok().filter(|version| *version >= 0x020c);
    let flags = flags.and_then(|_| u16_le(LAYER, &setup, 0x236).ok()).unwrap_or_default();
    Ok(Header { release: release(&setup), long_mode: flags & 1 != 0 })
}

/// Where the kernel begins in its file: a unified kernel has it in a section.
fn start(tree: &Tree, path: &str) -> Result<u64> {
    let sections = pe::of_first_profile(&pe::sections(tree, path)?);
    Ok(sections.iter().find(|section| section.name == ".linux").map_or(0, |section| section.at))
}

/// boot.rst: kernel_version at 0x20e points to text, less 0x200.
fn release(setup: &[u8]) -> Option<String> {
    let at = u16_le(LAYER, setup, 0x20e).ok()?;
    let text = setup.get(usize::from(at).saturating_add(0x200)..).unwrap_or_default();
    let text = cut(&String::from_utf8_lossy(text.get(..256).unwrap_or(text)), 256);
    let release = text.split_whitespace().next().unwrap_or_default();
    let fits = release.starts_with(|c: char| c.is_ascii_digit()) && at != 0;
    fits.then(|| cut(release, 64))
}

/// The configuration built into the kernel; `None` where there is none.
///
/// # Errors
/// `Unsupported` for an image or a compression that is not read, `Corrupt`, `Limit`, and what the filesystem reports.
pub fn config(tree: &Tree, path: &str) -> Result<Option<String>> {
    unpacked(tree, path, |kernel| find_config(kernel))
}

/// What `read` makes of an unpacked kernel, an ELF file of at most 512 MiB.
///
/// # Errors
/// As [`config`], and those of `read`.
pub fn unpacked<T>(tree: &Tree, path: &str, read: impl FnOnce(Box<dyn Read + '_>) -> Result<T>) -> Result<T> {
    let begin = start(tree, path)?;
    let setup = tree.read_at(path, begin, SETUP_BYTES)?;
    if !has_payload(&setup) {
        return Err(Error::unsupported(LAYER, "not an x86 kernel of boot protocol 2.08 or later"));
    }
    let start = begin.saturating_add(payload(&setup)?);
    let mut stream = FileStream::new(tree, path, start);
    let head = stream.peek(6)?.to_vec();
    let Some(kind) = compression(&head) else {
        return Err(Error::unsupported(LAYER, "the kernel's payload has no known compression"));
    };
    // LZ4 has no end of its own, and the kernel's build appends four bytes of size (scripts/Makefile.lib, size_append).
    let length = u64::from(u32_le(LAYER, &setup, 0x24c)?).saturating_sub(4);
    if kind == Compression::Lz4 && length > 0 {
        stream = FileStream::part(tree, path, start, length);
    }
    let found = kind.decoder(&mut stream).and_then(|kernel| read(Box::new(kernel.take(MAX_KERNEL))));
    found.map_err(|error| stream.failure().unwrap_or(Error { layer: LAYER, ..error }))
}

/// boot.rst: the payload has a place in the header since protocol 2.08.
fn has_payload(setup: &[u8]) -> bool {
    setup.get(0x202..0x206) == Some(b"HdrS") && u16_le(LAYER, setup, 0x206).is_ok_and(|version| version >= 0x0208)
}

/// boot.rst: setup_sects at 0x1f1 (0 means 4), payload_offset at 0x248, counted from the protected-mode code.
fn payload(setup: &[u8]) -> Result<u64> {
    let sectors = setup.get(0x1f1).copied().filter(|n| *n != 0).unwrap_or(4);
    let start = u64::from(sectors).saturating_add(1).saturating_mul(512);
    Ok(start.saturating_add(u64::from(u32_le(LAYER, setup, 0x248)?)))
}

/// Why a kernel that is there does not start, where that is certain.
///
/// # Errors
/// What the filesystem reports, and of a unified kernel those of its sections.
pub fn fault(tree: &Tree, path: &str) -> Result<Option<KernelFault>> {
    let stat = tree.stat(path)?;
    if stat.kind != NodeKind::File {
        return Ok(None);
    }
    if stat.size == 0 {
        return Ok(Some(KernelFault::Empty));
    }
    let begin = start(tree, path)?;
    let setup = tree.read_at(path, begin, SETUP_BYTES)?;
    if !has_payload(&setup) {
        return Ok(None);
    }
    // boot.rst: payload_length at 0x24c. What unpacks it comes behind it.
    let end = begin.saturating_add(payload(&setup)?).saturating_add(u64::from(u32_le(LAYER, &setup, 0x24c)?));
    Ok((end > stat.size).then_some(KernelFault::Short))
}

/// Searches an unpacked kernel for its configuration.
fn find_config(kernel: impl Read) -> Result<Option<String>> {
    let mut kernel = BufReader::with_capacity(256 * 1024, kernel);
    let mut tail: Vec<u8> = Vec::new();
    loop {
        let chunk = kernel.fill_buf().map_err(|e| from_io(LAYER, &e))?;
        if chunk.is_empty() {
            return Ok(None);
        }
        let length = chunk.len();
        tail.extend_from_slice(chunk);
        if let Some(at) = tail.windows(MARK.len()).position(|window| window == MARK) {
            let rest = tail.split_off(at.saturating_add(MARK.len()));
            kernel.consume(length);
            let mut text = Vec::new();
            let unpacked = flate2::read::GzDecoder::new(rest.as_slice().chain(kernel)).take(MAX_CONFIG);
            { unpacked }.read_to_end(&mut text).map_err(|e| from_io(LAYER, &e))?;
            return Ok(Some(String::from_utf8_lossy(&text).into_owned()));
        }
        let keep = tail.len().saturating_sub(MARK.len().saturating_sub(1));
        tail.drain(..keep);
        kernel.consume(length);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::guest::linux::testarchive;
    use crate::guest::testing::{MemoryFs, bzimage};

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn the_configuration_inside_a_kernel_is_found() {
        let mut kernel = vec![7; 256 * 1024 - 3];
        kernel.extend(MARK);
        kernel.extend(gzip(b"CONFIG_VIRTIO_BLK=y\n"));
        kernel.extend(b"IKCFG_ED");
        kernel.extend([9; 1000]);
        let tree = MemoryFs::new().file("/vmlinuz", bzimage("5.10.1-x", &gzip(&kernel))).tree();
        assert_eq!(header(&tree, "/vmlinuz").unwrap().release.as_deref(), Some("5.10.1-x"));
        assert_eq!(config(&tree, "/vmlinuz").unwrap().as_deref(), Some("CONFIG_VIRTIO_BLK=y\n"));
        let without = MemoryFs::new().file("/vmlinuz", bzimage("5.10.1-x", &gzip(&[1; 99]))).tree();
        assert_eq!(config(&without, "/vmlinuz").unwrap(), None);
    }

    /// As scripts/Makefile.lib packs it: the size of what is packed comes behind it.
    #[test]
    fn lz4_ends_before_the_size_that_is_appended() {
        let kernel = [&[7; 4096][..], MARK, &gzip(b"CONFIG_VIRTIO_BLK=y\n"), &[9; 5000]].concat();
        let packed = crate::disk::testkit::piped(&["lz4", "-l", "-9", "-c"], "lz4", &kernel);
        let payload = [&packed[..], &u32::try_from(kernel.len()).unwrap().to_le_bytes()].concat();
        let mut image = bzimage("6.1.0", &payload);
        image[0x24c..0x250].copy_from_slice(&u32::try_from(payload.len()).unwrap().to_le_bytes());
        image.extend([0x55; 4096]);
        let tree = MemoryFs::new().file("/vmlinuz", image).tree();
        assert_eq!(config(&tree, "/vmlinuz").unwrap().as_deref(), Some("CONFIG_VIRTIO_BLK=y\n"));
        let whole = unpacked(&tree, "/vmlinuz", |mut from| {
            let mut all = Vec::new();
            from.read_to_end(&mut all).map_err(|error| from_io(LAYER, &error))?;
            Ok(all)
        });
        assert!(whole.unwrap() == kernel);
    }

    #[test]
    fn what_is_no_kernel_has_no_release() {
        let tree = MemoryFs::new().file("/vmlinuz", "hello").file("/short", &bzimage("6", b"")[..0x210]).tree();
        assert_eq!(header(&tree, "/vmlinuz").unwrap().release, None);
        assert_eq!(header(&tree, "/short").unwrap().release, None);
        assert!(config(&tree, "/vmlinuz").is_err());
    }

    #[test]
    fn an_empty_kernel_and_one_cut_short_do_not_start() {
        let packed = gzip(&[7; 99]);
        let mut whole = bzimage("6.1.0", &packed);
        whole[0x24c..0x250].copy_from_slice(&u32::try_from(packed.len()).unwrap().to_le_bytes());
        let of = |bytes: &[u8]| fault(&MemoryFs::new().file("/vmlinuz", bytes).tree(), "/vmlinuz").unwrap();
        assert_eq!(of(b""), Some(KernelFault::Empty));
        assert_eq!(of(&whole), None);
        assert_eq!(of(&[&whole[..], b"signature"].concat()), None);
        assert_eq!(of(&whole[..whole.len() - 1]), Some(KernelFault::Short));
        // What no header tells of is left open.
        assert_eq!(of(b"hello"), None);
        assert!(fault(&MemoryFs::new().tree(), "/vmlinuz").is_err());
    }

    #[test]
    fn no_mutation_panics() {
        let good = bzimage("6.1.0", &gzip(MARK));
        for at in 0x1f0..0x250 {
            for value in [0, 0x7f, 0xff] {
                let mut bad = good.clone();
                bad[at] = value;
                let tree = MemoryFs::new().file("/vmlinuz", bad).tree();
                let _ = (header(&tree, "/vmlinuz"), config(&tree, "/vmlinuz"));
            }
        }
    }

    #[test]
    fn a_real_kernel_names_its_release() {
        let Some(dir) = testarchive("kernel/linux-image-6.1.0-47-cloud-amd64_6.1.170-3_amd64.tar.xz") else { return };
        let head = std::fs::read(dir.path().join("boot/vmlinuz-6.1.0-47-cloud-amd64.first64k")).unwrap();
        let tree = MemoryFs::new().file("/vmlinuz", head).tree();
        assert_eq!(header(&tree, "/vmlinuz").unwrap().release.as_deref(), Some("6.1.0-47-cloud-amd64"));
    }
}
