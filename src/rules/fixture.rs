//! A healthy image, and what each test does to it.

use crate::inspect::Facts;
use crate::inspect::facts::{
    Access, Accounts, Agent, Boot, BootMode, BootModes, Checked, CloudInit, Container, Critical, Driver, DriverState,
    Evident, ExtFeatures, Fact, Family, Firewall, Fstab, Given, Guest, Holds, Init, Initramfs, Interface, Issue,
    IssueState, Kernel, KernelPackage, Linux, Listen, Loader, Mount, Network, Packages, Partition, PartitionTable,
    Password, PasswordState, Reads, Release, Role, Scheme, SeLinux, SeLinuxMode, SizeRange, Source, Ssh, Starts,
    Trouble, TroubleKind, Usage, V4, Volume, VolumeClass, Way, When,
};
use crate::inspect::password;
use crate::report::{Outcome, RuleResult, judge_disks};
use crate::rules::{DataDisk, Request};

pub const TENCENT: &str = "tencent-cvm";
pub const A2020: &str = "alibaba-ecs-2020-12";
pub const A2018_12: &str = "alibaba-ecs-2018-12";
pub const A2018_06: &str = "alibaba-ecs-2018-06";
pub const ALIBABA: [&str; 3] = [A2020, A2018_12, A2018_06];
pub const GIB: u64 = 1 << 30;

