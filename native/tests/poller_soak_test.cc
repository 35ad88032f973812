// The poller with many connections at random, of all protocols: suspensions, large frames, data that is thrown away, slow readers, ends from either side. Every
// connection's sequence of commands and replies is checked.
#include <algorithm>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

#include "poller_rig.h"

using namespace ashlar;
using namespace ashlar::test;

namespace {

// A command in one of its protocol's shapes; its second argument is the number.
std::string command(std::mt19937& random, int32_t speaks, int n) {
  const std::string number = std::to_string(n);
  if (speaks == kSpeaksMemcachedText) {
    const std::string end = random() % 8 == 0 ? "xx" : "\r\n";
    const std::string small(random() % 3000, 'm');
    const std::string large(random() % 200000, 'l');
    switch (random() % 10) {
      case 0:
        return "set " + number + " 0 0 " + std::to_string(large.size()) + "\r\n" + large + end;
      case 1:
        return "ms " + number + " " + std::to_string(small.size()) + " T0\n" + small + end;
      case 2: {
        std::string many = "get " + number;
        for (size_t i = random() % 9000; i > 0; i--) many += " key";
        return many + "\r\n";
      }
      case 3:
        return "  get " + number + std::string(random() % 1500, ' ') + "\n";
      case 4:
        return "set " + number + "\r\n";
      default:
        return "mg " + number + " v\r\n";
    }
  }
  if (speaks == kSpeaksMemcachedBinary) {
    switch (random() % 8) {
      case 0:
        return binary(1, number, "12345678", std::string(random() % 200000, 'l'));
      case 1:
        return binary(1, number, "12345678", std::string(random() % 3000, 'm'));
      default:
        return binary(0, number);
    }
  }
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
}

// Many connections at random. Each client sends numbered commands in all shapes and checks that the numbered replies come back in order.
void soak(uint32_t seed, size_t arena) {
  std::mt19937 random(seed);
  Rig rig(arena, 1 << 20);
  struct Client {
    int fd = -1;
    int32_t speaks = kSpeaksResp;
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
    const int32_t speaks = static_cast<int32_t>(random() % 4);
    const int fd = rig.connect(slot, random() % 2 == 0, speaks);
    if (slot < 0) {
      close(fd);
      return;
    }
    CHECK(clients.find(slot) == clients.end());
    clients[slot].fd = fd;
    clients[slot].speaks = speaks == kSpeaksMemcached ? kSpeaksMemcachedText : speaks;
    // Some of Memcached's values are too large for it.
    if (speaks != kSpeaksResp) rig.poller->setLimits(slot, 1048576, 100000, 0);
  };
  for (int i = 0; i < 12; i++) join();
  for (int step = 0; step < 6000; step++) {
    const bool finishing = step > 4500;
    for (auto& [slot, client] : clients) {
      if (client.gone) continue;
      if (!finishing && client.sending.size() - client.sent < 300000 && random() % 3 == 0) {
        client.sending.erase(0, client.sent);
        client.sent = 0;
        for (int i = static_cast<int>(random() % 30); i >= 0; i--)
          client.sending += command(random, client.speaks, client.made++);
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
  for (uint32_t seed = 1; seed <= 4; seed++) soak(seed, seed % 2 == 0 ? size_t{1} << 20 : size_t{60000});
  return report("poller_soak_test");
}
