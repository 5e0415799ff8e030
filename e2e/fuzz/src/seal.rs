//! Checksums that fit again after a change, so that what lies behind them is reached.

use image_import::disk::ReadAt;

use crate::disk::Disk;

/// Mends what is summed around byte `at` of a disk.
pub type Seal = fn(&mut Disk, at: u64);

/// For formats without checksums, or whose readers look at none.
pub fn none(_disk: &mut Disk, _at: u64) {}

fn number<const N: usize>(disk: &Disk, at: u64) -> [u8; N] {
    disk.bytes(at, N).try_into().unwrap_or([0; N])
}

fn le32(disk: &Disk, at: u64) -> u32 {
    u32::from_le_bytes(number(disk, at))
}

fn le64(disk: &Disk, at: u64) -> u64 {
    u64::from_le_bytes(number(disk, at))
}

fn be32(disk: &Disk, at: u64) -> u32 {
    u32::from_be_bytes(number(disk, at))
}

/// `len` bytes from `at` on, those of the checksum at `hole` as zeros.
fn without(disk: &Disk, at: u64, len: usize, hole: usize) -> Vec<u8> {
    let mut bytes = disk.bytes(at, len);
    bytes.iter_mut().skip(hole).take(4).for_each(|byte| *byte = 0);
    bytes
}

/// GPT: the entries' CRC in each header, and the header's (UEFI 5.3.2).
pub fn gpt(disk: &mut Disk, _at: u64) {
    let sectors = [512, 4096].map(|sector| [sector, disk.len().saturating_sub(sector)].map(|at| (at, sector)));
    for (at, sector) in sectors.into_iter().flatten() {
        if disk.bytes(at, 8) != b"EFI PART" {
            continue;
        }
        let (entries, count, size) = (le64(disk, at + 72), le32(disk, at + 80), le32(disk, at + 84));
        let len = (u64::from(count) * u64::from(size)).min(1 << 20) as usize;
        let sum = crc32fast::hash(&disk.bytes(entries.saturating_mul(sector), len));
        disk.write(at + 88, &sum.to_le_bytes());
        let len = le32(disk, at + 12).min(4096) as usize;
        let sum = crc32fast::hash(&without(disk, at, len, 16));
        disk.write(at + 16, &sum.to_le_bytes());
    }
}

/// LVM, md and the VHD footer: what a volume or an object begins and ends with.
pub fn volume(disk: &mut Disk, at: u64) {
    gpt(disk, at);
    lvm(disk);
    md(disk);
}

/// LVM's label, and the first metadata area with its text (lib/format_text/layout.h).
fn lvm(disk: &mut Disk) {
    let crc = |bytes: &[u8]| {
        let mut hasher = crc32fast::Hasher::new_with_initial(!0xf597_a6cf);
        hasher.update(bytes);
        (!hasher.finalize()).to_le_bytes()
    };
    for at in (0..4).map(|sector| sector * 512).filter(|at| disk.bytes(*at, 8) == b"LABELONE").collect::<Vec<_>>() {
        let sum = crc(&disk.bytes(at + 20, 492));
        disk.write(at + 16, &sum);
    }
    for area in [4096].into_iter().filter(|at| disk.bytes(at + 4, 16) == b" LVM2 x[5A%r0N*>").collect::<Vec<_>>() {
        let (at, len, size) = (le64(disk, area + 40), le64(disk, area + 48), le64(disk, area + 32));
        if at < size && len <= 1 << 16 {
            let straight = len.min(size - at);
            let mut text = disk.bytes(area.wrapping_add(at), straight as usize);
            text.extend(disk.bytes(area + 512, (len - straight) as usize));
            disk.write(area + 56, &crc(&text));
        }
        let sum = crc(&disk.bytes(area + 4, 508));
        disk.write(area, &sum);
    }
}

/// md's superblocks of version 1, and of 0.90 (drivers/md/md.c, `calc_sb_1_csum` and `calc_sb_csum`).
fn md(disk: &mut Disk) {
    let end = disk.len();
    let places = [0, 4096, (end / 512).saturating_sub(16) / 8 * 8 * 512, (end / 65536 * 65536).saturating_sub(65536)];
    for at in places.into_iter().filter(|at| le32(disk, *at) == 0xa92b_4efc).collect::<Vec<_>>() {
        let (len, hole) = match le32(disk, at + 4) {
            1 => (256 + 2 * le32(disk, at + 220).min(1920) as usize, 216),
            _ => (4096, 152),
        };
        let bytes = without(disk, at, len, hole);
        let sum = bytes.chunks(4).fold(0_u64, |sum, word| {
            let mut all = [0; 4];
            all[..word.len()].copy_from_slice(word);
            sum + u64::from(u32::from_le_bytes(all))
        });
        let sum = (sum as u32).wrapping_add((sum >> 32) as u32);
        disk.write(at + hole as u64, &sum.to_le_bytes());
    }
}

/// VHD: the footer, its copy, and the dynamic header.
pub fn vhd(disk: &mut Disk, _at: u64) {
    let end = disk.len().saturating_sub(512);
    for (at, magic, len, hole) in [(0, b"conectix", 512, 64), (end, b"conectix", 512, 64), (512, b"cxsparse", 1024, 36)]
    {
        if disk.bytes(at, 8) == magic {
            let sum = without(disk, at, len, hole).iter().fold(0_u32, |sum, byte| sum + u32::from(*byte));
            disk.write(at + hole as u64, &(!sum).to_be_bytes());
        }
    }
}

