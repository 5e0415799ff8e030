#!/bin/bash
# Boots disk images as a cloud would (BIOS, a virtio disk) and holds what happens against what the program said before: the
# two images of build.sh, and the good one with one change at a time. Emulated, so that it works anywhere: about two minutes
# a boot. ACCEL=kvm where the machine has it. Arguments: names of the boots to make, all without.
. "$(dirname "$0")/../lib.sh"
packages boot
IMAGES=$("$E2E/images/build.sh")
PROGRAM=$(build_program)
LIMIT=${BOOT_SECONDS:-600}
WORK=$(mktemp -d "$CACHE/boot.XXXXXX"); CONSOLE=$WORK/console; QEMU=
trap '[ -z "$QEMU" ] || kill "$QEMU" 2>/dev/null || true; rm -rf "$WORK"' EXIT
ASKED=" $* " FAILED=0 MADE=0
GONE=00000000-0000-0000-0000-000000000000
# Where build.sh puts the filesystem.
DISK=$WORK/disk.raw ROOTFS=$DISK?offset=$((2048 * 512))

get() { debugfs -R "cat $1" "$ROOTFS" 2>/dev/null; }
put() { # path in the guest; the content comes from standard input
  cat >"$WORK/file"
  debugfs -w -f /dev/stdin "$ROOTFS" >/dev/null 2>&1 <<<"rm $1
write $WORK/file $1"
  cmp -s "$WORK/file" <(get "$1") || die "debugfs did not write $1"
}
fresh() { rm -f "$DISK"; qemu-img convert -q -O raw "$IMAGES/debian-12.qcow2" "$DISK"; }

# What a boot has beside the disk: the drive on which Tencent Cloud hands its data over, and a card with nobody behind it but
# QEMU's own DHCP server.
NO_CARD=(-nic none) MORE=()
config_drive() {
  mkdir -p "$WORK/drive/openstack/latest"
  echo '{"uuid": "5f1f5f0e-7a3e-4f5d-9c0c-0c6f1d5a7b11", "hostname": "drive"}' >"$WORK/drive/openstack/latest/meta_data.json"
  genisoimage -quiet -r -V config-2 -o "$WORK/drive.iso" "$WORK/drive"
  MORE=("${NO_CARD[@]}" -drive "file=$WORK/drive.iso,format=raw,if=virtio")
}
card() { # and a unit that says on the console which address the card got
  MORE=(-nic "user,model=virtio-net-pci,restrict=on")
  printf '[Unit]\nAfter=network.target\n[Service]\nExecStart=/bin/sh -c "sleep 30; { ip -4 -o addr show dev eth0; echo that is all; } >/dev/ttyS0"\n' |
    put /etc/systemd/system/told.service
  debugfs -w -R "symlink /etc/systemd/system/multi-user.target.wants/told.service ../told.service" "$ROOTFS" >/dev/null 2>&1
}

# What each boot changes in a fresh copy of the good disk.
change_good() { :; }
change_bad() { rm -f "$DISK"; qemu-img convert -q -O raw "$IMAGES/debian-12-bad.qcow2" "$DISK"; }
change_entry() { get /boot/grub/grub.cfg | sed "s/root=UUID=[^ ]*/root=UUID=$GONE/" | put /boot/grub/grub.cfg; }
change_disk_name() { get /boot/grub/grub.cfg | sed "s#root=UUID=[^ ]*#root=/dev/sda1#" | put /boot/grub/grub.cfg; }
change_blacklist() { get /boot/grub/grub.cfg | sed 's/root=UUID=/modprobe.blacklist=virtio_blk &/' | put /boot/grub/grub.cfg; }
fstab() { { get /etc/fstab; echo "UUID=$GONE $*"; } | put /etc/fstab; }
change_fstab() { fstab /srv ext4 defaults 0 2; }
change_nofail() { fstab /srv ext4 defaults,nofail 0 2; }
change_swap() { fstab none swap sw 0 0; }
list() { echo "datasource_list: [ $* ]" | put /etc/cloud/cloud.cfg.d/90_dpkg.cfg; }
change_drive() { config_drive; }
change_datasource() { config_drive; list None; }
change_searched() { config_drive; list NoCloud, GCE, None; }
change_card() { card; }
change_interface() { card; get /etc/network/interfaces | sed 's/eth0/ens5/' | put /etc/network/interfaces; }
change_cloud_init() { echo | put /etc/cloud/cloud-init.disabled; }
change_selinux() { debugfs -w -R "mkdir /etc/selinux" "$ROOTFS" >/dev/null 2>&1; printf 'SELINUX=enforcing\nSELINUXTYPE=default\n' | put /etc/selinux/config; }

