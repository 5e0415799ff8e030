# Sourced by the scripts of this folder: where things lie, how they speak, how they fail.
# shellcheck shell=bash
set -euo pipefail
E2E=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(dirname "$E2E")
# Built once and kept: programs and disk images, each named by the hash of its recipe.
CACHE=$(realpath -m "${IMAGE_IMPORT_CACHE:-${HOME:-/root}/.cache/image-import-operator}")
# The running cluster: small, with short socket paths, gone after `make demo-down`.
STATE=$(realpath -m "${IMAGE_IMPORT_STATE:-/var/tmp/image-import-operator}")
# shellcheck source=versions.env
. "$E2E/versions.env"
KUBERNETES_VERSION=$(awk '$1 == "k8s.io/kubernetes" { print $2; exit }' "$E2E/cluster/kubernetes/go.mod")
STARTED=${STARTED:-$SECONDS}
export DEBIAN_FRONTEND=noninteractive

if [ -t 2 ]; then BOLD=$'\033[1m' RED=$'\033[1;31m' PLAIN=$'\033[0m'; else BOLD='' RED='' PLAIN=''; fi
say() { printf '%s==> %s%s\n' "$BOLD" "$*" "$PLAIN" >&2; }
die() { printf '%serror:%s %s\n' "$RED" "$PLAIN" "$*" >&2; exit 1; }
took() { say "$1: $((SECONDS - $2)) s"; } # what, SECONDS at its start

# A missing prerequisite is named, with the command that installs it.
need_root() { [ "$(id -u)" = 0 ] || die "this builds disk images and runs containers: run it as root"; }
need_debian() { command -v apt-get >/dev/null || die "this needs Debian 12 or a derivative (apt-get is missing)"; }
at_least() { [ "$(printf '%s\n' "$1" "$2" | sort -V | head -1)" = "$1" ]; } # wanted, found
need_rust() {
  local wanted found; wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$ROOT/Cargo.toml")
  found=$(cargo --version 2>/dev/null | awk '{print $2}') || true
  [ -n "$found" ] && at_least "$wanted" "$found" || die "Rust $wanted or later is needed, found: ${found:-none}. Install it with:
  apt-get install -y curl && curl -sSf https://sh.rustup.rs | sh -s -- -y && . ~/.cargo/env"
}
need_go() {
  local found; found=$(go env GOVERSION 2>/dev/null) || true
  [ -n "$found" ] && at_least "$GO_VERSION" "${found#go}" || die "Go $GO_VERSION or later is needed, found: ${found:-none}. Install it with:
  apt-get install -y curl && curl -sSfL https://go.dev/dl/go1.26.0.linux-amd64.tar.gz | tar -C /usr/local -xz && export PATH=\$PATH:/usr/local/go/bin"
}

# Debian packages of one or more groups of the file `packages`, only those not yet installed.
packages() {
  local group missing
  missing=$(for group in "$@"; do sed -n "s/^$group: //p" "$E2E/packages"; done | tr ' ' '\n' | sort -u |
    while read -r p; do dpkg-query -W -f '${db:Status-Status}\n' "$p" 2>/dev/null | grep -qx installed || echo "$p"; done)
  [ -n "$missing" ] || return 0
  need_root; need_debian
  say "Debian packages for $*: ${missing//$'\n'/ }"
  # shellcheck disable=SC2086
  { apt-get -q update && RUNLEVEL=1 apt-get -q install -y --no-install-recommends $missing; } >"$(log_file apt)" 2>&1 ||
    { tail -20 "$(log_file apt)" >&2; die "apt-get failed; the log is $(log_file apt)"; }
}
log_file() { mkdir -p "$CACHE/log"; echo "$CACHE/log/$1.log"; }

# Hash of files (by content) and words: names a thing in the cache after its recipe.
recipe() { local a; for a in "$@"; do if [ -f "$a" ]; then cat "$a"; else echo "$a"; fi; done | sha256sum | head -c 12; }

# --- the cluster in use: the user's, named by KUBECONFIG and REGISTRY, or the local one
foreign() { [ -n "${KUBECONFIG:-}" ] && [ "$KUBECONFIG" != "$STATE/admin.kubeconfig" ]; }
# Sets KUBECONFIG and PATH so that kubectl and helm reach it; starts the local one when it is not up.
use_cluster() {
  if foreign; then
    [ -n "${REGISTRY:-}" ] || die "KUBECONFIG is set, so images go to a registry that cluster pulls from: set REGISTRY too, or unset KUBECONFIG to use a cluster on this machine"
    command -v kubectl >/dev/null || "$E2E/cluster/tools.sh" kubernetes kubectl
    command -v helm >/dev/null || "$E2E/cluster/tools.sh" helm
  else
    unset REGISTRY
    "$E2E/cluster/tools.sh" kubernetes kubectl helm
    KUBECONFIG=$("$E2E/cluster/up.sh")
    export KUBECONFIG
  fi
  export PATH="$STATE/bin:$PATH"
}

# The disk images in the background: their time is the network's, that of the programs is the processor's.
# What needs them calls build.sh, waits for its lock, and says what went wrong.
images_meanwhile() {
  packages images
  "$E2E/images/build.sh" >/dev/null 2>&1 & IMAGES_PID=$!
  trap 'kill $IMAGES_PID 2>/dev/null || true' EXIT
}

# --- the program under test: static, so that its image needs nothing else
TARGET=x86_64-unknown-linux-musl
CARGO=${CARGO:-cargo}
# rustfmt and clippy, which a minimal toolchain lacks.
rust_tools() {
  { cargo fmt --version && cargo clippy --version; } >/dev/null 2>&1 || rustup component add rustfmt clippy >&2 ||
    die "rustfmt or clippy is missing, and rustup could not add them"
}
build_program() { # prints its path; PROFILE=dev builds faster, for trying things
  local profile=${PROFILE:-release}
  need_rust; packages build
  if command -v rustup >/dev/null && ! rustup target list --installed | grep -qx $TARGET; then
    rustup target add $TARGET >&2
  fi
  (cd "$ROOT" && $CARGO build --profile "$profile" --locked --target $TARGET >&2)
  echo "$(cd "$ROOT" && realpath -m "${CARGO_TARGET_DIR:-target}")/$TARGET/${profile/#dev/debug}/image-import"
}
