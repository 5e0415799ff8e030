use std::process::Command;

use super::*;
use crate::guest::linux::services::tests::script;
use crate::guest::linux::testarchive;
use crate::guest::testing::MemoryFs;
use crate::inspect::facts::Listen;

mod refused;
mod values;

const DIR: &str = "/usr/lib/systemd/system";
const SSHD: &str = "/usr/sbin/sshd";

fn system(unit: &str, text: &str, wanted: &str) -> MemoryFs {
    MemoryFs::new()
        .file(&format!("{DIR}/multi-user.target"), "[Unit]\nRequires=basic.target\n")
        .file(&format!("{DIR}/basic.target"), "[Unit]\nWants=sockets.target\n")
        .file(&format!("{DIR}/sockets.target"), "[Unit]\n")
        .link(&format!("{DIR}/default.target"), "multi-user.target")
        .file(&format!("{DIR}/{unit}"), text)
        .link(&format!("/etc/systemd/system/{wanted}.wants/{unit}"), &format!("{DIR}/{unit}"))
        .file("/etc/ssh/sshd_config", "")
        .file("/etc/ssh/ssh_host_ed25519_key", "secret")
        .stat_of("/etc/ssh/ssh_host_ed25519_key", |stat| stat.mode = 0o600)
        .file(SSHD, program(&["include"]))
        .stat_of(SSHD, |stat| stat.mode = 0o755)
}

/// A program that knows what all releases know, and these keywords.
fn program(more: &[&str]) -> Vec<u8> {
    let words = ["permitrootlogin", "listenaddress"].iter().chain(more);
    words.fold(b"\x7fELF\x02".to_vec(), |all, word| [&all, b"\0".as_slice(), word.as_bytes(), b"\0"].concat())
}

fn debian(config: &str) -> MemoryFs {
    system(
        "ssh.service",
        "[Service]\nEnvironmentFile=-/etc/default/ssh\nExecStart=/usr/sbin/sshd -D $SSHD_OPTS\n",
        "multi-user.target",
    )
    .file("/etc/ssh/sshd_config", config)
}

fn socket(lines: &str) -> MemoryFs {
    system("ssh.socket", &format!("[Socket]\n{lines}"), "sockets.target")
        .file(&format!("{DIR}/ssh.service"), "[Service]\nExecStart=/usr/sbin/sshd -D\n")
}

fn found(fs: &MemoryFs) -> Ssh {
    let tree = fs.clone().tree();
    read(&tree, &Services::open(&tree, None).unwrap(), None, None).unwrap()
}

fn shown(ssh: &Ssh) -> Vec<String> {
    let one = |l: &Listen| format!("{}:{} {}", l.address, l.port, l.place);
    ssh.listens.iter().map(one).collect()
}

#[test]
fn without_a_word_it_is_port_22_of_every_address() {
    let ssh = found(&debian("#Port 2222\n").file("/etc/ssh/ssh_host_rsa_key.pub", ""));
    assert_eq!(
        (ssh.starts.when, ssh.starts.by.as_str()),
        (When::Boot, "/etc/systemd/system/multi-user.target.wants/ssh.service")
    );
    assert_eq!((shown(&ssh), ssh.host_keys), (vec![":22 ".to_owned()], vec!["ed25519".to_owned()]));
}

#[test]
fn options_of_the_service_count_before_the_configuration() {
    let with =
        |options: &str| found(&debian("Port 22\n").file("/etc/default/ssh", format!("SSHD_OPTS=\"{options}\"\n")));
    assert_eq!(shown(&with("-p 2200")), [":2200 /etc/default/ssh:1"]);
    let options = |ssh: Ssh| ssh.listens.iter().map(|l| l.option).collect::<Vec<_>>();
    assert_eq!((options(with("-p 2200")), options(with("-4"))), (vec![true], vec![false]));
    let included = debian("Include \"x/a b.conf\"\n").file("/etc/ssh/x/a b.conf", "Port 999\n");
    assert_eq!(shown(&found(&included)), [":999 /etc/ssh/x/a b.conf:1"]);
    assert_eq!(options(found(&included)), [false], "a line of the configuration, wherever its file lies");
    assert_eq!(shown(&with("-4")), ["0.0.0.0:22 /etc/ssh/sshd_config:1"]);
    assert_eq!(with("-4").family, None);
    let family = |ssh: Ssh| ssh.family.map(|family| format!("{} {}", family.value, family.place)).unwrap_or_default();
    assert_eq!(family(with("-6")), "-6 /etc/default/ssh:1");
    assert_eq!(family(found(&debian("# x\nAddressFamily inet6\n"))), "AddressFamily inet6 /etc/ssh/sshd_config:2");
    assert!(with("-f /root/own").undecided.is_some() && with("-oPort=99").undecided.is_some());
    let unused = debian("").file("/etc/sysconfig/sshd", "OPTIONS=\"-p 1\"\n");
    assert_eq!(shown(&found(&unused)), [":22 "], "no unit asks for that file");
    let crypto = debian("").file("/etc/default/ssh", "SSHD_OPTS='-oHostKeyAlgorithms=rsa-sha2-256 -oCiphers=x -u0'\n");
    assert_eq!(shown(&found(&crypto)), [":22 "], "none of them is a port");
    let no_config =
        system("ssh.service", "[Service]\nExecStart=/usr/sbin/sshd -D -f /etc/other\n", "multi-user.target");
    assert!(found(&no_config).undecided.is_some());
}

