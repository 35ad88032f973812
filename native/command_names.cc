// Command look-up; command_names.h draws the table.
#include "command_names.h"

#include "hash.h"

namespace ashlar {
namespace {

// Lower case of the ASCII letters in eight bytes at once: a byte is upper case when adding (0x80 - 'A') carries into its top bit
// and adding (0x7f - 'Z') does not, and the byte is ASCII.
inline uint64_t foldCase(uint64_t word) {
  const uint64_t low = word & 0x7f7f7f7f7f7f7f7full;
  const uint64_t fromA = low + 0x0101010101010101ull * (0x80 - 'A');
  const uint64_t aboveZ = low + 0x0101010101010101ull * (0x7f - 'Z');
  const uint64_t upper = ~word & (fromA ^ aboveZ) & 0x8080808080808080ull;
  return word | (upper >> 2);
}

inline uint8_t foldByte(uint8_t byte) { return byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte; }

// The first `length` bytes (0..8) of a word, the others zero.
inline uint64_t firstBytes(uint64_t word, size_t length) {
  return length >= 8 ? word : word & ((uint64_t{1} << (length * 8)) - 1);
}

inline uint32_t mix(uint64_t head, uint64_t tail, uint64_t length) {
  const uint64_t x = (head ^ (tail * 0x9e3779b97f4a7c15ull) ^ length) * 0xd6e8feb86659fd93ull;
  return static_cast<uint32_t>(x >> 40);
}

}  // namespace

template <CommandNames::Case letters>
int32_t CommandNames::look(const uint8_t* name, size_t length) const {
  constexpr bool folded = letters == Case::folded;
  if (entries_.empty()) return -1;
  uint64_t head = firstBytes(load64(name), length);
  uint64_t tail = length > 8 ? firstBytes(load64(name + 8), length - 8) : 0;
  if (folded) {
    head = foldCase(head);
    tail = foldCase(tail);
  }
  for (uint32_t i = mix(head, tail, length) & mask_;; i = (i + 1) & mask_) {
    const Entry& entry = entries_[i];
    if (entry.id < 0) return -1;
    if (entry.head != head || entry.tail != tail || entry.length != length) continue;
    if (length <= 16) return entry.id;
    const std::string& full = names_[static_cast<size_t>(entry.id)];
    size_t k = 16;
    while (k < length && (folded ? foldByte(name[k]) : name[k]) == static_cast<uint8_t>(full[k])) k++;
    if (k == length) return entry.id;
  }
}

template int32_t CommandNames::look<CommandNames::Case::folded>(const uint8_t* name, size_t length) const;
template int32_t CommandNames::look<CommandNames::Case::exact>(const uint8_t* name, size_t length) const;

void CommandNames::add(std::string_view name, KeyPositions keys) {
  std::string stored(name);
  if (case_ == Case::folded)
    for (char& c : stored) c = static_cast<char>(foldByte(static_cast<uint8_t>(c)));
  if (keys.step < 1) keys.step = 1;
  names_.push_back(std::move(stored));
  keys_.push_back(keys);
  if (names_.size() * 4 > entries_.size()) {
    grow();
  } else {
    insert(static_cast<int32_t>(names_.size()) - 1);
  }
}

void CommandNames::insert(int32_t id) {
  const std::string& name = names_[static_cast<size_t>(id)];
  uint8_t padded[16] = {};
  std::memcpy(padded, name.data(), name.size() < 16 ? name.size() : 16);
  const uint64_t head = load64(padded);
  const uint64_t tail = load64(padded + 8);
  uint32_t i = mix(head, tail, name.size()) & mask_;
  while (entries_[i].id >= 0) i = (i + 1) & mask_;
  entries_[i] = Entry{head, tail, static_cast<uint32_t>(name.size()), id};
}

void CommandNames::grow() {
  const size_t capacity = entries_.empty() ? 64 : entries_.size() * 2;
  entries_.assign(capacity, Entry{0, 0, 0, -1});
  mask_ = static_cast<uint32_t>(capacity - 1);
  for (size_t id = 0; id < names_.size(); id++) insert(static_cast<int32_t>(id));
}

}  // namespace ashlar
