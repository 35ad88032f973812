// Conversions between JavaScript values and C++ ones; marshal.h lists them.
#include "marshal.h"

#include <cmath>

namespace ashlar::js {

bool throwType(napi_env env, const char* name, const char* expected) {
  const std::string message = std::string(name).append(": expected ").append(expected);
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", message.c_str());
  return false;
}

namespace {

bool readTyped(napi_env env, napi_value value, napi_typedarray_type wanted, void** data, size_t* length) {
  bool typed = false;
  if (napi_is_typedarray(env, value, &typed) != napi_ok || !typed) return false;
  napi_typedarray_type type;
  if (napi_get_typedarray_info(env, value, &type, length, data, nullptr, nullptr) != napi_ok) return false;
  return type == wanted;
}

}  // namespace

bool readWords(napi_env env, napi_value value, const char* name, Words& out) {
  void* data = nullptr;
  if (!readTyped(env, value, napi_int32_array, &data, &out.length)) return throwType(env, name, "an Int32Array");
  out.data = static_cast<int32_t*>(data);
  return true;
}

bool readBytes(napi_env env, napi_value value, const char* name, Bytes& out) {
  void* data = nullptr;
  if (!readTyped(env, value, napi_uint8_array, &data, &out.length)) return throwType(env, name, "a Uint8Array");
  out.data = static_cast<uint8_t*>(data);
  return true;
}

bool readNumber(napi_env env, napi_value value, const char* name, double& out) {
  if (napi_get_value_double(env, value, &out) != napi_ok) return throwType(env, name, "a number");
  return true;
}

bool readString(napi_env env, napi_value value, const char* name, std::string& out) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) return throwType(env, name, "a string");
  out.resize(length + 1);
  napi_get_value_string_utf8(env, value, out.data(), length + 1, &length);
  out.resize(length);
  return true;
}

bool property(napi_env env, napi_value object, const char* name, napi_value& out) {
  if (napi_get_named_property(env, object, name, &out) != napi_ok) {
    bool pending = false;
    napi_is_exception_pending(env, &pending);
    if (!pending) throwType(env, name, "a property of an object");
    return false;
  }
  return true;
}

bool isUndefined(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  napi_typeof(env, value, &type);
  return type == napi_undefined || type == napi_null;
}

bool wordsProperty(napi_env env, napi_value object, const char* name, Words& out) {
  napi_value value;
  return property(env, object, name, value) && readWords(env, value, name, out);
}

bool bytesProperty(napi_env env, napi_value object, const char* name, Bytes& out) {
  napi_value value;
  return property(env, object, name, value) && readBytes(env, value, name, out);
}

bool numberProperty(napi_env env, napi_value object, const char* name, double& out) {
  napi_value value;
  return property(env, object, name, value) && readNumber(env, value, name, out);
}

bool optionalNumber(napi_env env, napi_value object, const char* name, double& out) {
  napi_value value;
  if (!property(env, object, name, value)) return false;
  return isUndefined(env, value) || readNumber(env, value, name, out);
}

bool optionalString(napi_env env, napi_value object, const char* name, std::string& out) {
  napi_value value;
  if (!property(env, object, name, value)) return false;
  return isUndefined(env, value) || readString(env, value, name, out);
}

namespace {

// What every entry of the table has, whatever its protocol.
bool readCommand(napi_env env, napi_value entry, std::string& name, KeyPositions& keys) {
  napi_value nameValue;
  double first = 0;
  double last = 0;
  double step = 1;
  if (!property(env, entry, "name", nameValue) || !readString(env, nameValue, "name", name) ||
      !numberProperty(env, entry, "firstKey", first) || !numberProperty(env, entry, "lastKey", last) ||
      !numberProperty(env, entry, "keyStep", step)) {
    return false;
  }
  keys = KeyPositions{static_cast<int32_t>(toInteger(first)), static_cast<int32_t>(toInteger(last)),
                      static_cast<int32_t>(toInteger(step))};
  return true;
}

bool addCommand(napi_env env, napi_value entry, SplitterSettings& out) {
  std::string name;
  KeyPositions keys;
  if (!readCommand(env, entry, name, keys)) return false;
  out.names.add(name, keys);
  return true;
}

bool addMemcached(napi_env env, napi_value entry, SplitterSettings& out) {
  std::string name;
  std::string protocol;
  KeyPositions keys;
  napi_value protocolValue;
  double dataLength = 0;
  double opcode = 0;
  if (!readCommand(env, entry, name, keys) || !property(env, entry, "protocol", protocolValue) ||
      !readString(env, protocolValue, "protocol", protocol) || !numberProperty(env, entry, "dataLength", dataLength) ||
      !numberProperty(env, entry, "opcode", opcode)) {
    return false;
  }
  if (protocol == "binary") {
    out.memcached.addBinary(static_cast<int32_t>(toInteger(opcode)), keys);
  } else {
    out.memcached.addText(name, keys, static_cast<int32_t>(toInteger(dataLength)));
  }
  return true;
}

bool readEntries(napi_env env, napi_value table, const char* name, SplitterSettings& out,
                 bool (*add)(napi_env, napi_value, SplitterSettings&)) {
  napi_value entries;
  uint32_t count = 0;
  if (!property(env, table, name, entries)) return false;
  if (napi_get_array_length(env, entries, &count) != napi_ok) return throwType(env, name, "an array");
  for (uint32_t i = 0; i < count; i++) {
    napi_handle_scope scope;
    napi_open_handle_scope(env, &scope);
    napi_value entry;
    const bool read = napi_get_element(env, entries, i, &entry) == napi_ok && add(env, entry, out);
    napi_close_handle_scope(env, scope);
    if (!read) return false;
  }
  return true;
}

}  // namespace

bool readSplitterSettings(napi_env env, napi_value options, SplitterSettings& out) {
  napi_value table;
  napi_value key;
  double base = 0;
  if (!property(env, options, "table", table) || !numberProperty(env, table, "memcachedBase", base)) return false;
  out.memcached = MemcachedTable(static_cast<int32_t>(toInteger(base)));
  if (!readEntries(env, table, "commands", out, addCommand) ||
      !readEntries(env, table, "memcached", out, addMemcached)) {
    return false;
  }
  if (!property(env, options, "hashKey", key)) return false;
  uint32_t* const parts[2] = {&out.k0, &out.k1};
  for (uint32_t i = 0; i < 2; i++) {
    napi_value part;
    double number = 0;
    if (napi_get_element(env, key, i, &part) != napi_ok) return throwType(env, "hashKey", "two numbers");
    if (!readNumber(env, part, "hashKey", number)) return false;
    *parts[i] = static_cast<uint32_t>(toInteger(number));
  }
  return true;
}

int64_t toInteger(double value) {
  if (std::isnan(value)) return 0;
  if (value >= 9.2e18) return INT64_MAX;
  if (value <= -9.2e18) return INT64_MIN;
  return static_cast<int64_t>(value);
}

napi_value number(napi_env env, double value) {
  napi_value result = nullptr;
  napi_create_double(env, value, &result);
  return result;
}

napi_value string(napi_env env, const std::string& value) {
  napi_value result = nullptr;
  napi_create_string_utf8(env, value.data(), value.size(), &result);
  return result;
}

napi_value undefined(napi_env env) {
  napi_value result = nullptr;
  napi_get_undefined(env, &result);
  return result;
}

}  // namespace ashlar::js