/// Variables of any name, from any file, as systemd.exec(5) puts them in.
#[test]
fn the_unit_s_own_variables_are_put_into_its_command() {
    let with = |lines: &str| debian("").file("/etc/systemd/system/ssh.service.d/x.conf", format!("[Service]\n{lines}"));
    let own = with("EnvironmentFile=/etc/sshport\n").file("/etc/sshport", "SSHD_OPTS=-p 2222\n");
    assert_eq!(shown(&found(&own)), [":2222 /etc/sshport:1"]);
    let x = "/etc/systemd/system/ssh.service.d/x.conf";
    let line = with("Environment=\"SSHD_OPTS=-p 2222\" OTHER=x\n");
    assert_eq!(shown(&found(&line)), [format!(":2222 {x}:2")]);
    let file = line.clone().file("/etc/default/ssh", "SSHD_OPTS=\n");
    assert_eq!(shown(&found(&file)), [":22 "], "a file counts after a line");
    let inside = with("Environment=PORT=2200\nExecStart=\nExecStart=/usr/sbin/sshd -D -p${PORT}\n");
    assert_eq!(shown(&found(&inside)), [format!(":2200 {x}:2")]);
    let v6 = with("ExecStart=\nExecStart=/usr/sbin/sshd -D6\n");
    assert_eq!(shown(&found(&v6)), [":::22 "]);
    let made = with("EnvironmentFile=/run/sshport\n");
    assert!(found(&made).undecided.unwrap().contains("/run/sshport"));
    let local = with("ExecStart=\nExecStart=/usr/local/sbin/sshd -D\n")
        .file("/usr/local/sbin/sshd", program(&[]))
        .stat_of("/usr/local/sbin/sshd", |stat| stat.mode = 0o755);
    assert!(found(&local).undecided.unwrap().contains("which configuration"));
}

