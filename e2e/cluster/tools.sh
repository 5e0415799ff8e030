#!/bin/bash
# Builds the programs it is asked for into the cache, once a version, and links them into the state's bin folder.
#   tools.sh kubernetes kubectl pause helm coredns minio store
. "$(dirname "$0")/../lib.sh"
need_go
TOOLS=$CACHE/tools BIN=$STATE/bin
mkdir -p "$TOOLS" "$BIN"
export CGO_ENABLED=0 GOFLAGS="-trimpath -buildvcs=false"

# name, version, what to say, command that leaves the program at $1/NAME
build() {
  local name=$1 file=$TOOLS/$1-$2 what=$3 t=$SECONDS tmp; shift 3
  if [ ! -x "$file" ]; then
    say "building $name ($what)"
    tmp=$(mktemp -d "$TOOLS/.build.XXXXXX")
    "$@" "$tmp" >"$(log_file "build-$name")" 2>&1 || { tail -20 "$(log_file "build-$name")" >&2; rm -rf "$tmp"; die "$name was not built; the log is $(log_file "build-$name")"; }
    mv "$tmp/$name" "$file"; rm -rf "$tmp"
    took "$name" "$t"
  fi
  ln -sfn "$file" "$BIN/$name"
}
# A program of a module here: folder, package, linker flags.
from_here() { (cd "$E2E/cluster/$1" && go build -ldflags "-s -w $3" -o "$4/" "$2"); }
# A program of a module elsewhere. `go install` keeps to the versions of that module's own go.mod.
from_module() { GOBIN=$3 go install -ldflags "-s -w $2" "$1"; }

KUBERNETES=$E2E/cluster/kubernetes
V=k8s.io/component-base/version MINOR=${KUBERNETES_VERSION#v*.}
for name in "$@"; do case $name in
  kubernetes) build kubernetes "$KUBERNETES_VERSION-$(recipe "$KUBERNETES"/{main.go,go.mod,go.sum})" "$KUBERNETES_VERSION, 4 to 6 minutes" \
    from_here kubernetes . "-X $V.gitVersion=$KUBERNETES_VERSION -X $V.gitMajor=1 -X $V.gitMinor=${MINOR%%.*}" ;;
  kubectl) ln -sfn "$(readlink -f "$BIN/kubernetes")" "$BIN/kubectl" ;; # one program, two names
  pause) build pause "$(recipe "$KUBERNETES/pause/main.go")" "the sandbox container" from_here kubernetes ./pause "" ;;
  store) build store "$(recipe "$E2E"/cluster/store/{main.go,go.mod,go.sum})" "the store's client" from_here store . "" ;;
  helm) build helm "$HELM_VERSION" "$HELM_VERSION, 2 minutes" from_module "helm.sh/helm/v4/cmd/helm@$HELM_VERSION" "-X helm.sh/helm/v4/internal/version.version=$HELM_VERSION" ;;
  coredns) build coredns "$COREDNS_VERSION" "$COREDNS_VERSION, 2 minutes" from_module "github.com/coredns/coredns@$COREDNS_VERSION" "" ;;
  minio) build minio "${MINIO_VERSION##*-}" "2 minutes" from_module "github.com/minio/minio@$MINIO_VERSION" "" ;;
  *) die "unknown program $name" ;;
esac; done
