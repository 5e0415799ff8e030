//! Ramdisks as mkinitramfs and dracut make them, for a kernel whose modules depmod has sorted out: what is said to be in
//! them is what lsinitramfs and lsinitrd list.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;
use crate::disk::testkit::run_in;

const RELEASE: &str = "6.1.0-built";
const PACKAGES: &str = "initramfs-tools-core dracut-core kmod binutils bzip2 lz4 lzop xz-utils zstd";
/// What packs, as mkinitramfs calls it, and as it is called here.
const PACKERS: [(&str, &str); 7] = [
    ("gzip", "gzip"),
    ("bzip2", "bzip2"),
    ("xz", "xz"),
    ("lzma", "lzma"),
    ("lzop", "lzo"),
    ("lz4", "lz4"),
    ("zstd", "zstd"),
];

/// A kernel's configuration and modules below `root`, and a configuration of mkinitramfs: modules that need and give
/// symbols, so that each tool finds out by itself what comes along.
const KERNEL: &str = r#"
modules=root/lib/modules/$RELEASE
module() {
    mkdir -p "$(dirname "$modules/kernel/$1")"
    { printf '.section .modinfo,"a"\n.asciz "license=GPL"\n.section __ksymtab_strings,"a"\n'
      for gives in $2; do printf '.asciz "%s"\n' "$gives"; done
      echo .data; for needs in $3; do echo ".quad $needs"; done; } | as -o "$modules/kernel/$1" -
}
module drivers/virtio/virtio.ko register_virtio_driver
module drivers/virtio/virtio_ring.ko vring_new_virtqueue
module drivers/virtio/virtio_pci.ko '' 'register_virtio_driver vring_new_virtqueue'
module drivers/block/virtio_blk.ko '' 'register_virtio_driver blk_mq_alloc_disk'
module drivers/net/virtio_net.ko '' register_virtio_driver
module drivers/block/xen-blkfront.ko '' blk_mq_alloc_disk
module fs/ext4/ext4.ko
touch "$modules/modules.builtin" "$modules/modules.order" "$modules/modules.builtin.modinfo"
depmod -b root "$RELEASE"
mkdir -p root/boot empty conf/conf.d conf/scripts conf/hooks
for packer in GZIP BZIP2 XZ LZMA LZO LZ4 ZSTD; do echo "CONFIG_RD_$packer=y"; done > "root/boot/config-$RELEASE"
printf 'MODULES=most\nBUSYBOX=auto\nCOMPRESS=gzip\n' > conf/initramfs.conf
"#;

/// mkinitramfs looks in fixed places: they are laid over those of this machine, for it alone. The hooks of whatever
/// packages are installed here stay out.
const MKINITRAMFS: &str = r#"
[ "$(id -u)" = 0 ] && map= || map=-r
unshare $map -m sh -ec '
    mount -t overlay -o "lowerdir=$PWD/root/lib:/usr/lib" none /usr/lib
    mount --bind root/boot /boot
    mount --bind empty /usr/share/initramfs-tools/hooks
    TMPDIR=$PWD mkinitramfs -d conf "$@" "$RELEASE"' mkinitramfs "$@"
"#;

const DRACUT: &str =
    r#"dracut --kver "$RELEASE" -k "$PWD/root/lib/modules/$RELEASE" --tmpdir "$PWD" --nostrip --nohardlink "$@""#;

/// Runs a script with these arguments.
fn sh(dir: &Path, script: &str, args: &[&str]) -> String {
    let script = format!("RELEASE={RELEASE}; export RELEASE\n{script}");
    run_in(dir, PACKAGES, "sh", &[&["-ec", &script, "sh"], args].concat())
}

fn kernel() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    sh(dir.path(), KERNEL, &[]);
    dir
}

fn contents(dir: &Path, image: &str) -> Contents {
    let tree = MemoryFs::new().file("/initrd", std::fs::read(dir.join(image)).unwrap()).tree();
    read(&tree, &["/initrd".to_owned()], RELEASE).unwrap_or_else(|error| panic!("{image}: {error}"))
}

