// The poller's receiving half: receive() and what leads to it. poller.h has the picture.
#include "poller.h"

#include <algorithm>
#include <cerrno>

#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "sockets.h"

namespace ashlar {
namespace {

// Ends of a batch: as many look-ups as the second-level cache holds index and item lines for.
constexpr uint32_t kBatchCommands = 512;
constexpr uint32_t kBatchKeys = 1024;

// A big frame takes this much of the turn at most, so that one upload does not starve the other connections.
constexpr size_t kBigReceiveBytes = 1024 * 1024;
constexpr int kBigReceives = 4;
// And all of them together: whoever bounds the memory of buffers must be asked before there is much more of them.
constexpr size_t kBigReceivedMax = 8 * kBigReceiveBytes;

// How long replies to a client that has already shut down its side are offered to it.
constexpr int64_t kHalfClosedLingerMs = 2000;

// Slots that mark the poller's own descriptors in epoll's data.
constexpr uint32_t kWakeSlot = 0xffffffff;
constexpr uint32_t kTimerSlot = 0xfffffffe;

constexpr uint32_t kHangUp = EPOLLHUP | EPOLLERR;

bool watch(int epoll, int fd, uint32_t slot) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = epollTag(slot, 0);
  return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
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

int32_t Poller::receive() {
  inReceive_ = true;
  receives_++;
  serial_++;
  batch_.clear();
  offset_ = 0;
  bigReceived_ = 0;
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

// The big frame of the last batch is done with, or given back by suspend().
void Poller::settleDelivered() {
  if (delivered_ == nullptr) return;
  BigFrame* const frame = delivered_;
  delivered_ = nullptr;
  countDelivered(0);
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
  noteBuffers(*c);
}

void Poller::countDelivered(uint64_t memory) {
  countMemory(memory - deliveredCounted_);
  deliveredCounted_ = memory;
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
    if (c == nullptr || c->state != Connection::State::open || c->suspended || c->throttled || !c->bigReady) continue;
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
  noteBuffers(c);
  countDelivered(delivered_->memory());
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
  Connection& c = at(carry_.slot);
  if (c.throttled) {
    if (c.input.save(memory_.input + begin, end - begin)) {
      noteBuffers(c);
    } else {
      closeNow(carry_.slot, c, CloseReason::error);
    }
    return;
  }
  if (end > sizes_.usable / 2) {
    std::memmove(memory_.input, memory_.input + begin, end - begin);
    end -= begin;
    begin = 0;
  }
  offset_ = end;
  split(carry_.slot, c, begin, end);
}

void Poller::splitListed() {
  size_t done = 0;
  while (done < listed_.size() && !batch_.full() && delivered_ == nullptr) {
    const Ref ref = listed_[done];
    Connection* const c = find(ref);
    const bool serve = c != nullptr && c->listed && c->state == Connection::State::open && !c->suspended &&
                       !c->throttled && c->input.savedSize > 0;
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
      if (bigReceived_ > kBigReceivedMax) return;
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
  const bool ended = events & (EPOLLRDHUP | kHangUp);
  switch (c->state) {
    case Connection::State::open:
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
      if (c->throttled) {
        // Its input is asked for again when it goes on.
        if (events & kHangUp) closeNow(slot, *c, CloseReason::error);
        return;
      }
      if (!(events & EPOLLIN) && !ended) return;
      // One span of bytes for each connection in a batch, and what was received before comes first.
      if (c->batch == serial_ || c->bigReady || c->listed || (carry_.valid && carry_.slot == slot)) {
        askAgain(slot, *c);
      } else {
        serve(slot, *c, ended);
      }
      return;
    case Connection::State::failed:
      if (c->batch == serial_) {
        askAgain(slot, *c);
      } else if (ended) {
        closeNow(slot, *c, CloseReason::peer);
      } else if (events & EPOLLIN) {
        setInterest(slot, *c, c->interest & ~static_cast<uint32_t>(EPOLLIN));
      }
      return;
    case Connection::State::lingering: {
      bool any = false;
      if (events & kHangUp) {
        closeNow(slot, *c, CloseReason::peer);
      } else if ((events & (EPOLLIN | EPOLLRDHUP)) && !discardInput(*c, any)) {
        // It may still read.
        setInterest(slot, *c, c->interest & EPOLLOUT);
      } else if (any) {
        askAgain(slot, *c);
      }
      return;
    }
    case Connection::State::draining: {
      bool any = false;
      if ((events & kHangUp) || !discardInput(*c, any)) {
        closeNow(slot, *c, CloseReason::peer);
      } else if (any) {
        askAgain(slot, *c);
      }
      return;
    }
    case Connection::State::free:
    case Connection::State::dead:
      return;
  }
}

// `ended`: the event told of an end of input, which comes behind the bytes that are there.
void Poller::serve(uint32_t slot, Connection& c, bool ended) {
  if (c.input.big != nullptr) {
    serveBig(slot, c, ended);
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
  countReceived(got);
  if (ended || static_cast<size_t>(got) == most) askAgain(slot, c);
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
      c.malformed = true;
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
  if (c.memoryCounted != 0) noteBuffers(c);
}

void Poller::serveBig(uint32_t slot, Connection& c, bool ended) {
  bool more = true;
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
      more = false;
      break;
    }
    countReceived(got);
    bigReceived_ += static_cast<size_t>(got);
    c.input.big->grew(static_cast<size_t>(got));
    if (overQueryLimit(c) || c.input.big->size() > kFrameBytesMax) {
      closeNow(slot, c, CloseReason::queryLimit);
      return;
    }
    status = c.input.big->advance(c.limits);
    if (static_cast<size_t>(got) < available) {
      more = false;
      break;
    }
  }
  if (more || ended) askAgain(slot, c);
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
      c.malformed = true;
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
  noteBuffers(c);
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

}  // namespace ashlar
