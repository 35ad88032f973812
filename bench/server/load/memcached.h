// memcached's three protocols. Their multi-gets are those of the usual clients: one `get` line; quiet `mg`s that say their keys,
// ended by `mn`; quiet binary gets that say their keys, ended by a no-op. Misses are silent in all of them.
#pragma once

#include "protocol.h"

namespace load {

// The classic text protocol.
class MemcachedText {
 public:
  static constexpr bool kGetEnds = true, kMultiEnds = true, kErrorIsLast = true;

  explicit MemcachedText(const Sizes& sizes) : sizes_(sizes) {
    setRest_ = " 0 " + std::to_string(sizes.ttl) + " " + std::to_string(sizes.value) + "\r\n";
    valueRest_ = " 0 " + std::to_string(sizes.value) + "\r\n";
    valueBytes_ = 6 + sizes.key + valueRest_.size() + sizes.value + 2;
  }

  void appendGet(std::string& out, std::string_view key) const { out.append("get ").append(key).append("\r\n"); }
  void appendSetHead(std::string& out, std::string_view key) const { out.append("set ").append(key).append(setRest_); }
  const std::string& setTail() const { return lineEnd_; }
  std::string multiHead() const { return "get"; }
  void appendMultiKey(std::string& out, std::string_view key) const { out.append(" ").append(key); }
  const std::string& multiTail() const { return lineEnd_; }
  size_t keyAt(Kind) const { return 4; }
  size_t multiStride() const { return 1 + sizes_.key; }

  size_t usual(Kind kind, const char* key, const char* p, size_t available) const {
    if (kind == Kind::set) return available >= 8 && std::memcmp(p, "STORED\r\n", 8) == 0 ? 8 : 0;
    if (available < valueBytes_ || std::memcmp(p, "VALUE ", 6) != 0 || std::memcmp(p + 6, key, sizes_.key) != 0) return 0;
    if (!detail::stands(p + 6 + sizes_.key, valueRest_)) return 0;
    return p[valueBytes_ - 2] == '\r' && p[valueBytes_ - 1] == '\n' ? valueBytes_ : 0;
  }

  Frame frame(Kind kind, const char* p, size_t available) const {
    if (kind != Kind::set && available >= 5 && std::memcmp(p, "END\r\n", 5) == 0) return {5, Part::end};
    const detail::Line line = detail::lineAt(p, available);
    if (line.size == 0) return {};
    const std::string_view text = line.text;
    if (text == "ERROR" || detail::startsWith(text, "CLIENT_ERROR") || detail::startsWith(text, "SERVER_ERROR")) {
      return {line.size, Part::error};
    }
    if (kind == Kind::set) return {line.size, text == "STORED" ? Part::stored : Part::invalid};
    if (!detail::startsWith(text, "VALUE ")) return {line.size, Part::invalid};
    return detail::valueFrame(line, p + text.rfind(' ') + 1, sizes_.value, text.substr(6, text.find(' ', 6) - 6));
  }

 private:
  Sizes sizes_;
  std::string setRest_, valueRest_, lineEnd_ = "\r\n";
  size_t valueBytes_;
};

// The meta protocol: mg with the value, ms.
class MemcachedMeta {
 public:
  static constexpr bool kGetEnds = false, kMultiEnds = true, kErrorIsLast = false;

  explicit MemcachedMeta(const Sizes& sizes) : sizes_(sizes) {
    setRest_ = " " + std::to_string(sizes.value) + (sizes.ttl > 0 ? " T" + std::to_string(sizes.ttl) : "") + "\r\n";
    header_ = "VA " + std::to_string(sizes.value);
  }

