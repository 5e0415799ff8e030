//! systemd, against systemd's own first transaction.

use std::process::Command;

use super::*;

fn on(fs: MemoryFs, link: &str, target: &str) -> MemoryFs {
    fs.link(&format!("/etc/systemd/system/{link}"), target)
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn rows() -> Vec<(&'static str, MemoryFs, &'static str, Start)> {
    let plain = || service(targets(), "ssh.service", "");
    let lib = "/usr/lib/systemd/system/ssh.service";
    // Links that have to lead somewhere below another root, too, are relative.
    let relative = "../../../usr/lib/systemd/system/ssh.service";
    let wants = "multi-user.target.wants/ssh.service";
    let link = || enabled("/etc/systemd/system/multi-user.target.wants/ssh.service");
    let kept = |by: &str| Start::Kept { by: by.into() };
    let nothing = Start::Disabled;
    vec![
        ("installed only", plain(), "", nothing.clone()),
        ("enabled", on(plain(), wants, lib), "", link()),
        ("enabled by a dangling link", on(plain(), wants, "/gone/ssh.service"), "", link()),
        ("a link to a unit that is gone", on(targets(), wants, lib), "", Start::Absent),
        (
            "the distribution's own wants",
            plain().link("/usr/lib/systemd/system/multi-user.target.wants/ssh.service", "../ssh.service"),
            "",
            enabled("/usr/lib/systemd/system/multi-user.target.wants/ssh.service"),
        ),
        (
            "the distribution's own wants, masked in /etc",
            on(plain(), wants, "/dev/null")
                .link("/usr/lib/systemd/system/multi-user.target.wants/ssh.service", "../ssh.service"),
            "",
            nothing.clone(),
        ),
        (
            "masked",
            on(on(plain(), wants, lib), "ssh.service", "/dev/null"),
            "",
            kept("/etc/systemd/system/ssh.service (masked)"),
        ),
        (
            "masked by an empty file",
            on(plain(), wants, lib).file("/etc/systemd/system/ssh.service", ""),
            "",
            kept("/etc/systemd/system/ssh.service (masked)"),
        ),
        (
            "wanted by its alias",
            on(on(plain(), "sshd.service", relative), "multi-user.target.wants/sshd.service", lib),
            "",
            enabled("/etc/systemd/system/multi-user.target.wants/sshd.service"),
        ),
        (
            "wanted by a target that is not reached",
            on(plain(), "rescue.target.wants/ssh.service", lib),
            "",
            nothing.clone(),
        ),
        (
            "wanted by the target the kernel line asks for",
            on(plain(), "rescue.target.wants/ssh.service", lib),
            "systemd.unit=rescue.target",
            enabled("/etc/systemd/system/rescue.target.wants/ssh.service"),
        ),
        (
            "graphical.target when the default is multi-user.target",
            on(
                on(plain(), "graphical.target.wants/ssh.service", lib),
                "default.target",
                "../../../usr/lib/systemd/system/multi-user.target",
            ),
            "",
            nothing.clone(),
        ),
        (
            "wanted by a drop-in of a target",
            plain().file("/etc/systemd/system/basic.target.d/x.conf", "[Unit]\nWants=ssh.service\n"),
            "",
            enabled("/etc/systemd/system/basic.target.d/x.conf:2"),
        ),
        (
            "required through two targets of one's own",
            on(plain(), "multi-user.target.requires/own.target", "/etc/systemd/system/own.target")
                .file("/etc/systemd/system/own.target", "[Unit]\nWants=ssh.service\n"),
            "",
            enabled("/etc/systemd/system/own.target:2"),
        ),
        (
            "targets that want each other",
            on(plain(), "multi-user.target.wants/a.target", "../a.target")
                .file("/etc/systemd/system/a.target", "[Unit]\nWants=a.target multi-user.target b.target\n")
                .file("/etc/systemd/system/b.target", "[Unit]\nWants=a.target\n"),
            "",
            nothing.clone(),
        ),
        (
            "wanted by a service that starts",
            on(
                on(service(plain(), "own.service", ""), "multi-user.target.wants/own.service", "../own.service"),
                "own.service.wants/ssh.service",
                lib,
            ),
            "",
            enabled("/etc/systemd/system/own.service.wants/ssh.service"),
        ),
        (
            "wanted by the file of a service that starts",
            on(
                service(plain(), "own.service", "Wants=ssh.service"),
                "multi-user.target.wants/own.service",
                "../own.service",
            ),
            "",
            enabled("/usr/lib/systemd/system/own.service:3"),
        ),
        (
            "wanted by the file of a service that does not",
            service(plain(), "own.service", "Wants=ssh.service"),
            "",
            nothing.clone(),
        ),
        (
            "wanted by a service whose condition fails",
            on(
                service(plain(), "own.service", "Wants=ssh.service\nConditionPathExists=/etc/never-there"),
                "multi-user.target.wants/own.service",
                "../own.service",
            ),
            "",
            enabled("/usr/lib/systemd/system/own.service:3"),
        ),
        (
            "wanted by a target that a service wants",
            on(
                service(plain(), "own.service", "Requires=own.target"),
                "multi-user.target.wants/own.service",
                "../own.service",
            )
            .file("/etc/systemd/system/own.target", "[Unit]\nWants=ssh.service\n"),
            "",
            enabled("/etc/systemd/system/own.target:2"),
        ),
    ]
}

#[test]
fn what_a_boot_starts() {
    for (what, fs, line, wanted) in rows() {
        assert_eq!(ask(&fs, line, &["ssh.service"], &[]), wanted, "{what}");
    }
}

/// `systemd --test` works out what it would start of a default target, and does nothing.
#[test]
fn systemd_itself_starts_the_same() {
    let mut seen = 0;
    for (what, fs, line, wanted) in rows() {
        let dir = tempfile::tempdir().unwrap();
        fs.write_to(dir.path());
        let open = Command::new("chmod").args(["-R", "a+rX"]).arg(dir.path()).status().unwrap();
        assert!(open.success());
        let root = dir.path().display();
        let target = line.strip_prefix("systemd.unit=").unwrap_or("default.target");
        // It refuses to be root; nobody has no session to disturb.
        let out = Command::new("setpriv")
            .args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "/lib/systemd/systemd"])
            .args(["--test", "--system", "--no-pager", "--log-target=console"])
            .arg(format!("--unit={target}"))
            .env("SYSTEMD_UNIT_PATH", format!("{root}/etc/systemd/system:{root}/usr/lib/systemd/system"))
            .output()
            .expect("systemd is needed (Debian: systemd, util-linux)");
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(text.contains("Action: basic.target -> start") || target != "default.target", "{what}: {out:?}");
        let starts = text.contains("Action: ssh.service -> start");
        assert_eq!(starts, matches!(wanted, Start::Enabled { .. }), "{what}");
        seen += 1;
    }
    assert_eq!(seen, rows().len());
}

