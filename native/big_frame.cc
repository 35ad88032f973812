// The buffers of incomplete input; big_frame.h says what they are for. How a frame's bytes are understood is told where its protocol is.
#include "big_frame.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace ashlar {
namespace {

// Smallest argument of RESP on the wire: "$0\r\n\r\n".
constexpr uint64_t kArgBytesMin = 6;

}  // namespace

BigFrame::~BigFrame() {
  std::free(data_);
  std::free(args_);
}

bool BigFrame::reserve(size_t capacity) {
  if (capacity <= capacity_) return true;
  const size_t wanted = std::max(capacity, std::max(capacity_ * 2, size_t{4096}));
  void* const grown = std::realloc(data_, wanted + kSlack);
  if (grown == nullptr) return false;
  data_ = static_cast<uint8_t*>(grown);
  capacity_ = wanted;
  return true;
}

bool BigFrame::append(const uint8_t* bytes, size_t count) {
  if (!reserve(size_ + count)) return false;
  std::memcpy(data_ + size_, bytes, count);
  size_ += count;
  return true;
}

uint64_t BigFrame::lacking() const {
  if (frameBytes_ > size_) return frameBytes_ - size_;
  if (argsLeft_ <= 0) return 0;
  const uint64_t have = size_ - position_;
  const uint64_t need =
      bulkLength_ >= 0 ? static_cast<uint64_t>(bulkLength_) + 2 + static_cast<uint64_t>(argsLeft_ - 1) * kArgBytesMin
                       : static_cast<uint64_t>(argsLeft_) * kArgBytesMin;
  return need > have ? need - have : 1;
}

uint8_t* BigFrame::room(size_t most, size_t ahead, size_t& available) {
  if (size_ == capacity_ && !reserve(capacity_ * 2)) return nullptr;
  const uint64_t lacks = lacking();
  available = std::min<uint64_t>(lacks > 0 ? std::min<uint64_t>(lacks, most) : ahead, capacity_ - size_);
  return data_ + size_;
}

bool BigFrame::reserveArgs(int32_t capacity) {
  if (capacity <= argCapacity_) return true;
  const int32_t wanted = std::max(capacity, std::max(argCapacity_ * 2, 16));
  void* const grown = std::realloc(args_, static_cast<size_t>(wanted) * kArgWords * sizeof(int32_t));
  if (grown == nullptr) return false;
  args_ = static_cast<int32_t*>(grown);
  argCapacity_ = wanted;
  return true;
}

bool BigFrame::addArg(size_t offset, size_t length) {
  if (!reserveArgs(argc_ + 1)) return false;
  setArg(args_ + static_cast<size_t>(argc_) * kArgWords, offset, static_cast<int64_t>(length));
  argc_++;
  return true;
}

BigFrame::Status BigFrame::fail(ProtocolError error, int32_t detail) {
  error_ = error;
  detail_ = detail;
  return Status::error;
}

BigFrame::Status BigFrame::advance(const FrameLimits& limits) {
  if (size_ == 0 || complete_) return complete_ ? Status::complete : Status::incomplete;
  // Reserved bytes behind the data are looked at by the name look-up; they are given a value once per call.
  std::memset(data_ + size_, 0, std::min<size_t>(kSlack, capacity_ + kSlack - size_));
  if (speaks_ == kSpeaksMemcachedText) return advanceText(limits);
  if (speaks_ == kSpeaksMemcachedBinary) return advanceBinary(limits);
  return argsLeft_ < 0 && data_[0] != '*' ? advanceInline() : advanceResp(limits);
}

ArenaSizes::ArenaSizes(size_t arenaBytes) {
  const size_t bytes = std::min<size_t>(arenaBytes, 0x7fffffff);
  usable = static_cast<uint32_t>(bytes > kSlack ? bytes - kSlack : 0);
  chunkMax = std::max<uint32_t>(1, std::min<uint32_t>(65536, usable / 4));
  tailMax = std::min<uint32_t>(32768, usable / 4);
}

bool FrameInput::save(const uint8_t* bytes, uint32_t count) {
  if (count > savedCapacity) {
    std::free(saved);
    savedCapacity = 0;
    saved = static_cast<uint8_t*>(std::malloc(count));
    if (saved == nullptr) return false;
    savedCapacity = count;
  }
  std::memmove(saved, bytes, count);
  savedSize = count;
  return true;
}

void FrameInput::dropSaved() {
  std::free(saved);
  saved = nullptr;
  savedSize = savedCapacity = 0;
}

void FrameInput::clear() {
  dropSaved();
  delete big;
  big = nullptr;
}

BigFrame::Status FrameInput::keepPartial(const SplitterSettings& settings, int32_t speaks, const uint8_t* bytes,
                                         uint32_t count, uint64_t announced, const ArenaSizes& sizes,
                                         const FrameLimits& limits) {
  if (count <= sizes.tailMax && announced <= sizes.tailMax)
    return save(bytes, count) ? BigFrame::Status::incomplete : BigFrame::Status::outOfMemory;
  dropSaved();
  big = new BigFrame(settings, speaks);
  if (!big->append(bytes, count)) return BigFrame::Status::outOfMemory;
  return big->advance(limits);
}

}  // namespace ashlar
