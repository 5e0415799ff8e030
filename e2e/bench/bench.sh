#!/bin/bash
# The figures: what an inspection costs, and what an import costs the API server. `bench.sh local` needs no cluster.
. "$(dirname "$0")/../lib.sh"
need_rust; packages build image test
IMAGE_IMPORT_IMAGES=$("$E2E/images/build.sh")
IMAGE_IMPORT_BENCH=$("$E2E/bench/images.sh")
export IMAGE_IMPORT_IMAGES IMAGE_IMPORT_BENCH
if [ "${1:-}" = local ]; then
  unset KUBECONFIG
else
  need_go; packages cluster
  use_cluster
  "$E2E/cluster/store.sh" up
  "$E2E/deploy.sh" operator
fi
cd "$ROOT"
$CARGO bench --locked --bench figures
