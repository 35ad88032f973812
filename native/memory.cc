#include "memory.h"

#if defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>
#endif
#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace ashlar {

#if defined(__linux__)

namespace {

constexpr uintptr_t kHugePage = 2 * 1024 * 1024;

// Advises on the whole pages within a range.
bool advise(uint8_t* data, size_t length, int advice) {
  const uintptr_t page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const uintptr_t begin = (reinterpret_cast<uintptr_t>(data) + page - 1) & ~(page - 1);
  const uintptr_t end = (reinterpret_cast<uintptr_t>(data) + length) & ~(page - 1);
  return end > begin && madvise(reinterpret_cast<void*>(begin), end - begin, advice) == 0;
}

}  // namespace

bool adviseHugePages(uint8_t* data, size_t length) { return advise(data, length, MADV_HUGEPAGE); }

bool adviseSmallPages(uint8_t* data, size_t length) { return advise(data, length, MADV_NOHUGEPAGE); }

bool discardPages(uint8_t* data, size_t length) {
  // Of a huge page that is discarded in part the kernel keeps all, off the process's account, until it is short of memory: MADV_DONTNEED cuts up only
  // the mapping. MADV_FREE cuts up the page itself.
  if (((reinterpret_cast<uintptr_t>(data) | length) & (kHugePage - 1)) != 0) advise(data, length, MADV_FREE);
  return advise(data, length, MADV_DONTNEED);
}

#else

bool adviseHugePages(uint8_t*, size_t) { return false; }
bool adviseSmallPages(uint8_t*, size_t) { return false; }
bool discardPages(uint8_t*, size_t) { return false; }

#endif

#if defined(__GLIBC__)

namespace {

constexpr int kLargeBlock = 128 * 1024;

}  // namespace

void keepNoLargeBlocks() {
  mallopt(M_MMAP_THRESHOLD, kLargeBlock);
  mallopt(M_TRIM_THRESHOLD, 2 * kLargeBlock);
}

void releaseHeap() { malloc_trim(0); }

#else

void keepNoLargeBlocks() {}
void releaseHeap() {}

#endif

}  // namespace ashlar