  void appendGet(std::string& out, std::string_view key) const { out.append("mg ").append(key).append(" v\r\n"); }
  void appendSetHead(std::string& out, std::string_view key) const { out.append("ms ").append(key).append(setRest_); }
  const std::string& setTail() const { return lineEnd_; }
  std::string multiHead() const { return {}; }
  void appendMultiKey(std::string& out, std::string_view key) const { out.append("mg ").append(key).append(kMultiFlags); }
  std::string multiTail() const { return "mn\r\n"; }
  size_t keyAt(Kind) const { return 3; }
  size_t multiStride() const { return 3 + sizes_.key + kMultiFlags.size(); }

  size_t usual(Kind kind, const char* key, const char* p, size_t available) const {
    if (kind == Kind::set) return available >= 4 && std::memcmp(p, "HD\r\n", 4) == 0 ? 4 : 0;
    const size_t keyBytes = kind == Kind::multi ? 2 + sizes_.key : 0;
    const size_t lineBytes = header_.size() + keyBytes + 2;
    const size_t whole = lineBytes + sizes_.value + 2;
    if (available < whole || !detail::stands(p, header_)) return 0;
    const char* named = p + header_.size();
    if (keyBytes > 0 && (std::memcmp(named, " k", 2) != 0 || std::memcmp(named + 2, key, sizes_.key) != 0)) return 0;
    return p[lineBytes - 2] == '\r' && p[whole - 2] == '\r' && p[whole - 1] == '\n' ? whole : 0;
  }

  Frame frame(Kind kind, const char* p, size_t available) const {
    const detail::Line line = detail::lineAt(p, available);
    if (line.size == 0) return {};
    const std::string_view text = line.text;
    if (kind == Kind::set && text == "HD") return {line.size, Part::stored};
    if (kind == Kind::get && text == "EN") return {line.size, Part::miss};
    if (kind == Kind::multi && text == "MN") return {line.size, Part::end};
    if (kind != Kind::set && detail::startsWith(text, "VA ")) {
      const size_t named = text.find(" k");
      const std::string_view key = named == std::string_view::npos ? std::string_view() : text.substr(named + 2);
      if (key.empty() == (kind == Kind::multi)) return {line.size, Part::invalid};
      return detail::valueFrame(line, p + 3, sizes_.value, key);
    }
    const bool refused = text == "NS" || text == "ERROR" || text.find("_ERROR") != std::string_view::npos;
    return {line.size, refused ? Part::error : Part::invalid};
  }

 private:
  static constexpr std::string_view kMultiFlags = " k q v\r\n";

  Sizes sizes_;
  std::string setRest_, header_, lineEnd_ = "\r\n";
};

// The binary protocol:
//
//   byte 0      1       2           4              5          6                 8             12      16    24
//   magic    opcode  key length  extras length  data type  vbucket, status   body length   opaque   CAS   extras, key, value
//
// A request's opaque is the last four bytes of its key, so that a reply can be told to be the right one.
class MemcachedBinary {
 public:
  static constexpr bool kGetEnds = false, kMultiEnds = true, kErrorIsLast = false;

  explicit MemcachedBinary(const Sizes& sizes) : sizes_(sizes) {
    const std::string flags(4, '\0');
    get_ = head(kRequest, kGet, sizes.key, 0, 0);
    quiet_ = head(kRequest, kGetKeyQuiet, sizes.key, 0, 0);
    set_ = head(kRequest, kSet, sizes.key, 8, sizes.value);
    noop_ = head(kRequest, kNoop, 0, 0, 0);
    setExtras_ = flags + bigEndian(sizes.ttl);
    got_ = head(kResponse, kGet, 0, 4, sizes.value).substr(0, kOpaqueAt);
    gotWithKey_ = head(kResponse, kGetKeyQuiet, sizes.key, 4, sizes.value).substr(0, kOpaqueAt);
    stored_ = head(kResponse, kSet, 0, 0, 0).substr(0, kOpaqueAt);
  }

