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

starts() {
    "$1" --version >/dev/null 2>&1
}

# One line per archive that apt knows: "URI KEYRING", the archive that serves Debian's main suites.
archives() {
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -f "$file" ] && awk '
            function flush() { if (debian && uri != "") print uri, key; uri = ""; key = ""; debian = 0; types = "" }
            /^#/ { next }
            /^[ \t]*$/ { flush(); next }
            tolower($1) == "uris:" { uri = $2 }
            tolower($1) == "signed-by:" { key = $2 }
            tolower($1) == "suites:" { suites = $0; debian = (suites !~ /security/) }
            tolower($1) == "components:" && $0 !~ /main/ { debian = 0 }
            END { flush() }' "$file"
    done
    [ -f /etc/apt/sources.list ] && awk '
        $1 == "deb" {
            key = ""; at = 2
            if ($2 ~ /^\[/) {
                for (at = 2; $at !~ /\]$/ && at < NF; at++) ;
                if (match($0, /signed-by=[^] ]+/)) key = substr($0, RSTART + 10, RLENGTH - 10)
                at++
            }
            if ($(at + 1) !~ /security/ && $(at + 2) == "main") print $at, key
        }' /etc/apt/sources.list
    return 0
}

# An archive whose path ends in /debian holds Debian itself; failing that, the first one is tried.
main_archive() {
    archives | awk '
        NR == 1 { first = $0 }
        $1 ~ /\/debian\/?$/ { first = $0; exit }
        END { print first }'
}

# apt with lists, cache and sources of its own, all under DIR.
private_apt() {
    tool=$1
    shift
    "$tool" \
        -o Dir::Etc::sourcelist="$dir/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
        -o Dir::State::lists="$dir/apt/lists" -o Dir::Cache="$dir/apt/cache" \
        -o Dir::State::status="$dir/apt/status" -o APT::Sandbox::User="" \
        -o Acquire::Languages=none -o Acquire::Retries=2 -o Debug::NoLocking=true "$@"
}

prepare_apt() {
    archive=$(main_archive)
    [ -n "$archive" ] || give_up "no Debian main archive stands in apt's sources"
    uri=${archive%% *}
    key=${archive#* }
    mkdir -p "$dir/apt/lists/partial" "$dir/apt/cache/archives/partial"
    : >"$dir/apt/status"
    if [ -n "$key" ] && [ "$key" != "$archive" ]; then
        echo "deb [signed-by=$key] $uri sid main" >"$dir/apt/sources.list"
    else
        echo "deb $uri sid main" >"$dir/apt/sources.list"
    fi
    private_apt apt-get -q update >"$dir/apt/log" 2>&1 ||
        give_up "apt cannot read the package list of sid from $uri (see $dir/apt/log)"
}

unpack() {
    package=$1
    target=$2
    rm -rf "$dir/apt/fetched"
    mkdir -p "$dir/apt/fetched" "$target"
    (cd "$dir/apt/fetched" && private_apt apt-get -q download "$package" >>"$dir/apt/log" 2>&1) ||
        give_up "apt cannot fetch the package $package of sid (see $dir/apt/log)"
    for deb in "$dir"/apt/fetched/*.deb; do
        dpkg-deb -x "$deb" "$target" || give_up "$deb does not unpack"
    done
    rm -rf "$dir/apt/fetched"
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
