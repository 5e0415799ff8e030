//! Samples of a guest's files: release files, package lists, kernels, initial ramdisks, boot loaders, cloud-init.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::disk::testkit::{unarchived, unpacked};
use crate::guest::Tree;
use crate::guest::linux::device::Devices;
use crate::guest::linux::packages::DPKG_STATUS;
use crate::guest::linux::services::Services;
use crate::guest::linux::{System, bootloader, cloud_init, firewall, kernel, packages, release};
use crate::guest::root::MountPoint;
use crate::guest::testing::MemoryFs;
use crate::inspect::facts::{Boot, CloudInit, DriverState, Kernel, Volume};

/// Every file below a folder, in order.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_symlink() || path.is_file() {
            found.push(path);
        } else {
            found.extend(files(&path));
        }
    }
    found.sort();
    found
}

/// The files and links below a folder as those of a guest.
fn guest(dir: &Path) -> MemoryFs {
    files(dir).into_iter().fold(MemoryFs::new(), |guest, file| {
        let path = format!("/{}", file.strip_prefix(dir).unwrap().display());
        match fs::read_link(&file) {
            Ok(target) => guest.link(&path, target.to_str().unwrap()),
            Err(_) => guest.file(&path, fs::read(&file).unwrap()),
        }
    })
}

fn text(sample: &Path) -> String {
    String::from_utf8(unpacked(sample)).unwrap()
}

/// `id version` of a guest; empty where no file says it.
fn named(guest: MemoryFs) -> String {
    match release::read(&guest.tree()) {
        Ok(release) => format!("{} {}", release.id, release.version_id),
        Err(error) if error.is_not_found() => String::new(),
        Err(error) => panic!("{error}"),
    }
}

/// What a shell makes of an os-release file, which is what it is written for.
fn by_shell(file: &Path) -> String {
    let script = "unset ID VERSION_ID; . \"$0\"; printf '%s %s' \"$ID\" \"$VERSION_ID\"";
    let output = Command::new("sh").args(["-c", script]).arg(file).output().expect("sh is there");
    String::from_utf8(output.stdout).unwrap().to_lowercase()
}

/// One release file, as it lies in a guest.
pub(super) fn release_file(sample: &Path) -> String {
    let place = if sample.extension().is_some_and(|end| end == "os-release") { "os" } else { "redhat" };
    named(MemoryFs::new().file(&format!("/etc/{place}-release"), unpacked(sample)))
}

/// os-release files that are called `distribution_version`: what a shell reads of each, and the name.
pub(super) fn named_os_releases(sample: &Path) -> String {
    let dir = unarchived(sample);
    let mut count = 0;
    for file in files(dir.path()) {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let found = named(MemoryFs::new().file("/etc/os-release", fs::read(&file).unwrap()));
        assert_eq!(found.to_lowercase(), by_shell(&file), "{name}");
        let ids = [
            ("alma", "almalinux"),
            ("amazon", "amzn"),
            ("centos", "centos"),
            ("debian", "debian"),
            ("fedora", "fedora"),
            ("oracle", "ol"),
            ("redhat", "rhel"),
            ("rocky", "rocky"),
            ("sled", "sled"),
            ("sles", "sles"),
            ("ubuntu", "ubuntu"),
        ];
        let (distribution, version) = name.split_at(name.find(|c: char| c.is_ascii_digit()).unwrap_or(name.len()));
        if let Some((_, id)) = ids.iter().find(|(prefix, _)| distribution.trim_end_matches(['_']) == *prefix) {
            let version = version.replace('_', ".");
            let version = if *id == "ubuntu" { format!("{}.{}", &version[..2], &version[2..]) } else { version };
            assert!(found.starts_with(&format!("{id} {}", version.trim_end_matches(".0"))), "{name}: {found}");
        }
        count += 1;
    }
    format!("{count} as a shell reads them")
}

/// What is found where there is no os-release, by the end of the folder's path.
const OLDER: &[(&str, &str)] = &[
    ("oracle-6", "rhel 6.10"),
    ("oracle-7", "rhel 7.9"),
    ("distros/centos5", "centos 5.11"),
    // Not among those that any cloud takes, and named by its lsb-release.
    ("mandriva2011", "mandrivalinux 2011.0"),
    ("distros/rhel5", "rhel 5.11"),
    ("distros/rhel6", "rhel 6.5"),
    ("almalinux/from-redhat-release", "almalinux 8.10"),
    ("os/centos5", "centos 5.7"),
    // Has an empty os-release.
    ("os/empty", ""),
    // Has a CPE and nothing else.
    ("os/centos6", ""),
    ("redhat/from-redhat-release", "rhel 8.10"),
    ("rockylinux/from-redhat-release", "rocky 8.10"),
    ("scientific/from-redhat-release", "scientific 7.9"),
];

