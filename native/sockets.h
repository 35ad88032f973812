// System calls on sockets and the epoll set that do not block and are not interrupted.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include <sys/socket.h>
#include <sys/types.h>

namespace ashlar {

// What an epoll event carries: whose it is, and which of the users of that slot.
inline uint64_t epollTag(uint32_t slot, uint32_t generation) { return (uint64_t{generation} << 32) | slot; }

inline ssize_t receiveSome(int fd, uint8_t* bytes, size_t count) {
  ssize_t got;
  do {
    got = recv(fd, bytes, count, MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  return got;
}

inline ssize_t sendSome(int fd, const uint8_t* bytes, size_t count) {
  ssize_t sent;
  do {
    sent = send(fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent;
}

inline bool wouldBlock() { return errno == EAGAIN || errno == EWOULDBLOCK; }

}  // namespace ashlar
