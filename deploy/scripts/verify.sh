#!/usr/bin/env bash
# Whether a pipeline works: its pods, its topics with their partitions and replicas, and a message through both legs.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

HELP="Usage: verify.sh [options]
  --local            without Kubernetes: MQTT_URL, KAFKA_BROKERS and DATABASE_URL say where
  --topic N:P:R      a topic with at least P partitions and R replicas; may be repeated, only with --local (default:
                     iot-messages:6:1); in Kubernetes every KafkaTopic is compared
  --table NAME       where the row is expected (default: iot_messages)
  --pattern TEXT     the MQTT topic of the message; {id} is replaced (default: mtic/msg/client/realtime/verify/verify/{id})
  --wait SECONDS     for the row (default: 60)
  --context NAME     the cluster, as kubectl knows it (default: kubectl's current one)
  --dry-run          only says what would be looked at

The message stays in the table, as tenant verify."

local=false topics=() wait=60 table=iot_messages pattern='mtic/msg/client/realtime/verify/verify/{id}'
while [ $# -gt 0 ]; do
  case "$1" in
    --local) local=true && shift ;;
    --topic) topics+=("${2:?--topic needs name:partitions:replicas}") && shift 2 ;;
    --table) table=${2:?--table needs a name} && shift 2 ;;
    --pattern) pattern=${2:?--pattern needs a topic} && shift 2 ;;
    --wait) wait=${2:?--wait needs seconds} && shift 2 ;;
    --context) KUBECTL+=(--context "${2:?--context needs a name}") && shift 2 ;;
    --dry-run) DRY_RUN=true && shift ;;
    --help) echo "$HELP" && exit 0 ;;
    *) wrong_usage "$1 is not an option" ;;
  esac
done
message=$(dirname "${BASH_SOURCE[0]}")/send-message.cjs
failed=0

check() { # check <what> <command>...: says how it went, with the output of what has failed
  local what=$1 output
  shift
  if "$DRY_RUN"; then
    echo "would check: $what"
  elif output=$("$@" 2>&1); then
    echo "ok      $what${output:+: $(tail -n 1 <<< "$output")}"
  else
    failed=$((failed + 1))
    echo "FAILED  $what"
    # shellcheck disable=SC2001
    sed 's/^/        /' <<< "$output"
  fi
}

here() {
  needs node
  [ ${#topics[@]} -gt 0 ] || topics=(iot-messages:6:1)
  if ! "$DRY_RUN"; then
    for name in MQTT_URL KAFKA_BROKERS DATABASE_URL; do
      [ -n "${!name:-}" ] || wrong_usage "--local: set $name"
    done
  fi
  cd "$FOLDER/../.." || exit
  local command=(node dist/command/tenant-pipeline.js) topic name partitions replicas
  [ -f dist/command/tenant-pipeline.js ] || "$DRY_RUN" || fail "build the package first: npm ci && npm run build"
  for topic in "${topics[@]}"; do
    IFS=: read -r name partitions replicas <<< "$topic"
    check "topic $name has $partitions partitions and $replicas replicas" \
      "${command[@]}" topics check --topic "$name" --partitions "$partitions" --replicas "$replicas"
  done
  check "a message comes through both legs" node "$message" "$pattern" "$table" "$wait"
}

# shellcheck disable=SC2317
topics_are_as_asked() {
  local topics
  topics=$("${KUBECTL[@]}" --namespace "$NAMESPACE" get kafkatopic --output \
    'jsonpath={range .items[*]}{.metadata.name}{" "}{.status.conditions[?(@.type=="Ready")].status}{" "}{.spec.partitions}{"/"}{.spec.replicas}{"\n"}{end}') || return
  [ -n "$topics" ] || { echo "there is no KafkaTopic" && return 1; }
  ! grep -v ' True ' <<< "$topics"
}

in_kubernetes() {
  "$DRY_RUN" || reach_cluster
  local in_namespace=("${KUBECTL[@]}" --namespace "$NAMESPACE")
  check "namespace $NAMESPACE" "${KUBECTL[@]}" get namespace "$NAMESPACE" --output name
  check "Kafka" "${in_namespace[@]}" wait --for=condition=Ready --timeout=10s kafka/pipeline
  check "topics with their partitions and replicas" topics_are_as_asked
  check "Node-RED's pods" "${in_namespace[@]}" rollout status statefulset/node-red --timeout=10s
  local inside=("${in_namespace[@]}" exec --stdin statefulset/node-red --)
  check "connections, as the editor tests them" \
    "${inside[@]}" node_modules/.bin/tenant-pipeline doctor --flow /flows/flows.json
  check "a message comes through both legs" through_a_pod
}

# shellcheck disable=SC2317
through_a_pod() {
  "${KUBECTL[@]}" --namespace "$NAMESPACE" exec --stdin statefulset/node-red -- \
    node - "$pattern" "$table" "$wait" < "$message"
}

if "$local"; then here; else in_kubernetes; fi
"$DRY_RUN" && exit 0
[ "$failed" -eq 0 ] || fail "$failed checks have failed"
echo "all is well"
