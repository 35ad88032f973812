// The closed loop: every connection sends a batch of `depth` requests, waits for all of its replies, and sends the next. One
// thread, one epoll set. A batch's latency is from its send to its last reply.
//
// Measuring: batches before the window warm things up; at the window's two ends counters and CPU clocks are read, and whatever
// completes between counts. After the window the connections drain, so that the next run starts clean.
#pragma once

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "cpu.h"
#include "histogram.h"
#include "pool.h"
#include "protocol.h"

namespace load {

struct Limits {
  bool once = false;              // send the pool once and end; otherwise go round it until time or count is up
  double warmupSeconds = 0;
  double seconds = 0;             // 0: no limit
  uint64_t requests = 0;          // 0: no limit
};

struct Counts {
  uint64_t hits = 0, misses = 0, stored = 0, errors = 0, bytesIn = 0, bytesOut = 0;

  uint64_t ops() const { return hits + misses + stored + errors; }

  Counts operator-(const Counts& b) const {
    return {hits - b.hits, misses - b.misses, stored - b.stored, errors - b.errors, bytesIn - b.bytesIn, bytesOut - b.bytesOut};
  }
};

struct Result {
  Counts counts;
  double seconds = 0;
  CpuTime own, server;
  Histogram latency;
};

template <class Protocol>
class Driver {
 public:
  // @param sockets connected, non-blocking; the driver closes them
  Driver(const Protocol& protocol, std::vector<int> sockets, pid_t serverPid)
      : protocol_(protocol), serverPid_(serverPid), input_(kInputBytes), events_(sockets.size()) {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0) throw std::runtime_error("epoll_create1: " + std::string(std::strerror(errno)));
    connections_.resize(sockets.size());
    for (size_t i = 0; i < sockets.size(); i++) {
      connections_[i].fd = sockets[i];
      watch(EPOLL_CTL_ADD, connections_[i], EPOLLIN);
    }
  }

  ~Driver() {
    for (Connection& c : connections_) close(c.fd);
    close(epoll_);
  }

  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  const std::string& firstError() const { return firstError_; }

  Result run(Pool<Protocol>& pool, const Limits& limits) {
    pool_ = &pool;
    limits_ = limits;
    nextBatch_ = 0;
    sending_ = true;
    counts_ = {};
    latency_.reset();
    const uint64_t start = nowNs();
    for (Connection& c : connections_) startBatch(c, start);

    if (limits.warmupSeconds > 0) turnUntil(start + toNs(limits.warmupSeconds), UINT64_MAX);
    latency_.reset();
    const Counts before = counts_;
    const CpuTime own = ownCpu(), server = cpuOf(serverPid_);
    const uint64_t from = nowNs();
    turnUntil(limits.seconds > 0 ? from + toNs(limits.seconds) : UINT64_MAX,
              limits.requests > 0 ? before.ops() + limits.requests : UINT64_MAX);

    Result result;
    result.seconds = static_cast<double>(nowNs() - from) / 1e9;
    result.server = cpuOf(serverPid_) - server;
    result.own = ownCpu() - own;
    result.counts = counts_ - before;
    result.latency = latency_;
    sending_ = false;
    turnUntil(UINT64_MAX, UINT64_MAX);
    return result;
  }

 private:
  static constexpr size_t kInputBytes = 256 * 1024;
  static constexpr size_t kLineMax = 1024;
  static constexpr int kStallMs = 20000;
  static constexpr int kTurnMs = 100;

  struct Connection {
    int fd = -1;
    bool wantsOut = false;
    uint64_t batch = 0, sent = 0;
    uint64_t nextReply = 0, endReply = 0;  // request numbers; equal: nothing is under way
    uint64_t startedNs = 0;
    uint64_t skip = 0;                     // bytes of a body still to come
    Outcome pending = Outcome::more;       // what counts when the body is complete
    bool sawValue = false;                 // the reply under way has more lines, and had a value
    std::string line;                      // the beginning of a line whose end hasn't come
  };

  static uint64_t toNs(double seconds) { return static_cast<uint64_t>(seconds * 1e9); }

  [[noreturn]] static void fail(const std::string& message) { throw std::runtime_error(message); }

  void watch(int how, Connection& c, uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &c;
    if (epoll_ctl(epoll_, how, c.fd, &event) != 0) fail("epoll_ctl: " + std::string(std::strerror(errno)));
  }

