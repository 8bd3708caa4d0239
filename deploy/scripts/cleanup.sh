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
  if ! "${KUBECTL[@]}" get namespace "$NAMESPACE" > /dev/null 2>&1; then
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

if "$data"; then
  # The operators clean up, while they still see what belongs together.
  for kind in kafkatopic kafkauser kafka kafkanodepool cluster.postgresql.cnpg.io; do
    change "${KUBECTL[@]}" --namespace "$NAMESPACE" delete "$kind" --all --ignore-not-found
  done
  change "${KUBECTL[@]}" delete namespace "$NAMESPACE" --ignore-not-found
else
  # By name: what the operators have made for Kafka and the database stays.
  objects=(statefulset/node-red service/node-red poddisruptionbudget/node-red cronjob/health-check)
  objects+=(networkpolicy/node-red networkpolicy/health-check horizontalpodautoscaler/node-red)
  # First, or it would start pods again.
  if "$DRY_RUN" || "${KUBECTL[@]}" get crd scaledobjects.keda.sh > /dev/null 2>&1; then
    change "${KUBECTL[@]}" --namespace "$NAMESPACE" delete scaledobject/node-red --ignore-not-found
  fi
  change "${KUBECTL[@]}" --namespace "$NAMESPACE" delete "${objects[@]}" --ignore-not-found
fi