/// Debian 7 on one MBR partition of 40 GiB, ext4 without 64bit: it complies with every built-in profile.
#[expect(clippy::too_many_lines, reason = "one image, whole")]
pub fn healthy() -> Facts {
    Facts {
        worker: "1.0.0".into(),
        source: Source {
            access: Access::Reached,
            etag: Some("\"e1\"".into()),
            size_bytes: 1 << 20,
            ..Source::default()
        },
        container: Some(Container {
            format: "VHD".into(),
            detail: "dynamic".into(),
            magic: "636f6e6563746978".into(),
            virtual_size_bytes: Some(40 * GIB),
            allocated_bytes: Some(GIB),
            qcow2_bytes: Some(SizeRange { lower: GIB, upper: GIB }),
            checked: Checked::Whole,
            ..Container::default()
        }),
        table: Some(Fact::Known(PartitionTable {
            scheme: Scheme::Mbr,
            signature: "55aa".into(),
            sector_bytes: 512,
            partitions: vec![partition(1, Role::Plain)],
            ..PartitionTable::default()
        })),
        boot_modes: Some(Fact::Known(BootModes {
            ways: vec![Way { mode: BootMode::Bios, loader: Loader::Grub2, at: Some(512), ..Way::default() }],
            ..BootModes::default()
        })),
        volumes: vec![Volume {
            holds: Holds::System,
            mounted_at: "/".into(),
            uuid: "0a1b".into(),
            health: Some(Fact::Known(Vec::new())),
            usage: Some(Fact::Known(Usage {
                total_bytes: GIB * 40,
                free_bytes: GIB * 39,
                free_inodes: Some(2_500_000),
            })),
            ..ext4(1, ExtFeatures { compat: 0x3c, incompat: 0x242, ro_compat: 0x7b })
        }],
        guest: Some(Guest {
            root: Some("p1".into()),
            family: Family::Linux,
            architecture: Some(Evident { value: "x86_64".into(), place: "/sbin/init".into() }),
            release: Some(Fact::Known(release("debian", "7", &[]))),
            linux: Some(Linux {
                fstab: Some(Fact::Known(Fstab {
                    present: true,
                    entries: vec![mount("UUID=0a1b", "/", "ext4", Some("p1"))],
                    instead: None,
                    names_root: false,
                })),
                boot: Some(Fact::Known(Boot {
                    loader: "grub2".into(),
                    entry: Evident { value: "Debian".into(), place: "/boot/grub/grub.cfg".into() },
                    kernel: "/boot/vmlinuz-3.2.0".into(),
                    initrd: vec!["/boot/initrd.img-3.2.0".into()],
                    root_name: Some("UUID=0a1b".into()),
                    root: Some("p1".into()),
                    ..Boot::default()
                })),
                kernels: vec![kernel("3.2.0", true)],
                init: Init::Systemd,
                cloud_init: Some(Fact::Known(CloudInit {
                    installed: Some(Evident { value: "dpkg".into(), place: "/var/lib/dpkg/status".into() }),
                    version: "0.7.9-2".into(),
                    enabled_by: Some("/etc/systemd/system/multi-user.target.wants/cloud-init.service".into()),
                    ..CloudInit::default()
                })),
                ssh: Some(Fact::Known(Ssh {
                    starts: starts(When::Boot, "/etc/systemd/system/multi-user.target.wants/ssh.service"),
                    listens: vec![Listen { port: 22, ..Listen::default() }],
                    ..Ssh::default()
                })),
                firewall: Some(Fact::Known(Vec::new())),
                agent: Some(Fact::Known(Agent::default())),
                selinux: Some(Fact::Known(SeLinux { mode: SeLinuxMode::Disabled, ..SeLinux::default() })),
                packages: Some(Fact::Known(Packages {
                    manager: "dpkg".into(),
                    format: "status".into(),
                    kernel: Some(KernelPackage {
                        name: "linux-image-3.2.0".into(),
                        version: "3.2.96-3".into(),
                        vendor: "Debian Kernel Team <debian-kernel@lists.debian.org>".into(),
                        source: "linux".into(),
                    }),
                    release: Vec::new(),
                })),
                critical: Some(Fact::Known(Critical { same: 9, ..Critical::default() })),
                issue: Some(Fact::Known(vec![issue("/etc/issue"), issue("/etc/issue.net")])),
            }),
            network: Some(Fact::Known(Network {
                managers: vec![Evident { value: "ifupdown".into(), place: "/etc/rcS.d/S12networking".into() }],
                interfaces: vec![interface("eth0", V4::Dhcp)],
                kernel_names: Some("udev without predictable names".into()),
                ..Network::default()
            })),
            accounts: Some(Fact::Known(Accounts {
                file: "/etc/shadow".into(),
                mode: 0o640,
                root: Some(Password {
                    state: PasswordState::Set,
                    scheme: "sha512".into(),
                    must_change: false,
                    place: "/etc/shadow:1".into(),
                    ..Password::default()
                }),
                given: Some(Given { policies: password::judge("Abcdef1!"), matches: Some(true), uncompared: None }),
                ..Accounts::default()
            })),
            ..Guest::default()
        }),
        reads: Reads { requests: 13, bytes: 2_936_012, millis: 410, exceeded: false },
        ..Facts::default()
    }
}

/// A data disk of 20 GiB with one partition of ext4, which complies with every built-in profile.
pub fn data_disk(name: &str) -> DataDisk {
    let mut facts = healthy();
    container(&mut facts).virtual_size_bytes = Some(20 * GIB);
    table(&mut facts).scheme = Scheme::Gpt;
    table(&mut facts).partitions[0] =
        Partition { uuid: "da7a-01".into(), name: "data".into(), ..partition(1, Role::Plain) };
    let volume = &mut facts.volumes[0];
    (volume.uuid, volume.label) = ("da7a".into(), "files".into());
    (volume.holds, volume.mounted_at) = (Holds::Data, String::new());
    facts.guest = Some(Guest::default());
    DataDisk {
        name: name.into(),
        url: "s3://images/data.vhd".into(),
        facts,
        bucket_region: None,
        format: None,
        size_gib: None,
    }
}

