//! FS-01, FS-02, FS-03.

use std::process::Command;

use crate::inspect::Facts;
use crate::inspect::facts::{ExtFeatures, Fact, Family, Role, TroubleKind, Volume, VolumeClass};
use crate::profiles;
use crate::report::Outcome::{self, Advice, Fail, NotApplicable, Pass, Unknown, Waived, Warn};
use crate::rules::Request;
use crate::rules::fixture::{
    A2018_06, A2020, ALIBABA, ext4, fstab, guest, linux, mount, outcome, partition, release, result, table, trouble,
    volume,
};

fn root_is(type_id: &'static str) -> impl Fn(&mut Facts, &mut Request) {
    move |f, _| {
        f.volumes[0].type_id = type_id.into();
        f.volumes[0].ext = None;
    }
}

fn features(compat: u32, incompat: u32, ro_compat: u32) -> impl Fn(&mut Facts, &mut Request) {
    move |f, _| f.volumes[0].ext = Some(ExtFeatures { compat, incompat, ro_compat })
}

#[test]
fn the_root_is_of_a_supported_kind() {
    for profile in ALIBABA {
        for (name, wanted) in [
            ("xfs", Pass),
            ("ext3", Pass),
            ("ext4", Pass),
            ("ext2", Warn),
            ("btrfs", Fail),
            ("reiserfs", Fail),
            ("f2fs", Fail),
        ] {
            let rule = result(profile, "FS-01", root_is(name));
            assert_eq!(rule.result, wanted, "{name}");
            assert_eq!(rule.code, if wanted == Pass { "Passed" } else { "FileSystemNotSupported" });
        }
        assert_eq!(outcome(profile, "FS-01", root_is("")), Unknown, "not recognised is not refused");
    }
}

/// As libblkid tells them apart: by features, whatever a name says.
#[test]
fn ext_generations_are_told_by_their_features() {
    assert_eq!(outcome(A2020, "FS-01", features(0x4, 0x2, 0x3)), Pass, "ext3");
    assert_eq!(outcome(A2020, "FS-01", features(0x0, 0x2, 0x3)), Warn, "ext2");
    assert_eq!(outcome(A2020, "FS-01", features(0x0, 0x42, 0x3)), Pass, "ext4 without a journal");
    assert_eq!(outcome(A2020, "FS-02", features(0x4, 0x2, 0x3)), NotApplicable, "no ext4");
}

/// C-11.
#[test]
fn btrfs_on_suse_names_both_lines_and_can_be_waived() {
    let suse = |f: &mut Facts, request: &mut Request| {
        root_is("btrfs")(f, request);
        guest(f).release = Some(Fact::Known(release("sles", "12.5", &[])));
    };
    let rule = result(A2020, "FS-01", suse);
    assert!(rule.message.contains("S0 L97") && rule.message.contains("S0 L82"), "{}", rule.message);
    let waived = outcome(A2020, "FS-01", |f, request| {
        suse(f, request);
        let rule = "FileSystemAccepted".into();
        request.waivers.push(crate::api::Waiver { rule, justification: "tested".into(), expiration_time: None });
    });
    assert_eq!(waived, Waived);
}

/// C-10.
#[test]
fn freebsd_is_judged_by_its_own_filesystems() {
    let freebsd = |name: &'static str| {
        move |f: &mut Facts, r: &mut Request| {
            root_is(name)(f, r);
            guest(f).family = Family::FreeBSD;
        }
    };
    assert_eq!(outcome(A2020, "FS-01", freebsd("ufs")), Advice);
    assert_eq!(outcome(A2020, "FS-01", freebsd("zfs")), Warn);
}

#[test]
fn what_fstab_mounts_is_judged_and_nothing_else() {
    let with = |type_id: &'static str, class, target: &'static str, option: Option<&'static str>, role| {
        move |f: &mut Facts, _: &mut Request| {
            table(f).partitions.push(partition(2, role));
            f.volumes.push(volume(2, type_id, class));
            let mut line = mount("UUID=x", target, "auto", Some("p2"));
            line.options = option.into_iter().map(str::to_owned).collect();
            fstab(f).entries.push(line);
        }
    };
    let plain = Role::Plain;
    assert_eq!(outcome(A2020, "FS-01", with("btrfs", VolumeClass::Filesystem, "/srv", None, plain)), Fail);
    assert_eq!(outcome(A2020, "FS-01", with("btrfs", VolumeClass::Filesystem, "/srv", Some("noauto"), plain)), Pass);
    assert_eq!(outcome(A2020, "FS-01", with("vfat", VolumeClass::Filesystem, "/boot/efi", None, Role::Esp)), Pass);
    assert_eq!(outcome(A2020, "FS-01", with("crypto_LUKS", VolumeClass::Encrypted, "/srv", None, plain)), Unknown);
    assert_eq!(outcome(A2020, "FS-01", |f, _| f.volumes.push(volume(2, "btrfs", VolumeClass::Filesystem))), Pass);
    let unread = |f: &mut Facts, _: &mut Request| {
        linux(f).fstab = Some(trouble(TroubleKind::Limit));
        f.volumes.push(volume(2, "btrfs", VolumeClass::Filesystem));
    };
    assert_eq!(outcome(A2020, "FS-01", unread), Unknown, "it may be mounted");
}

