//! What is not systemd.

use super::*;

#[test]
fn system_v_starts_what_the_default_runlevel_links_to() {
    let debian = script(MemoryFs::new(), "/etc/init.d/ssh")
        .file("/sbin/init", "")
        .file("/etc/inittab", "# id:5:initdefault:\nid:2:initdefault:\n")
        .link("/etc/rc2.d/S16ssh", "../init.d/ssh")
        .link("/etc/rc3.d/S16ssh", "../init.d/ssh");
    assert_eq!(ask(&debian, "", &[], &["ssh", "sshd"]), enabled("/etc/rc2.d/S16ssh"));
    assert_eq!(ask(&debian, "ro 3", &[], &["ssh"]), enabled("/etc/rc3.d/S16ssh"));
    assert_eq!(ask(&debian, "single", &[], &["ssh"]), Start::Disabled);
    assert_eq!(ask(&debian, "", &[], &["ufw"]), Start::Absent);
    let redhat = script(MemoryFs::new(), "/etc/rc.d/init.d/iptables")
        .file("/sbin/init", "")
        .file("/etc/inittab", "id:3:initdefault:\n")
        .link("/etc/init.d", "rc.d/init.d")
        .link("/etc/rc.d/rc3.d/S08iptables", "../init.d/iptables")
        .link("/etc/rc.d/rc5.d/K92iptables", "../init.d/iptables");
    assert_eq!(ask(&redhat, "", &[], &["iptables"]), enabled("/etc/rc.d/rc3.d/S08iptables"));
    assert_eq!(ask(&redhat, "5", &[], &["iptables"]), Start::Disabled);
    let suse = script(MemoryFs::new(), "/etc/init.d/SuSEfirewall2_setup")
        .file("/sbin/init", "")
        .file("/etc/inittab", "id:3:initdefault:\n")
        .link("/etc/init.d/rc3.d/S13SuSEfirewall2_setup", "../SuSEfirewall2_setup");
    assert_eq!(ask(&suse, "", &[], &["SuSEfirewall2_setup"]), enabled("/etc/init.d/rc3.d/S13SuSEfirewall2_setup"));
    let dangling = redhat.link("/etc/rc.d/rc3.d/S99gone", "../init.d/gone");
    assert_eq!(ask(&dangling, "", &[], &["gone"]), Start::Absent);
}

#[test]
fn upstart_starts_jobs_unless_they_are_manual() {
    let ubuntu = MemoryFs::of_texts(&[
        ("/sbin/init", ""),
        ("/etc/init/rc-sysinit.conf", "env DEFAULT_RUNLEVEL=2\n"),
        ("/etc/init/ssh.conf", "# ssh\nstart on runlevel [2345]\nstop on runlevel [!2345]\n"),
        ("/etc/init/ufw.conf", "start on starting mountall\n"),
        ("/etc/init/ufw.override", "manual\n"),
        ("/etc/init/idle.conf", "exec x\n"),
    ]);
    let fs = script(ubuntu, "/etc/init.d/qemu-guest-agent")
        .link("/etc/rc2.d/S20qemu-guest-agent", "../init.d/qemu-guest-agent");
    assert_eq!(ask(&fs, "", &[], &["ssh"]), enabled("/etc/init/ssh.conf:2"));
    assert_eq!(ask(&fs, "", &[], &["ufw"]), Start::Kept { by: "/etc/init/ufw.override:1".into() });
    assert_eq!(ask(&fs, "", &[], &["idle"]), Start::Disabled);
    assert_eq!(ask(&fs, "", &[], &["qemu-guest-agent"]), enabled("/etc/rc2.d/S20qemu-guest-agent"));
}

/// upstart-events(7): what comes in a boot into the default runlevel, and what does not.
#[test]
fn a_job_starts_when_its_events_come() {
    let start = |on: &str| {
        let fs = MemoryFs::of_texts(&[
            ("/sbin/init", ""),
            ("/etc/init/rc-sysinit.conf", "env DEFAULT_RUNLEVEL=2\n"),
            ("/etc/init/rc.conf", "start on runlevel [0123456]\n"),
            ("/etc/init/mountall.conf", "start on startup\n"),
            ("/etc/init/never.conf", "exec x\n"),
            ("/etc/init/ring.conf", "start on started ring\n"),
            ("/etc/init/ssh.conf", &format!("# x\nstart on {on}\nexec x\n")),
        ]);
        ask(&fs, "", &[], &["ssh"])
    };
    let enabled = enabled("/etc/init/ssh.conf:2");
    for on in [
        "runlevel [2345]",
        "runlevel [!016]",
        "runlevel 2",
        "(runlevel [345]\n  or runlevel RUNLEVEL=2)",
        "filesystem or runlevel [5]",
        "(filesystem and net-device-up IFACE!=lo) # x",
        "stopped rc RUNLEVEL=[2345]",
        "starting mountall",
        "(started mountall and (runlevel [2] or something))",
    ] {
        assert_eq!(start(on), enabled, "{on}");
    }
    for on in [
        "runlevel [35]",
        "runlevel [!2]",
        "filesystem and runlevel [5]",
        "stopped rc RUNLEVEL=[35]",
        "started never",
        "started nothing",
    ] {
        assert_eq!(start(on), Start::Disabled, "{on}");
    }
    for on in
        ["something", "filesystem and something", "started ring", &"(".repeat(9000), &"started ring or ".repeat(9000)]
    {
        assert!(matches!(start(on), Start::Unknown { .. }), "{}", on.len());
    }
}

#[test]
fn openrc_starts_what_is_in_a_runlevel() {
    let fs = MemoryFs::new()
        .file("/sbin/openrc", "")
        .link("/sbin/init", "/bin/busybox")
        .file("/bin/busybox", "")
        .file("/etc/inittab", "::sysinit:/sbin/openrc sysinit\n")
        .file("/etc/init.d/sshd", "#!/sbin/openrc-run\n")
        .file("/etc/init.d/iptables", "#!/sbin/openrc-run\n")
        .link("/etc/runlevels/default/sshd", "/etc/init.d/sshd");
    assert_eq!(ask(&fs, "", &[], &["sshd"]), enabled("/etc/runlevels/default/sshd"));
    assert_eq!(ask(&fs, "", &[], &["iptables"]), Start::Disabled);
}

#[test]
fn another_init_is_not_guessed() {
    let fs = targets().file("/opt/init", "");
    assert!(matches!(ask(&fs, "init=/opt/init", &["ssh.service"], &[]), Start::Unknown { .. }));
    assert!(matches!(ask(&MemoryFs::new(), "", &["ssh.service"], &[]), Start::Unknown { .. }));
}
