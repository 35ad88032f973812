// The two functions that place a key, the same as src/base/hash.ts:
//
//   halfSipHash  HalfSipHash-1-3 with a 64-bit key and a 32-bit result: the index's hash. Keyed per process, so that nobody
//                can choose keys that collide.
//   keySlot      CRC16-XMODEM mod 16384 over the key, or over its {hash tag}: the cluster's slot.
//
// The CRC works on 8 bytes at a time ("slicing"): table k holds the CRC of a byte that is followed by k zero bytes, so that eight
// independent look-ups replace a chain of eight dependent ones.
//
//   bytes      b0      b1     b2     b3     b4     b5     b6     b7
//   table      T7      T6     T5     T4     T3     T2     T1     T0      crc' = XOR of the eight
//   index   b0^crc.hi b1^crc.lo b2    b3     b4     b5     b6     b7
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace ashlar {

static_assert(sizeof(void*) == 8, "64-bit targets only");
#if defined(__BYTE_ORDER__)
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "keys are hashed with little-endian loads");
#endif

inline constexpr uint32_t kSlots = 16384;

inline uint32_t load32(const uint8_t* p) {
  uint32_t value;
  std::memcpy(&value, p, 4);
  return value;
}

inline uint64_t load64(const uint8_t* p) {
  uint64_t value;
  std::memcpy(&value, p, 8);
  return value;
}

namespace detail {

inline uint32_t rotl(uint32_t value, int bits) { return (value << bits) | (value >> (32 - bits)); }

struct HalfSip {
  uint32_t v0, v1, v2, v3;

  void round() {
    v0 += v1;
    v1 = rotl(v1, 5) ^ v0;
    v0 = rotl(v0, 16);
    v2 += v3;
    v3 = rotl(v3, 8) ^ v2;
    v0 += v3;
    v3 = rotl(v3, 7) ^ v0;
    v2 += v1;
    v1 = rotl(v1, 13) ^ v2;
    v2 = rotl(v2, 16);
  }
};

using CrcTables = std::array<std::array<uint16_t, 256>, 8>;

constexpr CrcTables makeCrcTables() {
  CrcTables tables{};
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t crc = byte << 8;
    for (int bit = 0; bit < 8; bit++) crc = (crc & 0x8000) ? ((crc << 1) ^ 0x1021) : (crc << 1);
    tables[0][byte] = static_cast<uint16_t>(crc);
  }
  for (uint32_t k = 1; k < 8; k++) {
    for (uint32_t byte = 0; byte < 256; byte++) {
      const uint16_t crc = tables[k - 1][byte];
      tables[k][byte] = static_cast<uint16_t>((crc << 8) ^ tables[0][crc >> 8]);
    }
  }
  return tables;
}

inline constexpr CrcTables kCrc = makeCrcTables();

// True when one of the eight bytes equals `byte`; may be true without cause above a real match, never false with one.
inline bool mayContain(uint64_t word, uint8_t byte) {
  const uint64_t x = word ^ (0x0101010101010101ull * byte);
  return ((x - 0x0101010101010101ull) & ~x & 0x8080808080808080ull) != 0;
}

}  // namespace detail

inline uint32_t halfSipHash(const uint8_t* p, size_t length, uint32_t k0, uint32_t k1) {
  detail::HalfSip s{k0, k1, 0x6c796765u ^ k0, 0x74656462u ^ k1};
  const uint8_t* const end = p + (length & ~size_t{3});
  for (; p < end; p += 4) {
    const uint32_t m = load32(p);
    s.v3 ^= m;
    s.round();
    s.v0 ^= m;
  }
  uint32_t last = static_cast<uint32_t>(length) << 24;
  switch (length & 3) {
    case 3:
      last |= static_cast<uint32_t>(p[2]) << 16;
      [[fallthrough]];
    case 2:
      last |= static_cast<uint32_t>(p[1]) << 8;
      [[fallthrough]];
    case 1:
      last |= p[0];
      break;
    default:
      break;
  }
  s.v3 ^= last;
  s.round();
  s.v0 ^= last;
  s.v2 ^= 0xff;
  s.round();
  s.round();
  s.round();
  return s.v1 ^ s.v3;
}

inline uint32_t crc16(const uint8_t* p, size_t length) {
  const auto& t = detail::kCrc;
  uint32_t crc = 0;
  for (; length >= 8; length -= 8, p += 8) {
    crc = t[7][p[0] ^ (crc >> 8)] ^ t[6][p[1] ^ (crc & 0xff)] ^ t[5][p[2]] ^ t[4][p[3]] ^ t[3][p[4]] ^ t[2][p[5]] ^
          t[1][p[6]] ^ t[0][p[7]];
  }
  for (; length > 0; length--, p++) crc = ((crc << 8) & 0xffff) ^ t[0][(crc >> 8) ^ *p];
  return crc;
}

inline uint32_t keySlot(const uint8_t* key, size_t length) {
  size_t i = 0;
  while (i + 8 <= length && !detail::mayContain(load64(key + i), '{')) i += 8;
  while (i < length && key[i] != '{') i++;
  if (i < length) {
    const uint8_t* const open = key + i;
    const void* const close = std::memchr(open + 1, '}', length - i - 1);
    if (close != nullptr) {
      const size_t tagLength = static_cast<size_t>(static_cast<const uint8_t*>(close) - open) - 1;
      if (tagLength > 0) return crc16(open + 1, tagLength) & (kSlots - 1);
    }
  }
  return crc16(key, length) & (kSlots - 1);
}

}  // namespace ashlar
