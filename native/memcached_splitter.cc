// Memcached's protocols: lines (classic and meta) with blocks of data behind some of them, and binary frames. The rules are memcached's own, but
// for one thing: memcached's limit on a line's length depends on how much has arrived when it looks, ours on the bytes alone.
//
//   text     set key 0 0 5\r\nhello\r\n           arguments: set, key, 0, 0, 5, hello
//            └─── line ────┘└─ n ─┘└2┘            the two bytes are taken whatever they are; they should be a line end
//
//   binary   | header 24 | extras | key | value |   arguments: header, key, extras, value
//            | 0x80 | opcode | key length 2 | extras length 1 | .. 3 | body length 4 | .. 12 |     all big-endian
//
// What is above a connection's limit is announced by a frame that ends where the data begins, and the data is thrown away as it comes:
//
//   frame            skip: bytes still to be thrown away, behind the span
//   | line | ....    the part of the data that has come already belongs to the frame
//
// A line is read once, from its first byte to its last: eight bytes at a time up to the next one that is not above a blank. Nothing is searched twice but
// the first 2 KiB of a line whose end has not come; what is longer becomes a big frame, which remembers how far it has searched.
#include <algorithm>
#include <cstring>

#include "batch.h"
#include "big_frame.h"

namespace ashlar {
namespace {

// A line's \n is among its first 2,049 bytes.
constexpr size_t kLineMax = 2048;
// The lines that may be longer: those of commands that take any number of keys, with not more blanks than these in front of the name.
constexpr size_t kBlanksMax = 100;
// What each of their arguments may have on average: a key of 250 bytes and a blank.
constexpr int64_t kLongArgumentBytes = 251;
// memcached keeps the length and two bytes more in an int.
constexpr int64_t kDataBytesMax = 2147483645;

constexpr size_t kHeaderBytes = 24;

// The first byte at or behind p that is a blank, a control character or a zero: everything that can end an argument, and more. `stop` or something
// behind it when there is none.
inline const uint8_t* nextLow(const uint8_t* p, const uint8_t* stop) {
  for (; p < stop; p += 8) {
    // The top bit of each byte below 0x21; carries can only set bits above the lowest that is right.
    const uint64_t word = load64(p);
    const uint64_t low = (word - 0x2121212121212121ull) & ~word & 0x8080808080808080ull;
    if (low != 0) return p + (__builtin_ctzll(low) >> 3);
  }
  return stop;
}

enum class LineStatus { complete, incomplete, noRoom };

// Splits the line at p, whose arguments go to args[argc..room). `complete`: p is just past the \n. `noRoom`: p is at the argument that found none,
// and it can go on from there.
inline LineStatus readLine(const uint8_t* input, const uint8_t*& p, const uint8_t* stop, int32_t* args, int32_t& argc,
                           int32_t room) {
  for (;;) {
    while (p < stop && *p == ' ') p++;
    const uint8_t* const start = p;
    const uint8_t* q = p;
    uint8_t end;
    for (;;) {
      q = nextLow(q, stop);
      if (q >= stop) return LineStatus::incomplete;
      end = *q;
      if (end == ' ' || end == '\n' || end == 0) break;
      if (end == '\r') {
        if (q + 1 >= stop) return LineStatus::incomplete;
        if (q[1] == '\n') break;
      }
      q++;
    }
    if (q > start) {
      if (argc == room) return LineStatus::noRoom;
      setArg(args + static_cast<size_t>(argc) * kArgWords, static_cast<size_t>(start - input), q - start);
      argc++;
    }
    p = q + 1;
    if (end == ' ') continue;
    if (end == '\r') p++;
    if (end == 0) {
      // As the end of a string it hides the rest of the line.
      const void* const found = p < stop ? std::memchr(p, '\n', static_cast<size_t>(stop - p)) : nullptr;
      if (found == nullptr) {
        p = q;
        return LineStatus::incomplete;
      }
      p = static_cast<const uint8_t*>(found) + 1;
    }
    return LineStatus::complete;
  }
}

// The most bytes that a line may have before its \n. At least kLineMax + 1 of its bytes are there, without a \n.
int64_t lineMax(const MemcachedTable& table, const uint8_t* line, const FrameLimits& limits) {
  const uint8_t* const stop = line + kLineMax + 1;
  const uint8_t* name = line;
  while (*name == ' ') {
    if (++name - line > static_cast<ptrdiff_t>(kBlanksMax)) return kLineMax;
  }
  const uint8_t* const blank = static_cast<const uint8_t*>(std::memchr(name, ' ', static_cast<size_t>(stop - name)));
  if (blank == nullptr || table.text(name, static_cast<size_t>(blank - name)).keys.last >= 0) return kLineMax;
  const int64_t arguments = std::clamp<int64_t>(limits.argumentsMax, 0, INT32_MAX);
  return std::max<int64_t>(kLineMax, arguments * kLongArgumentBytes);
}

inline bool isBlank(uint8_t c) { return c >= '\t' && c <= '\r'; }

// How many bytes of data an argument announces, -1 for none: a number as strtol reads it, with blanks in front and one behind it that hides the rest.
int64_t announcedBytes(const uint8_t* p, size_t length) {
  const uint8_t* const stop = p + length;
  while (p < stop && isBlank(*p)) p++;
  const bool negative = p < stop && *p == '-';
  if (p < stop && (*p == '-' || *p == '+')) p++;
  const uint8_t* const digits = p;
  int64_t number = 0;
  for (; p < stop && *p >= '0' && *p <= '9'; p++)
    number = std::min<int64_t>(number * 10 + (*p - '0'), kDataBytesMax + 1);
  if (p == digits || (p < stop && !isBlank(*p))) return -1;
  if (number > kDataBytesMax || (negative && number != 0)) return -1;
  return number;
}

inline int32_t dataFlags(const uint8_t* behind) {
  return behind[0] == '\r' && behind[1] == '\n' ? kFlagData : kFlagData | kFlagBadChunk;
}

struct BinaryHeader {
  size_t extras;
  size_t key;
  uint64_t body;
  uint64_t value;
  int32_t flags;

