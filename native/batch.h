// The descriptor arrays of one receive(), and the loops that fill them from a span of bytes. No I/O here: the poller feeds sockets' bytes, the
// tests feed memory.
//
//   resp_splitter.cc        the loop for Redis's protocol
//   memcached_splitter.cc   the loops for Memcached's two
//   big_frame.h             frames that do not fit the arena, and what a connection keeps between two receives
//
// Where the end of a line may be looked for is bounded by the line's own start and never by how the bytes were cut into chunks. So the same
// stream gives the same commands and errors however it arrives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "command_names.h"
#include "descriptors.h"
#include "hash.h"
#include "memcached_table.h"

namespace ashlar {

struct SplitterSettings {
  // RESP's commands; Memcached's are in a table of their own.
  CommandNames names;
  MemcachedTable memcached;
  uint32_t k0 = 0;
  uint32_t k1 = 0;
  // Slots are computed only where there is more than one shard to choose from.
  bool slots = true;
};

// A key of the batch that will be looked up soon.
struct KeyRef {
  uint32_t tag;
  uint32_t slot;
};

enum class SplitStatus {
  drained,  // every byte belongs to a complete frame
  partial,  // an incomplete frame is left, from `consumed` on
  full,     // no room for the next frame in this batch; it starts at `consumed`
  error,    // a protocol error was found and written as an event
};

struct SplitResult {
  SplitStatus status;
  uint32_t consumed;
  // partial only: bytes that the incomplete frame will have at least, as far as it has announced.
  uint64_t announced;
  // drained only: bytes still to come that belong to the last frame and are to be thrown away.
  uint64_t skip = 0;
};

class BigFrame;

class Batch {
 public:
  // `commandsMax` and `keysMax` end a batch before the arrays are full, so that what was prefetched is still in the cache when it is used.
  Batch(const SplitterSettings& settings, int32_t* commands, uint32_t commandCapacity, int32_t* args,
        uint32_t argCapacity, uint32_t commandsMax, uint32_t keysMax);

  void clear();
  uint32_t count() const { return commandCount_; }
  // Nothing more goes into this batch. It stays so once a frame found no room, however small the next one may be.
  bool full() const { return exhausted_ || commandCount_ >= commandsMax_ || keyCount_ >= keysMax_; }
  uint64_t framesSplit() const { return framesSplit_; }

  // Splits input[begin, end) of one connection that speaks `speaks` (never kSpeaksMemcached, which says too little). `salt` is XORed into the
  // hashes for keyRefs() only.
  SplitResult split(int32_t connection, int32_t speaks, uint8_t* input, uint32_t begin, uint32_t end,
                    const FrameLimits& limits, uint32_t salt);

  // Writes an event; the caller has made sure that the batch is not full.
  void event(int32_t connection, int32_t event, int32_t word2, int32_t word3);

  // Writes the descriptor of a complete big frame. Its arguments stay in the frame.
  void big(int32_t connection, BigFrame& frame, uint32_t salt);

  // Inline commands with quotes are decoded in place; this undoes it in input[begin, end), to have the bytes as they were received.
  void restore(uint8_t* input, uint32_t begin, uint32_t end) const;

  const KeyRef* keyRefs() const { return keyRefs_.data(); }
  uint32_t keyRefCount() const { return keyRefCount_; }

 private:
  struct Original {
    uint32_t offset;
    uint32_t length;
    size_t at;
  };

  SplitResult splitResp(int32_t connection, uint8_t* input, uint32_t begin, uint32_t end, const FrameLimits& limits,
                        uint32_t salt);
  SplitResult splitText(int32_t connection, const uint8_t* input, uint32_t begin, uint32_t end,
                        const FrameLimits& limits, uint32_t salt);
  SplitResult splitBinary(int32_t connection, const uint8_t* input, uint32_t begin, uint32_t end,
                          const FrameLimits& limits, uint32_t salt);

  // For a frame that needs more arguments than are free: it goes into the next batch, or, where the array is empty, into a buffer of its own.
  SplitResult noRoom(uint32_t frameStart) {
    if (argCount_ == 0) return SplitResult{SplitStatus::partial, frameStart, UINT64_MAX};
    exhausted_ = true;
    return SplitResult{SplitStatus::full, frameStart, 0};
  }

  inline void hashKeys(const KeyPositions& keys, const uint8_t* input, int32_t* args, int32_t argc, uint32_t salt);
  inline void describe(int32_t connection, int32_t id, int32_t argc, uint32_t frameStart, uint32_t frameEnd,
                       int32_t flags);
  // Looks up a RESP command, hashes its keys, and writes the descriptor.
  inline void describeResp(int32_t connection, const uint8_t* input, uint32_t frameStart, uint32_t frameEnd,
                           int32_t* args, int32_t argc, int32_t flags, uint32_t salt);

  const SplitterSettings& settings_;
  int32_t* const commands_;
  int32_t* const args_;
  const uint32_t argCapacity_;
  const uint32_t commandsMax_;
  const uint32_t keysMax_;
  uint32_t commandCount_ = 0;
  uint32_t argCount_ = 0;
  uint32_t keyCount_ = 0;
  uint32_t keyRefCount_ = 0;
  bool exhausted_ = false;
  uint64_t framesSplit_ = 0;
  std::vector<KeyRef> keyRefs_;
  std::vector<Original> originals_;
  std::vector<uint8_t> originalBytes_;
};

inline void Batch::hashKeys(const KeyPositions& keys, const uint8_t* input, int32_t* args, int32_t argc,
                            uint32_t salt) {
  if (keys.first <= 0) return;
  int64_t last = keys.last < 0 ? int64_t{argc} + keys.last : keys.last;
  if (last > argc - 1) last = argc - 1;
  for (int64_t i = keys.first; i <= last; i += keys.step) {
    int32_t* const arg = args + i * kArgWords;
    const uint8_t* const key = input + arg[0];
    const size_t length = static_cast<size_t>(arg[1]);
    const uint32_t hash = halfSipHash(key, length, settings_.k0, settings_.k1);
    const uint32_t slot = settings_.slots ? keySlot(key, length) : 0;
    arg[2] = static_cast<int32_t>(hash);
    arg[3] = static_cast<int32_t>(slot);
    keyCount_++;
    if (keyRefCount_ < keysMax_) keyRefs_[keyRefCount_++] = KeyRef{hash ^ salt, slot};
  }
}

inline void Batch::describe(int32_t connection, int32_t id, int32_t argc, uint32_t frameStart, uint32_t frameEnd,
                            int32_t flags) {
  int32_t* const command = commands_ + commandCount_ * kCommandWords;
  command[0] = connection;
  command[1] = id;
  command[2] = argc;
  command[3] = static_cast<int32_t>((flags & kFlagBig) ? 0 : argCount_);
  command[4] = static_cast<int32_t>(frameStart);
  command[5] = static_cast<int32_t>(frameEnd);
  command[6] = flags;
  command[7] = 0;
  commandCount_++;
  framesSplit_++;
}

inline void Batch::describeResp(int32_t connection, const uint8_t* input, uint32_t frameStart, uint32_t frameEnd,
                                int32_t* args, int32_t argc, int32_t flags, uint32_t salt) {
  const int32_t id = settings_.names.find(input + args[0], static_cast<size_t>(args[1]));
  if (id >= 0) hashKeys(settings_.names.keys(id), input, args, argc, salt);
  describe(connection, id, argc, frameStart, frameEnd, flags);
}

}  // namespace ashlar
