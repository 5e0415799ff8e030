//! Volumes of every type, groups that are torn, doubled or old.

use super::written::{HIDDEN, SEEN, area, labelled, linear, physical, segment, text};
use super::{MIB, of, pattern, shown, volumes};
use crate::disk::ReadAt;
use crate::disk::testkit::{self, run};
use crate::inspect::facts::{TroubleKind, VolumeClass};
use std::sync::Arc;

pub const A: &str = "aaaaaa-0000-0000-0000-0000-0000-000000";
pub const B: &str = "bbbbbb-0000-0000-0000-0000-0000-000000";

/// A physical volume of 32 MiB with a pattern in its extents.
pub fn one(id: &str, text: &str) -> Vec<u8> {
    let mut bytes = vec![0; 32 * MIB];
    let content = pattern(u64::from(id.as_bytes()[0]), 31 * MIB);
    bytes[MIB..].copy_from_slice(&content);
    physical(&mut bytes, id, text, 512);
    bytes
}

/// A disk with these as its partitions.
fn disk(parts: &[&[u8]]) -> Arc<dyn ReadAt> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("disk");
    let lines: Vec<_> = parts.iter().map(|part| format!("size={},type=8e\\n", part.len() / 512)).collect();
    let script = format!(
        "PATH=$PATH:/usr/sbin; truncate -s {} {path}; printf 'label: dos\\n{}' | sfdisk -q {path}",
        parts.iter().map(|part| part.len()).sum::<usize>() + 2 * MIB,
        lines.concat(),
        path = file.display()
    );
    run("fdisk", "sh", &["-ec", &script]);
    let mut bytes = std::fs::read(&file).unwrap();
    let mut at = MIB;
    for part in parts {
        bytes[at..at + part.len()].copy_from_slice(part);
        at += part.len();
    }
    testkit::memory(bytes)
}

/// The superblock of an image of a raid1 volume.
fn state(position: u32, events: u64, failed: u64, recovered: u64) -> Vec<u8> {
    let mut block = b"DmRd\0\0\0\0\x02\0\0\0".to_vec();
    block.extend(position.to_le_bytes());
    for number in [events, failed, recovered, u64::MAX] {
        block.extend(number.to_le_bytes());
    }
    block
}

fn raid1() -> String {
    let rest =
        "device_count = 2\nregion_size = 4096\nraids = [\"r_rmeta_0\", \"r_rimage_0\", \"r_rmeta_1\", \"r_rimage_1\"]";
    text(
        "vg",
        3,
        &[A],
        &[
            ("r", SEEN, &[segment(0, 4, "raid1", rest)]),
            ("r_rmeta_0", HIDDEN, &[linear(0, 1, "pv0", 0)]),
            ("r_rmeta_1", HIDDEN, &[linear(0, 1, "pv0", 1)]),
            ("r_rimage_0", HIDDEN, &[linear(0, 4, "pv0", 4)]),
            ("r_rimage_1", HIDDEN, &[linear(0, 2, "pv0", 12), linear(2, 2, "pv0", 20)]),
        ],
    )
}

#[test]
fn a_raid1_volume_is_read_by_an_image_that_is_up_to_date() {
    let good = one(A, &raid1());
    let image = |bytes: &[u8], number: usize| match number {
        0 => bytes[5 * MIB..9 * MIB].to_vec(),
        _ => [&bytes[13 * MIB..15 * MIB], &bytes[21 * MIB..23 * MIB]].concat(),
    };
    for (first, second, expected) in [
        (vec![], vec![], Some(0)),
        (state(0, 7, 0, u64::MAX), state(1, 7, 0, u64::MAX), Some(0)),
        (state(0, 7, 0, u64::MAX), state(1, 9, 1, u64::MAX), Some(1)),
        (state(0, 9, 2, u64::MAX), state(1, 7, 0, u64::MAX), Some(0)),
        (state(0, 9, 0, 4096), state(1, 9, 0, u64::MAX), Some(1)),
        (vec![], state(1, 9, 0, u64::MAX), Some(1)),
        (state(0, 9, 0, 4096), state(1, 9, 2, u64::MAX), None),
    ] {
        let mut bytes = good.clone();
        for (at, state) in [(MIB, &first), (2 * MIB, &second)] {
            bytes[at..at + MIB].fill(0);
            bytes[at..at + state.len()].copy_from_slice(state);
        }
        let found = volumes(&testkit::memory(bytes.clone()));
        assert_eq!(found.len(), 2, "hidden volumes are none: {:?}", shown(&found));
        let (volume, content) = of(&found, "vg/r");
        match expected {
            Some(number) => {
                assert!(content.read_vec_at(0, 4 * MIB).unwrap() == image(&bytes, number), "image {number}");
            }
            None => assert_eq!(volume.trouble.as_ref().unwrap().kind, TroubleKind::Unsupported),
        }
    }
}