  BinaryHeader(const uint8_t* p, const FrameLimits& limits) {
    key = (size_t{p[2]} << 8) | p[3];
    extras = p[4];
    body = (uint64_t{p[8]} << 24) | (uint64_t{p[9]} << 16) | (uint64_t{p[10]} << 8) | p[11];
    flags = 0;
    value = 0;
    if (key + extras > body) {
      flags = kFlagMalformed;
      key = extras = 0;
    } else {
      value = body - key - extras;
      if (value > static_cast<uint64_t>(std::max<int64_t>(limits.bulkBytesMax, 0))) flags = kFlagTooLarge;
    }
  }

  // Bytes that must be there for a descriptor, and those behind them that are thrown away.
  uint64_t frameBytes() const { return kHeaderBytes + extras + key + (flags == 0 ? value : 0); }
  uint64_t skip() const { return flags == kFlagMalformed ? body : flags == kFlagTooLarge ? value : 0; }

  void writeArgs(int32_t* args, size_t at) const {
    const size_t keyAt = at + kHeaderBytes + extras;
    setArg(args, at, kHeaderBytes);
    setArg(args + kArgWords, keyAt, static_cast<int64_t>(key));
    setArg(args + 2 * kArgWords, at + kHeaderBytes, static_cast<int64_t>(extras));
    setArg(args + 3 * kArgWords, keyAt + key, flags == 0 ? static_cast<int64_t>(value) : 0);
  }
};

constexpr int32_t kBinaryArgs = 4;

}  // namespace

SplitResult Batch::splitText(int32_t connection, const uint8_t* input, uint32_t begin, uint32_t end,
                             const FrameLimits& limits, uint32_t salt) {
  const MemcachedTable& table = settings_.memcached;
  const uint8_t* const stop = input + end;
  const uint8_t* frame = input + begin;
  const auto at = [input](const uint8_t* p) { return static_cast<uint32_t>(p - input); };
  for (;;) {
    if (frame == stop) return SplitResult{SplitStatus::drained, end, 0};
    if (full()) return SplitResult{SplitStatus::full, at(frame), 0};

    int32_t* const args = args_ + size_t{argCount_} * kArgWords;
    const int32_t room = static_cast<int32_t>(argCapacity_ - argCount_);
    const uint8_t* next = frame;
    int32_t argc = 0;
    const LineStatus line = readLine(input, next, stop, args, argc, room);
    if (line == LineStatus::noRoom) return noRoom(at(frame));
    const size_t lineBytes = static_cast<size_t>((line == LineStatus::complete ? next - 1 : stop) - frame);
    if (lineBytes > kLineMax) {
      const bool tooLong = static_cast<int64_t>(lineBytes) > lineMax(table, frame, limits);
      if (tooLong || (line == LineStatus::complete && argc > limits.argumentsMax)) {
        event(connection, kEventProtocolError, static_cast<int32_t>(ProtocolError::lineTooLong), 0);
        return SplitResult{SplitStatus::error, at(frame), 0};
      }
      if (line == LineStatus::incomplete) return SplitResult{SplitStatus::partial, at(frame), UINT64_MAX};
    }
    if (line == LineStatus::incomplete) return SplitResult{SplitStatus::partial, at(frame), 0};

    const MemcachedTable::Entry* entry;
    if (argc > 0) {
      entry = &table.text(input + args[0], static_cast<size_t>(args[1]));
    } else {
      if (room == 0) return noRoom(at(frame));
      setArg(args, at(frame), 0);
      argc = 1;
      entry = &table.unknownText();
    }
    int32_t flags = 0;
    const uint8_t* frameEnd = next;
    uint64_t skip = 0;
    if (entry->dataLength > 0 && entry->dataLength < argc) {
      const int32_t* const announcing = args + static_cast<size_t>(entry->dataLength) * kArgWords;
      const int64_t bytes = announcedBytes(input + announcing[0], static_cast<size_t>(announcing[1]));
      if (bytes > limits.bulkBytesMax) {
        flags = kFlagTooLarge;
        skip = static_cast<uint64_t>(bytes) + 2;
        const size_t gone = std::min<uint64_t>(skip, static_cast<uint64_t>(stop - next));
        frameEnd += gone;
        skip -= gone;
      } else if (bytes >= 0) {
        if (argc == room) return noRoom(at(frame));
        if (stop - next < bytes + 2)
          return SplitResult{SplitStatus::partial, at(frame), static_cast<uint64_t>(next - frame + bytes + 2)};
        setArg(args + static_cast<size_t>(argc) * kArgWords, at(next), bytes);
        argc++;
        flags = dataFlags(next + bytes);
        frameEnd = next + bytes + 2;
      }
    }
    hashKeys(entry->keys, input, args, argc, salt);
    describe(connection, entry->id, argc, at(frame), at(frameEnd), flags);
    argCount_ += static_cast<uint32_t>(argc);
    if (skip > 0) return SplitResult{SplitStatus::drained, end, 0, skip};
    frame = frameEnd;
  }
}

SplitResult Batch::splitBinary(int32_t connection, const uint8_t* input, uint32_t begin, uint32_t end,
                               const FrameLimits& limits, uint32_t salt) {
  uint32_t frame = begin;
  for (;;) {
    if (frame == end) return SplitResult{SplitStatus::drained, end, 0};
    if (full()) return SplitResult{SplitStatus::full, frame, 0};
    const uint8_t* const p = input + frame;
    if (*p != kBinaryRequest) {
      event(connection, kEventProtocolError, static_cast<int32_t>(ProtocolError::badMagic), *p);
      return SplitResult{SplitStatus::error, frame, 0};
    }
    const uint32_t have = end - frame;
    if (have < kHeaderBytes) return SplitResult{SplitStatus::partial, frame, kHeaderBytes};
    const BinaryHeader header(p, limits);
    const uint64_t bytes = header.frameBytes();
    if (have < bytes) return SplitResult{SplitStatus::partial, frame, bytes};
    if (argCapacity_ - argCount_ < static_cast<uint32_t>(kBinaryArgs)) return noRoom(frame);

    int32_t* const args = args_ + size_t{argCount_} * kArgWords;
    header.writeArgs(args, frame);
    const uint64_t skip = header.skip();
    const uint64_t gone = std::min<uint64_t>(skip, have - bytes);
    const uint32_t next = frame + static_cast<uint32_t>(bytes + gone);
    const MemcachedTable::Entry& entry = settings_.memcached.binary(p[1]);
    hashKeys(entry.keys, input, args, kBinaryArgs, salt);
    describe(connection, entry.id, kBinaryArgs, frame, next, header.flags);
    argCount_ += kBinaryArgs;
    if (skip > gone) return SplitResult{SplitStatus::drained, end, 0, skip - gone};
    frame = next;
  }
}

BigFrame::Status BigFrame::advanceText(const FrameLimits& limits) {
  if (entry_ == nullptr) {
    const MemcachedTable& table = settings_.memcached;
    const void* const found = scanned_ < size_ ? std::memchr(data_ + scanned_, '\n', size_ - scanned_) : nullptr;
    const size_t lineBytes = found == nullptr ? size_ : static_cast<size_t>(static_cast<const uint8_t*>(found) - data_);
    const bool isLong = lineBytes > kLineMax;
    if (isLong && static_cast<int64_t>(lineBytes) > lineMax(table, data_, limits))
      return fail(ProtocolError::lineTooLong);
    scanned_ = lineBytes;
    if (found == nullptr) return Status::incomplete;

    position_ = lineBytes + 1;
    const uint8_t* p = data_;
    for (;;) {
      if (readLine(data_, p, data_ + position_, args_, argc_, argCapacity_) == LineStatus::complete) break;
      if (!reserveArgs(argc_ + 1)) return Status::outOfMemory;
      if (isLong && argc_ > limits.argumentsMax) return fail(ProtocolError::lineTooLong);
    }
    if (isLong && argc_ > limits.argumentsMax) return fail(ProtocolError::lineTooLong);
    entry_ = &table.unknownText();
    if (argc_ > 0) {
      entry_ = &table.text(data_ + args_[0], static_cast<size_t>(args_[1]));
    } else if (!addArg(0, 0)) {
      return Status::outOfMemory;
    }
    if (entry_->dataLength <= 0 || entry_->dataLength >= argc_) return finished();
    const int32_t* const announcing = args_ + static_cast<size_t>(entry_->dataLength) * kArgWords;
    const int64_t bytes = announcedBytes(data_ + announcing[0], static_cast<size_t>(announcing[1]));
    if (bytes < 0) return finished();
    if (bytes > limits.bulkBytesMax) {
      flags_ = kFlagTooLarge;
      skip_ = static_cast<uint64_t>(bytes) + 2;
      return finished();
    }
    frameBytes_ = position_ + static_cast<uint64_t>(bytes) + 2;
  }
  if (size_ < frameBytes_) return Status::incomplete;
  const size_t dataEnd = static_cast<size_t>(frameBytes_) - 2;
  flags_ = dataFlags(data_ + dataEnd);
  if (!addArg(position_, dataEnd - position_)) return Status::outOfMemory;
  position_ = static_cast<size_t>(frameBytes_);
  return finished();
}

BigFrame::Status BigFrame::advanceBinary(const FrameLimits& limits) {
  if (data_[0] != kBinaryRequest) return fail(ProtocolError::badMagic, data_[0]);
  frameBytes_ = kHeaderBytes;
  if (size_ < kHeaderBytes) return Status::incomplete;
  const BinaryHeader header(data_, limits);
  frameBytes_ = header.frameBytes();
  if (size_ < frameBytes_) return Status::incomplete;
  if (!reserveArgs(kBinaryArgs)) return Status::outOfMemory;
  header.writeArgs(args_, 0);
  argc_ = kBinaryArgs;
  flags_ = header.flags;
  skip_ = header.skip();
  entry_ = &settings_.memcached.binary(data_[1]);
  position_ = static_cast<size_t>(frameBytes_);
  return finished();
}

}  // namespace ashlar
