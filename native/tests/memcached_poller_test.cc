// Memcached's protocols over real sockets: who speaks what, frames in pieces and in buffers of their own, data that is thrown away, input that is given back.
#include <algorithm>
#include <string>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

#include "poller_rig.h"

using namespace ashlar;
using namespace ashlar::test;

namespace {

constexpr int32_t kGet = kBase;
constexpr int32_t kSet = kBase + 2;
constexpr int32_t kUnknown = kBase + 6;
constexpr int32_t kBinaryGet = kBase + 10;
constexpr int32_t kBinarySet = kBase + 11;

std::string large(size_t bytes) { return "set k 0 0 " + std::to_string(bytes) + "\r\n"; }

// The first byte decides, once, where it is left open.
void speaking() {
  Rig rig;
  int32_t a, b, c, d;
  const int ca = rig.connect(a, false, kSpeaksMemcached), cb = rig.connect(b, false, kSpeaksMemcached),
            cc = rig.connect(c, false, kSpeaksMemcachedText), cd = rig.connect(d, false, kSpeaksMemcachedBinary);
  put(ca, "get x\r\n");
  put(cb, binary(0, "x").substr(0, 1));
  put(cc, "\x80\r\n");
  put(cd, "get x\r\n");
  auto items = rig.receiveAll();
  CHECK(items.size() == 3 && items[0].command == kGet && items[1].command == kUnknown &&
        items[2].command == kEventProtocolError && items[2].word2 == 21 && items[2].word3 == 'g');
  put(cb, binary(0, "x").substr(1) + "get x\r\n");
  put(ca, binary(0, "x") + "\r\nget y\r\n");
  items = rig.receiveAll();
  CHECK(items.size() == 4);
  for (const Item& item : items) {
    if (item.connection == b) CHECK(item.command == kBinaryGet || item.word2 == 21);
    if (item.connection == a) CHECK(item.command == kUnknown || item.args[1] == "y");
  }
  for (const int fd : {ca, cb, cc, cd}) close(fd);
  CHECK(rig.receiveAll().size() == 4);

  // A slot's next user speaks for itself.
  int32_t e;
  const int ce = rig.connect(e, false, kSpeaksMemcached);
  CHECK(e <= d);
  put(ce, binary(10));
  items = rig.receiveAll();
  CHECK(items.size() == 1 && items[0].command == kBase + 12);
  close(ce);
}

void pieces() {
  const std::string value(50000, 'v');
  const std::string text = "get a b\r\nset k 0 0 50000 x\r\n" + value + "\r\nget c\r\n";
  const std::string packets = binary(0, "a") + binary(1, "k", "12345678", value) + binary(0, "c");
  for (const bool isText : {true, false}) {
    const std::string& stream = isText ? text : packets;
    Rig rig;
    int32_t a;
    const int ca = rig.connect(a, false, kSpeaksMemcached);
    std::vector<Item> seen;
    for (size_t at = 0; at < stream.size();) {
      // Byte by byte where frames begin and end.
      const size_t count = at < 100 || at > stream.size() - 100 ? 1 : 997;
      put(ca, stream.substr(at, count));
      at += std::min(count, stream.size() - at);
      for (const Item& item : rig.receiveAll()) seen.push_back(item);
    }
    CHECK(seen.size() == 3 && seen[0].args[1] == "a" && seen[2].args[1] == "c" &&
          seen[1].args[isText ? 6 : 3] == value && seen[1].flags == (isText ? kFlagBig | kFlagData : kFlagBig));
    CHECK(rig.poller->stats().pendingInput == 0);
    close(ca);
  }
}

// Hundreds of thousands of keys in a line, and what follows it.
void manyKeys() {
  Rig rig;
  int32_t a;
  const int ca = rig.connect(a, false, kSpeaksMemcached);
  std::string line = "get";
  for (int i = 0; i < 300000; i++) line += " " + std::to_string(i);
  line += "\r\nget next\r\n";
  std::vector<Item> seen;
  for (size_t at = 0; at < line.size(); at += 50000) {
    put(ca, line.substr(at, 50000));
    for (Item& item : rig.receiveAll()) seen.push_back(std::move(item));
  }
  CHECK(seen.size() == 2 && seen[0].flags == kFlagBig && seen[0].args.size() == 300001 &&
        seen[0].args[300000] == "299999" && seen[1].args[1] == "next");
  // Not above the limit on what is kept for a frame.
  rig.poller->setQueryBufferLimit(1000000);
  put(ca, "get " + std::string(100000, 'k'));
  CHECK(rig.receiveAll().empty());
  for (int i = 0; i < 10; i++) {
    send(ca, line.data(), 100000, MSG_NOSIGNAL);
    seen = rig.receiveAll();
    if (!seen.empty()) break;
    line = std::string(100000, 'k');
  }
  CHECK(closedEvent(seen, a, CloseReason::queryLimit));
  close(ca);

  int32_t b;
  const int cb = rig.connect(b, false, kSpeaksMemcached);
  put(cb, std::string(2048, 'x'));
  CHECK(rig.receiveAll().empty());
  put(cb, "x");
  seen = rig.receiveAll();
  CHECK(seen.size() == 1 && seen[0].command == kEventProtocolError && seen[0].word2 == 20);
  put(cb, "\r\nget a\r\n");
  CHECK(rig.receiveAll().empty());
  rig.poller->close(b, 100);
  CHECK(closedEvent(rig.await(), b, CloseReason::peer));
  close(cb);
}

// What is too large is known at once, never kept, and does not keep others waiting.
void thrownAway() {
  for (const size_t arena : {size_t{1} << 20, size_t{20000}}) {
    for (const bool isText : {true, false}) {
      Rig rig(arena);
      int32_t a, b;
      const int ca = rig.connect(a, false, kSpeaksMemcached), cb = rig.connect(b, false, kSpeaksMemcached);
      rig.poller->setLimits(a, 1000, 1000, 0);
      const size_t bytes = 3000000;
      put(ca, isText ? "get a\r\n" + large(bytes) : binary(10) + header(1, 3, 8, 11 + bytes) + "12345678key");
      auto items = rig.receiveAll();
      CHECK(items.size() == 2 && items[1].command == (isText ? kSet : kBinarySet) && items[1].flags == kFlagTooLarge);
      const std::string rest = std::string(isText ? bytes + 2 : bytes, 'x') + (isText ? "get b\r\n" : binary(0, "b"));
      size_t others = 0;
      std::vector<Item> seen;
      for (size_t at = 0; at < rest.size();) {
        const ssize_t sent = send(ca, rest.data() + at, rest.size() - at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) at += static_cast<size_t>(sent);
        put(cb, "get other\r\n");
        bool other = false;
        for (const Item& item : rig.receive()) {
          if (item.connection == b) other = true;
          if (item.connection == a) seen.push_back(item);
        }
        others += other;
        CHECK(other);
        CHECK(rig.poller->stats().pendingInput <= 100);
      }
      for (const Item& item : rig.receiveAll()) {
        if (item.connection == a) seen.push_back(item);
      }
      CHECK(others > 0 && seen.size() == 1 && seen[0].args[1] == "b");
      close(ca);
      close(cb);
    }
  }
  // The peer goes in the middle of it, and the slot's next user is not affected.
  Rig rig;
  int32_t a;
  const int ca = rig.connect(a, false, kSpeaksMemcached);
  rig.poller->setLimits(a, 1000, 1000, 0);
  put(ca, large(100000) + std::string(50000, 'x'));
  CHECK(rig.receiveAll().size() == 1);
  close(ca);
  CHECK(closedEvent(rig.receiveAll(), a, CloseReason::peer));
  CHECK(rig.receiveAll().empty());
  int32_t b;
  const int cb = rig.connect(b, false, kSpeaksMemcached);
  CHECK(b == a);
  put(cb, "get a\r\n" + large(5000) + std::string(5000, 'v') + "\r\n");
  const auto items = rig.receiveAll();
  CHECK(items.size() == 2 && items[1].flags == kFlagData);
  close(cb);
}

// Suspended anywhere round a command whose data is thrown away, with as much of the data there as may be.
void suspension() {
  constexpr size_t kBytes = 5000;
  for (const bool isText : {true, false}) {
    const std::string head = isText ? large(kBytes) : header(1, 1, 0, 1 + kBytes) + "k";
    const std::string data = isText ? std::string(kBytes + 2, 'x') : std::string(kBytes, 'x');
    const std::string before = isText ? "get 1\r\n" : binary(0, "1");
    const std::string after = isText ? "get 2\r\nget 3\r\n" : binary(0, "2") + binary(0, "3");
    const std::string stream = before + head + data + after;
    const size_t dataAt = before.size() + head.size();
    for (const size_t first : {dataAt, dataAt + 1, dataAt + 2000, dataAt + data.size() - 1, dataAt + data.size(),
                               dataAt + data.size() + 3, stream.size()}) {
      for (size_t suspendAfter = 0; suspendAfter < 4; suspendAfter++) {
        for (const size_t arena : {size_t{1} << 20, size_t{8192}}) {
          Rig rig(arena);
          int32_t a;
          const int ca = rig.connect(a, false, kSpeaksMemcached);
          rig.poller->setLimits(a, 1000, 1000, 0);
          std::vector<std::string> seen;
          // Takes the commands of a batch; those behind the suspended one are not executed.
          const auto execute = [&] {
            for (;;) {
              const auto items = rig.receive();
              if (items.empty() && !rig.readable()) return;
              for (const Item& item : items) {
                seen.push_back(item.args[1]);
                if (seen.size() - 1 != suspendAfter) continue;
                rig.poller->suspend(a, item.frameEnd);
                CHECK(rig.receiveAll().empty());
                rig.poller->resume(a);
                break;
              }
            }
          };
          put(ca, stream.substr(0, first));
          execute();
          put(ca, stream.substr(first));
          execute();
          CHECK(seen == std::vector<std::string>({"1", "k", "2", "3"}));
          CHECK(rig.poller->stats().pendingInput == 0);
          close(ca);
        }
      }
    }
  }
  // The rest arrives while it is suspended.
  Rig rig;
  int32_t a;
  const int ca = rig.connect(a, false, kSpeaksMemcached);
  rig.poller->setLimits(a, 1000, 1000, 0);
  put(ca, large(5000) + std::string(100, 'x'));
  auto items = rig.receiveAll();
  CHECK(items.size() == 1);
  rig.poller->suspend(a, items[0].frameEnd);
  put(ca, std::string(4902, 'x') + "get b\r\n");
  CHECK(rig.receiveAll().empty());
  rig.poller->resume(a);
  items = rig.receiveAll();
  CHECK(items.size() == 1 && items[0].args[1] == "b");

  // A big frame is given back whole, and what was read beyond it follows.
  rig.poller->setLimits(a, 1000000, 1000, 0);
  std::string line = "get";
  for (int i = 0; i < 20000; i++) line += " " + std::to_string(i);
  put(ca, line.substr(0, 50000));
  CHECK(rig.receiveAll().empty());
  put(ca, line.substr(50000) + "\r\n" + large(9000) + std::string(9002, 'x') + "get next\r\n");
  items = rig.await();
  CHECK(items.size() == 1 && items[0].args.size() == 20001);
  rig.poller->suspend(a, 0);
  CHECK(rig.receiveAll().empty());
  rig.poller->resume(a);
  items = rig.await();
  CHECK(items.size() == 1 && items[0].args.size() == 20001);
  rig.poller->suspend(a, items[0].frameEnd);
  CHECK(rig.receiveAll().empty());
  rig.poller->resume(a);
  items = rig.receiveAll();
  CHECK(items.size() == 2 && items[0].flags == kFlagTooLarge && items[1].args[1] == "next");
  close(ca);
}

}  // namespace

int main() {
  speaking();
  pieces();
  manyKeys();
  thrownAway();
  suspension();
  return report("memcached_poller_test");
}
