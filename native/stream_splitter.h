// What the poller does with the bytes of one connection, on memory: for tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "batch.h"
#include "big_frame.h"

namespace ashlar {

// The splitter of one stream in memory, through an arena of a chosen size.
class StreamSplitter {
 public:
  struct Argument {
    std::vector<uint8_t> bytes;
    uint32_t hash;
    uint32_t slot;
  };
  struct Command {
    int32_t command;
    int32_t argc;
    int32_t flags;
    int32_t detail;
    std::vector<Argument> args;
  };

  StreamSplitter(SplitterSettings settings, int32_t speaks, FrameLimits limits, size_t arenaBytes,
                 uint32_t argCapacity = 4096, uint32_t commandsMax = 64);

  // Feeds one chunk; appends what became complete.
  void feed(const uint8_t* bytes, size_t count, std::vector<Command>& out);

 private:
  void splitArena(uint32_t end, std::vector<Command>& out);
  void afterBig(BigFrame::Status status, std::vector<Command>& out);
  void collect(std::vector<Command>& out);

  const SplitterSettings settings_;
  int32_t speaks_;
  const FrameLimits limits_;
  ArenaSizes sizes_;
  std::vector<uint8_t> arena_;
  std::vector<int32_t> commands_;
  std::vector<int32_t> args_;
  Batch batch_;
  FrameInput input_;
  // Bytes that are to be thrown away before the next frame.
  uint64_t skip_ = 0;
  bool failed_ = false;
};

}  // namespace ashlar
