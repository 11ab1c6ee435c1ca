#!/bin/sh
# Make .venv from the committed lock. uv is brought by pip; pip by the interpreter, else by
# Debian's packages.
set -eu
cd "$(dirname "$0")/.."

PYTHON=${PYTHON:-python3}
UV=uv==0.13.9

"$PYTHON" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' || {
    echo "setup: $PYTHON is $("$PYTHON" --version 2>&1); Takt needs Python 3.11 or 3.12: make setup PYTHON=python3.11" >&2
    exit 2
}

pip_from_debian() {
    # Debian's bare python3 has no ensurepip; its wheel of pip can be unpacked by anybody.
    . deploy/debian.sh
    if [ "$(id -u)" = 0 ]; then
        debian_install python3-venv
        "$PYTHON" -m venv .venv
        .venv/bin/python -m pip install --quiet "$UV"
    else
        debian_unpack python3-pip-whl
        "$PYTHON" -m venv --without-pip .venv
        pip=$(ls .takt/tools/usr/share/python-wheels/pip-*.whl)
        PYTHONPATH=$pip .venv/bin/python -m pip install --quiet "$UV"
    fi
}

if ! .venv/bin/uv --version >/dev/null 2>&1; then
    echo "setup: making .venv"
    rm -rf .venv
    if "$PYTHON" -m venv .venv >/dev/null 2>&1; then
        .venv/bin/python -m pip install --quiet --disable-pip-version-check "$UV"
    else
        rm -rf .venv
        pip_from_debian
    fi
fi
echo "setup: installing the locked packages"
.venv/bin/uv sync --frozen --all-extras --inexact --quiet
