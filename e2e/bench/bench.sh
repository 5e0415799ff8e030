#!/bin/bash
# The figures: what an inspection costs, a conversion beside other tools, and what an import costs the API server.
#   bench.sh [local] [PART...]   `local` needs no cluster; parts are inspection, conversion, writes. Default: all
. "$(dirname "$0")/../lib.sh"
need_rust; packages build image test bench
IMAGE_IMPORT_IMAGES=$("$E2E/images/build.sh")
IMAGE_IMPORT_BENCH=$("$E2E/bench/images.sh")
"$E2E/cluster/tools.sh" minio
IMAGE_IMPORT_MINIO=$STATE/bin/minio
export IMAGE_IMPORT_IMAGES IMAGE_IMPORT_BENCH IMAGE_IMPORT_MINIO
if [ "${1:-}" = local ]; then
  shift
  unset KUBECONFIG
else
  need_go; packages cluster
  use_cluster
  "$E2E/cluster/store.sh" up
  "$E2E/deploy.sh" operator
fi
cd "$ROOT"
$CARGO bench --locked --bench figures -- "$@"