/// Folders that are a guest's root, as far as its release files go.
pub(super) fn roots(sample: &Path) -> String {
    let dir = unarchived(sample);
    let mut roots: Vec<PathBuf> = files(dir.path())
        .iter()
        .filter_map(|file| file.ancestors().filter(|dir| dir.ends_with("etc") || dir.ends_with("usr")).last())
        .map(|dir| dir.parent().unwrap().to_owned())
        .collect();
    roots.dedup();
    let (mut told, mut older) = (0, 0);
    for root in &roots {
        let found = named(guest(root));
        let os_release = ["etc/os-release", "usr/lib/os-release"].map(|file| root.join(file));
        let by_shell = os_release.iter().find(|file| file.is_file()).map(|file| by_shell(file));
        if let Some(wanted) = by_shell.filter(|wanted| !wanted.starts_with(' ')) {
            assert_eq!(found.to_lowercase(), wanted, "{}", root.display());
            told += 1;
        } else if let Some((_, wanted)) = OLDER.iter().find(|(end, _)| root.ends_with(end)) {
            assert_eq!(found, *wanted, "{}", root.display());
            older += 1;
        } else {
            panic!("{}: {found}, and nothing is expected of it", root.display());
        }
    }
    format!("{told} as a shell reads them, {older} by older files")
}

/// dpkg's list of packages: how many are installed, and that grep-dctrl's rule and ours agree on each.
pub(super) fn dpkg(sample: &Path) -> String {
    let whole = text(sample);
    let status = whole.split_once("-- var/lib/dpkg/status --\n").map_or(whole.as_str(), |(_, status)| status);
    let tree = MemoryFs::of_texts(&[(DPKG_STATUS, status)]).tree();
    // The paragraphs of the file, as deb822(5) has them.
    let field = |paragraph: &str, name: &str| {
        paragraph.lines().find_map(|line| line.strip_prefix(name).map(|value| value.trim().to_owned()))
    };
    let (mut installed, mut other) = (Vec::new(), 0);
    let known = packages::those_of(&tree, |_| true).unwrap().unwrap();
    for paragraph in status.split("\n\n") {
        let Some(name) = field(paragraph, "Package:") else { continue };
        let found = known.installed(&name).map(|package| package.version.clone());
        let is_installed = field(paragraph, "Status:").is_some_and(|status| status.ends_with(" installed"));
        assert_eq!(found, field(paragraph, "Version:").filter(|_| is_installed), "{name}");
        if is_installed {
            installed.push(name);
        } else {
            other += 1;
        }
    }
    let wanted = ["cloud-init", "openssh-server", "linux-image-cloud-amd64", "qemu-guest-agent"];
    let named: Vec<_> = wanted.into_iter().filter(|name| installed.iter().any(|found| found == name)).collect();
    format!("{} installed, {other} not; {}", installed.len(), named.join(", ")).trim_end_matches("; ").to_owned()
}

/// A database of rpm or apk: how many packages it has, and that rpm names the same ones.
pub(super) fn packages(sample: &Path) -> String {
    let name = sample.file_name().unwrap().to_str().unwrap();
    let bytes = unpacked(sample);
    let (path, lister) = match () {
        () if name.contains("sqlite") => ("/var/lib/rpm/rpmdb.sqlite", Some("sqlite")),
        () if name.contains("bdb") => ("/var/lib/rpm/Packages", Some("bdb_ro")),
        () => ("/lib/apk/db/installed", None),
    };
    let found = packages::those_of(&MemoryFs::new().file(path, &bytes).tree(), |_| true).unwrap().unwrap();
    let mut ours: Vec<String> = found.installed.iter().map(|p| format!("{} {}", p.name, p.version)).collect();
    let theirs = if let Some(backend) = lister {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(Path::new(path).file_name().unwrap()), &bytes).unwrap();
        let define = format!("_db_backend {backend}");
        let args = ["--define", &define, "-qa", "--qf", "%{NAME} %{EVR}\n", "--dbpath"];
        let output = Command::new("rpm").args(args).arg(folder.path()).output();
        String::from_utf8(output.expect("install the Debian package rpm").stdout).unwrap()
    } else {
        let text = String::from_utf8(bytes).unwrap();
        let named = |line: &str| line.strip_prefix("P:").map(|name| format!("{name} "));
        let versions = |line: &str| line.strip_prefix("V:").map(|version| format!("{version}\n"));
        text.lines().filter_map(|line| named(line).or_else(|| versions(line))).collect()
    };
    let mut theirs: Vec<&str> = theirs.lines().collect();
    theirs.sort_unstable();
    ours.sort_unstable();
    assert_eq!(ours, theirs, "{name}");
    format!("{} packages by {}, {}", ours.len(), found.manager.name(), found.format)
}

