// What an application says in each protocol: get, and set of a value; and what it makes of the replies.
#pragma once

#include <charconv>
#include <optional>

#include "connection.h"

namespace replay {

namespace detail {

inline size_t numberIn(std::string_view text) {
  size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) throw std::runtime_error("not a number: " + std::string(text));
  return number;
}

// A value of `length` bytes and the CRLF behind it.
inline std::string_view valueOf(Connection& connection, size_t length) {
  const std::string_view found = connection.block(length + 2);
  return found.substr(0, length);
}

[[noreturn]] inline void unexpected(std::string_view line) { throw std::runtime_error("unexpected reply: " + std::string(line.substr(0, 200))); }

}  // namespace detail

// Redis's protocol.
struct Resp {
  static void get(std::string& out, std::string_view key) {
    out += "*2\r\n$3\r\nGET\r\n$";
    argument(out, key);
  }

  static void set(std::string& out, std::string_view key, std::string_view value) {
    out += "*3\r\n$3\r\nSET\r\n$";
    argument(out, key);
    out += '$';
    argument(out, value);
  }

  // The value, or nothing for a miss.
  static std::optional<std::string_view> readGet(Connection& connection) {
    const std::string_view line = connection.line();
    if (line == "$-1" || line == "_") return std::nullopt;
    if (line.empty() || line[0] != '$') detail::unexpected(line);
    return detail::valueOf(connection, detail::numberIn(line.substr(1)));
  }

  // Whether the value was stored: a server without room for it refuses.
  static bool readSet(Connection& connection) {
    const std::string_view line = connection.line();
    if (line == "+OK") return true;
    if (line.substr(0, 4) == "-OOM") return false;
    detail::unexpected(line);
  }

 private:
  static void argument(std::string& out, std::string_view text) {
    out += std::to_string(text.size());
    out += "\r\n";
    out += text;
    out += "\r\n";
  }
};

// memcached's text protocol.
struct MemcachedText {
  static void get(std::string& out, std::string_view key) {
    out += "get ";
    out += key;
    out += "\r\n";
  }

  static void set(std::string& out, std::string_view key, std::string_view value) {
    out += "set ";
    out += key;
    out += " 0 0 ";
    out += std::to_string(value.size());
    out += "\r\n";
    out += value;
    out += "\r\n";
  }

  // The value, or nothing for a miss.
  static std::optional<std::string_view> readGet(Connection& connection) {
    const std::string_view line = connection.line();
    if (line == "END") return std::nullopt;
    if (line.substr(0, 6) != "VALUE ") detail::unexpected(line);
    const size_t length = detail::numberIn(line.substr(line.rfind(' ') + 1));
    const std::string_view found = connection.block(length + kEnd.size());
    if (found.substr(length) != kEnd) detail::unexpected(found.substr(length));
    return found.substr(0, length);
  }

  // Whether the value was stored: one above the item limit is refused, and so is one for which there is no room.
  static bool readSet(Connection& connection) {
    const std::string_view line = connection.line();
    if (line == "STORED") return true;
    if (line.substr(0, 13) == "SERVER_ERROR ") return false;
    detail::unexpected(line);
  }

 private:
  static constexpr std::string_view kEnd = "\r\nEND\r\n";
};

}  // namespace replay
