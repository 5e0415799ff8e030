//! What ds-identify 22.4 does with each of these (`PATH_ROOT=... ds-identify --force`), in a cloud that none of its checks
//! finds.

use super::*;
use crate::guest::linux::packages;
use crate::guest::testing::MemoryFs;

const CFG: &str = "/etc/cloud/cloud.cfg";
const DROP_IN: &str = "/etc/cloud/cloud.cfg.d/90_dpkg.cfg";
const PROGRAM: &str = "/usr/lib/cloud-init/ds-identify";
const IDENTIFY: &str = "/etc/cloud/ds-identify.cfg";
const LINE: &str = "kernel command line";

/// Debian 12: cloud-init starts where its generator adds its target, and the generator asks ds-identify.
fn debian() -> MemoryFs {
    let dir = "/lib/systemd/system";
    with_program(
        MemoryFs::new()
            .file("/usr/bin/cloud-init", "#!/usr/bin/python3\n")
            .file("/lib/systemd/system-generators/cloud-init-generator", "#!/bin/sh\n")
            .file(&format!("{dir}/multi-user.target"), "[Unit]\n")
            .link(&format!("{dir}/default.target"), "multi-user.target")
            .file(&format!("{dir}/cloud-init.target"), "[Unit]\n")
            .file(&format!("{dir}/cloud-init.service"), "[Unit]\n")
            .link(
                "/etc/systemd/system/cloud-init.target.wants/cloud-init.service",
                "/lib/systemd/system/cloud-init.service",
            ),
        "case \"$key\" in\n ci.ds) _rc_dsname=\"$val\";;\n",
    )
}

fn with_program(fs: MemoryFs, text: &str) -> MemoryFs {
    fs.file(PROGRAM, text).stat_of(PROGRAM, |stat| stat.mode = 0o755)
}

fn found(fs: &MemoryFs, line: &str) -> CloudInit {
    let tree = fs.clone().tree();
    let services = Services::open(&tree, Some(line)).unwrap();
    read(&tree, &services, Some(line), &packages::read(&tree)).unwrap()
}

/// What keeps cloud-init from starting.
fn off(fs: &MemoryFs, line: &str) -> Option<String> {
    let found = found(fs, line);
    assert!(found.enabled_by.is_some());
    found.disabled_by
}

