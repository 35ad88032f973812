// One epoll set with its connections, for one thread: receives, splits and prefetches a batch at a time, and sends replies.
//
//   receive():  events that wait ─▶ a held big frame (alone) ─▶ carry ─▶ listed connections ─▶ ready sockets
//
//   input arena of one batch:
//   | saved tail + received | received | saved tail + received | ...            | kSlack |
//     connection a            b          c                       offset_ ──▶
//
//   carry    what the last batch had no room for, still in the arena: the next receive() splits on where it lies
//   listed   connections with saved input that can be split: resumed ones
//   held     big frames are delivered alone; one that completes beside other commands waits for the next receive()
//
// epoll is edge-triggered: an event is reported once, and the kernel does not look at every socket again to see whether it still is ready. So whoever leaves
// bytes in a socket that an event told of, or an end of input, asks for the event again (askAgain), or stops asking for input at all (setInterest): asking
// anew for it reports what is there. A read that did not fill its buffer has emptied the socket. A suspended connection's input is no longer asked for
// only when the first such event comes, since most suspended clients send nothing.
//
// The set's descriptor is readable whenever there is something to do: work that no socket announces (carry, listed, events not yet seen to) is announced
// through an eventfd at the end of a turn, and deadlines of closing connections through a timerfd.
//
// poller.cc receives, poller_output.cc sends, poller_connections.cc has the life of a connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <sys/epoll.h>

#include "batch.h"
#include "connection.h"
#include "prefetch.h"

namespace ashlar {

enum class CloseReason : int32_t { peer = 0, error = 1, outputLimit = 2, queryLimit = 3 };

struct PollerMemory {
  uint8_t* input;
  size_t inputBytes;
  int32_t* commands;
  size_t commandWords;
  int32_t* args;
  size_t argWords;
  const uint8_t* output;
  size_t outputBytes;
  const int32_t* segments;
  size_t segmentWords;
  // One word per connection slot; the number of slots follows from it.
  const int32_t* databases;
  size_t slots;
  // One word: 1 while the buffers take less or more than setBufferWatch() says, else 0.
  int32_t* full;
  // Salt of each logical database.
  const int32_t* salts;
  size_t saltCount;
};

struct PollerStats {
  uint64_t connections = 0;
  uint64_t bytesReceived = 0;
  uint64_t bytesSent = 0;
  uint64_t pendingInput = 0;
  uint64_t pendingOutput = 0;
  uint64_t receives = 0;
  uint64_t frames = 0;
  // Bytes of memory that the buffers of all connections take.
  uint64_t buffers = 0;
  // Times that bytes came from a socket, and that a socket took some.
  uint64_t reads = 0;
  uint64_t writes = 0;
};

class Poller {
 public:
  Poller(const PollerMemory& memory, SplitterSettings settings, Prefetcher prefetcher);
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // 0, or the errno with which the epoll set could not be made.
  int failure() const { return failure_; }
  int epollFd() const { return epoll_; }

  // Inside a turn (the caller receives until nothing is left) work needs no announcement.
  void turnBegin() { inTurn_ = true; }
  void turnEnd() {
    inTurn_ = false;
    announce();
  }

  int32_t add(int fd, int32_t speaks);
  int32_t receive();
  // The frame of a FLAG_BIG descriptor, or null. Freed by the next receive().
  BigFrame* delivered() { return delivered_; }
  void flush(uint32_t count);
  void suspend(int32_t slot, int64_t offset);
  void resume(int32_t slot);
  // As suspend(), for a connection that has too much output pending: until its peer has taken half of it. False when it has not.
  bool hold(int32_t slot, int64_t offset);
  void close(int32_t slot, int64_t lingerMs);
  void setLimits(int32_t slot, int64_t argumentsMax, int64_t bulkBytesMax, uint64_t outputBytesMax);
  void setQueryBufferLimit(uint64_t bytes) { queryBytesMax_ = bytes; }
  // Bytes of buffers below and above which `full` is set; and bytes of pending output from which on a connection is throttled.
  void setBufferWatch(uint64_t least, uint64_t most, uint64_t throttleAbove);
  void setKeepAlive(int32_t slot, int32_t seconds);
  std::string peerAddress(int32_t slot) const;
  std::string localAddress(int32_t slot) const;
  int fd(int32_t slot) const;
  uint64_t pendingOutput(int32_t slot) const;
  uint64_t pendingInput(int32_t slot) const;
  uint64_t buffers(int32_t slot) const;
  PollerStats stats() const;

 private:
  struct Ref {
    uint32_t slot;
    uint32_t generation;
  };
  struct Closed {
    uint32_t slot;
    CloseReason reason;
  };
  struct Carry {
    bool valid = false;
    uint32_t slot = 0;
    uint32_t begin = 0;
    uint32_t end = 0;
  };

  static constexpr uint32_t kBlock = 256;
  static constexpr int kEventsMax = 256;
  // A connection is throttled from this much pending output on at the latest.
  static constexpr uint64_t kThrottleMost = 64ull * 1024 * 1024;

  Connection& at(uint32_t slot) { return blocks_[slot / kBlock][slot % kBlock]; }
  const Connection& at(uint32_t slot) const { return blocks_[slot / kBlock][slot % kBlock]; }
  // The connection of a slot as named by TypeScript, when it has a socket.
  Connection* live(int32_t slot);
  const Connection* live(int32_t slot) const { return const_cast<Poller*>(this)->live(slot); }
  // The connection that a list meant, unless its slot has a new user.
  Connection* find(Ref ref);

