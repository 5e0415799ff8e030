//! What sshd, or systemd for it, does not take.

use super::*;
use crate::guest::linux::packages;

const KEY: &str = "/etc/ssh/ssh_host_ed25519_key";

/// Configurations, and whether sshd starts with each.
const CONFIGS: &[(&str, bool)] = &[
    ("", true),
    ("PermitRootLogin yes\nPORT 22\n\"Port\" 2222\n", true),
    ("Protocol 2\nRSAAuthentication yes\nUsePrivilegeSeparation sandbox\nKeepAlive yes\nCheckMail no\n", true),
    ("PermitRootLogn yes\n", false),
    ("\u{feff}Port 22\n", false),
    ("Match User x\nPermitRootLogn yes\n", false),
    ("Match User x\nPort 2222\n", false),
    ("Match User x\nListenAddress 0.0.0.0\n", false),
    ("Match User x\nProtocol 2\n", false),
    ("Match User x\nKexAlgorithms curve25519-sha256\n", false),
    ("Match all\nPort 2222\n", true),
    ("Match User x\nPermitRootLogin no\nX11Forwarding no\nAllowUsers x\nPermitTunnel no\n", true),
    ("Port\n", false),
    ("Port 0\n", false),
    ("Port 99999\n", false),
    ("PermitRootLogin maybe\n", false),
    ("Match User x\nPasswordAuthentication perhaps\n", false),
    ("PasswordAuthentication YES\nStrictModes no\n", true),
    ("UseDNS true\n", false),
    ("AddressFamily ipv4\n", false),
    ("Include DIR/more.conf\n", true),
    ("Match User x\nInclude DIR/port.conf\n", false),
    ("Subsystem sftp /a\nSubsystem other /b -x\n", true),
    ("Subsystem sftp /a\nMatch all\nSubsystem sftp /b\n", false),
    ("Subsystem sftp\n", false),
    ("Port 22 23\n", false),
    ("Port 22 # 23\n", true),
    ("PermitRootLogin yes no\n", false),
    ("Banner /a b\n", false),
    ("AllowUsers a b\nAuthorizedKeysFile a b\nForceCommand a b\nProtocol 2 3\n", true),
    ("MaxAuthTries many\n", false),
    ("MaxSessions\n", false),
    ("MaxAuthTries 6\nMaxSessions 010\nClientAliveCountMax 3\n", true),
    ("ClientAliveInterval 5m\nLoginGraceTime 2h30\nMaxStartups 10:30:60\n", true),
    ("ClientAliveInterval none\n", false),
    ("LoginGraceTime -1\n", false),
    ("MaxStartups 10:30\n", false),
    ("MaxStartups 10:30:5\n", false),
    ("LogLevel LOUD\n", false),
    ("LogLevel Verbose\nSyslogFacility AUTHPRIV\nGatewayPorts no\nCompression delayed\n", true),
    ("Match final\n", false),
    ("Match exec true\n", false),
    ("Match\n", false),
    ("Match User\n", false),
    ("Match all User x\n", false),
    ("Match User x all\n", false),
    ("Match User=x LocalPort 22\n", true),
    ("Ciphers foo\n", false),
    ("Ciphers aes128-ctr,arcfour\n", false),
    ("Ciphers aes*\n", false),
    ("Ciphers aes128-ctr,aes256-gcm@openssh.com\nMACs -hmac-foo*\nKexAlgorithms ^curve25519-sha256\n", true),
    ("Match User x\nPubkeyAcceptedAlgorithms +foo\n", false),
    ("KexAlgorithms +foo\n", false),
    ("MACs hmac-foo\n", false),
    ("HostKeyAlgorithms ssh-*\n", true),
    ("KexAlgorithms curve25519-sha256\nPubkeyAcceptedAlgorithms ssh-ed25519\nRequiredRSASize 2048\n", true),
];

