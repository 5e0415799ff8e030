//! States of real systems that have fooled such checks: what is read of them, and what the rule says then.

mod disks;

use std::path::Path;

use crate::disk::testkit::run;
use crate::guest::linux::device::Devices;
use crate::guest::linux::{self, System, release};
use crate::guest::root::MountPoint;
use crate::guest::testing::MemoryFs;
use crate::inspect::facts::Fact;
use crate::report::Outcome::{self, Advice, Fail, Pass, Unknown, Warn};
use crate::report::RuleResult;
use crate::rules::fixture::{A2018_06, A2020, TENCENT, fstab, guest, healthy, linux, result};

const UNITS: &str = "/lib/systemd/system";

/// A Debian whose systemd starts what a test adds.
fn debian() -> MemoryFs {
    MemoryFs::of_texts(&[
        ("/etc/os-release", "ID=debian\nVERSION_ID=\"10\"\nPRETTY_NAME=\"Debian GNU/Linux 10 (buster)\"\n"),
        ("/lib/systemd/systemd", ""),
        ("/lib/systemd/system/multi-user.target", "[Unit]\nWants=sockets.target\n"),
        ("/lib/systemd/system/sockets.target", "[Unit]\n"),
        ("/var/lib/dpkg/status", "Package: bash\nStatus: install ok installed\nVersion: 5.0-4\n"),
    ])
    .link("/lib/systemd/system/default.target", "multi-user.target")
    .link("/sbin/init", "/lib/systemd/systemd")
}

/// The same with a unit that the default target wants.
fn starting(fs: MemoryFs, unit: &str, text: &str, target: &str) -> MemoryFs {
    fs.file(&format!("{UNITS}/{unit}"), text)
        .link(&format!("/etc/systemd/system/{target}.wants/{unit}"), &format!("{UNITS}/{unit}"))
}

/// A rule on the healthy image with these files in it. The kernel and what starts it stay those of the image, where the
/// files have none.
fn judged(fs: MemoryFs, profile: &str, id: &str) -> RuleResult {
    let tree = fs.tree();
    let image = healthy();
    let table = image.table.as_ref().and_then(Fact::known);
    let mounts = [MountPoint { at: "/".to_owned(), volume: "p1".to_owned(), inside: String::new() }];
    let devices = Devices::new(&image.volumes, table);
    let (read, network) = linux::read(&System { tree: &tree, devices, mounts: &mounts, modes: None }).unwrap();
    result(profile, id, |facts, _| {
        let guest = guest(facts);
        guest.release = Some(Fact::Known(release::read(&tree).unwrap()));
        guest.network = Some(network);
        let own = guest.linux.replace(read).unwrap();
        if linux(facts).kernels.is_empty() {
            (linux(facts).boot, linux(facts).kernels) = (own.boot, own.kernels);
        }
        if !fstab(facts).present {
            linux(facts).fstab = own.fstab;
        }
    })
}

fn assert_rows(fs: &MemoryFs, rows: &[(&str, &str, Outcome)], what: &str) {
    for (profile, id, wanted) in rows {
        let rule = judged(fs.clone(), profile, id);
        assert_eq!(rule.result, *wanted, "{what}: {profile} {id}: {}", rule.message);
    }
}

#[test]
fn what_a_removed_package_leaves_behind_is_not_installed() {
    let install = r#"
pack cloud-init /usr/bin/cloud-init /etc/cloud/cloud.cfg <<<'datasource_list: [ConfigDrive]'
pack qemu-guest-agent /usr/sbin/qemu-ga /etc/init.d/qemu-guest-agent <<<'#!/bin/sh'
dpkg -i cloud-init.deb qemu-guest-agent.deb
mkdir -p "$root"/etc/rc3.d
ln -s ../init.d/qemu-guest-agent "$root"/etc/rc3.d/S01qemu-guest-agent
"#;
    let starting = |script: &str| {
        let units = "/usr/lib/systemd/system";
        dpkg(tempfile::tempdir().unwrap().path(), &format!("{install}{script}"))
            .file("/usr/lib/systemd/systemd", "")
            .link("/usr/sbin/init", "/usr/lib/systemd/systemd")
            .file(&format!("{units}/multi-user.target"), "[Unit]\n")
            .link(&format!("{units}/default.target"), "multi-user.target")
            .file(&format!("{units}/cloud-init.service"), "[Service]\n")
            .link(
                "/etc/systemd/system/multi-user.target.wants/cloud-init.service",
                &format!("{units}/cloud-init.service"),
            )
    };
    assert_rows(&starting(""), &[(TENCENT, "SVC-01", Pass), (A2020, "SVC-05", Fail)], "state installed");
    let removed = starting("dpkg -r cloud-init qemu-guest-agent");
    assert!(removed.clone().tree().exists("/etc/init.d/qemu-guest-agent").unwrap(), "dpkg keeps its script");
    assert_rows(&removed, &[(TENCENT, "SVC-01", Fail), (A2020, "SVC-05", Pass)], "state config-files");
}

