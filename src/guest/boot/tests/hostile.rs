//! Whatever the bytes are, an answer comes, and soon.

use super::*;
use crate::disk::testkit::{Counting, damaged};

#[test]
fn damaged_boot_code_and_system_partitions_give_an_answer() {
    let program = of_package("grub-efi-amd64-bin", "/usr/lib/grub/x86_64-efi/monolithic/grubx64.efi");
    let files = [("/EFI/BOOT/BOOTX64.EFI", program[..8192].to_vec()), ("/EFI/debian/shimx64.efi", vec![0; 600])];
    let whole = disk("dos", &[("type=ef, bootable", fat(&files))]);
    let table = partition::read(&memory(whole.clone())).unwrap();
    let boot = of_package("grub-pc-bin", "/usr/lib/grub/i386-pc/boot.img");
    let core = of_package("grub-pc-bin", "/usr/lib/grub/i386-pc/diskboot.img");
    let mut image = started_by(whole, &boot);
    image[512..1024].copy_from_slice(&core);
    image[512 + 0x1fc] = 3;
    image[1024] = 0xea;
    let places = [0..440, 512..1026, MIB..MIB + 512, MIB + 512..MIB + 0x8000];
    for image in damaged(&image, &places, 400) {
        let bytes = Counting::new(memory(image));
        let dynamic: std::sync::Arc<dyn crate::disk::ReadAt> = bytes.clone();
        let volumes = volume::scan(&dynamic, &table).unwrap_or_default();
        let mut readable = Vec::new();
        for (volume, bytes) in &volumes {
            let Ok(fs) = filesystem::open(&volume.type_id, bytes.clone()) else { continue };
            let look = root::Look {
                holds: crate::inspect::facts::Holds::Boot,
                family: crate::inspect::facts::Family::Unknown,
                top: Vec::new(),
                systems: Vec::new(),
                called: String::new(),
            };
            readable.push(Readable { name: volume.name.clone(), fs, look });
        }
        let volumes: Vec<_> = volumes.into_iter().map(|(volume, _)| volume).collect();
        for windows in [None, Some(Generation::Bootmgr), Some(Generation::Ntldr)] {
            let disk = Disk {
                bytes: &dynamic,
                table: &table,
                volumes: &volumes,
                readable: &readable,
                architecture: None,
                windows,
            };
            let found = read(&disk).expect("no transport fails here");
            assert!(found.ways.len() <= 8 && found.ends.len() <= 8);
        }
        assert!(bytes.requests() < 20_000, "{}", bytes.requests());
    }
}

#[test]
fn only_a_few_sectors_are_read_for_a_bios() {
    let mut disk = disk("dos", &[("type=83, bootable", vec![0; MIB])]);
    disk = started_by(disk, &of_package("grub-pc-bin", "/usr/lib/grub/i386-pc/boot.img"));
    disk[512..1024].copy_from_slice(&of_package("grub-pc-bin", "/usr/lib/grub/i386-pc/diskboot.img"));
    disk[512 + 0x1fc] = 3;
    disk[1024] = 0xea;
    let table = partition::read(&memory(disk.clone())).unwrap();
    let counted = Counting::new(memory(disk));
    let bytes: std::sync::Arc<dyn crate::disk::ReadAt> = counted.clone();
    let found =
        read(&Disk { bytes: &bytes, table: &table, volumes: &[], readable: &[], architecture: None, windows: None });
    assert_eq!(ways(&found.unwrap()), ["BIOS Grub2  0x200"]);
    assert_eq!((counted.requests(), counted.bytes()), (3, 1536));
}