/// sshd's own test of a configuration, by the program of this machine, and ours, which asks the same program.
#[test]
fn sshd_refuses_the_same_configurations() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().to_str().unwrap();
    let key = dir.path().join("key");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
    assert!(made.expect("ssh-keygen is needed (Debian: openssh-client)").success());
    std::fs::create_dir_all("/run/sshd").unwrap();
    let program = std::fs::read(SSHD).expect("sshd is needed (Debian: openssh-server)");
    let mut others = Vec::new();
    for (text, starts) in CONFIGS {
        let text = text.replace("DIR", root);
        let file = dir.path().join("sshd_config");
        std::fs::write(&file, &text).unwrap();
        let included = [("more.conf", "PermitRootLogin no\n"), ("port.conf", "Port 23\n")];
        let fs = debian(&text).file(SSHD, &program).stat_of(SSHD, |stat| stat.mode = 0o755);
        let fs = included.iter().fold(fs, |fs, (name, text)| {
            std::fs::write(dir.path().join(name), text).unwrap();
            fs.file(&format!("{root}/{name}"), text)
        });
        let theirs = Command::new(SSHD).arg("-t").arg("-f").arg(&file).arg("-h").arg(&key).output().unwrap();
        assert_eq!(theirs.status.success(), *starts, "{text}: {theirs:?}");
        let ours = found(&fs);
        if (ours.refused.is_none(), &ours.undecided) != (*starts, &None) {
            others.push(format!("{text}: {ours:?}"));
        }
    }
    assert!(others.is_empty(), "{}", others.join("\n"));
}

#[test]
fn every_keyword_of_the_list_is_one_of_sshd_s_own() {
    let program = std::fs::read(SSHD).expect("sshd is needed (Debian: openssh-server)");
    let tree = MemoryFs::new().file(SSHD, program).tree();
    let program = keywords::Program::read(&tree, SSHD).unwrap().unwrap();
    let missing: Vec<&str> = keywords::all().filter(|keyword| !program.holds(keyword)).collect();
    assert_eq!((missing, program.holds("permitrootlogn")), (Vec::new(), false));
    let out = Command::new(SSHD).arg("-V").output().unwrap();
    let (major, minor) = program.release().unwrap();
    assert!(String::from_utf8_lossy(&out.stderr).contains(&format!("OpenSSH_{major}.{minor}")), "{out:?}");
}

/// Since 9.5 the first `Subsystem` of a name is taken; no program of that age is at hand here.
#[test]
fn a_second_subsystem_is_a_matter_of_the_release() {
    let of = |name: &str, text: &str| {
        found(&debian(text).file(SSHD, program(&[name])).stat_of(SSHD, |stat| stat.mode = 0o755))
    };
    let twice = "Subsystem sftp /a\nSubsystem sftp /b\n";
    let refused = |ssh: Ssh| ssh.refused.map(|refused| format!("{} ({})", refused.value, refused.place));
    let told = "Subsystem sftp a second time (/etc/ssh/sshd_config:2)";
    assert_eq!(refused(of("OpenSSH_9.2p1 Debian-2", twice)).as_deref(), Some(told));
    assert_eq!(refused(of("OpenSSH_9.6p1", twice)), None);
    let untold = of("OpenSSH_3.*", twice);
    assert!(untold.refused.is_none() && untold.undecided.unwrap().contains("not every release"));
    assert!(refused(of("OpenSSH_8.4", "Match User x\nSubsystem sftp /b\n")).unwrap().contains("in a Match block"));
}

/// The resolver is asked, not everyone listened to.
#[test]
fn an_address_that_is_a_name_is_not_known() {
    for name in ["*", "*:22", "mail.example.org", "mail.example.org:22"] {
        let ssh = found(&debian(&format!("ListenAddress {name}\n")));
        assert!(ssh.undecided.is_some_and(|why| why.contains("/etc/ssh/sshd_config:1: which address")), "{name}");
    }
    for name in ["0.0.0.0", "[::]:22", "fe80::1%eth0", "localhost"] {
        assert_eq!(found(&debian(&format!("ListenAddress {name}\n"))).undecided, None, "{name}");
    }
}

fn refused(fs: &MemoryFs) -> String {
    found(fs).refused.map(|refused| format!("{} ({})", refused.value, refused.place)).unwrap_or_default()
}

#[test]
fn a_refused_line_is_named() {
    assert_eq!(
        refused(&debian("# x\nPermitRootLogn yes\n")),
        "the keyword permitrootlogn is unknown to it (/etc/ssh/sshd_config:2)"
    );
    assert_eq!(refused(&debian("Match User x\nPort 23\n")), "port in a Match block (/etc/ssh/sshd_config:2)");
}

