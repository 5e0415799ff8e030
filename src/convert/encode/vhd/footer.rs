//! The footer ("Hard Disk Footer Format") and the dynamic header ("Dynamic Disk Header Format").

use crate::convert::encode::SECTOR;

/// Who made the disk. QEMU takes the disk's size from the footer where it knows the creator to mean it, and else from the
/// geometry, which covers most sizes only nearly (block/vpc.c). `qem2` is its own name for the former, which `qemu-img
/// create -o force_size=on` writes: so the disk is as long as it was, to QEMU as to all programs that never look at the
/// geometry. `qemu-img convert` without that option makes the disk longer instead, up to the next geometry.
const CREATOR: &[u8; 4] = b"qem2";
/// Its version, and the host's system, as QEMU states them.
const CREATOR_VERSION: u32 = 0x0005_0003;
const CREATOR_HOST: &[u8; 4] = b"Wi2k";
/// The bit that is always set.
const FEATURES: u32 = 2;
const VERSION: u32 = 0x0001_0000;
/// Of a fixed disk: there is no dynamic header.
const NO_HEADER: u64 = u64::MAX;
const FIXED: u32 = 2;
const DYNAMIC: u32 = 3;
/// Seconds since 2000 at which the disk was made: the same input gives the same file, so it tells no time.
const TIMESTAMP: u32 = 0;
const CHECKSUM: usize = 64;
const DYNAMIC_CHECKSUM: usize = 36;

/// The footer of a fixed disk.
pub fn fixed(size: u64, id: [u8; 16]) -> [u8; 512] {
    footer(size, id, FIXED, NO_HEADER)
}

/// The footer of a dynamic disk, whose header lies right behind the footer's copy.
pub fn dynamic(size: u64, id: [u8; 16]) -> [u8; 512] {
    footer(size, id, DYNAMIC, SECTOR)
}

fn footer(size: u64, id: [u8; 16], disk_type: u32, data_offset: u64) -> [u8; 512] {
    let (cylinders, heads, sectors) = geometry(size / SECTOR);
    let fields: [&[u8]; 16] = [
        b"conectix",
        &FEATURES.to_be_bytes(),
        &VERSION.to_be_bytes(),
        &data_offset.to_be_bytes(),
        &TIMESTAMP.to_be_bytes(),
        CREATOR,
        &CREATOR_VERSION.to_be_bytes(),
        CREATOR_HOST,
        // The size when it was made, and now.
        &size.to_be_bytes(),
        &size.to_be_bytes(),
        &cylinders.to_be_bytes(),
        &[heads, sectors],
        &disk_type.to_be_bytes(),
        &[0; 4],
        &id,
        // Not a saved state.
        &[0],
    ];
    sealed(&fields.concat(), CHECKSUM)
}

/// The dynamic header, for a table of so many entries at byte `table_at`.
pub fn dynamic_header(entries: u64, table_at: u64, block: u64) -> [u8; 1024] {
    // Both are bounded by the size of the largest disk.
    let short = |number: u64| u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes();
    let fields: [&[u8]; 6] = [
        b"cxsparse",
        &u64::MAX.to_be_bytes(),
        &table_at.to_be_bytes(),
        &VERSION.to_be_bytes(),
        &short(entries),
        &short(block),
    ];
    sealed(&fields.concat(), DYNAMIC_CHECKSUM)
}

/// The fields, filled up with zeros, and with their checksum: the sum of all bytes but its own, inverted.
fn sealed<const N: usize>(fields: &[u8], at: usize) -> [u8; N] {
    let sum = fields.iter().fold(0_u32, |sum, byte| sum.wrapping_add(u32::from(*byte)));
    let mut bytes = [0; N];
    bytes.iter_mut().zip(fields).for_each(|(byte, field)| *byte = *field);
    bytes.iter_mut().skip(at).zip((!sum).to_be_bytes()).for_each(|(byte, part)| *byte = part);
    bytes
}

/// Cylinders, heads and sectors per track of a disk with so many sectors ("Appendix: CHS Calculation"): the largest
/// geometry that does not pass its end.
fn geometry(sectors: u64) -> (u16, u8, u8) {
    let total = sectors.min(65535 * 16 * 255);
    let (heads, per_track) = if total >= 65535 * 16 * 63 {
        (16, 255)
    } else {
        let heads = (total / 17).div_ceil(1024).max(4);
        if total / 17 < heads.saturating_mul(1024) && heads <= 16 {
            (heads, 17)
        } else if total / 31 < 16 * 1024 {
            (16, 31)
        } else {
            (16, 63)
        }
    };
    let cylinders = total / per_track / heads;
    let (heads, per_track) = (u8::try_from(heads).unwrap_or(16), u8::try_from(per_track).unwrap_or(63));
    (u16::try_from(cylinders).unwrap_or(u16::MAX), heads, per_track)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::testkit::run;

    /// `qemu-img create` with `force_size` keeps the size and computes the same geometry where that covers it exactly.
    #[test]
    fn the_footer_is_the_one_that_qemu_writes() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("disk.vhd");
        for size in
            [512, 1 << 20, 64 << 20, (64 << 20) + 512, 500 << 20, 504 << 20, 2 << 30, 40 << 30, 127 << 30, 2040 << 30]
        {
            for (subformat, ours) in [("dynamic", dynamic(size, [7; 16])), ("fixed", fixed(size, [7; 16]))] {
                if subformat == "fixed" && size > 64 << 30 {
                    continue;
                }
                let options = format!("force_size=on,subformat={subformat}");
                let path = file.to_str().unwrap();
                run("qemu-utils", "qemu-img", &["create", "-q", "-f", "vpc", "-o", &options, path, &size.to_string()]);
                let len = std::fs::metadata(&file).unwrap().len();
                let mut theirs = [0; 512];
                let image = std::fs::File::open(&file).unwrap();
                std::os::unix::fs::FileExt::read_exact_at(&image, &mut theirs, len - 512).unwrap();
                for field in [0..24, 28..56, 60..64] {
                    assert_eq!(ours[field.clone()], theirs[field.clone()], "{subformat} {size} {field:?}");
                }
                let covered = |footer: &[u8]| {
                    u64::from(u16::from_be_bytes([footer[56], footer[57]]))
                        * u64::from(footer[58])
                        * u64::from(footer[59])
                };
                assert!(covered(&ours) <= size / 512, "{size}");
                if covered(&theirs) <= size / 512 {
                    assert_eq!(ours[56..60], theirs[56..60], "{subformat} {size}");
                }
            }
        }
    }
}