/// The names that rpm listed of a database of the collection, once more.
pub(super) fn listed(sample: &Path) -> String {
    let name = sample.file_name().unwrap().to_str().unwrap().trim_end_matches(".rpm-qa.txt");
    let database = unpacked(&sample.with_file_name(format!("rpmdb-bdb-{name}-Packages.zst")));
    let tree = MemoryFs::new().file("/var/lib/rpm/Packages", database).tree();
    let found = packages::those_of(&tree, |_| true).unwrap().unwrap();
    let listed = text(sample);
    for package in &found.installed {
        let version = package.version.split_once(':').map_or(package.version.as_str(), |(_, version)| version);
        assert!(listed.contains(&format!("{}-{version}", package.name)), "{package:?}");
    }
    assert_eq!(found.installed.len(), listed.lines().count());
    format!("{} packages", found.installed.len())
}

/// The only kernel of a guest, started with its initial ramdisk.
fn only_kernel(guest: MemoryFs, release: &str) -> Kernel {
    let boot =
        Boot { kernel: format!("/boot/vmlinuz-{release}"), initrd: vec!["/initrd".to_owned()], ..Boot::default() };
    let tree = guest.tree();
    let devices = Devices { volumes: &[], partitions: &[] };
    let system = System { tree: &tree, devices, mounts: &[], modes: None };
    kernel::read(&system, Some(&boot)).unwrap().remove(0)
}

/// `virtio_blk=module ...`, without those that are nowhere.
fn drivers(kernel: &Kernel) -> String {
    let shown = kernel.drivers.iter().filter(|driver| driver.state != DriverState::Absent);
    shown.map(|driver| format!("{}={:?}", driver.name, driver.state).to_lowercase()).collect::<Vec<_>>().join(" ")
}

/// Options of a kernel configuration and the drivers they build.
const OPTIONS: [(&str, &str); 6] = [
    ("VIRTIO", "virtio"),
    ("VIRTIO_PCI", "virtio_pci"),
    ("VIRTIO_BLK", "virtio_blk"),
    ("VIRTIO_NET", "virtio_net"),
    ("SCSI_VIRTIO", "virtio_scsi"),
    ("XEN_BLKDEV_FRONTEND", "xen_blkfront"),
];

/// What a kernel with this configuration has, all that it builds as a module being there.
fn configured(config: &str) -> Kernel {
    let places = [
        "kernel/drivers/virtio/virtio.ko",
        "kernel/drivers/virtio/virtio_ring.ko",
        "kernel/drivers/virtio/virtio_pci.ko",
        "kernel/drivers/block/virtio_blk.ko",
        "kernel/drivers/net/virtio_net.ko",
        "kernel/drivers/scsi/virtio_scsi.ko",
        "kernel/drivers/block/xen-blkfront.ko",
    ];
    let guest = MemoryFs::of_texts(&[("/boot/vmlinuz-1.0", "kernel"), ("/boot/config-1.0", config)]);
    let is_module = |place: &&&str| {
        let name = place.rsplit('/').next().unwrap().trim_end_matches(".ko").replace('-', "_").replace("_ring", "");
        let option = OPTIONS.iter().find(|(_, driver)| *driver == name).unwrap().0;
        config.lines().any(|line| line == format!("CONFIG_{option}=m"))
    };
    let modules = places.iter().filter(is_module);
    let guest = modules
        .fold(guest.dir("/lib/modules/1.0"), |guest, place| guest.file(&format!("/lib/modules/1.0/{place}"), ""));
    only_kernel(guest, "1.0")
}

pub(super) fn kernel_config(sample: &Path) -> String {
    drivers(&configured(&text(sample)))
}

