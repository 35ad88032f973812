#!/bin/sh
# Fuzzes the splitters for a bounded time, one target after the other:
#   native/fuzz/run.sh SECONDS [libFuzzer options]        SECONDS for each of splitter_fuzz and memcached_fuzz
# The corpora are kept in .build/fuzz/corpus (RESP's) and .build/fuzz/memcached.
set -eu
cd "$(dirname "$0")/.."
seconds="${1:?usage: native/fuzz/run.sh SECONDS}"
shift
out="${ASHLAR_FUZZ_OUT:-../.build/fuzz}"
mkdir -p "$out/corpus" "$out/memcached"
clang="${CLANGXX:-$(command -v clang++ || command -v clang++-14)}"
sources="command_names.cc memcached_table.cc batch.cc resp_splitter.cc memcached_splitter.cc big_frame.cc stream_splitter.cc"
for target in splitter_fuzz memcached_fuzz; do
  "$clang" -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -o "$out/$target" "fuzz/$target.cc" $sources
done
# Something to start from: two frames, an inline command with quotes, an empty frame.
printf '\014\002\000*2\r\n$3\r\nGET\r\n$1\r\na\r\n*1\r\n$4\r\nPING\r\n' > "$out/corpus/frames"
printf '\000\001\005set "a\\x41 \\n" '"'"'b\\'"'"''"'"'\r\n*0\r\n*-1\r\n' > "$out/corpus/inline"
# Lines with data, too large data, several keys; a line beyond 2 KiB; binary requests with and without a value.
printf '\014\002\000set k 0 0 5\r\nhello\r\nget a b\r\nms k 2 T0\r\nabxx\r\ngats 0 a\r\n' > "$out/memcached/lines"
printf '\000\001\005set k 0 0 150\r\n%0150d\r\nget a\r\n' 0 > "$out/memcached/large"
printf '\003\002\007get %02100d k\r\nversion\r\n' 0 > "$out/memcached/long"
printf '\016\010\003\200\001\000\001\010\000\000\000\000\000\000\013opaqversions12345678kab\200\012\000\000\000\000\000\000\000\000\000\000opaqversions' > "$out/memcached/binary"
"$out/splitter_fuzz" -max_total_time="$seconds" -max_len=4096 -timeout=10 -artifact_prefix="$out/" "$@" "$out/corpus"
exec "$out/memcached_fuzz" -max_total_time="$seconds" -max_len=4096 -timeout=10 -artifact_prefix="$out/" "$@" "$out/memcached"
