#!/usr/bin/env bash
# The program that makes documents (crates/render), built once for each state of its sources and kept outside the checkout.
#
#   scripts/render.sh           builds it where it is not there yet, and prints its path
#   scripts/render.sh path      prints its path where it is there, and nothing where it is not
#   scripts/render.sh check     formatting and lints of its sources; builds what they need
#   scripts/render.sh readers   takes pdftotext and mutool from Debian where they are missing and this runs as root
#
# It is three hundred crates, which no other command builds: two cores take three to four minutes for them. What was built is
# kept in ~/.cache/sala (SALA_RENDER_TARGET names another folder), so that a new checkout finds it there.
set -euo pipefail
cd "$(dirname "$0")/.."

cache=${SALA_RENDER_TARGET:-${XDG_CACHE_HOME:-$HOME/.cache}/sala}
export CARGO_TARGET_DIR="$cache/render-build" CARGO_INCREMENTAL=0
# By name and content, whatever the checkout's place; the compiler belongs to it.
state=$({ rustc -vV; cd crates/render; find Cargo.toml Cargo.lock src fonts -type f | LC_ALL=C sort | xargs sha256sum; } | sha256sum | cut -c1-16)
program=$cache/render-$state/sala-render

case "${1:-build}" in
  build)
    if [[ ! -x $program ]]; then
      echo "== The program that makes documents: a few minutes, and only once" >&2
      cargo build --release --locked --manifest-path crates/render/Cargo.toml >&2
      mkdir -p "$cache/render-$state"
      # Under another name first: another checkout may be looking for it.
      cp "$CARGO_TARGET_DIR/release/sala-render" "$program.$$"
      mv "$program.$$" "$program"
    fi
    echo "$program"
    ;;
  path)
    if [[ -x $program ]]; then echo "$program"; fi
    ;;
  check)
    cargo fmt --manifest-path crates/render/Cargo.toml --check
    # By the compiler's stand-in, so that what was built for the program itself need not be built again for its lints.
    RUSTC_WORKSPACE_WRAPPER=$(command -v clippy-driver) CLIPPY_ARGS="-Dwarnings__CLIPPY_HACKERY__" \
      cargo build --release --locked --manifest-path crates/render/Cargo.toml
    ;;
  readers)
    if ! command -v pdftotext >/dev/null || ! command -v mutool >/dev/null; then
      [[ $(id -u) == 0 ]] || { echo "pdftotext and mutool are needed: install poppler-utils and mupdf-tools" >&2; exit 1; }
      (apt-get update -qq && apt-get install -y -qq --no-install-recommends poppler-utils mupdf-tools) >/dev/null
    fi
    ;;
  *)
    echo "usage: scripts/render.sh [build|path|check|readers]" >&2
    exit 2
    ;;
esac