/// Kernel configurations beside what grep says of each.
pub(super) fn kernel_configs(sample: &Path) -> String {
    let dir = unarchived(sample);
    let expected = fs::read_to_string(dir.path().join("EXPECTED.tsv")).unwrap();
    let mut seen = 0;
    for line in expected.lines() {
        let (file, cells) = line.split_once('\t').unwrap();
        let kernel = configured(&fs::read_to_string(dir.path().join(file)).unwrap());
        for (option, driver) in OPTIONS {
            let cell = cells.split(' ').find_map(|cell| cell.strip_prefix(option)?.strip_prefix('=')).unwrap();
            let wanted = match cell {
                "y" => DriverState::Builtin,
                "m" => DriverState::Module,
                _ => DriverState::Absent,
            };
            let found = kernel.drivers.iter().find(|found| found.name == driver).unwrap();
            assert_eq!(found.state, wanted, "{file}: {option}");
            seen += 1;
        }
    }
    format!("{} configurations, {seen} options", expected.lines().count())
}

/// A kernel package: its release by the image's header, and its drivers.
pub(super) fn kernel_package(sample: &Path) -> String {
    let dir = unarchived(sample);
    let mut root = guest(dir.path());
    if dir.path().join("usr").is_dir() {
        root = root.link("/lib", "usr/lib");
    }
    let boot = dir.path().join("boot");
    let image = files(&boot).into_iter().find(|file| file.to_str().unwrap().contains("vmlinuz-")).unwrap();
    // By a name that tells nothing.
    root = root.file("/boot/vmlinuz-default", fs::read(image).unwrap());
    let kernel = only_kernel(root, "default");
    format!("{}: {}", kernel.version, drivers(&kernel))
}

/// An initial ramdisk of Debian 12: its compression, its tool and the drivers that it has.
pub(super) fn initramfs(sample: &Path) -> String {
    let release = "6.1.0-50-cloud-amd64";
    let guest =
        MemoryFs::new().file(&format!("/boot/vmlinuz-{release}"), "kernel").file("/initrd", fs::read(sample).unwrap());
    let kernel = only_kernel(guest, release);
    let initramfs = kernel.initramfs.unwrap();
    let facts = initramfs.known().unwrap_or_else(|| panic!("{initramfs:?}"));
    let has: Vec<_> = kernel.drivers.iter().filter(|d| d.in_initramfs.is_some()).map(|d| d.name.as_str()).collect();
    format!("{} by {}, {} members: {}", facts.compression, facts.tool, facts.members, has.join(" "))
}

fn cloud_init_of(tree: &Tree) -> CloudInit {
    cloud_init::read(tree, &Services::open(tree, None).unwrap(), None, &packages::read(tree)).unwrap()
}

/// What nftables is told to do with a connection to port 22, were it started.
pub(super) fn nftables(sample: &Path) -> String {
    let dir = unarchived(sample);
    let units = "/usr/lib/systemd/system";
    let root = guest(dir.path())
        .file("/usr/lib/systemd/systemd", "")
        .file("/usr/sbin/nft", "")
        .link("/sbin/init", "/usr/lib/systemd/systemd")
        .file(&format!("{units}/multi-user.target"), "[Unit]\n")
        .link(&format!("{units}/default.target"), "multi-user.target")
        .link("/etc/systemd/system/multi-user.target.wants/nftables.service", &format!("{units}/nftables.service"));
    let tree = root.tree();
    let found = firewall::read(&tree, &Services::open(&tree, None).unwrap()).unwrap();
    let told = found.iter().map(|found| format!("{}, started: {:?}", found.name, found.ssh).to_lowercase());
    told.collect::<Vec<_>>().join("; ")
}

/// cloud.cfg as each distribution ships it: its list of data sources, as a line of it says.
pub(super) fn cloud_configs(sample: &Path) -> String {
    let dir = unarchived(sample);
    let (mut seen, mut lists) = (0, 0);
    for file in files(dir.path()) {
        let config = fs::read_to_string(&file).unwrap();
        let installed = MemoryFs::of_texts(&[("/usr/bin/cloud-init", ""), ("/etc/cloud/cloud.cfg", &config)])
            .link("/sbin/init", "/lib/systemd/systemd")
            .file("/lib/systemd/systemd", "")
            .file("/lib/systemd/system/default.target", "[Unit]\n");
        let tree = installed.tree();
        let found = cloud_init_of(&tree);
        assert!(found.installed.is_some(), "{}", file.display());
        let line = config.lines().find_map(|line| line.strip_prefix("datasource_list:"));
        let wanted = line.map(|line| {
            line.trim_matches([' ', '[', ']'])
                .split(',')
                .map(|s| s.trim().trim_matches(['\'', '"']).to_owned())
                .collect()
        });
        assert_eq!(found.datasources.map(|found| found.list), wanted, "{}", file.display());
        lists += usize::from(wanted.is_some());
        seen += 1;
    }
    format!("{seen} configurations, {lists} lists of data sources")
}

