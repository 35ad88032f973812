// The poller over real sockets: what arrives, in which order, and what is reported when things end.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../listener.h"
#include "poller_rig.h"

using namespace ashlar;
using namespace ashlar::test;

namespace {

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

// Too much output is pending: the rest of what came waits, in order, until half of it was read; and the buffers' memory is counted.
void throttling() {
  const std::string line(100000, 'r');
  {
    Rig rig;
    int32_t a;
    const int ca = rig.connect(a, true);
    rig.poller->setBufferWatch(0, 150000, 100000);
    put(ca, frame({"get", "1"}) + frame({"get", "2"}) + frame({"get", "3"}));
    auto items = rig.receive();
    CHECK(items.size() == 3);
    CHECK(!rig.poller->hold(a, items[0].frameEnd));
    rig.reply(a, line);
    CHECK(rig.full[0] == 0 && rig.poller->buffers(a) > 50000);
    rig.reply(a, line);
    CHECK(rig.full[0] == 1 && rig.poller->buffers(a) == rig.poller->stats().buffers);
    // It is told of what has become less, too.
    rig.poller->setBufferWatch(rig.poller->stats().buffers, 1000000, 100000);
    CHECK(rig.full[0] == 0);
    // The first command has been executed. Nothing more is received or split.
    CHECK(rig.poller->hold(a, items[0].frameEnd));
    CHECK(rig.poller->pendingInput(a) == frame({"get", "2"}).size() + frame({"get", "3"}).size());
    put(ca, frame({"get", "4"}));
    CHECK(rig.receiveAll().empty());
    // The peer reads.
    std::string got;
    std::vector<std::string> keys;
    for (int i = 0; i < 2000 && keys.size() < 3; i++) {
      bool ended = false;
      got += take(ca, &ended);
      for (const auto& item : rig.receive()) keys.push_back(item.args[1]);
    }
    CHECK(keys == (std::vector<std::string>{"2", "3", "4"}));
    while (got.size() < 2 * line.size()) {
      bool ended = false;
      got += take(ca, &ended);
      rig.receive();
    }
    CHECK(got == line + line && rig.full[0] == 1);
    rig.poller->setBufferWatch(0, 1000000, 100000);
    CHECK(rig.full[0] == 0);
    CHECK(rig.poller->buffers(a) == 0 && rig.poller->stats().buffers == 0);
    close(ca);
  }
  {
    // What the next batch would have executed waits too; and with a limit at which it is closed, it comes to that.
    Rig rig;
    int32_t a;
    const int ca = rig.connect(a, true);
    rig.poller->setBufferWatch(0, 0, 100000);
    std::string many;
    for (int i = 0; i < 1000; i++) many += frame({"get", "k"});
    put(ca, many);
    const auto items = rig.receive();
    CHECK(items.size() < 1000);
    rig.reply(a, line);
    rig.reply(a, line);
    CHECK(rig.receiveAll().empty() && rig.poller->pendingInput(a) > 0);
    rig.poller->setLimits(a, 1048576, 1 << 20, 250000);
    rig.reply(a, line);
    CHECK(closedEvent(rig.await(), a, CloseReason::outputLimit));
    CHECK(rig.poller->stats().buffers == 0);
    close(ca);
  }
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
    // It may have been closed as soon as all was delivered; otherwise it is now.
    close(ca);
    CHECK(got == text && ended);
    CHECK(closedEvent(items, a, CloseReason::peer) || closedEvent(rig.await(), a, CloseReason::peer));
    CHECK(rig.poller->stats().pendingOutput == 0);
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
  for (const bool pending : {false, true}) {
    // Who is not understood and has much to send before it reads is waited for while it gets on, well beyond the deadline; and then no longer.
    Rig rig;
    int32_t a;
    const int ca = rig.connect(a, true);
    put(ca, "*x\r\n");
    CHECK(rig.receive().size() == 1);
    const std::string text(pending ? 500000 : 5, 'r');
    rig.reply(a, text);
    rig.poller->close(a, 200);
    const std::string more(64 * 1024, 'x');
    for (int i = 0; i < 8 * 16; i++) {
      for (size_t sent = 0; sent < more.size();) {
        const ssize_t some = send(ca, more.data() + sent, more.size() - sent, MSG_NOSIGNAL);
        if (some > 0) sent += static_cast<size_t>(some);
        CHECK(some > 0 || errno == EAGAIN);
        if (rig.readable()) CHECK(rig.receive().empty());
      }
      usleep(5000);
    }
    std::string got;
    bool ended = false;
    std::vector<Item> items;
    for (int i = 0; i < 5000 && !ended; i++) {
      got += take(ca, &ended);
      if (rig.readable()) items = rig.receive();
    }
    CHECK(got == text && ended);
    CHECK(closedEvent(items, a, CloseReason::peer) || closedEvent(rig.await(), a, CloseReason::peer));
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

}  // namespace

int main() {
  basics();
  slotsRunOut();
  carry();
  bigFrames();
  suspension();
  throttling();
  closing();
  limits();
  listening();
  return report("poller_test");
}
