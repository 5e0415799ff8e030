# Sourced by up.sh and down.sh: the cluster's processes, each with a pid file and a log.
# shellcheck shell=bash
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
RUN=$STATE/run LOG=$STATE/log BIN=$STATE/bin
NODE_IP=10.244.0.1 POD_CIDR=10.244.0.0/24 SERVICE_CIDR=10.96.0.0/16 LINK=image-import0
export KUBECONFIG=$STATE/admin.kubeconfig
PARTS=(etcd apiserver controllers scheduler containerd kubelet proxy coredns)

# A process is ours when it runs and carries our mark: after a reboot the number may be another's.
alive() {
  local pid; pid=$(cat "$RUN/$1.pid" 2>/dev/null) && [ -r "/proc/$pid/environ" ] || return 1
  tr '\0' '\n' 2>/dev/null <"/proc/$pid/environ" | grep -qx "IMAGE_IMPORT_CLUSTER=$STATE"
}
start() { # name command...
  local name=$1; shift
  IMAGE_IMPORT_CLUSTER=$STATE setsid "$@" >"$LOG/$name.log" 2>&1 </dev/null &
  echo $! >"$RUN/$name.pid"
}
stop() { alive "$1" || return 0; kill "-${2:-TERM}" "$(cat "$RUN/$1.pid")"; }
# Waits until a command succeeds; fails with the tail of the log when the process dies or the time is over.
await() { # process, seconds, what, command...
  local name=$1 until=$((SECONDS + $2)) what=$3; shift 3
  until "$@" >/dev/null 2>&1; do
    alive "$name" || { tail -20 "$LOG/$name.log" >&2; die "$name ended while waiting for $what; the log is $LOG/$name.log"; }
    [ $SECONDS -lt $until ] || { tail -20 "$LOG/$name.log" >&2; die "no $what in time; the log of $name is $LOG/$name.log"; }
    sleep 0.2
  done
}
ctr() { command ctr -a "$RUN/containerd.sock" -n k8s.io "$@"; }
