//! LVM2's own tools make the groups, on loop devices, without a device mapper: what they say of segments is where the bytes
//! are expected.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{MIB, of, pattern, shown, volumes};
use crate::disk::testkit::{self, run};
use crate::inspect::facts::VolumeClass;

/// Files that LVM sees as devices; detached at the end.
struct Lab {
    dir: tempfile::TempDir,
    devices: Vec<String>,
}

impl Lab {
    /// `None`, said aloud, where loop devices cannot be had.
    fn new(sizes: &[u64]) -> Option<Self> {
        let mut lab = Self { dir: tempfile::tempdir().unwrap(), devices: Vec::new() };
        for (index, mib) in sizes.iter().enumerate() {
            let file = lab.file(index);
            std::fs::File::create(&file).unwrap().set_len(mib << 20).unwrap();
            let output = Command::new("/usr/sbin/losetup").args(["-f", "--show"]).arg(&file).output();
            let output = output.unwrap_or_else(|e| panic!("losetup: {e}: install the Debian package mount"));
            if !output.status.success() {
                eprintln!("skipped: no loop device: {}", String::from_utf8_lossy(&output.stderr).trim());
                return None;
            }
            lab.devices.push(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        Some(lab)
    }

    fn file(&self, index: usize) -> PathBuf {
        self.dir.path().join(format!("pv{index}"))
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    /// Runs one of LVM's programs on these devices alone.
    fn lvm(&self, program: &str, args: &[&str]) -> String {
        let accepted: Vec<_> = self.devices.iter().map(|device| format!("\"a|^{device}$|\"")).collect();
        let dir = self.dir.path().display();
        let config = format!(
            "devices {{ filter=[{},\"r|.*|\"] use_devicesfile=0 obtain_device_list_from_udev=0 hints=\"none\" \
             external_device_info_source=\"none\" }} \
             global {{ activation=0 locking_dir=\"{dir}/lock\" event_activation=0 use_lvmpolld=0 }} \
             backup {{ backup=0 archive=0 backup_dir=\"{dir}\" archive_dir=\"{dir}\" }} \
             activation {{ monitoring=0 udev_sync=0 udev_rules=0 }}",
            accepted.join(",")
        );
        run("lvm2", program, &[&["--config", &config], args].concat())
    }

    fn devices(&self) -> Vec<&str> {
        self.devices.iter().map(String::as_str).collect()
    }

    /// One disk with all physical volumes as its partitions.
    fn disk(&self) -> std::sync::Arc<dyn crate::disk::ReadAt> {
        let (mut script, mut content) = ("label: gpt\\n".to_owned(), Vec::new());
        let mut at = MIB;
        for index in 0..self.devices.len() {
            let bytes = std::fs::read(self.file(index)).unwrap();
            let (start, size) = (at / 512, bytes.len() / 512);
            write!(script, "start={start},size={size},type=E6D6D379-F507-44C2-A23C-238F2A3DF928\\n").unwrap();
            at += bytes.len();
            content.push(bytes);
        }
        let file = self.path("disk");
        let command =
            format!("PATH=$PATH:/usr/sbin; truncate -s {} {file}; printf '{script}' | sfdisk -q {file}", at + MIB);
        run("fdisk", "sh", &["-ec", &command]);
        let mut bytes = std::fs::read(&file).unwrap();
        let mut at = MIB;
        for part in content {
            bytes[at..at + part.len()].copy_from_slice(&part);
            at += part.len();
        }
        testkit::memory(bytes)
    }

    /// Fills the extents of every physical volume with what tells them apart.
    fn fill(&self) {
        use std::os::unix::fs::FileExt;
        for index in 0..self.devices.len() {
            let file = std::fs::OpenOptions::new().write(true).open(self.file(index)).unwrap();
            let len = file.metadata().unwrap().len() as usize - 2 * MIB;
            file.write_all_at(&pattern(index as u64 + 7, len), MIB as u64).unwrap();
        }
    }

    /// What a volume holds by what `lvs` says of its segments: physical extents, taken in stripes.
    fn expected(&self, volume: &str) -> Vec<u8> {
        let columns = "seg_start,seg_size,stripes,stripe_size,seg_pe_ranges";
        let args =
            ["--noheadings", "--separator", "|", "--units", "b", "--nosuffix", "--segments", "-o", columns, volume];
        let said = self.lvm("lvs", &args);
        let extent = 4 * MIB;
        let mut content = Vec::new();
        let mut rows: Vec<Vec<&str>> = said.lines().map(|line| line.trim().split('|').collect()).collect();
        rows.sort_by_key(|row| row[0].parse::<u64>().unwrap());
        for row in rows {
            let size: usize = row[1].parse().unwrap();
            let columns: Vec<Vec<u8>> = row[4]
                .split_whitespace()
                .map(|range| {
                    let (device, extents) = range.rsplit_once(':').unwrap();
                    let (first, last) = extents.split_once('-').unwrap();
                    let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
                    let index = self.devices.iter().position(|known| known == device).unwrap();
                    let bytes = std::fs::read(self.file(index)).unwrap();
                    bytes[MIB + first * extent..MIB + (last + 1) * extent].to_vec()
                })
                .collect();
            let stripe = if columns.len() == 1 { size } else { row[3].parse().unwrap() };
            let start = content.len();
            for at in (0..size / columns.len()).step_by(stripe) {
                for column in &columns {
                    content.extend(&column[at..at + stripe]);
                }
            }
            assert_eq!(content.len() - start, size, "{row:?}");
        }
        content
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for device in &self.devices {
            let _ = Command::new("/usr/sbin/losetup").args(["-d", device]).status();
        }
    }
}

fn create(lab: &Lab, args: &[&str]) {
    lab.lvm("lvcreate", &[&["-q", "-an", "-Zn", "-Wn"], args].concat());
}

fn content(found: &[super::Found], name: &str) -> Vec<u8> {
    let (volume, bytes) = of(found, name);
    assert_eq!(bytes.len(), volume.size_bytes, "{name}");
    bytes.read_vec_at(0, bytes.len() as usize).unwrap()
}

#[test]
fn linear_and_striped_volumes_of_several_physical_ones_hold_what_lvs_says() {
    let Some(lab) = Lab::new(&[48, 48, 32]) else { return };
    lab.lvm("pvcreate", &[&["-q"][..], &lab.devices()].concat());
    lab.lvm("vgcreate", &[&["-q", "my-vg"][..], &lab.devices()].concat());
    lab.fill();
    create(&lab, &["-n", "root", "-l", "2", "my-vg"]);
    create(&lab, &["-n", "two-stripes", "-i", "2", "-I", "64k", "-l", "4", "my-vg"]);
    create(&lab, &["-n", "three", "-i", "3", "-I", "4k", "-l", "6", "my-vg"]);
    create(&lab, &["-n", "gone", "-l", "2", "my-vg"]);
    // Segments far apart: on what is left of the first, on the second, and where a volume was removed.
    lab.lvm("lvremove", &["-q", "-f", "my-vg/gone"]);
    lab.lvm("lvextend", &["-q", "-l", "+7", "my-vg/root"]);
    let names = ["root", "three", "two-stripes"];
    let expected: Vec<_> = names.iter().map(|name| lab.expected(&format!("my-vg/{name}"))).collect();
    let found = volumes(&lab.disk());
    let names_found: Vec<_> = found.iter().map(|(volume, _)| volume.name.as_str()).collect();
    assert_eq!(names_found, ["p1", "p2", "p3", "my-vg/root", "my-vg/three", "my-vg/two-stripes"]);
    assert!(found.iter().all(|(volume, _)| volume.trouble.is_none()), "{:?}", shown(&found));
    assert_eq!(found[0].0.class, VolumeClass::Member);
    let mut dice = testkit::Dice(5);
    for (name, expected) in names.iter().zip(expected) {
        let name = format!("my-vg/{name}");
        assert!(content(&found, &name) == expected, "{name}");
        let (_, bytes) = of(&found, &name);
        for _ in 0..200 {
            let at = dice.below(expected.len() as u64) as usize;
            let len = (dice.below(200_000) as usize).min(expected.len() - at);
            assert!(
                bytes.read_vec_at(at as u64, len).unwrap() == expected[at..at + len],
                "{name} at {at}, {len} bytes"
            );
        }
        assert!(bytes.read_vec_at(expected.len() as u64 - 1, 2).is_err(), "{name}: past the end");
    }
}

#[test]
fn a_filesystem_and_swap_in_logical_volumes_are_recognised() {
    let Some(lab) = Lab::new(&[64]) else { return };
    lab.lvm("pvcreate", &["-q", "--metadatacopies", "2", &lab.devices[0]]);
    lab.lvm("vgcreate", &["-q", "vg0", &lab.devices[0]]);
    create(&lab, &["-n", "root", "-l", "5", "vg0"]);
    create(&lab, &["-n", "swap", "-l", "2", "vg0"]);
    let (fs, swap, pv) = (lab.path("fs"), lab.path("swap"), lab.path("pv0"));
    let script = format!(
        "PATH=$PATH:/usr/sbin; mke2fs -q -F -t ext4 -L ROOT {fs} 20m; truncate -s 8M {swap}; mkswap -q -L SWAP {swap}
         dd if={fs} of={pv} bs=1M seek=1 conv=notrunc status=none; dd if={swap} of={pv} bs=1M seek=21 conv=notrunc status=none"
    );
    run("e2fsprogs, util-linux", "sh", &["-ec", &script]);
    // Straight on the disk, and in a partition.
    for disk in [testkit::open(Path::new(&pv)), lab.disk()] {
        let found = volumes(&disk);
        let shown: Vec<_> =
            found.iter().map(|(v, _)| (v.name.as_str(), v.type_id.as_str(), v.label.as_str())).collect();
        assert_eq!(shown[1..], [("vg0/root", "ext4", "ROOT"), ("vg0/swap", "swap", "SWAP")]);
        assert!(found[0].0.trouble.is_none() && found[0].0.class == VolumeClass::Member);
        let open = crate::disk::filesystem::open("ext4", found[1].1.clone()).unwrap();
        assert!(open.lookup(open.root(), "lost+found").is_ok());
    }
    // Of two copies of the metadata either suffices.
    let good = std::fs::read(&pv).unwrap();
    for (at, what) in [(4096 + 4, "the first"), (good.len() - MIB + 4, "the second")] {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        assert_eq!(volumes(&testkit::memory(bytes)).len(), 3, "{what} is damaged");
    }
    let mut bytes = good.clone();
    bytes[4096 + 4] ^= 1;
    bytes[good.len() - MIB + 4] ^= 1;
    let found = volumes(&testkit::memory(bytes));
    assert_eq!(shown(&found), [("disk", "LVM2_member", "the checksum of a metadata area's header is wrong")]);
}

#[test]
fn a_group_without_volumes_a_missing_physical_one_and_a_free_one() {
    let Some(lab) = Lab::new(&[32, 32, 32]) else { return };
    lab.lvm("pvcreate", &[&["-q"][..], &lab.devices()].concat());
    let found = volumes(&lab.disk());
    assert!(found.len() == 3 && found.iter().all(|(volume, _)| volume.trouble.is_none()), "{:?}", shown(&found));
    lab.lvm("vgcreate", &["-q", "vg0", &lab.devices[0], &lab.devices[1]]);
    let found = volumes(&lab.disk());
    assert!(found.len() == 3 && found.iter().all(|(volume, _)| volume.trouble.is_none()), "{:?}", shown(&found));
    create(&lab, &["-n", "here", "-l", "3", "vg0", &lab.devices[0]]);
    create(&lab, &["-n", "there", "-l", "3", "vg0", &lab.devices[1]]);
    let found = volumes(&testkit::open(&lab.file(0)));
    let id = run("util-linux", "blkid", &["-p", "-s", "UUID", "-o", "value", lab.file(1).to_str().unwrap()]);
    let why = format!("the physical volume pv1 ({}) is not on this disk", id.trim());
    assert_eq!(
        shown(&found),
        [("disk", "LVM2_member", ""), ("vg0/here", "", ""), ("vg0/there", "linear", why.as_str())]
    );
    assert_eq!(of(&found, "vg0/there").0.class, VolumeClass::Member);
}

#[test]
fn texts_that_wrap_around_the_end_of_their_area_are_read() {
    let Some(lab) = Lab::new(&[32]) else { return };
    // A small area and a long text: the ring is full after a few changes.
    lab.lvm("pvcreate", &["-q", "--metadatasize", "32k", "--dataalignment", "4k", &lab.devices[0]]);
    lab.lvm("vgcreate", &["-q", "-s", "128k", "vg0", &lab.devices[0]]);
    for letter in ["a", "b", "c", "d", "e", "f"] {
        lab.lvm("vgchange", &["-q", "--addtag", &letter.repeat(1000), "vg0"]);
    }
    let mut wrapped = 0;
    for round in 1..=6 {
        create(&lab, &["-n", &format!("v{round}"), "-l", "1", "vg0"]);
        let bytes = std::fs::read(lab.file(0)).unwrap();
        let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
        wrapped += usize::from(number(4096 + 40) + number(4096 + 48) > number(4096 + 32));
        let found = volumes(&testkit::memory(bytes));
        assert_eq!(found.len(), 1 + round, "{:?}", shown(&found));
    }
    assert!(wrapped > 0, "no text wrapped around");
}

/// Segments of types that lvcreate makes only with a device mapper; LVM takes them from a backup as its own.
const RESTORED: &str = r#"
    SNAP { status = ["READ", "WRITE", "VISIBLE"] segment1 { start_extent = 0 extent_count = 1 type = "striped" stripe_count = 1 stripes = ["pv0", 2] } }
    snapshot0 { status = ["READ", "WRITE"] segment1 { start_extent = 0 extent_count = 2 type = "snapshot" chunk_size = 8 origin = "root" cow_store = "SNAP" } }
    r { status = ["READ", "WRITE", "VISIBLE"] segment1 { start_extent = 0 extent_count = 1 type = "raid1" device_count = 2 region_size = 4096 raids = ["r_rmeta_0", "r_rimage_0", "r_rmeta_1", "r_rimage_1"] } }
    r_rmeta_0 { status = ["READ", "WRITE"] segment1 { start_extent = 0 extent_count = 1 type = "striped" stripe_count = 1 stripes = ["pv0", 3] } }
    r_rimage_0 { status = ["READ", "WRITE"] segment1 { start_extent = 0 extent_count = 1 type = "striped" stripe_count = 1 stripes = ["pv0", 4] } }
    r_rmeta_1 { status = ["READ", "WRITE"] segment1 { start_extent = 0 extent_count = 1 type = "striped" stripe_count = 1 stripes = ["pv0", 5] } }
    r_rimage_1 { status = ["READ", "WRITE"] segment1 { start_extent = 0 extent_count = 1 type = "striped" stripe_count = 1 stripes = ["pv0", 6] } }
    m { status = ["READ", "WRITE", "VISIBLE"] segment1 { start_extent = 0 extent_count = 1 type = "mirror" mirror_count = 2 region_size = 4096 mirrors = ["m_mimage_0", 0, "m_mimage_1", 0] } }
    m_mimage_0 { status = ["READ", "WRITE"] segment1 { start_extent = 0 extent_count = 1 type = "striped" stripe_count = 1 stripes = ["pv0", 7] } }
    m_mimage_1 { status = ["READ", "WRITE"] segment1 { start_extent = 0 extent_count = 1 type = "striped" stripe_count = 1 stripes = ["pv0", 8] } }
    pool { status = ["READ", "WRITE", "VISIBLE"] segment1 { start_extent = 0 extent_count = 1 type = "thin-pool" metadata = "pool_tmeta" pool = "pool_tdata" transaction_id = 1 chunk_size = 128 discards = "passdown" zero_new_blocks = 1 } }
    pool_tmeta { status = ["READ", "WRITE"] segment1 { start_extent = 0 extent_count = 1 type = "striped" stripe_count = 1 stripes = ["pv0", 9] } }
    pool_tdata { status = ["READ", "WRITE"] segment1 { start_extent = 0 extent_count = 1 type = "striped" stripe_count = 1 stripes = ["pv0", 10] } }
    thin { status = ["READ", "WRITE", "VISIBLE"] segment1 { start_extent = 0 extent_count = 3 type = "thin" thin_pool = "pool" transaction_id = 0 device_id = 1 } }
"#;

#[test]
fn the_volumes_that_lvs_shows_are_the_volumes_that_are_found() {
    let Some(lab) = Lab::new(&[64]) else { return };
    lab.lvm("pvcreate", &["-q", &lab.devices[0]]);
    lab.lvm("vgcreate", &["-q", "vg0", &lab.devices[0]]);
    create(&lab, &["-n", "root", "-l", "2", "vg0"]);
    let backup = lab.path("backup");
    lab.lvm("vgcfgbackup", &["-q", "-f", &backup, "vg0"]);
    // Every volume has an identifier of its own, and a count of its segments.
    let mut added = String::new();
    for (index, line) in RESTORED.lines().filter(|line| !line.is_empty()).enumerate() {
        let id = format!(
            "id = \"{index:06}-0000-0000-0000-0000-0000-000000\" segment_count = 1 creation_time = 1 creation_host = \"h\" status"
        );
        writeln!(added, "{}", line.replacen("status", &id, 1)).unwrap();
    }
    let text = std::fs::read_to_string(&backup).unwrap();
    std::fs::write(&backup, text.replacen("logical_volumes {", &format!("logical_volumes {{\n{added}"), 1)).unwrap();
    lab.lvm("vgcfgrestore", &["-q", "--force", "-f", &backup, "vg0"]);
    lab.fill();
    let said = lab.lvm("lvs", &["--noheadings", "-o", "lv_name,segtype,lv_size", "--units", "b", "--nosuffix", "vg0"]);
    let mut said: Vec<Vec<&str>> = said.lines().map(|line| line.split_whitespace().collect()).collect();
    // A pool holds volumes and is none.
    said.retain(|row| row[1] != "thin-pool");
    let disk = testkit::open(&lab.file(0));
    let found = volumes(&disk);
    let sizes: Vec<_> = found[1..].iter().map(|(v, _)| (v.name.trim_start_matches("vg0/"), v.size_bytes)).collect();
    let expected: Vec<_> = said.iter().map(|row| (row[0], row[2].parse().unwrap())).collect();
    assert_eq!(sizes, expected);
    let readable: Vec<_> =
        found[1..].iter().filter(|(v, _)| v.trouble.is_none()).map(|(v, _)| v.name.as_str()).collect();
    assert_eq!(readable, ["vg0/m", "vg0/r", "vg0/root"]);
    for (name, extent) in [("vg0/m", 7), ("vg0/r", 4)] {
        let at = (1 + 4 * extent) * MIB as u64;
        assert!(content(&found, name) == disk.read_vec_at(at, 4 * MIB).unwrap(), "{name}");
    }
}
