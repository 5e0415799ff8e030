#!/bin/bash
# All tests. Without arguments: units, parsers against the real tools, and the end-to-end cases on a real cluster, which
# is started if need be and stopped again if it was not up. Arguments go to `cargo test`: test.sh --test 'e2e*' -- smoke
. "$(dirname "$0")/lib.sh"
need_rust
foreign || { need_root; need_debian; need_go; }
packages build test
UP=$([ -f "$STATE/admin.kubeconfig" ] && echo before || echo now)
stop() { local rc=$?; [ "$UP" = before ] || foreign || "$E2E/cluster/down.sh"; exit $rc; }
trap stop EXIT

if [ -z "${1:-}" ] || [ "${1:-}" = --test ]; then
  use_cluster
  "$E2E/cluster/store.sh" up
  "$E2E/deploy.sh" operator
fi
T=$SECONDS
cd "$ROOT"
status=0
$CARGO test --locked --no-fail-fast "$@" || status=$?
took "tests" "$T"
exit $status
