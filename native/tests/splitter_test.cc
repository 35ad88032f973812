// The splitter against the reference: hand-made streams and random ones, whole, byte by byte and in random pieces, through large and small arenas.
#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "../hash.h"
#include "../stream_splitter.h"
#include "check.h"
#include "reference.h"

using namespace ashlar;
using namespace ashlar::test;

namespace {

constexpr uint32_t kKey0 = 0x12345678;
constexpr uint32_t kKey1 = 0x9abcdef0;

SplitterSettings settings() {
  SplitterSettings made;
  made.names.add("get", KeyPositions{1, 1, 1});
  made.names.add("set", KeyPositions{1, 1, 1});
  made.names.add("mset", KeyPositions{1, -1, 2});
  made.names.add("del", KeyPositions{1, -1, 1});
  made.names.add("blpop", KeyPositions{1, -2, 1});
  made.names.add("ping", KeyPositions{0, 0, 0});
  made.k0 = kKey0;
  made.k1 = kKey1;
  return made;
}

using Commands = std::vector<StreamSplitter::Command>;

std::string text(const std::vector<uint8_t>& bytes) { return std::string(bytes.begin(), bytes.end()); }

std::vector<Expected> simplify(const Commands& commands) {
  std::vector<Expected> out;
  for (const auto& command : commands) {
    Expected simple;
    if (command.command == kEventProtocolError) {
      simple.error = command.argc;
      simple.detail = command.detail;
    } else {
      simple.isInline = (command.flags & kFlagInline) != 0;
      for (const auto& arg : command.args) simple.args.push_back(text(arg.bytes));
    }
    out.push_back(std::move(simple));
  }
  return out;
}

// Ids, hashes and slots follow from the arguments.
bool keysRight(const Commands& commands) {
  const SplitterSettings known = settings();
  const std::vector<std::string> names = {"get", "set", "mset", "del", "blpop", "ping"};
  for (const auto& command : commands) {
    if (command.command == kEventProtocolError) continue;
    std::string name = text(command.args[0].bytes);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return tolower(c); });
    const auto found = std::find(names.begin(), names.end(), name);
    const int32_t id = found == names.end() ? -1 : static_cast<int32_t>(found - names.begin());
    if (command.command != id || command.argc != static_cast<int32_t>(command.args.size())) return false;
    std::vector<bool> isKey(command.args.size());
    if (id >= 0 && known.names.keys(id).first > 0) {
      const KeyPositions& keys = known.names.keys(id);
      const int last = keys.last < 0 ? command.argc + keys.last : keys.last;
      for (int i = keys.first; i <= last && i < command.argc; i += keys.step) isKey[static_cast<size_t>(i)] = true;
    }
    for (size_t i = 0; i < command.args.size(); i++) {
      const auto& arg = command.args[i];
      const uint32_t hash = isKey[i] ? halfSipHash(arg.bytes.data(), arg.bytes.size(), kKey0, kKey1) : 0;
      const uint32_t slot = isKey[i] ? keySlot(arg.bytes.data(), arg.bytes.size()) : 0;
      if (arg.hash != hash || arg.slot != slot) return false;
    }
  }
  return true;
}

std::mt19937 randomness(20240917);

// Cuts: 0 = whole, 1 = byte by byte, otherwise random pieces of up to that size.
Commands split(const std::string& stream, FrameLimits limits, size_t arena, uint32_t argCapacity, size_t cuts) {
  StreamSplitter splitter(settings(), kSpeaksResp, limits, arena, argCapacity, 8);
  Commands out;
  const auto* const bytes = reinterpret_cast<const uint8_t*>(stream.data());
  for (size_t at = 0; at < stream.size();) {
    size_t size = cuts == 0 ? stream.size() : cuts == 1 ? 1 : 1 + randomness() % cuts;
    size = std::min(size, stream.size() - at);
    // In memory of its own, so that a read beyond the chunk is found.
    const std::vector<uint8_t> chunk(bytes + at, bytes + at + size);
    splitter.feed(chunk.data(), chunk.size(), out);
    at += size;
  }
  return out;
}

