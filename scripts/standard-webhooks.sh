#!/usr/bin/env bash
# Lets the public Standard Webhooks library (PyPI) check what Sala signs, before and after a secret is replaced.
# Needs python3 with venv, and the network for the library. The program is target/debug/sala unless SALA_BIN names one.
set -euo pipefail
cd "$(dirname "$0")/.."
program=${SALA_BIN:-}
if [[ -z $program ]]; then
  cargo build --quiet -p sala
  program=target/debug/sala
fi
home=$(mktemp -d "${TMPDIR:-/tmp}/sala-receiver.XXXXXX")
trap 'rm -rf "$home"' EXIT
python3 -m venv "$home/venv"
"$home/venv/bin/pip" install --quiet --disable-pip-version-check standardwebhooks==1.1.0
"$home/venv/bin/python" scripts/standard_webhooks.py "$program" "$home"
