#!/bin/bash
# Writes the generated files from the program itself: crds/, docs/rules.md, docs/profiles/, config/ from the chart. With --check: fails when they are stale,
# or when the chart or a kustomization does not build.
. "$(dirname "$0")/lib.sh"
need_rust
cd "$ROOT"
OUT=$(mktemp -d); trap 'rm -rf "$OUT"' EXIT
$CARGO build -q --locked
PROGRAM=$(realpath -m "${CARGO_TARGET_DIR:-target}")/debug/image-import

command -v helm >/dev/null || "$E2E/cluster/tools.sh" helm
command -v kubectl >/dev/null || "$E2E/cluster/tools.sh" kubernetes kubectl
export PATH="$PATH:$STATE/bin"

"$PROGRAM" crds --write "$OUT/crds"
mkdir -p "$OUT/docs/profiles"; "$PROGRAM" rules --markdown >"$OUT/docs/rules.md"
for name in $("$PROGRAM" profiles | awk '{ print $1 }'); do
  "$PROGRAM" profiles "$name" -o markdown >"$OUT/docs/profiles/$name.md"
done

if [ "${1:-}" != --check ]; then
  cp -r "$OUT"/. .
  exec config/generate.sh
fi
stale=$(cd "$OUT" && find . -type f | while read -r f; do cmp -s "$f" "$ROOT/$f" || echo "${f#./}"; done)
[ -z "$stale" ] || die "these generated files are stale, run \`make manifests\`: $(xargs <<<"$stale")"
config/generate.sh --check
for values in charts/image-import-operator/ci/*.yaml; do helm lint --strict charts/image-import-operator -f "$values"; done
for kustomization in $(find config crds -name kustomization.yaml); do
  kubectl kustomize "${kustomization%/*}" >/dev/null || die "$kustomization does not build"
done
