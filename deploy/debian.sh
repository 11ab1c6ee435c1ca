# Debian packages, for root and for everybody else; sourced by the other scripts.

debian_install() {
    # As root: apt, with what its own lists know, else after an update.
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 || {
        apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@" >/dev/null
    }
}

debian_unpack() {
    # Not root: fetch the packages and what they need that the machine lacks, unpack them
    # into .takt/tools. apt gets lists and cache of its own there.
    tools=$PWD/.takt/tools
    mkdir -p "$tools/apt/lists/partial" "$tools/apt/cache/archives/partial"
    own="-o Dir::State::lists=$tools/apt/lists -o Dir::Cache=$tools/apt/cache -o Debug::NoLocking=1"
    command -v apt-get >/dev/null || { echo "apt-get is not on this machine" >&2; return 1; }
    # shellcheck disable=SC2086 # the options are words on purpose
    {
        [ -n "$(ls "$tools/apt/lists" | grep Packages)" ] || apt-get $own update -qq
        needed=$(apt-get $own install --simulate --no-install-recommends "$@" | awk '/^Inst/{print $2}')
        # What the machine has already, apt does not name: fetch the packages asked for themselves.
        (cd "$tools/apt/cache/archives" && apt-get $own download -qq $needed "$@")
    }
    for package in "$tools"/apt/cache/archives/*.deb; do
        dpkg -x "$package" "$tools"
    done
}
