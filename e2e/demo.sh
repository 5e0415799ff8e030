#!/bin/bash
# The main job, seen by a user: two disk images in a bucket, three imports, what becomes of them.
#   demo.sh up | down
. "$(dirname "$0")/lib.sh"
NAMESPACE=${NAMESPACE:-image-import-operator}
run() { printf '\n%s$ %s%s\n' "$BOLD" "$*" "$PLAIN"; "$@"; }

down() {
  if foreign; then
    use_cluster
    kubectl delete imageimports,customimages --all -n demo --ignore-not-found || true
    "$E2E/deploy.sh" down
    kubectl delete --ignore-not-found -k "$ROOT/crds"
    kubectl delete namespace "$NAMESPACE" --ignore-not-found
    "$E2E/cluster/store.sh" down
    # A cluster on this machine, if there is one beside, lives in the same folder.
    [ -f "$STATE/admin.kubeconfig" ] || rm -rf "$STATE"
  else
    "$E2E/cluster/down.sh"
  fi
  say "removed. Built programs and disk images stay in $CACHE"
}

up() {
  local t=$SECONDS
  foreign || { need_root; need_debian; need_go; }
  need_rust
  if [ -d "$CACHE/tools" ]; then say "this takes under 2 minutes when all is built already"
  else say "this takes up to 25 minutes the first time on 2 cores (Kubernetes, the store and two disk images are built), then under 2"; fi
  packages build image cluster demo
  images_meanwhile
  use_cluster
  "$E2E/cluster/store.sh" up
  "$E2E/deploy.sh" operator
  imports
  show
  took "the demo" "$t"
  next_lines
}

imports() {
  say "two clouds are asked about a good image, one about a bad one"
  run kubectl apply -k config/samples
  run kubectl wait -n demo --for=condition=Inspected imageimports --all --timeout=5m
  run kubectl wait -n demo --for=condition=Ready imageimport/debian-12-tencent imageimport/debian-12-alibaba --timeout=5m
}

show() {
  run kubectl get -n demo imageimports,customimages
  say "what is wrong with the bad image: what was found, where, and how to mend it"
  failed_conditions debian-12-bad-tencent
  say "what was stored, and its checksum"
  run kubectl get -n demo customimages -o jsonpath='{range .items[*].spec.disks[*]}{.url}{"  "}{.checksum}{"\n"}{end}'
  "$E2E/cluster/store.sh" with "$STATE/bin/store" list images
}
failed_conditions() { kubectl get -n demo imageimport "$1" -o json | jq -r '.status.conditions[] | select(.status == "False" and .message != "" and .type != "Ready") | "\n\(.type): \(.reason)\n  \(.message)"'; }

next_lines() {
  cat <<T

The cluster stays up. Lines to try next:
  export KUBECONFIG=$KUBECONFIG PATH=$STATE/bin:\$PATH
  kubectl get -n demo imageimports -w
  kubectl describe -n demo imageimport/debian-12-bad-tencent
  kubectl get importprofiles
  kubectl logs -n $NAMESPACE deployment/image-import-operator
  make demo-down        removes all of it
T
}

cd "$ROOT"
case ${1:-} in up) up ;; down) down ;; *) die "usage: demo.sh up | down" ;; esac
