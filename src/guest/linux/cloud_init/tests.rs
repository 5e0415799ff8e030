use super::*;
use crate::disk::ErrorKind;
use crate::guest::linux::packages;
use crate::guest::testing::MemoryFs;

const STATUS: &str = "Package: cloud-init\nStatus: install ok installed\nVersion: 22.4.2-1\n";

fn found_in(tree: &Tree, line: Option<&str>) -> Result<CloudInit> {
    read(tree, &Services::open(tree, line)?, line, &packages::read(tree))
}

fn debian() -> MemoryFs {
    MemoryFs::new()
        .file("/var/lib/dpkg/status", STATUS)
        .file("/usr/bin/cloud-init", "#!/usr/bin/python3\n")
        .file("/lib/systemd/system-generators/cloud-init-generator", "#!/bin/sh\n")
        .file("/lib/systemd/system/multi-user.target", "[Unit]\n")
        .link("/lib/systemd/system/default.target", "multi-user.target")
        .file("/lib/systemd/system/cloud-init.target", "[Unit]\n")
        .file("/lib/systemd/system/cloud-init.service", "[Unit]\n")
        .link(
            "/etc/systemd/system/cloud-init.target.wants/cloud-init.service",
            "/lib/systemd/system/cloud-init.service",
        )
}

#[test]
fn an_installed_and_enabled_cloud_init_is_found() {
    let found = found_in(&debian().tree(), Some("ro quiet")).unwrap();
    assert_eq!(found.installed.unwrap().value, "dpkg");
    assert_eq!(found.version, "22.4.2-1");
    assert!(found.enabled_by.is_some());
    assert_eq!(found.disabled_by, None);
    assert_eq!(found.datasources, None);
}

#[test]
fn what_a_removed_package_leaves_behind_is_not_cloud_init() {
    let tree = MemoryFs::of_texts(&[
        ("/var/lib/dpkg/status", "Package: cloud-init\nStatus: deinstall ok config-files\nVersion: 1\n"),
        ("/etc/cloud/cloud.cfg", "datasource_list: [NoCloud]\n"),
    ])
    .link("/etc/systemd/system/multi-user.target.wants/cloud-init.service", "/lib/systemd/system/cloud-init.service")
    .tree();
    assert_eq!(found_in(&tree, None).unwrap(), CloudInit::default());
}

#[test]
fn program_and_python_package_speak_where_there_is_no_dpkg() {
    let fs = MemoryFs::new()
        .file("/usr/bin/cloud-init", "")
        .file("/usr/lib/python3.6/site-packages/cloud_init-23.1.1-py3.6.egg-info/PKG-INFO", "")
        .file("/usr/lib/systemd/system/multi-user.target", "[Unit]\n")
        .link("/usr/lib/systemd/system/default.target", "multi-user.target")
        .file("/usr/lib/systemd/system/cloud-init.service", "x")
        .link(
            "/etc/systemd/system/multi-user.target.wants/cloud-init.service",
            "/usr/lib/systemd/system/cloud-init.service",
        );
    let found = found_in(&fs.tree(), None).unwrap();
    assert_eq!(found.installed.unwrap().place, "/usr/bin/cloud-init");
    assert_eq!(found.version, "23.1.1");
    assert_eq!(found.enabled_by.as_deref(), Some("/etc/systemd/system/multi-user.target.wants/cloud-init.service"));
    let only = MemoryFs::new()
        .file("/usr/lib/systemd/system/default.target", "[Unit]\n")
        .file("/usr/local/lib/python3.11/dist-packages/cloud_init-24.1.dist-info/METADATA", "");
    let found = found_in(&only.tree(), None).unwrap();
    assert_eq!((found.installed.unwrap().value.as_str(), found.version.as_str()), ("python", "24.1"));
    assert_eq!(found.enabled_by, None);
}

#[test]
fn every_way_to_keep_it_from_starting_is_seen() {
    let off = |fs: MemoryFs, line| found_in(&fs.tree(), line).unwrap().disabled_by;
    assert_eq!(
        off(debian().file("/etc/cloud/cloud-init.disabled", ""), None).as_deref(),
        Some("/etc/cloud/cloud-init.disabled")
    );
    assert!(off(debian(), Some("ro cloud-init=disabled")).unwrap().contains("cloud-init=disabled"));
    assert!(
        off(debian().link("/etc/systemd/system/cloud-init.service", "/dev/null"), None).unwrap().contains("masked")
    );
    assert_eq!(off(debian(), Some("ro xcloud-init=disabled")), None);
    // The generator looks at the kernel line first, then for one file, then for the other.
    let by_file = || debian().file("/etc/cloud/cloud-init.disabled", "");
    assert_eq!(off(by_file(), Some("cloud-init=disabled cloud-init=enabled")), None);
    assert!(off(by_file(), Some("cloud-init=enabled cloud-init=x")).is_some());
    assert_eq!(off(by_file().file("/etc/cloud/cloud-init.enabled", ""), None), None);
}