#[test]
fn mirrors_stacks_and_zeros_are_read() {
    let mirror = "mirror_count = 2\nmirrors = [\"m_mimage_0\", 0, \"m_mimage_1\", 0]\nmirror_log = \"m_mlog\"\nregion_size = 1024";
    let bytes = one(
        A,
        &text(
            "vg",
            3,
            &[A],
            &[
                ("m", SEEN, &[segment(0, 3, "mirror", mirror)]),
                ("m_mimage_0", HIDDEN, &[linear(0, 3, "pv0", 3)]),
                ("m_mimage_1", HIDDEN, &[linear(0, 3, "pv0", 9)]),
                ("z", SEEN, &[segment(0, 1, "zero", ""), linear(1, 1, "pv0", 2)]),
            ],
        ),
    );
    let found = volumes(&testkit::memory(bytes.clone()));
    assert!(of(&found, "vg/m").1.read_vec_at(0, 3 * MIB).unwrap() == bytes[4 * MIB..7 * MIB]);
    let expected = [&vec![0; MIB][..], &bytes[3 * MIB..4 * MIB]].concat();
    assert!(of(&found, "vg/z").1.read_vec_at(0, 2 * MIB).unwrap() == expected);
}

#[test]
fn types_that_are_not_read_are_named_and_an_origin_is_read() {
    let other = |name: &'static str, kind: &str| (name, SEEN, vec![segment(0, 2, kind, "some = \"thing\"")]);
    let kinds = [
        other("cached", "cache"),
        other("fast", "writecache"),
        other("sum", "integrity"),
        other("raid5", "raid5_ls"),
        other("thin", "thin"),
        other("dedup", "vdo"),
        other("broken", "error"),
        other("pool", "thin-pool"),
        other("vpool", "vdo-pool"),
    ];
    let mut logical: Vec<(&str, &str, Vec<String>)> = kinds.to_vec();
    let snapshot = |cow: &str| format!("chunk_size = 8\norigin = \"root\"\ncow_store = \"{cow}\"");
    logical.push(("root", SEEN, vec![linear(0, 2, "pv0", 0)]));
    logical.push(("snap", SEEN, vec![linear(0, 1, "pv0", 4)]));
    logical.push(("snapshot0", HIDDEN, vec![segment(0, 1, "snapshot", &snapshot("snap"))]));
    logical.push(("back", SEEN, vec![linear(0, 2, "pv0", 5)]));
    logical.push(("backcow", SEEN, vec![linear(0, 1, "pv0", 8)]));
    let merging = "chunk_size = 8\norigin = \"back\"\nmerging_store = \"backcow\"";
    logical.push(("snapshot1", HIDDEN, vec![segment(0, 1, "snapshot", merging)]));
    let borrowed: Vec<_> = logical.iter().map(|(name, status, segments)| (*name, *status, &segments[..])).collect();
    let bytes = one(A, &text("vg", 3, &[A], &borrowed));
    let found = volumes(&testkit::memory(bytes.clone()));
    assert!(of(&found, "vg/root").1.read_vec_at(0, 2 * MIB).unwrap() == bytes[MIB..3 * MIB]);
    let refused: Vec<_> = found
        .iter()
        .filter_map(|(volume, _)| {
            let trouble = volume.trouble.as_ref()?;
            assert_eq!(
                (trouble.kind, volume.class),
                (TroubleKind::Unsupported, VolumeClass::Member),
                "{}",
                volume.name
            );
            let kind = trouble.what.strip_prefix("a logical volume of type ")?;
            Some((volume.name.as_str(), kind.strip_suffix(" is not read by this version")?))
        })
        .collect();
    assert_eq!(
        refused,
        [
            ("vg/back", "snapshot that is being merged"),
            ("vg/backcow", "snapshot"),
            ("vg/broken", "error"),
            ("vg/cached", "cache"),
            ("vg/dedup", "vdo"),
            ("vg/fast", "writecache"),
            ("vg/raid5", "raid5_ls"),
            ("vg/snap", "snapshot"),
            ("vg/sum", "integrity"),
            ("vg/thin", "thin"),
        ]
    );
    assert_eq!(found.len(), 12, "pools are no volumes: {:?}", shown(&found));
}

