#!/usr/bin/env bash
# Runs the load generator with a private PostgreSQL whose fsync is on: figures without it would mean nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
SALA_TEST_POSTGRES_FSYNC=on exec scripts/postgres.sh "${CARGO_TARGET_DIR:-target}/release/bench" "$@"
