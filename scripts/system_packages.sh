#!/bin/sh
# Installs the programs that the tests drive (a browser, fonts for it, a Redis server) where apt and the rights are there; says what is missing otherwise.
set -eu
missing=""
command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || [ -n "${CHROMIUM:-}" ] || missing="$missing chromium"
command -v redis-server >/dev/null 2>&1 || missing="$missing redis-server"
[ -n "$missing" ] || exit 0

if command -v apt-get >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ]; then as_root=""; elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then as_root=sudo; else as_root=none; fi
    if [ "$as_root" != none ]; then
        echo "Installing with apt:$missing ..." >&2
        export DEBIAN_FRONTEND=noninteractive
        # shellcheck disable=SC2086
        $as_root apt-get update -qq >/dev/null && $as_root apt-get install -y -qq --no-install-recommends $missing fonts-dejavu-core >/dev/null && exit 0
        echo "apt could not install:$missing (see above)." >&2
        exit 1
    fi
    echo "The tests need:$missing. Install with: sudo apt-get install$missing fonts-dejavu-core" >&2
    exit 1
fi
echo "The tests need:$missing. Install that and run again; a Chromium elsewhere can be named: CHROMIUM=/path/to/chrome make test" >&2
exit 1
