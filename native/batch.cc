// The part of a batch that all protocols share; batch.h says what it is.
#include "batch.h"

#include <algorithm>
#include <cstring>

#include "big_frame.h"

namespace ashlar {

Batch::Batch(const SplitterSettings& settings, int32_t* commands, uint32_t commandCapacity, int32_t* args,
             uint32_t argCapacity, uint32_t commandsMax, uint32_t keysMax)
    : settings_(settings),
      commands_(commands),
      args_(args),
      argCapacity_(argCapacity),
      commandsMax_(std::min(commandCapacity, commandsMax)),
      keysMax_(keysMax) {
  keyRefs_.resize(keysMax);
}

void Batch::clear() {
  commandCount_ = 0;
  argCount_ = 0;
  keyCount_ = 0;
  keyRefCount_ = 0;
  exhausted_ = false;
  if (!originals_.empty()) {
    originals_.clear();
    originalBytes_.clear();
  }
}

void Batch::event(int32_t connection, int32_t event, int32_t word2, int32_t word3) {
  int32_t* const command = commands_ + commandCount_ * kCommandWords;
  command[0] = connection;
  command[1] = event;
  command[2] = word2;
  command[3] = word3;
  command[4] = command[5] = command[6] = command[7] = 0;
  commandCount_++;
}

SplitResult Batch::split(int32_t connection, int32_t speaks, uint8_t* input, uint32_t begin, uint32_t end,
                         const FrameLimits& limits, uint32_t salt) {
  if (speaks == kSpeaksMemcachedText) return splitText(connection, input, begin, end, limits, salt);
  if (speaks == kSpeaksMemcachedBinary) return splitBinary(connection, input, begin, end, limits, salt);
  return splitResp(connection, input, begin, end, limits, salt);
}

void Batch::big(int32_t connection, BigFrame& frame, uint32_t salt) {
  const uint32_t end = static_cast<uint32_t>(frame.frameBytes());
  const int32_t flags = kFlagBig | frame.flags();
  const MemcachedTable::Entry* const entry = frame.memcached();
  if (entry == nullptr) {
    describeResp(connection, frame.data(), 0, end, frame.args(), frame.argc(), flags, salt);
    return;
  }
  hashKeys(entry->keys, frame.data(), frame.args(), frame.argc(), salt);
  describe(connection, entry->id, frame.argc(), 0, end, flags);
}

void Batch::restore(uint8_t* input, uint32_t begin, uint32_t end) const {
  for (const Original& original : originals_) {
    if (original.offset >= begin && original.offset < end)
      std::memcpy(input + original.offset, originalBytes_.data() + original.at, original.length);
  }
}

}  // namespace ashlar
