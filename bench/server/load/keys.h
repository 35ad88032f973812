// Which key a request asks for (uniform or Zipf), and how key number n is written: `key:` and the number, padded with zeros to
// exactly the key size.
#pragma once

#include <cmath>
#include <cstdint>
#include <numeric>
#include <string>

namespace load {

// SplitMix64: a seeded generator good enough to scatter accesses, two multiplications a number.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }

  uint64_t below(uint64_t bound) { return static_cast<uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64); }

  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

 private:
  uint64_t state_;
};

// Numbers below `count` with probability proportional to 1 / rank^0.99, after Gray et al., "Quickly Generating Billion-Record
// Synthetic Databases", as YCSB does it. Ranks are scattered over the key numbers by a bijection, so that popular keys, which
// were loaded one after the other, aren't neighbours in the server's memory.
class Zipf {
 public:
  explicit Zipf(uint64_t count) : count_(count), step_(coprime(count)) {
    for (uint64_t rank = 1; rank <= count; rank++) zeta_ += 1 / std::pow(static_cast<double>(rank), kTheta);
    const double zeta2 = 1 + std::pow(0.5, kTheta);
    eta_ = (1 - std::pow(2.0 / static_cast<double>(count), 1 - kTheta)) / (1 - zeta2 / zeta_);
  }

  uint64_t next(Random& random) const { return static_cast<uint64_t>(static_cast<unsigned __int128>(rank(random)) * step_ % count_); }

 private:
  static constexpr double kTheta = 0.99;

  uint64_t rank(Random& random) const {
    const double u = random.unit();
    const double uz = u * zeta_;
    if (uz < 1 || count_ == 1) return 0;
    if (uz < 1 + std::pow(0.5, kTheta) || count_ == 2) return 1;
    const double n = static_cast<double>(count_);
    const auto rank = static_cast<uint64_t>(n * std::pow(eta_ * u - eta_ + 1, 1 / (1 - kTheta)));
    return rank < count_ ? rank : count_ - 1;
  }

  static uint64_t coprime(uint64_t count) {
    uint64_t step = 2654435761u;
    while (std::gcd(step, count) != 1) step++;
    return step;
  }

  uint64_t count_;
  uint64_t step_;
  double zeta_ = 0;
  double eta_ = 0;
};

// Appends key number `n`, `size` bytes long.
inline void appendKey(std::string& out, uint64_t n, uint32_t size) {
  const size_t start = out.size();
  out.append("key:").append(size - 4, '0');
  for (size_t at = start + size; n > 0; n /= 10) out[--at] = static_cast<char>('0' + n % 10);
}

// The shortest key that can carry a number below `count`.
inline uint32_t smallestKeySize(uint64_t count) { return 4 + static_cast<uint32_t>(std::to_string(count - 1).size()); }

}  // namespace load
