#!/bin/sh
# Install the Debian packages of system-packages.txt that are missing, or say how.
set -eu
cd "$(dirname "$0")"
command -v dpkg-query >/dev/null 2>&1 || { echo "not a Debian system: install the programs of deploy/system-packages.txt by hand"; exit 1; }
missing=""
for package in $(grep -v '^#' system-packages.txt); do
  status=$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null || true)
  case "$status" in ii*) ;; *) missing="$missing $package" ;; esac
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ]; then
  sudo=""
elif sudo -n true 2>/dev/null; then
  sudo="sudo"
else
  echo "the tests need Debian packages; run this once, then try again:"
  echo "  sudo apt-get install --no-install-recommends$missing"
  exit 1
fi
echo "installing Debian packages:$missing"
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
# shellcheck disable=SC2086
$sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
