// Memcached's splitters against the reference: hand-made streams and random ones, whole, byte by byte and in random pieces, through large and small arenas.
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "memcached_reference.h"

using namespace ashlar;
using namespace ashlar::test;

namespace {

std::mt19937 randomness(20261125);

using Frames = std::vector<MemcachedFrame>;

Frames split(const std::string& stream, int32_t speaks, FrameLimits limits, size_t arena, uint32_t argCapacity,
             size_t cuts) {
  return splitMemcached(reinterpret_cast<const uint8_t*>(stream.data()), stream.size(), speaks, limits, arena,
                        argCapacity, [&]() -> size_t {
                          return cuts == 0 ? stream.size() : cuts == 1 ? 1 : 1 + randomness() % cuts;
                        });
}

Frames whole(const std::string& stream, int32_t speaks = kSpeaksMemcached, FrameLimits limits = {}) {
  return split(stream, speaks, limits, size_t{1} << 20, 4096, 0);
}

bool same(const std::string& stream, int32_t speaks = kSpeaksMemcached, FrameLimits limits = {}) {
  const Frames expected = MemcachedReference(stream, speaks, limits).parse();
  bool all = true;
  for (const size_t arena : {size_t{64}, size_t{300}, size_t{4096}, size_t{1} << 20}) {
    for (const uint32_t argCapacity : {4u, 64u, 4096u}) {
      for (const size_t cuts : {0, 1, 7, 5000}) {
        // Large streams byte by byte take long, and gain nothing from every capacity.
        if (cuts == 1 && stream.size() > 20000 && argCapacity != 64) continue;
        const Frames found = split(stream, speaks, limits, arena, argCapacity, cuts);
        if (found != expected) {
          std::fprintf(stderr,
                       "differs: arena %zu, args %u, cuts %zu, stream %.200s (%zu bytes), %zu commands, expected %zu\n",
                       arena, argCapacity, cuts, stream.c_str(), stream.size(), found.size(), expected.size());
          all = false;
        }
      }
    }
  }
  return all;
}

std::string repeated(const std::string& text, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; i++) out += text;
  return out;
}

// A literal with zeros in it.
template <size_t size>
std::string bytes(const char (&literal)[size]) {
  return std::string(literal, size - 1);
}

void lines() {
  const Frames one = whole("get foo bar\r\n");
  CHECK(one.size() == 1 && one[0].command == kBase && one[0].flags == 0 && one[0].args.size() == 3 &&
        one[0].args[2] == "bar" && one[0].hashes[0] == 0 && one[0].hashes[2] != 0 && one[0].slots[1] == 12182);
  CHECK(same("get a\r\nget b\nversion\r\n  gats  0   a  b \r\nmg a v t\r\n"));
  CHECK(same("\r\n\n \r\n   \n\r\r\n\r\r\r\n" + bytes("\0\r\n \0 x\n")));
  CHECK(same("GET a\r\ngett a\r\nge a\r\nget\ta b\r\nunknown a\r\na\r\n"));
  CHECK(same("a_name_beyond_16 k\r\na_name_beyond_16_bytes k\r\na_name_beyond_16_bytez k\r\nA_name_beyond_16 k\r\n"));
  CHECK(same("get a\rb c\r\r\nget \r\r\nget a \rb\r\n\rget a\r\n"));
  CHECK(same(bytes("get a\0b c\r\nget b\0\r\nget \0\nget c\n")));
  CHECK(same(std::string("\x80get a\r\n"), kSpeaksMemcachedText));
  CHECK(same("get " + repeated("0123456789abcdef", 15) + " \x01\x1f\x7f\xff\xa0\r\n"));
  CHECK(whole("\r\n")[0].args == std::vector<std::string>{""} && whole("\r\n")[0].command == kBase + 6);
}