  void settleDelivered();
  void countDelivered(uint64_t memory);
  void giveBack(uint32_t slot, Connection& c, int64_t offset);
  void goOn(uint32_t slot, Connection& c);
  void releaseSlots();
  void reportClosed();
  bool deliverHeld();
  void splitCarry();
  void splitListed();
  void pollSockets();

  void handleEvent(const epoll_event& event);
  void serve(uint32_t slot, Connection& c, bool ended);
  void serveBig(uint32_t slot, Connection& c, bool ended);
  void bigAdvanced(uint32_t slot, Connection& c, BigFrame::Status status);
  void deliver(uint32_t slot, Connection& c);
  void split(uint32_t slot, Connection& c, uint32_t begin, uint32_t end);
  void list(uint32_t slot, Connection& c);
  bool overQueryLimit(const Connection& c) const { return c.input.bytes() > queryBytesMax_; }
  void endOfInput(uint32_t slot, Connection& c);

  // False when the connection is closed by it.
  bool sendPending(uint32_t slot, Connection& c);
  bool keepOutput(uint32_t slot, Connection& c, const uint8_t* bytes, size_t count);
  void linger(uint32_t slot, Connection& c, int64_t lingerMs);
  void closeAfter(uint32_t slot, Connection& c, int64_t ms);
  void finish(uint32_t slot, Connection& c);
  bool discardInput(Connection& c, bool& any);
  void checkDeadlines();
  void closeNow(uint32_t slot, Connection& c, CloseReason reason);
  void dropInput(uint32_t slot, Connection& c);

  void setInterest(uint32_t slot, Connection& c, uint32_t interest);
  void askAgain(uint32_t slot, Connection& c);
  void updateInterest(uint32_t slot, Connection& c);
  void countReceived(ssize_t got) {
    bytesReceived_ += static_cast<uint64_t>(got);
    reads_++;
  }
  void countSent(ssize_t sent) {
    bytesSent_ += static_cast<uint64_t>(sent);
    writes_++;
  }
  // Brings the sums over all connections up to what this one keeps.
  void noteBuffers(Connection& c) {
    const uint64_t bytes = c.input.bytes();
    pendingInput_ += bytes - c.inputCounted;
    c.inputCounted = bytes;
    const uint64_t memory = c.memory();
    countMemory(memory - c.memoryCounted);
    c.memoryCounted = memory;
  }
  // `more` may be negative, modulo 2^64.
  void countMemory(uint64_t more) {
    buffers_ += more;
    *memory_.full = buffers_ > buffersMost_ || buffers_ < buffersLeast_ ? 1 : 0;
  }
  uint32_t salt(uint32_t slot) const;
  bool hasWork() const {
    return carry_.valid || !listed_.empty() || !held_.empty() || !closed_.empty() || !closing_.empty() ||
           eventNext_ < eventCount_;
  }
  void announce();
  void armTimer(int64_t firstMs);

  const PollerMemory memory_;
  const SplitterSettings settings_;
  const Prefetcher prefetcher_;
  const ArenaSizes sizes_;
  Batch batch_;

  int epoll_ = -1;
  int wake_ = -1;
  int timer_ = -1;
  int failure_ = 0;
  bool woken_ = false;
  bool timerArmed_ = false;
  bool inTurn_ = false;
  bool inReceive_ = false;

  std::vector<std::unique_ptr<Connection[]>> blocks_;
  uint32_t slotsUsed_ = 0;
  std::vector<uint32_t> free_;
  // Reported as closed in the current batch: free when the next one begins.
  std::vector<uint32_t> releasing_;
  // Closed, and not reported yet.
  std::vector<Closed> closed_;
  std::vector<Ref> listed_;
  std::vector<Ref> held_;
  // close() was called since the last receive().
  std::vector<Ref> closing_;
  // Connections with a deadline.
  std::vector<Ref> expiring_;
  Carry carry_;

  BigFrame* delivered_ = nullptr;
  Ref deliveredTo_{0, 0};
  bool givenBack_ = false;

  epoll_event events_[kEventsMax];
  int eventCount_ = 0;
  int eventNext_ = 0;

  // Number of the current batch.
  uint32_t serial_ = 0;
  // Where the next bytes go in the input arena.
  uint32_t offset_ = 0;
  uint64_t queryBytesMax_ = 1024ull * 1024 * 1024;
  uint64_t buffersLeast_ = 0;
  uint64_t buffersMost_ = UINT64_MAX;
  uint64_t throttleAbove_ = kThrottleMost;
  // Bytes that big frames have taken in this receive().
  size_t bigReceived_ = 0;

  uint64_t connections_ = 0;
  uint64_t bytesReceived_ = 0;
  uint64_t bytesSent_ = 0;
  uint64_t reads_ = 0;
  uint64_t writes_ = 0;
  uint64_t pendingInput_ = 0;
  uint64_t pendingOutput_ = 0;
  uint64_t buffers_ = 0;
  uint64_t deliveredCounted_ = 0;
  uint64_t receives_ = 0;
};

}  // namespace ashlar
