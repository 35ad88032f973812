// CPU time: our own, and that of another process (the server) over the same window. The total comes from the process's CPU clock,
// which counts nanoseconds and all threads, those that have ended too; /proc/PID/stat only says how it divides into user and
// system, in ticks of 10 ms.
#pragma once

#include <sched.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>

namespace load {

struct CpuTime {
  double total = 0;
  double user = 0;
  double system = 0;

  CpuTime operator-(const CpuTime& before) const {
    return {total - before.total, user - before.user, system - before.system};
  }
};

inline uint64_t nowNs() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1000000000ull + static_cast<uint64_t>(t.tv_nsec);
}

inline CpuTime ownCpu() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  const double user = seconds(usage.ru_utime);
  const double system = seconds(usage.ru_stime);
  return {user + system, user, system};
}

// @return all zero when there is no such process
inline CpuTime cpuOf(pid_t pid) {
  CpuTime cpu;
  clockid_t clock;
  timespec t;
  if (pid <= 0 || clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0) return cpu;
  cpu.total = static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;

  FILE* file = std::fopen(("/proc/" + std::to_string(pid) + "/stat").c_str(), "r");
  if (file == nullptr) return cpu;
  char text[1024];
  const size_t length = std::fread(text, 1, sizeof text - 1, file);
  std::fclose(file);
  text[length] = 0;
  // The name, in parentheses, may hold anything: fields are counted from the last ')'. utime and stime are fields 14 and 15.
  const char* p = std::strrchr(text, ')');
  unsigned long user = 0, system = 0;
  if (p == nullptr || std::sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2) return cpu;
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  cpu.user = static_cast<double>(user) / ticks;
  cpu.system = static_cast<double>(system) / ticks;
  return cpu;
}

inline bool pinTo(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  return sched_setaffinity(0, sizeof set, &set) == 0;
}

}  // namespace load
