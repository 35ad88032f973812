// Memcached's commands as the splitters need them: a line's first word, or an opcode, to id, keys and announced data.
//
// Every table has an entry for what is none of its commands (`unknown`), so that each frame has an entry.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "command_names.h"

namespace ashlar {

class MemcachedTable {
 public:
  struct Entry {
    int32_t id = -1;
    KeyPositions keys;
    // Text: which argument says how many bytes of data follow the line; 0 = none follow.
    int32_t dataLength = 0;
  };

  // `base` is the id of the first entry to be added; each further one has the next id.
  explicit MemcachedTable(int32_t base = 0) : base_(base), names_(CommandNames::Case::exact), opcodes_(256, 0) {
    entries_.emplace_back();
  }

  // An entry named `unknown` stands for every word that is no other entry's name.
  void addText(std::string_view name, KeyPositions keys, int32_t dataLength);
  // An opcode outside of 0..255 stands for all that are no other entry's.
  void addBinary(int32_t opcode, KeyPositions keys);

  // Bytes up to name + 16 must be readable whatever the length.
  const Entry& text(const uint8_t* name, size_t length) const {
    const int32_t found = names_.findExact(name, length);
    return entries_[found < 0 ? unknownText_ : texts_[static_cast<size_t>(found)]];
  }
  const Entry& unknownText() const { return entries_[unknownText_]; }

  const Entry& binary(uint8_t opcode) const {
    const size_t found = opcodes_[opcode];
    return entries_[found == 0 ? unknownBinary_ : found];
  }

 private:
  size_t add(KeyPositions keys, int32_t dataLength);

  int32_t base_;
  // The first one is nobody's: what is unknown in a table without `unknown`.
  std::vector<Entry> entries_;
  CommandNames names_;
  // Positions in entries_: of each of names_, and of each opcode (0 = none).
  std::vector<size_t> texts_;
  std::vector<size_t> opcodes_;
  size_t unknownText_ = 0;
  size_t unknownBinary_ = 0;
};

}  // namespace ashlar