#[test]
fn cloud_init_25_has_no_cloud_init_service() {
    let status = "Package: bash\nStatus: install ok installed\nVersion: 5\n\nPackage: cloud-init\nStatus: install ok installed\nVersion: 25.1.4-1\n";
    let fs = debian()
        .file("/var/lib/dpkg/status", status)
        .file("/usr/bin/cloud-init", "#!/usr/bin/python3\n")
        .file(&format!("{UNITS}/cloud-init.target"), "[Unit]\n");
    let fs = starting(fs, "cloud-init-main.service", "[Service]\n", "multi-user.target");
    let fs = starting(fs, "cloud-init-network.service", "[Service]\n", "multi-user.target");
    assert_rows(&fs, &[(TENCENT, "SVC-01", Pass), (A2020, "SVC-01", Pass), (TENCENT, "SVC-02", Pass)], "no list");
    let none = fs.file("/etc/cloud/cloud.cfg.d/90_dpkg.cfg", "datasource_list: [ None ]\n");
    assert_rows(&none, &[(TENCENT, "SVC-02", Warn), (A2020, "SVC-02", Advice)], "[None]");
}

#[test]
fn a_socket_starts_sshd() {
    let fs = debian()
        .file(&format!("{UNITS}/ssh.service"), "[Service]\nExecStart=/usr/sbin/sshd -D\n")
        .file("/etc/ssh/sshd_config", "#Port 22\n");
    assert_rows(&fs, &[(A2020, "SVC-08", Warn)], "neither starts");
    let fs = starting(fs, "ssh.socket", "[Socket]\nListenStream=22\nAccept=no\n", "sockets.target");
    assert_rows(&fs, &[(A2020, "SVC-08", Warn)], "ssh.socket, and no program that it starts");
    let fs = fs
        .file("/usr/sbin/sshd", "")
        .stat_of("/usr/sbin/sshd", |stat| stat.mode = 0o755)
        .file("/etc/ssh/ssh_host_rsa_key", "secret");
    assert_rows(&fs, &[(A2020, "SVC-08", Warn)], "a host key that others may read");
    let fs = fs.stat_of("/etc/ssh/ssh_host_rsa_key", |stat| stat.mode = 0o600);
    assert_rows(&fs, &[(A2020, "SVC-08", Advice)], "ssh.socket, and the image's own host key");
}

#[test]
fn networks_without_a_line_that_says_dhcp() {
    let manager = starting(debian(), "NetworkManager.service", "[Service]\n", "multi-user.target");
    assert_rows(&manager, &[(A2018_06, "SVC-10", Pass), (A2020, "SVC-11", Pass)], "NetworkManager without a profile");
    let server = manager.file("/usr/lib/NetworkManager/conf.d/00-server.conf", "[main]\nno-auto-default=*\n");
    assert_rows(&server, &[(A2018_06, "SVC-10", Fail), (A2020, "SVC-10", Warn)], "NetworkManager-config-server");
    let networkd = starting(debian(), "systemd-networkd.service", "[Service]\n", "multi-user.target");
    let netplan = networkd.file("/lib/systemd/system-generators/netplan", "#!/bin/sh\n").file(
        "/etc/netplan/50-cloud-init.yaml",
        "network:\n  version: 2\n  ethernets:\n    all:\n      match: {name: \"e*\"}\n      dhcp4: true\n    other:\n      match: {driver: virtio_net}\n      dhcp4: true\n",
    );
    let rows = [(A2018_06, "SVC-10", Pass), (A2020, "SVC-11", Pass), (TENCENT, "SVC-13", Pass)];
    assert_rows(&netplan, &rows, "netplan by pattern");
}

