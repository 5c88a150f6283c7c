#!/bin/sh
# Prepares the virtual environment: `scripts/setup.sh run` for the site, `scripts/setup.sh dev` for the tests too.
# Does nothing when the lock files have not changed since the last time.
set -eu
cd "$(dirname "$0")/.."

what=${1:-run}
case "$what" in
    run) lock=requirements.lock ;;
    dev) lock=requirements-dev.lock ;;
    *) echo "setup.sh knows 'run' and 'dev', not '$what'." >&2; exit 2 ;;
esac

say() { printf '%s\n' "$*" >&2; }
stop() { say "$*"; exit 1; }

python=${PYTHON:-}
if [ -z "$python" ]; then
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            python=$candidate
            break
        fi
    done
fi
[ -n "$python" ] && command -v "$python" >/dev/null 2>&1 ||
    stop "LoRA Land needs Python 3.11 or newer; none was found. Install it, or name one: make demo PYTHON=/path/to/python3.12"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    stop "LoRA Land needs Python 3.11 or newer; $python is $("$python" -c 'import platform; print(platform.python_version())'). Name another one: make demo PYTHON=/path/to/python3.12"

if [ ! -x .venv/bin/python ] || ! .venv/bin/python -c 'import pip' 2>/dev/null; then
    say "Creating .venv with $("$python" --version) ..."
    "$python" -m venv .venv 2>/dev/null ||
        stop "Python's venv module is missing. On Debian or Ubuntu: apt-get install python3-venv"
fi

stamp=.venv/.installed-$what
if [ ! -f "$stamp" ] || ! cmp -s "$lock" "$stamp"; then
    pip=".venv/bin/python -m pip --disable-pip-version-check install --quiet --progress-bar off"
    torch=$(grep -E '^torch==' "$lock" | cut -d' ' -f1)
    index=${TORCH_INDEX:-}
    if [ -z "$index" ] && [ "$(uname -s)" = Linux ] && ! command -v nvidia-smi >/dev/null 2>&1 &&
        [ -z "${PIP_FIND_LINKS:-}${PIP_INDEX_URL:-}" ]; then
        # Without an NVIDIA GPU the CPU build is a tenth of the download.
        cpu=https://download.pytorch.org/whl/cpu
        if .venv/bin/python -c "import urllib.request as u; u.urlopen('$cpu/torch/', timeout=5)" 2>/dev/null; then
            index=$cpu
        fi
    fi
    say "Installing PyTorch (the largest part) ..."
    $pip ${index:+--index-url "$index"} "$torch" ||
        stop "PyTorch could not be installed (see above). Check the network, or name a package index: make demo TORCH_INDEX=https://..."
    say "Installing the other packages of $lock ..."
    $pip -r "$lock" || stop "The packages of $lock could not be installed (see above). Check the network and run the same command again."
    cp "$lock" "$stamp"
    [ "$what" = run ] || cp requirements.lock .venv/.installed-run
fi