void data() {
  const Frames one = whole("set k 0 0 5\r\nhello\r\n");
  CHECK(one.size() == 1 && one[0].command == kBase + 2 && one[0].flags == kFlagData && one[0].args.size() == 6 &&
        one[0].args[5] == "hello" && one[0].hashes[1] != 0 && one[0].hashes[5] == 0);
  CHECK(same("set k 0 0 5\r\nhello\r\nget k\r\nms k 2 T0\nab\r\nms k 0\r\n\r\nset k 0 0 4 noreply\r\n\r\n\r\n\r\n"));
  CHECK(same("set k 0 0 3\r\nabcdef\r\nget k\r\n"));
  CHECK(same("set k 0 0 3\r\nabc\nxget k\r\nset k 0 0 0\r\nx\nget a\r\nset k 0 0 1\r\na\r\rget a\r\n"));
  CHECK(same("set\r\nset k\r\nset k 0 0\r\nset k 0 0 1 2 3 4 5 6 7 8 9\r\na\r\nms k\r\n"));
  for (const char* const length : {"0",
                                   "00",
                                   "3",
                                   "0003",
                                   "+3",
                                   "-3",
                                   "-0",
                                   "+",
                                   "-",
                                   "--3",
                                   "3x",
                                   "x3",
                                   "3\tx",
                                   "3\r",
                                   "\t3",
                                   "\v\f\r\t+3\v\f",
                                   "3\v",
                                   "\t",
                                   "2147483645",
                                   "2147483646",
                                   "2147483647",
                                   "4294967299",
                                   "18446744073709551619",
                                   "00000000000000000000000000003",
                                   "99999999999999999999999999999999"}) {
    const std::string stream = std::string("set k 0 0 ") + length + "\r\nabc\r\nget k\r\n";
    CHECK(same(stream));
    CHECK(same(stream, kSpeaksMemcachedText, FrameLimits{10, 2}));
  }
  CHECK(whole("set k 0 0 +3\t\r\nabc\r\n")[0].flags == kFlagData);
  CHECK(whole("set k 0 0 2147483645\r\nabc\r\n")[0].flags == kFlagTooLarge);
  CHECK(whole("set k 0 0 2147483646\r\n").size() == 1 && whole("set k 0 0 2147483646\r\n")[0].flags == 0);
  CHECK(whole("set k 0 0 2147483645\r\nabc\r\n", kSpeaksMemcachedText, FrameLimits{10, 2147483645}).empty());
  const std::string big(100000, 'b');
  CHECK(same("set k 0 0 100000\r\n" + big + "\r\nget a\r\nset k 0 0 100000\r\n" + big + "xxget b\r\n"));
  std::string pipeline;
  for (size_t i = 0; i < 300; i++) {
    const std::string value(i % 50, 'x');
    pipeline += i % 2
                    ? "get key:" + std::to_string(i) + "\r\n"
                    : "set key:" + std::to_string(i) + " 0 0 " + std::to_string(value.size()) + "\r\n" + value + "\r\n";
  }
  CHECK(same(pipeline));
}

void tooLarge() {
  const FrameLimits small{100, 1000};
  for (const size_t size : {size_t{1000}, size_t{1001}, size_t{5000}, size_t{70000}}) {
    const std::string value(size, 'v');
    const std::string stream = "get a\r\nset k 0 0 " + std::to_string(size) + "\r\n" + value + "\r\nget b\r\nms k " +
                               std::to_string(size) + " q\r\n" + value + "xxget c\r\n";
    CHECK(same(stream, kSpeaksMemcached, small));
    CHECK(same(binary(10) + binary(1, "k", "12345678", value) + binary(0, "k") + binary(1, "k", "", value) + binary(10),
               kSpeaksMemcached, small));
  }
  // It is known, and answered, before its data has come.
  const Frames one = whole("set k 0 0 1001\r\n", kSpeaksMemcached, small);
  CHECK(one.size() == 1 && one[0].flags == kFlagTooLarge && one[0].args.size() == 5);
  const Frames two = whole(header(1, 3, 8, 11 + 1001) + "12345678key", kSpeaksMemcached, small);
  CHECK(two.size() == 1 && two[0].flags == kFlagTooLarge && two[0].args[1] == "key" && two[0].args[3].empty());
}

void longLines() {
  for (const size_t size : {2047, 2048, 2049, 2050}) {
    for (const char* const end : {"", "\r\n"}) {
      for (const char* const begin : {"mg ", "get ", "gats 0 ", "get"}) {
        const std::string line = begin + std::string(size - std::string(begin).size(), 'k');
        CHECK(same(line + end + "get a\r\n"));
        CHECK(same("get a\r\n" + line + end + "get a\r\n", kSpeaksMemcachedText, FrameLimits{8, 100}));
        CHECK(same("get a\r\n" + line + end + "get a\r\n", kSpeaksMemcachedText, FrameLimits{20, 100}));
      }
    }
  }
  for (const size_t blanks : {99, 100, 101, 3000}) {
    CHECK(same(std::string(blanks, ' ') + "get " + repeated("k ", 1500) + "\r\nget a\r\n"));
    CHECK(same("get" + std::string(blanks, ' ') + repeated("k ", 1500) + "\r\nget a\r\n"));
  }
  // As many bytes as the arguments of the limit may have, and not one more.
  for (const size_t size : {size_t{20} * 251 - 1, size_t{20} * 251, size_t{20} * 251 + 1}) {
    for (const char* const end : {"", "\n"})
      CHECK(same("get " + std::string(size - 4, 'k') + end, kSpeaksMemcached, FrameLimits{20, 100}));
  }
  for (const size_t keys : {18, 19, 20, 30}) {
    CHECK(same("get" + repeated(" " + std::string(150, 'k'), keys) + "\r\n", kSpeaksMemcached, FrameLimits{20, 100}));
    CHECK(same("get" + repeated(" k", keys) + "\r\n", kSpeaksMemcached, FrameLimits{20, 100}));
  }
  std::string many = "get";
  for (int i = 0; i < 40000; i++) many += " key" + std::to_string(i);
  CHECK(same("get a\r\n" + many + "\r\nget b\r\n" + many + "\n\r\n"));
  const Frames found = whole(many + "\r\n");
  CHECK(found.size() == 1 && found[0].args.size() == 40001 && found[0].hashes[40000] != 0);
}