/// Makes a Windows of it: the system on NTFS in the first partition, data on NTFS in the second.
pub fn windows(facts: &mut Facts) -> &mut Facts {
    table(facts).partitions = vec![partition(1, Role::Plain), partition(2, Role::Plain)];
    let ntfs = |number| Volume {
        health: Some(Fact::Known(Vec::new())),
        usage: Some(Fact::Known(Usage { total_bytes: GIB * 20, free_bytes: GIB * 10, free_inodes: None })),
        ..volume(number, "ntfs", VolumeClass::Filesystem)
    };
    facts.volumes = vec![Volume { holds: Holds::System, mounted_at: "/".into(), ..ntfs(1) }, ntfs(2)];
    let path = Some("/bootmgr".into());
    boot_modes(facts).ways =
        vec![Way { mode: BootMode::Bios, loader: Loader::Bootmgr, volume: Some("p1".into()), path, ..Way::default() }];
    facts.guest = Some(Guest { root: Some("p1".into()), family: Family::Windows, ..Guest::default() });
    facts
}

pub fn partition(number: u32, role: Role) -> Partition {
    Partition { number, role, size_bytes: GIB, type_id: "83".into(), ..Partition::default() }
}

pub fn volume(number: u32, type_id: &str, class: VolumeClass) -> Volume {
    Volume {
        name: format!("p{number}"),
        partition: Some(number),
        type_id: type_id.into(),
        class,
        size_bytes: GIB,
        ..Volume::default()
    }
}

pub fn ext4(number: u32, features: ExtFeatures) -> Volume {
    Volume { ext: Some(features), ..volume(number, "ext4", VolumeClass::Filesystem) }
}

pub fn release(id: &str, version: &str, like: &[&str]) -> Release {
    Release {
        id: id.into(),
        version_id: version.into(),
        id_like: like.iter().map(|s| (*s).to_owned()).collect(),
        pretty_name: format!("{id} {version}"),
        file: "/etc/os-release".into(),
    }
}

pub fn mount(source: &str, target: &str, type_id: &str, volume: Option<&str>) -> Mount {
    Mount {
        line: 2,
        source: source.into(),
        target: target.into(),
        type_id: type_id.into(),
        volume: volume.map(str::to_owned),
        ..Mount::default()
    }
}

/// An interface that `/etc/network/interfaces` brings up by name.
pub fn interface(name: &str, v4: V4) -> Interface {
    let place = "/etc/network/interfaces:4".into();
    Interface { name: name.into(), v4, required: true, place, ..Interface::default() }
}

/// A kernel whose virtio modules are in its initramfs, and whose Xen driver is built in.
pub fn kernel(version: &str, default: bool) -> Kernel {
    let module = |name: &str| Driver {
        name: name.into(),
        state: DriverState::Module,
        in_initramfs: Some(format!("lib/modules/{version}/{name}.ko")),
        blocked_by: None,
    };
    let mut drivers: Vec<Driver> =
        ["virtio", "virtio_ring", "virtio_pci", "virtio_blk", "virtio_net"].map(module).to_vec();
    drivers.push(Driver { state: DriverState::Builtin, in_initramfs: None, ..module("xen_blkfront") });
    Kernel {
        version: version.into(),
        path: format!("/boot/vmlinuz-{version}"),
        default,
        config: Some(format!("/boot/config-{version}")),
        drivers,
        xen_only: None,
        unused_initramfs: None,
        long_mode: false,
        initramfs: Some(Fact::Known(Initramfs {
            path: format!("/boot/initrd.img-{version}"),
            compression: "gzip".into(),
            members: 491,
            tool: "initramfs-tools".into(),
            ..Initramfs::default()
        })),
    }
}

/// An issue file that is as its package brought it.
pub fn issue(path: &str) -> Issue {
    Issue { path: path.into(), state: IssueState::Shipped, ..Issue::default() }
}

pub fn trouble<T>(kind: TroubleKind) -> Fact<T> {
    Fact::Unreadable(Trouble { kind, layer: "ext4".into(), at: Some(0x1000), what: "inode 2 is past the end".into() })
}

pub fn troubled(kind: TroubleKind) -> Trouble {
    match trouble::<()>(kind) {
        Fact::Unreadable(trouble) => trouble,
        Fact::Known(()) => unreachable!(),
    }
}

