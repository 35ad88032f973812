// The protocol's rules a second time, in the plainest way: one pass over a whole stream that lies in memory, copying everything. The splitter must find
// the same commands and errors in the same bytes, however they are cut up.
#pragma once

#include <climits>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "../stream_splitter.h"

namespace ashlar::test {

struct Expected {
  int error = 0;
  int detail = 0;
  bool isInline = false;
  std::vector<std::string> args;

  bool operator==(const Expected&) const = default;
};

class Reference {
 public:
  Reference(std::string stream, FrameLimits limits) : bytes_(std::move(stream)), limits_(limits) {}

  std::vector<Expected> parse() {
    while (at_ < bytes_.size() && (bytes_[at_] == '*' ? multibulk() : inlineCommand())) {
    }
    return std::move(found_);
  }

 private:
  bool error(ProtocolError code, int detail = 0) {
    found_.push_back(Expected{static_cast<int>(code), detail, false, {}});
    return false;
  }

  // The text of a `*` or `$` line without its type; nothing when the line is not there yet or too long (an error, then).
  std::optional<std::string> line(size_t from, ProtocolError tooLong, size_t& next) {
    const size_t end = bytes_.find('\r', from);
    if (end == std::string::npos ? bytes_.size() - from > 65536 : end - from > 65536) {
      error(tooLong);
      return std::nullopt;
    }
    if (end == std::string::npos || end + 1 >= bytes_.size()) return std::nullopt;
    next = end + 2;
    return bytes_.substr(from, end - from);
  }

  static bool number(const std::string& text, long long& value) {
    if (text.empty() || text.size() > 20) return false;
    const bool negative = text[0] == '-';
    const std::string digits = text.substr(negative ? 1 : 0);
    if (digits.empty()) return false;
    if (digits[0] == '0' && (negative || digits.size() > 1)) return false;
    __int128 sum = 0;
    for (const char c : digits) {
      if (c < '0' || c > '9') return false;
      sum = sum * 10 + (c - '0');
    }
    if (negative) sum = -sum;
    if (sum > LLONG_MAX || sum < LLONG_MIN) return false;
    value = static_cast<long long>(sum);
    return true;
  }

  bool multibulk() {
    size_t next = 0;
    const auto head = line(at_, ProtocolError::countLineTooLong, next);
    if (!head) return false;
    long long count = 0;
    if (!number(head->substr(1), count)) return error(ProtocolError::invalidCount);
    if (count > limits_.argumentsMax)
      return error(limits_.unauthenticated() ? ProtocolError::unauthenticatedCount : ProtocolError::invalidCount);
    Expected command;
    size_t p = next;
    for (long long i = 0; i < count; i++) {
      const auto bulk = line(p, ProtocolError::bulkLineTooLong, next);
      if (!bulk) return false;
      if ((*bulk)[0] != '$' || bulk->empty())
        return error(ProtocolError::expectedDollar, static_cast<uint8_t>(bytes_[p]));
      long long length = 0;
      if (!number(bulk->substr(1), length) || length < 0) return error(ProtocolError::invalidBulkLength);
      if (length > limits_.bulkBytesMax)
        return error(limits_.unauthenticated() ? ProtocolError::unauthenticatedBulkLength
                                               : ProtocolError::invalidBulkLength,
                     kAboveLimit);
      if (bytes_.size() - next < static_cast<size_t>(length) + 2) return false;
      command.args.push_back(bytes_.substr(next, static_cast<size_t>(length)));
      p = next + static_cast<size_t>(length) + 2;
    }
    at_ = count > 0 ? p : next;
    if (count > 0) found_.push_back(std::move(command));
    return true;
  }

  static bool blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\v' || c == '\f' || c == '\r'; }

  // The rules of sdssplitargs for a zero-terminated line.
  static bool splitLine(const std::string& text, std::vector<std::string>& out) {
    const char* p = text.c_str();
    for (;;) {
      while (*p != 0 && blank(*p)) p++;
      if (*p == 0) return true;
      std::string token;
      char quote = 0;
      for (bool done = false; !done;) {
        if (quote == '"' && p[0] == '\\' && p[1] == 'x' && isxdigit(static_cast<unsigned char>(p[2])) &&
            isxdigit(static_cast<unsigned char>(p[3]))) {
          token += static_cast<char>(std::stoi(std::string(p + 2, 2), nullptr, 16));
          p += 4;
        } else if (quote == '"' && p[0] == '\\' && p[1] != 0) {
          static const std::string from = "nrtba", to = "\n\r\t\b\a";
          const size_t known = from.find(p[1]);
          token += known == std::string::npos ? p[1] : to[known];
          p += 2;
        } else if (quote == '\'' && p[0] == '\\' && p[1] == '\'') {
          token += '\'';
          p += 2;
        } else if (quote != 0 && *p == 0) {
          return false;
        } else if (quote != 0 && *p == quote) {
          if (p[1] != 0 && !blank(p[1])) return false;
          p++;
          done = true;
        } else if (quote == 0 && (*p == 0 || *p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) {
          done = true;
        } else if (quote == 0 && (*p == '"' || *p == '\'')) {
          quote = *p++;
        } else {
          token += *p++;
        }
      }
      out.push_back(token);
    }
  }

  bool inlineCommand() {
    const size_t end = bytes_.find('\n', at_);
    if (end == std::string::npos ? bytes_.size() - at_ > 65536 : end - at_ > 65536)
      return error(ProtocolError::inlineTooLong);
    if (end == std::string::npos) return false;
    std::string text = bytes_.substr(at_, end - at_);
    if (!text.empty() && text.back() == '\r') text.pop_back();
    Expected command;
    command.isInline = true;
    if (!splitLine(text, command.args)) return error(ProtocolError::unbalancedQuotes);
    if (!command.args.empty()) found_.push_back(std::move(command));
    at_ = end + 1;
    return true;
  }

  const std::string bytes_;
  const FrameLimits limits_;
  size_t at_ = 0;
  std::vector<Expected> found_;
};

}  // namespace ashlar::test
