// The loop: every connection sends a batch of `depth` requests, waits for all of its replies, and sends the next. One thread, one
// epoll set. A batch's latency is from its send to its last reply.
//
// With a rate, a connection rests after its batch, and each batch begins when it is due. When all connections are busy then, it
// begins as soon as one isn't, and its latency is from when it was due: a server that stalls isn't spared the requests of that time.
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
#include <string_view>
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
  double batchesPerSecond = 0;    // 0: as many as the server takes
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
    idle_.clear();
    intervalNs_ = limits.batchesPerSecond > 0 ? toNs(1 / limits.batchesPerSecond) : 0;
    dueNs_ = start;
    starved_ = false;
    for (Connection& c : connections_) proceed(c, start);

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
  static constexpr size_t kHeldMax = 1024;
  static constexpr int kStallMs = 20000;
  static constexpr int kTurnMs = 100;
  static constexpr int kPacedTurnMs = 1;

  struct Connection {
    int fd = -1;
    bool wantsOut = false;
    uint64_t batch = 0, sent = 0;
    uint64_t nextReply = 0, endReply = 0;  // request numbers; equal: nothing is under way
    uint64_t startedNs = 0;
    uint32_t answered = 0;                 // keys of the request whose reply is under way
    uint64_t skip = 0;                     // bytes of a frame still to come
    Part pending = Part::invalid;          // what counts when that frame is complete
    std::string held;                      // the beginning of a frame that says too little
  };

  static uint64_t toNs(double seconds) { return static_cast<uint64_t>(seconds * 1e9); }

  [[noreturn]] static void fail(const std::string& message) { throw std::runtime_error(message); }

  void watch(int how, Connection& c, uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &c;
    if (epoll_ctl(epoll_, how, c.fd, &event) != 0) fail("epoll_ctl: " + std::string(std::strerror(errno)));
  }

  // Serves events until the time, or the number of operations, or until there is nothing more to do.
  void turnUntil(uint64_t deadlineNs, uint64_t ops) {
    const bool paced = sending_ && intervalNs_ > 0;
    uint64_t lastNs = nowNs();
    while (busy_ > 0 || paced) {
      const int n = epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), paced ? kPacedTurnMs : kTurnMs);
      if (n < 0 && errno != EINTR) fail("epoll_wait: " + std::string(std::strerror(errno)));
      for (int i = 0; i < n; i++) serve(*static_cast<Connection*>(events_[i].data.ptr), events_[i].events);
      const uint64_t now = nowNs();
      if (n > 0 || busy_ == 0) lastNs = now;
      if (now - lastNs > uint64_t{kStallMs} * 1000000) fail("no reply for " + std::to_string(kStallMs / 1000) + " s");
      if (now >= deadlineNs || counts_.ops() >= ops) return;
      if (paced) startDue(now);
    }
  }

  void serve(Connection& c, uint32_t events) {
    if (events & EPOLLOUT) flush(c);
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(c);
  }

  // A connection has nothing under way.
  void proceed(Connection& c, uint64_t now) {
    if (intervalNs_ == 0) return startBatch(c, now);
    idle_.push_back(&c);
    startDue(now);
  }

  // Starts what is due, as far as there are connections that rest.
  void startDue(uint64_t now) {
    while (sending_ && !idle_.empty() && dueNs_ <= now) {
      Connection& c = *idle_.back();
      idle_.pop_back();
      startBatch(c, starved_ ? dueNs_ : now);
      dueNs_ += intervalNs_;
    }
    starved_ = idle_.empty();
  }

  void startBatch(Connection& c, uint64_t startedNs) {
    if (!sending_ || (limits_.once && nextBatch_ >= pool_->batches())) return;
    if (nextBatch_ >= pool_->batches()) nextBatch_ = 0;
    c.batch = nextBatch_++;
    c.sent = 0;
    c.nextReply = pool_->firstOf(c.batch);
    c.endReply = pool_->endOf(c.batch);
    c.startedNs = startedNs;
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
    proceed(c, now);
  }

  // @return whether the batch is complete
  bool parse(Connection& c, const char* p, const char* end) {
    while (p < end) {
      if (c.nextReply == c.endReply) fail("more replies than requests");
      if (c.skip > 0) {
        const uint64_t taken = std::min<uint64_t>(c.skip, static_cast<uint64_t>(end - p));
        p += taken;
        c.skip -= taken;
        if (c.skip == 0) settle(c, c.pending);
        continue;
      }
      const Kind kind = pool_->kindOf(c.nextReply);
      const size_t whole = c.held.empty() && c.answered < pool_->keysOf(kind)
                               ? protocol_.usual(kind, pool_->keyOf(c.nextReply, kind, c.answered).data(), p, static_cast<size_t>(end - p))
                               : 0;
      if (whole > 0) {
        p += whole;
        settle(c, kind == Kind::set ? Part::stored : Part::value);
        continue;
      }
      p = takeFrame(c, kind, p, end);
    }
    return c.nextReply == c.endReply;
  }

  // Takes what there is of the next frame. @return where the rest begins
  const char* takeFrame(Connection& c, Kind kind, const char* p, const char* end) {
    if (c.held.empty()) {
      const auto available = static_cast<size_t>(end - p);
      const Frame frame = protocol_.frame(kind, p, available);
      if (frame.size == 0) return hold(c, p, available);
      open(c, kind, frame, p, std::min<uint64_t>(frame.size, available));
      return p + std::min<uint64_t>(frame.size, available);
    }
    const size_t before = c.held.size();
    const size_t added = std::min(kHeldMax - before, static_cast<size_t>(end - p));
    c.held.append(p, added);
    const Frame frame = protocol_.frame(kind, c.held.data(), c.held.size());
    if (frame.size == 0) return hold(c, p + added, 0);
    const uint64_t there = std::min<uint64_t>(frame.size, c.held.size());
    open(c, kind, frame, c.held.data(), there);
    c.held.clear();
    return p + (there - before);
  }

  const char* hold(Connection& c, const char* p, size_t bytes) {
    if (c.held.size() + bytes >= kHeldMax) fail("a reply of which " + std::to_string(kHeldMax) + " bytes say nothing");
    c.held.append(p, bytes);
    return p + bytes;
  }

  // A frame has begun, of which `there` bytes have come.
  void open(Connection& c, Kind kind, const Frame& frame, const char* p, uint64_t there) {
    std::string text(p, std::min<uint64_t>(there, 100));
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    for (char& byte : text) byte = byte < ' ' || byte > '~' ? '.' : byte;
    if (frame.part == Part::invalid) fail("unexpected reply: " + text);
    if (frame.part == Part::error && firstError_.empty()) firstError_ = text;
    if (frame.part == Part::value) skipMissed(c, kind, frame.key);
    c.pending = frame.part;
    c.skip = frame.size - there;
    if (c.skip == 0) settle(c, frame.part);
  }

  // The value that comes next says whose it is: keys before it were missed. Values come in the order of the keys.
  void skipMissed(Connection& c, Kind kind, std::string_view key) {
    const uint32_t keys = pool_->keysOf(kind);
    while (!key.empty() && c.answered < keys && !detail::endsWith(pool_->keyOf(c.nextReply, kind, c.answered), key)) {
      c.answered++;
      counts_.misses++;
    }
    if (c.answered == keys) fail("a value that was not asked for: " + std::string(key));
  }

  // A frame is complete.
  void settle(Connection& c, Part part) {
    const Kind kind = pool_->kindOf(c.nextReply);
    const uint32_t left = pool_->keysOf(kind) - c.answered;
    if (part == Part::start) return;
    if (part == Part::value) counts_.hits++;
    if (part == Part::stored) counts_.stored++;
    if (part == Part::miss) counts_.misses++;
    if (part == Part::end) counts_.misses += left;
    const bool last = part == Part::end || (part == Part::error && Protocol::kErrorIsLast);
    if (part == Part::error) counts_.errors += last ? left : std::min(left, 1u);
    c.answered = last ? c.answered + left : c.answered + std::min(left, 1u);
    const bool ends = kind == Kind::get ? Protocol::kGetEnds : kind == Kind::multi && Protocol::kMultiEnds;
    if (!last && (ends || left > 1)) return;
    c.answered = 0;
    c.nextReply++;
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
  std::vector<Connection*> idle_;
  uint64_t intervalNs_ = 0, dueNs_ = 0;
  bool starved_ = false;  // no connection was free for what was due
  uint64_t nextBatch_ = 0;
  uint64_t busy_ = 0;
  bool sending_ = false;
  std::string firstError_;
};

}  // namespace load
