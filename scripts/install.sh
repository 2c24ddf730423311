#!/usr/bin/env bash
# Installs what building, testing and the README's examples need, on Debian 12, with apt; only what is
# missing.
set -eu

packages="
  build-essential meson ninja-build pkg-config python3 xz-utils curl
  clang clang-format clang-tidy libclang-rt-14-dev
  check libsubunit-dev
  libre2-dev libmicrohttpd-dev libcurl4-openssl-dev libnghttp2-dev libjemalloc-dev
  libjansson-dev libsnappy-dev libyaml-dev libzstd-dev libxxhash-dev zlib1g-dev
"

missing=""
for package in $packages; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  echo "install.sh: needs Debian's apt-get; install these yourself:$missing" >&2
  exit 1
fi
as_root="env DEBIAN_FRONTEND=noninteractive"
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null 2>&1; then
    echo "install.sh: run as root, or install sudo; missing:$missing" >&2
    exit 1
  fi
  as_root="sudo env DEBIAN_FRONTEND=noninteractive"
fi

echo "Installing (some minutes the first time):$missing"
$as_root apt-get -qq update
# shellcheck disable=SC2086
$as_root apt-get -qq install -y --no-install-recommends $missing >/dev/null
