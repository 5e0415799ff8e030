#!/bin/bash
# Puts MinIO into the cluster of $KUBECONFIG, with bucket `images`, and the two disk images in it.
# The keys are made here and live in Secrets: image-store/{owner,bucket-reader,bucket-writer}; demo/{bucket-reader,bucket-writer} are copies.
#   store.sh up         make it, or bring it to the wanted state
#   store.sh with CMD   run a command with STORE_ENDPOINT, STORE_ACCESS_KEY and STORE_SECRET_KEY set: the store by a port-forward
#   store.sh down
: "${KUBECONFIG:?is not set}"
ours=$KUBECONFIG
. "$(dirname "$0")/lib.sh"
export KUBECONFIG=$ours
PATH=$BIN:$PATH
key() { kubectl -n image-store get secret "$1" -o "jsonpath={.data.$2}" | base64 -d; }

with() ( # command: in a subshell, so that the port-forward ends with it
  forward=$(mktemp); trap 'kill "$pid" 2>/dev/null || true; rm -f "$forward"' EXIT
  kubectl -n image-store port-forward deployment/minio :9000 --address 127.0.0.1 >"$forward" 2>&1 & pid=$!
  for _ in $(seq 100); do grep -q Forwarding "$forward" && break; kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
  STORE_ENDPOINT=$(sed -n 's/^Forwarding from \(127.0.0.1:[0-9]*\).*/\1/p' "$forward")
  [ -n "$STORE_ENDPOINT" ] || { cat "$forward" >&2; die "no way to the store"; }
  STORE_ACCESS_KEY=$(key owner accessKeyID) STORE_SECRET_KEY=$(key owner secretAccessKey)
  export STORE_ENDPOINT STORE_ACCESS_KEY STORE_SECRET_KEY
  "$@"
)
secret() { kubectl create secret generic "$1" -n "$2" --from-literal=accessKeyID="$3" --from-literal=secretAccessKey="$4" --dry-run=client -o yaml | kubectl apply -f - >/dev/null; }
user() { # name policy
  "$BIN/store" user "$(key "bucket-$1" accessKeyID)" "$(key "bucket-$1" secretAccessKey)" "$2"
}
fill() {
  "$BIN/store" bucket images
  user reader readonly
  user writer readwrite
  local images; images=$("$E2E/images/build.sh")
  for image in debian-12 debian-12-bad; do "$BIN/store" put "$images/$image.qcow2" images "$image.qcow2"; done
}

case ${1:-} in
  up)
    "$E2E/cluster/tools.sh" minio store
    T=$SECONDS
    image=$("$E2E/cluster/image.sh" "localhost/minio:${MINIO_VERSION##*-}" "$(readlink -f "$BIN/minio")")
    kubectl create namespace image-store --dry-run=client -o yaml | kubectl apply -f - >/dev/null
    for who in owner bucket-reader bucket-writer; do
      kubectl -n image-store get secret "$who" >/dev/null 2>&1 || secret "$who" image-store "$who" "$(openssl rand -hex 20)"
    done
    sed "s#IMAGE\$#$image#" "$E2E/cluster/store.yaml" | kubectl apply -f - >/dev/null
    kubectl create namespace demo --dry-run=client -o yaml | kubectl apply -f - >/dev/null
    kubectl label --overwrite namespace demo pod-security.kubernetes.io/enforce=restricted >/dev/null
    for who in bucket-reader bucket-writer; do secret "$who" demo "$(key $who accessKeyID)" "$(key $who secretAccessKey)"; done
    kubectl -n image-store rollout status deployment/minio --timeout=120s >/dev/null || { kubectl -n image-store describe pods >&2; die "the store did not start"; }
    with fill
    took "the store is up, with both disk images" "$T" ;;
  with) shift; with "$@" ;;
  down) kubectl delete namespace image-store demo --ignore-not-found --wait=true ;;
  *) die "usage: store.sh up | with COMMAND... | down" ;;
esac
