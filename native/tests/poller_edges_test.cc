// Events are reported once: whatever is left in a socket must come without anything new being sent. Over TCP, as clients are.
#include <cstring>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "poller_rig.h"

using namespace ashlar;
using namespace ashlar::test;

namespace {

// A connected pair; the poller has one end, and the other is returned.
int connectTcp(Rig& rig, int32_t& slot, int sendBuffer = 0) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  CHECK(bind(listener, reinterpret_cast<sockaddr*>(&address), length) == 0 && listen(listener, 1) == 0);
  CHECK(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) == 0);
  const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  const int accepted = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  CHECK(accepted >= 0);
  close(listener);
  if (sendBuffer > 0) setsockopt(accepted, SOL_SOCKET, SO_SNDBUF, &sendBuffer, sizeof sendBuffer);
  slot = rig.poller->add(accepted, kSpeaksResp);
  return client;
}

// Commands of a connection until it is closed, or until nothing comes any more; `closed` says which.
size_t countCommands(Rig& rig, int32_t slot, bool& closed) {
  size_t commands = 0;
  closed = false;
  for (;;) {
    const auto items = rig.await();
    if (items.empty()) return commands;
    for (const Item& item : items) {
      if (item.connection != slot) continue;
      if (item.command == kEventClosed) {
        closed = true;
        return commands;
      }
      commands++;
    }
  }
}

std::string gets(size_t count) {
  std::string out;
  for (size_t i = 0; i < count; i++) out += frame({"get", "key:" + std::to_string(i)});
  return out;
}

// More than one read takes, and an end of input behind it, all there before the first event is looked at.
void moreThanARead() {
  for (const bool ends : {false, true}) {
    Rig rig(1 << 17);
    int32_t slot;
    const int client = connectTcp(rig, slot);
    put(client, gets(6000));
    if (ends) shutdown(client, SHUT_WR);
    bool closed;
    CHECK(countCommands(rig, slot, closed) == 6000);
    CHECK(closed == ends);
    close(client);
  }
}

// The end of input is told of by the event that tells of the last bytes.
void bytesAndEnd() {
  Rig rig;
  int32_t slot;
  const int client = connectTcp(rig, slot);
  put(client, gets(3));
  close(client);
  bool closed;
  CHECK(countCommands(rig, slot, closed) == 3);
  CHECK(closed);
}

// What comes while a connection is suspended is there when it goes on, and so is its end.
void suspended() {
  for (const bool ends : {false, true}) {
    Rig rig;
    int32_t slot;
    const int client = connectTcp(rig, slot);
    put(client, gets(1));
    const auto first = rig.await();
    CHECK(first.size() == 1);
    rig.poller->suspend(slot, first[0].frameEnd);
    put(client, gets(2));
    if (ends) shutdown(client, SHUT_WR);
    CHECK(rig.receiveAll().empty());
    CHECK(!rig.readable());
    rig.poller->resume(slot);
    bool closed;
    CHECK(countCommands(rig, slot, closed) == 2);
    CHECK(closed == ends);
    close(client);
  }
}

// More connections are ready than a batch has room for: those that are left are announced.
void fullBatch() {
  Rig rig;
  std::vector<int32_t> slots(20);
  std::vector<int> clients;
  for (int32_t& slot : slots) {
    clients.push_back(connectTcp(rig, slot));
    put(clients.back(), gets(100));
  }
  size_t commands = 0;
  while (rig.readable(100)) commands += rig.receive().size();
  CHECK(commands == 2000);
  for (const int client : clients) close(client);
}

// A reply that the socket does not take at once is sent as the peer reads, whatever the poller does meanwhile.
void slowReader() {
  Rig rig(1 << 20, 1 << 20);
  int32_t slot;
  const int client = connectTcp(rig, slot, 8192);
  put(client, gets(1));
  CHECK(rig.await().size() == 1);
  const std::string text(1000 * 1000, 'x');
  for (int i = 0; i < 8; i++) rig.reply(slot, text);
  size_t got = 0;
  for (int i = 0; i < 2000 && got < 8 * text.size(); i++) {
    got += take(client).size();
    if (rig.readable(20)) rig.receive();
  }
  CHECK(got == 8 * text.size());
  // And then it is served as before.
  put(client, gets(2));
  CHECK(rig.await().size() == 2);
  close(client);
}

}  // namespace

int main() {
  moreThanARead();
  bytesAndEnd();
  suspended();
  fullBatch();
  slowReader();
  return report("poller_edges_test");
}
