// Requests rendered beforehand. A pool is a row of requests in one block of memory; a batch is `depth` neighbours, so that sending
// a batch is sending a slice:
//
//   bytes   GET key:..7 | GET key:..1 | SET key:..4 value | GET key:..9 | ...
//            └────────── batch 0 ────────────┘ └────────── batch 1 ──────
//
// Values of kSharedFrom bytes and more are not in the block: all SETs of the pool send the same value from one place, as further
// pieces of the same sendmsg. So the generator's memory stays small, and copying a large value doesn't cost it cache misses.
#pragma once

#include <sys/uio.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "keys.h"

namespace load {

inline constexpr uint32_t kSharedFrom = 512;
inline constexpr int kPiecesMax = 512;

struct Shape {
  uint32_t keySize;
  uint32_t valueSize;
  uint32_t depth;
};

// Pseudo-random printable bytes.
inline std::string printable(size_t length, Random& random) {
  std::string text(length, ' ');
  for (char& c : text) c = static_cast<char>('!' + random.below(94));
  return text;
}

template <class Protocol>
class Pool {
 public:
  Pool(const Protocol& protocol, const Shape& shape, uint64_t seed)
      : protocol_(protocol), shape_(shape), random_(seed), values_(printable(shape.valueSize + kWindow, random_)) {
    shared_ = values_.substr(0, shape.valueSize) + protocol.setTail();
    starts_.push_back(0);
  }

  void reserve(uint64_t requests, bool sets) {
    starts_.reserve(requests + 1);
    isSet_.reserve(requests);
    bytes_.reserve(requests * bytesOf(sets) + 4096);
  }

  // About how much memory one request takes.
  uint64_t bytesOf(bool isSet) const {
    return 48 + shape_.keySize + (isSet && !sharesValues() ? shape_.valueSize + protocol_.setTail().size() + 16 : 0);
  }

  void addGet(uint64_t keyNumber) {
    protocol_.appendGet(bytes_, key(keyNumber));
    close(false);
  }

  void addSet(uint64_t keyNumber) {
    protocol_.appendSetHead(bytes_, key(keyNumber));
    if (!sharesValues()) {
      bytes_.append(values_, random_.below(kWindow), shape_.valueSize).append(protocol_.setTail());
    }
    close(true);
  }

  void clear() {
    bytes_.clear();
    isSet_.clear();
    starts_.resize(1);
  }

  uint64_t requests() const { return isSet_.size(); }
  uint64_t batches() const { return (requests() + shape_.depth - 1) / shape_.depth; }
  uint64_t firstOf(uint64_t batch) const { return batch * shape_.depth; }
  uint64_t endOf(uint64_t batch) const { return std::min((batch + 1) * shape_.depth, requests()); }
  bool isSet(uint64_t request) const { return isSet_[request] != 0; }

  // What is still to send of a batch when `sent` bytes of it are gone. @return pieces written to `pieces` (kPiecesMax at most,
  // the batch may need more than one sendmsg); 0 when nothing is left
  int slice(uint64_t batch, uint64_t sent, iovec* pieces) {
    if (!sharesValues()) {
      const uint64_t from = starts_[firstOf(batch)] + sent;
      return addPiece(pieces, 0, bytes_.data() + from, starts_[endOf(batch)] - from);
    }
    int count = 0;
    for (uint64_t r = firstOf(batch); r < endOf(batch) && count + 2 <= kPiecesMax; r++) {
      count = addRest(pieces, count, bytes_.data() + starts_[r], starts_[r + 1] - starts_[r], sent);
      if (isSet(r)) count = addRest(pieces, count, shared_.data(), shared_.size(), sent);
    }
    return count;
  }

 private:
  static constexpr uint32_t kWindow = 4096;

  bool sharesValues() const { return shape_.valueSize >= kSharedFrom; }

  const std::string& key(uint64_t number) {
    key_.clear();
    appendKey(key_, number, shape_.keySize);
    return key_;
  }

  void close(bool isSet) {
    isSet_.push_back(isSet ? 1 : 0);
    starts_.push_back(bytes_.size());
  }

  // Adds a piece without its first `skip` bytes, and takes what it skipped from `skip`.
  static int addRest(iovec* pieces, int count, char* data, uint64_t length, uint64_t& skip) {
    const uint64_t skipped = std::min(skip, length);
    skip -= skipped;
    return addPiece(pieces, count, data + skipped, length - skipped);
  }

  static int addPiece(iovec* pieces, int count, char* data, uint64_t length) {
    if (length == 0) return count;
    pieces[count] = {data, length};
    return count + 1;
  }

  const Protocol& protocol_;
  Shape shape_;
  Random random_;
  std::string values_, shared_, key_, bytes_;
  std::vector<uint64_t> starts_;
  std::vector<uint8_t> isSet_;
};

}  // namespace load
