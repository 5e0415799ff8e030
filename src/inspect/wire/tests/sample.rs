//! Facts as a real server gives them.

use crate::inspect::facts::*;

fn uuid(n: usize) -> String {
    let x = (n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        x >> 32,
        x >> 16 & 0xffff,
        x & 0xfff,
        x >> 4 & 0xfff,
        x >> 8 & 0xffff_ffff_ffff
    )
}

fn evident(value: &str, place: &str) -> Evident {
    Evident { value: value.into(), place: place.into() }
}

fn kernel(n: usize) -> Kernel {
    let version = format!("5.14.0-{}.{}.1.el9_4.x86_64", 427 - n, 13 + n * 3);
    let driver = |name: &str, state, folder: &str| Driver {
        name: name.into(),
        state,
        in_initramfs: (state == DriverState::Module)
            .then(|| format!("usr/lib/modules/{version}/kernel/drivers/{folder}/{name}.ko.xz")),
        blocked_by: None,
    };
    Kernel {
        path: format!("/boot/vmlinuz-{version}"),
        default: n == 0,
        config: Some(format!("/boot/config-{version}")),
        drivers: vec![
            driver("virtio", DriverState::Builtin, "virtio"),
            driver("virtio_pci", DriverState::Builtin, "virtio"),
            driver("virtio_blk", DriverState::Module, "block"),
            driver("virtio_scsi", DriverState::Module, "scsi"),
            driver("virtio_net", DriverState::Module, "net"),
            driver("xen_blkfront", DriverState::Module, "block"),
            driver("xen_netfront", DriverState::Absent, "net"),
        ],
        initramfs: Some(Fact::Known(Initramfs {
            path: format!("/boot/initramfs-{version}.img"),
            compression: "gzip".into(),
            members: 1700 + n as u32,
            tool: "dracut".into(),
            ..Initramfs::default()
        })),
        version,
        ..Kernel::default()
    }
}

fn volume(n: usize) -> Volume {
    Volume {
        name: format!("p{}", n + 1),
        partition: Some(n as u32 + 1),
        size_bytes: (n as u64 + 3) << 30,
        type_id: if n == 0 { "ext4" } else { "xfs" }.into(),
        class: VolumeClass::Filesystem,
        uuid: uuid(n),
        ext: (n == 0).then_some(ExtFeatures { compat: 0x3c, incompat: 0x242, ro_compat: 0x7b }),
        holds: if n == 0 { Holds::System } else { Holds::Data },
        mounted_at: if n == 0 { "/".into() } else { format!("/srv/data{n}") },
        ..Volume::default()
    }
}

/// What starts in it and who may reach it, as facts have it since SVC-05, SVC-06 and SVC-08.
pub(super) fn services(facts: &mut Facts) {
    let starts = |unit: &str| Starts {
        when: When::Boot,
        by: format!("/etc/systemd/system/multi-user.target.wants/{unit}.service"),
    };
    let linux = facts.guest.as_mut().unwrap().linux.as_mut().unwrap();
    linux.ssh = Some(Fact::Known(Ssh {
        starts: starts("sshd"),
        listens: vec![Listen { port: 22, ..Listen::default() }],
        root_login: Some(evident("yes", "/etc/ssh/sshd_config.d/01-permitrootlogin.conf:3")),
        host_keys: ["ecdsa", "ed25519", "rsa"].map(str::to_owned).to_vec(),
        ..Ssh::default()
    }));
    linux.firewall = Some(Fact::Known(vec![Firewall {
        name: "firewalld".into(),
        starts: starts("firewalld"),
        ssh: Passage::Passes,
        place: "/usr/lib/firewalld/zones/public.xml".into(),
        ..Firewall::default()
    }]));
    linux.agent = Some(Fact::Known(Agent::default()));
}

/// A hybrid disk: a BIOS finds GRUB, a UEFI a loader of the vendor's.
pub(super) fn boot_modes() -> Fact<BootModes> {
    let bios = Way { mode: BootMode::Bios, loader: Loader::Grub2, at: Some(1 << 20), ..Way::default() };
    let (volume, path) = (Some("p15".into()), Some("/EFI/redhat/shimx64.efi".into()));
    let uefi =
        Way { mode: BootMode::Uefi, loader: Loader::Vendor, volume, path, program: Some(Program::Grub2), at: None };
    Fact::Known(BootModes { ways: vec![Way { volume: Some("p14".into()), ..bios }, uefi], ..BootModes::default() })
}