/// A release of its own time knows what it knows; a program that says nothing leaves it open.
#[test]
fn a_younger_keyword_is_asked_of_the_program() {
    let config = debian("Include /etc/ssh/sshd_config.d/*.conf\n");
    assert_eq!((refused(&config), found(&config).undecided), (String::new(), None));
    let old = config.clone().file(SSHD, program(&[])).stat_of(SSHD, |stat| stat.mode = 0o755);
    assert!(refused(&old).starts_with("the keyword include"), "{}", refused(&old));
    let wrapper = config.file(SSHD, "#!/bin/sh\nexec /opt/sshd\n").stat_of(SSHD, |stat| stat.mode = 0o755);
    let ssh = found(&wrapper);
    assert!(ssh.refused.is_none() && ssh.undecided.unwrap().contains("no program of OpenSSH's"));
}

#[test]
fn a_unit_that_starts_nothing_is_told() {
    let drop_in =
        |lines: &str| debian("").file("/etc/systemd/system/ssh.service.d/x.conf", format!("[Service]\n{lines}"));
    for (lines, told) in [
        ("ExecStart=\n", "no ExecStart= is left of its unit (/etc/systemd/system/ssh.service.d/x.conf:2)"),
        (
            "ExecStart=/usr/sbin/sshd -D\n",
            "its unit has a second ExecStart=, which systemd refuses (/etc/systemd/system/ssh.service.d/x.conf:2)",
        ),
        (
            "EnvironmentFile=/etc/none\n",
            "its unit asks for EnvironmentFile=/etc/none that is not there (/etc/systemd/system/ssh.service.d/x.conf:2)",
        ),
        (
            "ExecStart=\nExecStart=/opt/sshd -D\n",
            "/opt/sshd is no program (/etc/systemd/system/ssh.service.d/x.conf:3)",
        ),
        (
            "User=nobody2\n",
            "its unit asks for User=nobody2, whom the image lacks (/etc/systemd/system/ssh.service.d/x.conf:2)",
        ),
        (
            "WorkingDirectory=/srv/none\n",
            "its unit asks for WorkingDirectory=/srv/none that is not there (/etc/systemd/system/ssh.service.d/x.conf:2)",
        ),
        ("ExecStartPre=/bin/false\n", "ExecStartPre=/bin/false fails (/etc/systemd/system/ssh.service.d/x.conf:2)"),
        (
            "ExecStartPre=+/opt/none x\n",
            "ExecStartPre=/opt/none is no program (/etc/systemd/system/ssh.service.d/x.conf:2)",
        ),
        ("User=0\nWorkingDirectory=-/srv/none\nExecStartPre=-/opt/none\nExecStartPre=-/bin/false\n", ""),
        ("User=made\nWorkingDirectory=/etc/ssh\nExecStartPre=/usr/sbin/sshd -t\n", ""),
        ("ExecStart=\nExecStart=-/usr/sbin/sshd -D $SSHD_OPTS\nEnvironmentFile=-/etc/none\n", ""),
    ] {
        let fs = drop_in(lines).file("/bin/false", "").stat_of("/bin/false", |stat| stat.mode = 0o755);
        let fs = fs.file("/etc/passwd", "root:x:0:0::/root:/bin/sh\n").file("/usr/lib/sysusers.d/x.conf", "u made -\n");
        assert_eq!((refused(&fs), found(&fs).undecided), (told.to_owned(), None), "{lines}");
    }
    let directory = drop_in("User=of-ldap\n").file("/etc/nsswitch.conf", "passwd: files sss\n");
    assert!(refused(&directory).is_empty() && found(&directory).undecided.is_some());
    let plain = debian("").stat_of(SSHD, |stat| stat.mode = 0o644);
    assert_eq!(refused(&plain), "/usr/sbin/sshd is no program (/usr/lib/systemd/system/ssh.service:3)");
    let by_shell = found(
        &drop_in("ExecStart=\nExecStart=/bin/sh -c 'sshd -D'\n")
            .file("/bin/sh", "")
            .stat_of("/bin/sh", |s| s.mode = 0o755),
    );
    assert!(by_shell.refused.is_none() && by_shell.undecided.is_some());
}

#[test]
fn a_socket_whose_service_is_masked_leads_nowhere() {
    let fs = socket("ListenStream=22\n");
    assert_eq!(refused(&fs), "");
    let masked = fs.link("/etc/systemd/system/ssh.service", "/dev/null");
    assert!(refused(&masked).contains("/etc/systemd/system/ssh.service (masked)"), "{}", refused(&masked));
    let each = socket("ListenStream=22\nAccept=yes\n").file(&format!("{DIR}/ssh@.service"), "[Service]\n");
    assert!(refused(&each).contains("no ExecStart="), "{}", refused(&each));
}

