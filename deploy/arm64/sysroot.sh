#!/bin/sh
# Makes an aarch64 system of Debian 12 and of the node's own wheels, to be run by qemu-user: sh sysroot.sh FOLDER PYTHON
# No root file system, no binfmt and no chroot are needed. What is there already is kept.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:?folder to build in}
python=${2:?python with pip}
packages="libc6 libgcc-s1 libstdc++6 zlib1g libexpat1 libffi8 libbz2-1.0 liblzma5 libsqlite3-0 libssl3 libuuid1
  libcrypt1 libncursesw6 libtinfo6 libreadline8 libdb5.3 libnsl2 libtirpc3 libgssapi-krb5-2 libkrb5-3 libk5crypto3
  libkrb5support0 libkeyutils1 libcom-err2 python3.11 python3.11-minimal libpython3.11-minimal libpython3.11-stdlib"

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
lock="$here/../../requirements/node.lock"
mark="$folder/made-$(cat "$0" "$here/cpuinfo.txt" "$lock" | sha256sum | cut -c1-16)"
[ -e "$mark" ] && exit 0
rm -rf "$folder/root" "$folder/site" "$folder"/made-*

echo "fetching Debian's aarch64 libraries and Python"
apt="$folder/apt"
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/etc/apt.conf.d" "$apt/etc/preferences.d" "$apt/debs"
: > "$apt/status"
cp -r /etc/apt/sources.list /etc/apt/sources.list.d "$apt/etc/" 2>/dev/null || true
set -- -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o Dir::State::status="$apt/status" \
  -o Dir::State::lists="$apt/lists" -o Dir::Cache="$apt/cache" -o APT::Sandbox::User=root -o Debug::NoLocking=1 -qq
apt-get "$@" update
# shellcheck disable=SC2086
(cd "$apt/debs" && apt-get "$@" download $packages)
mkdir -p "$folder/root"
for deb in "$apt"/debs/*.deb; do dpkg -x "$deb" "$folder/root"; done
# ONNX Runtime asks for the processor when it is imported, and finds the host's unless this file stands here.
mkdir -p "$folder/root/proc"
cp "$here/cpuinfo.txt" "$folder/root/proc/cpuinfo"
rm -rf "$apt"

echo "fetching the node's wheels for aarch64"
"$python" -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary=:all: \
  --python-version 3.11 --implementation cp --abi cp311 --abi abi3 --abi none \
  --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 --platform manylinux_2_26_aarch64 \
  --platform manylinux_2_17_aarch64 --platform manylinux2014_aarch64 \
  --target "$folder/site" -r "$lock"
touch "$mark"
