// The life of a poller's connections, from add() to the slot's next user, and what can be asked of one. connection.h draws their states.
#include <algorithm>
#include <ctime>

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "poller.h"
#include "sockets.h"

namespace ashlar {
namespace {

// How often deadlines are looked at while there are any.
constexpr int64_t kTimerMs = 100;
// A connection that is ending is kept for longer when its peer has sent so much more; and never when it has sent this much in all.
constexpr uint64_t kDiscardStep = 1024 * 1024;
constexpr uint64_t kDiscardMost = 1024 * kDiscardStep;

uint64_t nowMs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1000000;
}

std::string addressText(const sockaddr_storage& address, socklen_t length) {
  char text[INET6_ADDRSTRLEN];
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    if (inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text) == nullptr) return {};
    return std::string(text) + ":" + std::to_string(ntohs(v4.sin_port));
  }
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    if (inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text) == nullptr) return {};
    return std::string(1, '[').append(text).append("]:").append(std::to_string(ntohs(v6.sin6_port)));
  }
  if (address.ss_family == AF_UNIX) {
    const auto& un = reinterpret_cast<const sockaddr_un&>(address);
    const size_t prefix = offsetof(sockaddr_un, sun_path);
    if (length <= prefix) return {};
    const size_t size = std::min<size_t>(length - prefix, sizeof un.sun_path);
    return std::string(un.sun_path, strnlen(un.sun_path, size));
  }
  return {};
}

// Whether the peer has all that was sent, but perhaps for the FIN, which the kernel counts as one byte.
bool isDelivered(int fd) {
  int left = 0;
  return ioctl(fd, SIOCOUTQ, &left) != 0 || left <= 1;
}

}  // namespace

int32_t Poller::add(int fd, int32_t speaks) {
  uint32_t slot;
  if (!free_.empty()) {
    slot = free_.back();
  } else if (slotsUsed_ < memory_.slots) {
    slot = slotsUsed_;
  } else {
    ::close(fd);
    return -1;
  }
  if (slot / kBlock >= blocks_.size()) blocks_.push_back(std::make_unique<Connection[]>(kBlock));
  Connection& c = at(slot);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
  event.data.u64 = epollTag(slot, c.generation);
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) < 0) {
    ::close(fd);
    return -1;
  }
  if (slot == slotsUsed_) {
    slotsUsed_++;
  } else {
    free_.pop_back();
  }
  int domain = 0;
  socklen_t length = sizeof domain;
  getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length);
  c.fd = fd;
  c.state = Connection::State::open;
  c.isUnix = domain == AF_UNIX;
  c.speaks = speaks;
  c.interest = EPOLLIN | EPOLLRDHUP;
  connections_++;
  return static_cast<int32_t>(slot);
}

void Poller::releaseSlots() {
  for (const uint32_t slot : releasing_) {
    Connection& c = at(slot);
    c.generation++;
    c.state = Connection::State::free;
    c.suspended = c.throttled = c.listed = c.bigReady = c.malformed = false;
    c.interest = 0;
    c.batch = 0;
    c.limits = FrameLimits{};
    c.skip = 0;
    c.outputBytesMax = 0;
    c.deadline = 0;
    c.discarded = 0;
    free_.push_back(slot);
  }
  releasing_.clear();
}

void Poller::suspend(int32_t slot, int64_t offset) {
  Connection* const c = live(slot);
  if (c == nullptr || c->suspended || c->state > Connection::State::failed) return;
  c->suspended = true;
  giveBack(static_cast<uint32_t>(slot), *c, offset);
}

bool Poller::hold(int32_t slot, int64_t offset) {
  Connection* const c = live(slot);
  if (c == nullptr || !c->throttled || c->suspended || c->state > Connection::State::failed) return false;
  giveBack(static_cast<uint32_t>(slot), *c, offset);
  return true;
}

// What the connection has from `offset` on is kept, to be split again.
void Poller::giveBack(uint32_t slot, Connection& c, int64_t offset) {
  const bool carried = carry_.valid && carry_.slot == slot;
  if (delivered_ != nullptr && deliveredTo_.slot == slot && deliveredTo_.generation == c.generation) {
    givenBack_ = offset < static_cast<int64_t>(delivered_->frameBytes());
    return;
  }
  uint32_t begin = 0;
  uint32_t end = 0;
  if (c.batch == serial_ && offset >= c.batchBegin && offset <= c.batchEnd) {
    // Everything that this connection has is in the arena: a tail that was saved in this batch is a copy of its end.
    begin = static_cast<uint32_t>(offset);
    end = c.batchEnd;
    c.input.clear();
    c.bigReady = false;
    // What is to be thrown away lies behind a command that is split again.
    if (begin < end) c.skip = 0;
    if (c.state == Connection::State::failed) c.state = Connection::State::open;
    c.malformed = false;
    batch_.restore(memory_.input, begin, end);
  } else if (carried) {
    // It has no command in this batch, and bytes that were to be split in the next one.
    begin = carry_.begin;
    end = carry_.end;
  }
  if (carried) carry_.valid = false;
  if (begin < end) {
    if (!c.input.save(memory_.input + begin, end - begin)) {
      closeNow(slot, c, CloseReason::error);
      announce();
      return;
    }
  }
  noteBuffers(c);
}

