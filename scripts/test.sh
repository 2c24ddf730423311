#!/usr/bin/env bash
# Installs, builds, runs all tests, and closes with "N passed, N failed".
#
#     scripts/test.sh               the tests, and the comparison with a real Prometheus
#     scripts/test.sh asan tsan     other kinds of builds: see scripts/test.py
set -eu
cd "$(dirname "$0")/.."
scripts/install.sh
exec python3 scripts/test.py "$@"
