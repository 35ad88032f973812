// What the classes that JavaScript sees are made of: a call's arguments, methods, and the C++ object behind a JavaScript one.
#pragma once

#include <node_api.h>

#include <cstddef>
#include <cstdint>

namespace ashlar::js {

// The receiver and up to five arguments of a call.
struct Call {
  napi_value self = nullptr;
  napi_value args[5] = {};
  size_t count = 5;
  void* data = nullptr;

  Call(napi_env env, napi_callback_info info) { napi_get_cb_info(env, info, &count, args, &self, &data); }
  double number(napi_env env, size_t i) const {
    double value = 0;
    if (i < count) napi_get_value_double(env, args[i], &value);
    return value;
  }
  int32_t word(napi_env env, size_t i) const {
    int32_t value = 0;
    if (i < count) napi_get_value_int32(env, args[i], &value);
    return value;
  }
};

inline napi_property_descriptor method(const char* name, napi_callback callback, void* data = nullptr) {
  return {name, nullptr, callback, nullptr, nullptr, nullptr, napi_default_method, data};
}

// What napi_wrap holds; `mark` tells the classes apart, since any of them can be made the receiver of another's method.
class Wrapped {
 public:
  explicit Wrapped(uint32_t kind) : mark(kind) {}
  virtual ~Wrapped() = default;
  Wrapped(const Wrapped&) = delete;
  Wrapped& operator=(const Wrapped&) = delete;

  const uint32_t mark;
};

inline constexpr uint32_t kSplitterMark = 0x53504c49;
inline constexpr uint32_t kPollerMark = 0x504f4c4c;
inline constexpr uint32_t kListenerMark = 0x4c495354;

inline void set(napi_env env, napi_value object, const char* name, napi_value value) {
  napi_set_named_property(env, object, name, value);
}

inline void exportFunction(napi_env env, napi_value exports, const char* name, napi_callback callback) {
  napi_value function;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function);
  set(env, exports, name, function);
}

template <size_t count>
void exportClass(napi_env env, napi_value exports, const char* name, napi_callback constructor,
                 const napi_property_descriptor (&methods)[count]) {
  napi_value made;
  napi_define_class(env, name, NAPI_AUTO_LENGTH, constructor, nullptr, count, methods, &made);
  set(env, exports, name, made);
}

// What the files of the addon add to its exports.
void exportSplitter(napi_env env, napi_value exports);
void exportPoller(napi_env env, napi_value exports);
void exportListener(napi_env env, napi_value exports);

}  // namespace ashlar::js
