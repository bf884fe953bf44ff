#!/usr/bin/env bash
# The whole suite on SQLite and again on PostgreSQL, and walks through the console in a browser.
#
# PostgreSQL 15 or later is found, or installed with apt when this runs as root, and started privately by
# scripts/postgres.sh. To use a server of your own: SALA_TEST_POSTGRES=postgres://user:password@host/postgres make test
# (each test makes and drops a database of its own there). What only a server can show is ignored on SQLite.
set -euo pipefail
cd "$(dirname "$0")/.."

if cargo nextest --version >/dev/null 2>&1; then
  tests=(cargo nextest run) databases=(-E 'package(db) or package(sala)' --run-ignored all)
else
  tests=(cargo test) databases=(-- --include-ignored)
fi

# First, so that the program that is tested has the console in it.
scripts/web.sh prepare
# And the program that makes documents, of which most checkouts on a machine need no build of their own.
SALA_RENDER=$(scripts/render.sh)
export SALA_RENDER
scripts/render.sh check
scripts/render.sh readers

# What the tests of e-mail talk to.
scripts/smtp.sh >/dev/null

echo "== SQLite"
SALA_TEST_DATABASE=sqlite "${tests[@]}" --workspace
echo "== Webhooks read by the public Standard Webhooks library"
SALA_BIN="${CARGO_TARGET_DIR:-target}/debug/sala" scripts/standard-webhooks.sh
echo "== Examples in the documentation"
cargo test --quiet --workspace --doc
echo "== PostgreSQL"
# The whole workspace again: for a part of it Cargo would build the dependencies anew, with fewer features.
SALA_TEST_DATABASE=postgres scripts/postgres.sh "${tests[@]}" --workspace "${databases[@]}"

echo "== The console in a browser"
scripts/web.sh test
