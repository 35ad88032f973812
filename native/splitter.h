// From bytes to command descriptors, with Redis's rules. No I/O here: the poller feeds sockets' bytes, the tests feed memory.
//
//   Batch        the descriptor arrays of one receive() and the loop that fills them from a span of bytes
//   BigFrame     one frame that does not fit the input arena: a buffer that grows as bytes arrive, parsed as they arrive
//   FrameInput   what one connection keeps between two receives: an incomplete tail, or a BigFrame
//   StreamSplitter   all of the above over chunks of memory, for tests
//
// The arrays (ARCHITECTURE.md has the meaning of each word):
//
//   commands: | connection | id or event | argc | argBase | frameStart | frameEnd | flags | 0 |   8 words each
//   args:     | offset | length | hash | slot |                                                   4 words each
//
// Where a line may be looked for is bounded by its own start and never by how the bytes were cut into chunks: a `*` or `$` line must
// have its \r, and an inline command its \n, among its first 65,537 bytes. So the same stream gives the same commands and errors
// however it arrives.
//
// Spans are read a few bytes beyond their end (a number's digits, a command's name); kSlack bytes must be readable there. What is found there is
// never believed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "command_names.h"

namespace ashlar {

inline constexpr uint32_t kCommandWords = 8;
inline constexpr uint32_t kArgWords = 4;
inline constexpr int32_t kEventUnknownCommand = -1;
inline constexpr int32_t kEventProtocolError = -2;
inline constexpr int32_t kEventClosed = -3;
inline constexpr int32_t kFlagBig = 1;
inline constexpr int32_t kFlagInline = 2;

// What a connection speaks.
inline constexpr int32_t kSpeaksResp = 0;
inline constexpr int32_t kSpeaksMemcached = 1;
inline constexpr int32_t kSpeaksMemcachedText = 2;
inline constexpr int32_t kSpeaksMemcachedBinary = 3;

// Bytes that must be readable behind every span that is split.
inline constexpr uint32_t kSlack = 32;
// Longest line: a `*` or `$` line, or an inline command.
inline constexpr size_t kLineMax = 65536;
// Frames whose offsets would leave 32-bit integers are refused.
inline constexpr size_t kFrameBytesMax = 0x7fff0000;

enum class ProtocolError : int32_t {
  none = 0,
  countLineTooLong = 1,
  invalidCount = 2,
  unauthenticatedCount = 3,
  bulkLineTooLong = 4,
  expectedDollar = 5,
  invalidBulkLength = 6,
  unauthenticatedBulkLength = 7,
  inlineTooLong = 8,
  unbalancedQuotes = 9,
};

struct FrameLimits {
  int64_t argumentsMax = 1048576;
  int64_t bulkBytesMax = 512ll * 1024 * 1024;

  // The pair that stands for a connection that has not authenticated; its errors have codes of their own.
  bool unauthenticated() const { return argumentsMax == 10 && bulkBytesMax == 16384; }
};

struct SplitterSettings {
  CommandNames names;
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
  uint32_t argCapacity() const { return argCapacity_; }
  uint64_t framesSplit() const { return framesSplit_; }

  // Splits input[begin, end) of one connection. `salt` is XORed into the hashes for keyRefs() only.
  SplitResult split(int32_t connection, uint8_t* input, uint32_t begin, uint32_t end, const FrameLimits& limits,
                    uint32_t salt);

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

  void finish(int32_t connection, const uint8_t* input, uint32_t frameStart, uint32_t frameEnd, int32_t* args,
              int32_t argc, int32_t flags, uint32_t salt);

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

// A frame with a buffer of its own. Bytes are parsed as they arrive and never again; the buffer doubles as it fills and is never sized by
// what a client merely announces.
//
//   data_ | parsed arguments | position_: the line or bulk being waited for | size_ | room |
class BigFrame {
 public:
  enum class Status { incomplete, complete, skipped, error, outOfMemory };

  BigFrame() = default;
  ~BigFrame();
  BigFrame(const BigFrame&) = delete;
  BigFrame& operator=(const BigFrame&) = delete;

  // Room for more bytes: at least one byte, at most what the frame surely lacks (so that bytes of the next frame are
  // read only while the end of a line is looked for) and at most `most`. Null when memory is out.
  uint8_t* room(size_t most, size_t& available);
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
  // Length of the complete frame; bytes beyond it belong to the next one.
  size_t frameBytes() const { return position_; }
  int32_t* args() const { return args_; }
  int32_t argc() const { return argc_; }
  bool isInline() const { return inline_; }

 private:
  bool reserve(size_t capacity);
  bool addArg(size_t offset, size_t length);
  Status fail(ProtocolError error, int32_t detail = 0);

  uint8_t* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
  size_t position_ = 0;
  // Up to here the current line was searched for its end.
  size_t scanned_ = 0;
  int32_t* args_ = nullptr;
  int32_t argc_ = 0;
  int32_t argCapacity_ = 0;
  int64_t argsLeft_ = -1;
  int64_t bulkLength_ = -1;
  ProtocolError error_ = ProtocolError::none;
  int32_t detail_ = 0;
  bool inline_ = false;
  bool complete_ = false;
};

// Sizes that follow from the arena's: chunkMax bytes are received at a time, and a tail of more than tailMax bytes becomes a BigFrame. An
// arena holds a connection's saved input (at most a tail and a chunk) and a chunk.
struct ArenaSizes {
  explicit ArenaSizes(size_t arenaBytes);
  uint32_t usable;
  uint32_t chunkMax;
  uint32_t tailMax;
};

// What a connection keeps of its input. Idle connections keep nothing.
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
  BigFrame::Status keepPartial(const uint8_t* bytes, uint32_t count, uint64_t announced, const ArenaSizes& sizes,
                               const FrameLimits& limits);

  uint64_t bytes() const { return savedSize + (big ? big->size() : 0); }

  uint8_t* saved = nullptr;
  uint32_t savedSize = 0;
  uint32_t savedCapacity = 0;
  BigFrame* big = nullptr;
};

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

  StreamSplitter(SplitterSettings settings, FrameLimits limits, size_t arenaBytes, uint32_t argCapacity = 4096,
                 uint32_t commandsMax = 64);

  // Feeds one chunk; appends what became complete.
  void feed(const uint8_t* bytes, size_t count, std::vector<Command>& out);

 private:
  void splitArena(uint32_t end, std::vector<Command>& out);
  void afterBig(BigFrame::Status status, std::vector<Command>& out);
  void collect(std::vector<Command>& out);

  SplitterSettings settings_;
  FrameLimits limits_;
  ArenaSizes sizes_;
  std::vector<uint8_t> arena_;
  std::vector<int32_t> commands_;
  std::vector<int32_t> args_;
  Batch batch_;
  FrameInput input_;
  bool failed_ = false;
};

}  // namespace ashlar
