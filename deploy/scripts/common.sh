# What the scripts share; to be sourced.
# shellcheck shell=bash disable=SC2034
set -euo pipefail

NAMESPACE=tenant-pipeline
FOLDER=$(cd "$(dirname "${BASH_SOURCE[0]}")/../kubernetes" && pwd)
DRY_RUN=false
YES=false
KUBECTL=(kubectl)

fail() { # fail <sentence>
  echo "error: $1" >&2
  exit "${2:-1}"
}

wrong_usage() { fail "$1; --help shows how to use this" 2; }

change() { # change <command>...: what changes something; shown instead with --dry-run
  if "$DRY_RUN"; then echo "would run: $*"; else "$@"; fi
}

needs() { command -v "$1" > /dev/null || fail "$1 is not installed, or not on the PATH"; }

reach_cluster() {
  needs kubectl
  local output
  output=$("${KUBECTL[@]}" version --output=json 2>&1) || fail "kubectl reaches no cluster: $(tail -n 1 <<< "$output")
  Choose one with --context, or start it (kubectl config get-contexts)"
}

is_there() { # is_there <what kubectl gets>...: an error other than its absence, such as a missing permission, ends the script
  local output
  output=$("${KUBECTL[@]}" get "$@" --ignore-not-found --output=name 2>&1) || fail "$output"
  [ -n "$output" ]
}

# The APIs of the cluster. Any user may list them, which is not so for the definitions of the operators' objects.
apis() { "${KUBECTL[@]}" api-versions || fail "kubectl cannot list the APIs of the cluster"; }
