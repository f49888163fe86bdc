#!/bin/sh
# Builds the fuzz targets as `cargo fuzz build --sanitizer none` does, without cargo-fuzz, and runs each for a few seconds,
# all of them in a minute. What makes one fail is left in fuzz/artifacts/TARGET: `cargo fuzz run TARGET FILE` shows it again.
set -eu
cd "$(dirname "$0")/.."

SECONDS_IN_ALL=60

host=$(rustc -vV | sed -n 's/^host: //p')
flags='"-Cpasses=sancov-module"'
for pass in level=4 inline-8bit-counters pc-table trace-compares; do
    flags="$flags,\"-Cllvm-args=-sanitizer-coverage-$pass\""
done
flags="$flags,\"--cfg\",\"fuzzing\",\"-Cllvm-args=-simplifycfg-branch-fold-threshold=0\""
flags="$flags,\"-Cllvm-args=-sanitizer-coverage-stack-depth\",\"-Cdebug-assertions\",\"-Ccodegen-units=1\""
scripts/cargo.sh build --manifest-path fuzz/Cargo.toml --locked --release --bins --target "$host" \
    --config "build.rustflags=[$flags]"

binaries=${CARGO_TARGET_DIR:-fuzz/target}/$host/release
new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT
targets=$(basename -s .rs fuzz/fuzz_targets/*.rs)
jobs=$(nproc)
seconds=$((SECONDS_IN_ALL * jobs / $(echo "$targets" | wc -l)))

# From here on in each process of xargs: a target for some seconds; only what goes wrong is shown.
# shellcheck disable=SC2016
echo "$targets" | xargs -P "$jobs" -I TARGET sh -c '
    mkdir -p "$2/TARGET" fuzz/artifacts/TARGET
    log="$2/TARGET.log"
    "$1/TARGET" "$2/TARGET" fuzz/seeds/TARGET -max_total_time="$3" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
        -artifact_prefix=fuzz/artifacts/TARGET/ > "$log" 2>&1 || { cat "$log"; exit 255; }
    sed -n "s/^stat::number_of_executed_units: */TARGET: inputs tried: /p" "$log"
' fuzz-smoke "$binaries" "$new" "$seconds"
