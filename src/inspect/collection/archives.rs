//! Archives of many filesystems: those of util-linux' tests, with what `blkid` says, and those of e2fsprogs'.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::trees;
use crate::disk::filesystem::{open, recognise};
use crate::disk::testkit::{blkid, memory, unarchived, unpacked};
use crate::inspect::facts::VolumeClass;

/// Kinds whose label and identifier lie farther in, and no rule asks for them.
const NAMED_ONLY: &[&str] = &["BitLocker", "udf", "gfs2", "cramfs", "romfs"];

/// Each sample is what `blkid` says, with its label and identifier, or not recognised at all.
pub(super) fn superblocks(sample: &Path) -> String {
    let dir = unarchived(sample);
    let (mut recognised, mut others) = (0, Vec::new());
    for answer in fs::read_dir(dir.path().join("expected")).unwrap() {
        let answer = answer.unwrap().path();
        let name = answer.file_name().unwrap().to_str().unwrap().trim_start_matches("low-probe-").to_owned();
        let image = dir.path().join(format!("{name}.img.xz"));
        let said = fs::read_to_string(&answer).unwrap();
        let value = |tag: &str| {
            let line = said.lines().find_map(|line| line.strip_prefix(&format!("ID_FS_{tag}=")));
            line.unwrap_or_default().to_owned()
        };
        let content = recognise(memory(unpacked(&image)).as_ref()).unwrap();
        let kind = value("TYPE");
        if matches!(content.class, VolumeClass::Unrecognised | VolumeClass::Empty) {
            assert!(content.type_id.is_empty(), "{name}: {}", content.type_id);
            others.push(kind);
            continue;
        }
        assert_eq!(content.type_id, kind, "{name}");
        recognised += 1;
        // Two ISO samples have a Joliet name that differs from the volume's own.
        let joliet = name.contains("joliet-label") || name.contains("unicode");
        if !NAMED_ONLY.contains(&kind.as_str()) && !joliet {
            // The exFAT sample has its label in a later cluster of the root directory, which is not followed.
            if kind != "exfat" {
                // udev's spelling of a label has no spaces.
                assert_eq!(content.label.replace(' ', "_"), value("LABEL"), "{name}");
            }
            assert_eq!(content.uuid, value("UUID"), "{name}");
        }
    }
    others.sort();
    format!("{recognised} as blkid names them; not recognised: {}", others.join(" "))
}

/// Each image is what `blkid` says; reading all of it ends; and those that e2fsck calls clean have no fault.
pub(super) fn e2fsprogs(sample: &Path) -> String {
    let dir = unarchived(sample);
    let expected = fs::read_to_string(dir.path().join("EXPECTED.tsv")).unwrap();
    let (mut images, mut refused, mut clean) = (0, 0, 0);
    let file = dir.path().join("image");
    for line in expected.lines() {
        let fields: Vec<_> = line.split('\t').collect();
        let case = fields[0];
        let packed = dir.path().join(case).join("image.gz");
        if !packed.is_file() {
            continue;
        }
        let bytes = unpacked(&packed);
        fs::write(&file, &bytes).unwrap();
        let disk = memory(bytes);
        let content = recognise(disk.as_ref()).unwrap();
        let told = ["TYPE", "LABEL", "UUID"].map(|tag| blkid(&file, tag));
        assert_eq!(
            [content.type_id.as_str(), &content.label, &content.uuid],
            told.each_ref().map(String::as_str),
            "{case}"
        );
        images += 1;
        match open(&content.type_id, Arc::clone(&disk)).map(|fs| trees::ours(fs.as_ref())) {
            Ok(tree) if fields[2] == "0" => {
                let faults: Vec<_> = tree.iter().filter(|(_, what)| what.starts_with("ext4: ")).collect();
                assert!(faults.is_empty(), "{case}: {faults:?}");
                clean += 1;
            }
            Ok(_) => {}
            // A journal that the kernel refuses is no fault to e2fsck -n, which does not replay it.
            Err(error) => {
                assert!(fields[2] != "0" || case.starts_with("j_"), "{case}: {error}");
                refused += 1;
            }
        }
    }
    format!("{images} images as blkid names them, {clean} clean ones without a fault, {refused} refused")
}
