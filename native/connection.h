// One connection of a poller, and the buffer of output that its socket did not take.
//
// A connection's states:
//
//   free ──add──▶ open ──protocol error──▶ failed ──┐
//                   │                                ├─close(linger)──▶ lingering ──sent──▶ draining ──▶ dead
//                   └────────────────────────────────┘                                                    ▲
//                   └──────────── peer closed, error, limit, close(0) ────────────────────────────────────┘
//
//   failed      answered by TypeScript, reads nothing more
//   lingering   sends what is pending; input is thrown away, for the peer may not read before it has sent everything
//   draining    wrote its FIN; input that was still coming is thrown away, for closing a socket with unread input would
//               send a reset, and that destroys the reply before the peer has read it. A peer may have much to send before it reads: as long as it
//               gets on with that, up to a bound, it is waited for
//   dead        the socket is closed; EVENT_CLOSED is reported or about to be; free from the next receive() on
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "big_frame.h"

namespace ashlar {

// Bytes waiting for a socket: data_[head_, tail_). Owns memory only while something waits.
class OutputBuffer {
 public:
  OutputBuffer() = default;
  ~OutputBuffer() { clear(); }
  OutputBuffer(const OutputBuffer&) = delete;
  OutputBuffer& operator=(const OutputBuffer&) = delete;

  size_t size() const { return tail_ - head_; }
  // Bytes of memory that it takes: what was sent, and lies in front of the rest, included; what was never written to is not.
  size_t memory() const { return touched_; }
  const uint8_t* data() const { return data_ + head_; }

  bool append(const uint8_t* bytes, size_t count) {
    if (tail_ + count > capacity_ && !makeRoom(count)) return false;
    std::memcpy(data_ + tail_, bytes, count);
    tail_ += count;
    if (tail_ > touched_) touched_ = tail_;
    return true;
  }

  void consume(size_t count) {
    head_ += count;
    if (head_ == tail_) clear();
  }

  void clear() {
    std::free(data_);
    data_ = nullptr;
    head_ = tail_ = capacity_ = touched_ = 0;
  }

 private:
  bool makeRoom(size_t count) {
    const size_t used = tail_ - head_;
    // Moving pays when at least half of the buffer is free in front: then each byte is moved once on average.
    if (head_ >= used && used + count <= capacity_) {
      std::memmove(data_, data_ + head_, used);
      head_ = 0;
      tail_ = used;
      return true;
    }
    size_t capacity = capacity_ < 4096 ? 4096 : capacity_;
    while (capacity < used + count) capacity *= 2;
    if (capacity == capacity_) capacity *= 2;
    // With nothing consumed the allocator may move pages instead of bytes.
    uint8_t* const grown = static_cast<uint8_t*>(head_ == 0 ? std::realloc(data_, capacity) : std::malloc(capacity));
    if (grown == nullptr) return false;
    if (head_ != 0) {
      std::memcpy(grown, data_ + head_, used);
      std::free(data_);
    }
    data_ = grown;
    head_ = 0;
    tail_ = touched_ = used;
    capacity_ = capacity;
    return true;
  }

  uint8_t* data_ = nullptr;
  size_t head_ = 0;
  size_t tail_ = 0;
  size_t capacity_ = 0;
  // Bytes from the beginning on that were ever written to.
  size_t touched_ = 0;
};

struct Connection {
  enum class State : uint8_t { free, open, failed, lingering, draining, dead };

  int fd = -1;
  // Distinguishes the users of a slot, in epoll events and lists that outlive one.
  uint32_t generation = 0;
  State state = State::free;
  bool suspended = false;
  // Too much output is pending: nothing is read or executed until the peer has taken half of it.
  bool throttled = false;
  // In the list of connections whose saved input can be split.
  bool listed = false;
  // The big frame is complete and waits for a batch of its own.
  bool bigReady = false;
  bool isUnix = false;
  // What it sent was no frame, and it goes on sending for all we know.
  bool malformed = false;
  int32_t speaks = kSpeaksResp;
  // Bytes still to come that are thrown away: the rest of a frame that was too large. Nothing is saved while there are any.
  uint64_t skip = 0;
  // Events asked of epoll.
  uint32_t interest = 0;
  // The batch that this connection last had bytes in, and where they were in the arena.
  uint32_t batch = 0;
  uint32_t batchBegin = 0;
  uint32_t batchEnd = 0;
  FrameLimits limits;
  uint64_t outputBytesMax = 0;
  // When it is closed at the latest, 0 = never; and for how long that is put off while the peer gets on with sending.
  uint64_t deadline = 0;
  uint64_t lingerMs = 0;
  // Bytes that the peer has sent and that were thrown away since the connection is ending.
  uint64_t discarded = 0;
  // What this connection's input, and all its buffers' memory, were last counted as in the poller's sums.
  uint64_t inputCounted = 0;
  uint64_t memoryCounted = 0;
  FrameInput input;
  OutputBuffer output;

  // Bytes of memory that its buffers take.
  uint64_t memory() const { return input.memory() + output.memory(); }
};

}  // namespace ashlar
