// Redis's protocol: multibulk frames and inline commands, with Redis's rules.
//
// Almost every line is `*N` or `$N` with a short number, complete and valid. shortNumber() takes those
// without a search for the line's end, and everything else (incomplete, too long, malformed) goes to readNumber(), which knows the rules.
#include <algorithm>
#include <climits>
#include <cstring>

#include "batch.h"
#include "big_frame.h"

namespace ashlar {
namespace {

// Longest line: a `*` or `$` line, or an inline command, has its end among its first 65,537 bytes.
constexpr size_t kLineMax = 65536;

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

inline ProtocolError countError(const FrameLimits& limits) {
  return limits.unauthenticated() ? ProtocolError::unauthenticatedCount : ProtocolError::invalidCount;
}
inline ProtocolError bulkError(const FrameLimits& limits) {
  return limits.unauthenticated() ? ProtocolError::unauthenticatedBulkLength : ProtocolError::invalidBulkLength;
}

}  // namespace

SplitResult Batch::splitResp(int32_t connection, uint8_t* input, uint32_t begin, uint32_t end,
                             const FrameLimits& limits, uint32_t salt) {
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
      if (argCount_ + static_cast<uint64_t>(count) > argCapacity_) return noRoom(static_cast<uint32_t>(frame - input));
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
        if (length > limits.bulkBytesMax) return fail(bulkError(limits), kAboveLimit);
        if (stop - q < length + 2) {
          return result(SplitStatus::partial, static_cast<uint64_t>(q - frame) + static_cast<uint64_t>(length) + 2);
        }
        setArg(arg, static_cast<size_t>(q - input), length);
        p = q + length + 2;
      }
      describeResp(connection, input, static_cast<uint32_t>(frame - input), static_cast<uint32_t>(p - input), args,
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
        return noRoom(static_cast<uint32_t>(frame - input));
      }
      setArg(args_ + (argCount_ + argc) * kArgWords, static_cast<size_t>(token - input), tokenEnd - token);
      argc++;
    }
    const uint8_t* const next = newline + 1;
    if (argc > 0) {
      describeResp(connection, input, static_cast<uint32_t>(frame - input), static_cast<uint32_t>(next - input),
                   args_ + argCount_ * kArgWords, static_cast<int32_t>(argc), kFlagInline, salt);
      argCount_ += argc;
    }
    frame = next;
  }
}

BigFrame::Status BigFrame::advanceInline() {
  flags_ = kFlagInline;
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
    if (!addArg(static_cast<size_t>(token - data_), static_cast<size_t>(tokenEnd - token))) return Status::outOfMemory;
  }
  if (argc_ == 0) return Status::skipped;
  return finished();
}

BigFrame::Status BigFrame::advanceResp(const FrameLimits& limits) {
  const uint8_t* const stop = data_ + size_;
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
      if (length > limits.bulkBytesMax) return fail(bulkError(limits), kAboveLimit);
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
  return finished();
}

}  // namespace ashlar
