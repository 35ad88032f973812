// libFuzzer target: any bytes, through any arena and cut anywhere, give the commands and errors that the reference finds in them.
//
//   input: | arena and argument capacity 1 | limits 1 | cuts 1 | stream ... |
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "../stream_splitter.h"
#include "../tests/reference.h"

using namespace ashlar;
using namespace ashlar::test;

namespace {

SplitterSettings settings() {
  SplitterSettings made;
  made.names.add("get", KeyPositions{1, 1, 1});
  made.names.add("del", KeyPositions{1, -1, 1});
  made.names.add("mset", KeyPositions{1, -1, 2});
  return made;
}

std::vector<Expected> split(const uint8_t* bytes, size_t size, FrameLimits limits, size_t arena, uint32_t argCapacity,
                            uint32_t cuts) {
  StreamSplitter splitter(settings(), kSpeaksResp, limits, arena, argCapacity, 4);
  std::vector<StreamSplitter::Command> found;
  uint32_t random = cuts;
  for (size_t at = 0; at < size;) {
    random = random * 1664525 + 1013904223;
    size_t count = cuts == 0 ? size : cuts == 1 ? 1 : 1 + (random >> 8) % cuts;
    if (count > size - at) count = size - at;
    const std::vector<uint8_t> chunk(bytes + at, bytes + at + count);
    splitter.feed(chunk.data(), chunk.size(), found);
    at += count;
  }
  std::vector<Expected> out;
  for (const auto& command : found) {
    Expected simple;
    if (command.command == kEventProtocolError) {
      simple.error = command.argc;
      simple.detail = command.detail;
    } else {
      simple.isInline = (command.flags & kFlagInline) != 0;
      for (const auto& arg : command.args) simple.args.emplace_back(arg.bytes.begin(), arg.bytes.end());
    }
    out.push_back(std::move(simple));
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  static const size_t arenas[] = {64, 200, 1000, 1 << 18};
  static const uint32_t capacities[] = {1, 3, 64, 4096};
  const size_t arena = arenas[data[0] & 3];
  const uint32_t argCapacity = capacities[(data[0] >> 2) & 3];
  const FrameLimits limits = data[1] % 3 == 0   ? FrameLimits{10, 16384}
                             : data[1] % 3 == 1 ? FrameLimits{5, 100}
                                                : FrameLimits{};
  const std::string stream(reinterpret_cast<const char*>(data + 3), size - 3);
  const std::vector<Expected> expected = Reference(stream, limits).parse();
  if (split(data + 3, size - 3, limits, arena, argCapacity, data[2]) != expected) std::abort();
  if (split(data + 3, size - 3, limits, arena, argCapacity, 0) != expected) std::abort();
  return 0;
}
