#!/bin/sh
# Writes requirements.lock and requirements-dev.lock from the ranges in pyproject.toml.
# PyTorch's version is kept unless TORCH names another (TORCH=2.14.0 make lock).
set -eu
cd "$(dirname "$0")/.."
torch=${TORCH:-$(sed -n 's/^torch==\([^ ]*\).*/\1/p' requirements.lock 2>/dev/null || true)}
keep=$(mktemp)
trap 'rm -f "$keep"' EXIT
[ -z "$torch" ] || echo "torch==${torch%%+*}" > "$keep"
compile() {
    .venv/bin/pip-compile --quiet --strip-extras --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
        --no-emit-trusted-host --constraint "$keep" --resolver backtracking "$@" pyproject.toml
}
compile --output-file requirements.lock
cat requirements.lock >> "$keep"
compile --extra train --extra test --extra dev --output-file requirements-dev.lock
# The build tag (+cpu, +cu130) is each machine's own choice; the project itself is used from its checkout.
for lock in requirements.lock requirements-dev.lock; do
    sed -i.bak -e 's/^\(torch==[^+]*\)+.*/\1/' -e '/^loraland @/d' -e '/^# .*unsafe/d' -e '/^# setuptools/d' -e '/^# pip$/d' -e '/^$/d' "$lock" && rm -f "$lock.bak"
done
