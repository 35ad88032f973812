// Advice to the kernel about the pages of a SharedArrayBuffer: which to back by huge pages, and which are not needed any more; and the same for
// the allocator that connections' buffers come from.
//
// A shard's look-ups are random, so that with pages of 4 KiB nearly each of them misses the TLB, and in a virtual machine a miss is a walk
// of two tables. Pages of 2 MiB make a shard of gigabytes fit the TLB. They cost nothing here: a shard's pages are used side by side from the
// start, and this process never forks.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ashlar {

// Asks for huge pages. Returns whether the kernel took the advice.
bool adviseHugePages(uint8_t* data, size_t length);

// Takes that advice back: the span is made of small pages from now on.
bool adviseSmallPages(uint8_t* data, size_t length);

// Gives the whole pages in [data, data + length) back to the kernel; they read as zeros afterwards. Returns whether it was done.
bool discardPages(uint8_t* data, size_t length);

// Has the allocator of this process give large blocks back to the kernel when they are freed. By itself it would learn from the first of them to keep
// blocks of up to 32 MiB.
void keepNoLargeBlocks();

// Gives the memory back that the allocator keeps for later.
void releaseHeap();

}  // namespace ashlar
