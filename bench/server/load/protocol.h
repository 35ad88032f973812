// What a protocol has to say: how GET and SET are written, and what a reply looks like. A protocol is a class with
//
//   Protocol(keySize, valueSize, ttlSeconds)
//   appendGet(out, key)             a whole request
//   appendSetHead(out, key)         a SET up to its value
//   setTail()                       what follows the value, the same for all SETs
//   expected(isSet, p, available)   the length of the reply that nearly always comes (a hit, a stored), if exactly that stands
//                                   whole at p, else 0: one or two compares
//   line(p, length, fromSet)        any reply line, without its line end: what it means, and how many bytes of body follow it
//
// `line` and `expected` keep no state; a reply that takes two lines (memcached's VALUE ... END) says so with Outcome::more.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace load {

// `more`: the reply goes on and will be a hit; `invalid`: no reply of this protocol, the run can't go on.
enum class Outcome : uint8_t { hit, miss, stored, error, more, invalid };

struct Reply {
  Outcome outcome;
  uint64_t body = 0;  // bytes that follow the line, their line end included
};

namespace detail {

inline bool startsWith(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

inline bool matches(const char* p, const std::string& text) { return std::memcmp(p, text.data(), text.size()) == 0; }

}  // namespace detail

class Resp {
 public:
  Resp(uint32_t keySize, uint32_t valueSize, uint32_t ttl) {
    const std::string key = "$" + std::to_string(keySize) + "\r\n";
    get_ = "*2\r\n$3\r\nGET\r\n" + key;
    set_ = (ttl > 0 ? "*5" : "*3") + ("\r\n$3\r\nSET\r\n" + key);
    header_ = "$" + std::to_string(valueSize) + "\r\n";
    hitSize_ = header_.size() + valueSize + 2;
    valueSize_ = valueSize;
    tail_ = "\r\n";
    const std::string seconds = std::to_string(ttl);
    if (ttl > 0) tail_ += "$2\r\nEX\r\n$" + std::to_string(seconds.size()) + "\r\n" + seconds + "\r\n";
  }

  void appendGet(std::string& out, std::string_view key) const { out.append(get_).append(key).append("\r\n"); }
  void appendSetHead(std::string& out, std::string_view key) const {
    out.append(set_).append(key).append("\r\n").append(header_);
  }
  const std::string& setTail() const { return tail_; }

  size_t expected(bool isSet, const char* p, size_t available) const {
    if (isSet) return available >= 5 && std::memcmp(p, "+OK\r\n", 5) == 0 ? 5 : 0;
    if (available < hitSize_ || !detail::matches(p, header_)) return 0;
    return p[hitSize_ - 2] == '\r' && p[hitSize_ - 1] == '\n' ? hitSize_ : 0;
  }

  Reply line(std::string_view text, bool fromSet) const {
    if (text.empty()) return {Outcome::invalid};
    if (text[0] == '-') return {Outcome::error};
    if (fromSet) return {text == "+OK" ? Outcome::stored : Outcome::invalid};
    if (text == "$-1" || text == "_") return {Outcome::miss};
    if (text[0] != '$') return {Outcome::invalid};
    const uint64_t length = std::strtoull(text.data() + 1, nullptr, 10);
    return {length == valueSize_ ? Outcome::hit : Outcome::invalid, length + 2};
  }

 private:
  std::string get_, set_, header_, tail_;
  size_t hitSize_;
  uint64_t valueSize_;
};

// memcached's classic text protocol: get and set.
class MemcachedText {
 public:
  MemcachedText(uint32_t keySize, uint32_t valueSize, uint32_t ttl) : keySize_(keySize), valueSize_(valueSize) {
    setRest_ = " 0 " + std::to_string(ttl) + " " + std::to_string(valueSize) + "\r\n";
    valueRest_ = " 0 " + std::to_string(valueSize) + "\r\n";
    bodyAt_ = 6 + keySize + valueRest_.size();
  }

  void appendGet(std::string& out, std::string_view key) const { out.append("get ").append(key).append("\r\n"); }
  void appendSetHead(std::string& out, std::string_view key) const { out.append("set ").append(key).append(setRest_); }
  const std::string& setTail() const { return tail_; }

  size_t expected(bool isSet, const char* p, size_t available) const {
    if (isSet) return available >= 8 && std::memcmp(p, "STORED\r\n", 8) == 0 ? 8 : 0;
    const size_t whole = bodyAt_ + valueSize_ + 7;
    if (available < whole || std::memcmp(p, "VALUE ", 6) != 0 || !detail::matches(p + 6 + keySize_, valueRest_)) return 0;
    return std::memcmp(p + bodyAt_ + valueSize_, "\r\nEND\r\n", 7) == 0 ? whole : 0;
  }

  Reply line(std::string_view text, bool fromSet) const {
    if (text == "ERROR" || detail::startsWith(text, "CLIENT_ERROR") || detail::startsWith(text, "SERVER_ERROR")) {
      return {Outcome::error};
    }
    if (fromSet) return {text == "STORED" ? Outcome::stored : Outcome::invalid};
    if (text == "END") return {Outcome::miss};
    if (!detail::startsWith(text, "VALUE ")) return {Outcome::invalid};
    const size_t last = text.rfind(' ');
    const uint64_t length = std::strtoull(text.data() + last + 1, nullptr, 10);
    return {length == valueSize_ ? Outcome::more : Outcome::invalid, length + 2};
  }

 private:
  uint32_t keySize_, valueSize_;
  std::string setRest_, valueRest_, tail_ = "\r\n";
  size_t bodyAt_;
};

// memcached's meta protocol: mg with the value, ms.
class MemcachedMeta {
 public:
  MemcachedMeta(uint32_t, uint32_t valueSize, uint32_t ttl) : valueSize_(valueSize) {
    setRest_ = " " + std::to_string(valueSize) + (ttl > 0 ? " T" + std::to_string(ttl) : "") + "\r\n";
    header_ = "VA " + std::to_string(valueSize) + "\r\n";
  }

  void appendGet(std::string& out, std::string_view key) const { out.append("mg ").append(key).append(" v\r\n"); }
  void appendSetHead(std::string& out, std::string_view key) const { out.append("ms ").append(key).append(setRest_); }
  const std::string& setTail() const { return tail_; }

  size_t expected(bool isSet, const char* p, size_t available) const {
    if (isSet) return available >= 4 && std::memcmp(p, "HD\r\n", 4) == 0 ? 4 : 0;
    const size_t whole = header_.size() + valueSize_ + 2;
    if (available < whole || !detail::matches(p, header_)) return 0;
    return p[whole - 2] == '\r' && p[whole - 1] == '\n' ? whole : 0;
  }

  Reply line(std::string_view text, bool fromSet) const {
    if (detail::startsWith(text, "VA ") && !fromSet) {
      const uint64_t length = std::strtoull(text.data() + 3, nullptr, 10);
      return {length == valueSize_ ? Outcome::hit : Outcome::invalid, length + 2};
    }
    if (text == "EN" && !fromSet) return {Outcome::miss};
    if (text == "HD" && fromSet) return {Outcome::stored};
    const bool refused = text == "NS" || text == "ERROR" || text.find("_ERROR") != std::string_view::npos;
    return {refused ? Outcome::error : Outcome::invalid};
  }

 private:
  uint32_t valueSize_;
  std::string setRest_, header_, tail_ = "\r\n";
};

}  // namespace load
