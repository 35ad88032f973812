// What the descriptor arrays are made of (ARCHITECTURE.md has the meaning of each word; src/protocol/descriptors.ts is the same in TypeScript), and
// what a splitter enforces.
//
//   commands: | connection | id or event | argc | argBase | frameStart | frameEnd | flags | 0 |   8 words each
//   args:     | offset | length | hash | slot |                                                   4 words each
#pragma once

#include <cstddef>
#include <cstdint>

namespace ashlar {

inline constexpr uint32_t kCommandWords = 8;
inline constexpr uint32_t kArgWords = 4;

inline constexpr int32_t kEventUnknownCommand = -1;
inline constexpr int32_t kEventProtocolError = -2;
inline constexpr int32_t kEventClosed = -3;

inline constexpr int32_t kFlagBig = 1;
inline constexpr int32_t kFlagInline = 2;
inline constexpr int32_t kFlagData = 4;
inline constexpr int32_t kFlagBadChunk = 8;
inline constexpr int32_t kFlagTooLarge = 16;
inline constexpr int32_t kFlagMalformed = 32;

// What a connection speaks. kSpeaksMemcached is one of the two that follow it, as its first byte will say.
inline constexpr int32_t kSpeaksResp = 0;
inline constexpr int32_t kSpeaksMemcached = 1;
inline constexpr int32_t kSpeaksMemcachedText = 2;
inline constexpr int32_t kSpeaksMemcachedBinary = 3;

// First byte of a request of Memcached's binary protocol.
inline constexpr uint8_t kBinaryRequest = 0x80;

// What a connection speaks whose first byte has come.
inline int32_t spokenWith(int32_t speaks, uint8_t first) {
  if (speaks != kSpeaksMemcached) return speaks;
  return first == kBinaryRequest ? kSpeaksMemcachedBinary : kSpeaksMemcachedText;
}

// Bytes that must be readable behind every span that is split. Spans are read a few bytes beyond their end (a number's digits, a command's name);
// what is found there is never believed.
inline constexpr uint32_t kSlack = 32;
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
  lineTooLong = 20,
  badMagic = 21,
};

// Detail of invalidBulkLength: a number, but above bulkBytesMax.
inline constexpr int32_t kAboveLimit = 1;

struct FrameLimits {
  int64_t argumentsMax = 1048576;
  int64_t bulkBytesMax = 512ll * 1024 * 1024;

  // The pair that stands for a connection that has not authenticated; its errors have codes of their own.
  bool unauthenticated() const { return argumentsMax == 10 && bulkBytesMax == 16384; }
};

inline void setArg(int32_t* arg, size_t offset, int64_t length) {
  arg[0] = static_cast<int32_t>(offset);
  arg[1] = static_cast<int32_t>(length);
  arg[2] = 0;
  arg[3] = 0;
}

}  // namespace ashlar
