#!/usr/bin/env bash
# A minute (SECONDS_EACH) of each fuzz target, on the stable toolchain: coverage comes from LLVM's own pass, which needs
# no nightly flag. Needs a C++ compiler for libFuzzer. What crashes is kept in fuzz/artifacts and named in the output.
set -euo pipefail
cd "$(dirname "$0")/../fuzz"

export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
host=$(rustc -vV | sed -n 's/^host: //p')
# With an explicit target the flags reach the code under test and not build scripts.
cargo build --release --quiet --target "$host"

for target in lenient line sheet; do
  mkdir -p "corpus/$target" "artifacts/$target"
  "${CARGO_TARGET_DIR:-target}/$host/release/$target" -max_total_time="${SECONDS_EACH:-60}" -max_len=4096 \
    -artifact_prefix="artifacts/$target/" -print_final_stats=1 "corpus/$target"
done
