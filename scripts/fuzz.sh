#!/usr/bin/env bash
# Feeds made-up files to the readers of what comes from outside, by libFuzzer with AddressSanitizer:
#
#   scripts/fuzz.sh TARGET [SECONDS]     one of the targets in Tests/FuzzEntries/FuzzTarget.swift, 60 seconds by default
#   scripts/fuzz.sh TARGET runs=N        until N inputs were tried
#   scripts/fuzz.sh --short              all targets, about a minute in all
#
# Starts from Tests/FuzzTests/corpus/TARGET and keeps what it learns in .build-fuzz/corpus/TARGET. An input that traps,
# takes more than 5 seconds or fills the memory ends it and is left in .build-fuzz/findings/TARGET: mend the reader and
# add the input to Tests/FuzzTests/corpus/TARGET, whose files `swift test` replays.
set -euo pipefail
cd "$(dirname "$0")/.."

build=.build-fuzz
targets=(safetensors gguf config tokenizer text expression vocabulary pieces template data adapter image processor checkpoint)

fuzz() { # TARGET, then libFuzzer's flags
    mkdir -p "$build/corpus/$1" "$build/findings/$1"
    # A backtrace of Swift's own takes seconds and says less than replaying the finding does; that of each allocation
    # takes a quarter of the time.
    FUZZ_TARGET="$1" SWIFT_BACKTRACE=enable=no OPENBLAS_NUM_THREADS=1 \
        ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=4:malloc_context_size=0 \
        nice -n 19 "$build/release/Fuzz" "${@:2}" -timeout=5 -rss_limit_mb=2048 -malloc_limit_mb=256 -max_len=4096 \
        -dict=scripts/fuzz/tokens.dict -print_final_stats=1 -verbosity="${FUZZ_VERBOSITY:-0}" \
        -artifact_prefix="$build/findings/$1/" "$build/corpus/$1" "Tests/FuzzTests/corpus/$1"
}

if [[ $# -eq 0 || ( "$1" != --short && ! " ${targets[*]} " == *" $1 "* ) ]]; then
    sed -n '2,12s/^# \{0,1\}//p' "$0"
    exit 64
fi
# Instrumented code stays out of the folder that programs and tests are built in.
ADALORA_FUZZ=1 swift build -c release --scratch-path "$build" --product Fuzz --sanitize fuzzer --sanitize address \
    -Xswiftc -sanitize=fuzzer,address # swiftc takes only the last one
if [[ "$1" == --short ]]; then
    for target in "${targets[@]}"; do
        echo "$target"
        # The same inputs each time: CI is not where luck should decide.
        fuzz "$target" -max_total_time=8 -seed=1
    done
else
    case "${2:-60}" in
        runs=*) fuzz "$1" "-$2" ;;
        *) fuzz "$1" "-max_total_time=${2:-60}" ;;
    esac
fi
