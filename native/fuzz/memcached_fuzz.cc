// libFuzzer target: any bytes, through any arena and cut anywhere, give the commands and errors that the reference finds in them.
//
//   input: | arena and argument capacity 1 | limits and protocol 1 | cuts 1 | stream ... |
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "../tests/memcached_reference.h"

using namespace ashlar;
using namespace ashlar::test;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  static const size_t arenas[] = {64, 200, 1000, 1 << 18};
  static const uint32_t capacities[] = {4, 7, 64, 4096};
  static const FrameLimits limitsOf[] = {FrameLimits{10, 16384}, FrameLimits{20, 100}, FrameLimits{}};
  const size_t arena = arenas[data[0] & 3];
  const uint32_t argCapacity = capacities[(data[0] >> 2) & 3];
  const FrameLimits limits = limitsOf[data[1] % 3];
  const int32_t speaks = kSpeaksMemcached + (data[1] >> 2) % 3;
  const uint32_t cuts = data[2];
  const uint8_t* const stream = data + 3;
  const size_t bytes = size - 3;
  const std::vector<MemcachedFrame> expected =
      MemcachedReference(std::string(reinterpret_cast<const char*>(stream), bytes), speaks, limits).parse();
  uint32_t random = cuts;
  const auto pieces = [&]() -> size_t {
    random = random * 1664525 + 1013904223;
    return cuts == 0 ? bytes : 1 + (random >> 8) % cuts;
  };
  if (splitMemcached(stream, bytes, speaks, limits, arena, argCapacity, pieces) != expected) std::abort();
  if (splitMemcached(stream, bytes, speaks, limits, arena, argCapacity, [bytes] { return bytes; }) != expected)
    std::abort();
  if (splitMemcached(stream, bytes, speaks, limits, arena, argCapacity, [] { return size_t{1}; }) != expected)
    std::abort();
  return 0;
}