/// Debian's script and Ubuntu's job, in what matters.
#[test]
fn scripts_and_jobs_give_options_too() {
    let base = || {
        MemoryFs::new()
            .file("/sbin/init", "")
            .file(SSHD, program(&[]))
            .stat_of(SSHD, |stat| stat.mode = 0o755)
            .file("/etc/ssh/sshd_config", "")
            .file("/etc/ssh/ssh_host_rsa_key", "secret")
    };
    let job = |exec: &str| {
        let text = format!(
            "start on runlevel [2345]\npre-start script\n  test -e /etc/ssh/sshd_not_to_be_run && {{ stop; exit 0; }}\nend script\nexec {exec}\n"
        );
        base().file("/etc/init/rc-sysinit.conf", "env DEFAULT_RUNLEVEL=2\n").file("/etc/init/ssh.conf", text)
    };
    assert_eq!(shown(&found(&job("/usr/sbin/sshd -D"))), [":22 "]);
    assert_eq!(shown(&found(&job("/usr/sbin/sshd -D -p 2222"))), [":2222 /etc/init/ssh.conf:5"]);
    let unasked = job("/usr/sbin/sshd -D").file("/etc/default/ssh", "SSHD_OPTS='-p 2222'\n");
    assert_eq!(shown(&found(&unasked)), [":22 "]);
    assert!(found(&job("/usr/sbin/sshd -D").stat_of(SSHD, |stat| stat.mode = 0)).refused.is_some());
    let script = |line: &str| {
        let text = format!(
            "#!/bin/sh\nif test -e /etc/ssh/sshd_not_to_be_run; then exit 0; fi\n. /etc/default/ssh\nkillproc -p $PID /usr/sbin/sshd\n{line}\n"
        );
        script(base().file("/etc/inittab", "id:2:initdefault:\n"), "/etc/init.d/ssh")
            .file("/etc/init.d/ssh", text)
            .stat_of("/etc/init.d/ssh", |stat| stat.mode = 0o755)
            .link("/etc/rc2.d/S16ssh", "../init.d/ssh")
    };
    let plain = script("start-stop-daemon --start --exec /usr/sbin/sshd -- $SSHD_OPTS");
    assert_eq!(shown(&found(&plain)), [":22 "]);
    let moved = plain.clone().file("/etc/default/ssh", "SSHD_OPTS='-p 2222'\n");
    assert_eq!(shown(&found(&moved)), [":2222 /etc/default/ssh:1"]);
    assert!(found(&script("start-stop-daemon --exec /usr/sbin/sshd -- -p 2222")).undecided.is_some());
    for fs in [plain, job("/usr/sbin/sshd -D")] {
        let ssh = found(&fs.file("/etc/ssh/sshd_not_to_be_run", ""));
        assert_eq!((ssh.starts.when, ssh.starts.by.as_str()), (When::Kept, "/etc/ssh/sshd_not_to_be_run"));
    }
}

#[test]
fn a_socket_listens_by_its_own_lines() {
    let fs = socket("ListenStream=22\nAccept=no\n").file("/etc/ssh/sshd_config", "Port 2222\n");
    let ssh = found(&fs);
    assert!(ssh.socket && ssh.starts.by.ends_with("sockets.target.wants/ssh.socket"), "{ssh:?}");
    assert_eq!(shown(&ssh), [":22 /usr/lib/systemd/system/ssh.socket:2"]);
    let moved = fs.clone().file(
        "/etc/systemd/system/ssh.socket.d/x.conf",
        "[Socket]\nListenStream=\nListenStream=127.0.0.1:22\nListenStream=[::]:2022\n",
    );
    assert_eq!(
        shown(&found(&moved)),
        ["127.0.0.1:22 /etc/systemd/system/ssh.socket.d/x.conf:3", ":2022 /etc/systemd/system/ssh.socket.d/x.conf:4"]
    );
    // Ubuntu 24.04: the ports of sshd_config become a drop-in at each boot.
    let generated = fs.file("/usr/lib/systemd/system-generators/sshd-socket-generator", "");
    assert_eq!(shown(&found(&generated)), [":2222 /etc/ssh/sshd_config:1"]);
    let odd = socket("ListenStream=/run/x\nListenStream=eth0\n");
    assert!(found(&odd).undecided.is_some());
    assert_eq!(
        shown(&found(&socket("BindIPv6Only=ipv6-only\nListenStream=22\n"))),
        ["::22 /usr/lib/systemd/system/ssh.socket:3".replacen("::", ":::", 1)]
    );
}

#[test]
fn a_masked_daemon_is_told() {
    let fs = debian("").link("/etc/systemd/system/ssh.service", "/dev/null");
    let ssh = found(&fs);
    assert_eq!((ssh.starts.when, ssh.starts.by.as_str()), (When::Kept, "/etc/systemd/system/ssh.service (masked)"));
}

#[test]
fn freebsd_starts_it_by_rc_conf() {
    let tree = MemoryFs::of_texts(&[
        ("/etc/rc.conf", "sshd_enable=\"YES\"\nsshd_flags=\"-p 2222\"\n"),
        ("/etc/ssh/sshd_config", "PermitRootLogin yes\n"),
    ])
    .tree();
    let ssh = freebsd(&tree, &RcConf::read(&tree).unwrap()).unwrap();
    assert_eq!((ssh.starts.when, shown(&ssh)), (When::Boot, vec![":2222 /etc/rc.conf:2".to_owned()]));
    assert_eq!(ssh.root_login.unwrap().value, "yes");
}