/// A whole `/etc`: the links are in a list, and so are the units of the rest of the system.
pub(super) fn whole_etc(sample: &Path) -> String {
    let dir = unarchived(sample);
    let list = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
    let mut root = guest(dir.path()).file("/usr/bin/cloud-init", "");
    root = root.link("/sbin/init", "/lib/systemd/systemd").file("/lib/systemd/systemd", "");
    for line in list("SYMLINKS.txt").lines() {
        let (path, target) = line.split_once(" -> ").unwrap();
        root = root.link(&format!("/{path}"), target);
    }
    // The list has names alone: what the default target leads to is told here.
    let units = list("UNITS.txt");
    for unit in units.lines().filter(|unit| *unit != "default.target").chain(["multi-user.target"]) {
        root = root.file(&format!("/lib/systemd/system/{unit}"), "[Unit]\n");
    }
    root = root.link("/lib/systemd/system/default.target", "multi-user.target");
    let root = root.dir("/usr/lib").file("/usr/lib/systemd/system-generators/cloud-init-generator", "#!/bin/sh\n");
    let tree = root.tree();
    let found = cloud_init_of(&tree);
    format!(
        "cloud-init by {}, started by {}, kept by {}; data sources {}",
        found.installed.map(|found| found.value).unwrap_or_default(),
        found.enabled_by.unwrap_or_default(),
        found.disabled_by.unwrap_or_default(),
        found.datasources.map(|found| found.list.join(" ")).unwrap_or_default(),
    )
}

/// Boot loaders' configurations: those of GRUB legacy start the title that `default` counts; of the others, what is
/// started is named in the file, or the configuration is refused as one that is not understood.
pub(super) fn boot_configs(sample: &Path) -> String {
    let dir = unarchived(sample);
    let (mut seen, mut counted, mut refused) = (0, 0, 0);
    for file in files(&dir.path().join("test")) {
        let name = file.file_name().unwrap().to_str().unwrap();
        let place = match name.split('.').next().unwrap() {
            "grub2" => "/boot/grub2/grub.cfg",
            "grub" => "/boot/grub/menu.lst",
            "extlinux" => "/boot/extlinux/extlinux.conf",
            _ => continue,
        };
        if !file.parent().unwrap().ends_with("test") {
            continue;
        }
        let config = String::from_utf8_lossy(&fs::read(&file).unwrap()).into_owned();
        let tree = MemoryFs::of_texts(&[(place, &config)]).tree();
        let volumes = [Volume { name: "p1".into(), partition: Some(1), ..Volume::default() }];
        let mounts = [MountPoint { at: "/".into(), volume: "p1".into(), inside: String::new() }];
        let devices = Devices::new(&volumes, None);
        let system = System { tree: &tree, devices, mounts: &mounts, modes: None };
        seen += 1;
        match bootloader::read(&system) {
            Ok(boot) => {
                let kernel = boot.kernel.rsplit('/').next().unwrap().to_owned();
                assert!(config.contains(&kernel), "{name}: {boot:?}");
                if let Some(title) = counted_title(&config).filter(|_| name.starts_with("grub.")) {
                    assert_eq!(boot.entry.value, title, "{name}");
                    counted += 1;
                }
            }
            Err(error) => {
                // Not found: a root on a partition that this disk has not.
                use crate::disk::ErrorKind::{Limit, NotFound, Unsupported};
                assert!([Unsupported, Limit, NotFound].contains(&error.kind), "{name}: {error}");
                refused += 1;
            }
        }
    }
    format!("{seen} configurations: {counted} start the title that is counted, {refused} are not understood")
}

/// The title that `default=N` of a menu.lst counts, from 0; none where it is `saved`.
fn counted_title(menu: &str) -> Option<&str> {
    let lines = || menu.lines().map(str::trim);
    let default = lines().find_map(|line| line.strip_prefix("default")).unwrap_or("=0");
    let number: usize = default.trim_start_matches(['=', ' ', '\t']).parse().ok()?;
    lines().filter_map(|line| line.strip_prefix("title")).nth(number).map(str::trim)
}