#[test]
fn selinux_that_the_kernel_has_off_enforces_nothing() {
    let config = "CONFIG_SECURITY_SELINUX=y\nCONFIG_SECURITY_APPARMOR=y\nCONFIG_LSM=\"landlock,lockdown,yama,apparmor\"\nCONFIG_VIRTIO_BLK=y\n";
    let with = |config: &str| {
        debian()
            .file("/etc/selinux/config", "SELINUX=enforcing\nSELINUXTYPE=default\n")
            .file("/boot/vmlinuz-4.19.0", "kernel")
            .file("/boot/config-4.19.0", config)
            .file("/boot/grub/grub.cfg", "menuentry 'Debian' {\nlinux /boot/vmlinuz-4.19.0 root=UUID=0a1b ro\n}\n")
    };
    let off = [(A2020, "LNX-06", Advice), (A2018_06, "LNX-06", Advice)];
    assert_rows(&with(config), &off, "AppArmor comes first");
    let on = with(&config.replace("yama,apparmor", "yama,selinux,apparmor"));
    assert_rows(&on, &[(A2020, "LNX-06", Warn), (A2018_06, "LNX-06", Fail)], "SELinux comes first");
}

/// What dpkg itself holds after `script`, in which `$root` is a merged `/usr` and `pack NAME FILE` builds a package.
fn dpkg(dir: &Path, script: &str) -> MemoryFs {
    let before = r#"
root=$PWD/root; mkdir -p "$root"/var/lib/dpkg/info "$root"/var/lib/dpkg/updates "$root"/usr/bin "$root"/usr/sbin "$root"/usr/lib "$root"/etc
touch "$root"/var/lib/dpkg/status "$root"/var/lib/dpkg/available
for d in bin sbin lib; do ln -s usr/$d "$root"/$d; done
dpkg() { command dpkg --root "$root" --force-all --log="$root"/log "$@"; }
pack() { # name, its program, a file of configuration
  mkdir -p "$1"/DEBIAN "$1$(dirname "$2")"
  printf 'Package: %s\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n' "$1" >"$1"/DEBIAN/control
  cp /bin/bash "$1$2"
  (cd "$1" && md5sum "${2#/}" >DEBIAN/md5sums)
  [ -z "${3:-}" ] || { echo "$3" >"$1"/DEBIAN/conffiles; mkdir -p "$1$(dirname "$3")"; cat >"$1$3"; }
  dpkg-deb --build "$1" "$1".deb
}
"#;
    let path = std::env::var("PATH").unwrap_or_default();
    let script = format!(
        "cd {} && export PATH={path}:/usr/sbin:/sbin && exec 2>&1 && set -e\n{before}\n{script}",
        dir.display()
    );
    run("dpkg", "bash", &["-c", &script]);
    MemoryFs::read_from(&dir.join("root")).file("/etc/os-release", "ID=debian\nVERSION_ID=10\n")
}

/// Two packages of this machine's kind, one diverted. Old packages say `/bin/bash`, which a merged `/usr` has elsewhere.
fn installed_by_dpkg(dir: &Path) -> MemoryFs {
    let script = r#"
pack bash /bin/bash
pack dash /bin/sh
dpkg-divert --root "$root" --package other --divert /bin/sh.distrib --no-rename --add /bin/sh
dpkg -i bash.deb dash.deb
ln -s bash "$root"/bin/sh
"#;
    dpkg(dir, script)
}

#[test]
fn old_paths_and_diversions_of_dpkg_are_followed_on_a_merged_usr() {
    let dir = tempfile::tempdir().unwrap();
    let fs = installed_by_dpkg(dir.path());
    // The loader that this machine's bash asks for.
    let fs = fs.link("/lib64", "usr/lib64").dir("/usr/lib64");
    assert_rows(&fs, &[(A2020, "LNX-01", Pass)], "merged /usr, /bin/sh diverted");
    let changed = fs.clone().file("/usr/bin/bash", "changed");
    assert_rows(&changed, &[(A2020, "LNX-01", Warn)], "changed all the same");
    let diverted = fs.file("/usr/bin/sh.distrib", "changed");
    assert_rows(&diverted, &[(A2020, "LNX-01", Pass)], "only the diverted one, which nothing starts");
    let shell = std::fs::read("/bin/bash").unwrap();
    let at = shell.windows(14).position(|name| name == b".gnu_debuglink").expect("a stripped program of Debian");
    let mut prelinked = shell;
    prelinked[at..at + 14].copy_from_slice(b".gnu.prelink_u");
    let fs = installed_by_dpkg(tempfile::tempdir().unwrap().path()).link("/lib64", "usr/lib64").dir("/usr/lib64");
    assert_rows(&fs.file("/usr/bin/bash", prelinked), &[(A2020, "LNX-01", Unknown)], "prelinked");
}