#[test]
fn the_newest_text_of_a_group_counts_wherever_it_is() {
    let two = |seqno, extent| text("vg", seqno, &[A, B], &[("v", SEEN, &[linear(0, 1, "pv1", extent)])]);
    let (old, new) = (one(A, &two(4, 0)), one(B, &two(5, 3)));
    for parts in [[&old[..], &new], [&new, &old]] {
        let found = volumes(&disk(&parts));
        assert!(of(&found, "vg/v").1.read_vec_at(0, MIB).unwrap() == new[4 * MIB..5 * MIB]);
        assert_eq!(found[2].0.name, "vg/v", "behind the last of its physical volumes");
    }
    // A physical volume without metadata of its own is known by the other's; alone, it is not read.
    let mut bare = old.clone();
    bare[..MIB].fill(0);
    labelled(&mut bare, 2, A, &[], true);
    let found = volumes(&disk(&[&bare, &new]));
    assert!(found.iter().all(|(volume, _)| volume.trouble.is_none()), "{:?}", shown(&found));
    let found = volumes(&testkit::memory(bare));
    assert_eq!(shown(&found), [("disk", "LVM2_member", "the metadata of its volume group is not on this disk")]);
    // And damage to one copy is made good by the other.
    let mut damaged = old.clone();
    damaged[4096 + 600] ^= 1;
    let found = volumes(&disk(&[&damaged, &new]));
    assert!(found.len() == 3 && found.iter().all(|(volume, _)| volume.trouble.is_none()), "{:?}", shown(&found));
    // Alone, it is damage.
    let found = volumes(&testkit::memory(damaged));
    assert_eq!(shown(&found), [("disk", "LVM2_member", "the checksum of the metadata text is wrong")]);
    assert_eq!(found[0].0.trouble.as_ref().unwrap().kind, TroubleKind::Corrupt);
}

#[test]
fn groups_and_physical_volumes_that_cannot_be_told_apart_are_not_read() {
    let group = |id: &str, name: &str| {
        let text = text(name, 4, &[id], &[("v", SEEN, &[linear(0, 1, "pv0", 0)])]);
        one(id, &text.replace(&format!("id = \"{name}0"), &format!("id = \"{}", &id[..3])))
    };
    let found = volumes(&disk(&[&group(A, "vg"), &group(B, "vg")]));
    let trouble: Vec<_> = shown(&found).into_iter().filter(|(_, _, what)| !what.is_empty()).collect();
    assert_eq!(trouble, [("vg/v", "linear", "several volume groups have this name"); 2]);
    let found = volumes(&disk(&[&group(A, "va"), &group(B, "vb")]));
    assert!(found.iter().all(|(volume, _)| volume.trouble.is_none()), "{:?}", shown(&found));
    let names: Vec<_> = found.iter().map(|(volume, _)| volume.name.as_str()).collect();
    assert_eq!(names, ["p1", "va/v", "p2", "vb/v"]);
    let same = group(A, "va");
    let found = volumes(&disk(&[&same, &same]));
    assert_eq!(shown(&found)[2].2, "several physical volumes have the same identifier");
}

#[test]
fn segments_that_lead_nowhere_are_corrupt() {
    for (segments, why) in [
        (vec![linear(0, 2, "pv0", 30)], "a segment lies past the end of pv0"),
        (vec![linear(0, 1, "pv0", 2_000_000_000)], "a segment lies past the end of pv0"),
        (vec![linear(1, 1, "pv0", 0)], "the segments of v do not follow each other"),
        (vec![linear(0, 2, "pv0", 0), linear(1, 2, "pv0", 4)], "the segments of v do not follow each other"),
        (vec![linear(0, 0, "pv0", 0)], "the segments of v do not follow each other"),
        (vec![linear(0, 1, "nobody", 0)], "there is no volume nobody"),
        (vec![linear(0, 1, "v", 0)], "v is part of itself"),
    ] {
        let found = volumes(&testkit::memory(one(A, &text("vg", 3, &[A], &[("v", SEEN, &segments)]))));
        assert_eq!(shown(&found)[1].2, why);
        assert_eq!(of(&found, "vg/v").0.trouble.as_ref().unwrap().kind, TroubleKind::Corrupt, "{why}");
    }
    // The disk ends before the extents do.
    let bytes = one(A, &text("vg", 3, &[A], &[("v", SEEN, &[linear(0, 20, "pv0", 0)])]));
    let found = volumes(&testkit::memory(bytes[..16 * MIB].to_vec()));
    assert_eq!(shown(&found)[1].2, "a segment lies past the end of pv0");
}

#[test]
fn old_content_and_odd_places_of_the_metadata() {
    let group = text("vg", 3, &[A], &[("v", SEEN, &[linear(0, 1, "pv0", 0)])]);
    let missing = group.replace("status = [\"ALLOCATABLE\"]", "status = [\"ALLOCATABLE\", \"MISSING\"]");
    let found = volumes(&testkit::memory(one(A, &missing)));
    assert!(shown(&found)[1].2.contains("is marked as missing"), "{:?}", shown(&found));
    // The label may be in any of four sectors, and the text wrap around.
    for sector in 0..4 {
        let mut bytes = one(A, &group);
        bytes[..MIB].fill(0);
        labelled(&mut bytes, sector, A, &[(4096, 8192)], true);
        area(&mut bytes, 4096, 8192, &group, 8192 - 300);
        assert_eq!(volumes(&testkit::memory(bytes)).len(), 2, "sector {sector}");
    }
    let mut bytes = one(A, &group);
    bytes[512 + 100] ^= 1;
    assert_eq!(shown(&volumes(&testkit::memory(bytes)))[0].2, "the checksum of the label is wrong");
}
