#!/usr/bin/env bash
# Rolls out an overlay of ../kubernetes. What is there already is only changed where it differs.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

HELP="Usage: deploy.sh [options]
  --overlay NAME   dev or prod, or a folder of your own (default: dev)
  --context NAME   the cluster, as kubectl knows it (default: kubectl's current one)
  --timeout TIME   for each thing to become ready (default: 15m)
  --dry-run        only says what would be done"

overlay=dev timeout=15m
while [ $# -gt 0 ]; do
  case "$1" in
    --overlay) overlay=${2:?--overlay needs a name} && shift 2 ;;
    --context) KUBECTL+=(--context "${2:?--context needs a name}") && shift 2 ;;
    --timeout) timeout=${2:?--timeout needs a time} && shift 2 ;;
    --dry-run) DRY_RUN=true && shift ;;
    --help) echo "$HELP" && exit 0 ;;
    *) wrong_usage "$1 is not an option" ;;
  esac
done
case "$overlay" in
  dev | prod) overlay=$FOLDER/overlays/$overlay ;;
esac
[ -f "$overlay/kustomization.yaml" ] || wrong_usage "--overlay: there is no $overlay/kustomization.yaml"

if ! "$DRY_RUN"; then
  reach_cluster
  rendered=$("${KUBECTL[@]}" kustomize "$overlay")
  served=$(apis)
  missing=()
  operator() { # operator <API of its objects> <who brings it>
    if grep -q "^apiVersion: $1$" <<< "$rendered" && ! grep -qx "$1" <<< "$served"; then missing+=("$2"); fi
  }
  operator kafka.strimzi.io/v1 "Strimzi 0.49 or newer"
  operator postgresql.cnpg.io/v1 "CloudNativePG"
  operator keda.sh/v1alpha1 "KEDA"
  operator monitoring.coreos.com/v1 "the Prometheus operator"
  [ ${#missing[@]} -eq 0 ] || fail "install these operators first: $(printf '%s, ' "${missing[@]}" | sed 's/, $//')"
fi

change "${KUBECTL[@]}" apply --server-side --filename "$FOLDER/base/namespace.yaml"
if ! "$DRY_RUN" && ! is_there secret mqtt --namespace "$NAMESPACE"; then
  fail "there is no secret with the address of the MQTT broker. Create it, and run this again:
  kubectl --namespace $NAMESPACE create secret generic mqtt --from-literal=url='mqtts://user:password@broker.example:8883'"
fi
change "${KUBECTL[@]}" apply --server-side --kustomize "$overlay"
# In the order in which they need each other.
ready() { # ready <what>...
  change "${KUBECTL[@]}" --namespace "$NAMESPACE" wait --for=condition=Ready "--timeout=$timeout" "$@" ||
    fail "$1 is not ready. Its conditions say why; without any, no operator watches the namespace:
  ${KUBECTL[*]} --namespace $NAMESPACE describe $*"
}
ready kafka/pipeline
ready kafkatopic --selector strimzi.io/cluster=pipeline
ready kafkauser/node-red
if "$DRY_RUN" || grep -q "^kind: Cluster$" <<< "$rendered"; then ready cluster.postgresql.cnpg.io/database; fi
change "${KUBECTL[@]}" --namespace "$NAMESPACE" rollout status statefulset/node-red "--timeout=$timeout"
"$DRY_RUN" || echo "deployed; verify.sh sends a message through"
