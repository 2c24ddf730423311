#!/usr/bin/env bash
# Installs, builds, makes demo data where there is none, and serves it.
#
#     scripts/run.sh [FLAG...]      flags go to millrace serve, behind ours: the last one counts
#     PORT=9191 scripts/run.sh      another port than 9090
#     DATA=DIR scripts/run.sh       other data than ./data
set -eu
cd "$(dirname "$0")/.."
data=${DATA:-data}
address=127.0.0.1:${PORT:-9090}
for flag in "$@"; do
  case $flag in --web.listen-address=*) address=${flag#*=} ;; esac
done
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

# Demo data ends when it was made: that is the time to ask about.
end=$(cat "$data"/*/meta.json 2>/dev/null | grep -o '"maxTime": *[0-9]*' | grep -o '[0-9]*$' | sort -n | tail -n 1)
end=$((${end:-$(date +%s)000} / 1000))

cat <<TEXT

Millrace serves $data on http://$address (end it with Ctrl-C). Try, from another terminal:

  $build/server/millrace query http://$address 'sum by (job) (rate(http_requests_total[5m]))' --time $end
  $build/server/millrace query http://$address 'histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))' --start $((end - 21600)) --end $end -o graph
  curl 'http://$address/api/v1/query?query=up&time=$end'

TEXT
exec "$build/server/millrace" serve --storage.tsdb.path="$data" --storage.tsdb.read-only \
  --web.listen-address="$address" "$@"
