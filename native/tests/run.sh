#!/bin/sh
# Builds the native core's C++ tests with the address and undefined-behaviour sanitizers, and runs them.
#   native/tests/run.sh [name...]     hash_test splitter_test memcached_test poller_test; all of them without a name
set -eu
cd "$(dirname "$0")/.."
out="${ASHLAR_TEST_OUT:-../.build/native-tests}"
mkdir -p "$out"
flags="-std=c++20 -g -O1 -fno-exceptions -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined -Wall -Wextra"
[ $# -gt 0 ] || set -- hash_test splitter_test memcached_test poller_test
for name in "$@"; do
  sources="command_names.cc memcached_table.cc batch.cc resp_splitter.cc memcached_splitter.cc big_frame.cc stream_splitter.cc"
  if [ "$name" = poller_test ]; then
    [ "$(uname)" = Linux ] || continue
    sources="$sources poller.cc listener.cc"
  fi
  ${CXX:-g++} $flags -o "$out/$name" "tests/$name.cc" $sources -lpthread
  "$out/$name"
done
