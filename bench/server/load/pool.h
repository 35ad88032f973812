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
#include <string_view>
#include <vector>

#include "keys.h"
#include "protocol.h"

namespace load {

inline constexpr uint32_t kSharedFrom = 512;
inline constexpr int kPiecesMax = 512;

struct Shape {
  Sizes sizes;
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
      : protocol_(protocol), shape_(shape), random_(seed), values_(printable(shape.sizes.value + kWindow, random_)) {
    shared_ = values_.substr(0, shape.sizes.value) + protocol.setTail();
    starts_.push_back(0);
  }

  void reserve(uint64_t requests, Kind kind) {
    starts_.reserve(requests + 1);
    kinds_.reserve(requests);
    bytes_.reserve(requests * bytesOf(kind) + 4096);
  }

  // About how much memory one request takes.
  uint64_t bytesOf(Kind kind) const {
    const uint64_t head = 48 + shape_.sizes.key;
    if (kind == Kind::multi) return head * shape_.sizes.multi;
    return head + (kind == Kind::set && !sharesValues() ? shape_.sizes.value + protocol_.setTail().size() + 16 : 0);
  }

  void addGet(uint64_t keyNumber) {
    protocol_.appendGet(bytes_, key(keyNumber));
    close(Kind::get);
  }

  // @param nextKey called for each of the keys
  template <class NextKey>
  void addMulti(NextKey nextKey) {
    bytes_.append(protocol_.multiHead());
    for (uint32_t i = 0; i < shape_.sizes.multi; i++) protocol_.appendMultiKey(bytes_, key(nextKey()));
    bytes_.append(protocol_.multiTail());
    close(Kind::multi);
  }

  void addSet(uint64_t keyNumber) {
    protocol_.appendSetHead(bytes_, key(keyNumber));
    if (!sharesValues()) {
      bytes_.append(values_, random_.below(kWindow), shape_.sizes.value).append(protocol_.setTail());
    }
    close(Kind::set);
  }

  void clear() {
    bytes_.clear();
    kinds_.clear();
    starts_.resize(1);
  }

  uint64_t requests() const { return kinds_.size(); }
  uint64_t batches() const { return (requests() + shape_.depth - 1) / shape_.depth; }
  uint64_t firstOf(uint64_t batch) const { return batch * shape_.depth; }
  uint64_t endOf(uint64_t batch) const { return std::min((batch + 1) * shape_.depth, requests()); }
  Kind kindOf(uint64_t request) const { return kinds_[request]; }
  uint32_t keysOf(Kind kind) const { return kind == Kind::multi ? shape_.sizes.multi : 1; }

  // The i-th key of a request, as it was written.
  std::string_view keyOf(uint64_t request, Kind kind, uint32_t i) const {
    return {bytes_.data() + starts_[request] + protocol_.keyAt(kind) + i * protocol_.multiStride(), shape_.sizes.key};
  }

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
      if (kindOf(r) == Kind::set) count = addRest(pieces, count, shared_.data(), shared_.size(), sent);
    }
    return count;
  }

 private:
  static constexpr uint32_t kWindow = 4096;

  bool sharesValues() const { return shape_.sizes.value >= kSharedFrom; }

  const std::string& key(uint64_t number) {
    key_.clear();
    appendKey(key_, number, shape_.sizes.key);
    return key_;
  }

  void close(Kind kind) {
    kinds_.push_back(kind);
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
  std::vector<Kind> kinds_;
};

}  // namespace load