#[test]
fn without_a_host_key_and_what_makes_one_it_does_not_run() {
    let empty = || debian("").file(KEY, "");
    assert!(!found(&debian("")).keyless);
    assert!(found(&empty()).keyless, "an empty file is no key");
    assert!(found(&debian("HostKey /etc/ssh/other\n")).refused.is_some(), "only what is named is looked for");
    let other = debian("HostKey /etc/ssh/other\n").file("/etc/ssh/other", "secret");
    assert!(!found(&other.stat_of("/etc/ssh/other", |stat| stat.mode = 0o600)).keyless);
    assert!(
        !found(
            &debian("HostKeyAgent /run/agent\n")
                .file(SSHD, program(&["hostkeyagent"]))
                .stat_of(SSHD, |s| s.mode = 0o755)
        )
        .keyless
    );
    let redhat = empty()
        .file("/etc/systemd/system/ssh.service.d/x.conf", "[Unit]\nWants=sshd-keygen.target\n")
        .file(&format!("{DIR}/sshd-keygen.target"), "[Unit]\nWants=sshd-keygen@rsa.service\n");
    assert!(!found(&redhat).keyless);
    let suse = empty()
        .file("/etc/systemd/system/ssh.service.d/x.conf", "[Service]\nExecStartPre=/usr/sbin/sshd-gen-keys-start\n");
    assert!(!found(&suse).keyless);
    let own = empty()
        .file("/etc/systemd/system/first.service", "[Service]\nType=oneshot\nExecStart=/bin/sh /root/first.sh\n")
        .link("/etc/systemd/system/multi-user.target.wants/first.service", "../first.service")
        .file("/root/first.sh", "#!/bin/sh\nssh-keygen -A\n")
        .stat_of("/root/first.sh", |stat| stat.mode = 0o755);
    assert!(!found(&own).keyless);
    let not_started = own.link("/etc/systemd/system/first.service", "/dev/null");
    assert!(found(&not_started).keyless);
}

#[test]
fn where_cloud_init_runs_nothing_else_that_makes_host_keys_is_looked_for() {
    let runs = |by: Option<&str>| CloudInit { enabled_by: by.map(str::to_owned), ..CloudInit::default() };
    let tree = debian("").file(KEY, "").tree();
    let services = Services::open(&tree, None).unwrap();
    let keyless = |cloud_init: &CloudInit| read(&tree, &services, Some(cloud_init), None).unwrap().keyless;
    assert!(keyless(&runs(None)));
    assert!(!keyless(&runs(Some("the generator"))));
}

#[test]
fn a_package_that_is_young_enough_answers_for_a_keyword_of_its_program() {
    let status = |version: &str| {
        format!("Package: openssh-server\nStatus: install ok installed\nVersion: {version}\nArchitecture: amd64\n\n")
    };
    for (version, refused) in
        [("1:9.2p1-2+deb12u7", false), ("8.2p1", false), ("1:7.9p1-10", true), ("8.10p1", false), ("nine", true)]
    {
        let tree = debian("Include /etc/ssh/none/*.conf\n")
            .file(SSHD, program(&[]))
            .stat_of(SSHD, |s| s.mode = 0o755)
            .file("/var/lib/dpkg/status", status(version))
            .tree();
        let packages = packages::read(&tree).unwrap();
        let found = read(&tree, &Services::open(&tree, None).unwrap(), None, packages.as_ref()).unwrap();
        assert_eq!(found.refused.is_some(), refused, "{version}");
    }
}

