#!/bin/bash
# Builds the disks that are measured, from the good image of e2e/images, as root and into the cache. Prints the folder.
#   debian-12-*                 the same disk in every container
#   gpt-ext4, gpt-xfs, lvm-xfs  the same system on other filesystems and volumes, as their tools make them by default
#   gpt-ntfs                    a tree of files like a Windows'
#   2tib.*                      the same system on ext4 of 2 TiB
. "$(dirname "$0")/../lib.sh"
need_root
packages images test
GOOD=$("$E2E/images/build.sh")/debian-12.qcow2
OUT=$CACHE/bench-$(recipe "$0" "$GOOD")
exec 9>"$CACHE/bench.lock"; flock 9
[ -e "$OUT/done" ] && { echo "$OUT"; exit; }
exec 3>&1 >>"$(log_file bench)" 2>&1
WORK=$(mktemp -d "$CACHE/bench.XXXXXX"); mkdir "$WORK/from" "$WORK/to"
LOOPS=()
cleanup() {
  local rc=$?
  umount "$WORK/to" || true; umount "$WORK/from" || true
  for loop in "${LOOPS[@]}"; do losetup -d "$loop" || true; done
  rm -rf "$WORK"
  [ $rc = 0 ] || { tail -20 "$(log_file bench)" >&3; echo "building the disks failed; the log is $(log_file bench)" >&3; }
} 2>/dev/null
trap cleanup EXIT
set -x

FIRST=$((1 << 20)) # where the first partition begins
attach() { # file, first byte, bytes: sets LOOP
  LOOP=$(losetup -f --show -o "$2" --sizelimit "$3" "$1"); LOOPS+=("$LOOP")
}
disk() { # file, size, GPT type: one partition of all of it; sets BYTES
  truncate -s "$2" "$1"
  sfdisk -q "$1" <<<"label: gpt"$'\n'"2048,,$3"
  BYTES=$(partx -gbro SIZE -n 1 "$1")
}
LINUX=0FC63DAF-8483-4772-8E79-3D69D8477DE4 LVM=E6D6D379-F507-44C2-A23C-238F2A3DF928 BASIC=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7

cd "$WORK"
qemu-img convert -O raw "$GOOD" debian-12.raw
attach debian-12.raw $FIRST $(($(stat -c %s debian-12.raw) - FIRST))
mount -o ro,noload "$LOOP" from
OLD=$(blkid -p -s UUID -o value "$LOOP")
system() { # device, its filesystem: the system, with the new root in its fstab and its menu
  mount "$1" to
  cp -a from/. to/
  local uuid; uuid=$(blkid -p -s UUID -o value "$1")
  sed -i "s/$OLD/$uuid/; s/ext4 errors=remount-ro/$2 defaults/" to/etc/fstab
  sed -i "s/$OLD/$uuid/g" to/boot/grub/grub.cfg
  umount to
}

disk gpt-ext4.raw 4G $LINUX; attach gpt-ext4.raw $FIRST $BYTES
mkfs.ext4 -q -E nodiscard "$LOOP"; system "$LOOP" ext4
disk gpt-xfs.raw 4G $LINUX; attach gpt-xfs.raw $FIRST $BYTES
mkfs.xfs -q -K "$LOOP"; system "$LOOP" xfs

# LVM without a device mapper: where the volume's one segment lies is known, so its bytes are written there.
disk lvm-xfs.raw 5G $LVM; attach lvm-xfs.raw $FIRST $BYTES
CONFIG="devices { filter=[\"a|^$LOOP\$|\",\"r|.*|\"] use_devicesfile=0 obtain_device_list_from_udev=0 hints=\"none\" external_device_info_source=\"none\" }
  global { activation=0 locking_dir=\"$WORK/lock\" event_activation=0 use_lvmpolld=0 }
  backup { backup=0 archive=0 } activation { monitoring=0 udev_sync=0 udev_rules=0 }"
pvcreate --config "$CONFIG" "$LOOP"; vgcreate --config "$CONFIG" vg0 "$LOOP"
lvcreate --config "$CONFIG" -an -Zn -Wn -L 512M -n swap vg0; lvcreate --config "$CONFIG" -an -Zn -Wn -L 4G -n root vg0
VOLUME=$((FIRST + (1 << 20) + (512 << 20))) # an extent area begins 1 MiB into its partition
attach lvm-xfs.raw $VOLUME $((4 << 30))
mkfs.xfs -q -K "$LOOP"; system "$LOOP" xfs

# Sizes and numbers of a small Windows Server.
disk gpt-ntfs.raw 6G $BASIC; attach gpt-ntfs.raw $FIRST $BYTES
mkntfs -q -F -f "$LOOP"; ntfs-3g "$LOOP" to
W=to/Windows; mkdir -p $W/System32/{config,drivers,DriverStore/FileRepository} $W/WinSxS to/{Users,ProgramData} "to/Program Files"
head -c 14M /dev/urandom >$W/System32/config/SYSTEM; head -c 60M /dev/urandom >$W/System32/config/SOFTWARE
head -c 100M /dev/zero | tr '\0' p >to/pagefile.sys
for n in $(seq 400); do head -c 60000 /dev/urandom >"$W/System32/drivers/driver-$n.sys"; done
for n in $(seq 3000); do echo "$n" >"$W/System32/library-$n.dll"; done
for n in $(seq 4000); do mkdir "$W/WinSxS/amd64_component-with-a-long-name_31bf3856ad364e35_10.0.17763.$n"; done
umount to

disk 2tib.raw 2T $LINUX; attach 2tib.raw $FIRST $BYTES
mkfs.ext4 -q -E nodiscard "$LOOP"; system "$LOOP" ext4
umount from

convert() { qemu-img convert -q -f raw -O "$1" -o "$2" "${@:4}" debian-12.raw "$3"; }
convert qcow2 compression_type=zlib debian-12.zlib.qcow2 -c
convert qcow2 compression_type=zstd debian-12.zstd.qcow2 -c
convert vpc subformat=dynamic debian-12.dynamic.vhd
convert vpc subformat=fixed debian-12.fixed.vhd
convert vmdk subformat=monolithicSparse debian-12.sparse.vmdk
convert vmdk subformat=streamOptimized debian-12.stream.vmdk
qemu-img convert -q -f raw -O qcow2 2tib.raw 2tib.qcow2
mkdir -p "$OUT"
mv ./*.raw ./*.qcow2 ./*.vhd ./*.vmdk "$OUT/"
touch "$OUT/done"
echo "$OUT" >&3
