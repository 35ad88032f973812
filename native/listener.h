// Listening sockets: binding and accepting. What watches them is the caller's affair.
//
// Errors are negative errno values (or a resolver's failure, kResolveFailed), for the caller to put into words.
#pragma once

#include <cstdint>
#include <string>

#include <sys/types.h>

namespace ashlar {

inline constexpr int kResolveFailed = -100000;

struct ListenOptions {
  // A numeric address or `localhost`; empty = all IPv4 addresses.
  std::string host;
  uint16_t port = 0;
  // Path of a unix socket; when it is set host and port do not count.
  std::string path;
  // Permissions of the unix socket; 0 = as the umask says.
  uint32_t mode = 0;
  int backlog = 511;
};

class Listener {
 public:
  Listener() = default;
  ~Listener() { close(); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // 0 or an error.
  int open(const ListenOptions& options);
  // A connected socket (non-blocking, close-on-exec, TCP_NODELAY), or -errno; -EAGAIN when there is none.
  int accept() const;
  // Closes, and removes the unix socket's file when it is still the one that was made.
  void close();

  int fd() const { return fd_; }
  uint16_t port() const { return port_; }

 private:
  int openTcp(const ListenOptions& options);
  int openUnix(const ListenOptions& options);

  int fd_ = -1;
  uint16_t port_ = 0;
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

// Sends `text` as far as that goes without blocking, and closes.
void rejectSocket(int fd, const std::string& text);

}  // namespace ashlar
