#!/bin/bash
# All tests. Without arguments: units, parsers against the real tools, and the end-to-end cases on a real cluster, which
# is started if need be and stopped again if it was not up. Arguments go to `cargo test`: test.sh --test 'e2e*' -- smoke
. "$(dirname "$0")/lib.sh"
need_rust; need_go
foreign || { need_root; need_debian; }
packages build image cluster test
images_meanwhile
BEFORE=$([ -f "$STATE/admin.kubeconfig" ] && echo up || echo down)
finish() { local rc=$?; kill "$IMAGES_PID" 2>/dev/null || true; [ $BEFORE = up ] || foreign || "$E2E/cluster/down.sh"; exit $rc; }
trap finish EXIT

use_cluster
"$E2E/cluster/store.sh" up
VALUES=$E2E/test-values.yaml "$E2E/deploy.sh" operator
IMAGE_IMPORT_IMAGES=$("$E2E/images/build.sh")
# The cases wait more than they compute.
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-8}
export IMAGE_IMPORT_IMAGES IMAGE_IMPORT_MINIO=$STATE/bin/minio
T=$SECONDS status=0
cd "$ROOT"
[ $# -gt 0 ] || set -- -- --show-output # the reasons of tests that were skipped
$CARGO test --locked --no-fail-fast "$@" || status=$?
took "cargo test" "$T"
exit $status
