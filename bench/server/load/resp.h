// Redis's protocol: GET, SET, MGET.
#pragma once

#include "protocol.h"

namespace load {

class Resp {
 public:
  static constexpr bool kGetEnds = false, kMultiEnds = false, kErrorIsLast = true;

  explicit Resp(const Sizes& sizes) : sizes_(sizes) {
    keyHead_ = "$" + std::to_string(sizes.key) + "\r\n";
    get_ = "*2\r\n$3\r\nGET\r\n" + keyHead_;
    set_ = (sizes.ttl > 0 ? "*5" : "*3") + ("\r\n$3\r\nSET\r\n" + keyHead_);
    multi_ = "*" + std::to_string(sizes.multi + 1) + "\r\n$4\r\nMGET\r\n";
    multiStart_ = "*" + std::to_string(sizes.multi);
    header_ = "$" + std::to_string(sizes.value) + "\r\n";
    hitSize_ = header_.size() + sizes.value + 2;
    tail_ = "\r\n";
    const std::string seconds = std::to_string(sizes.ttl);
    if (sizes.ttl > 0) tail_ += "$2\r\nEX\r\n$" + std::to_string(seconds.size()) + "\r\n" + seconds + "\r\n";
  }

  void appendGet(std::string& out, std::string_view key) const { out.append(get_).append(key).append("\r\n"); }
  void appendSetHead(std::string& out, std::string_view key) const {
    out.append(set_).append(key).append("\r\n").append(header_);
  }
  const std::string& setTail() const { return tail_; }
  const std::string& multiHead() const { return multi_; }
  void appendMultiKey(std::string& out, std::string_view key) const { out.append(keyHead_).append(key).append("\r\n"); }
  std::string multiTail() const { return {}; }

  size_t keyAt(Kind kind) const {
    if (kind == Kind::multi) return multi_.size() + keyHead_.size();
    return kind == Kind::set ? set_.size() : get_.size();
  }
  size_t multiStride() const { return keyHead_.size() + sizes_.key + 2; }

  size_t usual(Kind kind, const char*, const char* p, size_t available) const {
    if (kind == Kind::set) return available >= 5 && std::memcmp(p, "+OK\r\n", 5) == 0 ? 5 : 0;
    if (available < hitSize_ || !detail::stands(p, header_)) return 0;
    return p[hitSize_ - 2] == '\r' && p[hitSize_ - 1] == '\n' ? hitSize_ : 0;
  }

  Frame frame(Kind kind, const char* p, size_t available) const {
    const detail::Line line = detail::lineAt(p, available);
    if (line.size == 0) return {};
    const std::string_view text = line.text;
    if (detail::startsWith(text, "-")) return {line.size, Part::error};
    if (kind == Kind::set) return {line.size, text == "+OK" ? Part::stored : Part::invalid};
    if (text == "$-1" || text == "_") return {line.size, Part::miss};
    if (kind == Kind::multi && text == multiStart_) return {line.size, Part::start};
    if (detail::startsWith(text, "$")) return detail::valueFrame(line, p + 1, sizes_.value);
    return {line.size, Part::invalid};
  }

 private:
  Sizes sizes_;
  std::string keyHead_, get_, set_, multi_, multiStart_, header_, tail_;
  size_t hitSize_;
};

}  // namespace load
