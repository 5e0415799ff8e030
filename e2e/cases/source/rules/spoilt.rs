//! Disks that are cut short, take too much room, or whose filesystem is not in order.

use std::path::Path;

use super::super::disks::{PLAIN, ROOT, Workshop, run};
use super::{ALIBABA, Row, TENCENT, as_it_is};

pub fn rows() -> Vec<Row> {
    let shop = Workshop::new();
    let good = shop.disk("dos", &[shop.system(PLAIN)]);
    let row = |id, profile, rule, code, says, object, failed| Row {
        id,
        profile,
        object: Some(object),
        rule,
        code,
        says,
        failed,
        change: as_it_is,
    };
    let image = |root: Vec<u8>| shop.convert(&shop.disk("dos", &[root]), "qcow2", None);
    let whole = shop.image();
    vec![
        row(
            "SRC-10",
            TENCENT,
            "UploadComplete",
            "PartitionNotPresent",
            ["Incomplete: the object has", "seen in object at byte 0x", "Upload the image again"],
            whole[..whole.len() / 2].to_vec(),
            &["SRC-10"],
        ),
        row(
            "IMG-04",
            ALIBABA,
            "CompactFormatUsed",
            "PreferCompactFormat",
            ["QCOW2 or VHD would be smaller", "RAW", "qemu-img convert -p -O qcow2"],
            good.clone(),
            &[],
        ),
        row(
            "SIZ-02",
            TENCENT,
            "ActualSizeWithinLimit",
            "InvalidFormatSize",
            ["ActualSize", "the limit is 50 GiB", "virt-sparsify"],
            full(&shop, &good, 60),
            &["SIZ-02"],
        ),
        row(
            "FS-05",
            ALIBABA,
            "FileSystemIntact",
            "FileSystemIntegrity",
            ["errors", "p1", "e2fsck"],
            image(with_errors(&shop)),
            &["FS-05"],
        ),
        row(
            "FS-06",
            ALIBABA,
            "SystemDiskNotFull",
            "SystemDiskFull",
            ["p1 on \"/\": 0 MiB of", "p1", "To mend it: "],
            image(without_room(&shop)),
            &["FS-06"],
        ),
    ]
}

/// The system on a filesystem whose driver noted errors.
fn with_errors(shop: &Workshop) -> Vec<u8> {
    let file = shop.fresh("errors");
    std::fs::write(&file, shop.system(PLAIN)).unwrap();
    // s_state: not cleanly unmounted, errors detected.
    run("e2fsprogs", "debugfs", ["-w", "-R", "ssv state 2"].map(Path::new).into_iter().chain([file.as_path()]), "");
    std::fs::read(file).unwrap()
}

/// The system on a filesystem without a free block.
fn without_room(shop: &Workshop) -> Vec<u8> {
    let root = shop.system(PLAIN);
    // s_free_blocks_count_lo, blocks of 1 KiB.
    let free = u32::from_le_bytes(root[1024 + 0x0c..1024 + 0x10].try_into().unwrap());
    let bytes = 1024 * usize::try_from(free).unwrap();
    shop.write("var/log", "full".repeat(bytes / 4));
    let root = shop.system(PLAIN);
    assert_eq!(root[1024 + 0x0c..1024 + 0x10], [0; 4], "free blocks of {ROOT}");
    shop.remove("var/log");
    root
}

/// The disk as a VMDK of `gib` GiB all of which is stored: what is behind its partitions is one grain over and over, which
/// the tables of the format can say.
fn full(shop: &Workshop, disk: &[u8], gib: u64) -> Vec<u8> {
    let raw = shop.blank("raw", gib << 30);
    let file = std::fs::File::options().write(true).open(&raw).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, disk, 0).unwrap();
    let image = shop.fresh("vmdk");
    let words = ["convert", "-f", "raw", "-O", "vmdk"].map(Path::new);
    run("qemu-utils", "qemu-img", words.into_iter().chain([raw.as_path(), image.as_path()]), "");
    let mut image = std::fs::read(image).unwrap();
    // SparseExtentHeader: capacity, grain size, entries of a grain table, the two grain directories; in sectors.
    let long = |image: &[u8], at: usize| u64::from_le_bytes(image[at..at + 8].try_into().unwrap());
    let word = |image: &[u8], at: usize| u32::from_le_bytes(image[at..at + 4].try_into().unwrap());
    let (capacity, grain, entries) = (long(&image, 12), long(&image, 20), u64::from(word(&image, 44)));
    let tables = usize::try_from(capacity.div_ceil(grain * entries)).unwrap();
    for directory in [long(&image, 48), long(&image, 56)] {
        let directory = usize::try_from(directory).unwrap() * 512;
        let grains = usize::try_from(word(&image, directory)).unwrap() * 512;
        let first = image[grains..grains + 4].to_vec();
        for table in 0..tables {
            let table = usize::try_from(word(&image, directory + table * 4)).unwrap() * 512;
            for entry in (table..table + usize::try_from(entries).unwrap() * 4).step_by(4) {
                if word(&image, entry) == 0 {
                    image[entry..entry + 4].copy_from_slice(&first);
                }
            }
        }
    }
    image
}
