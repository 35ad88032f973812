// Brings the index and the items of a batch's keys towards the cache before TypeScript looks them up.
//
//   directory word -> segment -> bucket line (8 entries of [tag | address]) -> item
//
// A look-up is two dependent cache misses, and a batch has hundreds of look-ups that do not depend on each other. So the keys are walked in
// groups, twice: the first walk asks for every bucket's line, the second finds the entry in the lines that have come meanwhile and asks for
// the item's first lines. The directory is small and stays in the cache.
//
// Everything is read without the shard's lock while other threads write: loads are relaxed atomics, every index is checked against
// the shard's length, and a stale or torn word costs a useless prefetch and nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "batch.h"

namespace ashlar {

class Prefetcher {
 public:
  struct Shard {
    const int32_t* words;
    size_t length;
  };

  Prefetcher(std::vector<Shard> shards, uint32_t depthWord, uint32_t directoryWord)
      : shards_(std::move(shards)), depthWord_(depthWord), directoryWord_(directoryWord) {}

  void run(const KeyRef* keys, uint32_t count) const {
    if (shards_.empty()) return;
    while (count > 0) {
      const uint32_t group = count < kGroup ? count : kGroup;
      runGroup(keys, group);
      keys += group;
      count -= group;
    }
  }

 private:
  static constexpr uint32_t kGroup = 64;
  static constexpr uint32_t kBucketWords = 16;
  static constexpr uint32_t kItemLines = 3;
  static constexpr uint32_t kLineBytes = 64;
  static constexpr uint32_t kAddressMask = 0x0fffffff;

  static uint32_t load(const int32_t* word) { return static_cast<uint32_t>(__atomic_load_n(word, __ATOMIC_RELAXED)); }

  void runGroup(const KeyRef* keys, uint32_t count) const {
    const int32_t* buckets[kGroup];
    const Shard* shards[kGroup];
    const uint32_t shardCount = static_cast<uint32_t>(shards_.size());
    for (uint32_t i = 0; i < count; i++) {
      const Shard& shard = shards_[shardCount == 1 ? 0 : keys[i].slot % shardCount];
      const uint32_t tag = keys[i].tag;
      buckets[i] = nullptr;
      shards[i] = &shard;
      if (depthWord_ >= shard.length) continue;
      const uint32_t depth = load(shard.words + depthWord_);
      if (depth > 31) continue;
      const size_t directory = size_t{directoryWord_} + ((tag >> 1) >> (31 - depth));
      if (directory >= shard.length) continue;
      const size_t bucket = size_t{load(shard.words + directory)} + (size_t{tag & 1023} << 4);
      if (bucket + kBucketWords > shard.length) continue;
      buckets[i] = shard.words + bucket;
      __builtin_prefetch(buckets[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
      const int32_t* const bucket = buckets[i];
      if (bucket == nullptr) continue;
      const Shard& shard = *shards[i];
      const uint32_t tag = keys[i].tag;
      uint32_t entry = 0;
      while (entry < kBucketWords && load(bucket + entry) != tag) entry += 2;
      if (entry == kBucketWords) {
        // Entries went past this bucket: the look-up will go on to the next one.
        const bool overflowed = (load(bucket + 1) & ~kAddressMask) != 0;
        if (overflowed && static_cast<size_t>(bucket - shard.words) + 2 * kBucketWords <= shard.length)
          __builtin_prefetch(bucket + kBucketWords);
        continue;
      }
      const size_t item = size_t{load(bucket + entry + 1) & kAddressMask} * 8;
      const size_t bytes = shard.length * sizeof(int32_t);
      if (item == 0 || item >= bytes) continue;
      const char* const address = reinterpret_cast<const char*>(shard.words) + item;
      for (uint32_t line = 0; line < kItemLines && item + line * kLineBytes < bytes; line++)
        __builtin_prefetch(address + line * kLineBytes);
    }
  }

  const std::vector<Shard> shards_;
  const uint32_t depthWord_;
  const uint32_t directoryWord_;
};

}  // namespace ashlar
