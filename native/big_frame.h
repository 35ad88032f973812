// What a connection keeps of its input between two receives.
//
//   BigFrame     one frame that does not fit the input arena: a buffer that grows as bytes arrive, parsed as they arrive
//   FrameInput   an incomplete tail, or a BigFrame; nothing while the connection is idle
#pragma once

#include <cstddef>
#include <cstdint>

#include "batch.h"
#include "descriptors.h"

namespace ashlar {

// A frame with a buffer of its own. Bytes are parsed as they arrive and never again; the buffer doubles as it fills and is never sized by
// what a client merely announces.
//
//   data_ | parsed arguments | position_: what is being waited for | size_ | room |
class BigFrame {
 public:
  enum class Status { incomplete, complete, skipped, error, outOfMemory };

  BigFrame(const SplitterSettings& settings, int32_t speaks) : settings_(settings), speaks_(speaks) {}
  ~BigFrame();
  BigFrame(const BigFrame&) = delete;
  BigFrame& operator=(const BigFrame&) = delete;

  // Room for more bytes: at least one byte, at most what the frame surely lacks and at most `most`. While the end of a line is looked for nothing is
  // sure, and up to `ahead` bytes are taken, of which the last ones may be the next frames'. Null when memory is out.
  uint8_t* room(size_t most, size_t ahead, size_t& available);
  // `count` bytes were written to room().
  void grew(size_t count) { size_ += count; }
  // Copies bytes in. False when memory is out.
  bool append(const uint8_t* bytes, size_t count);

  Status advance(const FrameLimits& limits);

  ProtocolError error() const { return error_; }
  int32_t errorDetail() const { return detail_; }
  bool complete() const { return complete_; }
  uint8_t* data() const { return data_; }
  size_t size() const { return size_; }
  // Bytes of memory that it takes; what was never written to is not counted.
  size_t memory() const { return size_ + static_cast<size_t>(argc_) * kArgWords * sizeof(int32_t); }
  // Length of the complete frame; bytes beyond it belong to the next one, once skip() bytes of them were thrown away.
  size_t frameBytes() const { return position_; }
  uint64_t skip() const { return skip_; }
  int32_t* args() const { return args_; }
  int32_t argc() const { return argc_; }
  // The descriptor's, but for kFlagBig.
  int32_t flags() const { return flags_; }
  // The command, when the frame is one of Memcached's.
  const MemcachedTable::Entry* memcached() const { return entry_; }

 private:
  Status advanceResp(const FrameLimits& limits);
  Status advanceInline();
  Status advanceText(const FrameLimits& limits);
  Status advanceBinary(const FrameLimits& limits);
  // Bytes that the frame lacks at least, 0 when it is not known.
  uint64_t lacking() const;
  bool reserve(size_t capacity);
  bool reserveArgs(int32_t capacity);
  bool addArg(size_t offset, size_t length);
  Status fail(ProtocolError error, int32_t detail = 0);
  Status finished() {
    complete_ = true;
    return Status::complete;
  }

  const SplitterSettings& settings_;
  const int32_t speaks_;
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
  size_t position_ = 0;
  // Up to here the current line was searched for its end.
  size_t scanned_ = 0;
  int32_t* args_ = nullptr;
  int32_t argc_ = 0;
  int32_t argCapacity_ = 0;
  int32_t flags_ = 0;
  ProtocolError error_ = ProtocolError::none;
  int32_t detail_ = 0;
  bool complete_ = false;
  // RESP: arguments that are still to come, and the length of the one being waited for.
  int64_t argsLeft_ = -1;
  int64_t bulkLength_ = -1;
  // Memcached: the command, the bytes that the frame will have (0 = not known yet), and those behind it that are to be thrown away.
  const MemcachedTable::Entry* entry_ = nullptr;
  uint64_t frameBytes_ = 0;
  uint64_t skip_ = 0;
};

// Sizes that follow from the arena's: chunkMax bytes are received at a time, and a tail of more than tailMax bytes becomes a BigFrame. An
// arena holds a connection's saved input (at most a tail and a chunk) and a chunk.
struct ArenaSizes {
  explicit ArenaSizes(size_t arenaBytes);
  uint32_t usable;
  uint32_t chunkMax;
  uint32_t tailMax;
};

class FrameInput {
 public:
  FrameInput() = default;
  FrameInput(const FrameInput&) = delete;
  FrameInput& operator=(const FrameInput&) = delete;
  ~FrameInput() { clear(); }

  bool save(const uint8_t* bytes, uint32_t count);
  void dropSaved();
  void clear();
  // Keeps the incomplete frame that a split left at the end of a span, as a tail or as a BigFrame. The big frame takes what it
  // can from the bytes; its status is returned, and `incomplete` for a tail.
  BigFrame::Status keepPartial(const SplitterSettings& settings, int32_t speaks, const uint8_t* bytes, uint32_t count,
                               uint64_t announced, const ArenaSizes& sizes, const FrameLimits& limits);

  uint64_t bytes() const { return savedSize + (big ? big->size() : 0); }
  // Bytes of memory that it takes.
  uint64_t memory() const { return savedCapacity + (big ? big->memory() : 0); }

  uint8_t* saved = nullptr;
  uint32_t savedSize = 0;
  uint32_t savedCapacity = 0;
  BigFrame* big = nullptr;
};

}  // namespace ashlar
