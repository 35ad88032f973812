// Binding, accepting and turning away; listener.h says what is promised.
#include "listener.h"

#include <cerrno>
#include <cstring>

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace ashlar {
namespace {

bool isLoopback(const sockaddr& address) {
  if (address.sa_family == AF_INET6)
    return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr);
  return ntohl(reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

}  // namespace

int Listener::open(const ListenOptions& options) {
  const int result = options.path.empty() ? openTcp(options) : openUnix(options);
  if (result < 0) close();
  return result;
}

int Listener::openTcp(const ListenOptions& options) {
  addrinfo hints{};
  hints.ai_family = options.host.empty() ? AF_INET : AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  // Names other than localhost would ask a name server, and block this thread for it.
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV | (options.host == "localhost" ? 0 : AI_NUMERICHOST);
  addrinfo* found = nullptr;
  const std::string port = std::to_string(options.port);
  if (getaddrinfo(options.host.empty() ? nullptr : options.host.c_str(), port.c_str(), &hints, &found) != 0 ||
      found == nullptr)
    return kResolveFailed;

  int result = 0;
  const int on = 1;
  fd_ = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) {
    result = -errno;
  } else {
    setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (found->ai_family == AF_INET6) setsockopt(fd_, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    // Accepted sockets inherit it. Nothing is lost on the way to this machine itself, so the simplest control of congestion is as good as any, and
    // takes the least time: BBR, where that is the default, measures and paces what is sent.
    if (isLoopback(*found->ai_addr)) setsockopt(fd_, IPPROTO_TCP, TCP_CONGESTION, "reno", sizeof "reno" - 1);
    if (bind(fd_, found->ai_addr, found->ai_addrlen) < 0 || listen(fd_, options.backlog) < 0) result = -errno;
  }
  freeaddrinfo(found);
  if (result < 0) return result;

  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  if (getsockname(fd_, reinterpret_cast<sockaddr*>(&bound), &length) < 0) return -errno;
  port_ = ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(bound).sin6_port
                                            : reinterpret_cast<sockaddr_in&>(bound).sin_port);
  return 0;
}

int Listener::openUnix(const ListenOptions& options) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (options.path.size() >= sizeof address.sun_path) return -ENAMETOOLONG;
  std::memcpy(address.sun_path, options.path.data(), options.path.size());
  // A socket left behind by a process that is gone is in the way; anything else at that path is not ours to remove.
  struct stat existing{};
  if (lstat(options.path.c_str(), &existing) == 0 && S_ISSOCK(existing.st_mode)) unlink(options.path.c_str());
  fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return -errno;
  // The mode of the unbound socket, less the umask, is the file's mode from the moment bind() makes it: nobody gets in between
  // bind() and chmod(). The umask itself belongs to the whole process, and is left alone.
  if (options.mode != 0) fchmod(fd_, options.mode);
  if (bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) return -errno;
  struct stat made{};
  if (lstat(options.path.c_str(), &made) == 0) {
    path_ = options.path;
    device_ = made.st_dev;
    inode_ = made.st_ino;
  }
  if (options.mode != 0 && chmod(options.path.c_str(), options.mode) < 0) return -errno;
  if (listen(fd_, options.backlog) < 0) return -errno;
  return 0;
}

int Listener::accept() const {
  int fd;
  do {
    fd = accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    // A client that gave up while it was queued is no error of ours.
  } while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
  if (fd < 0) return -errno;
  if (path_.empty()) {
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  return fd;
}

void Listener::close() {
  if (!path_.empty()) {
    struct stat current{};
    if (lstat(path_.c_str(), &current) == 0 && current.st_dev == device_ && current.st_ino == inode_)
      unlink(path_.c_str());
    path_.clear();
  }
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void rejectSocket(int fd, const std::string& text) {
  (void)!send(fd, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  shutdown(fd, SHUT_WR);
  // Unread input would turn the close into a reset, which destroys the text on its way.
  char scratch[4096];
  while (recv(fd, scratch, sizeof scratch, MSG_DONTWAIT) > 0) {
  }
  ::close(fd);
}

}  // namespace ashlar
