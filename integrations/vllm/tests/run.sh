#!/usr/bin/env bash
# Runs the middleware's tests in a virtual environment of their own. PYTHON names another interpreter than python3, and
# OTELCOL_EMBEDDING another collector than build/otelcol-embedding; without a collector its test is skipped.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
venv=$root/build/vllm-middleware
export OTELCOL_EMBEDDING=${OTELCOL_EMBEDDING:-$root/build/otelcol-embedding}
export PYTHONDONTWRITEBYTECODE=1
"${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt"
cd "$here"
exec "$venv/bin/python" -W error::ResourceWarning -m unittest "$@"
