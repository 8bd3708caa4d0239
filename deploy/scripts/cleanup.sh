#!/usr/bin/env bash
# Removes what deploy.sh has made. Kafka, the database and their records stay, unless --data is given.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

HELP="Usage: cleanup.sh [options]
  --data           removes Kafka, the database and the namespace as well, with all records and rows
  --context NAME   the cluster, as kubectl knows it (default: kubectl's current one)
  --yes            does not ask
  --dry-run        only says what would be done"

data=false
while [ $# -gt 0 ]; do
  case "$1" in
    --data) data=true && shift ;;
    --context) KUBECTL+=(--context "${2:?--context needs a name}") && shift 2 ;;
    --yes) YES=true && shift ;;
    --dry-run) DRY_RUN=true && shift ;;
    --help) echo "$HELP" && exit 0 ;;
    *) wrong_usage "$1 is not an option" ;;
  esac
done

if ! "$DRY_RUN"; then
  reach_cluster
  if ! is_there namespace "$NAMESPACE"; then
    echo "there is no namespace $NAMESPACE: nothing to remove"
    exit 0
  fi
fi
if ! "$DRY_RUN" && ! "$YES"; then
  if "$data"; then what="EVERYTHING in it, with all records and rows"; else what="Node-RED; records and rows stay"; fi
  cluster=$("${KUBECTL[@]}" config current-context 2> /dev/null || echo "?")
  echo "This removes from the namespace $NAMESPACE (${KUBECTL[2]:-$cluster}): $what."
  read -r -p "Type the name of the namespace to continue: " answer || answer=
  [ "$answer" = "$NAMESPACE" ] || fail "nothing was removed"
fi

"$DRY_RUN" || served=$(apis)
has() { "$DRY_RUN" || grep -qx "$1" <<< "$served"; }
delete_all() { # delete_all <kind>...
  local kind
  for kind in "$@"; do change "${KUBECTL[@]}" --namespace "$NAMESPACE" delete "$kind" --all --ignore-not-found; done
}

if "$data"; then
  # The operators clean up, while they still see what belongs together.
  if has kafka.strimzi.io/v1; then delete_all kafkatopic kafkauser kafka kafkanodepool; fi
  if has postgresql.cnpg.io/v1; then delete_all cluster.postgresql.cnpg.io; fi
  change "${KUBECTL[@]}" delete namespace "$NAMESPACE" --ignore-not-found
else
  # By name: what the operators have made for Kafka and the database stays.
  objects=(statefulset/node-red service/node-red poddisruptionbudget/node-red cronjob/health-check)
  objects+=(networkpolicy/node-red networkpolicy/health-check horizontalpodautoscaler/node-red)
  # First, or it would start pods again.
  if has keda.sh/v1alpha1; then
    change "${KUBECTL[@]}" --namespace "$NAMESPACE" delete scaledobject/node-red --ignore-not-found
  fi
  change "${KUBECTL[@]}" --namespace "$NAMESPACE" delete "${objects[@]}" --ignore-not-found
fi
