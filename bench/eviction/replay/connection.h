// One blocking connection: what is to be sent is gathered, and sent in one go; replies are read as lines and as blocks of known length.
#pragma once

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "../../server/load/sockets.h"

namespace replay {

constexpr int kReplySeconds = 30;

class Connection {
 public:
  explicit Connection(uint16_t port) : fd_(load::detail::connectTcp("127.0.0.1", port)), in_(1 << 20) {
    const timeval limit{kReplySeconds, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { close(fd_); }

  // What goes out with the next flush().
  std::string out;

  void flush() {
    for (size_t at = 0; at < out.size();) {
      const ssize_t sent = send(fd_, out.data() + at, out.size() - at, MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent <= 0) fail("sending");
      at += static_cast<size_t>(sent);
    }
    out.clear();
  }

  // A line without its CRLF; valid until the next call.
  std::string_view line() {
    for (size_t looked = 0;;) {
      const char* const from = in_.data() + begin_;
      const void* const feed = std::memchr(from + looked, '\n', end_ - begin_ - looked);
      if (feed == nullptr) {
        looked = end_ - begin_;
        receive(1);
        continue;
      }
      const size_t length = static_cast<size_t>(static_cast<const char*>(feed) - from);
      if (length == 0 || from[length - 1] != '\r') throw std::runtime_error("a reply's line ends without CR");
      begin_ += length + 1;
      return {from, length - 1};
    }
  }

  // Exactly `length` bytes; valid until the next call.
  std::string_view block(size_t length) {
    while (end_ - begin_ < length) receive(length);
    const std::string_view found(in_.data() + begin_, length);
    begin_ += length;
    return found;
  }

 private:
  // Receives more, with room for `wanted` bytes from begin_ on at least.
  void receive(size_t wanted) {
    if (begin_ > 0) {
      std::memmove(in_.data(), in_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    if (in_.size() < wanted || in_.size() == end_) in_.resize(2 * std::max(wanted, in_.size()));
    ssize_t got;
    do got = recv(fd_, in_.data() + end_, in_.size() - end_, 0);
    while (got < 0 && errno == EINTR);
    if (got <= 0) fail("receiving");
    end_ += static_cast<size_t>(got);
  }

  [[noreturn]] static void fail(const char* what) {
    throw std::runtime_error(std::string(what) + ": " + (errno != 0 ? std::strerror(errno) : "connection closed"));
  }

  const int fd_;
  std::vector<char> in_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace replay