/// The list, and whether ds-identify looks for what it names.
fn list(fs: &MemoryFs, line: &str) -> Option<(String, bool)> {
    found(fs, line).datasources.map(|found| (found.list.join(" "), found.searched))
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of an answer")]
fn some(list: &str, searched: bool) -> Option<(String, bool)> {
    Some((list.to_owned(), searched))
}

#[test]
fn a_policy_switches_cloud_init_off() {
    let config = |text: &str| off(&debian().file(IDENTIFY, text), "ro").is_some();
    for (text, is_off) in [
        ("policy: disabled\n", true),
        ("policy: \"disabled\"\n", true),
        ("  policy :  'disabled'  # not here\n", true),
        ("policy: disabled,found=all\n", true),
        ("policy: search,disabled\n", true),
        ("policy: disabled\npolicy: search\n", false),
        ("policy: search, disabled\n", false),
        ("policy: enabled\n", false),
        ("policy: Disabled\n", false),
        ("policy: disabled\r\n", false),
        ("# policy: disabled\n", false),
        ("policy: dis\\\nabled\n", true),
        // The shell's `read` does not hand over a line that has no end.
        ("policy: disabled", false),
        ("policy: notfound=disabled\n", false),
    ] {
        assert_eq!(config(text), is_off, "{text:?}");
    }
    let fs = debian().file(IDENTIFY, "policy: disabled\n");
    assert_eq!(off(&fs, "ro").as_deref(), Some("/etc/cloud/ds-identify.cfg: policy: disabled"));
    assert_eq!(off(&fs, "ci.di.policy=search"), None, "the kernel line counts before the file");
    let by_line = off(&debian(), "ro ci.di.policy=disabled,found=first ds=nocloud");
    assert_eq!(by_line.as_deref(), Some("kernel command line: ci.di.policy=disabled,found=first"));
}

#[test]
fn a_policy_counts_only_where_the_generator_runs_ds_identify_and_starts_cloud_init() {
    let fs = debian().file(IDENTIFY, "policy: disabled\n").file(CFG, "datasource_list: [NoCloud, AliYun]\n");
    let no_program = fs.clone().stat_of(PROGRAM, |stat| stat.mode = 0o644);
    let by_hand = fs.link("/etc/systemd/system/multi-user.target.wants/cloud-init.service", "x");
    for fs in [no_program, by_hand] {
        assert_eq!(off(&fs, "ro"), None);
        assert_eq!(list(&fs, "ro"), some("NoCloud AliYun", false));
    }
}

#[test]
fn of_several_datasources_one_has_to_be_found() {
    let config = |text: &str| list(&debian().file(CFG, text), "ro");
    for (text, wanted) in [
        ("datasource_list: [NoCloud, Ec2]\n", some("NoCloud Ec2", true)),
        ("datasource_list: [ 'NoCloud', \"Ec2\", None ]\n", some("NoCloud Ec2 None", true)),
        ("datasource_list: NoCloud, Ec2\n", some("NoCloud Ec2", true)),
        // One is taken as it is.
        ("datasource_list: [NoCloud]\n", some("NoCloud", false)),
        ("datasource_list: [NoCloud, None]\n", some("NoCloud None", false)),
        ("datasource_list: [None]\n", some("None", false)),
        ("datasource_list: [None, NoCloud]\n", some("None NoCloud", true)),
        // The bracket is no longer at the end: the name is another one.
        ("datasource_list: [NoCloud, Ec2] # ours\n", some("NoCloud Ec2]", true)),
        // A list that it does not see.
        ("datasource_list:\n- NoCloud\n- Ec2\n", some("", false)),
        ("datasource_list: [NoCloud, Ec2]", some("", false)),
        ("{datasource_list: [NoCloud, Ec2]}\n", some("", false)),
        ("datasource_list : [NoCloud, Ec2]\n", some("", false)),
        ("datasource_list:\n", None),
        ("users: [default]\n", None),
        // It knows nothing of what belongs to what.
        ("x:\n  datasource_list: [NoCloud, Ec2]\n", some("NoCloud Ec2", true)),
    ] {
        assert_eq!(config(text), wanted, "{text:?}");
    }
    let fs = debian().file(CFG, "datasource_list: [NoCloud, Ec2]\n").file(DROP_IN, "datasource_list: [AliYun, Ec2]\n");
    let hidden = fs.file("/etc/cloud/cloud.cfg.d/.99.cfg", "datasource_list: [OVF, Ec2]\n");
    let set = found(&hidden, "ro").datasources.unwrap();
    assert_eq!((set.list.join(" ").as_str(), &*set.place), ("AliYun Ec2", DROP_IN));
}

#[test]
fn where_none_is_found_cloud_init_runs_if_it_is_told_to() {
    let fs = debian().file(CFG, "datasource_list: [NoCloud, Ec2]\n");
    let with = |policy: &str| list(&fs, &format!("ro ci.di.policy={policy}"));
    assert_eq!(with("search,notfound=enabled"), some("NoCloud Ec2", false));
    assert_eq!(with("enabled"), some("NoCloud Ec2", false));
    assert_eq!(with("report"), some("NoCloud Ec2", false));
    assert_eq!(with("search,notfound=perhaps"), some("NoCloud Ec2", true));
    let kept = fs.clone().file("/var/lib/cloud/instance/manual-clean", "");
    assert_eq!(list(&kept, "ro"), some("NoCloud Ec2", false));
    let mut arm = b"\x7fELF\x02\x01\x01".to_vec();
    arm.resize(18, 0);
    arm.extend([183, 0]);
    assert_eq!(list(&fs.file("/sbin/init", arm), "ro"), some("NoCloud Ec2", false), "aarch64");
}

#[test]
fn one_datasource_may_be_named() {
    let fs = debian().file(CFG, "datasource_list: [ConfigDrive, AliYun]\n");
    let file = fs.clone().file(IDENTIFY, "datasource: NoCloud\npolicy: search\n");
    let told = |fs: &MemoryFs, line: &str| {
        let set = found(fs, line).datasources.unwrap();
        (set.list.join(" "), set.place, set.line.unwrap_or_default(), set.searched)
    };
    let row = |list: &str, place: &str, line: &str| (list.to_owned(), place.to_owned(), line.to_owned(), false);
    assert_eq!(told(&file, "ro"), row("NoCloud", IDENTIFY, "datasource: NoCloud"));
    assert_eq!(told(&file, "ci.ds=Ec2"), row("Ec2", LINE, "ci.ds=Ec2"));
    assert_eq!(told(&file, "ci.datasource=Ec2"), row("Ec2", LINE, "ci.datasource=Ec2"));
    assert_eq!(told(&file, "ci.ds=").2, "", "an empty one takes the file's away");
    assert_eq!(told(&file, "ci.di.policy=report").0, "ConfigDrive AliYun");
    let all = "cc:{'datasource_list': ['AliYun']} ci.ds=Ec2";
    assert_eq!(told(&file, all), row("AliYun", LINE, "cc: datasource_list: [AliYun]"));
    assert!(told(&fs, "cc:{'datasource_list': ['AliYun','Ec2']}").3);
}

/// `ds=` is one of its words since 23.2; before, `ds=nocloud` makes NoCloud one that is found.
#[test]
fn the_program_itself_tells_what_it_knows_of_the_kernel_line() {
    let fs = debian().file(CFG, "datasource_list: [ConfigDrive, NoCloud, AliYun]\n");
    let line = "ds=nocloud;s=http://u:pw@x/ quiet";
    let set = found(&fs, line).datasources.unwrap();
    assert_eq!((set.list.join(" ").as_str(), set.line.as_deref()), ("nocloud", Some("ds=nocloud")));
    assert_eq!(list(&fs, "ds=configdrive").unwrap().0, "ConfigDrive NoCloud AliYun");
    let one = debian().file(CFG, "datasource_list: [AliYun]\n");
    assert_eq!(list(&one, line), some("AliYun", false));
    let new = with_program(fs, "case \"$key\" in\n ds) _rc_dsname=\"$val\";;\n");
    assert_eq!(list(&new, "ds=configdrive"), some("configdrive", false));
}

/// OpenRC and others run it in ways that this program does not follow.
#[test]
fn without_systemd_a_policy_leaves_no_datasource() {
    let fs = MemoryFs::new()
        .file("/usr/bin/cloud-init", "")
        .file("/sbin/init", "")
        .file("/etc/inittab", "id:3:initdefault:\n")
        .file("/etc/init.d/cloud-init", "")
        .stat_of("/etc/init.d/cloud-init", |stat| stat.mode = 0o755)
        .link("/etc/rc3.d/S52cloud-init", "../init.d/cloud-init")
        .file(IDENTIFY, "policy: disabled\n");
    assert_eq!(off(&fs, "ro"), None);
    assert_eq!(list(&fs, "ro"), some("None", false));
}

#[test]
fn damaged_configurations_are_harmless() {
    let config = b"# x\npolicy: \"search, found=all\" # y\ndatasource: 'No\\Cloud'\n";
    let list = b"datasource_list: [ 'NoCloud', \"Ec2\", None ]\n datasource_list:\n";
    for (path, text) in [(IDENTIFY, &config[..]), (CFG, list)] {
        for bytes in crate::disk::testkit::damaged(text, std::slice::from_ref(&(0..text.len())), 300) {
            let found = found(&debian().file(path, bytes), "ro cc:datasource_list ds= ci.ds");
            let set = found.datasources.unwrap_or_default();
            assert!(set.list.iter().all(|name| name.len() <= 64 && !name.contains(char::is_control)), "{set:?}");
        }
    }
}
