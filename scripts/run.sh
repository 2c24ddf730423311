#!/usr/bin/env bash
# Installs, builds, makes demo data where there is none, and serves it.
#
#     scripts/run.sh [FLAG...]      flags go to millrace serve, behind ours: the last one counts
#     DATA=DIR scripts/run.sh       other data than ./data
set -eu
cd "$(dirname "$0")/.."
data=${DATA:-data}
build=build-release

scripts/install.sh
if [ ! -d "$build" ]; then
  echo "Configuring $build"
  meson setup "$build" --native-file scripts/meson/release.ini >/dev/null
fi
echo "Building $build (some minutes the first time)"
ninja -C "$build" server/millrace

if [ ! -d "$data" ]; then
  echo "Making demo data in $data"
  "$build/server/millrace" demo-data "$data"
fi

cat <<TEXT

Millrace serves $data on http://127.0.0.1:9090 (end it with Ctrl-C). Try, from another terminal:

  $build/server/millrace query http://127.0.0.1:9090 'sum by (job) (rate(http_requests_total[5m]))'
  $build/server/millrace query http://127.0.0.1:9090 'histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))'
  curl 'http://127.0.0.1:9090/api/v1/query?query=up'

TEXT
exec "$build/server/millrace" serve --storage.tsdb.path="$data" --storage.tsdb.read-only "$@"