/// `sshd -T` prints what the daemon would use.
#[test]
fn sshd_itself_reads_the_same() {
    let configs: &[&[(&str, &str)]] = &[
        &[("sshd_config", "")],
        &[("sshd_config", "Port 2222\nport=22\nPORT \"44\" # x\nPermitRootLogin no\nPermitRootLogin yes\n")],
        &[(
            "sshd_config",
            "ListenAddress 127.0.0.1\nListenAddress 192.0.2.1:2200\nListenAddress [::1]:22\nListenAddress ::\nPort 33\n",
        )],
        &[("sshd_config", "AddressFamily inet\nListenAddress 0.0.0.0\n")],
        &[("sshd_config", "Match User x\n  PermitRootLogin yes\nMatch all\nPermitRootLogin forced-commands-only\n")],
        &[
            ("sshd_config", "Include DIR/d/*.conf\nPort 22\nPermitRootLogin yes\n"),
            ("d/20.conf", "Port 20\nPermitRootLogin prohibit-password\n"),
            ("d/10.conf", "Port 10\nMatch User y\nPermitRootLogin no\n"),
            ("d/30.conf.bak", "Port 30\n"),
        ],
        &[
            ("sshd_config", "Match User z\nInclude DIR/d/*.conf\nMatch all\nPort 7\n"),
            ("d/a.conf", "PermitRootLogin no\n"),
        ],
    ];
    for files in configs {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().to_str().unwrap();
        std::fs::create_dir(dir.path().join("d")).unwrap();
        let fs = files.iter().fold(MemoryFs::new(), |fs, (name, text)| {
            let text = text.replace("DIR", root);
            std::fs::write(dir.path().join(name), &text).unwrap();
            let path =
                if *name == "sshd_config" { "/etc/ssh/sshd_config".to_owned() } else { format!("{root}/{name}") };
            fs.file(&path, text)
        });
        let key = dir.path().join("key");
        let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
        assert!(made.expect("ssh-keygen is needed (Debian: openssh-client)").success());
        std::fs::create_dir_all("/run/sshd").unwrap();
        let out = Command::new("/usr/sbin/sshd")
            .args(["-T", "-f"])
            .arg(dir.path().join("sshd_config"))
            .arg("-h")
            .arg(&key)
            .output();
        let out = out.expect("sshd is needed (Debian: openssh-server)");
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(out.status.success(), "{files:?}: {}", String::from_utf8_lossy(&out.stderr));
        let values = |key: &str| -> Vec<String> {
            text.lines().filter_map(|l| l.strip_prefix(key)?.strip_prefix(' ')).map(str::to_owned).collect()
        };
        let config = Config::read(&fs.tree()).unwrap();
        let of = |listen: &Listen| {
            if listen.address.contains(':') {
                format!("[{}]:{}", listen.address, listen.port)
            } else {
                format!("{}:{}", listen.address, listen.port)
            }
        };
        let mut ours: Vec<String> = Vec::new();
        for listen in listen::listens(&config, &[]) {
            let both = ["0.0.0.0", "::"].map(|address| Listen { address: address.into(), ..listen.clone() });
            let list = if listen.address.is_empty() { both.to_vec() } else { vec![listen] };
            ours.extend(list.iter().map(of));
        }
        let mut theirs = values("listenaddress");
        ours.sort();
        theirs.sort();
        assert_eq!(ours, theirs, "{files:?}");
        let root_login = config.root_login.map_or("without-password".to_owned(), |(value, _)| value);
        assert_eq!(
            root_login.replace("prohibit-password", "without-password"),
            values("permitrootlogin")[0],
            "{files:?}"
        );
    }
}

#[test]
fn a_debian_s_own_configuration_is_read() {
    let Some(dir) = testarchive("linux-config/debian-bookworm-etc.tar.xz") else { return };
    let config = Config::read(&MemoryFs::read_from(dir.path()).tree()).unwrap();
    assert_eq!((config.file.as_str(), config.ports.len(), config.undecided), ("/etc/ssh/sshd_config", 0, None));
}

#[test]
fn hostile_configurations_end() {
    let ring = MemoryFs::of_texts(&[("/etc/ssh/sshd_config", "Include sshd_config\nInclude sshd_config\n")]);
    assert!(Config::read(&ring.tree()).unwrap().undecided.is_some());
    for text in ["Port 0\n", "Port 99999\n", "ListenAddress [::1\n", &"Port 1\n".repeat(300)] {
        let config = Config::read(&MemoryFs::of_texts(&[("/etc/ssh/sshd_config", text)]).tree()).unwrap();
        assert!(config.undecided.is_some() || config.refused.is_some(), "{text}");
    }
}