/// The drivers among the files that a tool lists, a line each, the name last.
fn listed_by(tool: &str, dir: &Path, image: &str) -> BTreeSet<String> {
    let names = sh(dir, r#""$@""#, &[tool, image]);
    let names = names.lines().filter_map(|line| line.split_whitespace().next_back());
    names.filter(|name| drivers::of_file(name).is_some()).map(str::to_owned).collect()
}

fn found(contents: &Contents) -> BTreeSet<String> {
    contents.drivers.values().cloned().collect()
}

#[test]
fn what_mkinitramfs_makes_holds_what_lsinitramfs_lists() {
    let dir = kernel();
    let dir = dir.path();
    for (packer, name) in PACKERS {
        sh(dir, MKINITRAMFS, &["-c", packer, "-o", name]);
        let contents = contents(dir, name);
        assert_eq!((contents.facts.compression.as_str(), contents.facts.tool.as_str()), (name, "initramfs-tools"));
        assert_eq!(found(&contents), listed_by("lsinitramfs", dir, name), "{name}");
        assert_eq!((contents.drivers.len(), contents.blocked.len()), (7, 0), "{name}");
    }
    // A list that leaves out the driver of the disk, and one that is kept from loading.
    std::fs::write(dir.join("conf/initramfs.conf"), "MODULES=list\nBUSYBOX=auto\nCOMPRESS=gzip\n").unwrap();
    std::fs::write(dir.join("conf/modules"), "virtio_pci\next4\n").unwrap();
    sh(dir, MKINITRAMFS, &["-o", "list"]);
    let contents = contents(dir, "list");
    assert_eq!(found(&contents), listed_by("lsinitramfs", dir, "list"));
    assert_eq!(contents.drivers.keys().copied().collect::<Vec<_>>(), ["ext4", "virtio", "virtio_pci", "virtio_ring"]);
}

#[test]
fn what_dracut_makes_holds_what_lsinitrd_lists() {
    let dir = kernel();
    let dir = dir.path();
    for (packer, name) in PACKERS {
        let option = format!("--{}", if packer == "lzop" { "lzo" } else { packer });
        sh(dir, DRACUT, &["--no-hostonly", "-m", "kernel-modules", &option, name]);
        let contents = contents(dir, name);
        assert_eq!((contents.facts.compression.as_str(), contents.facts.tool.as_str()), (name, "dracut"));
        assert!(!contents.facts.host_only, "{name}");
        assert_eq!(found(&contents), listed_by("lsinitrd", dir, name), "{name}");
        assert!(contents.drivers.contains_key("virtio_blk") && contents.drivers.contains_key("ext4"), "{name}");
    }
}

#[test]
fn what_dracut_makes_for_one_machine_is_told() {
    let dir = kernel();
    let dir = dir.path();
    std::fs::create_dir(dir.join("conf.d")).unwrap();
    std::fs::write(dir.join("dracut.conf"), "hostonly=yes\n").unwrap();
    let own = ["--conf", "dracut.conf", "--confdir", "conf.d", "-m", "base kernel-modules"];
    for (args, name) in [
        (&["--hostonly", "-m", "kernel-modules"][..], "asked"),
        (&["-H", "--no-hostonly-default-device", "-m", "kernel-modules"], "short"),
        (&own, "configured"),
    ] {
        sh(dir, DRACUT, &[args, &["--no-compress", name]].concat());
        let contents = contents(dir, name);
        assert!(contents.facts.host_only, "{name}");
        assert_eq!(found(&contents), listed_by("lsinitrd", dir, name), "{name}");
    }
}

/// dracut's own shell, in the ramdisk, without a kernel's command line.
const GETARG: &str = r#"
mkdir unpacked && (cd unpacked && lsinitrd --unpack ../"$1")
[ "$(id -u)" = 0 ] && map= || map=-r
unshare $map chroot unpacked /bin/sh -c '. /lib/dracut-lib.sh; getarg root=' 2>/dev/null
"#;

#[test]
fn the_root_that_dracut_was_built_with_is_that_which_its_shell_finds() {
    let dir = kernel();
    let dir = dir.path();
    let more = dir.join("more/etc/cmdline.d");
    std::fs::create_dir_all(&more).unwrap();
    std::fs::write(more.join("99-last.conf"), "rw root=/dev/vda9\n quiet").unwrap();
    let include = [more.parent().unwrap().to_str().unwrap(), "/etc"];
    let base = ["--no-hostonly", "-m", "base", "--no-compress", "--kernel-cmdline", "root=UUID=0a1b-2c3d ro"];
    for (args, name, root, place) in [
        (&[][..], "default", "UUID=0a1b-2c3d", "etc/cmdline.d/01-default.conf"),
        (&["--include", include[0], include[1]][..], "included", "/dev/vda9", "etc/cmdline.d/99-last.conf"),
    ] {
        sh(dir, DRACUT, &[&base, args, &[name]].concat());
        let found = contents(dir, name).facts.root.unwrap();
        assert_eq!((found.value.as_str(), found.place.as_str()), (root, place));
        assert_eq!(sh(dir, GETARG, &[name]).trim(), root, "{name}");
        std::fs::remove_dir_all(dir.join("unpacked")).unwrap();
    }
}

/// As `init` of initramfs-tools comes to its `ROOT` before it reads the kernel's command line.
const INIT: &str = r#"
unmkinitramfs "$1" unpacked && cd unpacked
sed -n '/^# Bring in the main config/,/^done/s,\. /conf,. ./conf,p; /^for conf/,/^done/p' init > ../source
sh -c '. ../source; echo "$ROOT"'
"#;

#[test]
fn the_root_that_mkinitramfs_was_told_is_that_which_its_init_takes() {
    let dir = kernel();
    let dir = dir.path();
    let conf = |text: &str| std::fs::write(dir.join("conf/initramfs.conf"), text).unwrap();
    for (text, args, root, place) in [
        ("MODULES=list\n", &["-r", "UUID=0a1b"][..], Some("UUID=0a1b"), "conf/conf.d/root"),
        ("MODULES=list\nROOT=\"/dev/vda1\" # here\n", &[], Some("/dev/vda1"), "conf/conf.d/root"),
        ("MODULES=list\n# ROOT=/dev/sda1\n", &[], None, ""),
    ] {
        conf(&format!("{text}BUSYBOX=auto\nCOMPRESS=gzip\n"));
        sh(dir, MKINITRAMFS, &[args, &["-o", "image"]].concat());
        let found = contents(dir, "image").facts.root;
        let found = found.as_ref().map(|root| (root.value.as_str(), root.place.as_str()));
        assert_eq!(found, root.map(|root| (root, place)));
        assert_eq!(sh(dir, INIT, &["image"]).trim(), root.unwrap_or_default());
        std::fs::remove_dir_all(dir.join("unpacked")).unwrap();
    }
}