/// XFS version 5: the structure around `at`, which is a sector, an inode, or a block of any of the usual sizes.
pub fn xfs(disk: &mut Disk, at: u64) {
    let (block, inode) = (u64::from(be32(disk, 4)), u64::from(u16::from_be_bytes(number(disk, 104))));
    if !block.is_power_of_two() || !(512..=65536).contains(&block) || !inode.is_power_of_two() || inode < 256 {
        return;
    }
    for (size, inode) in [(inode, true), (512, false), (block, false), (4096, false)] {
        let start = at - at % size;
        let magic: [u8; 4] = number(disk, start);
        let hole = match &magic {
            b"XFSB" => 224,
            b"XAGF" => 216,
            b"XAGI" => 312,
            [b'I', b'N', ..] if inode && disk.bytes(start + 4, 1) == [3] => 100,
            b"BMA3" if size >= block => 64,
            b"XDB3" | b"XDD3" | b"XDF3" if size >= block => 4,
            b"XSLM" if size >= block => 12,
            _ if size >= block && matches!(number(disk, start + 8), [0x3E, 0xBE] | [0x3D, 0xF1 | 0xFF]) => 12,
            _ => continue,
        };
        let sum = crc32c::crc32c(&without(disk, start, size as usize, hole));
        disk.write(start + hole as u64, &sum.to_le_bytes());
        return;
    }
}

/// btrfs: the superblock, or the node around `at`. Where nodes lie is known by the filesystem's identity in them.
pub fn btrfs(disk: &mut Disk, at: u64) {
    const PRIMARY: u64 = 0x1_0000;
    let node = u64::from(le32(disk, PRIMARY + 0x94));
    let (start, len) =
        if at / 4096 == PRIMARY / 4096 { (PRIMARY, 4096) } else { (at - at % node.clamp(4096, 65536), node) };
    if len <= 65536 && len > 32 && (start == PRIMARY || disk.bytes(start + 32, 16) == disk.bytes(PRIMARY + 32, 16)) {
        let sum = crc32c::crc32c(&disk.bytes(start + 32, len as usize - 32));
        disk.write(start, &sum.to_le_bytes());
    }
}

/// ext's crc32c, which is not inverted at its ends.
fn ext_crc(seed: u32, bytes: &[u8]) -> u32 {
    !crc32c::crc32c_append(!seed, bytes)
}

/// ext4: the superblock, the inode around `at`, a block of the journal (Documentation/filesystems/ext4, "Checksums").
pub fn ext(disk: &mut Disk, at: u64) {
    const SUPERBLOCK: u64 = 1024;
    let block = 1024_u64 << le32(disk, SUPERBLOCK + 0x18).min(6);
    journal(disk, at - at % block, block as usize);
    if le32(disk, SUPERBLOCK + 0x64) & 0x400 == 0 {
        return;
    }
    if (SUPERBLOCK..SUPERBLOCK + 1024).contains(&at) {
        let sum = ext_crc(!0, &disk.bytes(SUPERBLOCK, 0x3FC));
        disk.write(SUPERBLOCK + 0x3FC, &sum.to_le_bytes());
    }
    // Of the first group: the images have no more than one.
    let table = u64::from(le32(disk, (SUPERBLOCK / block + 1) * block + 8)) * block;
    let (size, count) = (u64::from(u16::from_le_bytes(number(disk, SUPERBLOCK + 0x58))), le32(disk, SUPERBLOCK + 0x28));
    if !(256..=4096).contains(&size) || !(table..table + size * u64::from(count)).contains(&at) {
        return;
    }
    let (index, seed) = ((at - table) / size, ext_crc(!0, &disk.bytes(SUPERBLOCK + 0x68, 16)));
    let start = table + index * size;
    let mut raw = disk.bytes(start, size as usize);
    raw[0x7C..0x7E].fill(0);
    raw[0x82..0x84].fill(0);
    let seed = ext_crc(ext_crc(seed, &(index as u32 + 1).to_le_bytes()), &raw[0x64..0x68]);
    let sum = ext_crc(seed, &raw).to_le_bytes();
    disk.write(start + 0x7C, &sum[..2]);
    disk.write(start + 0x82, &sum[2..]);
}

/// jbd2 with checksums of version 2 or 3: the superblock, and the block at `start`. The journal's identity is the
/// filesystem's here: its superblock is not looked for.
fn journal(disk: &mut Disk, start: u64, block: usize) {
    if be32(disk, start) != 0xC03B_3998 {
        return;
    }
    let identity = disk.bytes(1024 + 0x68, 16);
    let hole = match be32(disk, start + 4) {
        4 => {
            let sum = ext_crc(!0, &without(disk, start, 1024, 0xFC));
            return disk.write(start + 0xFC, &sum.to_be_bytes());
        }
        2 => 0x10,
        1 | 5 => block - 4,
        _ => return,
    };
    let sum = ext_crc(ext_crc(!0, &identity), &without(disk, start, block, hole));
    disk.write(start + hole as u64, &sum.to_be_bytes());
}