#[test]
fn one_that_is_new_starts_without_a_unit_of_the_old_name() {
    let dir = "/usr/lib/systemd/system";
    let new = |links: &[&str]| {
        let units = ["cloud-init-main.service", "cloud-init-network.service", "cloud-init.target", "multi-user.target"];
        let fs = units.iter().fold(MemoryFs::new().file("/usr/bin/cloud-init", ""), |fs, unit| {
            fs.file(&format!("{dir}/{unit}"), "[Unit]\nConditionPathExists=!/etc/cloud/cloud-init.disabled\n")
        });
        let fs = fs
            .link(&format!("{dir}/default.target"), "multi-user.target")
            .file("/usr/lib/systemd/system-generators/cloud-init-generator", "#!/bin/sh\n");
        links.iter().fold(fs, |fs, unit| fs.link(&format!("/etc/systemd/system/cloud-init.target.wants/{unit}"), "x"))
    };
    let link = "/etc/systemd/system/cloud-init.target.wants/cloud-init-network.service";
    let found = found_in(&new(&["cloud-init-main.service", "cloud-init-network.service"]).tree(), None).unwrap();
    assert_eq!((found.enabled_by.as_deref(), found.disabled_by), (Some(link), None));
    // Without a link the generator's target starts nothing.
    let found = found_in(&new(&[]).tree(), None).unwrap();
    assert_eq!((found.enabled_by, found.disabled_by), (None, None));
}

#[test]
fn system_v_links_start_it() {
    let fs = MemoryFs::new()
        .file("/usr/bin/cloud-init", "")
        .file("/sbin/init", "")
        .file("/etc/inittab", "id:3:initdefault:\n")
        .file("/etc/init.d/cloud-init", "")
        .stat_of("/etc/init.d/cloud-init", |stat| stat.mode = 0o755)
        .link("/etc/rc3.d/S52cloud-init", "../init.d/cloud-init")
        .link("/etc/rc3.d/K01cloud-final", "../init.d/cloud-final");
    assert_eq!(found_in(&fs.tree(), None).unwrap().enabled_by.as_deref(), Some("/etc/rc3.d/S52cloud-init"));
}

#[test]
fn the_last_file_in_order_decides_the_datasources() {
    let fs = debian()
        .file("/etc/cloud/cloud.cfg", "users: [default]\ndatasource_list: [NoCloud, None]\n")
        .file(
            "/etc/cloud/cloud.cfg.d/90_dpkg.cfg",
            "# to update this file\ndatasource_list: [ NoCloud, ConfigDrive, AliYun ]\n",
        )
        .file("/etc/cloud/cloud.cfg.d/91_other.cfg", "network: {config: disabled}\n")
        .file("/etc/cloud/cloud.cfg.d/99_off.cfg.bak", "datasource_list: [Nope]\n");
    let found = found_in(&fs.clone().tree(), None).unwrap().datasources.unwrap();
    assert_eq!(found.list, ["NoCloud", "ConfigDrive", "AliYun"]);
    assert_eq!(found.place, "/etc/cloud/cloud.cfg.d/90_dpkg.cfg");
    let by_line = found_in(&fs.clone().tree(), Some("ro ds=nocloud;s=http://x/ quiet")).unwrap().datasources.unwrap();
    assert_eq!((by_line.list, by_line.place), (vec!["nocloud".to_owned()], "kernel command line".to_owned()));
}

#[test]
fn what_is_not_yaml_is_undecided() {
    for text in ["datasource_list: [a\n  b: {", "datasource_list: {a: b}", "datasource_list: [[a]]"] {
        let fs = debian().file("/etc/cloud/cloud.cfg", text);
        assert_eq!(found_in(&fs.tree(), None).unwrap_err().kind, ErrorKind::Unsupported, "{text}");
    }
}

/// As PyYAML reads them.
#[test]
fn lists_are_what_cloud_init_makes_of_them() {
    for (text, list) in [
        ("datasource_list: [a]\ndatasource_list: [b]\n", Some(vec!["b"])),
        ("datasource_list: NoCloud\n", Some(vec!["NoCloud"])),
        ("datasource_list: [None]\n", Some(vec!["None"])),
        ("datasource_list: [null, ~]\n", Some(vec!["None", "None"])),
        ("datasource_list:\n", None),
        ("# datasource_list: [a]\n", None),
    ] {
        let fs = debian().file("/etc/cloud/cloud.cfg", text);
        let found = found_in(&fs.tree(), None).unwrap().datasources.map(|found| found.list);
        assert_eq!(found, list.map(|list| list.into_iter().map(str::to_owned).collect()), "{text}");
    }
}

#[test]
fn any_package_database_tells_and_one_that_cannot_be_read_leaves_it_open() {
    let systemd = MemoryFs::of_texts(&[("/usr/lib/systemd/system/default.target", "[Unit]\n")]);
    let apk = systemd.clone().file("/lib/apk/db/installed", "P:cloud-init\nV:23.4-r1\n\n");
    let found = found_in(&apk.tree(), None).unwrap();
    let installed = found.installed.unwrap();
    assert_eq!((&*installed.value, &*installed.place), ("apk", "/lib/apk/db/installed"));
    assert_eq!(found.version, "23.4-r1");
    let damaged = systemd.file("/var/lib/rpm/Packages", [7; 4096]);
    let error = found_in(&damaged.clone().tree(), None).unwrap_err();
    assert_eq!((error.kind, error.layer), (ErrorKind::Unsupported, "rpm bdb"));
    let program = damaged.file("/usr/bin/cloud-init", "");
    assert_eq!(found_in(&program.tree(), None).unwrap().installed.unwrap().value, "program");
}