#[test]
fn sixty_four_bit_fails_in_2020_12_alone_and_can_be_waived() {
    let rule = result(A2020, "FS-02", features(0x3c, 0x2c2, 0x46b));
    assert_eq!((rule.result, rule.code.as_str()), (Fail, "Ext4Feature64bit"));
    assert!(rule.message.contains("resized") && rule.remedy.contains("resize2fs -s"));
    assert!(rule.evidence[0].what.contains("64bit"), "{}", rule.evidence[0].what);
    assert_eq!(outcome(A2020, "FS-02", |_, _| {}), Pass);
    let mounted_elsewhere = |f: &mut Facts, _: &mut Request| {
        f.volumes.push(ext4(2, ExtFeatures { compat: 4, incompat: 0xc2, ro_compat: 3 }));
        fstab(f).entries.push(mount("UUID=x", "/data", "ext4", Some("p2")));
    };
    assert_eq!(outcome(A2020, "FS-02", mounted_elsewhere), Fail);
    let waived = outcome(A2020, "FS-02", |f, request| {
        features(0x3c, 0x2c2, 0x46b)(f, request);
        let rule = "Ext4Without64Bit".into();
        request.waivers.push(crate::api::Waiver { rule, justification: "never resized".into(), expiration_time: None });
    });
    assert_eq!(waived, Waived);
    for profile in [crate::rules::fixture::A2018_12, A2018_06, crate::rules::fixture::TENCENT] {
        let spec = profiles::get(profile).unwrap().spec;
        assert!(!spec.rules.iter().any(|r| r.name.starts_with("Ext4")), "{profile}");
    }
}

#[test]
fn project_and_quota_fail_only_together() {
    assert_eq!(outcome(A2020, "FS-03", features(0x3c, 0x242, 0x2100)), Fail);
    assert_eq!(outcome(A2020, "FS-03", features(0x3c, 0x242, 0x2000)), Pass);
    assert_eq!(outcome(A2020, "FS-03", features(0x3c, 0x242, 0x100)), Pass);
    assert_eq!(result(A2020, "FS-03", features(0x3c, 0x242, 0x2100)).code, "Ext4ProjectAndQuota");
    assert_eq!(outcome(A2020, "FS-03", root_is("xfs")), NotApplicable);
}

/// The oracle is e2fsprogs: the feature words it writes and the words it prints.
#[test]
fn features_read_as_tune2fs_prints_them() {
    let dir = tempfile::tempdir().unwrap();
    for (name, options) in [
        ("plain", "none,has_journal,extent,64bit,flex_bg,metadata_csum,large_dir,inline_data"),
        (
            "quota",
            "none,has_journal,ext_attr,dir_index,filetype,extent,project,quota,extra_isize,huge_file,dir_nlink,sparse_super,large_file",
        ),
        ("others", "none,sparse_super2,bigalloc,extent,meta_bg,mmp,ea_inode,filetype,uninit_bg"),
    ] {
        let path = dir.path().join(name);
        std::fs::File::create(&path).unwrap().set_len(64 << 20).unwrap();
        let made = Command::new("mke2fs").args(["-q", "-F", "-t", "ext4", "-O", options]).arg(&path).output();
        let made = made.expect("mke2fs of Debian package e2fsprogs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let printed =
            Command::new("tune2fs").arg("-l").arg(&path).output().expect("tune2fs of Debian package e2fsprogs");
        let printed = String::from_utf8(printed.stdout).unwrap();
        let printed = printed.lines().find_map(|l| l.strip_prefix("Filesystem features:")).unwrap().trim().to_owned();
        let bytes = std::fs::read(&path).unwrap();
        let word = |at: usize| u32::from_le_bytes(bytes[1024 + at..1028 + at].try_into().unwrap());
        let features = ExtFeatures { compat: word(0x5c), incompat: word(0x60), ro_compat: word(0x64) };
        assert_eq!(crate::rules::fs_02_ext4_without_64bit::names(&features), printed);
    }
}

#[test]
fn another_filesystem_than_the_mounted_ones_is_no_matter() {
    let other = Volume {
        ext: Some(ExtFeatures { compat: 4, incompat: 0xc2, ro_compat: 3 }),
        ..volume(2, "ext4", VolumeClass::Filesystem)
    };
    assert_eq!(outcome(A2020, "FS-02", |f, _| f.volumes.push(other)), Outcome::Pass);
}
