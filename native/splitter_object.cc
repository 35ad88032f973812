// The class Splitter: a splitter on memory, for tests. src/native/contract.ts says what its methods do.
#include <node_api.h>

#include <cstring>
#include <vector>

#include "marshal.h"
#include "object.h"
#include "stream_splitter.h"

namespace ashlar::js {
namespace {

class SplitterObject final : public Wrapped {
 public:
  SplitterObject(SplitterSettings settings, int32_t speaks, FrameLimits limits, size_t arenaBytes)
      : Wrapped(kSplitterMark), stream(std::move(settings), speaks, limits, arenaBytes) {}

  StreamSplitter stream;
};

void deleteWrapped(napi_env, void* data, void*) { delete static_cast<Wrapped*>(data); }

napi_value newSplitter(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  SplitterSettings settings;
  double argumentsMax = 0;
  double bulkBytesMax = 0;
  double arenaBytes = 0;
  double speaks = 0;
  if (!readSplitterSettings(env, call.args[0], settings) ||
      !numberProperty(env, call.args[0], "argumentsMax", argumentsMax) ||
      !numberProperty(env, call.args[0], "bulkBytesMax", bulkBytesMax) ||
      !numberProperty(env, call.args[0], "arenaBytes", arenaBytes) ||
      !numberProperty(env, call.args[0], "speaks", speaks)) {
    return nullptr;
  }
  const int64_t arena = toInteger(arenaBytes);
  const FrameLimits limits{toInteger(argumentsMax), toInteger(bulkBytesMax)};
  Wrapped* const splitter = new SplitterObject(std::move(settings), static_cast<int32_t>(toInteger(speaks)), limits,
                                               static_cast<size_t>(arena < 64 ? 64 : arena));
  if (napi_wrap(env, call.self, splitter, deleteWrapped, nullptr, nullptr) != napi_ok) {
    delete splitter;
    napi_throw_error(env, nullptr, "Splitter: not a constructor call");
    return nullptr;
  }
  return call.self;
}

napi_value copyBytes(napi_env env, const uint8_t* bytes, size_t length) {
  void* data = nullptr;
  napi_value buffer = nullptr;
  napi_value array = nullptr;
  napi_create_arraybuffer(env, length, &data, &buffer);
  if (length > 0) std::memcpy(data, bytes, length);
  napi_create_typedarray(env, napi_uint8_array, length, buffer, 0, &array);
  return array;
}

napi_value splitterFeed(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  void* data = nullptr;
  Bytes chunk;
  if (napi_unwrap(env, call.self, &data) != napi_ok || static_cast<Wrapped*>(data)->mark != kSplitterMark) {
    throwType(env, "this", "a Splitter");
    return nullptr;
  }
  if (!readBytes(env, call.args[0], "chunk", chunk)) return nullptr;
  std::vector<StreamSplitter::Command> commands;
  static_cast<SplitterObject*>(static_cast<Wrapped*>(data))->stream.feed(chunk.data, chunk.length, commands);
  napi_value result;
  napi_create_array_with_length(env, commands.size(), &result);
  for (size_t i = 0; i < commands.size(); i++) {
    napi_handle_scope scope;
    napi_open_handle_scope(env, &scope);
    const StreamSplitter::Command& command = commands[i];
    napi_value object;
    napi_value args;
    napi_create_object(env, &object);
    set(env, object, "command", number(env, command.command));
    set(env, object, "argc", number(env, command.argc));
    set(env, object, "flags", number(env, command.flags));
    set(env, object, "detail", number(env, command.detail));
    napi_create_array_with_length(env, command.args.size(), &args);
    for (size_t k = 0; k < command.args.size(); k++) {
      napi_handle_scope argScope;
      napi_open_handle_scope(env, &argScope);
      const StreamSplitter::Argument& argument = command.args[k];
      napi_value item;
      napi_create_object(env, &item);
      set(env, item, "bytes", copyBytes(env, argument.bytes.data(), argument.bytes.size()));
      set(env, item, "hash", number(env, static_cast<int32_t>(argument.hash)));
      set(env, item, "slot", number(env, argument.slot));
      napi_set_element(env, args, static_cast<uint32_t>(k), item);
      napi_close_handle_scope(env, argScope);
    }
    set(env, object, "args", args);
    napi_set_element(env, result, static_cast<uint32_t>(i), object);
    napi_close_handle_scope(env, scope);
  }
  return result;
}

}  // namespace

void exportSplitter(napi_env env, napi_value exports) {
  const napi_property_descriptor splitter[] = {method("feed", splitterFeed)};
  exportClass(env, exports, "Splitter", newSplitter, splitter);
}

}  // namespace ashlar::js