  // Serves events until the time, or the number of operations, or until no connection has anything under way.
  void turnUntil(uint64_t deadlineNs, uint64_t ops) {
    uint64_t lastNs = nowNs();
    while (busy_ > 0) {
      const int n = epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), kTurnMs);
      if (n < 0 && errno != EINTR) fail("epoll_wait: " + std::string(std::strerror(errno)));
      for (int i = 0; i < n; i++) serve(*static_cast<Connection*>(events_[i].data.ptr), events_[i].events);
      const uint64_t now = nowNs();
      if (n > 0) lastNs = now;
      if (now - lastNs > uint64_t{kStallMs} * 1000000) fail("no reply for " + std::to_string(kStallMs / 1000) + " s");
      if (now >= deadlineNs || counts_.ops() >= ops) return;
    }
  }

  void serve(Connection& c, uint32_t events) {
    if (events & EPOLLOUT) flush(c);
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(c);
  }

  void startBatch(Connection& c, uint64_t now) {
    if (!sending_ || (limits_.once && nextBatch_ >= pool_->batches())) return;
    if (nextBatch_ >= pool_->batches()) nextBatch_ = 0;
    c.batch = nextBatch_++;
    c.sent = 0;
    c.nextReply = pool_->firstOf(c.batch);
    c.endReply = pool_->endOf(c.batch);
    c.startedNs = now;
    busy_++;
    flush(c);
  }

  void flush(Connection& c) {
    iovec pieces[kPiecesMax];
    bool blocked = false;
    while (!blocked) {
      const int count = pool_->slice(c.batch, c.sent, pieces);
      if (count == 0) break;
      msghdr message{};
      message.msg_iov = pieces;
      message.msg_iovlen = static_cast<size_t>(count);
      const ssize_t n = count == 1 ? send(c.fd, pieces[0].iov_base, pieces[0].iov_len, MSG_NOSIGNAL)
                                   : sendmsg(c.fd, &message, MSG_NOSIGNAL);
      if (n < 0 && errno != EAGAIN) fail("send: " + std::string(std::strerror(errno)));
      blocked = n < 0;
      if (n > 0) {
        c.sent += static_cast<uint64_t>(n);
        counts_.bytesOut += static_cast<uint64_t>(n);
      }
      if (count == 1 && n == static_cast<ssize_t>(pieces[0].iov_len)) break;
    }
    if (blocked == c.wantsOut) return;
    c.wantsOut = blocked;
    watch(EPOLL_CTL_MOD, c, blocked ? EPOLLIN | EPOLLOUT : EPOLLIN);
  }

  void receive(Connection& c) {
    const ssize_t n = recv(c.fd, input_.data(), input_.size(), 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) fail("recv: " + std::string(std::strerror(errno)));
    if (n == 0) fail("the server closed the connection");
    counts_.bytesIn += static_cast<uint64_t>(n);
    if (c.nextReply == c.endReply) fail("a reply to no request");
    if (!parse(c, input_.data(), input_.data() + n)) return;
    const uint64_t now = nowNs();
    latency_.record(now - c.startedNs);
    busy_--;
    startBatch(c, now);
  }

  // @return whether the batch is complete
  bool parse(Connection& c, const char* p, const char* end) {
    while (p < end) {
      if (c.nextReply == c.endReply) fail("more replies than requests");
      if (c.skip > 0) {
        const uint64_t taken = std::min<uint64_t>(c.skip, static_cast<uint64_t>(end - p));
        p += taken;
        c.skip -= taken;
        if (c.skip == 0) settle(c);
        continue;
      }
      const bool isSet = pool_->isSet(c.nextReply);
      const size_t whole = c.line.empty() && !c.sawValue ? protocol_.expected(isSet, p, static_cast<size_t>(end - p)) : 0;
      if (whole > 0) {
        p += whole;
        c.nextReply++;
        (isSet ? counts_.stored : counts_.hits)++;
        continue;
      }
      p = parseLine(c, p, end, isSet);
    }
    return c.nextReply == c.endReply;
  }

  const char* parseLine(Connection& c, const char* p, const char* end, bool isSet) {
    const void* found = std::memchr(p, '\n', static_cast<size_t>(end - p));
    const char* stop = found == nullptr ? end : static_cast<const char*>(found) + 1;
    c.line.append(p, static_cast<size_t>(stop - p));
    if (c.line.size() > kLineMax) fail("a reply line of more than " + std::to_string(kLineMax) + " bytes");
    if (found == nullptr) return stop;
    while (!c.line.empty() && (c.line.back() == '\n' || c.line.back() == '\r')) c.line.pop_back();
    const Reply reply = protocol_.line(c.line, isSet);
    if (reply.outcome == Outcome::invalid) fail("unexpected reply: " + c.line.substr(0, 100));
    if (reply.outcome == Outcome::error && firstError_.empty()) firstError_ = c.line;
    c.line.clear();
    c.pending = reply.outcome;
    c.skip = reply.body;
    if (c.skip == 0) settle(c);
    return stop;
  }

  // A line and its body are complete.
  void settle(Connection& c) {
    if (c.pending == Outcome::more) {
      c.sawValue = true;
      return;
    }
    const Outcome outcome = c.sawValue && c.pending == Outcome::miss ? Outcome::hit : c.pending;
    c.sawValue = false;
    c.nextReply++;
    if (outcome == Outcome::hit) counts_.hits++;
    if (outcome == Outcome::miss) counts_.misses++;
    if (outcome == Outcome::stored) counts_.stored++;
    if (outcome == Outcome::error) counts_.errors++;
  }

  const Protocol& protocol_;
  pid_t serverPid_;
  int epoll_ = -1;
  std::vector<char> input_;
  std::vector<epoll_event> events_;
  std::vector<Connection> connections_;
  Pool<Protocol>* pool_ = nullptr;
  Limits limits_;
  Counts counts_;
  Histogram latency_;
  uint64_t nextBatch_ = 0;
  uint64_t busy_ = 0;
  bool sending_ = false;
  std::string firstError_;
};

}  // namespace load
