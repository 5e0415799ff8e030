#!/bin/bash
# Makes a FROM scratch image of static programs and hands it to the cluster: to the local containerd, or to $REGISTRY.
#   image.sh NAME:TAG PROGRAM -> prints the reference pods use
# With CONTAINERFILE set, that one is built, with the program beside it.
. "$(dirname "$0")/lib.sh"
packages image
NAME=$1 PROGRAM=$2
# Tags are of the content (versions, hashes): what is there is the same.
[ -z "${REGISTRY:-}" ] && ctr images ls -q "name==$NAME" | grep -q . && { echo "$NAME"; exit; }
CONTEXT=$(mktemp -d); trap 'rm -rf "$CONTEXT"' EXIT
cp "$PROGRAM" "$CONTEXT/"
if [ -n "${CONTAINERFILE:-}" ]; then cp "$CONTAINERFILE" "$CONTEXT/Containerfile"
else printf 'FROM scratch\nCOPY %s /\nUSER 65532:65532\nENTRYPOINT ["/%s"]\n' "${PROGRAM##*/}" "${PROGRAM##*/}" >"$CONTEXT/Containerfile"; fi
# vfs and chroot: no overlay, no namespaces, so that it works in a container too.
bud() { buildah --storage-driver vfs --root "$STATE/buildah/root" --runroot "$STATE/buildah/run" "$@"; }
bud build -q --isolation chroot --timestamp 0 -t "$NAME" "$CONTEXT" >/dev/null
if [ -n "${REGISTRY:-}" ]; then
  bud push -q "$NAME" "docker://$REGISTRY/${NAME#localhost/}" >&2
  echo "$REGISTRY/${NAME#localhost/}"
else
  bud push -q "$NAME" "docker-archive:$CONTEXT/image.tar:$NAME"
  ctr images import "$CONTEXT/image.tar" >/dev/null
  echo "$NAME"
fi
