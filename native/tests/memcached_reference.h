// Memcached's rules a second time, in the plainest way: one pass over a whole stream that lies in memory, copying everything. The splitter must find
// the same commands and errors in the same bytes, however they are cut up.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "../hash.h"
#include "../stream_splitter.h"

namespace ashlar::test {

inline constexpr int32_t kBase = 40;
inline constexpr uint32_t kMemcachedKey0 = 0x12345678;
inline constexpr uint32_t kMemcachedKey1 = 0x9abcdef0;

struct MemcachedCommand {
  const char* name;
  KeyPositions keys;
  int32_t dataLength;
  // -2: a command of the text protocol.
  int32_t opcode;
};

inline const std::vector<MemcachedCommand>& memcachedCommands() {
  static const std::vector<MemcachedCommand> all = {
      {"get", {1, -1, 1}, 0, -2},
      {"gats", {2, -1, 1}, 0, -2},
      {"set", {1, 1, 1}, 4, -2},
      {"ms", {1, 1, 1}, 2, -2},
      {"mg", {1, 1, 1}, 0, -2},
      {"version", {0, 0, 0}, 0, -2},
      {"unknown", {0, 0, 0}, 0, -2},
      {"a_name_beyond_16", {1, 1, 1}, 0, -2},
      {"a_name_beyond_16_bytes", {1, 1, 1}, 0, -2},
      {"unknown", {0, 0, 0}, 0, -1},
      {"get", {1, 1, 1}, 0, 0},
      {"set", {1, 1, 1}, 0, 1},
      {"noop", {0, 0, 0}, 0, 10},
      {"top", {1, 1, 1}, 0, 255},
  };
  return all;
}

inline SplitterSettings memcachedSettings() {
  SplitterSettings made;
  made.memcached = MemcachedTable(kBase);
  for (const MemcachedCommand& command : memcachedCommands()) {
    if (command.opcode == -2) {
      made.memcached.addText(command.name, command.keys, command.dataLength);
    } else {
      made.memcached.addBinary(command.opcode, command.keys);
    }
  }
  made.k0 = kMemcachedKey0;
  made.k1 = kMemcachedKey1;
  return made;
}

// A number in big-endian bytes.
inline std::string number(size_t value, size_t bytes) {
  std::string out(bytes, '\0');
  for (size_t i = bytes; i-- > 0; value >>= 8) out[i] = static_cast<char>(value & 255);
  return out;
}

// The 24 bytes in front of a binary request.
inline std::string header(int opcode, size_t keyBytes, size_t extrasBytes, size_t bodyBytes) {
  return std::string("\x80") + static_cast<char>(opcode) + number(keyBytes, 2) + number(extrasBytes, 1) +
         std::string(3, '\0') + number(bodyBytes, 4) + "opaq" + number(77, 8);
}

inline std::string binary(int opcode, const std::string& key = "", const std::string& extras = "",
                          const std::string& value = "") {
  return header(opcode, key.size(), extras.size(), key.size() + extras.size() + value.size()) + extras + key + value;
}

struct MemcachedFrame {
  int32_t command = 0;
  int32_t flags = 0;
  // Of an error: its code and its detail.
  int32_t error = 0;
  int32_t detail = 0;
  std::vector<std::string> args;
  // As far as they are keys.
  std::vector<uint32_t> hashes;
  std::vector<uint32_t> slots;

  bool operator==(const MemcachedFrame&) const = default;
};

class MemcachedReference {
 public:
  MemcachedReference(std::string stream, int32_t speaks, FrameLimits limits)
      : bytes_(std::move(stream)), limits_(limits), binary_(speaks == kSpeaksMemcachedBinary) {
    if (speaks == kSpeaksMemcached) binary_ = !bytes_.empty() && bytes_[0] == '\x80';
  }

  std::vector<MemcachedFrame> parse() {
    while (at_ < bytes_.size() && (binary_ ? frame() : line())) {
    }
    return std::move(found_);
  }

