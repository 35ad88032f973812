// The command table as the splitter needs it: name -> id, and where a command's keys are. RESP's names are found without regard to case,
// Memcached's are taken as they are.
//
// Look-up: the name's first 16 bytes are loaded as two words, folded to lower case (eight bytes at a time), mixed with the length
// to an index of an open-addressing table that is at most a quarter full. An entry holds the folded words, so that one comparison of
// three words decides; only names beyond 16 bytes are compared further.
//
//   entry: | head 8 | tail 8 | length 4 | id 4 |        id -1 = empty
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar {

// Positions of the keys among the arguments; first = 0: none. A negative last counts from the end.
struct KeyPositions {
  int32_t first = 0;
  int32_t last = 0;
  int32_t step = 1;
};

class CommandNames {
 public:
  enum class Case { folded, exact };

  explicit CommandNames(Case letters = Case::folded) : case_(letters) {}

  // Adds the next command; its id is the number of commands added before. `name` is folded to lower case unless case matters.
  void add(std::string_view name, KeyPositions keys);

  // Id of the command, or -1. Bytes up to name + 16 must be readable whatever the length.
  int32_t find(const uint8_t* name, size_t length) const { return look<Case::folded>(name, length); }
  // For a table where case matters.
  int32_t findExact(const uint8_t* name, size_t length) const { return look<Case::exact>(name, length); }

  const KeyPositions& keys(int32_t id) const { return keys_[static_cast<size_t>(id)]; }
  size_t size() const { return keys_.size(); }

 private:
  struct Entry {
    uint64_t head;
    uint64_t tail;
    uint32_t length;
    int32_t id;
  };

  template <Case letters>
  int32_t look(const uint8_t* name, size_t length) const;
  void insert(int32_t id);
  void grow();

  Case case_;
  std::vector<Entry> entries_;
  std::vector<std::string> names_;
  std::vector<KeyPositions> keys_;
  uint32_t mask_ = 0;
};

}  // namespace ashlar