void Poller::resume(int32_t slot) {
  Connection* const c = live(slot);
  if (c == nullptr || !c->suspended) return;
  c->suspended = false;
  if (c->state != Connection::State::open) return;
  updateInterest(static_cast<uint32_t>(slot), *c);
  goOn(static_cast<uint32_t>(slot), *c);
  announce();
}

// What was given back is split by the next receive().
void Poller::goOn(uint32_t slot, Connection& c) {
  if (c.state != Connection::State::open || c.suspended || c.throttled) return;
  if (c.bigReady) {
    held_.push_back(Ref{slot, c.generation});
  } else if (c.input.savedSize > 0) {
    list(slot, c);
  }
}

void Poller::close(int32_t slot, int64_t lingerMs) {
  Connection* const c = live(slot);
  if (c == nullptr) return;
  if (lingerMs <= 0) {
    closeNow(static_cast<uint32_t>(slot), *c, CloseReason::peer);
  } else if (c->state <= Connection::State::failed) {
    linger(static_cast<uint32_t>(slot), *c, lingerMs);
    // The reply may be flushed after this call, so the end is left to the next receive().
    closing_.push_back(Ref{static_cast<uint32_t>(slot), c->generation});
  }
  announce();
}

void Poller::linger(uint32_t slot, Connection& c, int64_t lingerMs) {
  dropInput(slot, c);
  c.state = Connection::State::lingering;
  c.suspended = false;
  c.throttled = false;
  c.lingerMs = static_cast<uint64_t>(lingerMs);
  closeAfter(slot, c, lingerMs);
}

void Poller::closeAfter(uint32_t slot, Connection& c, int64_t ms) {
  if (c.deadline == 0) expiring_.push_back(Ref{slot, c.generation});
  c.deadline = nowMs() + static_cast<uint64_t>(ms);
  armTimer(std::min(ms, kTimerMs));
}

// Everything was given to the kernel: says so to the peer. Closes, unless the peer is still sending, does not know yet that it is not understood, or has not
// got it all: bytes that come in for a closed socket destroy what is still on its way out.
void Poller::finish(uint32_t slot, Connection& c) {
  shutdown(c.fd, SHUT_WR);
  bool any = false;
  if (!discardInput(c, any) || (!any && !c.malformed && isDelivered(c.fd))) {
    closeNow(slot, c, CloseReason::peer);
    return;
  }
  c.state = Connection::State::draining;
  updateInterest(slot, c);
  askAgain(slot, c);
}

// Reads and forgets what has come. False at the end of input, at an error, or when it has been too much.
bool Poller::discardInput(Connection& c, bool& any) {
  uint8_t scratch[16384];
  for (int i = 0; i < 16; i++) {
    const ssize_t got = receiveSome(c.fd, scratch, sizeof scratch);
    if (got == 0) return false;
    if (got < 0) return wouldBlock();
    any = true;
    countReceived(got);
    const uint64_t steps = c.discarded / kDiscardStep;
    c.discarded += static_cast<uint64_t>(got);
    if (c.discarded / kDiscardStep > steps) c.deadline = nowMs() + c.lingerMs;
  }
  return c.discarded < kDiscardMost;
}

void Poller::checkDeadlines() {
  const uint64_t now = nowMs();
  size_t kept = 0;
  for (size_t i = 0; i < expiring_.size(); i++) {
    const Ref ref = expiring_[i];
    Connection* const c = find(ref);
    if (c == nullptr) continue;
    if (c->state == Connection::State::open && !c->suspended) {
      // It has been answered since.
      c->deadline = 0;
      continue;
    }
    if (now >= c->deadline) {
      closeNow(ref.slot, *c, CloseReason::peer);
      continue;
    }
    expiring_[kept++] = ref;
  }
  expiring_.resize(kept);
  if (kept == 0 && timerArmed_) {
    const itimerspec off{};
    timerfd_settime(timer_, 0, &off, nullptr);
    timerArmed_ = false;
  }
}