void binaries() {
  const Frames one = whole(binary(1, "key", "12345678", "value"));
  CHECK(one.size() == 1 && one[0].command == kBase + 11 && one[0].flags == 0 && one[0].args.size() == 4 &&
        one[0].args[0].size() == 24 && one[0].args[1] == "key" && one[0].args[2] == "12345678" &&
        one[0].args[3] == "value" && one[0].hashes[1] != 0);
  CHECK(same(binary(0, "k") + binary(10) + binary(1, "", "x", "y") + binary(0x99, "a", "b", "c") + binary(255, "k") +
             binary(0)));
  CHECK(same(binary(1, "k", "12345678", std::string(100000, 'v')) + binary(0, std::string(65535, 'k')) +
             binary(1, std::string(300, 'k'), std::string(255, 'e'), std::string(300, 'v')) + binary(10)));
  CHECK(same(binary(10) + "get a\r\n" + binary(10)));
  CHECK(same("get a\r\n" + binary(10) + "\r\nget b\r\n"));
  CHECK(same("get a\r\n", kSpeaksMemcachedBinary));
  CHECK(same(header(0, 3, 0, 2) + "ab" + binary(10)));
  CHECK(same(header(0, 3, 2, 4) + "abcd" + binary(10)));
  CHECK(same(header(0, 65535, 255, 0) + binary(10)));
  CHECK(same(header(1, 65535, 255, 3000) + std::string(3000, 'b') + binary(10)));
  CHECK(same(header(1, 1, 8, 0xfffffff0) + "12345678k" + binary(10)));
  CHECK(same(header(0, 2, 0, 1)));
  CHECK(whole(header(0, 2, 0, 1)).size() == 1 && whole(header(0, 2, 0, 1))[0].flags == kFlagMalformed);
  CHECK(whole(binary(10) + "x")[1].error == 21 && whole(binary(10) + "x")[1].detail == 'x');
  std::string pipeline;
  for (size_t i = 0; i < 300; i++)
    pipeline += binary(i % 3 ? 0 : 1, "key" + std::to_string(i), "", std::string(i % 50, 'x'));
  CHECK(same(pipeline));
}

// Streams of pieces that often make sense, and often do not.
std::string randomText() {
  static const char* const odd[] = {"get ", "set ", "ms ", "k ",   "0 ", "\r\n", "\n", "\r", " ",  "gats 0 ",
                                    "5",    "-1",   "99",  "\x80", "3 ", "+",    "\t", "x",  "  ", "1\r\n"};
  std::string out;
  for (size_t i = randomness() % 12; i > 0; i--) {
    const std::string key(1 + randomness() % (randomness() % 10 == 0 ? 300 : 10),
                          static_cast<char>('a' + randomness() % 26));
    const std::string value(randomness() % (randomness() % 10 == 0 ? 3000 : 12), 'v');
    switch (randomness() % 7) {
      case 0:
      case 1:
        out +=
            "set " + key + " 0 0 " + std::to_string(value.size()) + "\r\n" + value + (randomness() % 8 ? "\r\n" : "xy");
        break;
      case 2:
        out += "get" + repeated(" " + key, 1 + randomness() % (randomness() % 10 == 0 ? 600 : 6)) + "\r\n";
        break;
      case 3:
        out += "ms " + key + " " + std::to_string(value.size()) + " T0 c\r\n" + value + "\r\n";
        break;
      case 4:
        out += std::string(randomness() % 3, '\0') + (randomness() % 2 ? "\r\n" : "\n");
        break;
      default:
        for (size_t k = randomness() % 5; k > 0; k--) out += odd[randomness() % (sizeof odd / sizeof *odd)];
    }
  }
  if (randomness() % 4 == 0 && !out.empty()) out[randomness() % out.size()] = static_cast<char>(randomness());
  return out;
}

std::string randomBinary() {
  std::string out;
  for (size_t i = 1 + randomness() % 8; i > 0; i--) {
    const std::string key(randomness() % (randomness() % 10 == 0 ? 300 : 10), 'k');
    const std::string value(randomness() % (randomness() % 10 == 0 ? 3000 : 12), 'v');
    const int opcode = static_cast<int>(randomness() % 4 ? randomness() % 12 : randomness() % 256);
    out += randomness() % 6 ? binary(opcode, key, std::string(randomness() % 9, 'e'), value)
                            : header(opcode, randomness() % 20, randomness() % 20, randomness() % 40) + value;
  }
  if (randomness() % 4 == 0) out[1 + randomness() % (out.size() - 1)] = static_cast<char>(randomness());
  return out;
}

}  // namespace

int main() {
  lines();
  data();
  tooLarge();
  longLines();
  binaries();
  for (int i = 0; i < 300; i++) {
    const FrameLimits limits = i % 3 == 0 ? FrameLimits{10, 16384} : i % 3 == 1 ? FrameLimits{20, 200} : FrameLimits{};
    CHECK(same(randomText(), i % 2 ? kSpeaksMemcached : kSpeaksMemcachedText, limits));
    CHECK(same(randomBinary(), i % 2 ? kSpeaksMemcached : kSpeaksMemcachedBinary, limits));
  }
  return report("memcached_test");
}