/// Part of something larger that is not read.
pub fn unread_member(number: u32, type_id: &str) -> Volume {
    Volume { trouble: Some(troubled(TroubleKind::Unsupported)), ..volume(number, type_id, VolumeClass::Member) }
}

pub fn guest(facts: &mut Facts) -> &mut Guest {
    facts.guest.as_mut().unwrap()
}

pub fn linux(facts: &mut Facts) -> &mut Linux {
    guest(facts).linux.as_mut().unwrap()
}

pub fn fstab(facts: &mut Facts) -> &mut Fstab {
    known(linux(facts).fstab.as_mut().unwrap())
}

pub fn starts(when: When, by: &str) -> Starts {
    Starts { when, by: by.into() }
}

pub fn ssh(facts: &mut Facts) -> &mut Ssh {
    known(linux(facts).ssh.as_mut().unwrap())
}

pub fn firewall(facts: &mut Facts) -> &mut Vec<Firewall> {
    known(linux(facts).firewall.as_mut().unwrap())
}

pub fn agent(facts: &mut Facts) -> &mut Agent {
    known(linux(facts).agent.as_mut().unwrap())
}

pub fn cloud_init(facts: &mut Facts) -> &mut CloudInit {
    known(linux(facts).cloud_init.as_mut().unwrap())
}

pub fn boot(facts: &mut Facts) -> &mut Boot {
    known(linux(facts).boot.as_mut().unwrap())
}

pub fn boot_modes(facts: &mut Facts) -> &mut BootModes {
    known(facts.boot_modes.as_mut().unwrap())
}

pub fn network(facts: &mut Facts) -> &mut Network {
    known(guest(facts).network.as_mut().unwrap())
}

pub fn accounts(facts: &mut Facts) -> &mut Accounts {
    known(guest(facts).accounts.as_mut().unwrap())
}

pub fn selinux(facts: &mut Facts) -> &mut SeLinux {
    known(linux(facts).selinux.as_mut().unwrap())
}

pub fn packages(facts: &mut Facts) -> &mut Packages {
    known(linux(facts).packages.as_mut().unwrap())
}

pub fn critical(facts: &mut Facts) -> &mut Critical {
    known(linux(facts).critical.as_mut().unwrap())
}

pub fn issues(facts: &mut Facts) -> &mut Vec<Issue> {
    known(linux(facts).issue.as_mut().unwrap())
}

pub fn table(facts: &mut Facts) -> &mut PartitionTable {
    known(facts.table.as_mut().unwrap())
}

pub fn container(facts: &mut Facts) -> &mut Container {
    facts.container.as_mut().unwrap()
}

pub fn driver<'a>(facts: &'a mut Facts, name: &str) -> &'a mut Driver {
    linux(facts).kernels[0].drivers.iter_mut().find(|d| d.name == name).unwrap()
}

fn known<T>(fact: &mut Fact<T>) -> &mut T {
    match fact {
        Fact::Known(value) => value,
        Fact::Unreadable(_) => panic!("unreadable"),
    }
}

/// The result of one rule, by its catalogue id, on the healthy image as `change` leaves it.
pub fn result(profile: &str, id: &str, change: impl FnOnce(&mut Facts, &mut Request)) -> RuleResult {
    result_with(profile, id, &[], change)
}

/// The same with data disks beside it.
pub fn result_with(
    profile: &str,
    id: &str,
    data_disks: &[DataDisk],
    change: impl FnOnce(&mut Facts, &mut Request),
) -> RuleResult {
    let mut facts = healthy();
    let mut request = Request { url: "disk.vhd".into(), ..Request::default() };
    change(&mut facts, &mut request);
    let spec = crate::profiles::get(profile).unwrap().spec;
    let report = judge_disks(&facts, data_disks, profile, &spec, &request);
    report.rules.into_iter().find(|r| r.id == id).unwrap_or_else(|| panic!("{profile} has no {id}"))
}

/// Only the outcome.
pub fn outcome(profile: &str, id: &str, change: impl FnOnce(&mut Facts, &mut Request)) -> Outcome {
    result(profile, id, change).result
}