#[test]
fn a_host_key_of_an_unusual_name_is_made_by_nobody() {
    let runs = CloudInit { enabled_by: Some("the generator".to_owned()), ..CloudInit::default() };
    let with = |fs: MemoryFs, cloud_init: &CloudInit| {
        let tree = fs.tree();
        let ssh = read(&tree, &Services::open(&tree, None).unwrap(), Some(cloud_init), None).unwrap();
        (ssh.refused.map(|refused| refused.place).unwrap_or_default(), ssh.keyless)
    };
    let other = || debian("# x\nHostKey /etc/ssh/nosuch\n");
    assert_eq!(with(other(), &runs), ("/etc/ssh/sshd_config:2".to_owned(), false));
    let there = other().file("/etc/ssh/nosuch", "secret");
    assert_eq!(with(there, &runs), (String::new(), false), "open to others, and not absent");
    let usual = debian("HostKey /etc/ssh/nosuch\nHostKey /etc/ssh/ssh_host_rsa_key\n");
    assert_eq!(with(usual, &runs), (String::new(), false), "cloud-init makes the other");
    let elsewhere = debian("HostKey /data/key\n");
    assert_eq!(with(elsewhere, &runs), (String::new(), false), "it may be on another filesystem");
    let made = other().file(
        "/etc/systemd/system/ssh.service.d/x.conf",
        "[Service]\nExecStartPre=-/usr/bin/ssh-keygen -f /etc/ssh/nosuch\n",
    );
    assert_eq!(with(made, &runs), (String::new(), false));
    let open = |mode: u32| debian("").stat_of(KEY, |stat| stat.mode = mode);
    let none = CloudInit::default();
    for (mode, place) in [(0o600, ""), (0o640, ""), (0o644, KEY), (0o620, KEY), (0o602, KEY), (0, "")] {
        assert_eq!(with(open(mode), &none), (place.to_owned(), false), "{mode:o}");
    }
    assert_eq!(with(open(0o644), &runs), (String::new(), false), "cloud-init makes others");
    assert_eq!(with(open(0o644).stat_of(KEY, |stat| stat.uid = 1), &none), (String::new(), false), "not root's");
    let rsa = "/etc/ssh/ssh_host_rsa_key";
    let second = open(0o644).file(rsa, "secret").stat_of(rsa, |stat| stat.mode = 0o600);
    assert_eq!(with(second, &none), (String::new(), false), "one is enough");
}

#[test]
fn a_port_by_name_is_what_the_list_of_services_says() {
    let with = |services: &str| debian("Port ssh\n").file("/etc/services", services);
    assert_eq!(shown(&found(&with("ssh\t\t22/tcp\t# SSH\n"))), [":22 /etc/ssh/sshd_config:1"]);
    assert_eq!(shown(&found(&with("x 23/tcp ssh\n"))), [":23 /etc/ssh/sshd_config:1"]);
    for services in ["", "ssh 22/udp\n", "# ssh 22/tcp\n"] {
        let refused = refused(&with(services));
        assert_eq!(refused, "Port ssh, which /etc/services has not (/etc/ssh/sshd_config:1)", "{services}");
    }
    assert!(refused(&debian("Port ssh\n")).contains("Port ssh"));
}

#[test]
fn the_user_that_it_runs_as_has_to_be_there() {
    let demand = "Privilege separation user %s does not exist";
    let of = |release: &str, passwd: &str| {
        debian("")
            .file(SSHD, program(&["include", release, demand]))
            .stat_of(SSHD, |stat| stat.mode = 0o755)
            .file("/etc/passwd", passwd)
            .file("/etc/nsswitch.conf", "passwd:  files systemd\n")
            .file(packages::DPKG_STATUS, "Package: base-files\nStatus: install ok installed\nVersion: 12\n\n")
    };
    let missed = |fs: MemoryFs| {
        let tree = fs.tree();
        let packages = packages::read(&tree).unwrap();
        let services = Services::open(&tree, None).unwrap();
        read(&tree, &services, None, packages.as_ref()).unwrap().refused.is_some_and(|it| it.place == "/etc/passwd")
    };
    let root = "root:x:0:0::/root:/bin/sh\n";
    let without = || of("OpenSSH_9.2p1", root);
    assert!(missed(without()));
    assert!(!missed(of("OpenSSH_9.2p1", &format!("{root}sshd:x:104:65534::/run/sshd:/usr/sbin/nologin\n"))));
    assert!(!missed(of("OpenSSH_7.4p1", root)) && !missed(of("OpenSSH_9.9p1", root)), "other releases");
    assert!(!missed(without().file("/usr/lib/sysusers.d/ssh.conf", "u sshd -\n")), "made at boot");
    assert!(!missed(without().file("/etc/nsswitch.conf", "passwd: files altfiles\n")));
    let broken = without().broken("/etc/passwd", crate::disk::Error::limit("ext4", "too long"));
    assert!(!missed(broken), "not read whole");
}
