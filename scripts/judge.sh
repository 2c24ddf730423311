#!/bin/sh
# Gets a real Prometheus 3.x and its promtool for the tests to compare with, and prints the path of
# the prometheus program; or VictoriaMetrics's agent, which writes to us. Usage:
#
#     scripts/judge.sh [--vmagent] [DIR]
#
# The package comes from Debian's unstable suite, from the archive that this machine's own apt uses,
# and is unpacked into DIR; nothing is installed and apt's own lists are not touched. Running it again
# costs nothing. Exit code 3: there is no such program to be had here.
set -eu

wanted=prometheus
if [ "${1:-}" = --vmagent ]; then
    wanted=vmagent
    shift
fi
dir=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/millrace/judge}

give_up() {
    echo "judge.sh: $*" >&2
    exit 3
}

# shellcheck disable=SC2034
suite=sid
. "$(dirname "$0")/private_apt.sh"

starts() {
    "$1" --version >/dev/null 2>&1
}

# A program that wants a newer libc than this machine's is run by the loader of sid's own libc.
wrap() {
    program=$1
    [ -d "$dir/libc" ] || unpack libc6 "$dir/libc"
    loader=$(find "$dir/libc" -name 'ld-linux*.so.*' -o -name 'ld-musl*.so.*' | head -n 1)
    libc=$(find "$dir/libc" -name 'libc.so.6' | head -n 1)
    if [ -z "$loader" ] || [ -z "$libc" ]; then
        give_up "sid's libc6 holds no loader"
    fi
    cat >"$dir/bin/$program" <<WRAPPER
#!/bin/sh
exec "$loader" --library-path "${libc%/*}" "$dir/unpacked/usr/bin/$program" "\$@"
WRAPPER
    chmod +x "$dir/bin/$program"
}

prepare() {
    for tool in apt-get dpkg-deb; do
        command -v "$tool" >/dev/null || give_up "$tool is needed to fetch $wanted, and is not here"
    done
    prepare_apt
    mkdir -p "$dir/bin"
}

install() {
    program=$1
    rm -f "$dir/bin/$program"
    [ -x "$dir/unpacked/usr/bin/$program" ] || give_up "sid's packages hold no $program"
    ln -sf "$dir/unpacked/usr/bin/$program" "$dir/bin/$program"
    starts "$dir/bin/$program" || { rm "$dir/bin/$program"; wrap "$program"; }
    starts "$dir/bin/$program" || give_up "the $program of sid does not start on this machine"
}

get_vmagent() {
    starts "$dir/bin/vmagent" && return
    prepare
    unpack victoria-metrics "$dir/victoria-metrics"
    mkdir -p "$dir/unpacked/usr/bin"
    mv "$dir/victoria-metrics/usr/bin/vmagent" "$dir/unpacked/usr/bin/" || give_up "sid's package holds no vmagent"
    rm -rf "${dir:?}/victoria-metrics" # its other programs are large
    install vmagent
}

get_prometheus() {
    starts "$dir/bin/prometheus" && starts "$dir/bin/promtool" && return
    prepare
    rm -rf "${dir:?}/libc" # of another day's sid, perhaps
    unpack prometheus "$dir/unpacked"
    [ -x "$dir/unpacked/usr/bin/promtool" ] || unpack promtool "$dir/unpacked"
    install prometheus
    install promtool
    case $("$dir/bin/prometheus" --version 2>&1) in
    *"version 3."*) ;;
    *) give_up "sid's Prometheus is no 3.x: $("$dir/bin/prometheus" --version 2>&1 | head -n 1)" ;;
    esac
}

main() {
    mkdir -p "$dir" || give_up "cannot make $dir"
    dir=$(cd "$dir" && pwd)
    exec 9>"$dir/lock"
    flock -w 600 9 || give_up "another run has held $dir/lock for ten minutes"
    "get_$wanted"
    echo "$dir/bin/$wanted"
}

main
