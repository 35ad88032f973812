// The poller's sending half: flush(), what sockets did not take, and what is asked of epoll. poller.h has the picture.
#include "poller.h"
#include "sockets.h"

namespace ashlar {

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
        countSent(sent);
        continue;
      }
      if (sent < 0 && !wouldBlock()) {
        closeNow(static_cast<uint32_t>(slot), *c, CloseReason::error);
        continue;
      }
      if (sent > 0) {
        countSent(sent);
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
  // Where there is a limit at which it is closed, it may come to that.
  if (c.output.size() > throttleAbove_ && (c.outputBytesMax == 0 || c.outputBytesMax > kThrottleMost)) c.throttled = true;
  noteBuffers(c);
  updateInterest(slot, c);
  return true;
}

bool Poller::sendPending(uint32_t slot, Connection& c) {
  while (c.output.size() > 0) {
    // Until it takes no more: only then does epoll tell when it does again.
    const ssize_t sent = sendSome(c.fd, c.output.data(), c.output.size());
    if (sent < 0) {
      if (wouldBlock()) break;
      closeNow(slot, c, CloseReason::error);
      return false;
    }
    countSent(sent);
    pendingOutput_ -= static_cast<uint64_t>(sent);
    c.output.consume(static_cast<size_t>(sent));
  }
  noteBuffers(c);
  const bool goesOn = c.throttled && c.output.size() <= throttleAbove_ / 2;
  if (goesOn) c.throttled = false;
  updateInterest(slot, c);
  if (goesOn) goOn(slot, c);
  return true;
}

void Poller::setInterest(uint32_t slot, Connection& c, uint32_t interest) {
  if (interest == c.interest) return;
  c.interest = interest;
  askAgain(slot, c);
}

// What is asked for is reported once more if it is there.
void Poller::askAgain(uint32_t slot, Connection& c) {
  epoll_event event{};
  event.events = c.interest | EPOLLET;
  event.data.u64 = epollTag(slot, c.generation);
  // It cannot fail: the socket is in the set, and only adding one takes memory.
  epoll_ctl(epoll_, EPOLL_CTL_MOD, c.fd, &event);
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

}  // namespace ashlar
