// Replays a trace against a server on the loopback as a cache-aside application does: GET, and on a miss SET. One connection, and one JSON
// object at the end.
//
//   replay resp|text PORT TRACE WINDOW BYTES
//
// Requests are answered in the order of the trace. Up to WINDOW of them with distinct keys, and together at most BYTES of values, are
// under way at the same time, as if that many clients asked; the SETs of those that missed go with the next window, before its GETs:
//
//   trace   a b c a d e …                  a repeated key ends a window, so that it meets its own SET
//   sent    [get a, get b, get c]   [set b, get a, get d, get e]   …
//                     └ a miss ──────┘
//
// With WINDOW = 1 nothing differs from one client that waits for each reply. Values have contents of their own for each key, and every hit is compared
// with what was stored last.
#include <chrono>
#include <exception>

#include "protocols.h"
#include "trace.h"

namespace replay {
namespace {

constexpr size_t kPatternBytes = 1 << 16;
constexpr size_t kPatternStep = 64;

struct Counts {
  uint64_t gets = 0, hits = 0, sets = 0, refused = 0, windows = 0, hitBytes = 0;
  uint32_t checksum = 0;
};

// Values: places in one long random text of letters, so that no server finds numbers in them.
class Values {
 public:
  explicit Values(const Trace& trace) : sizes_(trace.keys.size()) {
    size_t largest = 0;
    for (const Request& request : trace.requests) largest = std::max<size_t>(largest, request.size);
    text_.resize(kPatternBytes + largest);
    uint32_t state = 1;
    for (char& letter : text_) {
      state = state * 1664525u + 1013904223u;
      letter = static_cast<char>('a' + (state >> 16) % 26);
    }
  }

  // The value of a key that is about to be stored.
  std::string_view store(uint32_t key, uint32_t size) {
    sizes_[key] = size;
    return of(key, size);
  }

  // Whether a value that came is what was stored last; of a key whose SET was refused nothing is known.
  bool isStored(uint32_t key, std::string_view value) const { return sizes_[key] == kUnknown || value == of(key, sizes_[key]); }

  void forget(uint32_t key) { sizes_[key] = kUnknown; }

 private:
  static constexpr uint32_t kUnknown = UINT32_MAX;

  std::string_view of(uint32_t key, uint32_t size) const {
    return std::string_view(text_).substr(key * kPatternStep % kPatternBytes, size);
  }

  std::string text_;
  std::vector<uint32_t> sizes_;
};

template <class Protocol>
class Replay {
 public:
  Replay(const Trace& trace, uint16_t port, size_t window, size_t bytes)
      : trace_(trace), connection_(port), values_(trace), window_(window), bytes_(bytes), lastWindow_(trace.keys.size(), 0) {}

  Counts run() {
    for (size_t at = 0; at < trace_.requests.size();) {
      const size_t end = windowEnd(at);
      ask(at, end);
      connection_.flush();
      readSets();
      for (; at < end; at++) readReply(trace_.requests[at]);
    }
    sendSets();
    connection_.flush();
    readSets();
    return counts_;
  }

 private:
  // Where the window that begins at `at` ends; it has one request at least.
  size_t windowEnd(size_t at) {
    const uint64_t number = ++counts_.windows;
    const size_t most = std::min(at + window_, trace_.requests.size());
    size_t bytes = 0;
    size_t end = at;
    for (; end < most; end++) {
      const Request& request = trace_.requests[end];
      bytes += request.size;
      if (end > at && (bytes > bytes_ || lastWindow_[request.key] == number)) break;
      lastWindow_[request.key] = number;
    }
    return end;
  }

  void ask(size_t at, size_t end) {
    sendSets();
    for (; at < end; at++) {
      const Request& request = trace_.requests[at];
      const std::string& key = trace_.keys[request.key];
      if (request.isSet) Protocol::set(connection_.out, key, values_.store(request.key, request.size));
      else Protocol::get(connection_.out, key);
    }
  }

  void sendSets() {
    for (const Request& missed : missed_) {
      Protocol::set(connection_.out, trace_.keys[missed.key], values_.store(missed.key, missed.size));
    }
  }

  void readSets() {
    for (const Request& missed : missed_) readSet(missed.key);
    missed_.clear();
  }

  void readSet(uint32_t key) {
    counts_.sets++;
    if (Protocol::readSet(connection_)) return;
    counts_.refused++;
    values_.forget(key);
  }

  void readReply(const Request& request) {
    if (request.isSet) return readSet(request.key);
    counts_.gets++;
    const std::optional<std::string_view> value = Protocol::readGet(connection_);
    if (!value) {
      missed_.push_back(request);
      return;
    }
    if (!values_.isStored(request.key, *value)) {
      throw std::runtime_error("another value than was stored: " + trace_.keys[request.key]);
    }
    counts_.hits++;
    counts_.hitBytes += value->size();
    counts_.checksum = counts_.checksum * 31 + request.key;
  }

  const Trace& trace_;
  Connection connection_;
  Values values_;
  const size_t window_;
  const size_t bytes_;
  // Number of the window in which a key was asked for last.
  std::vector<uint64_t> lastWindow_;
  std::vector<Request> missed_;
  Counts counts_;
};

void run(const std::string& protocol, const Trace& trace, uint16_t port, size_t window, size_t bytes) {
  const auto start = std::chrono::steady_clock::now();
  Counts c;
  if (protocol == "resp") c = Replay<Resp>(trace, port, window, bytes).run();
  else if (protocol == "text") c = Replay<MemcachedText>(trace, port, window, bytes).run();
  else throw std::invalid_argument("the protocol is resp or text");
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  std::printf("{\"gets\":%lu,\"hits\":%lu,\"hitBytes\":%lu,\"sets\":%lu,\"refused\":%lu,\"windows\":%lu,\"checksum\":%u,\"seconds\":%.3f}\n",
              c.gets, c.hits, c.hitBytes, c.sets, c.refused, c.windows, c.checksum, seconds.count());
}

}  // namespace
}  // namespace replay

int main(int argc, char** argv) {
  try {
    if (argc != 6) throw std::invalid_argument("usage: replay resp|text PORT TRACE WINDOW BYTES");
    const replay::Trace trace(argv[3]);
    replay::run(argv[1], trace, static_cast<uint16_t>(std::stoul(argv[2])), std::stoul(argv[4]), std::stoul(argv[5]));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "replay: error: %s\n", error.what());
    return 1;
  }
}