void Poller::armTimer(int64_t firstMs) {
  if (timerArmed_) return;
  itimerspec every{};
  every.it_interval.tv_nsec = kTimerMs * 1000000;
  every.it_value.tv_nsec = firstMs * 1000000;
  timerfd_settime(timer_, 0, &every, nullptr);
  timerArmed_ = true;
}

void Poller::dropInput(uint32_t slot, Connection& c) {
  if (carry_.valid && carry_.slot == slot) carry_.valid = false;
  c.input.clear();
  c.skip = 0;
  c.bigReady = false;
  noteBuffers(c);
}

void Poller::closeNow(uint32_t slot, Connection& c, CloseReason reason) {
  dropInput(slot, c);
  pendingOutput_ -= c.output.size();
  c.output.clear();
  noteBuffers(c);
  ::close(c.fd);
  c.fd = -1;
  c.state = Connection::State::dead;
  connections_--;
  // Commands of this connection in the batch come first, and what they flush is ignored; so the report waits for the next one.
  if (inReceive_ && c.batch != serial_ && !batch_.full() && delivered_ == nullptr) {
    batch_.event(static_cast<int32_t>(slot), kEventClosed, static_cast<int32_t>(reason), 0);
    releasing_.push_back(slot);
  } else {
    closed_.push_back(Closed{slot, reason});
  }
}

void Poller::announce() {
  if (inTurn_ || inReceive_ || woken_ || !hasWork()) return;
  const uint64_t one = 1;
  woken_ = write(wake_, &one, sizeof one) == sizeof one;
}

void Poller::setLimits(int32_t slot, int64_t argumentsMax, int64_t bulkBytesMax, uint64_t outputBytesMax) {
  Connection* const c = live(slot);
  if (c == nullptr) return;
  c->limits.argumentsMax = argumentsMax;
  c->limits.bulkBytesMax = bulkBytesMax;
  c->outputBytesMax = outputBytesMax;
}

void Poller::setBufferWatch(uint64_t least, uint64_t most, uint64_t throttleAbove) {
  buffersLeast_ = least;
  buffersMost_ = most;
  countMemory(0);
  throttleAbove_ = std::min(throttleAbove, kThrottleMost);
}

void Poller::setKeepAlive(int32_t slot, int32_t seconds) {
  const Connection* const c = live(slot);
  if (c == nullptr || c->isUnix) return;
  int on = seconds > 0 ? 1 : 0;
  setsockopt(c->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  if (on == 0) return;
  int interval = std::max(1, seconds / 3);
  int probes = 3;
  setsockopt(c->fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds);
  setsockopt(c->fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  setsockopt(c->fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

std::string Poller::peerAddress(int32_t slot) const {
  const Connection* const c = live(slot);
  if (c == nullptr) return {};
  // The client's end of a unix socket has no name; the path that it came to is what tells something.
  if (c->isUnix) return localAddress(slot);
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (getpeername(c->fd, reinterpret_cast<sockaddr*>(&address), &length) < 0) return {};
  return addressText(address, length);
}

std::string Poller::localAddress(int32_t slot) const {
  const Connection* const c = live(slot);
  if (c == nullptr) return {};
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (getsockname(c->fd, reinterpret_cast<sockaddr*>(&address), &length) < 0) return {};
  return addressText(address, length);
}

int Poller::fd(int32_t slot) const {
  const Connection* const c = live(slot);
  return c == nullptr ? -1 : c->fd;
}

uint64_t Poller::pendingOutput(int32_t slot) const {
  const Connection* const c = live(slot);
  return c == nullptr ? 0 : c->output.size();
}

uint64_t Poller::pendingInput(int32_t slot) const {
  const Connection* const c = live(slot);
  if (c == nullptr) return 0;
  const uint64_t carried = carry_.valid && carry_.slot == static_cast<uint32_t>(slot) ? carry_.end - carry_.begin : 0;
  return c->input.bytes() + carried;
}

uint64_t Poller::buffers(int32_t slot) const {
  const Connection* const c = live(slot);
  return c == nullptr ? 0 : c->memory();
}

PollerStats Poller::stats() const {
  PollerStats stats;
  stats.connections = connections_;
  stats.bytesReceived = bytesReceived_;
  stats.bytesSent = bytesSent_;
  stats.pendingInput = pendingInput_ + (carry_.valid ? carry_.end - carry_.begin : 0);
  stats.pendingOutput = pendingOutput_;
  stats.receives = receives_;
  stats.frames = batch_.framesSplit();
  stats.buffers = buffers_;
  stats.reads = reads_;
  stats.writes = writes_;
  return stats;
}

}  // namespace ashlar