# What the console must show, and must not.
starts() { # disk, words that must appear, words that must not
  local t=$SECONDS ok=0
  : >"$CONSOLE"
  qemu-system-x86_64 -accel "${ACCEL:-tcg}" -m 768 -display none -monitor none -snapshot \
    -drive "file=$1,format=raw,if=virtio" "${MORE[@]}" -serial "file:$CONSOLE" 2>>"$(log_file boot)" & QEMU=$!
  until grep -aEq -- "$2" "$CONSOLE"; do
    ! grep -aEq -- "$3" "$CONSOLE" || { say "\"$3\" on its console"; ok=1; break; }
    kill -0 "$QEMU" 2>/dev/null || { say "qemu ended"; ok=1; break; }
    [ $((SECONDS - t)) -lt "$LIMIT" ] || { say "no \"$2\" within $LIMIT s"; ok=1; break; }
    sleep 1
  done
  [ $ok = 1 ] || ! grep -aEq -- "$3" "$CONSOLE" || { say "\"$3\" on its console"; ok=1; }
  kill "$QEMU" 2>/dev/null; wait "$QEMU" || true; QEMU=
  [ $ok = 0 ] || tail -20 "$CONSOLE" >&2
  took "\"$2\"" "$t"
  return $ok
}

# name, profile, rule, what the program must say about it, what the console must show, what it must not
boot() {
  [ "$ASKED" = "  " ] || [[ $ASKED == *" $1 "* ]] || return 0
  local said t=$SECONDS
  fresh; MORE=("${NO_CARD[@]}"); "change_$1"; MADE=$((MADE + 1))
  said=$("$PROGRAM" inspect "$DISK" --profile "$2" -o json || true)
  said=$(jq -r --arg id "$3" '.rules[] | select(.id == $id) | .result' <<<"$said")
  say "$1: $2 says $3 $said"
  [ "$said" = "$4" ] || { say "$1: it should say $4"; FAILED=$((FAILED + 1)); }
  starts "$DISK" "$5" "$6" || { say "$1: it did not start as it should"; FAILED=$((FAILED + 1)); }
}
LOGIN="debian login: " NO_ROOT="Gave up waiting for root|No root device|does not exist.  Dropping to a shell"
EMERGENCY="emergency mode|Cannot open access to console"
ALIBABA=alibaba-ecs-2020-12
boot good tencent-cvm DRV-01 Pass "$LOGIN" "$NO_ROOT|$EMERGENCY"
boot bad tencent-cvm DRV-01 Fail "$NO_ROOT" "login: "
boot blacklist tencent-cvm DRV-01 Fail "$NO_ROOT" "login: "
boot entry $ALIBABA LNX-03 Fail "$NO_ROOT" "login: "
boot disk_name $ALIBABA LNX-03 Fail "$NO_ROOT" "login: "
boot fstab $ALIBABA LNX-04 Fail "$EMERGENCY" "login: "
boot nofail $ALIBABA LNX-04 Pass "$LOGIN" "$EMERGENCY"
boot swap $ALIBABA LNX-04 Warn "$LOGIN" "$EMERGENCY"
boot cloud_init tencent-cvm SVC-01 Fail "$LOGIN" "Cloud-init v"
boot drive tencent-cvm SVC-02 Pass "Datasource DataSourceConfigDrive" "Datasource DataSourceNone"
boot datasource tencent-cvm SVC-02 Warn "Datasource DataSourceNone" "Datasource DataSourceConfigDrive"
boot searched tencent-cvm SVC-02 Warn "$LOGIN" "Cloud-init v"
boot card tencent-cvm SVC-13 Pass "eth0 +inet 10\.0\.2\.15/" "Gave up waiting"
boot interface tencent-cvm SVC-13 Advice "that is all" "eth0 +inet 10\.0\.2\.15/"
boot selinux $ALIBABA LNX-06 Advice "$LOGIN" "$EMERGENCY"
say "$MADE boots, $FAILED differ from what was said"
[ $FAILED = 0 ] && [ $MADE -gt 0 ]
