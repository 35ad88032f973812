// A trace as replay.mjs writes it, all numbers little-endian:
//
//   keys u32 | requests u32 | keys x (length u16, bytes) | requests x (key's number u32, size u32)
//                                                                      └ highest bit: a SET, not a GET
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace replay {

struct Request {
  uint32_t key;
  uint32_t size;
  bool isSet;
};

class Trace {
 public:
  explicit Trace(const char* path) : file_(std::fopen(path, "rb"), &std::fclose) {
    if (!file_) throw std::runtime_error(std::string("cannot open ") + path);
    const uint32_t keyCount = number<uint32_t>();
    const uint32_t requestCount = number<uint32_t>();
    keys.reserve(keyCount);
    for (uint32_t i = 0; i < keyCount; i++) {
      std::string key(number<uint16_t>(), '\0');
      read(key.data(), key.size());
      keys.push_back(std::move(key));
    }
    requests.reserve(requestCount);
    for (uint32_t i = 0; i < requestCount; i++) {
      const uint32_t key = number<uint32_t>();
      const uint32_t size = number<uint32_t>();
      if ((key & ~kSet) >= keyCount) throw std::runtime_error("a request's key is not in the trace");
      requests.push_back({key & ~kSet, size, (key & kSet) != 0});
    }
  }

  std::vector<std::string> keys;
  std::vector<Request> requests;

 private:
  static constexpr uint32_t kSet = 1u << 31;

  template <class Number>
  Number number() {
    Number value;
    read(&value, sizeof value);
    return value;
  }

  void read(void* to, size_t bytes) {
    if (std::fread(to, 1, bytes, file_.get()) != bytes) throw std::runtime_error("the trace ends early");
  }

  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
};

}  // namespace replay
