// A log-linear histogram of latencies in nanoseconds: 64 buckets for each doubling, so that a percentile is off by 1.6 % at most,
// and recording is a count-leading-zeros and an increment.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace load {

class Histogram {
 public:
  void record(uint64_t ns) {
    counts_[index(ns)]++;
    total_++;
    if (ns > max_) max_ = ns;
  }

  void reset() { *this = Histogram{}; }

  double maxMicros() const { return static_cast<double>(max_) / 1000; }

  // The value below which the given share (0..1) of the recordings lies; 0 when nothing was recorded.
  double percentileMicros(double share) const {
    const auto wanted = static_cast<uint64_t>(std::ceil(share * static_cast<double>(total_)));
    uint64_t seen = 0;
    for (uint32_t i = 0; i < kBuckets && total_ > 0; i++) {
      seen += counts_[i];
      if (seen >= wanted) return std::min(upperBound(i), static_cast<double>(max_)) / 1000;
    }
    return 0;
  }

 private:
  static constexpr uint32_t kSubBits = 6;
  static constexpr uint32_t kSub = 1u << kSubBits;
  static constexpr uint32_t kBuckets = (64 - kSubBits) * kSub + kSub;

  static uint32_t index(uint64_t ns) {
    if (ns < 2 * kSub) return static_cast<uint32_t>(ns);
    const uint32_t shift = 63 - static_cast<uint32_t>(__builtin_clzll(ns)) - kSubBits;
    return (shift << kSubBits) + static_cast<uint32_t>(ns >> shift);
  }

  static double upperBound(uint32_t i) {
    if (i < 2 * kSub) return i;
    const uint32_t shift = (i >> kSubBits) - 1;
    const uint64_t base = (i & (kSub - 1)) + kSub;
    return std::ldexp(static_cast<double>(base + 1), static_cast<int>(shift));
  }

  std::array<uint64_t, kBuckets> counts_{};
  uint64_t total_ = 0;
  uint64_t max_ = 0;
};

}  // namespace load
