// Feeding chunks through an arena; stream_splitter.h says what for.
#include "stream_splitter.h"

#include <algorithm>
#include <cstring>

namespace ashlar {

StreamSplitter::StreamSplitter(SplitterSettings settings, int32_t speaks, FrameLimits limits, size_t arenaBytes,
                               uint32_t argCapacity, uint32_t commandsMax)
    : settings_(std::move(settings)),
      speaks_(speaks),
      limits_(limits),
      sizes_(arenaBytes),
      arena_(std::max<size_t>(arenaBytes, 64)),
      commands_(size_t{commandsMax} * kCommandWords),
      args_(size_t{argCapacity} * kArgWords),
      batch_(settings_, commands_.data(), commandsMax, args_.data(), argCapacity, commandsMax, 1024) {}

void StreamSplitter::collect(std::vector<Command>& out) {
  for (uint32_t i = 0; i < batch_.count(); i++) {
    const int32_t* const word = commands_.data() + i * kCommandWords;
    Command command{word[1], word[2], word[6], 0, {}};
    if (word[1] == kEventProtocolError) {
      command.detail = word[3];
    } else {
      const bool big = (word[6] & kFlagBig) != 0;
      const uint8_t* const bytes = big ? input_.big->data() : arena_.data();
      const int32_t* arg = big ? input_.big->args() : args_.data() + static_cast<size_t>(word[3]) * kArgWords;
      for (int32_t k = 0; k < word[2]; k++, arg += kArgWords) {
        command.args.push_back(Argument{std::vector<uint8_t>(bytes + arg[0], bytes + arg[0] + arg[1]),
                                        static_cast<uint32_t>(arg[2]), static_cast<uint32_t>(arg[3])});
      }
    }
    out.push_back(std::move(command));
  }
  batch_.clear();
}

void StreamSplitter::splitArena(uint32_t end, std::vector<Command>& out) {
  uint32_t begin = 0;
  for (;;) {
    const SplitResult split = batch_.split(0, speaks_, arena_.data(), begin, end, limits_, 0);
    collect(out);
    if (split.status == SplitStatus::full) {
      begin = split.consumed;
      continue;
    }
    if (split.status == SplitStatus::error) failed_ = true;
    if (split.status != SplitStatus::partial) {
      skip_ = split.skip;
      input_.dropSaved();
      return;
    }
    afterBig(input_.keepPartial(settings_, speaks_, arena_.data() + split.consumed, end - split.consumed,
                                split.announced, sizes_, limits_),
             out);
    return;
  }
}

// What a big frame's progress means for the stream. Bytes beyond the frame are split like received ones.
void StreamSplitter::afterBig(BigFrame::Status status, std::vector<Command>& out) {
  if (status == BigFrame::Status::incomplete) return;
  if (status == BigFrame::Status::error) {
    batch_.event(0, kEventProtocolError, static_cast<int32_t>(input_.big->error()), input_.big->errorDetail());
    collect(out);
  } else if (status == BigFrame::Status::complete) {
    batch_.big(0, *input_.big, 0);
    collect(out);
  }
  if (status == BigFrame::Status::error || status == BigFrame::Status::outOfMemory) {
    failed_ = true;
    input_.clear();
    return;
  }
  BigFrame* const done = input_.big;
  input_.big = nullptr;
  skip_ = done->skip();
  const size_t rest = done->size() - done->frameBytes();
  const uint8_t* bytes = done->data() + done->frameBytes();
  feed(bytes, rest, out);
  delete done;
}

void StreamSplitter::feed(const uint8_t* bytes, size_t count, std::vector<Command>& out) {
  if (count > 0) speaks_ = spokenWith(speaks_, bytes[0]);
  while (count > 0 && !failed_) {
    size_t taken;
    if (skip_ > 0) {
      taken = static_cast<size_t>(std::min<uint64_t>(skip_, count));
      skip_ -= taken;
    } else if (input_.big != nullptr) {
      uint8_t* const room = input_.big->room(sizes_.chunkMax, sizes_.chunkMax, taken);
      if (room == nullptr) {
        failed_ = true;
        return;
      }
      taken = std::min(taken, count);
      std::memcpy(room, bytes, taken);
      input_.big->grew(taken);
      afterBig(input_.big->advance(limits_), out);
    } else {
      taken = std::min<size_t>(count, sizes_.chunkMax);
      const uint32_t before = input_.savedSize;
      if (before > 0) std::memcpy(arena_.data(), input_.saved, before);
      std::memcpy(arena_.data() + before, bytes, taken);
      splitArena(before + static_cast<uint32_t>(taken), out);
    }
    bytes += taken;
    count -= taken;
  }
}

}  // namespace ashlar
