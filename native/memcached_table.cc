// Building the table; memcached_table.h says what is in it.
#include "memcached_table.h"

namespace ashlar {

size_t MemcachedTable::add(KeyPositions keys, int32_t dataLength) {
  if (keys.step < 1) keys.step = 1;
  entries_.push_back(Entry{base_ + static_cast<int32_t>(entries_.size()) - 1, keys, dataLength});
  return entries_.size() - 1;
}

void MemcachedTable::addText(std::string_view name, KeyPositions keys, int32_t dataLength) {
  const size_t at = add(keys, dataLength);
  names_.add(name, keys);
  texts_.push_back(at);
  if (name == "unknown") unknownText_ = at;
}

void MemcachedTable::addBinary(int32_t opcode, KeyPositions keys) {
  const size_t at = add(keys, 0);
  if (opcode >= 0 && opcode <= 255) {
    opcodes_[static_cast<size_t>(opcode)] = at;
  } else {
    unknownBinary_ = at;
  }
}

}  // namespace ashlar
