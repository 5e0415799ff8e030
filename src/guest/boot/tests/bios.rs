//! Boot code of real makers, changed where a test asks for it.

use super::*;

const GRUB: &str = "/usr/lib/grub/i386-pc";

fn boot_img() -> Vec<u8> {
    of_package("grub-pc-bin", &format!("{GRUB}/boot.img"))
}

/// GRUB's core as grub-mkimage makes it, set up to be loaded from a sector as grub-bios-setup does.
fn core(sector: u64) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("core");
    run(
        "grub-common",
        "grub-mkimage",
        &["-O", "i386-pc", "-p", "/boot/grub", "-o", file.to_str().unwrap(), "biosdisk", "part_msdos", "ext2"],
    );
    let mut core = std::fs::read(file).unwrap();
    core[0x1f4..0x1fc].copy_from_slice(&(sector + 1).to_le_bytes());
    core
}

fn grub(disk: &mut Vec<u8>, sector: u64) {
    let mut boot = boot_img();
    boot[0x5c..0x64].copy_from_slice(&sector.to_le_bytes());
    *disk = started_by(std::mem::take(disk), &boot);
    let (core, at) = (core(sector), sector as usize * 512);
    disk[at..at + core.len()].copy_from_slice(&core);
}

fn with_grub() -> Vec<u8> {
    let mut disk = disk("dos", &[("type=83, bootable", vec![0; MIB])]);
    grub(&mut disk, 1);
    disk
}

#[test]
fn grub_is_followed_to_its_core() {
    assert_eq!(ways(&look(with_grub())), ["BIOS Grub2  0x200"]);
    let mut gpt = disk("gpt", &[("type=21686148-6449-6E6F-744E-656564454649", vec![0; MIB]), ("", vec![0; MIB])]);
    grub(&mut gpt, 2048);
    assert_eq!(ways(&look(gpt)), ["BIOS Grub2 p1 0x100000"]);
}

#[test]
fn a_core_that_is_not_there_is_an_end_and_another_thing_there_is_not_known() {
    let change = |at: usize, bytes: &[u8]| {
        let mut disk = with_grub();
        disk[at..at + bytes.len()].copy_from_slice(bytes);
        look(disk)
    };
    let is = |found: BootModes, at: u64| {
        assert_eq!(bios_end(&found), Some(EndKind::NoLoader));
        assert_eq!(found.ends[0].at, Some(at));
    };
    is(change(512, &[0; 512]), 512);
    is(change(1024, &[0; 512]), 1024);
    is(change(0x5c, &u64::MAX.to_le_bytes()), u64::MAX);
    is(change(0x5c, &9_999_999_u64.to_le_bytes()), 9_999_999 * 512);
    is(change(512 + 0x1f4, &9_999_999_u64.to_le_bytes()), 9_999_999 * 512);
    let unknown = |found: BootModes| {
        let why = undecided(&found, BootMode::Bios);
        assert!(why.contains("something else"), "{why}");
    };
    unknown(change(512, &[0x41; 512]));
    unknown(change(512 + 0x1fc, &[0, 0]));
    unknown(change(512 + 0x1fe, &[0x21, 8]));
    // The rest of it in eleven pieces more, none of which follows in memory.
    unknown(change(512, &[1; 500]));
}

#[test]
fn code_that_is_absent_ends_and_code_that_is_not_known_does_not() {
    let empty = || disk("dos", &[("type=83, bootable", vec![0; MIB])]);
    assert_eq!(bios_end(&look(empty())), Some(EndKind::NoCode));
    let strange = look(started_by(empty(), b"\xeb\xfe strange"));
    assert_eq!(bios_end(&strange), None);
    assert!(undecided(&strange, BootMode::Bios).contains("LBA 0"));
    let old = look(started_by(empty(), &[b"\xeb\x48\x90" as &[u8], &[0; 300], b"GRUB "].concat()));
    assert!(undecided(&old, BootMode::Bios).contains("LBA 0"), "GRUB 1.96");
}

