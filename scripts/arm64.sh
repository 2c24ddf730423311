#!/bin/sh
# Builds for arm64 and runs the tests that are programs of their own under qemu, on an x86-64 machine, and closes
# with "N passed, N failed". Usage:
#
#     scripts/arm64.sh [DIR]
#
# The compiler (gcc), qemu and arm64's libraries are Debian's, of this machine's own release, from the archive that
# its own apt uses. They are unpacked into DIR; nothing is installed and apt's own lists are not touched. The build
# is in build-arm64. Running it again builds what has changed; a new DIR takes 150 MB from the archive, and 700 MB
# of the disk. Exit code 1: a test failed; 3: there is nothing to build or run it with here.
set -eu

suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
dir=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/millrace/arm64}
scripts=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$scripts")
triplet=aarch64-linux-gnu

give_up() {
    echo "arm64.sh: $*" >&2
    exit 3
}

. "$scripts/private_apt.sh"

# What install.sh installs to link with.
libraries() {
    sed -n '/^packages="/,/^"/p' "$scripts/install.sh" | tr -s ' ' '\n' | grep -E '^check$|-dev$' | grep -v clang
}

# Packages and all that they depend on, of one architecture, into a folder.
unpack_all() {
    architecture=$1
    target=$2
    shift 2
    rm -rf "$dir/apt/cache/archives" "$target"
    mkdir -p "$dir/apt/cache/archives/partial" "$target"
    private_apt apt-get -q -y --download-only --no-install-recommends \
        -o APT::Architecture="$architecture" -o APT::Architectures="$architecture" \
        install "$@" >>"$dir/apt/log" 2>&1 ||
        give_up "apt cannot fetch $* for $architecture of $suite (see $dir/apt/log)"
    for deb in "$dir"/apt/cache/archives/*.deb; do
        case "$architecture $deb" in "amd64 "*/libc6*) continue ;; esac # the machine's own, and the other folder's
        dpkg-deb -x "$deb" "$target" || give_up "$deb does not unpack"
    done
    find "$target" -lname '/*' | while read -r link; do
        ln -sf "$target$(readlink "$link")" "$link"
    done
    rm -rf "$dir/apt/cache/archives"
}

# What is put together last is whole: it holds the name of what it was made from.
have_tools() {
    [ "$(cat "$dir/made-of" 2>/dev/null)" = "$suite: $(libraries | tr '\n' ' ')" ]
}

get_tools() {
    have_tools && return
    for tool in apt-get dpkg-deb; do
        command -v "$tool" >/dev/null || give_up "$tool is needed to fetch the compiler, and is not here"
    done
    rm -f "$dir/made-of"
    prepare_apt amd64 arm64
    unpack_all amd64 "$dir/tools" g++-$triplet qemu-user-static
    # shellcheck disable=SC2046
    unpack_all arm64 "$dir/sysroot" $(libraries)
    echo "$suite: $(libraries | tr '\n' ' ')" >"$dir/made-of"
}

# A program of the unpacked binutils or gcc needs the libraries that came with it.
tool() {
    echo "['env', 'LD_LIBRARY_PATH=$dir/tools/usr/lib/x86_64-linux-gnu', '$dir/tools/usr/bin/$triplet-$1'${2:+, $2}]"
}

cross_file() {
    cat <<FILE
[binaries]
c = $(tool gcc "'--sysroot=$dir/sysroot'")
cpp = $(tool g++ "'--sysroot=$dir/sysroot'")
ar = $(tool gcc-ar)
strip = $(tool strip)
pkgconfig = 'pkg-config'
exe_wrapper = ['$dir/tools/usr/bin/qemu-aarch64-static', '-L', '$dir/sysroot']

[properties]
sys_root = '$dir/sysroot'
pkg_config_libdir = ['$dir/sysroot/usr/lib/$triplet/pkgconfig', '$dir/sysroot/usr/share/pkgconfig']

[host_machine]
system = 'linux'
cpu_family = 'aarch64'
cpu = 'armv8-a'
endian = 'little'
FILE
}

main() {
    [ "$(uname -m)" = x86_64 ] || give_up "this is for x86-64; on arm64 itself scripts/test.sh does it all"
    [ -n "$suite" ] || give_up "/etc/os-release names no release of Debian"
    mkdir -p "$dir" || give_up "cannot make $dir"
    dir=$(cd "$dir" && pwd)
    exec 9>"$dir/lock"
    flock -w 600 9 || give_up "another run has held $dir/lock for ten minutes"
    get_tools
    exec 9>&-
    mkdir -p "$root/build-arm64"
    file=$root/build-arm64/cross.ini
    cross_file | cmp -s - "$file" || cross_file >"$file" # a new one configures all anew
    exec python3 "$scripts/test.py" arm64
}

main "$@"
