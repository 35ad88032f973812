// The poller over real sockets: what arrives, in which order, and what is reported when things end. The last test drives many connections at random with
// suspensions, large frames and slow readers, and checks every connection's sequence of commands and replies.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../listener.h"
#include "../poller.h"
#include "check.h"

using namespace ashlar;

namespace {

constexpr size_t kSlotsMax = 64;

std::string bulk(const std::string& bytes) { return "$" + std::to_string(bytes.size()) + "\r\n" + bytes + "\r\n"; }

std::string frame(const std::vector<std::string>& args) {
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
    memory.salts = salts.data();
    memory.saltCount = salts.size();
    SplitterSettings settings;
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
  int connect(int32_t& slot, bool small = false) {
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    if (small) {
      const int bytes = 4096;
      setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    }
    slot = poller->add(ends[0], kSpeaksResp);
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

  std::vector<Item> receiveAll() {
    std::vector<Item> all;
    for (;;) {
      const auto some = receive();
      if (some.empty()) return all;
      all.insert(all.end(), some.begin(), some.end());
    }
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
  std::vector<int32_t> commands, args, segments, databases, salts, shard;
  std::unique_ptr<Poller> poller;
};

void put(int fd, const std::string& text) {
  CHECK(send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
}

// Everything that can be read; `ended` says whether the end of input was seen.
std::string take(int fd, bool* ended = nullptr) {
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

bool closedEvent(const std::vector<Item>& items, int32_t slot, CloseReason reason) {
  return items.size() == 1 && items[0].connection == slot && items[0].command == kEventClosed &&
         items[0].word2 == static_cast<int32_t>(reason);
}

void basics() {
  Rig rig;
  int32_t a, b;
  const int ca = rig.connect(a), cb = rig.connect(b);
  CHECK(a == 0 && b == 1);
  CHECK(rig.receive().empty() && !rig.readable());
  put(ca, frame({"get", "k"}) + frame({"nosuch"}) + "set a \"b c\"\r\n*1\r\n$4\r\npi");
  CHECK(rig.readable());
  auto items = rig.receive();
  CHECK(items.size() == 3 && items[0].command == 0 && items[1].command == -1 && items[2].command == 1 &&
        items[2].flags == kFlagInline);
  CHECK(items[2].args == std::vector<std::string>({"set", "a", "b c"}));
  CHECK(rig.poller->pendingInput(a) == 10 && rig.poller->stats().pendingInput == 10);
  CHECK(!rig.readable());
  put(ca, "ng\r\n");
  put(cb, frame({"mset", "a", "1", "b", "2"}));
  items = rig.receiveAll();
  CHECK(items.size() == 2 && rig.poller->pendingInput(a) == 0);
  rig.reply(a, "+OK\r\n");
  CHECK(take(ca) == "+OK\r\n");
  // Segments that make no sense.
  const int32_t nonsense[] = {99, 0, 5, -1, 0, 5, a, 5, 0, a, -5, 5, a, 0, 0x7fffffff, b, 0, 3};
  std::copy(std::begin(nonsense), std::end(nonsense), rig.segments.begin());
  rig.poller->flush(6);
  CHECK(take(ca).empty() && take(cb) == "+OK");
  const PollerStats stats = rig.poller->stats();
  CHECK(stats.connections == 2 && stats.frames == 5 && stats.bytesSent == 8);
  close(ca);
  CHECK(closedEvent(rig.receive(), a, CloseReason::peer));
  int32_t c;
  const int cc = rig.connect(c);
  CHECK(c == 2);
  CHECK(rig.receive().empty());
  int32_t d;
  const int cd = rig.connect(d);
  CHECK(d == a);
  put(cd, frame({"get", "x"}));
  items = rig.receive();
  CHECK(items.size() == 1 && items[0].connection == d);
  close(cb);
  close(cc);
  close(cd);
  CHECK(rig.receiveAll().size() == 3);
  CHECK(rig.poller->stats().connections == 0);
}

void slotsRunOut() {
  Rig rig;
  std::vector<int> fds;
  int32_t slot;
  for (size_t i = 0; i < kSlotsMax; i++) fds.push_back(rig.connect(slot));
  CHECK(slot == static_cast<int32_t>(kSlotsMax) - 1);
  const int extra = rig.connect(slot);
  bool ended = false;
  take(extra, &ended);
  CHECK(slot == -1 && ended);
  close(extra);
  for (const int fd : fds) close(fd);
}

// More commands at once than a batch takes: they come in several, in order, and the loop is told.
void carry() {
  for (const size_t arena : {size_t{1} << 20, size_t{262144}, size_t{40000}}) {
    Rig rig(arena);
    int32_t a, b;
    const int ca = rig.connect(a), cb = rig.connect(b);
    std::string stream;
    for (int i = 0; i < 3000; i++) stream += frame({"set", std::to_string(i), "v"});
    put(ca, stream);
    put(cb, frame({"get", "other"}));
    int next = 0;
    bool other = false;
    for (;;) {
      const auto items = rig.receive();
      if (items.empty()) break;
      CHECK(items.size() <= 512);
      for (const auto& item : items) {
        if (item.connection == b) {
          other = true;
        } else {
          CHECK(item.args[1] == std::to_string(next));
          next++;
        }
      }
      if (next < 3000) CHECK(rig.readable());
    }
    CHECK(next == 3000 && other);
    CHECK(!rig.readable());
    // Closed with input left over: nothing of it is seen.
    put(ca, stream);
    CHECK(rig.receive().size() > 0);
    if (arena > 100000) CHECK(rig.poller->pendingInput(a) > 0);
    rig.poller->close(a, 0);
    CHECK(closedEvent(rig.receiveAll(), a, CloseReason::peer));
    CHECK(rig.poller->stats().pendingInput == 0);
    close(ca);
    close(cb);
  }
}

void bigFrames() {
  Rig rig;
  int32_t a, b;
  const int ca = rig.connect(a), cb = rig.connect(b);
  const std::string big(300000, 'B');
  const std::string stream = frame({"get", "first"}) + frame({"set", "k", big}) + frame({"get", "last"});
  std::vector<Item> seen;
  for (size_t at = 0; at < stream.size(); at += 10000) {
    put(ca, stream.substr(at, 10000));
    put(cb, frame({"get", "b"}));
    const auto items = rig.receiveAll();
    for (const auto& item : items) {
      if (item.connection == a) seen.push_back(item);
    }
  }
  CHECK(seen.size() == 3 && seen[0].args[1] == "first" && seen[1].args[2] == big && (seen[1].flags & kFlagBig) &&
        seen[2].args[1] == "last");
  CHECK(rig.poller->stats().pendingInput == 0);

  // Given back while it is delivered, and delivered again after resume; bytes read beyond it follow.
  std::string many = "set";
  for (int i = 0; i < 8000; i++) many += " " + std::to_string(i);
  many += "\r\nget next\r\n";
  put(ca, many.substr(0, 35000));
  CHECK(rig.receiveAll().empty());
  put(ca, many.substr(35000));
  auto items = rig.receive();
  CHECK(items.size() == 1 && items[0].flags == (kFlagBig | kFlagInline) && items[0].args.size() == 8001);
  rig.poller->suspend(a, 0);
  CHECK(rig.receiveAll().empty() && !rig.readable());
  rig.poller->resume(a);
  CHECK(rig.readable());
  items = rig.receiveAll();
  CHECK(items.size() == 2 && items[0].args.size() == 8001 && items[1].args[1] == "next");

  // Suspended after it, with the next command read already.
  put(ca, many.substr(0, 35000));
  CHECK(rig.receiveAll().empty());
  put(ca, many.substr(35000));
  items = rig.receive();
  rig.poller->suspend(a, items[0].frameEnd);
  CHECK(rig.receiveAll().empty());
  rig.poller->resume(a);
  items = rig.receiveAll();
  CHECK(items.size() == 1 && items[0].args[1] == "next");

  // Closed while its frame is delivered; the frame stays valid until the next receive().
  put(ca, many.substr(0, 35000));
  CHECK(rig.receiveAll().empty());
  put(ca, many.substr(35000));
  items = rig.receive();
  rig.poller->close(a, 0);
  CHECK(rig.poller->delivered() != nullptr && rig.poller->delivered()->data()[0] == 's');
  CHECK(closedEvent(rig.receiveAll(), a, CloseReason::peer));

  // A protocol error in a big frame.
  put(cb, "*2\r\n$3\r\nget\r\n$40000\r\n" + std::string(20000, 'x'));
  CHECK(rig.receiveAll().empty());
  put(cb, std::string(20000, 'x') + "\r\n");
  CHECK(rig.receiveAll().size() == 1);
  put(cb, "*2\r\n$40000\r\n" + std::string(40000, 'x') + "\r\n");
  CHECK(rig.receiveAll().empty());
  put(cb, ":0\r\n");
  items = rig.receiveAll();
  CHECK(items.size() == 1 && items[0].command == kEventProtocolError && items[0].word2 == 5 && items[0].word3 == ':');
  close(ca);
  close(cb);
}

void suspension() {
  Rig rig;
  int32_t a;
  const int ca = rig.connect(a);
  // What comes after the suspended command is given back, inline quotes as they were.
  put(ca, frame({"get", "1"}) + frame({"blpop", "x"}) + "set \"a\\x41 \\\"b\" 'c\\'d'\r\n" + frame({"get", "2"}) +
              "*2\r\n$3\r\nge");
  auto items = rig.receive();
  CHECK(items.size() == 4);
  rig.poller->suspend(a, items[1].frameEnd);
  CHECK(rig.poller->pendingInput(a) > 40);
  put(ca, "t\r\n$1\r\n3\r\n");
  CHECK(rig.receiveAll().empty());
  CHECK(!rig.readable());
  rig.poller->resume(a);
  items = rig.receiveAll();
  CHECK(items.size() == 3 && items[0].args == std::vector<std::string>({"set", "aA \"b", "c'd"}) &&
        items[1].args[1] == "2" && items[2].args[1] == "3");

  // An error behind the suspended command shows when its turn comes.
  put(ca, frame({"get", "1"}) + "*x\r\n");
  items = rig.receive();
  CHECK(items.size() == 2 && items[1].command == kEventProtocolError);
  rig.poller->suspend(a, items[0].frameEnd);
  CHECK(rig.receiveAll().empty());
  rig.poller->resume(a);
  items = rig.receiveAll();
  CHECK(items.size() == 1 && items[0].command == kEventProtocolError && items[0].word2 == 2);
  rig.poller->close(a, 100);
  CHECK(closedEvent(rig.await(), a, CloseReason::peer));
  close(ca);

  // With a carry.
  int32_t b;
  const int cb = rig.connect(b);
  std::string stream;
  for (int i = 0; i < 2000; i++) stream += frame({"get", std::to_string(i)});
  put(cb, stream);
  int next = 0;
  for (int turn = 0; next < 2000 && turn < 10000; turn++) {
    items = rig.receive();
    for (size_t i = 0; i < items.size(); i++) {
      CHECK(items[i].args[1] == std::to_string(next));
      next++;
      if (next % 300 == 0) {
        rig.poller->suspend(b, items[i].frameEnd);
        if (next % 600 == 0) CHECK(rig.receiveAll().empty());
        rig.poller->resume(b);
        break;
      }
    }
  }
  CHECK(next == 2000);

  // The peer shuts down its side while the connection is suspended: it still has its replies.
  int32_t h;
  const int ch = rig.connect(h, true);
  put(ch, frame({"get", "x"}) + frame({"get", "y"}));
  items = rig.receive();
  CHECK(items.size() == 2);
  rig.poller->suspend(h, items[0].frameEnd);
  shutdown(ch, SHUT_WR);
  CHECK(rig.receiveAll().empty());
  CHECK(!rig.readable());
  rig.poller->resume(h);
  items = rig.receive();
  CHECK(items.size() == 1 && items[0].connection == h && items[0].args[1] == "y");
  CHECK(closedEvent(rig.receiveAll(), h, CloseReason::peer));

  // The peer goes while the connection is suspended.
  put(cb, frame({"get", "x"}) + frame({"get", "y"}));
  items = rig.receive();
  CHECK(items.size() == 2);
  rig.poller->suspend(b, items[0].frameEnd);
  put(cb, frame({"get", "z"}));
  CHECK(rig.receiveAll().empty());
  close(cb);
  CHECK(rig.readable());
  CHECK(closedEvent(rig.receiveAll(), b, CloseReason::peer));
  CHECK(rig.poller->stats().pendingInput == 0);
}

void closing() {
  // The reply may come before or after close(), and all of it arrives.
  for (const bool flushFirst : {true, false}) {
    Rig rig;
    int32_t a;
    const int ca = rig.connect(a, true);
    put(ca, frame({"get", "x"}));
    CHECK(rig.receive().size() == 1);
    const std::string text(200000, 'r');
    if (flushFirst) rig.reply(a, text);
    rig.poller->close(a, 1000);
    if (!flushFirst) rig.reply(a, text);
    std::string got;
    bool ended = false;
    std::vector<Item> items;
    for (int i = 0; i < 2000 && !ended; i++) {
      got += take(ca, &ended);
      if (rig.readable()) {
        const auto some = rig.receive();
        items.insert(items.end(), some.begin(), some.end());
      }
    }
    CHECK(got == text && ended && closedEvent(items, a, CloseReason::peer));
    CHECK(rig.poller->stats().pendingOutput == 0);
    close(ca);
  }
  {
    // Nobody reads: the deadline ends it.
    Rig rig;
    int32_t a;
    const int ca = rig.connect(a, true);
    rig.reply(a, std::string(500000, 'r'));
    CHECK(rig.poller->pendingOutput(a) > 0);
    rig.poller->close(a, 50);
    CHECK(rig.receive().empty());
    CHECK(closedEvent(rig.await(), a, CloseReason::peer));
    // The timer stops.
    CHECK(rig.receiveAll().empty());
    for (int i = 0; i < 20 && rig.readable(150); i++) rig.receive();
    CHECK(!rig.readable(150));
    close(ca);
  }
  {
    // At once: what is pending is dropped. The slot is free after the report.
    Rig rig;
    int32_t a;
    const int ca = rig.connect(a, true);
    rig.reply(a, std::string(500000, 'r'));
    rig.poller->close(a, 0);
    CHECK(rig.poller->pendingOutput(a) == 0 && rig.poller->fd(a) == -1);
    CHECK(rig.readable());
    CHECK(closedEvent(rig.receive(), a, CloseReason::peer));
    rig.reply(a, "ignored");
    rig.poller->suspend(a, 0);
    rig.poller->resume(a);
    rig.poller->close(a, 10);
    CHECK(rig.receive().empty());
    close(ca);
  }
  {
    // A client that shuts down its side after its commands still gets the replies.
    Rig rig(1 << 20, 8 << 20);
    int32_t a;
    const int ca = rig.connect(a, true);
    put(ca, frame({"get", "x"}));
    shutdown(ca, SHUT_WR);
    CHECK(rig.receive().size() == 1);
    const std::string text(3000000, 'r');
    rig.reply(a, text);
    std::string got;
    bool ended = false;
    std::vector<Item> items;
    for (int i = 0; i < 5000 && (!ended || items.empty()); i++) {
      if (rig.readable()) {
        const auto some = rig.receive();
        items.insert(items.end(), some.begin(), some.end());
      }
      if (!ended) got += take(ca, &ended);
    }
    CHECK(got == text && ended && closedEvent(items, a, CloseReason::peer));
    close(ca);
  }
  {
    // A refused client that goes on sending still reads the refusal: no reset until it ends or time is up.
    Listener listener;
    ListenOptions options;
    options.host = "127.0.0.1";
    CHECK(listener.open(options) == 0 && listener.port() != 0);
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(listener.port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(::connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    const int fd = listener.accept();
    CHECK(fd >= 0 && (fcntl(fd, F_GETFL) & O_NONBLOCK) && (fcntl(fd, F_GETFD) & FD_CLOEXEC));
    CHECK(listener.accept() == -EAGAIN);
    Rig rig;
    const int32_t a = rig.poller->add(fd, kSpeaksResp);
    CHECK(rig.poller->localAddress(a) == "127.0.0.1:" + std::to_string(listener.port()));
    CHECK(rig.poller->peerAddress(a).rfind("127.0.0.1:", 0) == 0);
    rig.poller->setKeepAlive(a, 30);
    int on = 0;
    socklen_t length = sizeof on;
    getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, &length);
    CHECK(on == 1);
    put(client, "*x\r\n" + std::string(100000, 'x'));
    auto items = rig.await();
    CHECK(items.size() == 1 && items[0].command == kEventProtocolError);
    rig.reply(a, "-ERR no\r\n");
    rig.poller->close(a, 2000);
    put(client, std::string(100000, 'x'));
    rig.receive();
    put(client, std::string(100000, 'x'));
    rig.receive();
    usleep(20000);
    bool ended = false;
    CHECK(take(client, &ended) == "-ERR no\r\n");
    close(client);
    CHECK(closedEvent(rig.await(), a, CloseReason::peer));
  }
}

void limits() {
  {
    Rig rig(1 << 20, 1 << 20);
    int32_t a;
    const int ca = rig.connect(a, true);
    rig.poller->setLimits(a, 1048576, 1 << 20, 600000);
    rig.reply(a, std::string(500000, 'r'));
    CHECK(rig.poller->pendingOutput(a) > 0);
    rig.reply(a, std::string(500000, 'r'));
    CHECK(closedEvent(rig.receive(), a, CloseReason::outputLimit));
    CHECK(rig.poller->stats().pendingOutput == 0);
    close(ca);
  }
  {
    Rig rig;
    int32_t a;
    const int ca = rig.connect(a);
    rig.poller->setQueryBufferLimit(100000);
    put(ca, frame({"get", "k"}) + "*3\r\n$3\r\nset\r\n$1\r\nk\r\n$1000000\r\n" + std::string(60000, 'v'));
    CHECK(rig.receiveAll().size() == 1);
    put(ca, std::string(60000, 'v'));
    CHECK(closedEvent(rig.receiveAll(), a, CloseReason::queryLimit));
    CHECK(rig.poller->stats().pendingInput == 0);
    close(ca);
    int32_t b;
    const int cb = rig.connect(b);
    rig.poller->setLimits(b, 10, 16384, 0);
    put(cb, "*11\r\n");
    const auto items = rig.receive();
    CHECK(items.size() == 1 && items[0].command == kEventProtocolError && items[0].word2 == 3);
    close(cb);
    CHECK(closedEvent(rig.receiveAll(), b, CloseReason::peer));
  }
  {
    // A reader that does not read stops being read from, and goes on when it has caught up.
    Rig rig(1 << 20, 16 << 20);
    int32_t a;
    const int ca = rig.connect(a);
    for (int i = 0; i < 5; i++) rig.reply(a, std::string(15 << 20, 'r'));
    put(ca, frame({"get", "k"}));
    CHECK(rig.receiveAll().empty() && !rig.readable());
    size_t got = 0;
    bool executed = false;
    for (int i = 0; i < 100000 && (got < (size_t{75} << 20) || !executed); i++) {
      got += take(ca).size();
      for (const auto& item : rig.receiveAll()) {
        CHECK(item.args[1] == "k" && got > (size_t{40} << 20));
        executed = true;
      }
    }
    CHECK(executed && got == size_t{75} << 20);
    CHECK(rig.poller->pendingOutput(a) == 0);
    close(ca);
  }
}

void listening() {
  Listener first;
  ListenOptions options;
  options.host = "127.0.0.1";
  CHECK(first.open(options) == 0);
  Listener second;
  options.port = first.port();
  CHECK(second.open(options) == -EADDRINUSE);
  options.host = "no such address";
  CHECK(second.open(options) == kResolveFailed);
  options.host = "192.0.2.1";
  CHECK(second.open(options) == -EADDRNOTAVAIL);
  options = ListenOptions{};
  options.host = "::1";
  Listener six;
  const int result = six.open(options);
  CHECK(result == 0 || result == -EADDRNOTAVAIL || result == -EAFNOSUPPORT);

  const std::string path = "/tmp/ashlar-poller-test-" + std::to_string(getpid());
  ListenOptions onPath;
  onPath.path = path;
  onPath.mode = 0777;
  {
    Listener listener;
    CHECK(listener.open(onPath) == 0 && listener.port() == 0);
    struct stat made{};
    CHECK(stat(path.c_str(), &made) == 0 && (made.st_mode & 0777) == 0777);
    // A socket in the way is replaced, and the first listener leaves its successor's file alone.
    Listener successor;
    onPath.mode = 0600;
    CHECK(successor.open(onPath) == 0);
    listener.close();
    CHECK(stat(path.c_str(), &made) == 0 && (made.st_mode & 0777) == 0600);
    const int client = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    CHECK(connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    const int fd = successor.accept();
    CHECK(fd >= 0);
    Rig rig;
    const int32_t slot = rig.poller->add(fd, kSpeaksResp);
    CHECK(rig.poller->peerAddress(slot) == path && rig.poller->localAddress(slot) == path);
    rig.poller->setKeepAlive(slot, 5);
    const int refused = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(connect(refused, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    rejectSocket(successor.accept(), "-ERR max number of clients reached\r\n");
    bool ended = false;
    CHECK(take(refused, &ended) == "-ERR max number of clients reached\r\n" && ended);
    close(refused);
    close(client);
  }
  struct stat gone{};
  CHECK(stat(path.c_str(), &gone) < 0);
  // A file that is no socket is not removed.
  const int file = open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  close(file);
  Listener blocked;
  CHECK(blocked.open(onPath) == -EADDRINUSE && stat(path.c_str(), &gone) == 0);
  unlink(path.c_str());
}

// Many connections at random. Each client sends numbered commands in all shapes and checks that the numbered replies come back in order.
void soak(uint32_t seed, size_t arena) {
  std::mt19937 random(seed);
  Rig rig(arena, 1 << 20);
  struct Client {
    int fd = -1;
    std::string sending;
    size_t sent = 0;
    int made = 0;
    std::string received;
    int answered = 0;
    int executed = 0;
    bool suspended = false;
    bool gone = false;
  };
  std::map<int32_t, Client> clients;
  const auto join = [&] {
    int32_t slot;
    const int fd = rig.connect(slot, random() % 2 == 0);
    if (slot < 0) {
      close(fd);
      return;
    }
    CHECK(clients.find(slot) == clients.end());
    clients[slot].fd = fd;
  };
  for (int i = 0; i < 12; i++) join();
  const auto command = [&](int n) -> std::string {
    const std::string number = std::to_string(n);
    switch (random() % 12) {
      case 0:
        return "set \"" + number + "\" \"a b\\x41\"\r\n";
      case 1:
        return "set " + number + " v\n";
      case 2:
        return frame({"set", number, std::string(random() % 200000, 'b')});
      case 3:
        return frame({"SET", number, std::string(random() % 3000, 'm')});
      case 4: {
        std::vector<std::string> many = {"mset", number};
        many.resize(random() % 6000 + 2, "x");
        return frame(many);
      }
      case 5:
        return "*0\r\n\r\n" + frame({"get", number});
      default:
        return frame({"get", number});
    }
  };
  for (int step = 0; step < 6000; step++) {
    const bool finishing = step > 4500;
    for (auto& [slot, client] : clients) {
      if (client.gone) continue;
      if (!finishing && client.sending.size() - client.sent < 300000 && random() % 3 == 0) {
        client.sending.erase(0, client.sent);
        client.sent = 0;
        for (int i = static_cast<int>(random() % 30); i >= 0; i--) client.sending += command(client.made++);
      }
      if (client.sent < client.sending.size() && random() % 2 == 0) {
        const size_t most = random() % 4 == 0 ? 1 + random() % 10 : 1 + random() % 100000;
        const ssize_t sent = send(client.fd, client.sending.data() + client.sent,
                                  std::min(most, client.sending.size() - client.sent), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) client.sent += static_cast<size_t>(sent);
      }
      if (random() % 3 == 0) {
        client.received += take(client.fd);
        size_t line;
        size_t from = 0;
        while ((line = client.received.find('\n', from)) != std::string::npos) {
          CHECK(std::stoi(client.received.substr(from)) == client.answered);
          client.answered++;
          from = line + 1;
        }
        client.received.erase(0, from);
      }
      if (client.suspended && random() % 8 == 0) {
        client.suspended = false;
        rig.poller->resume(slot);
      }
      if (!finishing && random() % 600 == 0) {
        // Goes, from either side.
        if (random() % 2 == 0) {
          rig.poller->close(slot, random() % 2 == 0 ? 0 : 50);
        }
        close(client.fd);
        client.gone = true;
      }
    }
    if (!rig.readable()) continue;
    rig.poller->turnBegin();
    for (int turn = 0; turn < 3; turn++) {
      const auto items = rig.receive();
      if (items.empty()) break;
      std::string replies;
      uint32_t count = 0;
      std::map<int32_t, bool> skip;
      for (const auto& item : items) {
        const auto found = clients.find(item.connection);
        if (!CHECK(found != clients.end())) continue;
        Client& client = found->second;
        if (item.command == kEventClosed) {
          CHECK(client.gone);
          clients.erase(found);
          continue;
        }
        if (!CHECK(item.command >= 0)) {
          std::fprintf(stderr, "step %d: [%.80s] executed %d event %d %d %d flags %d, suspended %d\n", step,
                       item.args.empty() ? "" : item.args[0].c_str(), client.executed, item.command, item.word2,
                       item.word3, item.flags, client.suspended);
          return;
        }
        if (skip[item.connection]) continue;
        if (!client.gone) CHECK(!client.suspended);
        if (!CHECK(item.args.size() > 1 && item.args[1] == std::to_string(client.executed))) return;
        client.executed++;
        const std::string reply = item.args[1] + std::string(random() % 20 == 0 ? random() % 2000 : 0, ' ') + "\n";
        if (replies.size() + reply.size() > rig.output.size() || (count + 1) * 3 > rig.segments.size()) {
          std::memcpy(rig.output.data(), replies.data(), replies.size());
          rig.poller->flush(count);
          replies.clear();
          count = 0;
        }
        rig.segments[count * 3] = item.connection;
        rig.segments[count * 3 + 1] = static_cast<int32_t>(replies.size());
        replies += reply;
        rig.segments[count * 3 + 2] = static_cast<int32_t>(replies.size());
        count++;
        if (!client.gone && !finishing && random() % 40 == 0) {
          rig.poller->suspend(item.connection, item.frameEnd);
          client.suspended = true;
          skip[item.connection] = true;
        }
      }
      std::memcpy(rig.output.data(), replies.data(), replies.size());
      rig.poller->flush(count);
    }
    rig.poller->turnEnd();
    if (!finishing && clients.size() < 12) join();
  }
  // Whatever was sent was executed and answered; nothing is left behind.
  for (int i = 0; i < 4000; i++) {
    bool waiting = false;
    for (auto& [slot, client] : clients) {
      if (client.gone) continue;
      if (client.suspended) {
        client.suspended = false;
        rig.poller->resume(slot);
      }
      if (client.sent < client.sending.size()) {
        const ssize_t sent = send(client.fd, client.sending.data() + client.sent, client.sending.size() - client.sent,
                                  MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) client.sent += static_cast<size_t>(sent);
        waiting = true;
      }
      take(client.fd);
      if (client.executed < client.made) waiting = true;
    }
    if (!waiting) break;
    for (const auto& item : rig.receive()) {
      const auto found = clients.find(item.connection);
      if (item.command >= 0 && found != clients.end()) found->second.executed++;
      if (item.command == kEventClosed && found != clients.end()) clients.erase(found);
    }
  }
  for (auto& [slot, client] : clients) {
    if (client.gone) continue;
    CHECK(client.executed == client.made);
    CHECK(rig.poller->pendingInput(slot) == 0);
    close(client.fd);
  }
  for (int i = 0; i < 20; i++) rig.receiveAll();
  usleep(150000);
  for (int i = 0; i < 20; i++) rig.receiveAll();
  const PollerStats stats = rig.poller->stats();
  CHECK(stats.connections == 0 && stats.pendingInput == 0 && stats.pendingOutput == 0);
}

}  // namespace

int main() {
  basics();
  slotsRunOut();
  carry();
  bigFrames();
  suspension();
  closing();
  limits();
  listening();
  for (uint32_t seed = 1; seed <= 4; seed++) soak(seed, seed % 2 == 0 ? size_t{1} << 20 : size_t{60000});
  return test::report("poller_test");
}
