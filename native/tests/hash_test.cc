// The hash and the slot: published vectors, and the fast ways against the plain ones.
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "../command_names.h"
#include "../hash.h"
#include "check.h"

using namespace ashlar;

namespace {

uint32_t plainCrc(const uint8_t* p, size_t length) {
  uint32_t crc = 0;
  for (size_t i = 0; i < length; i++) {
    crc ^= static_cast<uint32_t>(p[i]) << 8;
    for (int bit = 0; bit < 8; bit++) crc = (crc & 0x8000) ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc;
}

uint32_t slotOfText(const std::string& text) {
  return keySlot(reinterpret_cast<const uint8_t*>(text.data()), text.size());
}

void slots() {
  const std::string check = "123456789";
  CHECK(crc16(reinterpret_cast<const uint8_t*>(check.data()), check.size()) == 0x31c3);
  CHECK(slotOfText("foo") == 12182);
  CHECK(slotOfText("bar") == 5061);
  CHECK(slotOfText("{user1000}.following") == slotOfText("user1000"));
  CHECK(slotOfText("foo{}{bar}") == plainCrc(reinterpret_cast<const uint8_t*>("foo{}{bar}"), 10) % kSlots);
  CHECK(slotOfText("foo{{bar}}zap") == slotOfText("{bar"));
  CHECK(slotOfText("foo{bar}{zap}") == slotOfText("bar"));
  CHECK(slotOfText("no tag { at all") == plainCrc(reinterpret_cast<const uint8_t*>("no tag { at all"), 15) % kSlots);
  CHECK(slotOfText("") == 0);
  std::mt19937 random(7);
  for (size_t length = 0; length < 100; length++) {
    std::vector<uint8_t> bytes(length);
    for (uint8_t& b : bytes) b = static_cast<uint8_t>(random());
    CHECK(crc16(bytes.data(), length) == plainCrc(bytes.data(), length));
  }
}

void hashes() {
  // Key 00 01 .. 07, message of n bytes 00 01 ..: the table that implementations of HalfSipHash-1-3 are tested with.
  uint8_t input[64];
  for (uint8_t i = 0; i < 64; i++) input[i] = i;
  const uint32_t published[] = {0x5814c896, 0xe7e864ca, 0xbc4b0e30, 0x01539939,
                                0x7e059ea6, 0x88e3d89b, 0xa0080b65, 0x9d38d9d6};
  for (size_t n = 0; n < 8; n++) CHECK(halfSipHash(input, n, 0x03020100, 0x07060504) == published[n]);
  CHECK(halfSipHash(input, 63, 0x03020100, 0x07060504) == 0x87178304);
  uint32_t all = 0;
  for (size_t n = 0; n < 64; n++) all = all * 31 + halfSipHash(input, n, 0x03020100, 0x07060504);
  // Unaligned input gives what aligned input gives.
  uint8_t shifted[70];
  for (size_t shift = 1; shift < 4; shift++) {
    std::memcpy(shifted + shift, input, 64);
    uint32_t again = 0;
    for (size_t n = 0; n < 64; n++) again = again * 31 + halfSipHash(shifted + shift, n, 0x03020100, 0x07060504);
    CHECK(again == all);
  }
  CHECK(halfSipHash(input, 16, 1, 2) != halfSipHash(input, 16, 1, 3));
}

int32_t find(const CommandNames& names, const std::string& name) {
  std::vector<uint8_t> padded(name.size() + 32, 'Z');
  std::memcpy(padded.data(), name.data(), name.size());
  return names.find(padded.data(), name.size());
}

void names() {
  CommandNames empty;
  CHECK(find(empty, "get") == -1);
  CommandNames names;
  std::vector<std::string> added;
  for (int i = 0; i < 500; i++)
    added.push_back("command" + std::to_string(i) + std::string(static_cast<size_t>(i % 20), 'x'));
  added.push_back("get");
  added.push_back("a");
  added.push_back("georadiusbymember_ro");
  added.push_back("georadiusbymember_rx");
  for (const std::string& name : added) names.add(name, KeyPositions{1, -1, 2});
  for (size_t i = 0; i < added.size(); i++) {
    std::string upper = added[i];
    for (char& c : upper) c = static_cast<char>(toupper(c));
    CHECK(find(names, added[i]) == static_cast<int32_t>(i));
    CHECK(find(names, upper) == static_cast<int32_t>(i));
    CHECK(find(names, added[i] + "!") == -1);
    CHECK(find(names, "!" + added[i]) == -1);
  }
  CHECK(find(names, "") == -1);
  // Bytes that differ from a letter in the case bit only, and are no letters.
  CHECK(find(names, "ge\x14") == -1);
  CHECK(find(names, "GeT") == 501 - 1);
  CHECK(find(names, std::string("get\0", 4)) == -1);
  CHECK(names.keys(3).last == -1 && names.keys(3).step == 2);
}

}  // namespace

int main() {
  slots();
  hashes();
  names();
  return test::report("hash_test");
}
