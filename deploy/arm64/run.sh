#!/bin/sh
# Runs the node's aarch64 wheels under qemu-user and compares them with this machine: sh run.sh PYTHON [FOLDER]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
python=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
folder=${2:-$root/build/arm64}
if ! command -v qemu-aarch64-static >/dev/null 2>&1; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing qemu-user-static"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends qemu-user-static >/dev/null ||
      { apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends qemu-user-static >/dev/null; }
  else
    echo "qemu-aarch64-static is missing; run this once, then try again:"
    echo "  sudo apt-get install --no-install-recommends qemu-user-static"
    exit 1
  fi
fi
sh "$here/sysroot.sh" "$folder" "$python"
folder=$(cd "$folder" && pwd)
cd "$root"

"$python" "$here/vectors.py" "$folder/vectors.json"
mkdir -p "$folder/kernels"
"$python" "$here/check.py" "$folder/vectors.json" "$folder/here.npz"
echo "  on aarch64, emulated; compiling the kernels takes some minutes the first time"
timeout 1500 qemu-aarch64-static -cpu cortex-a72 -L "$folder/root" -E PYTHONPATH="$folder/site:$root" \
  -E PYTHONDONTWRITEBYTECODE=1 -E NUMBA_CACHE_DIR="$folder/kernels" \
  "$folder/root/usr/bin/python3.11" "$here/check.py" "$folder/vectors.json" "$folder/there.npz"
"$python" "$here/compare.py" "$folder/here.npz" "$folder/there.npz"
echo "aarch64 does what this machine does"
