#!/bin/sh
# The programs that tests run against: Mosquitto, Chromium, strace and faketime. Taken from the
# machine; else installed by apt when root; else unpacked from Debian's packages into
# .takt/tools; else a clear message.
set -eu
cd "$(dirname "$0")/.."
. deploy/debian.sh

tools=$PWD/.takt/tools
PATH=$PATH:/usr/sbin:$tools/bin

packages_of() {
    case $1 in
        mosquitto_pub) echo mosquitto-clients ;;
        chromium) echo chromium fonts-dejavu-core ;;
        faketime) echo faketime libfaketime ;;
        *) echo "$1" ;;
    esac
}

missing=""
packages=""
for program in mosquitto mosquitto_pub chromium strace faketime; do
    command -v "$program" >/dev/null || {
        missing="$missing $program"
        packages="$packages $(packages_of "$program")"
    }
done
[ -n "$missing" ] || exit 0

wrap() {
    # An unpacked program finds its unpacked libraries by this wrapper.
    mkdir -p "$tools/bin"
    libraries=$(find "$tools/usr/lib" "$tools/lib" -name '*.so*' -exec dirname {} + 2>/dev/null | sort -u | tr '\n' ':')
    printf '#!/bin/sh\nexport LD_LIBRARY_PATH=%s\nexport XDG_DATA_DIRS=%s\nexport FONTCONFIG_PATH=%s\nexec %s "$@"\n' \
        "$libraries" "$tools/usr/share:/usr/share" "$tools/etc/fonts" "$2" >"$tools/bin/$1"
    chmod +x "$tools/bin/$1"
}

unpacked() {
    case $1 in
        mosquitto) echo "$tools/usr/sbin/mosquitto" ;;
        chromium) echo "$tools/usr/lib/chromium/chromium" ;;
        *) echo "$tools/usr/bin/$1" ;;
    esac
}

echo "tools: installing$missing"
# shellcheck disable=SC2086 # the packages are words on purpose
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    debian_install $packages
elif debian_unpack $packages; then
    for program in $missing; do
        wrap "$program" "$(unpacked "$program")"
    done
fi
for program in $missing; do
    command -v "$program" >/dev/null || {
        echo "tools: $program is missing and could not be installed; install it (Debian: apt install$packages) and run again" >&2
        exit 1
    }
done