/// What `systemctl enable` and `mask` make is found, and nothing else of what they leave.
#[test]
fn systemctl_says_the_same_of_what_it_made() {
    let fs = service(service(targets(), "ssh.service", ""), "other.service", "").file(
        "/usr/lib/systemd/system/firewalld.service",
        "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\nAlias=dbus-org.fedoraproject.FirewallD1.service\n",
    );
    let dir = tempfile::tempdir().unwrap();
    fs.write_to(dir.path());
    let systemctl = |args: &[&str]| {
        let root = format!("--root={}", dir.path().display());
        let out =
            Command::new("systemctl").arg(root).args(args).output().expect("systemctl is needed (Debian: systemd)");
        String::from_utf8_lossy(&out.stdout).trim().to_owned()
    };
    let check = |unit: &'static str, word: &str| {
        assert_eq!(systemctl(&["is-enabled", unit]), word, "{unit}");
        let tree = MemoryFs::read_from(dir.path()).tree();
        let services = Services::open(&tree, None).unwrap();
        services.systemd().unwrap().start(unit).unwrap()
    };
    assert_eq!(check("ssh.service", "disabled"), Start::Disabled);
    systemctl(&["enable", "ssh.service", "firewalld.service"]);
    assert_eq!(check("ssh.service", "enabled"), enabled("/etc/systemd/system/multi-user.target.wants/ssh.service"));
    assert_eq!(
        check("firewalld.service", "enabled"),
        enabled("/etc/systemd/system/multi-user.target.wants/firewalld.service")
    );
    assert_eq!(check("dbus-org.fedoraproject.FirewallD1.service", "alias"), check("firewalld.service", "enabled"));
    std::fs::remove_file(dir.path().join("etc/systemd/system/multi-user.target.wants/firewalld.service")).unwrap();
    // systemctl calls it enabled, though only a call on D-Bus starts it.
    let alias = "/etc/systemd/system/dbus-org.fedoraproject.FirewallD1.service";
    assert_eq!(check("firewalld.service", "enabled"), Start::OnDemand { by: alias.into() });
    systemctl(&["disable", "ssh.service"]);
    assert_eq!(check("ssh.service", "disabled"), Start::Disabled);
    systemctl(&["mask", "ssh.service"]);
    assert!(matches!(check("ssh.service", "masked"), Start::Kept { .. }));
    assert_eq!(check("other.service", "disabled"), Start::Disabled);
}

