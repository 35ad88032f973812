// What a protocol has to say: how requests are written, and what the pieces of a reply mean. A reply comes in frames, pieces whose
// size their first bytes tell, and how many of them make a reply differs:
//
//                   get                            multi-get of n keys                        set
//   resp.h          value | miss                   start, n times (value | miss)              stored
//   memcached.h     text:   [value] end            [value] ... end                            stored
//                   meta:   value | miss           [value] ... end                            stored
//                   binary: value | miss           [value] ... end                            stored
//
// A protocol is a class with
//
//   Protocol(Sizes)
//   appendGet(out, key)                              a whole request
//   appendSetHead(out, key), setTail()               a SET up to its value, and what follows the value, the same for all SETs
//   multiHead(), appendMultiKey(out, key), multiTail()
//   keyAt(kind), multiStride()                       where a request's first key is, and from there each next one
//   usual(kind, key, p, available)                   size of the frame that nearly always comes (the value of that key, a stored),
//                                                    if exactly that stands whole at p, else 0: a few compares
//   frame(kind, p, available)                        any frame
//   kGetEnds, kMultiEnds                             whether an end follows the values of a get, of a multi-get
//   kErrorIsLast                                     whether nothing more comes for a request after an error
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace load {

enum class Kind : uint8_t { get, set, multi };

// `invalid`: no frame that can stand there; the run can't go on.
enum class Part : uint8_t { start, value, miss, stored, end, error, invalid };

struct Frame {
  uint64_t size = 0;          // of the whole frame, whose end may not have come yet; 0: what is there says too little
  Part part = Part::invalid;
  std::string_view key = {};  // of a value that says its key, or how it ends
};

struct Sizes {
  uint32_t key;
  uint32_t value;
  uint32_t ttl;    // seconds, 0: none
  uint32_t multi;  // keys of a multi-get
};

namespace detail {

inline bool startsWith(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

inline bool endsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

inline bool stands(const char* p, std::string_view text) { return std::memcmp(p, text.data(), text.size()) == 0; }

// A line without its end, and the frame size to report for the line alone; empty and 0 when its end hasn't come.
struct Line {
  std::string_view text;
  uint64_t size;
};

inline Line lineAt(const char* p, size_t available) {
  const void* found = std::memchr(p, '\n', available);
  if (found == nullptr) return {{}, 0};
  const auto size = static_cast<size_t>(static_cast<const char*>(found) - p) + 1;
  const size_t length = size >= 2 && p[size - 2] == '\r' ? size - 2 : size - 1;
  return {{p, length}, size};
}

// A value of the length that is given at `digits`, behind its line. Any other length than ours is invalid.
inline Frame valueFrame(const Line& line, const char* digits, uint64_t valueSize, std::string_view key = {}) {
  const uint64_t length = std::strtoull(digits, nullptr, 10);
  return {line.size + length + 2, length == valueSize ? Part::value : Part::invalid, key};
}

}  // namespace detail

}  // namespace load
