#!/usr/bin/env bash
# build.sh - installs what the build needs on a Debian 12 machine, and builds everything into ./build.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

packages=(
  build-essential cmake ninja-build ccache
  libboost1.81-dev libfmt-dev
  llvm-22-dev llvm-22-tools libmlir-22-dev mlir-22-tools
  zlib1g-dev libzstd-dev libedit-dev
  python3 python3-venv
)
missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "installing ${missing[*]}"
  asRoot=()
  [ "$(id -u)" = 0 ] || asRoot=(sudo)
  export DEBIAN_FRONTEND=noninteractive
  "${asRoot[@]}" apt-get update -q
  "${asRoot[@]}" apt-get install -q -y --no-install-recommends "${missing[@]}"
fi

# Paths inside the checkout do not count for the cache, so a second clone builds from it.
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros
cmake -S "$root" -B "$root/build" -G Ninja -DCMAKE_BUILD_TYPE=Release ${HEED_CMAKE_FLAGS:-}
cmake --build "$root/build"