#[test]
fn conditions_that_the_image_decides_count() {
    let with =
        |condition: &str| on(service(targets(), "ssh.service", condition), "multi-user.target.wants/ssh.service", "x");
    let start = |fs: MemoryFs, line| ask(&fs, line, &["ssh.service"], &[]);
    let condition = "ConditionPathExists=!/etc/ssh/sshd_not_to_be_run";
    assert!(matches!(start(with(condition), ""), Start::Enabled { .. }));
    let by = "/usr/lib/systemd/system/ssh.service:3: ConditionPathExists=!/etc/ssh/sshd_not_to_be_run";
    assert_eq!(start(with(condition).file("/etc/ssh/sshd_not_to_be_run", ""), ""), Start::Kept { by: by.into() });
    let reset = with(condition)
        .file("/etc/ssh/sshd_not_to_be_run", "")
        .file("/etc/systemd/system/ssh.service.d/x.conf", "[Unit]\nConditionPathExists=\n");
    assert!(matches!(start(reset, ""), Start::Enabled { .. }));
    let any = "ConditionPathExists=|/a\nConditionPathExists=|/b";
    assert!(matches!(start(with(any), ""), Start::Kept { .. }));
    assert!(matches!(start(with(any).file("/b", ""), ""), Start::Enabled { .. }));
    assert!(matches!(start(with("ConditionKernelCommandLine=!off"), "ro off"), Start::Kept { .. }));
    assert!(
        matches!(start(with("ConditionPathExists=/dev/ttyS0"), ""), Start::Enabled { .. }),
        "the machine has it or not"
    );
    assert!(matches!(start(with("ConditionHost=x"), ""), Start::Unknown { .. }));
    assert!(matches!(start(with(""), "systemd.mask=ssh.service"), Start::Kept { .. }));
}

/// An instance is a virtual machine on KVM; what somebody added and nothing decides is not known.
#[test]
fn conditions_that_every_instance_decides_alike_count() {
    let elf = [b"\x7fELF\x02\x01\x01".as_slice(), &[0; 9], &[2, 0, 62, 0]].concat();
    let with = |condition: &str| {
        let link = "multi-user.target.wants/ssh.service";
        let fs = on(service(targets(), "ssh.service", ""), link, "x").file("/bin/sh", &elf);
        let text = format!("[Unit]\n{condition}\n");
        ask(&fs.file("/etc/systemd/system/ssh.service.d/x.conf", text), "", &["ssh.service"], &[])
    };
    for condition in [
        "ConditionArchitecture=arm64",
        "ConditionArchitecture=!x86-64",
        "ConditionVirtualization=no",
        "ConditionVirtualization=!vm",
        "ConditionVirtualization=!kvm",
        "ConditionVirtualization=vmware",
        "ConditionFirstBoot=yes",
    ] {
        let by = format!("/etc/systemd/system/ssh.service.d/x.conf:2: {condition}");
        assert_eq!(with(condition), Start::Kept { by }, "{condition}");
    }
    for condition in [
        "ConditionArchitecture=x86-64",
        "ConditionVirtualization=!container",
        "ConditionVirtualization=kvm",
        "ConditionFirstBoot=no",
    ] {
        assert!(matches!(with(condition), Start::Enabled { .. }), "{condition}");
    }
    let unset = |id: &str| {
        let fs =
            on(service(targets(), "ssh.service", "ConditionFirstBoot=yes"), "multi-user.target.wants/ssh.service", "x");
        ask(&fs.file("/etc/machine-id", id), "", &["ssh.service"], &[])
    };
    assert!(matches!(unset("uninitialized\n"), Start::Enabled { .. }));
    assert!(matches!(unset(""), Start::Enabled { .. }), "whatever that is to its systemd");
    for condition in ["ConditionSecurity=selinux", "ConditionVirtualization=xen", "ConditionPathExists=/dev/ttyS0"] {
        assert!(matches!(with(condition), Start::Unknown { .. }), "{condition}");
    }
}

