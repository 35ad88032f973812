// The generator's command line.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>

#include "keys.h"

namespace load {

inline constexpr const char* kUsage =
    "usage: load [options]\n"
    "  --host A --port N | --unix PATH   where the server is (127.0.0.1:6379)\n"
    "  --protocol resp|text|meta|binary  Redis's, or one of memcached's (resp)\n"
    "  --connections N --depth N         connections (50) and requests under way on each (1)\n"
    "  --op get|set|mixed|multi|none     mixed: 90 % GET, 10 % SET; multi: multi-gets, an operation is a key; none: only --load (get)\n"
    "  --multi N                         keys of a multi-get (100)\n"
    "  --keys N --key-size N --value-size N --dist uniform|zipf   (100000, 16, 100, uniform)\n"
    "  --ttl S                           SETs carry a time to live (0: none)\n"
    "  --load                            SET every key once before the run\n"
    "  --seconds S | --requests N        how long (2 s)\n"
    "  --rate N                          operations per second (0: as many as the server takes)\n"
    "  --warmup S                        not measured (0.3)\n"
    "  --cpu K                           pin the generator to a core\n"
    "  --server-pid PID                  report this process's CPU time over the measured window\n"
    "  --seed N\n"
    "  --json                            print only the JSON object; otherwise a line for people too, on standard error\n";

struct Options {
  std::string host = "127.0.0.1", unixPath, protocol = "resp", op = "get", dist = "uniform";
  uint64_t port = 6379, connections = 50, depth = 1, keys = 100000, keySize = 16, valueSize = 100, ttl = 0, multi = 100;
  uint64_t requests = 0, serverPid = 0, seed = 1;
  double seconds = 0, warmup = 0.3, rate = 0;
  int64_t cpu = -1;
  bool load = false, json = false;
};

namespace detail {

inline uint64_t number(const std::string& name, const std::string& text) {
  char* end = nullptr;
  const uint64_t value = std::strtoull(text.c_str(), &end, 10);
  if (text.empty() || *end != 0 || text[0] == '-') throw std::invalid_argument(name + ": not a number: " + text);
  return value;
}

inline double real(const std::string& name, const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != 0 || !(value >= 0)) throw std::invalid_argument(name + ": not a number: " + text);
  return value;
}

inline void check(const Options& o) {
  const auto require = [](bool holds, const char* message) {
    if (!holds) throw std::invalid_argument(message);
  };
  require(o.op == "get" || o.op == "set" || o.op == "mixed" || o.op == "multi" || o.op == "none",
          "--op: get, set, mixed, multi or none");
  require(o.dist == "uniform" || o.dist == "zipf", "--dist: uniform or zipf");
  require(o.connections >= 1 && o.connections <= 10000, "--connections: 1 to 10000");
  require(o.depth >= 1 && o.depth <= 100000, "--depth: 1 to 100000");
  require(o.keys >= 1 && o.keys <= 1000000000, "--keys: 1 to 1000000000");
  require(o.keySize >= smallestKeySize(o.keys) && o.keySize <= 250, "--key-size: too small for the number of keys, or above 250");
  require(o.valueSize >= 1 && o.valueSize <= (64u << 20), "--value-size: 1 to 67108864");
  require(o.port <= 65535, "--port: 0 to 65535");
  require(o.multi >= 1 && o.multi <= 10000, "--multi: 1 to 10000");
  require(o.ttl <= 2592000, "--ttl: 2592000 at most");
}

}  // namespace detail

inline Options parseOptions(int argc, char** argv) {
  Options o;
  std::map<std::string, std::function<void(const std::string&)>> known;
  const auto text = [&](const char* name, std::string& to) { known[name] = [&to](const std::string& v) { to = v; }; };
  const auto number = [&](const char* name, uint64_t& to) {
    known[name] = [&to, name](const std::string& v) { to = detail::number(name, v); };
  };
  const auto real = [&](const char* name, double& to) {
    known[name] = [&to, name](const std::string& v) { to = detail::real(name, v); };
  };
  text("--host", o.host), text("--unix", o.unixPath), text("--protocol", o.protocol), text("--op", o.op);
  text("--dist", o.dist), number("--port", o.port), number("--connections", o.connections), number("--depth", o.depth);
  number("--keys", o.keys), number("--key-size", o.keySize), number("--value-size", o.valueSize), number("--ttl", o.ttl), number("--multi", o.multi);
  number("--requests", o.requests), number("--server-pid", o.serverPid), number("--seed", o.seed);
  real("--seconds", o.seconds), real("--warmup", o.warmup), real("--rate", o.rate);
  known["--cpu"] = [&](const std::string& v) { o.cpu = static_cast<int64_t>(detail::number("--cpu", v)); };

  for (int i = 1; i < argc; i++) {
    const std::string name = argv[i];
    if (name == "--load") {
      o.load = true;
    } else if (name == "--json") {
      o.json = true;
    } else if (const auto found = known.find(name); found == known.end()) {
      throw std::invalid_argument("unknown option " + name);
    } else if (++i == argc) {
      throw std::invalid_argument(name + " needs a value");
    } else {
      found->second(argv[i]);
    }
  }
  if (o.seconds == 0 && o.requests == 0) o.seconds = 2;
  detail::check(o);
  return o;
}

}  // namespace load
