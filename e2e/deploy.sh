#!/bin/bash
# What demo and tests stand on, each step also a verb of the Makefile.
#   deploy.sh cluster    the cluster and the store with both disk images
#   deploy.sh image      the operator's image, where the cluster finds it; prints its reference
#   deploy.sh operator   that image, installed by the chart; $VALUES names a file of values
#   deploy.sh release    lets CustomImages be deleted without the operator, and their objects stay
#   deploy.sh down       that, then removes the operator
. "$(dirname "$0")/lib.sh"
NAMESPACE=${NAMESPACE:-image-import-operator}

image() {
  local program tag; program=$(build_program); tag=$(sha256sum "$program" | head -c 12)
  CONTAINERFILE=$ROOT/Containerfile "$E2E/cluster/image.sh" "localhost/image-import-operator:$tag" "$program"
}

operator() {
  local ref t; ref=$(image); t=$SECONDS
  say "installing $ref with charts/image-import-operator"
  # The store here speaks plain http, which the operator refuses unless told.
  helm upgrade --install image-import-operator "$ROOT/charts/image-import-operator" --namespace "$NAMESPACE" --create-namespace \
    ${VALUES:+--values "$VALUES"} --set image.repository="${ref%:*}" --set image.tag="${ref##*:}" --set egress.allowInsecureEndpoints=true --force-conflicts \
    --wait --timeout 3m >&2 || {
    kubectl -n "$NAMESPACE" get pods,events >&2 || true
    kubectl -n "$NAMESPACE" logs deployment/image-import-operator --tail=30 >&2 || true
    die "the operator did not become ready"
  }
  took "the operator is ready" "$t"
}

# The operator's own pod has the program and the rights. Where none runs, the program here has the user's.
release() {
  local held; held=$(kubectl get customimages -A -o jsonpath='{.items[*].metadata.finalizers}' 2>/dev/null || true)
  [[ $held == *imageimport.dev/delete-objects* ]] || return 0
  say "letting go of the objects of CustomImages"
  kubectl -n "$NAMESPACE" exec deployment/image-import-operator -- /image-import release-finalizers >&2 ||
    "$(build_program)" release-finalizers >&2
}

case ${1:-} in
  cluster)
    use_cluster
    "$E2E/cluster/store.sh" up
    printf 'export KUBECONFIG=%s PATH=%s:$PATH\n' "$KUBECONFIG" "$STATE/bin" ;;
  image) use_cluster; image ;;
  operator) use_cluster; operator ;;
  release) use_cluster; release ;;
  down) use_cluster; release; helm uninstall image-import-operator --namespace "$NAMESPACE" --ignore-not-found --wait >&2 ;;
  *) die "usage: deploy.sh cluster | image | operator | release | down" ;;
esac
