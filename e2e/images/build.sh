#!/bin/bash
# Builds the two disk images of the demo into the cache, as root: a Debian 12 that both clouds take, and the same
# system with the two faults users meet most. Prints the folder. Same layout in both: MBR, one ext4 partition, GRUB.
#   debian-12.qcow2      cloud-init with the clouds' data sources, virtio in the initramfs
#   debian-12-bad.qcow2  no cloud-init, an initramfs without virtio: it does not boot on KVM
# What each rule must answer about them is in expect.tsv.
. "$(dirname "$0")/../lib.sh"
need_root
packages images
OUT=$CACHE/images-$(recipe "$0" "$IMAGE_SUITE")
mkdir -p "$CACHE"
exec 9>"$CACHE/images.lock"; flock 9 # two at once would build twice
[ -s "$OUT/SHA256SUMS" ] && { echo "$OUT"; exit; }
exec 3>&1 >>"$(log_file images)" 2>&1
WORK=$(mktemp -d "$CACHE/images.XXXXXX"); M=$WORK/mnt; mkdir "$M"
LOOP=
cleanup() {
  local rc=$?
  umount -R "$M" || true
  [ -z "$LOOP" ] || { partx -d "$LOOP" || true; losetup -d "$LOOP" || true; }
  rm -rf "$WORK"
  [ $rc = 0 ] || { tail -20 "$(log_file images)" >&3; echo "building the disk images failed; the log is $(log_file images)" >&3; }
} 2>/dev/null
trap cleanup EXIT

MIRROR=${IMAGE_MIRROR:-http://deb.debian.org/debian}
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
PACKAGES=openssh-server,cloud-init,systemd-sysv,udev,dbus,ifupdown,isc-dhcp-client,grub-pc,initramfs-tools,linux-image-cloud-amd64,zstd,e2fsprogs,iproute2

make_root() {
  mmdebstrap --variant=minbase --keyring=$KEYRING --include="$PACKAGES" --aptopt='Acquire::Languages "none"' \
    --dpkgopt='path-exclude=/usr/share/doc/*/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --customize-hook='echo "root:Demo-Pa55word" | chroot "$1" chpasswd' \
    --customize-hook='echo debian > "$1/etc/hostname"; printf "127.0.0.1 localhost\n127.0.1.1 debian\n" > "$1/etc/hosts"' \
    --customize-hook='rm -f "$1"/var/cache/apt/*.bin "$1"/etc/ssh/ssh_host_*; : > "$1/etc/machine-id"' \
    "$IMAGE_SUITE" "$WORK/root.tar" "deb $MIRROR $IMAGE_SUITE main"
}

# Run a command in the mounted guest. The host's /dev is bound for GRUB's probing.
guest() {
  local rc=0
  mount --bind /dev "$M/dev"; mount -t proc proc "$M/proc"; mount --bind /sys "$M/sys"
  chroot "$M" "$@" || rc=$?
  umount "$M/sys" "$M/proc" "$M/dev"
  return $rc
}

# The kernel may have no partition parser: partx adds the partition.
attach() { LOOP=$(losetup -f --show "$1"); partx -a "$LOOP" || true; udevadm settle || true; }
detach() { # drops unused blocks, so that the copy is small
  fstrim "$M" || true; umount "$M"; partx -d "$LOOP" || true; losetup -d "$LOOP"; LOOP=
}
pack() { qemu-img convert -q -f raw -O qcow2 -c -o compression_type=zlib "$1" "$2"; }

make_disk() { # file: partition, filesystem, system, boot loader
  local uuid
  truncate -s 4G "$1"
  sfdisk -q "$1" <<<$'label: dos\n2048,,83,*'
  attach "$1"
  # Alibaba's 2020-12 rules take no 64bit feature; nobody asks for metadata_csum.
  mkfs.ext4 -q -F -L root -O ^64bit,^metadata_csum "${LOOP}p1"
  uuid=$(blkid -p -s UUID -o value "${LOOP}p1")
  mount -o noatime "${LOOP}p1" "$M"
  tar -xf "$WORK/root.tar" -C "$M" --numeric-owner --xattrs --xattrs-include='*'
  echo "UUID=$uuid / ext4 errors=remount-ro 0 1" >"$M/etc/fstab"
  printf 'auto lo\niface lo inet loopback\n\nallow-hotplug eth0\niface eth0 inet dhcp\n' >"$M/etc/network/interfaces"
  printf 'datasource_list: [ ConfigDrive, AliYun, NoCloud, None ]\n' >"$M/etc/cloud/cloud.cfg.d/90_dpkg.cfg"
  cat >>"$M/etc/default/grub" <<'G'
GRUB_CMDLINE_LINUX_DEFAULT=""
GRUB_CMDLINE_LINUX="console=tty0 console=ttyS0,115200 net.ifnames=0"
GRUB_TIMEOUT=0
GRUB_DISABLE_OS_PROBER=true
G
  grub-install --target=i386-pc --boot-directory="$M/boot" --modules="part_msdos ext2" "$LOOP"
  guest update-grub
  # Without udev's links update-grub names the loop device; the guest finds its root by UUID.
  sed -i "s#root=${LOOP}p1#root=UUID=$uuid#g" "$M/boot/grub/grub.cfg"
  detach
}

spoil() { # raw disk: the two faults
  attach "$1"
  mount -o noatime "${LOOP}p1" "$M"
  guest dpkg --purge cloud-init
  rm -rf "$M/etc/cloud" "$M/var/lib/cloud"
  sed -i 's/^MODULES=.*/MODULES=list/' "$M/etc/initramfs-tools/initramfs.conf"
  printf 'ahci\nsd_mod\next4\n' >"$M/etc/initramfs-tools/modules"
  guest update-initramfs -u
  detach
}

say "$(date +%T) root filesystem"; make_root
say "$(date +%T) debian-12.qcow2"; make_disk "$WORK/disk.raw"; pack "$WORK/disk.raw" "$WORK/debian-12.qcow2"
say "$(date +%T) debian-12-bad.qcow2"; spoil "$WORK/disk.raw"; pack "$WORK/disk.raw" "$WORK/debian-12-bad.qcow2"
mkdir -p "$OUT"
mv "$WORK"/*.qcow2 "$OUT/"
(cd "$OUT" && sha256sum ./*.qcow2 >SHA256SUMS)
echo "$OUT" >&3
