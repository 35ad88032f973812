// The least of a test harness: CHECK counts and prints what failed, and the executable's exit status says whether anything did.
#pragma once

#include <cstdio>

namespace ashlar::test {

inline int failures = 0;
inline int checks = 0;

inline bool check(bool ok, const char* what, const char* file, int line) {
  checks++;
  if (!ok) {
    failures++;
    std::fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
  }
  return ok;
}

inline int report(const char* name) {
  std::printf("%-14s %d checks, %d failures\n", name, checks, failures);
  return failures == 0 ? 0 : 1;
}

}  // namespace ashlar::test

#define CHECK(condition) ::ashlar::test::check((condition), #condition, __FILE__, __LINE__)
