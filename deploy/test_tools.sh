#!/bin/sh
# The programs that tests run against: Mosquitto and Chromium. Taken from the machine; else
# installed by apt when root; else unpacked from Debian's packages into .takt/tools; else a
# clear message.
set -eu
cd "$(dirname "$0")/.."
. deploy/debian.sh

tools=$PWD/.takt/tools
PATH=$PATH:/usr/sbin:$tools/bin

missing=""
for program in mosquitto mosquitto_pub chromium; do
    command -v "$program" >/dev/null || missing="$missing $program"
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

packages="mosquitto mosquitto-clients chromium fonts-dejavu-core"
echo "tools: installing$missing"
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    debian_install $packages
elif debian_unpack $packages; then
    wrap mosquitto "$tools/usr/sbin/mosquitto"
    wrap mosquitto_pub "$tools/usr/bin/mosquitto_pub"
    wrap chromium "$tools/usr/lib/chromium/chromium"
fi
for program in mosquitto mosquitto_pub chromium; do
    command -v "$program" >/dev/null || {
        echo "tools: $program is missing and could not be installed; install it (Debian: apt install$missing) and run again" >&2
        exit 1
    }
done