#[test]
fn generic_code_is_followed_to_the_active_partition() {
    let codes = [
        of_package("syslinux-common", "/usr/lib/syslinux/mbr/mbr.bin"),
        b"\x33\xc0 Invalid partition table\0Error loading operating system\0Missing operating system\0".to_vec(),
        parted(),
    ];
    for code in codes {
        let at = |said: &str, sector: &[u8]| {
            let mut bytes = sector.to_vec();
            bytes.resize(MIB, 0);
            look(started_by(disk("dos", &[("type=83", vec![0; MIB]), (said, bytes)]), &code))
        };
        assert_eq!(bios_end(&at("type=83", &[])), Some(EndKind::NoActive));
        assert_eq!(bios_end(&at("type=83, bootable", &[])), Some(EndKind::NoBootSector));
        let unbootable = fat(&[]);
        assert_eq!(bios_end(&at("type=c, bootable", &unbootable[..512])), Some(EndKind::NotBootable));
        let mut strange = vec![0x90; 512];
        strange[510..].copy_from_slice(&[0x55, 0xaa]);
        assert!(undecided(&at("type=83, bootable", &strange), BootMode::Bios).contains("p2"));
        // GRUB in the boot sector, and its core in the gap.
        let mut disk = disk("dos", &[("type=83, bootable", boot_img())]);
        disk[512..512 + core(1).len()].copy_from_slice(&core(1));
        assert_eq!(ways(&look(started_by(disk.clone(), &code))), ["BIOS Grub2  0x200"]);
        // The same under code that is not known: what it starts is no less there.
        assert_eq!(ways(&look(started_by(disk, b"\xeb\xfe strange"))), ["BIOS Grub2  0x200"]);
    }
}

/// What parted writes for a new table.
fn parted() -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("disk");
    std::fs::File::create(&file).unwrap().set_len(4 * MIB as u64).unwrap();
    run("parted", "parted", &["-s", file.to_str().unwrap(), "mklabel", "msdos"]);
    std::fs::read(file).unwrap()[..440].to_vec()
}

#[test]
fn two_active_partitions_are_not_decided() {
    let two = disk("dos", &[("type=83, bootable", vec![0; MIB]), ("type=83", vec![0; MIB])]);
    let mut two = started_by(two, &parted());
    two[446 + 16] = 0x80;
    assert!(undecided(&look(two), BootMode::Bios).contains("more than one"));
}

#[test]
fn syslinux_is_followed_to_ldlinux() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("fat");
    std::fs::write(&file, fat(&[])).unwrap();
    run("syslinux", "syslinux", &["--install", file.to_str().unwrap()]);
    let volume = std::fs::read(file).unwrap();
    let [mbr, gpt, alt] = ["mbr", "gptmbr", "altmbr"]
        .map(|name| of_package("syslinux-common", &format!("/usr/lib/syslinux/mbr/{name}.bin")));
    let of_dos = |code: &[u8], said: &str| look(started_by(disk("dos", &[(said, volume.clone())]), code));
    let found = of_dos(&mbr, "type=c, bootable");
    assert!(ways(&found)[0].starts_with("BIOS Syslinux p1 0x1"), "{found:?}");
    let mut numbered = alt.clone();
    numbered.resize(440, 0);
    numbered[439] = 1;
    assert_eq!(ways(&of_dos(&numbered, "type=c")), ways(&found));
    numbered[439] = 2;
    assert!(undecided(&of_dos(&numbered, "type=c"), BootMode::Bios).contains("LBA 0"));

    let of_gpt = |said: &str| look(started_by(disk("gpt", &[(said, volume.clone())]), &gpt));
    assert_eq!(ways(&of_gpt("attrs=LegacyBIOSBootable")), ways(&found));
    assert_eq!(bios_end(&of_gpt("")), Some(EndKind::NoActive));
    let mismatched = look(started_by(disk("gpt", &[("attrs=LegacyBIOSBootable", volume.clone())]), &mbr));
    assert_eq!(bios_end(&mismatched), Some(EndKind::NoActive), "that code reads no GPT");

    // The file was written anew, or is gone: the boot sector still names the old place.
    let at = found.ways[0].at.unwrap() as usize;
    let mut moved = started_by(disk("dos", &[("type=c, bootable", volume.clone())]), &mbr);
    moved[at..at + 512].fill(0);
    assert_eq!(bios_end(&look(moved)), Some(EndKind::NoLoader));
}

