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
  "${KUBECTL[@]}" version --output=json > /dev/null 2>&1 ||
    fail "kubectl reaches no cluster: choose one with --context, or start it (kubectl config get-contexts)"
}
