#!/bin/sh
# Builds the native core's C++ tests with the address and undefined-behaviour sanitizers, and runs them.
#   native/tests/run.sh [name...]     the names of files here, without .cc; all of them without a name
set -eu
cd "$(dirname "$0")/.."
out="${ASHLAR_TEST_OUT:-../.build/native-tests}"
mkdir -p "$out"
flags="-std=c++20 -g -O1 -fno-exceptions -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined -Wall -Wextra"
sources="command_names memcached_table batch resp_splitter memcached_splitter big_frame stream_splitter"
tests="hash_test splitter_test memcached_test"
if [ "$(uname)" = Linux ]; then
  sources="$sources poller poller_output poller_connections listener"
  tests="$tests poller_test poller_edges_test memcached_poller_test poller_soak_test"
fi
[ $# -gt 0 ] || set -- $tests
objects=
for source in $sources; do
  ${CXX:-g++} $flags -c -o "$out/$source.o" "$source.cc"
  objects="$objects $out/$source.o"
done
for name in "$@"; do
  ${CXX:-g++} $flags -o "$out/$name" "tests/$name.cc" $objects -lpthread
  "$out/$name"
done
