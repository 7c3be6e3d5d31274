#!/bin/sh
# Refresh every lock file: hashes, all platforms, no addresses. Needs `uv` on the PATH.
set -eu
cd "$(dirname "$0")/.."
lock() {
  out=$1
  shift
  uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --no-annotate \
    --override requirements/overrides.txt --python-version 3.11 "$@" pyproject.toml -o "requirements/$out"
}
lock dev.lock --extra node --extra centre --extra events --extra sim --extra snmpv3 --group dev
# The smaller sets are cut from the same resolution.
for set in "base.lock" "node.lock --extra node" "centre.lock --extra centre" \
  "demo.lock --extra node --extra centre --extra events --extra sim --group build"; do
  # shellcheck disable=SC2086
  lock $set --constraint requirements/dev.lock
done