/// "Unit nope.service not found": the start job fails with what it requires.
#[test]
fn a_unit_that_is_demanded_has_to_be_there() {
    let with = |line: &str| {
        let fs = on(service(targets(), "ssh.service", ""), "multi-user.target.wants/ssh.service", "x");
        let fs = service(service(fs, "idle.service", ""), "getty@.service", "");
        let fs = script(fs, "/etc/init.d/old").link("/etc/systemd/system/off.service", "/dev/null");
        let fs = on(service(fs, "on.service", ""), "multi-user.target.wants/on.service", "x");
        ask(
            &fs.file("/etc/systemd/system/ssh.service.d/x.conf", format!("[Unit]\n{line}\n")),
            "",
            &["ssh.service"],
            &[],
        )
    };
    for (line, why) in [
        ("Requires=nope.service", "is not there"),
        ("BindsTo=nope.socket", "is not there"),
        ("Requires=nope@1.service", "is not there"),
        ("Requires=off.service", "is masked"),
        ("Requisite=idle.service", "is not started"),
        ("Requisite=nope.service", "is not there"),
    ] {
        let by = format!("/etc/systemd/system/ssh.service.d/x.conf:2: {line}, which {why}");
        assert_eq!(with(line), Start::Kept { by }, "{line}");
    }
    for line in [
        "Wants=nope.service",
        "Requires=getty@1.service",
        "Requires=old.service",
        "Requires=system.slice srv.mount dev-vda1.device",
        "Requires=nope.service\nRequires=",
        "Requisite=on.service",
        "Requires=idle.service",
        "Requisite=basic.target",
    ] {
        assert!(matches!(with(line), Start::Enabled { .. }), "{line}: {:?}", with(line));
    }
    assert!(matches!(with("Requisite=network-online.target"), Start::Unknown { .. }));
}

/// They start it, and the image does not say when.
#[test]
fn timers_paths_and_sockets_are_no_boot_and_not_nothing() {
    let with = |name: &str, text: &str| {
        let fs = service(targets(), "ssh.service", "").file(&format!("/etc/systemd/system/{name}"), text);
        ask(&on(fs, &format!("multi-user.target.wants/{name}"), &format!("../{name}")), "", &["ssh.service"], &[])
    };
    let unknown =
        |file: &str| Start::Unknown { why: format!("/etc/systemd/system/{file} starts it, and when is not known") };
    assert_eq!(with("ssh.timer", "[Timer]\nOnBootSec=1min\n"), unknown("ssh.timer"));
    assert_eq!(with("x.timer", "[Timer]\nOnBootSec=1min\nUnit=ssh.service\n"), unknown("x.timer"));
    assert_eq!(with("x.timer", "[Timer]\nOnBootSec=1min\n"), Start::Disabled);
    assert_eq!(with("x.path", "[Path]\nPathExists=/x\nUnit=ssh.service\n"), unknown("x.path"));
    let by = "/etc/systemd/system/ssh.socket".to_owned();
    assert_eq!(with("ssh.socket", "[Socket]\nListenStream=22\n"), Start::OnDemand { by });
    let not_started = service(targets(), "ssh.service", "").file("/etc/systemd/system/ssh.timer", "[Timer]\n");
    assert_eq!(ask(&not_started, "", &["ssh.service"], &[]), Start::Disabled);
}

/// A link of multi-user.target is of no use to a boot that ends before.
#[test]
fn a_boot_into_the_rescue_mode_names_what_asks_for_it() {
    let fs = on(service(targets(), "ssh.service", ""), "multi-user.target.wants/ssh.service", "x");
    let by = |fs: &MemoryFs, line: &str| match ask(fs, line, &["ssh.service"], &[]) {
        Start::Kept { by } => by,
        other => panic!("{other:?}"),
    };
    assert_eq!(by(&fs, "ro single"), "kernel command line: single");
    assert_eq!(by(&fs, "ro systemd.unit=rescue.target"), "kernel command line: systemd.unit=rescue.target");
    let link = "/etc/systemd/system/default.target";
    let rescue = on(fs.clone(), "default.target", "/usr/lib/systemd/system/rescue.target");
    assert_eq!(by(&rescue, "ro"), format!("{link} leads to rescue.target: multi-user.target is not reached"));
    let dangling = on(fs, "default.target", "/usr/lib/systemd/system/none.target");
    assert_eq!(by(&dangling, "ro"), format!("{link} leads nowhere: multi-user.target is not reached"));
}

/// cloud-init's generator links its target to multi-user.target, and to no other.
#[test]
fn the_generator_of_cloud_init_counts_where_its_target_is_reached() {
    let fs = on(service(targets(), "cloud-init.service", ""), "cloud-init.target.wants/cloud-init.service", "x")
        .file("/usr/lib/systemd/system/cloud-init.target", "[Unit]\n")
        .file("/usr/lib/systemd/system-generators/cloud-init-generator", "#!/bin/sh\n");
    let by = "/etc/systemd/system/cloud-init.target.wants/cloud-init.service";
    assert_eq!(ask(&fs, "", &["cloud-init.service"], &[]), enabled(by));
    let rescue = on(fs.clone(), "default.target", "/usr/lib/systemd/system/rescue.target");
    assert_eq!(ask(&rescue, "", &["cloud-init.service"], &[]), Start::Disabled);
    assert_eq!(ask(&fs, "single", &["cloud-init.service"], &[]), Start::Disabled);
}