 private:
  bool error(int32_t code, int32_t detail) {
    MemcachedFrame made;
    made.command = kEventProtocolError;
    made.error = code;
    made.detail = detail;
    found_.push_back(std::move(made));
    return false;
  }

  static size_t indexOf(const std::string& name, int32_t opcode) {
    const auto& all = memcachedCommands();
    size_t unknown = 0;
    for (size_t i = 0; i < all.size(); i++) {
      const bool isText = all[i].opcode == -2;
      if (isText != (opcode == -2)) continue;
      if (isText ? all[i].name == name : all[i].opcode == opcode) return i;
      if (isText ? all[i].name == std::string("unknown") : all[i].opcode == -1) unknown = i;
    }
    return unknown;
  }

  void command(size_t index, int32_t flags, std::vector<std::string> args) {
    const KeyPositions& keys = memcachedCommands()[index].keys;
    MemcachedFrame made;
    made.command = kBase + static_cast<int32_t>(index);
    made.flags = flags;
    const int count = static_cast<int>(args.size());
    const int last = std::min(keys.last < 0 ? count + keys.last : keys.last, count - 1);
    for (int i = 0; i < count; i++) {
      const auto* const key = reinterpret_cast<const uint8_t*>(args[static_cast<size_t>(i)].data());
      const size_t length = args[static_cast<size_t>(i)].size();
      const bool isKey = keys.first > 0 && i >= keys.first && i <= last;
      made.hashes.push_back(isKey ? halfSipHash(key, length, kMemcachedKey0, kMemcachedKey1) : 0);
      made.slots.push_back(isKey ? keySlot(key, length) : 0);
    }
    made.args = std::move(args);
    found_.push_back(std::move(made));
  }

  // How many bytes a line that begins at at_ may have.
  size_t longest() const {
    const std::string head = bytes_.substr(at_, 2049);
    const size_t name = head.find_first_not_of(' ');
    if (name == std::string::npos || name > 100) return 2048;
    const size_t blank = head.find(' ', name);
    if (blank == std::string::npos) return 2048;
    if (memcachedCommands()[indexOf(head.substr(name, blank - name), -2)].keys.last >= 0) return 2048;
    return std::max<size_t>(2048, static_cast<size_t>(limits_.argumentsMax) * 251);
  }

  // -1 when it is no length.
  static int64_t length(const std::string& text) {
    size_t i = 0;
    const auto blank = [&text](size_t at) {
      return at < text.size() && std::string("\t\v\f\r").find(text[at]) != std::string::npos;
    };
    while (blank(i)) i++;
    const bool signedNumber = i < text.size() && (text[i] == '+' || text[i] == '-');
    const bool negative = signedNumber && text[i] == '-';
    if (signedNumber) i++;
    std::string digits;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9') digits += text[i++];
    if (digits.empty() || (i < text.size() && !blank(i))) return -1;
    digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
    if (digits.size() > 10) return -1;
    const int64_t number = digits.empty() ? 0 : std::stoll(digits);
    return number > 2147483645 || (negative && number != 0) ? -1 : number;
  }

  bool line() {
    const size_t end = bytes_.find('\n', at_);
    const size_t size = (end == std::string::npos ? bytes_.size() : end) - at_;
    if (size > 2048 && size > longest()) return error(20, 0);
    if (end == std::string::npos) return false;
    std::string text = bytes_.substr(at_, size);
    if (!text.empty() && text.back() == '\r') text.pop_back();
    text = text.substr(0, text.find('\0'));
    std::vector<std::string> args;
    for (size_t i = 0; i < text.size();) {
      const size_t stop = std::min(text.find(' ', i), text.size());
      if (stop > i) args.push_back(text.substr(i, stop - i));
      i = stop + 1;
    }
    if (size > 2048 && static_cast<int64_t>(args.size()) > limits_.argumentsMax) return error(20, 0);
    if (args.empty()) args.emplace_back();
    const size_t index = indexOf(args[0], -2);
    const size_t counted = static_cast<size_t>(memcachedCommands()[index].dataLength);
    const int64_t bytes = counted > 0 && counted < args.size() ? length(args[counted]) : -1;
    at_ = end + 1;
    int32_t flags = 0;
    if (bytes > limits_.bulkBytesMax) {
      flags = kFlagTooLarge;
      at_ += static_cast<size_t>(bytes) + 2;
    } else if (bytes >= 0) {
      if (bytes_.size() - at_ < static_cast<size_t>(bytes) + 2) return false;
      args.push_back(bytes_.substr(at_, static_cast<size_t>(bytes)));
      at_ += static_cast<size_t>(bytes) + 2;
      flags = bytes_.substr(at_ - 2, 2) == "\r\n" ? kFlagData : kFlagData | kFlagBadChunk;
    }
    command(index, flags, std::move(args));
    return true;
  }