/// Stage 1 and the first sectors of stage 1.5 as GRUB 0.97 has them, set up as its `setup` does.
#[test]
fn grub_legacy_is_followed_to_its_second_stage() {
    let legacy = |stage: u32, address: u16| {
        let mut code = vec![0xeb, 0x48, 0x90];
        code.resize(440, 0);
        code[0x3e..0x40].copy_from_slice(&[3, 2]);
        code[0x42..0x44].copy_from_slice(&address.to_le_bytes());
        code[0x44..0x48].copy_from_slice(&stage.to_le_bytes());
        code[0x180..0x185].copy_from_slice(b"GRUB ");
        let mut disk = started_by(disk("dos", &[("type=83, bootable", vec![0; MIB])]), &code);
        let at = stage as usize * 512;
        disk[at] = 0x52;
        disk[at + 0x1f8..at + 0x1fc].copy_from_slice(&(stage + 1).to_le_bytes());
        disk[at + 0x1fc..at + 0x1fe].copy_from_slice(&17_u16.to_le_bytes());
        disk[at + 0x1fe..at + 0x200].copy_from_slice(&((address + 512) >> 4).to_le_bytes());
        disk[at + 512] = 0xea;
        disk
    };
    assert_eq!(ways(&look(legacy(1, 0x2000))), ["BIOS GrubLegacy  0x200"]);
    assert_eq!(ways(&look(legacy(2100, 0x8000))), ["BIOS GrubLegacy p1 0x106800"]);
    let mut gone = legacy(1, 0x2000);
    gone[512..2048].fill(0);
    assert_eq!(bios_end(&look(gone)), Some(EndKind::NoLoader));
}

#[test]
fn freebsd_starts_from_its_boot_partition_or_its_active_slice() {
    let mut pmbr = vec![0xfc; 100];
    pmbr.extend(
        b"Boot loader too large\0Invalid partition table\0I/O error loading boot loader\0Missing boot loader\0",
    );
    let boot = |bytes: Vec<u8>| ("type=83bd6b9d-7f41-11dc-be0b-001560b84f0f", bytes);
    let of_gpt = |parts: &[(&str, Vec<u8>)]| look(started_by(disk("gpt", parts), &pmbr));
    assert_eq!(ways(&of_gpt(&[boot(vec![0xeb; 1024])])), ["BIOS Freebsd p1 0x100000"]);
    assert_eq!(bios_end(&of_gpt(&[boot(vec![0; 1024])])), Some(EndKind::NoBootSector));
    assert_eq!(bios_end(&of_gpt(&[("", vec![0; 1024])])), Some(EndKind::NoActive));
    let of_dos = |said: &str, byte| {
        ways(&look(started_by(disk("dos", &[(said, vec![byte; 1024])]), b"\xfc\x31\xc0 boot0 F1 F2")))
    };
    assert_eq!(of_dos("type=a5, bootable", 0xeb), ["BIOS Freebsd p1 0x100000"]);
    assert!(of_dos("type=a5, bootable", 0).is_empty());
    assert!(of_dos("type=a5", 0xeb).is_empty());
}

#[test]
fn a_bios_reads_no_sectors_of_4096_bytes() {
    let bytes = memory(with_grub());
    let mut table = partition::read(&bytes).unwrap();
    table.sector_bytes = 4096;
    let disk = Disk { bytes: &bytes, table: &table, volumes: &[], readable: &[], architecture: None, windows: None };
    assert!(undecided(&read(&disk).unwrap(), BootMode::Bios).contains("4096"));
}

/// Sectors that only a Windows could have written.
#[test]
fn real_boot_sectors_are_known() {
    use super::super::code::Code;
    use crate::disk::testkit::sample;
    if let Some(grub) = sample("containers/qemu-grub_mbr.raw.bz2") {
        assert_eq!(Code::of_disk(&grub), Code::Grub2 { core: 1 });
    }
    for name in ["ntfs/win10-ntfs-ptrn.raw.gz", "ntfs/win10-compressed-volume-ntfs-ramslack.raw.gz"] {
        let Some(disk) = head(name, 130 * 512) else { continue };
        assert_eq!(Code::of_disk(&disk[..512]), Code::Active, "{name}");
        assert_eq!(Code::of_partition(&disk[128 * 512..]), Code::Windows("BOOTMGR"), "{name}");
    }
    if let Some(volume) = sample("ntfs/dfvfs-ntfs.raw.zst") {
        assert_eq!(Code::of_partition(&volume[..1024]), Code::NotBootable, "mkntfs");
    }
}

/// The first bytes of a sample that is too large to be held whole.
fn head(name: &str, len: usize) -> Option<Vec<u8>> {
    use crate::disk::testkit::collection;
    use std::io::Read;
    let file = std::fs::File::open(collection()?.join(name)).unwrap();
    let mut bytes = vec![0; len];
    flate2::read::GzDecoder::new(file).read_exact(&mut bytes).unwrap();
    Some(bytes)
}
