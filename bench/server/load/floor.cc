// The floor: an epoll server that understands nothing. It counts requests by their size and answers each with the same bytes, so
// what it costs is what the kernel costs; a server's own share is the rest. It also shows what the load generator can drive.
//
//   floor PORT REQUEST_BYTES VALUE_SIZE     answers `$VALUE_SIZE` with that many bytes, or `+OK` when VALUE_SIZE is 0
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

namespace {

constexpr size_t kInputBytes = 64 * 1024;
constexpr int kEventsMax = 256;

struct Connection {
  size_t partial = 0;  // bytes of a request that isn't complete
  size_t owed = 0;     // reply bytes that didn't fit into the socket
};

class Floor {
 public:
  Floor(int listener, size_t requestBytes, const std::string& reply)
      : listener_(listener), requestBytes_(requestBytes), replyBytes_(reply.size()), input_(kInputBytes) {
    const size_t copies = kInputBytes / requestBytes + 2;
    for (size_t i = 0; i < copies; i++) replies_ += reply;
    epoll_ = epoll_create1(0);
    watch(EPOLL_CTL_ADD, listener_, EPOLLIN);
  }

  [[noreturn]] void serve() {
    epoll_event events[kEventsMax];
    for (;;) {
      const int n = epoll_wait(epoll_, events, kEventsMax, -1);
      for (int i = 0; i < n; i++) {
        const int fd = events[i].data.fd;
        fd == listener_ ? accept() : handle(fd, events[i].events);
      }
    }
  }

 private:
  void watch(int how, int fd, uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    epoll_ctl(epoll_, how, fd, &event);
  }

  void accept() {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK);
    if (fd < 0) return;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (static_cast<size_t>(fd) >= connections_.size()) connections_.resize(static_cast<size_t>(fd) + 1);
    connections_[static_cast<size_t>(fd)] = {};
    watch(EPOLL_CTL_ADD, fd, EPOLLIN);
  }

  // While replies wait for room, nothing is read: EPOLLOUT alone is watched.
  void handle(int fd, uint32_t events) {
    Connection& c = connections_[static_cast<size_t>(fd)];
    if (events & EPOLLOUT) return send(fd, c, true);
    const ssize_t n = recv(fd, input_.data(), input_.size(), 0);
    if (n <= 0) {
      close(fd);
      return;
    }
    const size_t bytes = c.partial + static_cast<size_t>(n);
    c.partial = bytes % requestBytes_;
    c.owed += bytes / requestBytes_ * replyBytes_;
    send(fd, c, false);
  }

  void send(int fd, Connection& c, bool wasBlocked) {
    while (c.owed > 0) {
      // Replies are all alike, so what is owed ends where a reply ends.
      const size_t from = (replyBytes_ - c.owed % replyBytes_) % replyBytes_;
      const ssize_t n = ::send(fd, replies_.data() + from, std::min(c.owed, replies_.size() - from), MSG_NOSIGNAL);
      if (n < 0) break;
      c.owed -= static_cast<size_t>(n);
    }
    if ((c.owed > 0) != wasBlocked) watch(EPOLL_CTL_MOD, fd, c.owed > 0 ? EPOLLOUT : EPOLLIN);
  }

  int listener_;
  int epoll_;
  size_t requestBytes_, replyBytes_;
  std::string replies_;
  std::vector<char> input_;
  std::vector<Connection> connections_;
};

int listenOn(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(fd, 512) != 0) return -1;
  return fd;
}

}  // namespace

int main(int argc, char** argv) {
  const int port = argc == 4 ? std::atoi(argv[1]) : 0;
  const size_t requestBytes = argc == 4 ? std::strtoul(argv[2], nullptr, 10) : 0;
  const size_t valueSize = argc == 4 ? std::strtoul(argv[3], nullptr, 10) : 0;
  if (port <= 0 || port > 65535 || requestBytes == 0) {
    std::fputs("usage: floor PORT REQUEST_BYTES VALUE_SIZE\n", stderr);
    return 2;
  }
  const int listener = listenOn(static_cast<uint16_t>(port));
  if (listener < 0) {
    std::perror("floor: listen");
    return 1;
  }
  const std::string reply =
      valueSize == 0 ? "+OK\r\n" : "$" + std::to_string(valueSize) + "\r\n" + std::string(valueSize, 'x') + "\r\n";
  Floor(listener, requestBytes, reply).serve();
}