/// A server with so many kernels and partitions.
pub(super) fn server(kernels: usize, partitions: usize) -> Facts {
    let kernels: Vec<Kernel> = (0..kernels).map(kernel).collect();
    let volumes: Vec<Volume> = (0..partitions).map(volume).collect();
    let first = &kernels[0];
    Facts {
        worker: "0.1.0".into(),
        source: Source {
            access: Access::Reached,
            signed: true,
            etag: Some("\"7e10e7d25dc4581d89b9285be5f384fd-17\"".into()),
            size_bytes: 1_234_567_890,
            last_modified: Some("2026-11-21T08:00:00Z".into()),
            ..Source::default()
        },
        container: Some(Container {
            format: "QCOW2".into(),
            detail: "version 3, 64 KiB clusters, zlib".into(),
            magic: "514649fb000000030000000000000000".into(),
            virtual_size_bytes: Some(42_949_672_960),
            ..Container::default()
        }),
        table: Some(Fact::Known(PartitionTable {
            scheme: Scheme::Gpt,
            signature: "55aa".into(),
            sector_bytes: 512,
            gpt_copy: Some(GptCopy::Primary),
            partitions: (0..partitions)
                .map(|n| Partition {
                    number: n as u32 + 1,
                    start_bytes: 1_048_576 + ((n as u64) << 33),
                    size_bytes: (n as u64 + 3) << 30,
                    type_id: "0fc63daf-8483-4772-8e79-3d69d8477de4".into(),
                    role: Role::Plain,
                    uuid: uuid(n + 1000),
                    name: format!("data {n}"),
                    ..Partition::default()
                })
                .collect(),
            ..PartitionTable::default()
        })),
        guest: Some(Guest {
            root: Some("p1".into()),
            family: Family::Linux,
            architecture: Some(evident("x86_64", "/usr/bin/bash")),
            release: Some(Fact::Known(Release {
                id: "rocky".into(),
                id_like: vec!["rhel".into(), "centos".into(), "fedora".into()],
                version_id: "9.4".into(),
                pretty_name: "Rocky Linux 9.4 (Blue Onyx)".into(),
                file: "/etc/os-release".into(),
            })),
            linux: Some(Linux {
                fstab: Some(Fact::Known(Fstab {
                    present: true,
                    instead: None,
                    names_root: false,
                    entries: volumes
                        .iter()
                        .zip(12..)
                        .map(|(v, line)| Mount {
                            line,
                            source: format!("UUID={}", v.uuid),
                            target: v.mounted_at.clone(),
                            type_id: v.type_id.clone(),
                            options: vec![],
                            volume: Some(v.name.clone()),
                            absent: false,
                        })
                        .collect(),
                })),
                boot: Some(Fact::Known(Boot {
                    loader: "grub2".into(),
                    entry: evident(
                        "Rocky Linux (5.14.0-427.13.1.el9_4.x86_64) 9.4 (Blue Onyx)",
                        "/boot/loader/entries/x.conf",
                    ),
                    kernel: first.path.clone(),
                    initrd: vec![format!("/boot/initramfs-{}.img", first.version)],
                    command_line: format!("root=UUID={} ro crashkernel=1G-4G:192M console=ttyS0,115200n8", uuid(0)),
                    root: Some("p1".into()),
                    ..Boot::default()
                })),
                cloud_init: Some(Fact::Known(CloudInit {
                    installed: Some(evident("rpm", "/var/lib/rpm/rpmdb.sqlite")),
                    version: "23.4-7.el9".into(),
                    enabled_by: Some("/etc/systemd/system/cloud-init.target.wants/cloud-init.service".into()),
                    disabled_by: None,
                    datasources: None,
                })),
                kernels,
                ..Linux::default()
            }),
            ..Guest::default()
        }),
        volumes,
        reads: Reads { requests: 84, bytes: 31_457_280, millis: 5120, exceeded: false },
        ..Facts::default()
    }
}

/// What a usual server of EL 9 has for network, accounts and SELinux.
pub(super) fn networked(facts: &mut Facts) {
    let guest = facts.guest.as_mut().unwrap();
    guest.network = Some(Fact::Known(Network {
        managers: vec![evident("NetworkManager", "/etc/systemd/system/multi-user.target.wants/NetworkManager.service")],
        interfaces: vec![Interface {
            name: "ens192".into(),
            v4: V4::Dhcp,
            place: "/etc/NetworkManager/system-connections/ens192.nmconnection:10".into(),
            ..Interface::default()
        }],
        automatic: Some(evident(
            "NetworkManager",
            "/etc/systemd/system/multi-user.target.wants/NetworkManager.service",
        )),
        ..Network::default()
    }));
    guest.accounts = Some(Fact::Known(Accounts {
        file: "/etc/shadow".into(),
        root: Some(Password {
            state: PasswordState::Set,
            scheme: "sha512".into(),
            must_change: false,
            place: "/etc/shadow:1".into(),
            ..Password::default()
        }),
        ..Accounts::default()
    }));
    guest.linux.as_mut().unwrap().selinux = Some(Fact::Known(SeLinux {
        mode: SeLinuxMode::Enforcing,
        place: "/etc/selinux/config:22".into(),
        module: SecurityModule::On,
        because:
            "CONFIG_LSM=\"lockdown,yama,integrity,selinux,bpf,landlock\" in /boot/config-5.14.0-427.13.1.el9_4.x86_64"
                .into(),
        autorelabel: false,
    }));
}
