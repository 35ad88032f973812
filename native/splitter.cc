// The splitting loops; splitter.h says what goes in and out.
//
// Almost every line of the protocol is `*N` or `$N` with a short number, complete and valid. shortNumber() takes those
// without a search for the line's end, and everything else (incomplete, too long, malformed) goes to readNumber(), which knows Redis's rules.
#include "splitter.h"

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <cstring>

#include "hash.h"

namespace ashlar {
namespace {

// A number of at most nine digits without a leading zero, a \r, and one more byte, all before `end`. On success `p` is moved past them.
// May look at up to ten bytes from p on, whatever `end` is.
inline bool shortNumber(const uint8_t*& p, const uint8_t* end, int64_t& value) {
  const uint8_t* q = p;
  uint32_t digit = static_cast<uint32_t>(*q) - '0';
  if (digit > 9) return false;
  uint32_t number = digit;
  q++;
  while ((digit = static_cast<uint32_t>(*q) - '0') <= 9) {
    if (number == 0 || q - p >= 9) return false;
    number = number * 10 + digit;
    q++;
  }
  if (*q != '\r' || q + 2 > end) return false;
  value = number;
  p = q + 2;
  return true;
}

enum class Line { incomplete, tooLong, invalid, number };

// The line from `line` (its first byte is the type) on, whose first `searched` bytes are known to hold no \r. The byte behind the \r
// is taken for a \n without a look at it, as Redis does.
Line readNumber(const uint8_t* line, const uint8_t* end, size_t searched, int64_t& value, const uint8_t*& next) {
  const size_t size = static_cast<size_t>(end - line);
  const size_t within = std::min(size, kLineMax + 1);
  const void* found = searched < within ? std::memchr(line + searched, '\r', within - searched) : nullptr;
  if (found == nullptr) return size > kLineMax ? Line::tooLong : Line::incomplete;
  const uint8_t* const stop = static_cast<const uint8_t*>(found);
  if (stop + 2 > end) return Line::incomplete;
  next = stop + 2;
  const uint8_t* p = line + 1;
  const ptrdiff_t length = stop - p;
  if (length <= 0 || length > 20) return Line::invalid;
  const bool negative = *p == '-';
  if (negative) p++;
  if (p == stop) return Line::invalid;
  if (*p == '0') {
    if (negative || stop - p != 1) return Line::invalid;
    value = 0;
    return Line::number;
  }
  uint64_t number = 0;
  for (; p < stop; p++) {
    const uint32_t digit = static_cast<uint32_t>(*p) - '0';
    if (digit > 9) return Line::invalid;
    if (number > (UINT64_MAX - digit) / 10) return Line::invalid;
    number = number * 10 + digit;
  }
  if (number > static_cast<uint64_t>(INT64_MAX) + (negative ? 1 : 0)) return Line::invalid;
  value = negative ? -static_cast<int64_t>(number - 1) - 1 : static_cast<int64_t>(number);
  return Line::number;
}

// C locale's isspace.
inline bool isBlank(uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

inline int hexDigit(uint8_t c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

inline uint8_t escaped(uint8_t c) {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case 'a':
      return '\a';
    default:
      return c;
  }
}

// Takes the next token of an inline command as sdssplitargs does, decoding it in place. A zero byte ends the line. Returns 1 for a token, 0 at the
// end, -1 for unbalanced quotes. At the line's end the byte read as the next one is 0, so nothing behind it matters.
int nextToken(uint8_t*& p, uint8_t* const end, uint8_t*& token, uint8_t*& tokenEnd) {
  const auto at = [end](const uint8_t* q) -> uint8_t { return q < end ? *q : 0; };
  while (p < end && isBlank(*p)) p++;
  if (at(p) == 0) return 0;
  uint8_t* out = p;
  token = p;
  enum { plain, doubled, single } mode = plain;
  for (;;) {
    const uint8_t c = at(p);
    if (mode == plain) {
      if (c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == 0) {
        if (c != 0) p++;
        break;
      }
      if (c == '"') {
        mode = doubled;
      } else if (c == '\'') {
        mode = single;
      } else {
        *out++ = c;
      }
      p++;
      continue;
    }
    if (c == 0) return -1;
    if (mode == doubled && c == '\\' && at(p + 1) != 0) {
      const int high = at(p + 1) == 'x' ? hexDigit(at(p + 2)) : -1;
      const int low = high >= 0 ? hexDigit(at(p + 3)) : -1;
      if (low >= 0) {
        *out++ = static_cast<uint8_t>(high * 16 + low);
        p += 4;
      } else {
        *out++ = escaped(at(p + 1));
        p += 2;
      }
      continue;
    }
    if (mode == single && c == '\\' && at(p + 1) == '\'') {
      *out++ = '\'';
      p += 2;
      continue;
    }
    if (c == (mode == doubled ? '"' : '\'')) {
      // A closing quote is followed by a blank or by nothing.
      const uint8_t after = at(p + 1);
      if (after != 0 && !isBlank(after)) return -1;
      p++;
      if (after != 0) p++;
      break;
    }
    *out++ = c;
    p++;
  }
  tokenEnd = out;
  return 1;
}

inline void setArg(int32_t* arg, size_t offset, int64_t length) {
  arg[0] = static_cast<int32_t>(offset);
  arg[1] = static_cast<int32_t>(length);
  arg[2] = 0;
  arg[3] = 0;
}

inline ProtocolError countError(const FrameLimits& limits) {
  return limits.unauthenticated() ? ProtocolError::unauthenticatedCount : ProtocolError::invalidCount;
}
inline ProtocolError bulkError(const FrameLimits& limits) {
  return limits.unauthenticated() ? ProtocolError::unauthenticatedBulkLength : ProtocolError::invalidBulkLength;
}

// Smallest argument on the wire: "$0\r\n\r\n".
constexpr uint64_t kArgBytesMin = 6;

}  // namespace

Batch::Batch(const SplitterSettings& settings, int32_t* commands, uint32_t commandCapacity, int32_t* args,
             uint32_t argCapacity, uint32_t commandsMax, uint32_t keysMax)
    : settings_(settings),
      commands_(commands),
      args_(args),
      argCapacity_(argCapacity),
      commandsMax_(std::min(commandCapacity, commandsMax)),
      keysMax_(keysMax) {
  keyRefs_.resize(keysMax);
}

void Batch::clear() {
  commandCount_ = 0;
  argCount_ = 0;
  keyCount_ = 0;
  keyRefCount_ = 0;
  exhausted_ = false;
  if (!originals_.empty()) {
    originals_.clear();
    originalBytes_.clear();
  }
}

// Looks up the command, hashes its keys, and writes the descriptor. The arguments are in place already.
inline void Batch::finish(int32_t connection, const uint8_t* input, uint32_t frameStart, uint32_t frameEnd,
                          int32_t* args, int32_t argc, int32_t flags, uint32_t salt) {
  const int32_t id = settings_.names.find(input + args[0], static_cast<size_t>(args[1]));
  if (id >= 0) {
    const KeyPositions& keys = settings_.names.keys(id);
    if (keys.first > 0) {
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
  }
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

void Batch::event(int32_t connection, int32_t event, int32_t word2, int32_t word3) {
  int32_t* const command = commands_ + commandCount_ * kCommandWords;
  command[0] = connection;
  command[1] = event;
  command[2] = word2;
  command[3] = word3;
  command[4] = command[5] = command[6] = command[7] = 0;
  commandCount_++;
}

void Batch::big(int32_t connection, BigFrame& frame, uint32_t salt) {
  finish(connection, frame.data(), 0, static_cast<uint32_t>(frame.frameBytes()), frame.args(), frame.argc(),
         kFlagBig | (frame.isInline() ? kFlagInline : 0), salt);
}

void Batch::restore(uint8_t* input, uint32_t begin, uint32_t end) const {
  for (const Original& original : originals_) {
    if (original.offset >= begin && original.offset < end)
      std::memcpy(input + original.offset, originalBytes_.data() + original.at, original.length);
  }
}

SplitResult Batch::split(int32_t connection, uint8_t* input, uint32_t begin, uint32_t end, const FrameLimits& limits,
                         uint32_t salt) {
  const uint8_t* const stop = input + end;
  const uint8_t* frame = input + begin;
  const auto result = [&](SplitStatus status, uint64_t announced = 0) {
    return SplitResult{status, static_cast<uint32_t>(frame - input), announced};
  };
  const auto fail = [&](ProtocolError error, int32_t detail = 0) {
    event(connection, kEventProtocolError, static_cast<int32_t>(error), detail);
    return result(SplitStatus::error);
  };
  for (;;) {
    if (frame == stop) return result(SplitStatus::drained);
    if (full()) return result(SplitStatus::full);
    const uint8_t* p = frame;

    if (*p == '*') {
      int64_t count;
      p++;
      if (!shortNumber(p, stop, count)) {
        switch (readNumber(frame, stop, 0, count, p)) {
          case Line::incomplete:
            return result(SplitStatus::partial);
          case Line::tooLong:
            return fail(ProtocolError::countLineTooLong);
          case Line::invalid:
            return fail(ProtocolError::invalidCount);
          case Line::number:
            break;
        }
      }
      if (count > limits.argumentsMax) return fail(countError(limits));
      if (count <= 0) {
        frame = p;
        continue;
      }
      // More arguments than the array has at all: a frame for a buffer of its own, whatever its size.
      if (count > argCapacity_) return result(SplitStatus::partial, UINT64_MAX);
      if (argCount_ + static_cast<uint64_t>(count) > argCapacity_) {
        exhausted_ = true;
        return result(SplitStatus::full);
      }
      int32_t* const args = args_ + argCount_ * kArgWords;
      int32_t* arg = args;
      int32_t* const argsEnd = args + count * kArgWords;
      for (; arg < argsEnd; arg += kArgWords) {
        if (p >= stop) return result(SplitStatus::partial);
        int64_t length;
        const uint8_t* q = p + 1;
        if (*p != '$' || !shortNumber(q, stop, length)) {
          switch (readNumber(p, stop, 0, length, q)) {
            case Line::incomplete:
              return result(SplitStatus::partial);
            case Line::tooLong:
              return fail(ProtocolError::bulkLineTooLong);
            case Line::invalid:
              if (*p != '$') return fail(ProtocolError::expectedDollar, *p);
              return fail(ProtocolError::invalidBulkLength);
            case Line::number:
              if (*p != '$') return fail(ProtocolError::expectedDollar, *p);
              break;
          }
        }
        if (length < 0) return fail(ProtocolError::invalidBulkLength);
        if (length > limits.bulkBytesMax) return fail(bulkError(limits));
        if (stop - q < length + 2) {
          return result(SplitStatus::partial, static_cast<uint64_t>(q - frame) + static_cast<uint64_t>(length) + 2);
        }
        setArg(arg, static_cast<size_t>(q - input), length);
        p = q + length + 2;
      }
      finish(connection, input, static_cast<uint32_t>(frame - input), static_cast<uint32_t>(p - input), args,
             static_cast<int32_t>(count), 0, salt);
      argCount_ += static_cast<uint32_t>(count);
      frame = p;
      continue;
    }

    // Inline.
    const size_t size = static_cast<size_t>(stop - frame);
    const uint8_t* const newline = static_cast<const uint8_t*>(std::memchr(frame, '\n', std::min(size, kLineMax + 1)));
    if (newline == nullptr) {
      if (size > kLineMax) return fail(ProtocolError::inlineTooLong);
      return result(SplitStatus::partial);
    }
    uint8_t* const line = input + (frame - input);
    uint8_t* lineEnd = line + (newline - frame);
    if (lineEnd > line && lineEnd[-1] == '\r') lineEnd--;
    const size_t lineSize = static_cast<size_t>(lineEnd - line);
    const bool quoted = std::memchr(line, '"', lineSize) != nullptr || std::memchr(line, '\'', lineSize) != nullptr;
    if (quoted) {
      originals_.push_back(
          Original{static_cast<uint32_t>(line - input), static_cast<uint32_t>(lineSize), originalBytes_.size()});
      originalBytes_.insert(originalBytes_.end(), line, lineEnd);
    }
    uint8_t* at = line;
    uint32_t argc = 0;
    for (;;) {
      uint8_t* token;
      uint8_t* tokenEnd;
      const int found = nextToken(at, lineEnd, token, tokenEnd);
      if (found < 0) return fail(ProtocolError::unbalancedQuotes);
      if (found == 0) break;
      if (argCount_ + argc >= argCapacity_) {
        if (quoted) {
          std::memcpy(line, originalBytes_.data() + originals_.back().at, lineSize);
          originalBytes_.resize(originals_.back().at);
          originals_.pop_back();
        }
        if (argCount_ == 0) return result(SplitStatus::partial, UINT64_MAX);
        exhausted_ = true;
        return result(SplitStatus::full);
      }
      setArg(args_ + (argCount_ + argc) * kArgWords, static_cast<size_t>(token - input), tokenEnd - token);
      argc++;
    }
    const uint8_t* const next = newline + 1;
    if (argc > 0) {
      finish(connection, input, static_cast<uint32_t>(frame - input), static_cast<uint32_t>(next - input),
             args_ + argCount_ * kArgWords, static_cast<int32_t>(argc), kFlagInline, salt);
      argCount_ += argc;
    }
    frame = next;
  }
}

BigFrame::~BigFrame() {
  std::free(data_);
  std::free(args_);
}

bool BigFrame::reserve(size_t capacity) {
  if (capacity <= capacity_) return true;
  const size_t wanted = std::max(capacity, std::max(capacity_ * 2, size_t{4096}));
  void* const grown = std::realloc(data_, wanted + kSlack);
  if (grown == nullptr) return false;
  data_ = static_cast<uint8_t*>(grown);
  capacity_ = wanted;
  return true;
}

bool BigFrame::append(const uint8_t* bytes, size_t count) {
  if (!reserve(size_ + count)) return false;
  std::memcpy(data_ + size_, bytes, count);
  size_ += count;
  return true;
}

uint8_t* BigFrame::room(size_t most, size_t& available) {
  // What the frame surely lacks. While a line's end is looked for nothing is sure, and a little is read ahead.
  uint64_t lacking = 4096;
  if (argsLeft_ > 0) {
    const uint64_t have = size_ - position_;
    const uint64_t need =
        bulkLength_ >= 0 ? static_cast<uint64_t>(bulkLength_) + 2 + static_cast<uint64_t>(argsLeft_ - 1) * kArgBytesMin
                         : static_cast<uint64_t>(argsLeft_) * kArgBytesMin;
    lacking = need > have ? need - have : 1;
  }
  if (size_ == capacity_ && !reserve(capacity_ * 2)) return nullptr;
  available = std::min<uint64_t>(std::min<uint64_t>(lacking, most), capacity_ - size_);
  return data_ + size_;
}

bool BigFrame::addArg(size_t offset, size_t length) {
  if (argc_ == argCapacity_) {
    const int32_t capacity = argCapacity_ == 0 ? 16 : argCapacity_ * 2;
    void* const grown = std::realloc(args_, static_cast<size_t>(capacity) * kArgWords * sizeof(int32_t));
    if (grown == nullptr) return false;
    args_ = static_cast<int32_t*>(grown);
    argCapacity_ = capacity;
  }
  setArg(args_ + static_cast<size_t>(argc_) * kArgWords, offset, static_cast<int64_t>(length));
  argc_++;
  return true;
}

BigFrame::Status BigFrame::fail(ProtocolError error, int32_t detail) {
  error_ = error;
  detail_ = detail;
  return Status::error;
}

BigFrame::Status BigFrame::advance(const FrameLimits& limits) {
  const uint8_t* const stop = data_ + size_;
  if (size_ == 0 || complete_) return complete_ ? Status::complete : Status::incomplete;
  // Reserved bytes behind the data are looked at by the name look-up; they are given a value once per call.
  std::memset(data_ + size_, 0, std::min<size_t>(kSlack, capacity_ + kSlack - size_));

  if (argsLeft_ < 0 && data_[0] != '*') {
    inline_ = true;
    const size_t within = std::min(size_, kLineMax + 1);
    const void* const found = scanned_ < within ? std::memchr(data_ + scanned_, '\n', within - scanned_) : nullptr;
    if (found == nullptr) {
      scanned_ = within;
      return size_ > kLineMax ? fail(ProtocolError::inlineTooLong) : Status::incomplete;
    }
    uint8_t* lineEnd = data_ + (static_cast<const uint8_t*>(found) - data_);
    position_ = static_cast<size_t>(lineEnd - data_) + 1;
    if (lineEnd > data_ && lineEnd[-1] == '\r') lineEnd--;
    uint8_t* at = data_;
    for (;;) {
      uint8_t* token;
      uint8_t* tokenEnd;
      const int taken = nextToken(at, lineEnd, token, tokenEnd);
      if (taken < 0) return fail(ProtocolError::unbalancedQuotes);
      if (taken == 0) break;
      if (!addArg(static_cast<size_t>(token - data_), static_cast<size_t>(tokenEnd - token)))
        return Status::outOfMemory;
    }
    if (argc_ == 0) return Status::skipped;
    complete_ = true;
    return Status::complete;
  }

  const uint8_t* next;
  if (argsLeft_ < 0) {
    int64_t count = 0;
    switch (readNumber(data_, stop, scanned_, count, next)) {
      case Line::incomplete:
        // The last byte may be the \r whose successor is still to come.
        scanned_ = size_ > 1 ? size_ - 1 : 0;
        return Status::incomplete;
      case Line::tooLong:
        return fail(ProtocolError::countLineTooLong);
      case Line::invalid:
        return fail(ProtocolError::invalidCount);
      case Line::number:
        break;
    }
    if (count > limits.argumentsMax) return fail(countError(limits));
    position_ = static_cast<size_t>(next - data_);
    if (count <= 0) return Status::skipped;
    argsLeft_ = count;
    scanned_ = position_;
  }

  while (argsLeft_ > 0) {
    if (bulkLength_ < 0) {
      const uint8_t* const line = data_ + position_;
      int64_t length = 0;
      const Line kind = readNumber(line, stop, scanned_ - position_, length, next);
      if (kind == Line::incomplete) {
        scanned_ = size_ > position_ ? std::max(position_, size_ - 1) : position_;
        return Status::incomplete;
      }
      if (kind == Line::tooLong) return fail(ProtocolError::bulkLineTooLong);
      if (*line != '$') return fail(ProtocolError::expectedDollar, *line);
      if (kind == Line::invalid || length < 0) return fail(ProtocolError::invalidBulkLength);
      if (length > limits.bulkBytesMax) return fail(bulkError(limits));
      bulkLength_ = length;
      position_ = static_cast<size_t>(next - data_);
    }
    if (size_ - position_ < static_cast<uint64_t>(bulkLength_) + 2) return Status::incomplete;
    if (!addArg(position_, static_cast<size_t>(bulkLength_))) return Status::outOfMemory;
    position_ += static_cast<size_t>(bulkLength_) + 2;
    scanned_ = position_;
    bulkLength_ = -1;
    argsLeft_--;
  }
  complete_ = true;
  return Status::complete;
}

ArenaSizes::ArenaSizes(size_t arenaBytes) {
  const size_t bytes = std::min<size_t>(arenaBytes, 0x7fffffff);
  usable = static_cast<uint32_t>(bytes > kSlack ? bytes - kSlack : 0);
  chunkMax = std::max<uint32_t>(1, std::min<uint32_t>(65536, usable / 4));
  tailMax = std::min<uint32_t>(32768, usable / 4);
}

bool FrameInput::save(const uint8_t* bytes, uint32_t count) {
  if (count > savedCapacity) {
    std::free(saved);
    savedCapacity = 0;
    saved = static_cast<uint8_t*>(std::malloc(count));
    if (saved == nullptr) return false;
    savedCapacity = count;
  }
  std::memmove(saved, bytes, count);
  savedSize = count;
  return true;
}

void FrameInput::dropSaved() {
  std::free(saved);
  saved = nullptr;
  savedSize = savedCapacity = 0;
}

void FrameInput::clear() {
  dropSaved();
  delete big;
  big = nullptr;
}

BigFrame::Status FrameInput::keepPartial(const uint8_t* bytes, uint32_t count, uint64_t announced,
                                         const ArenaSizes& sizes, const FrameLimits& limits) {
  if (count <= sizes.tailMax && announced <= sizes.tailMax)
    return save(bytes, count) ? BigFrame::Status::incomplete : BigFrame::Status::outOfMemory;
  dropSaved();
  big = new BigFrame();
  if (!big->append(bytes, count)) return BigFrame::Status::outOfMemory;
  return big->advance(limits);
}

StreamSplitter::StreamSplitter(SplitterSettings settings, FrameLimits limits, size_t arenaBytes, uint32_t argCapacity,
                               uint32_t commandsMax)
    : settings_(std::move(settings)),
      limits_(limits),
      sizes_(arenaBytes),
      arena_(std::max<size_t>(arenaBytes, 64)),
      commands_(size_t{commandsMax} * kCommandWords),
      args_(size_t{argCapacity} * kArgWords),
      batch_(settings_, commands_.data(), commandsMax, args_.data(), argCapacity, commandsMax, 1024) {}

void StreamSplitter::collect(std::vector<Command>& out) {
  for (uint32_t i = 0; i < batch_.count(); i++) {
    const int32_t* const word = commands_.data() + i * kCommandWords;
    Command command{word[1], word[2], word[6], 0, {}};
    if (word[1] == kEventProtocolError) {
      command.detail = word[3];
    } else {
      const bool big = (word[6] & kFlagBig) != 0;
      const uint8_t* const bytes = big ? input_.big->data() : arena_.data();
      const int32_t* arg = big ? input_.big->args() : args_.data() + static_cast<size_t>(word[3]) * kArgWords;
      for (int32_t k = 0; k < word[2]; k++, arg += kArgWords) {
        command.args.push_back(Argument{std::vector<uint8_t>(bytes + arg[0], bytes + arg[0] + arg[1]),
                                        static_cast<uint32_t>(arg[2]), static_cast<uint32_t>(arg[3])});
      }
    }
    out.push_back(std::move(command));
  }
  batch_.clear();
}

void StreamSplitter::splitArena(uint32_t end, std::vector<Command>& out) {
  uint32_t begin = 0;
  for (;;) {
    const SplitResult split = batch_.split(0, arena_.data(), begin, end, limits_, 0);
    collect(out);
    if (split.status == SplitStatus::full) {
      begin = split.consumed;
      continue;
    }
    if (split.status == SplitStatus::error) failed_ = true;
    if (split.status != SplitStatus::partial) {
      input_.dropSaved();
      return;
    }
    afterBig(input_.keepPartial(arena_.data() + split.consumed, end - split.consumed, split.announced, sizes_, limits_),
             out);
    return;
  }
}

// What a big frame's progress means for the stream. Bytes beyond the frame are split like received ones.
void StreamSplitter::afterBig(BigFrame::Status status, std::vector<Command>& out) {
  if (status == BigFrame::Status::incomplete) return;
  if (status == BigFrame::Status::error) {
    batch_.event(0, kEventProtocolError, static_cast<int32_t>(input_.big->error()), input_.big->errorDetail());
    collect(out);
  } else if (status == BigFrame::Status::complete) {
    batch_.big(0, *input_.big, 0);
    collect(out);
  }
  if (status == BigFrame::Status::error || status == BigFrame::Status::outOfMemory) {
    failed_ = true;
    input_.clear();
    return;
  }
  BigFrame* const done = input_.big;
  input_.big = nullptr;
  const size_t rest = done->size() - done->frameBytes();
  const uint8_t* bytes = done->data() + done->frameBytes();
  feed(bytes, rest, out);
  delete done;
}

void StreamSplitter::feed(const uint8_t* bytes, size_t count, std::vector<Command>& out) {
  while (count > 0 && !failed_) {
    size_t taken;
    if (input_.big != nullptr) {
      uint8_t* const room = input_.big->room(sizes_.chunkMax, taken);
      if (room == nullptr) {
        failed_ = true;
        return;
      }
      taken = std::min(taken, count);
      std::memcpy(room, bytes, taken);
      input_.big->grew(taken);
      afterBig(input_.big->advance(limits_), out);
    } else {
      taken = std::min<size_t>(count, sizes_.chunkMax);
      const uint32_t before = input_.savedSize;
      if (before > 0) std::memcpy(arena_.data(), input_.saved, before);
      std::memcpy(arena_.data() + before, bytes, taken);
      splitArena(before + static_cast<uint32_t>(taken), out);
    }
    bytes += taken;
    count -= taken;
  }
}

}  // namespace ashlar
