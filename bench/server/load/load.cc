// A load generator for servers that speak Redis's or memcached's protocols: one thread, N connections, pipelines of a given depth,
// requests rendered beforehand, so that the server is what is measured. Prints one JSON object. `load --help` lists the options.
//
//   options.h    the command line                  pool.h       requests rendered beforehand
//   protocol.h   what a protocol says              driver.h     the loop that sends, receives, counts and times
//   resp.h, memcached.h   the protocols            histogram.h  percentiles
//   keys.h       which keys                        cpu.h        CPU clocks
#include <cstdio>
#include <exception>

#include "driver.h"
#include "memcached.h"
#include "options.h"
#include "resp.h"
#include "sockets.h"

namespace load {
namespace {

constexpr uint64_t kPoolBytesMax = 384u << 20;
constexpr uint64_t kPoolRequestsMin = 1u << 16;
constexpr uint64_t kPoolRequestsMax = 4u << 20;
constexpr uint64_t kLoadDepth = 64;
constexpr uint64_t kLoadChunkBytes = 32u << 20;

Sizes sizesOf(const Options& o) {
  return {static_cast<uint32_t>(o.keySize), static_cast<uint32_t>(o.valueSize), static_cast<uint32_t>(o.ttl), static_cast<uint32_t>(o.multi)};
}

uint64_t keysInRequest(const Options& o) { return o.op == "multi" ? o.multi : 1; }

// Each key is asked for twice, so that a round of the pool meets most of them; whole batches only.
uint64_t poolRequests(const Options& o, uint64_t bytesEach) {
  const uint64_t wanted = std::min(std::max(2 * o.keys, kPoolRequestsMin), kPoolRequestsMax) / keysInRequest(o);
  const uint64_t affordable = std::min(wanted, std::max<uint64_t>(kPoolBytesMax / bytesEach, o.depth));
  return (affordable + o.depth - 1) / o.depth * o.depth;
}

template <class Protocol>
void fillPool(Pool<Protocol>& pool, const Options& o) {
  Random random(o.seed);
  const bool zipfian = o.dist == "zipf";
  const Zipf zipf(zipfian ? o.keys : 2);
  const Kind kind = o.op == "set" ? Kind::set : o.op == "multi" ? Kind::multi : Kind::get;
  const uint64_t count = poolRequests(o, pool.bytesOf(kind));
  pool.reserve(count, kind);
  const auto nextKey = [&] { return zipfian ? zipf.next(random) : random.below(o.keys); };
  for (uint64_t i = 0; i < count; i++) {
    if (kind == Kind::multi) {
      pool.addMulti(nextKey);
      continue;
    }
    const uint64_t key = nextKey();
    const bool isSet = o.op == "set" || (o.op == "mixed" && random.below(10) == 0);
    isSet ? pool.addSet(key) : pool.addGet(key);
  }
}

// SETs every key once, in chunks, so that rendering doesn't need memory for all of them.
template <class Protocol>
Result loadKeys(Driver<Protocol>& driver, const Protocol& protocol, const Options& o) {
  Pool<Protocol> pool(protocol, {sizesOf(o), kLoadDepth}, o.seed);
  const uint64_t chunk = std::max<uint64_t>(kLoadChunkBytes / pool.bytesOf(Kind::set), kLoadDepth * o.connections);
  pool.reserve(std::min(chunk, o.keys), Kind::set);
  Limits limits;
  limits.once = true;
  Result sum;
  for (uint64_t from = 0; from < o.keys; from += chunk) {
    pool.clear();
    for (uint64_t key = from; key < std::min(from + chunk, o.keys); key++) pool.addSet(key);
    const Result result = driver.run(pool, limits);
    sum.counts.stored += result.counts.stored;
    sum.counts.errors += result.counts.errors;
    sum.seconds += result.seconds;
  }
  return sum;
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

void print(const Options& o, const Result& loaded, const Result& r, const std::string& firstError) {
  const Counts& c = r.counts;
  const double rate = r.seconds > 0 ? static_cast<double>(c.ops()) / r.seconds : 0;
  std::printf("{\"protocol\":%s,\"op\":%s,\"dist\":%s,\"connections\":%lu,\"depth\":%lu,\"keys\":%lu,\"keySize\":%lu,\"valueSize\":%lu,",
              quoted(o.protocol).c_str(), quoted(o.op).c_str(), quoted(o.dist).c_str(), o.connections, o.depth, o.keys, o.keySize,
              o.valueSize);
  std::printf("\"loaded\":%lu,\"loadSeconds\":%.3f,\"loadErrors\":%lu,", loaded.counts.stored, loaded.seconds, loaded.counts.errors);
  std::printf("\"ops\":%lu,\"seconds\":%.6f,\"ops_per_s\":%.0f,", c.ops(), r.seconds, rate);
  std::printf("\"p50\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f,", r.latency.percentileMicros(0.5),
              r.latency.percentileMicros(0.99), r.latency.percentileMicros(0.999), r.latency.maxMicros());
  std::printf("\"hits\":%lu,\"misses\":%lu,\"stored\":%lu,\"errors\":%lu,\"firstError\":%s,\"bytesIn\":%lu,\"bytesOut\":%lu,", c.hits,
              c.misses, c.stored, c.errors, quoted(firstError).c_str(), c.bytesIn, c.bytesOut);
  std::printf("\"cpu\":{\"total\":%.6f,\"user\":%.6f,\"system\":%.6f},", r.own.total, r.own.user, r.own.system);
  std::printf("\"serverCpu\":{\"total\":%.6f,\"user\":%.2f,\"system\":%.2f}}\n", r.server.total, r.server.user, r.server.system);
  if (o.json) return;
  const double million = c.ops() > 0 ? 1e6 / static_cast<double>(c.ops()) : 0;
  std::fprintf(stderr, "%.0f ops/s; p50 %.0f us, p99 %.0f us, p99.9 %.0f us; CPU us/op: server %.3f, generator %.3f; %lu misses, %lu errors\n",
               rate, r.latency.percentileMicros(0.5), r.latency.percentileMicros(0.99), r.latency.percentileMicros(0.999),
               r.server.total * million, r.own.total * million, c.misses, c.errors + loaded.counts.errors);
}

template <class Protocol>
void runWith(const Options& o) {
  const Protocol protocol(sizesOf(o));
  Driver<Protocol> driver(protocol, connectAll(o.connections, o.unixPath, o.host, static_cast<uint16_t>(o.port)),
                          static_cast<pid_t>(o.serverPid));
  Result loaded, result;
  if (o.load) loaded = loadKeys(driver, protocol, o);
  if (o.op != "none") {
    Pool<Protocol> pool(protocol, {sizesOf(o), static_cast<uint32_t>(o.depth)}, o.seed);
    fillPool(pool, o);
    Limits limits;
    limits.warmupSeconds = o.warmup;
    limits.seconds = o.seconds;
    limits.requests = o.requests;
    limits.batchesPerSecond = o.rate / static_cast<double>(o.depth * keysInRequest(o));
    result = driver.run(pool, limits);
  }
  print(o, loaded, result, driver.firstError());
}

void runProtocol(const Options& o) {
  if (o.protocol == "resp") return runWith<Resp>(o);
  if (o.protocol == "text") return runWith<MemcachedText>(o);
  if (o.protocol == "meta") return runWith<MemcachedMeta>(o);
  if (o.protocol == "binary") return runWith<MemcachedBinary>(o);
  throw std::invalid_argument("--protocol: resp, text, meta or binary");
}

}  // namespace
}  // namespace load

int main(int argc, char** argv) {
  if (argc == 2 && std::string(argv[1]) == "--help") return std::fputs(load::kUsage, stdout) < 0;
  try {
    const load::Options options = load::parseOptions(argc, argv);
    if (options.cpu >= 0 && !load::pinTo(static_cast<int>(options.cpu))) throw std::runtime_error("--cpu: cannot pin to that core");
    load::runProtocol(options);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "load: %s\n", error.what());
    return 1;
  }
}
