#!/bin/sh
# Fuzzes the splitter for a bounded time: native/fuzz/run.sh SECONDS [libFuzzer options]. The corpus is kept in .build/fuzz/corpus.
set -eu
cd "$(dirname "$0")/.."
seconds="${1:?usage: native/fuzz/run.sh SECONDS}"
shift
out="${ASHLAR_FUZZ_OUT:-../.build/fuzz}"
mkdir -p "$out/corpus"
clang="${CLANGXX:-$(command -v clang++ || command -v clang++-14)}"
"$clang" -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -o "$out/splitter_fuzz" fuzz/splitter_fuzz.cc splitter.cc command_names.cc
# Something to start from: two frames, an inline command with quotes, an empty frame.
printf '\014\002\000*2\r\n$3\r\nGET\r\n$1\r\na\r\n*1\r\n$4\r\nPING\r\n' > "$out/corpus/frames"
printf '\000\001\005set "a\\x41 \\n" '"'"'b\\'"'"''"'"'\r\n*0\r\n*-1\r\n' > "$out/corpus/inline"
exec "$out/splitter_fuzz" -max_total_time="$seconds" -max_len=4096 -timeout=10 -artifact_prefix="$out/" "$@" "$out/corpus"