  void appendGet(std::string& out, std::string_view key) const { append(out, get_, {}, key); }
  void appendSetHead(std::string& out, std::string_view key) const { append(out, set_, setExtras_, key); }
  std::string setTail() const { return {}; }
  std::string multiHead() const { return {}; }
  void appendMultiKey(std::string& out, std::string_view key) const { append(out, quiet_, {}, key); }
  const std::string& multiTail() const { return noop_; }
  size_t keyAt(Kind kind) const { return kind == Kind::set ? kHeaderBytes + setExtras_.size() : kHeaderBytes; }
  size_t multiStride() const { return kHeaderBytes + sizes_.key; }

  size_t usual(Kind kind, const char* key, const char* p, size_t available) const {
    const std::string& wanted = kind == Kind::get ? got_ : kind == Kind::set ? stored_ : gotWithKey_;
    const size_t keyBytes = kind == Kind::multi ? sizes_.key : 0;
    const size_t whole = kHeaderBytes + (kind == Kind::set ? 0 : 4 + keyBytes + sizes_.value);
    if (available < whole || !detail::stands(p, wanted)) return 0;
    if (std::memcmp(p + kOpaqueAt, key + sizes_.key - 4, 4) != 0) return 0;
    return keyBytes == 0 || std::memcmp(p + kHeaderBytes + 4, key, keyBytes) == 0 ? whole : 0;
  }

  Frame frame(Kind kind, const char* p, size_t available) const {
    if (available < kHeaderBytes) return {};
    const uint64_t keyBytes = number(p + 2, 2), extrasBytes = number(p + 4, 1), bodyBytes = number(p + 8, 4);
    const uint64_t status = number(p + 6, 2), size = kHeaderBytes + bodyBytes;
    const char opcode = p[1];
    const char wanted = kind == Kind::get ? kGet : kind == Kind::set ? kSet : kGetKeyQuiet;
    if (p[0] != kResponse || keyBytes > 250 || extrasBytes > 4) return {size, Part::invalid};
    if (kind == Kind::multi && opcode == kNoop) return {size, status == 0 ? Part::end : Part::error};
    if (opcode != wanted) return {size, Part::invalid};
    if (status == kNotFound && kind == Kind::get) return {size, Part::miss};
    if (status != 0) return {size, Part::error};
    if (kind == Kind::set) return {size, Part::stored};
    if (available < kHeaderBytes + extrasBytes + keyBytes) return {};
    const bool fits = extrasBytes == 4 && bodyBytes == extrasBytes + keyBytes + sizes_.value && (keyBytes > 0) == (kind == Kind::multi);
    const std::string_view opaque(p + kOpaqueAt, 4), key(p + kHeaderBytes + extrasBytes, keyBytes);
    return {size, fits ? Part::value : Part::invalid, key.empty() ? opaque : key};
  }

 private:
  static constexpr char kRequest = '\x80', kResponse = '\x81';
  static constexpr char kGet = 0x00, kSet = 0x01, kNoop = 0x0a, kGetKeyQuiet = 0x0d;
  static constexpr uint64_t kNotFound = 1;
  static constexpr size_t kHeaderBytes = 24, kOpaqueAt = 12;

  static std::string bigEndian(uint32_t value) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
    return bytes;
  }

  static uint64_t number(const char* p, int bytes) {
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++) value = value << 8 | static_cast<unsigned char>(p[i]);
    return value;
  }

  static std::string head(char magic, char opcode, uint32_t keyBytes, uint32_t extrasBytes, uint32_t valueBytes) {
    std::string bytes{magic, opcode};
    bytes += bigEndian(keyBytes << 16 | extrasBytes << 8);
    bytes.append(2, '\0');
    return bytes + bigEndian(keyBytes + extrasBytes + valueBytes) + std::string(12, '\0');
  }

  static void append(std::string& out, const std::string& head, std::string_view extras, std::string_view key) {
    const size_t at = out.size();
    out.append(head).append(extras).append(key);
    out.replace(at + kOpaqueAt, 4, key.substr(key.size() - 4));
  }

  Sizes sizes_;
  std::string get_, quiet_, set_, noop_, setExtras_, got_, gotWithKey_, stored_;
};

}  // namespace load
