#!/bin/bash
# Stops what up.sh started, by pid, and removes its containers, mounts, network and state. The cache of programs and disk images stays.
. "$(dirname "$0")/lib.sh"
[ -d "$STATE" ] || exit 0
need_root
gone() { local p; for p in "$@"; do alive "$p" && return 1; done; return 0; }
await_gone() { local i; for i in $(seq 50); do gone "$@" && return; sleep 0.2; done; for i in "$@"; do stop "$i" KILL; done; }

for part in coredns proxy kubelet scheduler controllers; do stop "$part"; done
await_gone coredns proxy kubelet scheduler controllers
if alive containerd; then
  for c in $(ctr containers ls -q); do
    ctr tasks rm --force "$c" >/dev/null 2>&1 || true
    ctr containers rm "$c" >/dev/null 2>&1 || true
  done
fi
stop containerd; await_gone containerd
# shims outlive containerd; ours name its socket
for p in /proc/[0-9]*; do
  tr '\0' ' ' 2>/dev/null <"$p/cmdline" | grep -q "containerd-shim.* -address $RUN/containerd.sock" && kill -KILL "${p#/proc/}" || true
done
stop apiserver; await_gone apiserver; stop etcd; await_gone etcd

{ grep -oE " $STATE/[^ ]*" /proc/mounts || true; } | sort -ru | xargs -r umount -l
# Pods' networks outlive their processes, containerd's too when it was killed, and would answer for the next pod of that
# address. Ours hold an address that our allocator has given out.
for n in $(ip netns list | grep -o '^cni-[^ ]*'); do
  for address in $(ip -n "$n" -4 -o addr show scope global | awk '{ sub("/.*", "", $4); print $4 }'); do
    [ ! -f "$RUN/cni/pods/$address" ] || ip netns del "$n"
  done
done
ip link del "$LINK" 2>/dev/null || true
if [ -f "$STATE/ip_forward.before" ]; then
  sysctl -qw "net.ipv4.ip_forward=$(cat "$STATE/ip_forward.before")"
  "$BIN/kubernetes" proxy --cleanup >/dev/null 2>&1 || true
fi
find /sys/fs/cgroup -depth -type d -path '*/kubepods*' -exec rmdir {} + 2>/dev/null || true
if [ "${1:-}" = --keep-programs ]; then
  find "$STATE" -mindepth 1 -maxdepth 1 ! -name bin ! -name buildah -exec rm -rf {} +
else
  rm -rf "$STATE"
fi