#[test]
fn devices_and_pulled_targets_are_told_from_the_boot() {
    let fs = service(targets(), "qemu-guest-agent.service", "");
    let link = "dev-virtio\\x2dports-org.qemu.guest_agent.0.device.wants/qemu-guest-agent.service";
    let found = ask(&on(fs.clone(), link, "x"), "", &["qemu-guest-agent.service"], &[]);
    assert_eq!(found, Start::OnDemand { by: format!("/etc/systemd/system/{link}") });
    let late = on(fs, "network-online.target.wants/qemu-guest-agent.service", "x");
    assert!(matches!(ask(&late, "", &["qemu-guest-agent.service"], &[]), Start::Unknown { .. }));
}

#[test]
fn scripts_start_under_systemd_where_no_unit_has_their_name() {
    let script = |fs: MemoryFs| {
        fs.file("/etc/init.d/old", "#!/bin/sh\n")
            .stat_of("/etc/init.d/old", |stat| stat.mode = 0o755)
            .link("/etc/rc3.d/S20old", "../init.d/old")
    };
    let generator = |fs: MemoryFs| fs.file("/usr/lib/systemd/system-generators/systemd-sysv-generator", "");
    assert_eq!(ask(&generator(script(targets())), "", &[], &["old"]), enabled("/etc/rc3.d/S20old"));
    assert_eq!(ask(&script(targets()), "", &[], &["old"]), Start::Absent, "nothing makes a unit of it");
    let native = service(generator(script(targets())), "old.service", "");
    assert_eq!(ask(&native, "", &["old.service"], &["old"]), Start::Disabled);
    let masked = on(generator(script(targets())), "old.service", "/dev/null");
    assert!(matches!(ask(&masked, "", &["old.service"], &["old"]), Start::Kept { .. }));
}

#[test]
fn presets_count_at_the_first_boot_only() {
    let fs = |id: &str| {
        service(targets(), "ssh.service", "")
            .file("/etc/machine-id", id)
            .file("/usr/lib/systemd/system-preset/90-default.preset", "# x\nenable ssh*.service\ndisable *\n")
    };
    let start = |fs: MemoryFs| ask(&fs, "", &["ssh.service"], &[]);
    assert_eq!(start(fs("0123\n")), Start::Disabled);
    assert_eq!(start(fs("")), Start::Disabled, "an empty machine-id is no first boot");
    let by = "first boot, /usr/lib/systemd/system-preset/90-default.preset:2";
    assert_eq!(start(fs("uninitialized\n")), enabled(by));
    let over = fs("uninitialized").file("/etc/systemd/system-preset/10-x.preset", "disable ssh.service\n");
    assert_eq!(start(over.clone()), Start::Disabled);
    assert!(matches!(start(on(over, "multi-user.target.wants/ssh.service", "x")), Start::Unknown { .. }));
}

/// Units, conditions and presets of any bytes: an answer, soon.
#[test]
fn mutated_units_end() {
    let text = "[Unit]\nWants=ssh.service a.target \\\n b.target\nConditionPathExists=|!/etc/x\n[Install]\nWantedBy=multi-user.target\n";
    let mut seed = 11_u64;
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % below
    };
    for _ in 0..300 {
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..4 {
            let at = next(bytes.len());
            bytes[at] = b"\n[]=|!\\\0*"[next(9)];
        }
        let fs = ["ssh.service", "multi-user.target", "a.target", "a.target.d/x.conf"]
            .iter()
            .fold(targets(), |fs, name| fs.file(&format!("/etc/systemd/system/{name}"), &bytes))
            .file("/etc/machine-id", "uninitialized")
            .file("/etc/systemd/system-preset/x.preset", &bytes)
            .link("/etc/systemd/system/c.service", "c.service")
            .link("/etc/systemd/system/d.service", "e.service")
            .link("/etc/systemd/system/e.service", "d.service");
        let tree = fs.tree();
        let units = Services::open(&tree, Some("1 systemd.wants=a.target")).unwrap();
        for unit in ["ssh.service", "c.service", "d.service"] {
            let _ = units.systemd().unwrap().start(unit);
        }
    }
}
