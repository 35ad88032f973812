// The addon's exports (src/native/contract.ts): here the pure functions and memory advice; the classes have files of their own
// (splitter_object.cc, poller_object.cc, listener_object.cc).
#include <node_api.h>

#include <algorithm>
#include <cstring>

#include "hash.h"
#include "marshal.h"
#include "memory.h"
#include "object.h"

namespace ashlar::js {
namespace {

bool readSpan(napi_env env, const Call& call, const uint8_t*& bytes, size_t& length) {
  Bytes array;
  if (!readBytes(env, call.args[0], "bytes", array)) return false;
  const double offset = call.number(env, 1);
  const double count = call.number(env, 2);
  if (!(offset >= 0 && count >= 0 && offset + count <= static_cast<double>(array.length))) {
    napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "offset and length leave the array");
    return false;
  }
  bytes = array.data + static_cast<size_t>(offset);
  length = static_cast<size_t>(count);
  return true;
}

napi_value hashBytes(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const uint8_t* bytes;
  size_t length;
  if (!readSpan(env, call, bytes, length)) return nullptr;
  const uint32_t k0 = static_cast<uint32_t>(toInteger(call.number(env, 3)));
  const uint32_t k1 = static_cast<uint32_t>(toInteger(call.number(env, 4)));
  return number(env, static_cast<int32_t>(halfSipHash(bytes, length, k0, k1)));
}

napi_value slotOf(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const uint8_t* bytes;
  size_t length;
  if (!readSpan(env, call, bytes, length)) return nullptr;
  return number(env, keySlot(bytes, length));
}

// Memory advice on a span of a SharedArrayBuffer: whether the kernel took it.
template <bool (*advise)(uint8_t*, size_t)>
napi_value adviseSpan(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const uint8_t* bytes;
  size_t length;
  if (!readSpan(env, call, bytes, length)) return nullptr;
  napi_value taken;
  napi_get_boolean(env, advise(const_cast<uint8_t*>(bytes), length), &taken);
  return taken;
}

// bytesToBoundary(bytes, boundary): from the array's first byte on to the next address that is a multiple of `boundary`.
napi_value bytesToBoundary(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Bytes array;
  if (!readBytes(env, call.args[0], "bytes", array)) return nullptr;
  const uintptr_t boundary = static_cast<uintptr_t>(std::max(1.0, call.number(env, 1)));
  const uintptr_t address = reinterpret_cast<uintptr_t>(array.data);
  return number(env, static_cast<double>((boundary - address % boundary) % boundary));
}

// copyBytes(target, targetAt, source, sourceAt, length): what TypedArray.prototype.set does word by word when a SharedArrayBuffer is involved.
napi_value copyBytes(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Bytes target;
  Bytes source;
  if (!readBytes(env, call.args[0], "target", target) || !readBytes(env, call.args[2], "source", source))
    return nullptr;
  const double to = call.number(env, 1);
  const double from = call.number(env, 3);
  const double length = call.number(env, 4);
  if (!(to >= 0 && from >= 0 && length >= 0 && to + length <= static_cast<double>(target.length) &&
        from + length <= static_cast<double>(source.length))) {
    napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "the range leaves an array");
    return nullptr;
  }
  std::memmove(target.data + static_cast<size_t>(to), source.data + static_cast<size_t>(from),
               static_cast<size_t>(length));
  return nullptr;
}

napi_value releaseHeapNow(napi_env, napi_callback_info) {
  releaseHeap();
  return nullptr;
}

napi_value initialise(napi_env env, napi_value exports) {
  keepNoLargeBlocks();
  exportFunction(env, exports, "hashBytes", hashBytes);
  exportFunction(env, exports, "slotOf", slotOf);
  exportFunction(env, exports, "copyBytes", copyBytes);
  exportFunction(env, exports, "adviseHugePages", adviseSpan<adviseHugePages>);
  exportFunction(env, exports, "adviseSmallPages", adviseSpan<adviseSmallPages>);
  exportFunction(env, exports, "bytesToBoundary", bytesToBoundary);
  exportFunction(env, exports, "discardPages", adviseSpan<discardPages>);
  exportFunction(env, exports, "releaseHeap", releaseHeapNow);
  exportSplitter(env, exports);
#if defined(__linux__)
  exportPoller(env, exports);
  exportListener(env, exports);
#endif
  return exports;
}

}  // namespace
}  // namespace ashlar::js

NAPI_MODULE_INIT() { return ashlar::js::initialise(env, exports); }
