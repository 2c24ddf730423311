# shellcheck shell=sh disable=SC2154
# Debian's packages, unpacked into folders: nothing is installed and apt's own lists are not touched.
# Sourced by scripts that set $dir, where all of it lies, $suite, Debian's name for it (sid), and give_up, which
# prints its arguments and exits.

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

# apt with lists, cache and sources of its own, all under $dir, that thinks nothing installed.
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

# Reads the suite's package list: of this machine's architecture, or of those named.
prepare_apt() {
    archive=$(main_archive)
    [ -n "$archive" ] || give_up "no Debian main archive stands in apt's sources"
    uri=${archive%% *}
    key=${archive#* }
    mkdir -p "$dir/apt/lists/partial" "$dir/apt/cache/archives/partial"
    : >"$dir/apt/status"
    options=""
    [ -z "$key" ] || [ "$key" = "$archive" ] || options="signed-by=$key"
    [ $# -eq 0 ] || options="$options arch=$(echo "$@" | tr ' ' ,)"
    echo "deb ${options:+[ $options ] }$uri $suite main" >"$dir/apt/sources.list"
    private_apt apt-get -q update >"$dir/apt/log" 2>&1 ||
        give_up "apt cannot read the package list of $suite from $uri (see $dir/apt/log)"
}

unpack() {
    package=$1
    target=$2
    rm -rf "$dir/apt/fetched"
    mkdir -p "$dir/apt/fetched" "$target"
    (cd "$dir/apt/fetched" && private_apt apt-get -q download "$package" >>"$dir/apt/log" 2>&1) ||
        give_up "apt cannot fetch the package $package of $suite (see $dir/apt/log)"
    for deb in "$dir"/apt/fetched/*.deb; do
        dpkg-deb -x "$deb" "$target" || give_up "$deb does not unpack"
    done
    rm -rf "$dir/apt/fetched"
}
