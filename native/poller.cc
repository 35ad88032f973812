// The event loop's two halves, receive() and flush(), and the life of a connection. poller.h has the picture.
#include "poller.h"

#include <algorithm>
#include <cerrno>
#include <ctime>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

namespace ashlar {
namespace {

// Ends of a batch: as many look-ups as the second-level cache holds index and item lines for.
constexpr uint32_t kBatchCommands = 512;
constexpr uint32_t kBatchKeys = 1024;

// A big frame takes this much of the turn at most, so that one upload does not starve the other connections.
constexpr size_t kBigReceiveBytes = 1024 * 1024;
constexpr int kBigReceives = 4;

constexpr uint64_t kThrottleAbove = 64ull * 1024 * 1024;
constexpr uint64_t kThrottleBelow = kThrottleAbove / 2;

// How long replies to a client that has already shut down its side are offered to it.
constexpr int64_t kHalfClosedLingerMs = 2000;
constexpr int64_t kTimerMs = 100;

// Slots that mark the poller's own descriptors in epoll's data.
constexpr uint32_t kWakeSlot = 0xffffffff;
constexpr uint32_t kTimerSlot = 0xfffffffe;

constexpr uint32_t kHangUp = EPOLLHUP | EPOLLERR;

uint64_t tag(uint32_t slot, uint32_t generation) { return (uint64_t{generation} << 32) | slot; }

uint64_t nowMs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1000000;
}

bool watch(int epoll, int fd, uint32_t slot) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = tag(slot, 0);
  return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

ssize_t receiveSome(int fd, uint8_t* bytes, size_t count) {
  ssize_t got;
  do {
    got = recv(fd, bytes, count, MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  return got;
}

ssize_t sendSome(int fd, const uint8_t* bytes, size_t count) {
  ssize_t sent;
  do {
    sent = send(fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent;
}

bool wouldBlock() { return errno == EAGAIN || errno == EWOULDBLOCK; }

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

}  // namespace

Poller::Poller(const PollerMemory& memory, SplitterSettings settings, Prefetcher prefetcher)
    : memory_(memory),
      settings_(std::move(settings)),
      prefetcher_(std::move(prefetcher)),
      sizes_(memory.inputBytes),
      batch_(settings_, memory.commands, static_cast<uint32_t>(memory.commandWords / kCommandWords), memory.args,
             static_cast<uint32_t>(memory.argWords / kArgWords), kBatchCommands, kBatchKeys) {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  timer_ = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (epoll_ < 0 || wake_ < 0 || timer_ < 0 || !watch(epoll_, wake_, kWakeSlot) || !watch(epoll_, timer_, kTimerSlot))
    failure_ = errno;
}

Poller::~Poller() {
  for (uint32_t slot = 0; slot < slotsUsed_; slot++) {
    if (at(slot).fd >= 0) ::close(at(slot).fd);
  }
  delete delivered_;
  if (timer_ >= 0) ::close(timer_);
  if (wake_ >= 0) ::close(wake_);
  if (epoll_ >= 0) ::close(epoll_);
}

Connection* Poller::live(int32_t slot) {
  if (slot < 0 || static_cast<uint32_t>(slot) >= slotsUsed_) return nullptr;
  Connection& c = at(static_cast<uint32_t>(slot));
  return c.fd >= 0 ? &c : nullptr;
}

Connection* Poller::find(Ref ref) {
  Connection& c = at(ref.slot);
  return c.generation == ref.generation && c.fd >= 0 ? &c : nullptr;
}

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
  event.events = EPOLLIN | EPOLLRDHUP;
  event.data.u64 = tag(slot, c.generation);
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
  c.interest = event.events;
  connections_++;
  return static_cast<int32_t>(slot);
}

// ---------------------------------------------------------------------------------------------------------------- receiving

int32_t Poller::receive() {
  inReceive_ = true;
  receives_++;
  serial_++;
  batch_.clear();
  offset_ = 0;
  releaseSlots();
  settleDelivered();
  if (!closing_.empty()) {
    // Closed by TypeScript since the last call; whatever it wanted to say was flushed by now.
    std::vector<Ref> closing;
    closing.swap(closing_);
    for (const Ref& ref : closing) {
      Connection* const c = find(ref);
      if (c != nullptr && c->state == Connection::State::lingering && c->output.size() == 0) finish(ref.slot, *c);
    }
  }
  reportClosed();
  if (batch_.count() > 0 || !deliverHeld()) {
    splitCarry();
    if (delivered_ == nullptr) splitListed();
    if (delivered_ == nullptr) pollSockets();
  }
  prefetcher_.run(batch_.keyRefs(), batch_.keyRefCount());
  inReceive_ = false;
  announce();
  return static_cast<int32_t>(batch_.count());
}

void Poller::releaseSlots() {
  for (const uint32_t slot : releasing_) {
    Connection& c = at(slot);
    c.generation++;
    c.state = Connection::State::free;
    c.suspended = c.throttled = c.listed = c.bigReady = false;
    c.interest = 0;
    c.batch = 0;
    c.limits = FrameLimits{};
    c.skip = 0;
    c.outputBytesMax = 0;
    c.deadline = 0;
    free_.push_back(slot);
  }
  releasing_.clear();
}

// The big frame of the last batch is done with, or given back by suspend().
void Poller::settleDelivered() {
  if (delivered_ == nullptr) return;
  BigFrame* const frame = delivered_;
  delivered_ = nullptr;
  const bool givenBack = givenBack_;
  givenBack_ = false;
  Connection* const c = find(deliveredTo_);
  if (c == nullptr || c->state != Connection::State::open) {
    delete frame;
    return;
  }
  if (givenBack) {
    c->input.big = frame;
    c->bigReady = true;
    if (!c->suspended) held_.push_back(deliveredTo_);
  } else {
    const size_t rest = frame->size() - frame->frameBytes();
    c->skip = frame->skip();
    bool kept = true;
    if (rest > 0) {
      kept = c->input.save(frame->data() + frame->frameBytes(), static_cast<uint32_t>(rest));
      if (kept && !c->suspended) list(deliveredTo_.slot, *c);
    }
    delete frame;
    if (!kept) {
      closeNow(deliveredTo_.slot, *c, CloseReason::error);
      return;
    }
  }
  countInput(*c);
}

void Poller::reportClosed() {
  if (closed_.empty()) return;
  size_t reported = 0;
  while (reported < closed_.size() && !batch_.full()) {
    const Closed& closed = closed_[reported++];
    batch_.event(static_cast<int32_t>(closed.slot), kEventClosed, static_cast<int32_t>(closed.reason), 0);
    releasing_.push_back(closed.slot);
  }
  closed_.erase(closed_.begin(), closed_.begin() + static_cast<ptrdiff_t>(reported));
}

bool Poller::deliverHeld() {
  for (size_t i = 0; i < held_.size(); i++) {
    const Ref ref = held_[i];
    Connection* const c = find(ref);
    if (c == nullptr || c->state != Connection::State::open || c->suspended || !c->bigReady) continue;
    held_.erase(held_.begin(), held_.begin() + static_cast<ptrdiff_t>(i) + 1);
    if (c->input.big->complete()) {
      deliver(ref.slot, *c);
      return true;
    }
    c->bigReady = false;
    bigAdvanced(ref.slot, *c, BigFrame::Status::error);
    return false;
  }
  held_.clear();
  return false;
}

void Poller::deliver(uint32_t slot, Connection& c) {
  delivered_ = c.input.big;
  deliveredTo_ = Ref{slot, c.generation};
  c.input.big = nullptr;
  c.bigReady = false;
  countInput(c);
  c.batch = serial_;
  c.batchBegin = 0;
  c.batchEnd = static_cast<uint32_t>(delivered_->frameBytes());
  batch_.big(static_cast<int32_t>(slot), *delivered_, salt(slot));
}

void Poller::splitCarry() {
  if (!carry_.valid) return;
  if (batch_.full()) {
    // Only events were reported. The carry's bytes stay where they are, and nothing may be received over them.
    return;
  }
  carry_.valid = false;
  uint32_t begin = carry_.begin;
  uint32_t end = carry_.end;
  if (end > sizes_.usable / 2) {
    std::memmove(memory_.input, memory_.input + begin, end - begin);
    end -= begin;
    begin = 0;
  }
  offset_ = end;
  split(carry_.slot, at(carry_.slot), begin, end);
}

void Poller::splitListed() {
  size_t done = 0;
  while (done < listed_.size() && !batch_.full() && delivered_ == nullptr) {
    const Ref ref = listed_[done];
    Connection* const c = find(ref);
    const bool serve =
        c != nullptr && c->listed && c->state == Connection::State::open && !c->suspended && c->input.savedSize > 0;
    if (serve && sizes_.usable - offset_ < c->input.savedSize) break;
    done++;
    if (c != nullptr) c->listed = false;
    if (!serve) continue;
    const uint32_t begin = offset_;
    const uint32_t end = begin + c->input.savedSize;
    std::memcpy(memory_.input + begin, c->input.saved, c->input.savedSize);
    offset_ = end;
    split(ref.slot, *c, begin, end);
  }
  if (done > 0) listed_.erase(listed_.begin(), listed_.begin() + static_cast<ptrdiff_t>(done));
}

void Poller::pollSockets() {
  for (bool polled = false;; polled = true) {
    while (eventNext_ < eventCount_) {
      if (batch_.full() || delivered_ != nullptr || sizes_.usable - offset_ < sizes_.chunkMax) return;
      const int before = eventNext_;
      handleEvent(events_[eventNext_++]);
      // An event that found no room in the arena put itself back.
      if (eventNext_ == before) return;
    }
    if (polled || batch_.full()) return;
    eventNext_ = 0;
    eventCount_ = epoll_wait(epoll_, events_, kEventsMax, 0);
    if (eventCount_ <= 0) {
      eventCount_ = 0;
      return;
    }
  }
}

void Poller::handleEvent(const epoll_event& event) {
  const uint32_t slot = static_cast<uint32_t>(event.data.u64);
  if (slot >= kTimerSlot) {
    uint64_t ignored;
    if (slot == kWakeSlot) {
      woken_ = false;
      (void)!read(wake_, &ignored, sizeof ignored);
    } else {
      (void)!read(timer_, &ignored, sizeof ignored);
      checkDeadlines();
    }
    return;
  }
  const Ref ref{slot, static_cast<uint32_t>(event.data.u64 >> 32)};
  Connection* const c = find(ref);
  if (c == nullptr) return;
  const uint32_t events = event.events;

  if ((events & EPOLLOUT) && c->output.size() > 0) {
    if (!sendPending(slot, *c)) return;
    if (c->state == Connection::State::lingering && c->output.size() == 0) {
      finish(slot, *c);
      return;
    }
  }
  switch (c->state) {
    case Connection::State::open:
      // One span of bytes for each connection in a batch.
      if (c->batch == serial_) return;
      if (c->suspended) {
        if (events & kHangUp) {
          closeNow(slot, *c, (events & EPOLLERR) ? CloseReason::error : CloseReason::peer);
        } else if (events & (EPOLLIN | EPOLLRDHUP)) {
          // The peer may have shut down its side and wait for the reply; or it is gone, and then it is not kept for long.
          if (events & EPOLLRDHUP) closeAfter(slot, *c, kHalfClosedLingerMs);
          setInterest(slot, *c, c->interest & ~static_cast<uint32_t>(EPOLLIN | EPOLLRDHUP));
        }
        return;
      }
      // What was received before comes first.
      if (c->bigReady || c->listed || (carry_.valid && carry_.slot == slot)) return;
      if (c->throttled) {
        if (events & kHangUp) closeNow(slot, *c, CloseReason::error);
        return;
      }
      if (events & (EPOLLIN | EPOLLRDHUP | kHangUp)) serve(slot, *c);
      return;
    case Connection::State::failed:
      if (c->batch == serial_) return;
      if (events & (EPOLLRDHUP | kHangUp)) {
        closeNow(slot, *c, CloseReason::peer);
      } else if (events & EPOLLIN) {
        setInterest(slot, *c, c->interest & ~static_cast<uint32_t>(EPOLLIN));
      }
      return;
    case Connection::State::lingering:
      if (events & kHangUp) {
        closeNow(slot, *c, CloseReason::peer);
      } else if (events & (EPOLLIN | EPOLLRDHUP)) {
        setInterest(slot, *c, c->interest & EPOLLOUT);
      }
      return;
    case Connection::State::draining: {
      bool any = false;
      if ((events & kHangUp) || !discardInput(*c, any)) closeNow(slot, *c, CloseReason::peer);
      return;
    }
    case Connection::State::free:
    case Connection::State::dead:
      return;
  }
}

void Poller::serve(uint32_t slot, Connection& c) {
  if (c.input.big != nullptr) {
    serveBig(slot, c);
    return;
  }
  const uint32_t saved = c.input.savedSize;
  if (sizes_.usable - offset_ < saved + sizes_.chunkMax) {
    eventNext_--;
    return;
  }
  const uint32_t begin = offset_;
  uint8_t* const at = memory_.input + begin;
  // What is thrown away comes through the arena too, as much as fits, and leaves no trace in it.
  const bool skipping = c.skip > sizes_.chunkMax && saved == 0;
  const size_t most = skipping ? std::min<uint64_t>(c.skip, sizes_.usable - begin) : sizes_.chunkMax;
  const ssize_t got = receiveSome(c.fd, at + saved, most);
  if (got <= 0) {
    if (got == 0) {
      endOfInput(slot, c);
    } else if (!wouldBlock()) {
      closeNow(slot, c, CloseReason::error);
    }
    return;
  }
  bytesReceived_ += static_cast<uint64_t>(got);
  if (skipping) {
    c.skip -= static_cast<uint64_t>(got);
    return;
  }
  if (saved > 0) std::memcpy(at, c.input.saved, saved);
  const uint32_t end = begin + saved + static_cast<uint32_t>(got);
  offset_ = end;
  split(slot, c, begin, end);
}

// The peer has said all it will say. It may still listen: replies to what it sent are offered for a while.
void Poller::endOfInput(uint32_t slot, Connection& c) {
  if (c.output.size() > 0 && sendPending(slot, c) && c.output.size() > 0) {
    linger(slot, c, kHalfClosedLingerMs);
    updateInterest(slot, c);
    return;
  }
  if (c.fd >= 0) closeNow(slot, c, CloseReason::peer);
}

void Poller::split(uint32_t slot, Connection& c, uint32_t begin, uint32_t end) {
  c.speaks = spokenWith(c.speaks, memory_.input[begin]);
  const uint32_t gone = static_cast<uint32_t>(std::min<uint64_t>(c.skip, end - begin));
  c.skip -= gone;
  begin += gone;
  c.batch = serial_;
  c.batchBegin = begin;
  c.batchEnd = end;
  const SplitResult result =
      batch_.split(static_cast<int32_t>(slot), c.speaks, memory_.input, begin, end, c.limits, salt(slot));
  switch (result.status) {
    case SplitStatus::drained:
      c.skip += result.skip;
      if (c.input.saved != nullptr) c.input.dropSaved();
      break;
    case SplitStatus::full:
      carry_ = Carry{true, slot, result.consumed, end};
      c.input.dropSaved();
      break;
    case SplitStatus::error:
      c.input.dropSaved();
      c.state = Connection::State::failed;
      break;
    case SplitStatus::partial: {
      const BigFrame::Status status =
          c.input.keepPartial(settings_, c.speaks, memory_.input + result.consumed, end - result.consumed,
                              result.announced, sizes_, c.limits);
      if (overQueryLimit(c)) {
        closeNow(slot, c, CloseReason::queryLimit);
      } else {
        bigAdvanced(slot, c, status);
      }
      return;
    }
  }
  if (c.inputCounted != 0) countInput(c);
}

void Poller::serveBig(uint32_t slot, Connection& c) {
  BigFrame::Status status = BigFrame::Status::incomplete;
  for (int i = 0; i < kBigReceives && status == BigFrame::Status::incomplete; i++) {
    size_t available = 0;
    uint8_t* const room = c.input.big->room(kBigReceiveBytes, sizes_.chunkMax, available);
    if (room == nullptr) {
      closeNow(slot, c, CloseReason::error);
      return;
    }
    const ssize_t got = receiveSome(c.fd, room, available);
    if (got <= 0) {
      if (got == 0) {
        endOfInput(slot, c);
        return;
      }
      if (!wouldBlock()) {
        closeNow(slot, c, CloseReason::error);
        return;
      }
      break;
    }
    bytesReceived_ += static_cast<uint64_t>(got);
    c.input.big->grew(static_cast<size_t>(got));
    if (overQueryLimit(c) || c.input.big->size() > kFrameBytesMax) {
      closeNow(slot, c, CloseReason::queryLimit);
      return;
    }
    status = c.input.big->advance(c.limits);
    if (static_cast<size_t>(got) < available) break;
  }
  bigAdvanced(slot, c, status);
}

// Acts on the progress of the connection's incomplete input.
void Poller::bigAdvanced(uint32_t slot, Connection& c, BigFrame::Status status) {
  switch (status) {
    case BigFrame::Status::incomplete:
      break;
    case BigFrame::Status::outOfMemory:
      closeNow(slot, c, CloseReason::error);
      return;
    case BigFrame::Status::error:
      if (batch_.full()) {
        // Its commands filled the batch; the same bytes give the same error in the next one.
        c.bigReady = true;
        held_.push_back(Ref{slot, c.generation});
        break;
      }
      c.batch = serial_;
      batch_.event(static_cast<int32_t>(slot), kEventProtocolError, static_cast<int32_t>(c.input.big->error()),
                   c.input.big->errorDetail());
      c.input.clear();
      c.state = Connection::State::failed;
      break;
    case BigFrame::Status::skipped: {
      BigFrame* const frame = c.input.big;
      c.input.big = nullptr;
      const size_t rest = frame->size() - frame->frameBytes();
      const bool kept = rest == 0 || c.input.save(frame->data() + frame->frameBytes(), static_cast<uint32_t>(rest));
      delete frame;
      if (!kept) {
        closeNow(slot, c, CloseReason::error);
        return;
      }
      if (rest > 0) list(slot, c);
      break;
    }
    case BigFrame::Status::complete:
      if (batch_.count() == 0 && delivered_ == nullptr) {
        deliver(slot, c);
      } else {
        c.bigReady = true;
        held_.push_back(Ref{slot, c.generation});
      }
      break;
  }
  countInput(c);
}

void Poller::list(uint32_t slot, Connection& c) {
  if (c.listed) return;
  c.listed = true;
  listed_.push_back(Ref{slot, c.generation});
}

uint32_t Poller::salt(uint32_t slot) const {
  const uint32_t database = static_cast<uint32_t>(memory_.databases[slot]);
  return database < memory_.saltCount ? static_cast<uint32_t>(memory_.salts[database]) : 0;
}

// ------------------------------------------------------------------------------------------------------------------ sending

void Poller::flush(uint32_t count) {
  const uint32_t most = static_cast<uint32_t>(memory_.segmentWords / 3);
  if (count > most) count = most;
  const int32_t* segment = memory_.segments;
  const int32_t* const last = segment + size_t{count} * 3;
  while (segment < last) {
    const int32_t slot = segment[0];
    const int32_t begin = segment[1];
    int32_t end = segment[2];
    segment += 3;
    while (segment < last && segment[0] == slot && segment[1] == end) {
      end = segment[2];
      segment += 3;
    }
    if (begin < 0 || end <= begin || static_cast<size_t>(end) > memory_.outputBytes) continue;
    Connection* const c = live(slot);
    if (c == nullptr || c->state > Connection::State::lingering) continue;
    const uint8_t* bytes = memory_.output + begin;
    size_t size = static_cast<size_t>(end - begin);
    if (c->output.size() == 0) {
      const ssize_t sent = sendSome(c->fd, bytes, size);
      if (sent == static_cast<ssize_t>(size)) {
        bytesSent_ += size;
        continue;
      }
      if (sent < 0 && !wouldBlock()) {
        closeNow(static_cast<uint32_t>(slot), *c, CloseReason::error);
        continue;
      }
      if (sent > 0) {
        bytesSent_ += static_cast<uint64_t>(sent);
        bytes += sent;
        size -= static_cast<size_t>(sent);
      }
    }
    keepOutput(static_cast<uint32_t>(slot), *c, bytes, size);
  }
  announce();
}

bool Poller::keepOutput(uint32_t slot, Connection& c, const uint8_t* bytes, size_t count) {
  if (!c.output.append(bytes, count)) {
    closeNow(slot, c, CloseReason::error);
    return false;
  }
  pendingOutput_ += count;
  if (c.outputBytesMax > 0 && c.output.size() > c.outputBytesMax) {
    closeNow(slot, c, CloseReason::outputLimit);
    return false;
  }
  if (c.output.size() > kThrottleAbove) c.throttled = true;
  updateInterest(slot, c);
  return true;
}

bool Poller::sendPending(uint32_t slot, Connection& c) {
  while (c.output.size() > 0) {
    const size_t size = c.output.size();
    const ssize_t sent = sendSome(c.fd, c.output.data(), size);
    if (sent < 0) {
      if (wouldBlock()) break;
      closeNow(slot, c, CloseReason::error);
      return false;
    }
    bytesSent_ += static_cast<uint64_t>(sent);
    pendingOutput_ -= static_cast<uint64_t>(sent);
    c.output.consume(static_cast<size_t>(sent));
    if (static_cast<size_t>(sent) < size) break;
  }
  if (c.throttled && c.output.size() < kThrottleBelow) c.throttled = false;
  updateInterest(slot, c);
  return true;
}

void Poller::setInterest(uint32_t slot, Connection& c, uint32_t interest) {
  if (interest == c.interest) return;
  epoll_event event{};
  event.events = interest;
  event.data.u64 = tag(slot, c.generation);
  if (epoll_ctl(epoll_, EPOLL_CTL_MOD, c.fd, &event) == 0) c.interest = interest;
}

// What the connection's state asks of epoll. Where input is not wanted, asking for it is given up when it is first reported.
void Poller::updateInterest(uint32_t slot, Connection& c) {
  uint32_t interest = c.output.size() > 0 ? static_cast<uint32_t>(EPOLLOUT) : 0;
  switch (c.state) {
    case Connection::State::open:
      if (c.suspended) {
        interest |= c.interest & (EPOLLIN | EPOLLRDHUP);
      } else if (!c.throttled) {
        interest |= EPOLLIN | EPOLLRDHUP;
      }
      break;
    case Connection::State::failed:
      interest |= (c.interest & EPOLLIN) | EPOLLRDHUP;
      break;
    case Connection::State::draining:
      interest |= EPOLLIN | EPOLLRDHUP;
      break;
    default:
      break;
  }
  setInterest(slot, c, interest);
}

// ---------------------------------------------------------------------------------------------------- a connection's life

void Poller::suspend(int32_t slot, int64_t offset) {
  Connection* const c = live(slot);
  if (c == nullptr || c->suspended || c->state > Connection::State::failed) return;
  c->suspended = true;
  const bool carried = carry_.valid && carry_.slot == static_cast<uint32_t>(slot);
  if (delivered_ != nullptr && deliveredTo_.slot == static_cast<uint32_t>(slot) &&
      deliveredTo_.generation == c->generation) {
    givenBack_ = offset < static_cast<int64_t>(delivered_->frameBytes());
    return;
  }
  uint32_t begin = 0;
  uint32_t end = 0;
  if (c->batch == serial_ && offset >= c->batchBegin && offset <= c->batchEnd) {
    // Everything that this connection has is in the arena: a tail that was saved in this batch is a copy of its end.
    begin = static_cast<uint32_t>(offset);
    end = c->batchEnd;
    c->input.clear();
    c->bigReady = false;
    // What is to be thrown away lies behind a command that is split again.
    if (begin < end) c->skip = 0;
    if (c->state == Connection::State::failed) c->state = Connection::State::open;
    batch_.restore(memory_.input, begin, end);
  } else if (carried) {
    // It has no command in this batch, and bytes that were to be split in the next one.
    begin = carry_.begin;
    end = carry_.end;
  }
  if (carried) carry_.valid = false;
  if (begin < end) {
    if (!c->input.save(memory_.input + begin, end - begin)) {
      closeNow(static_cast<uint32_t>(slot), *c, CloseReason::error);
      announce();
      return;
    }
  }
  countInput(*c);
}

void Poller::resume(int32_t slot) {
  Connection* const c = live(slot);
  if (c == nullptr || !c->suspended) return;
  c->suspended = false;
  if (c->state != Connection::State::open) return;
  updateInterest(static_cast<uint32_t>(slot), *c);
  if (c->bigReady) {
    held_.push_back(Ref{static_cast<uint32_t>(slot), c->generation});
  } else if (c->input.savedSize > 0) {
    list(static_cast<uint32_t>(slot), *c);
  }
  announce();
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
  closeAfter(slot, c, lingerMs);
}

void Poller::closeAfter(uint32_t slot, Connection& c, int64_t ms) {
  if (c.deadline == 0) expiring_.push_back(Ref{slot, c.generation});
  c.deadline = nowMs() + static_cast<uint64_t>(ms);
  armTimer(std::min(ms, kTimerMs));
}

// Everything was sent: says so to the peer, and closes unless the peer is still sending.
void Poller::finish(uint32_t slot, Connection& c) {
  shutdown(c.fd, SHUT_WR);
  bool any = false;
  if (!discardInput(c, any) || !any) {
    closeNow(slot, c, CloseReason::peer);
    return;
  }
  c.state = Connection::State::draining;
  updateInterest(slot, c);
}

// Reads and forgets what has come. False at the end of input or at an error.
bool Poller::discardInput(Connection& c, bool& any) {
  uint8_t scratch[16384];
  for (int i = 0; i < 16; i++) {
    const ssize_t got = receiveSome(c.fd, scratch, sizeof scratch);
    if (got == 0) return false;
    if (got < 0) return wouldBlock();
    any = true;
    bytesReceived_ += static_cast<uint64_t>(got);
  }
  return true;
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
  countInput(c);
}

void Poller::closeNow(uint32_t slot, Connection& c, CloseReason reason) {
  dropInput(slot, c);
  pendingOutput_ -= c.output.size();
  c.output.clear();
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

PollerStats Poller::stats() const {
  PollerStats stats;
  stats.connections = connections_;
  stats.bytesReceived = bytesReceived_;
  stats.bytesSent = bytesSent_;
  stats.pendingInput = pendingInput_ + (carry_.valid ? carry_.end - carry_.begin : 0);
  stats.pendingOutput = pendingOutput_;
  stats.receives = receives_;
  stats.frames = batch_.framesSplit();
  return stats;
}

}  // namespace ashlar