  size_t byte(size_t offset) const { return static_cast<uint8_t>(bytes_[at_ + offset]); }

  bool frame() {
    if (byte(0) != 0x80) return error(21, static_cast<int32_t>(byte(0)));
    if (bytes_.size() - at_ < 24) return false;
    const size_t keys = byte(2) * 256 + byte(3);
    const size_t extras = byte(4);
    const size_t body = ((byte(8) * 256 + byte(9)) * 256 + byte(10)) * 256 + byte(11);
    const size_t index = indexOf("", static_cast<int32_t>(byte(1)));
    const std::string header = bytes_.substr(at_, 24);
    if (keys + extras > body) {
      command(index, kFlagMalformed, {header, "", "", ""});
      at_ += 24 + body;
      return true;
    }
    const size_t value = body - keys - extras;
    const bool tooLarge = value > static_cast<size_t>(limits_.bulkBytesMax);
    if (bytes_.size() - at_ < 24 + extras + keys + (tooLarge ? 0 : value)) return false;
    const size_t keyAt = at_ + 24 + extras;
    command(index, tooLarge ? kFlagTooLarge : 0,
            {header, bytes_.substr(keyAt, keys), bytes_.substr(at_ + 24, extras),
             tooLarge ? "" : bytes_.substr(keyAt + keys, value)});
    at_ += 24 + body;
    return true;
  }

  const std::string bytes_;
  const FrameLimits limits_;
  bool binary_;
  size_t at_ = 0;
  std::vector<MemcachedFrame> found_;
};

// What the splitter found, without the difference that a buffer makes.
inline std::vector<MemcachedFrame> plain(const std::vector<StreamSplitter::Command>& commands) {
  std::vector<MemcachedFrame> out;
  for (const auto& command : commands) {
    MemcachedFrame made;
    made.command = command.command;
    if (command.command == kEventProtocolError) {
      made.error = command.argc;
      made.detail = command.detail;
    } else {
      made.flags = command.flags & ~kFlagBig;
    }
    for (const auto& arg : command.args) {
      made.args.emplace_back(arg.bytes.begin(), arg.bytes.end());
      made.hashes.push_back(arg.hash);
      made.slots.push_back(arg.slot);
    }
    out.push_back(std::move(made));
  }
  return out;
}

// One stream through a splitter. `nextCut` says how many bytes come at once.
template <typename NextCut>
std::vector<MemcachedFrame> splitMemcached(const uint8_t* bytes, size_t size, int32_t speaks, FrameLimits limits,
                                           size_t arena, uint32_t argCapacity, NextCut nextCut) {
  StreamSplitter splitter(memcachedSettings(), speaks, limits, arena, argCapacity, 4);
  std::vector<StreamSplitter::Command> found;
  for (size_t at = 0; at < size;) {
    const size_t count = std::min<size_t>(nextCut(), size - at);
    // In memory of its own, so that a read beyond the chunk is found.
    const std::vector<uint8_t> chunk(bytes + at, bytes + at + count);
    splitter.feed(chunk.data(), chunk.size(), found);
    at += count;
  }
  return plain(found);
}

}  // namespace ashlar::test