bool same(const std::string& stream, FrameLimits limits = {}) {
  const std::vector<Expected> expected = Reference(stream, limits).parse();
  bool all = true;
  for (const size_t arena : {size_t{64}, size_t{300}, size_t{4096}, size_t{1} << 20}) {
    for (const uint32_t argCapacity : {4u, 64u, 4096u}) {
      for (const size_t cuts : {0, 1, 7, 5000}) {
        // Large streams byte by byte take long, and gain nothing from every capacity.
        if (cuts == 1 && stream.size() > 20000 && argCapacity != 64) continue;
        const Commands found = split(stream, limits, arena, argCapacity, cuts);
        if (simplify(found) != expected || !keysRight(found)) {
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

std::string bulk(const std::string& bytes) { return "$" + std::to_string(bytes.size()) + "\r\n" + bytes + "\r\n"; }

std::string frame(const std::vector<std::string>& args) {
  std::string out = "*" + std::to_string(args.size()) + "\r\n";
  for (const auto& arg : args) out += bulk(arg);
  return out;
}

int firstError(const std::string& stream, FrameLimits limits = {}) {
  const Commands found = split(stream, limits, 4096, 64, 0);
  for (const auto& command : found) {
    if (command.command == kEventProtocolError) return command.argc;
  }
  return 0;
}

void commands() {
  const Commands one = split(frame({"GET", "foo"}), {}, 4096, 64, 0);
  CHECK(one.size() == 1 && one[0].command == 0 && one[0].argc == 2 && one[0].flags == 0 &&
        text(one[0].args[1].bytes) == "foo");
  CHECK(same(frame({"GET", "foo"})));
  CHECK(same(frame({"mSeT", "a", "1", "b", "2", "c"}) + frame({"del", "x", "y", "z"}) + frame({"ping"}) +
             frame({"blpop", "a", "b", "0"})));
  CHECK(same(frame({"nosuch", "a"}) + frame({""}) + frame({"", "", ""})));
  CHECK(same(frame({"get"}) + frame({"mset"}) + frame({"blpop", "x"})));
  CHECK(same("*0\r\n*-1\r\n*-5\r\n\r\n\n" + frame({"get", "a"}) + "   \r\n" + "get b\n"));
  CHECK(same(frame({"set", "k", std::string(100, 'v')}) + frame({"set", "k\r\n*1", "\r\n$4\r\n"})));
  CHECK(same("*2xx$3yyGETzz$1\r\na"));  // bytes after a \r and after a bulk are not looked at
  CHECK(same("*2\rx$3\ryGETzz$1\ruakk" + frame({"get", "b"})));
  std::string pipeline;
  for (int i = 0; i < 300; i++)
    pipeline +=
        frame({i % 2 ? "get" : "set", "key:" + std::to_string(i), std::string(static_cast<size_t>(i % 50), 'x')});
  CHECK(same(pipeline));
}

void bigFrames() {
  const std::string big(100000, 'b');
  CHECK(same(frame({"set", "k", big}) + frame({"get", "k"}) + frame({"set", big, "v"}) + "get a\r\n"));
  std::vector<std::string> many = {"del"};
  for (int i = 0; i < 6000; i++) many.push_back("key" + std::to_string(i));
  CHECK(same(frame({"get", "a"}) + frame(many) + frame({"get", "b"}) + "\r\n" + frame({"ping"})));
  const Commands found = split(frame({"get", "a"}) + frame({"set", "k", big}), {}, 4096, 64, 0);
  CHECK(found.size() == 2 && found[0].flags == 0 && found[1].flags == kFlagBig);
  CHECK(same(frame({"set", "k", big}) + "*1\r\n+x\r\n"));
  CHECK(same("*3\r\n$3\r\nset\r\n$40000\r\n" + std::string(40000, 'k') + "\r\n$-1\r\n"));
  CHECK(same("*3\r\n$3\r\nset\r\n$40000\r\n" + std::string(40000, 'k') + "\r\n:1\r\n"));
  // Announced and never sent: nothing comes of it.
  CHECK(split("*3\r\n$3\r\nset\r\n$1\r\nk\r\n$500000000\r\nabc", {}, 4096, 64, 0).empty());
}

void errors() {
  const FrameLimits small{10, 16384};
  const struct {
    std::string stream;
    FrameLimits limits;
    ProtocolError error;
  } cases[] = {
      {"*" + std::string(70000, '1'), {}, ProtocolError::countLineTooLong},
      {"*" + std::string(65535, '1') + "\r\n", {}, ProtocolError::invalidCount},
      {"*" + std::string(65536, '1') + "\r\n", {}, ProtocolError::countLineTooLong},
      {"*x\r\n", {}, ProtocolError::invalidCount},
      {"*\r\n", {}, ProtocolError::invalidCount},
      {"*+1\r\n", {}, ProtocolError::invalidCount},
      {"*01\r\n", {}, ProtocolError::invalidCount},
      {"*-0\r\n", {}, ProtocolError::invalidCount},
      {"*1 \r\n", {}, ProtocolError::invalidCount},
      {"*99999999999999999999\r\n", {}, ProtocolError::invalidCount},
      {"*9223372036854775808\r\n", {}, ProtocolError::invalidCount},
      {"*-9223372036854775809\r\n", {}, ProtocolError::invalidCount},
      {"*-9223372036854775808\r\n", {}, ProtocolError::none},
      {"*1048577\r\n", {}, ProtocolError::invalidCount},
      {"*1048576\r\n", {}, ProtocolError::none},
      {"*11\r\n", small, ProtocolError::unauthenticatedCount},
      {"*10\r\n", small, ProtocolError::none},
      {"*1\r\n$16385\r\n", small, ProtocolError::unauthenticatedBulkLength},
      {"*1\r\n$16384\r\n", small, ProtocolError::none},
      {"*1\r\n$" + std::string(70000, '1'), {}, ProtocolError::bulkLineTooLong},
      {"*1\r\n:1\r\n", {}, ProtocolError::expectedDollar},
      {"*1\r\n\r\n", {}, ProtocolError::expectedDollar},
      {"*1\r\n:1\r", {}, ProtocolError::none},
      {"*1\r\nfoo", {}, ProtocolError::none},
      {"*1\r\n$-1\r\n", {}, ProtocolError::invalidBulkLength},
      {"*1\r\n$x\r\n", {}, ProtocolError::invalidBulkLength},
      {"*1\r\n$\r\n", {}, ProtocolError::invalidBulkLength},
      {"*1\r\n$536870913\r\n", {}, ProtocolError::invalidBulkLength},
      {"*1\r\n$536870912\r\n", {}, ProtocolError::none},
      {std::string(65537, 'a'), {}, ProtocolError::inlineTooLong},
      {std::string(65536, 'a'), {}, ProtocolError::none},
      {std::string(65536, 'a') + "\n", {}, ProtocolError::none},
      {std::string(65537, 'a') + "\n", {}, ProtocolError::inlineTooLong},
      {"get \"a\r\n", {}, ProtocolError::unbalancedQuotes},
      {"get 'a\r\n", {}, ProtocolError::unbalancedQuotes},
      {"get \"a\"b\r\n", {}, ProtocolError::unbalancedQuotes},
  };
  for (const auto& one : cases) {
    if (!CHECK(firstError(one.stream, one.limits) == static_cast<int>(one.error)))
      std::fprintf(stderr, "  stream %.60s\n", one.stream.c_str());
    CHECK(same(one.stream, one.limits));
    CHECK(same(frame({"get", "before"}) + one.stream + frame({"get", "after"}), one.limits));
  }
}

void inlines() {
  CHECK(same("PING\r\n"));
  CHECK(same("ping\nget a\nset b c\r\n"));
  CHECK(same("  get \t  key  \r\n"));
  CHECK(same("set k \"a b\\n\\r\\t\\b\\a\\x41\\xfg\\q\\\"\" 'it\\'s \\n' x\"y z\" \"\" ''\r\n"));
  CHECK(same("set k \"a\\\\\" b\r\nget c\r\n"));
  CHECK(same("set a\vb \"c\"\vd\r\n"));
  CHECK(same(std::string("get a\0b c\r\nget d\r\n", 18)));
  CHECK(same(std::string("get \"a\0b\" c\r\nget d\r\n", 20)));
  CHECK(same("get a\rb\r\n\r\n\n\r\r\nget c\r\n"));
  CHECK(same("get \"\\\r\n"));
  CHECK(same("get \"\\x4\r\nget \"\\x4\"\r\n"));
  CHECK(same("set \"" + std::string(40000, 'q') + "\" v\r\nget a\r\n"));
  std::string many = "del";
  for (int i = 0; i < 5000; i++) many += " \"k" + std::to_string(i) + "\"";
  CHECK(same(many + "\r\n" + many + "\r\nget a\r\n"));
}

// Streams of pieces that often make sense, and often do not.
std::string randomStream() {
  static const char* const odd[] = {"*", "$",  "\r",  "\n", "\r\n", "0", "1",      "3",      "10", "-",  "-1",   "\"",
                                    "'", "\\", "\\x", " ",  "get",  "a", "*2\r\n", "$3\r\n", "\0", "\t", "99999"};
  std::string out;
  const int pieces = static_cast<int>(randomness() % 12);
  for (int i = 0; i < pieces; i++) {
    switch (randomness() % 8) {
      case 0:
      case 1:
      case 2: {
        std::vector<std::string> args;
        const size_t count = 1 + randomness() % 6;
        for (size_t k = 0; k < count; k++)
          args.push_back(std::string(randomness() % (randomness() % 10 == 0 ? 500 : 10),
                                     static_cast<char>('a' + randomness() % 26)));
        if (randomness() % 2) args[0] = "GET";
        out += frame(args);
        break;
      }
      case 3:
        out += "set key \"va\\nlue\" 'x y'\r\n";
        break;
      case 4:
        out += randomness() % 2 ? "*0\r\n" : "\r\n";
        break;
      default:
        for (int k = static_cast<int>(randomness() % 4); k >= 0; k--)
          out += odd[randomness() % (sizeof odd / sizeof *odd)];
    }
  }
  if (randomness() % 4 == 0 && !out.empty()) out[randomness() % out.size()] = static_cast<char>(randomness());
  return out;
}

}  // namespace

int main() {
  commands();
  inlines();
  errors();
  bigFrames();
  for (int i = 0; i < 800; i++)
    CHECK(same(randomStream(), i % 3 == 0 ? FrameLimits{10, 16384} : i % 3 == 1 ? FrameLimits{4, 200} : FrameLimits{}));
  return report("splitter_test");
}
