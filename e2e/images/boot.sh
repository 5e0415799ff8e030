#!/bin/bash
# Boots both disk images as a cloud would: BIOS, virtio disk. The good one must reach its login prompt, the bad one must
# not find its root. Emulated, so that it works anywhere: a few minutes. ACCEL=kvm where the machine has it.
. "$(dirname "$0")/../lib.sh"
packages boot
IMAGES=$("$E2E/images/build.sh")
LIMIT=${BOOT_SECONDS:-600}
CONSOLE=$(mktemp); QEMU=
trap '[ -z "$QEMU" ] || kill "$QEMU" 2>/dev/null || true; rm -f "$CONSOLE"' EXIT

boots() { # image, words that must appear on its console, words that must not
  local t=$SECONDS
  : >"$CONSOLE"
  qemu-system-x86_64 -accel "${ACCEL:-tcg}" -m 768 -display none -monitor none -nic none -snapshot \
    -drive "file=$IMAGES/$1.qcow2,format=qcow2,if=virtio" -serial "file:$CONSOLE" 2>>"$(log_file boot)" & QEMU=$!
  until grep -aq -- "$2" "$CONSOLE"; do
    ! grep -aq -- "$3" "$CONSOLE" || { tail -20 "$CONSOLE" >&2; die "$1: \"$3\" on its console"; }
    kill -0 "$QEMU" 2>/dev/null || die "$1: qemu ended"
    [ $((SECONDS - t)) -lt "$LIMIT" ] || { tail -20 "$CONSOLE" >&2; die "$1: no \"$2\" within $LIMIT s"; }
    sleep 1
  done
  kill "$QEMU"; wait "$QEMU" || true; QEMU=
  say "$1: \"$2\" after $((SECONDS - t)) s"
}
boots debian-12 "debian login: " "Gave up waiting for root"
boots debian-12-bad "Gave up waiting for root" "login: "
