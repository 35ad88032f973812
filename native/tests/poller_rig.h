// A poller on socket pairs, with what its arrays say copied out: for the tests of the poller.
#pragma once

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../poller.h"
#include "check.h"
#include "memcached_reference.h"

namespace ashlar::test {

inline constexpr size_t kSlotsMax = 64;

inline std::string bulk(const std::string& bytes) {
  return "$" + std::to_string(bytes.size()) + "\r\n" + bytes + "\r\n";
}

inline std::string frame(const std::vector<std::string>& args) {
  std::string out = "*" + std::to_string(args.size()) + "\r\n";
  for (const auto& arg : args) out += bulk(arg);
  return out;
}

struct Item {
  int32_t connection;
  int32_t command;
  int32_t word2;
  int32_t word3;
  int32_t frameStart;
  int32_t frameEnd;
  int32_t flags;
  std::vector<std::string> args;
};

// A poller with its arrays in memory of their exact size.
class Rig {
 public:
  explicit Rig(size_t inputBytes = 1 << 20, size_t outputBytes = 1 << 20)
      : input(inputBytes),
        output(outputBytes),
        commands(1024 * kCommandWords),
        args(4096 * kArgWords),
        segments(3 * 1024),
        databases(kSlotsMax),
        full(1),
        salts(16),
        shard(4096) {
    PollerMemory memory{};
    memory.input = input.data();
    memory.inputBytes = input.size();
    memory.output = output.data();
    memory.outputBytes = output.size();
    memory.commands = commands.data();
    memory.commandWords = commands.size();
    memory.args = args.data();
    memory.argWords = args.size();
    memory.segments = segments.data();
    memory.segmentWords = segments.size();
    memory.databases = databases.data();
    memory.slots = databases.size();
    memory.full = full.data();
    memory.salts = salts.data();
    memory.saltCount = salts.size();
    SplitterSettings settings = memcachedSettings();
    settings.names.add("get", KeyPositions{1, 1, 1});
    settings.names.add("set", KeyPositions{1, 1, 1});
    settings.names.add("mset", KeyPositions{1, -1, 2});
    // A directory of two segments, entries that point anywhere: what the prefetcher reads may be nonsense.
    shard[0] = 1;
    shard[1] = 64;
    shard[2] = 4000;
    for (size_t i = 64; i < shard.size(); i++) shard[i] = static_cast<int32_t>(i * 2654435761u);
    poller = std::make_unique<Poller>(
        memory, std::move(settings),
        Prefetcher({{shard.data(), shard.size()}, {shard.data(), 8}, {shard.data(), 0}}, 0, 1));
  }

  // A connected pair; the poller has one end, and the other is returned.
  int connect(int32_t& slot, bool small = false, int32_t speaks = kSpeaksResp) {
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    if (small) {
      const int bytes = 4096;
      setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    }
    slot = poller->add(ends[0], speaks);
    return ends[1];
  }

  // One receive(), with everything copied out.
  std::vector<Item> receive() {
    const int32_t count = poller->receive();
    std::vector<Item> items;
    for (int32_t i = 0; i < count; i++) {
      const int32_t* const word = commands.data() + i * static_cast<int32_t>(kCommandWords);
      Item item{word[0], word[1], word[2], word[3], word[4], word[5], word[6], {}};
      if (word[1] >= -1) {
        const bool big = (word[6] & kFlagBig) != 0;
        if (big) CHECK(count == 1);
        const uint8_t* const bytes = big ? poller->delivered()->data() : input.data();
        const int32_t* arg = big ? poller->delivered()->args() : args.data() + static_cast<size_t>(word[3]) * kArgWords;
        for (int32_t k = 0; k < word[2]; k++, arg += kArgWords)
          item.args.emplace_back(reinterpret_cast<const char*>(bytes + arg[0]), static_cast<size_t>(arg[1]));
      }
      items.push_back(std::move(item));
    }
    return items;
  }

  // Receives until nothing is left to be received: what is thrown away comes in calls that find nothing.
  std::vector<Item> receiveAll() {
    std::vector<Item> all;
    for (int turn = 0; turn < 10000; turn++) {
      const auto some = receive();
      if (some.empty() && !readable()) break;
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }

  // Flushes one text to one connection.
  void reply(int32_t slot, const std::string& text) {
    std::memcpy(output.data(), text.data(), text.size());
    segments[0] = slot;
    segments[1] = 0;
    segments[2] = static_cast<int32_t>(text.size());
    poller->flush(1);
  }

  // Whether the loop would be called.
  bool readable(int timeoutMs = 0) const {
    pollfd watched{poller->epollFd(), POLLIN, 0};
    return ::poll(&watched, 1, timeoutMs) == 1;
  }

  // Receives until something comes, for at most two seconds.
  std::vector<Item> await() {
    for (int i = 0; i < 200; i++) {
      if (readable(10)) {
        auto items = receive();
        if (!items.empty()) return items;
      }
    }
    return {};
  }

  std::vector<uint8_t> input, output;
  std::vector<int32_t> commands, args, segments, databases, full, salts, shard;
  std::unique_ptr<Poller> poller;
};

inline void put(int fd, const std::string& text) {
  CHECK(send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
}

// Everything that can be read; `ended` says whether the end of input was seen.
inline std::string take(int fd, bool* ended = nullptr) {
  std::string out;
  char bytes[65536];
  for (;;) {
    const ssize_t got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got <= 0) {
      if (ended != nullptr) *ended = got == 0 || (errno != EAGAIN);
      return out;
    }
    out.append(bytes, static_cast<size_t>(got));
  }
}

inline bool closedEvent(const std::vector<Item>& items, int32_t slot, CloseReason reason) {
  return items.size() == 1 && items[0].connection == slot && items[0].command == kEventClosed &&
         items[0].word2 == static_cast<int32_t>(reason);
}

}  // namespace ashlar::test