#[test]
fn a_root_of_32_bits_has_no_lib64() {
    // An ELF of 32 bits whose only program header names the dynamic loader.
    let loader = b"/lib/ld-linux.so.2\0";
    let mut program = vec![0; 52 + 32];
    program[..6].copy_from_slice(b"\x7fELF\x01\x01");
    (program[16], program[18], program[28]) = (2, 3, 52);
    (program[42], program[44]) = (32, 1);
    (program[52], program[56], program[68]) = (3, 84, u8::try_from(loader.len()).unwrap());
    program.extend(loader);
    let fs = MemoryFs::of_texts(&[("/etc/os-release", "ID=debian\nVERSION_ID=10\n"), ("/lib/ld-linux.so.2", "x")])
        .file("/bin/bash", &program)
        .file("/bin/sh", &program)
        .dir("/sbin");
    let rule = judged(fs.clone(), A2020, "LNX-01");
    assert_eq!(rule.result, Outcome::NotApplicable, "the folders are there: {}", rule.message);
    assert_rows(&fs, &[(A2020, "OS-09", Pass)], "as the image was declared");
    let wide = fs.file("/bin/sh", std::fs::read("/bin/sh").unwrap());
    let wide = wide.file("/bin/bash", std::fs::read("/bin/bash").unwrap());
    assert_rows(&wide, &[(A2020, "LNX-01", Fail)], "programs of 64 bits without /lib64");
}

#[test]
fn the_escape_that_stands_for_the_distribution_and_a_kernel_of_elrepo() {
    let dir = tempfile::tempdir().unwrap();
    let script = r#"
mkdir -p root
cat >release.spec <<'S'
Name: centos-release
Version: 7
Release: 9.2009
Summary: x
License: x
Vendor: CentOS
BuildArch: noarch
%description
x
%install
mkdir -p %{buildroot}/etc
printf '\\S\nKernel \\r on an \\m\n\n' >%{buildroot}/etc/issue
cp %{buildroot}/etc/issue %{buildroot}/etc/issue.net
%files
/etc/issue
/etc/issue.net
S
cat >kernel.spec <<'S'
Name: kernel-ml
Version: 6.7.1
Release: 1.el7.elrepo
Summary: x
License: x
Vendor: The ELRepo Project
BuildArch: noarch
%description
x
%install
mkdir -p %{buildroot}/boot
echo kernel >%{buildroot}/boot/vmlinuz-6.7.1-1.el7.elrepo.x86_64
%files
/boot/vmlinuz-6.7.1-1.el7.elrepo.x86_64
S
for spec in release kernel; do rpmbuild --quiet -bb --define "_topdir $PWD/build" --define "_rpmdir $PWD/rpms" --define "debug_package %{nil}" $spec.spec; done
rpm --root "$PWD/root" --dbpath /var/lib/rpm --define '_db_backend sqlite' --nodeps --ignorearch --nosignature -i rpms/*/*.rpm
"#;
    let command = format!("cd {} && exec 2>&1 && set -e\n{script}", dir.path().display());
    run("rpm", "bash", &["-c", &command]);
    let grub = "menuentry 'CentOS' {\nlinux /boot/vmlinuz-6.7.1-1.el7.elrepo.x86_64 root=UUID=0a1b ro\n}\n";
    let fs = MemoryFs::read_from(&dir.path().join("root"))
        .file("/etc/os-release", "ID=\"centos\"\nVERSION_ID=\"7\"\nPRETTY_NAME=\"CentOS Linux 7 (Core)\"\n")
        .file("/boot/grub2/grub.cfg", grub);
    assert_rows(&fs, &[(A2020, "LNX-02", Pass), (TENCENT, "OS-10", Warn)], "as the packages brought them");
    let edited = fs.clone().file("/etc/issue", "\\S\nAll connections are monitored.\n");
    assert_rows(&edited, &[(A2020, "LNX-02", Warn)], "changed, and \\S names the distribution");
    let foreign = fs.file("/etc/issue", "All connections are monitored.\n");
    assert_rows(&foreign, &[(A2020, "LNX-02", Fail)], "changed, and names none");
}
