//! How large a disk would be as an uncompressed QCOW2 (version 3, clusters of 64 KiB, 16-bit reference counts): the
//! figure that `qemu-img measure -O qcow2` gives, computed from what QEMU's docs/interop/qcow2.rst says there must be.

/// Bytes of a cluster.
pub const CLUSTER: u64 = 64 << 10;
/// Entries of 8 bytes in a cluster: of an L1, an L2 and a refcount table.
const ENTRIES: u64 = CLUSTER / 8;
/// Reference counts of 16 bits in a cluster.
const COUNTS: u64 = CLUSTER / 2;
/// Bytes of an L1 table that QEMU opens at most: beyond that there is no such image.
const LARGEST_L1: u64 = 32 << 20;

/// Bytes of the file for a disk of `size` bytes of which `clusters` clusters are stored; `None` where the disk is too
/// large for the format. All tables of a full disk are counted, as QEMU does, which at 64 KiB is one part in 8000 too much.
pub fn qcow2_file(size: u64, clusters: u64) -> Option<u64> {
    let full = size.div_ceil(CLUSTER);
    let l2 = full.div_ceil(ENTRIES);
    if l2.checked_mul(8)? > LARGEST_L1 {
        return None;
    }
    let header_and_tables = l2.div_ceil(ENTRIES).checked_add(l2)?.checked_add(1)?;
    let counted = header_and_tables.checked_add(full)?;
    // The blocks count themselves too, so this is a fixed point; it is reached in two or three steps.
    let (mut blocks, mut table) = (0_u64, 0_u64);
    loop {
        let needed = counted.checked_add(blocks)?.checked_add(table)?.div_ceil(COUNTS);
        let next = (needed, needed.div_ceil(ENTRIES));
        if next == (blocks, table) {
            break;
        }
        (blocks, table) = next;
    }
    let metadata = header_and_tables.checked_add(blocks)?.checked_add(table)?;
    metadata.checked_add(clusters.min(full))?.checked_mul(CLUSTER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::testkit::run;

    #[test]
    fn agrees_with_qemu_for_empty_and_full_disks_of_any_size() {
        let number = |text: &str, name: &str| -> u64 {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap();
            line.rsplit(' ').next().unwrap().parse().unwrap()
        };
        for size in [
            0_u64,
            512,
            65536,
            1 << 20,
            (512 << 20) - 512,
            512 << 20,
            (512 << 20) + 512,
            40 << 30,
            (50 << 30) + 12345 * 512,
            127 << 30,
            500 << 30,
            2040 << 30,
            5 << 40,
            64 << 40,
        ] {
            let said = run("qemu-utils", "qemu-img", &["measure", "-O", "qcow2", "--size", &size.to_string()]);
            assert_eq!(qcow2_file(size, 0), Some(number(&said, "required size")), "{size}");
            assert_eq!(qcow2_file(size, u64::MAX), Some(number(&said, "fully allocated size")), "{size}");
        }
        assert_eq!(qcow2_file(1 << 60, 0), None, "no such image");
        assert_eq!(qcow2_file(u64::MAX, u64::MAX), None);
    }
}
