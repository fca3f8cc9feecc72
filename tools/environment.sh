# Sourced by the scripts of this folder: a virtual environment in .venv with the project and what its developers use.
# It is made again when pyproject.toml has changed since.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=$top/.venv/bin/python

find_python() {
    local candidate
    for candidate in python3.11 python3 python3.12 python3.13; do
        if command -v "$candidate" > /dev/null &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
            echo "$candidate"
            return
        fi
    done
    echo "vppdhc needs Python 3.11 or newer: apt-get install python3" >&2
    return 1
}

apt_install() {
    # Packages of daemons must not start them: policy-rc.d is what invoke-rc.d asks first.
    local policy=/usr/sbin/policy-rc.d status=0
    [ -e $policy ] && policy=
    [ -n "$policy" ] && printf '#!/bin/sh\nexit 101\n' > $policy && chmod 755 $policy
    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@"; } \
        > "$top/.venv.log" 2>&1 || status=$?
    [ -n "$policy" ] && rm -f $policy
    [ $status = 0 ] || { echo "apt-get could not install $*:" >&2; tail -5 "$top/.venv.log" >&2; }
    rm -f "$top/.venv.log"
    return $status
}

make_environment() {
    local base stamp
    stamp=$(sha256sum < "$top/pyproject.toml")
    [ -x "$python" ] && [ "$(cat "$top/.venv/stamp" 2> /dev/null)" = "$stamp" ] && return
    base=$(find_python)
    if ! "$base" -c 'import ensurepip' 2> /dev/null; then
        [ "$(id -u)" = 0 ] || { echo "vppdhc needs venv: apt-get install python3-venv" >&2; return 1; }
        apt_install python3-venv
    fi
    echo "making a virtual environment in .venv (once)" >&2
    rm -rf "$top/.venv"
    "$base" -m venv "$top/.venv"
    "$python" -m pip install --quiet --disable-pip-version-check --editable "$top[dev]"
    echo "$stamp" > "$top/.venv/stamp"
}
