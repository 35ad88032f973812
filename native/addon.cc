// What TypeScript sees (src/native/contract.ts): the classes Poller and Splitter, listen(), reject(), hashBytes(), slotOf().
// Here is also what ties descriptors to the thread's libuv loop.
//
// A Poller or a listener is three things with lives of their own: the JavaScript object, the uv handle, and the sockets behind
// them. An open one holds its JavaScript object, so that only destroy()/close() or the end of the environment ends it. The C++ object is
// deleted when both the uv handle has closed and the JavaScript object was finalised, in whichever order they come.
//
//   destroy() ────────────┐
//   environment's end ────┴─▶ uv_close ─▶ sockets closed ─▶ close callback ─▶ cleanup hook removed ─┬─▶ delete
//   JavaScript object finalised ────────────────────────────────────────────────────────────────────┘
//
// The cleanup hook is an asynchronous one: the environment (also that of a terminated worker) waits for the handle's close callback.
#include <node_api.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "hash.h"
#include "marshal.h"
#include "memory.h"
#include "stream_splitter.h"

#if defined(__linux__)
#include <uv.h>

#include "listener.h"
#include "poller.h"
#endif

namespace ashlar::js {
namespace {

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

napi_property_descriptor method(const char* name, napi_callback callback, void* data = nullptr) {
  return {name, nullptr, callback, nullptr, nullptr, nullptr, napi_default_method, data};
}

// ------------------------------------------------------------------------------------------------------------- pure functions

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

// ------------------------------------------------------------------------------------------------------------------- Splitter

// What napi_wrap holds; `mark` tells the classes apart, since any of them can be made the receiver of another's method.
class Wrapped {
 public:
  explicit Wrapped(uint32_t kind) : mark(kind) {}
  virtual ~Wrapped() = default;
  Wrapped(const Wrapped&) = delete;
  Wrapped& operator=(const Wrapped&) = delete;

  const uint32_t mark;
};

constexpr uint32_t kSplitterMark = 0x53504c49;
constexpr uint32_t kPollerMark = 0x504f4c4c;
constexpr uint32_t kListenerMark = 0x4c495354;

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
  Wrapped* const splitter =
      new SplitterObject(std::move(settings), static_cast<int32_t>(toInteger(speaks)), limits,
                         static_cast<size_t>(arena < 64 ? 64 : arena));
  if (napi_wrap(env, call.self, splitter, deleteWrapped, nullptr, nullptr) != napi_ok) {
    delete splitter;
    napi_throw_error(env, nullptr, "Splitter: not a constructor call");
    return nullptr;
  }
  return call.self;
}

void set(napi_env env, napi_value object, const char* name, napi_value value) {
  napi_set_named_property(env, object, name, value);
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

#if defined(__linux__)

// ------------------------------------------------------------------------------------------------------ objects with a handle

// A descriptor watched by the loop, the callback it calls, and the object it keeps alive.
class Watched : public Wrapped {
 public:
  Watched(napi_env environment, uint32_t kind) : Wrapped(kind), env(environment) {}

  // Starts the life that the file's head draws. Throws a JavaScript error and returns false on failure.
  bool start(napi_value self, int fd, napi_value callback, const char* name) {
    uv_loop_t* loop = nullptr;
    if (napi_get_uv_event_loop(env, &loop) != napi_ok) {
      napi_throw_error(env, nullptr, "this thread has no event loop");
      return false;
    }
    const int failed = uv_poll_init(loop, &handle_, fd);
    if (failed < 0) {
      napi_throw_error(env, uv_err_name(failed), uv_strerror(failed));
      return false;
    }
    handle_.data = this;
    handleOpen_ = true;
    napi_value resourceName;
    napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &resourceName);
    napi_async_init(env, self, resourceName, &context_);
    napi_create_reference(env, callback, 1, &callback_);
    napi_create_reference(env, self, 1, &self_);
    napi_add_async_cleanup_hook(
        env, [](napi_async_cleanup_hook_handle, void* data) { static_cast<Watched*>(data)->end(true); }, this, &hook_);
    watch();
    return true;
  }

  void watch() {
    if (handleOpen_ && !ending_) uv_poll_start(&handle_, UV_READABLE, onReadable);
  }
  void unwatch() {
    if (handleOpen_ && !ending_) uv_poll_stop(&handle_);
  }
  bool ended() const { return ending_; }

  // Ends it: at the environment's end JavaScript's references are the environment's to free.
  void end(bool environmentEnds) {
    if (ending_) return;
    ending_ = true;
    if (handleOpen_) uv_close(reinterpret_cast<uv_handle_t*>(&handle_), onHandleClosed);
    release(environmentEnds);
    if (!environmentEnds) {
      dropReference(callback_);
      dropReference(self_);
      if (context_ != nullptr) napi_async_destroy(env, context_);
      context_ = nullptr;
    }
    // Only an object whose construction failed ends without a handle.
    if (!handleOpen_) deleteWhenUnused();
  }

  static void finalise(napi_env, void* data, void*) {
    auto* const object = static_cast<Watched*>(static_cast<Wrapped*>(data));
    object->finalised_ = true;
    object->deleteWhenUnused();
  }

  const napi_env env;

 protected:
  virtual void readable() = 0;
  // Closes what stands behind the handle.
  virtual void release(bool environmentEnds) = 0;

  // Whether JavaScript still runs in this thread: asked through a call that refuses when it does not.
  bool canCall() const {
    napi_value self = nullptr;
    bool has = false;
    return napi_get_reference_value(env, self_, &self) == napi_ok && self != nullptr &&
           napi_has_named_property(env, self, "constructor", &has) == napi_ok;
  }

  // Calls the callback as the event loop does: with microtasks and ticks run after it, and what it throws is an uncaught exception. False
  // when JavaScript can no longer run in this thread.
  bool call(size_t count, const napi_value* args) {
    napi_value self = nullptr;
    napi_value callback = nullptr;
    if (napi_get_reference_value(env, self_, &self) != napi_ok ||
        napi_get_reference_value(env, callback_, &callback) != napi_ok)
      return false;
    if (self == nullptr || callback == nullptr) return false;
    if (napi_make_callback(env, context_, self, callback, count, args, nullptr) == napi_ok) return true;
    bool pending = false;
    napi_value error = nullptr;
    if (napi_is_exception_pending(env, &pending) != napi_ok || !pending) return false;
    if (napi_get_and_clear_last_exception(env, &error) != napi_ok || error == nullptr) return false;
    return napi_fatal_exception(env, error) == napi_ok;
  }

  void dropReference(napi_ref& reference) {
    if (reference != nullptr) napi_delete_reference(env, reference);
    reference = nullptr;
  }

 private:
  static void onReadable(uv_poll_t* handle, int, int) {
    auto* const object = static_cast<Watched*>(handle->data);
    napi_handle_scope scope;
    if (napi_open_handle_scope(object->env, &scope) != napi_ok) return;
    object->readable();
    napi_close_handle_scope(object->env, scope);
  }

  static void onHandleClosed(uv_handle_t* handle) {
    auto* const object = static_cast<Watched*>(handle->data);
    object->handleOpen_ = false;
    if (object->hook_ != nullptr) napi_remove_async_cleanup_hook(object->hook_);
    object->hook_ = nullptr;
    object->deleteWhenUnused();
  }

  void deleteWhenUnused() {
    if (finalised_ && !handleOpen_) delete this;
  }

  uv_poll_t handle_{};
  napi_async_context context_ = nullptr;
  napi_ref callback_ = nullptr;
  napi_ref self_ = nullptr;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  bool handleOpen_ = false;
  bool ending_ = false;
  bool finalised_ = false;
};

// The wrapped object, when it is of this kind and still open.
template <typename T>
T* unwrap(napi_env env, napi_value self, uint32_t mark) {
  void* data = nullptr;
  if (napi_unwrap(env, self, &data) != napi_ok || data == nullptr) return nullptr;
  auto* const wrapped = static_cast<Wrapped*>(data);
  if (wrapped->mark != mark) return nullptr;
  auto* const object = static_cast<T*>(wrapped);
  return object->ended() ? nullptr : object;
}

// ---------------------------------------------------------------------------------------------------------------------- Poller

class PollerObject final : public Watched {
 public:
  PollerObject(napi_env environment, std::unique_ptr<Poller> made)
      : Watched(environment, kPollerMark), poller(std::move(made)) {}

  void keep(napi_value array) {
    napi_ref reference = nullptr;
    if (napi_create_reference(env, array, 1, &reference) == napi_ok) arrays_.push_back(reference);
  }

  int32_t receive() {
    if (bigInput_ != nullptr || bigArgs_ != nullptr) detachViews();
    return poller->receive();
  }

  napi_value bigInput() {
    const BigFrame* const frame = poller->delivered();
    return view(bigInput_, frame == nullptr ? nullptr : frame->data(), frame == nullptr ? 0 : frame->frameBytes(),
                napi_uint8_array, 1);
  }

  napi_value bigArgs() {
    const BigFrame* const frame = poller->delivered();
    return view(bigArgs_, frame == nullptr ? nullptr : frame->args(),
                frame == nullptr ? 0 : static_cast<size_t>(frame->argc()) * kArgWords * sizeof(int32_t),
                napi_int32_array, sizeof(int32_t));
  }

  std::unique_ptr<Poller> poller;

 protected:
  void readable() override {
    poller->turnBegin();
    call(0, nullptr);
    // The callback may have destroyed the poller.
    if (poller != nullptr) poller->turnEnd();
  }

  void release(bool environmentEnds) override {
    if (!environmentEnds) {
      detachViews();
      for (napi_ref& reference : arrays_) dropReference(reference);
    }
    poller.reset();
  }

 private:
  // A view over memory of the big frame, on one array buffer for each of its two parts.
  napi_value view(napi_ref& reference, void* data, size_t bytes, napi_typedarray_type type, size_t elementBytes) {
    napi_value buffer = nullptr;
    napi_value array = nullptr;
    if (reference != nullptr) {
      napi_get_reference_value(env, reference, &buffer);
    } else if (data == nullptr || bytes == 0 ||
               napi_create_external_arraybuffer(
                   env, data, bytes, [](napi_env, void*, void*) {}, nullptr, &buffer) != napi_ok) {
      // Nothing to show, or an engine that keeps all array memory to itself: a copy then.
      void* copy = nullptr;
      napi_create_arraybuffer(env, bytes, &copy, &buffer);
      if (bytes > 0) std::memcpy(copy, data, bytes);
    } else {
      napi_create_reference(env, buffer, 1, &reference);
    }
    napi_create_typedarray(env, type, bytes / elementBytes, buffer, 0, &array);
    return array;
  }

  // The frame's memory is about to be freed: whoever still holds a view finds it empty.
  void detachViews() {
    for (napi_ref* const reference : {&bigInput_, &bigArgs_}) {
      napi_value buffer = nullptr;
      if (*reference == nullptr) continue;
      if (napi_get_reference_value(env, *reference, &buffer) == napi_ok && buffer != nullptr)
        napi_detach_arraybuffer(env, buffer);
      dropReference(*reference);
    }
  }

  std::vector<napi_ref> arrays_;
  napi_ref bigInput_ = nullptr;
  napi_ref bigArgs_ = nullptr;
};

PollerObject* thisPoller(napi_env env, const Call& call) { return unwrap<PollerObject>(env, call.self, kPollerMark); }

napi_value newPoller(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const napi_value options = call.args[0];
  SplitterSettings settings;
  Bytes input, output;
  Words commands, args, segments, databases, salts;
  double depthWord = 0;
  double directoryWord = 0;
  napi_value index, shards, onReady;
  uint32_t shardCount = 0;
  if (!bytesProperty(env, options, "input", input) || !wordsProperty(env, options, "commands", commands) ||
      !wordsProperty(env, options, "args", args) || !bytesProperty(env, options, "output", output) ||
      !wordsProperty(env, options, "segments", segments) || !wordsProperty(env, options, "databases", databases) ||
      !readSplitterSettings(env, options, settings) || !property(env, options, "index", index) ||
      !property(env, options, "onReady", onReady) || !numberProperty(env, index, "depthWord", depthWord) ||
      !numberProperty(env, index, "directoryWord", directoryWord) ||
      !wordsProperty(env, index, "databaseSalts", salts) || !property(env, index, "shards", shards)) {
    return nullptr;
  }
  napi_valuetype type;
  if (napi_typeof(env, onReady, &type) != napi_ok || type != napi_function) {
    throwType(env, "onReady", "a function");
    return nullptr;
  }
  if (napi_get_array_length(env, shards, &shardCount) != napi_ok) {
    throwType(env, "index.shards", "an array");
    return nullptr;
  }
  // Room for a connection's saved input and a chunk, with a chunk that is worth a system call.
  if (input.length < 4096 || commands.length < 16 * kCommandWords || args.length < 64 * kArgWords) {
    napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "input, commands or args is too small");
    return nullptr;
  }
  std::vector<Prefetcher::Shard> shardSpans;
  std::vector<napi_value> kept;
  for (uint32_t i = 0; i < shardCount; i++) {
    napi_value shard;
    Words words;
    if (napi_get_element(env, shards, i, &shard) != napi_ok || !readWords(env, shard, "index.shards", words))
      return nullptr;
    shardSpans.push_back(Prefetcher::Shard{words.data, words.length});
    kept.push_back(shard);
  }
  settings.slots = shardCount > 1;

  PollerMemory memory{};
  memory.input = input.data;
  memory.inputBytes = input.length;
  memory.commands = commands.data;
  memory.commandWords = commands.length;
  memory.args = args.data;
  memory.argWords = args.length;
  memory.output = output.data;
  memory.outputBytes = output.length;
  memory.segments = segments.data;
  memory.segmentWords = segments.length;
  memory.databases = databases.data;
  memory.slots = databases.length;
  memory.salts = salts.data;
  memory.saltCount = salts.length;
  auto poller = std::make_unique<Poller>(
      memory, std::move(settings),
      Prefetcher(std::move(shardSpans), static_cast<uint32_t>(depthWord), static_cast<uint32_t>(directoryWord)));
  if (poller->failure() != 0) {
    const int failed = -poller->failure();
    napi_throw_error(env, uv_err_name(failed), uv_strerror(failed));
    return nullptr;
  }
  const int epoll = poller->epollFd();
  auto* const object = new PollerObject(env, std::move(poller));
  if (napi_wrap(env, call.self, static_cast<Wrapped*>(object), Watched::finalise, nullptr, nullptr) != napi_ok) {
    delete object;
    napi_throw_error(env, nullptr, "Poller: not a constructor call");
    return nullptr;
  }
  for (const char* const name : {"input", "commands", "args", "output", "segments", "databases"}) {
    napi_value array;
    if (property(env, options, name, array)) object->keep(array);
  }
  napi_value saltsArray;
  if (property(env, index, "databaseSalts", saltsArray)) object->keep(saltsArray);
  for (const napi_value shard : kept) object->keep(shard);
  if (!object->start(call.self, epoll, onReady, "ashlar.poller")) {
    object->end(false);
    return nullptr;
  }
  return call.self;
}

napi_value pollerAdd(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  PollerObject* const object = thisPoller(env, call);
  return number(env, object == nullptr ? -1 : object->poller->add(call.word(env, 0), call.word(env, 1)));
}

napi_value pollerReceive(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  PollerObject* const object = thisPoller(env, call);
  napi_value result;
  napi_create_int32(env, object == nullptr ? 0 : object->receive(), &result);
  return result;
}

napi_value pollerBigInput(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  PollerObject* const object = thisPoller(env, call);
  return object == nullptr ? nullptr : object->bigInput();
}

napi_value pollerBigArgs(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  PollerObject* const object = thisPoller(env, call);
  return object == nullptr ? nullptr : object->bigArgs();
}

napi_value pollerFlush(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  PollerObject* const object = thisPoller(env, call);
  const int32_t count = call.word(env, 0);
  if (object != nullptr && count > 0) object->poller->flush(static_cast<uint32_t>(count));
  return nullptr;
}

napi_value pollerSuspend(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  PollerObject* const object = thisPoller(env, call);
  if (object != nullptr) object->poller->suspend(call.word(env, 0), toInteger(call.number(env, 1)));
  return nullptr;
}

napi_value pollerResume(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  PollerObject* const object = thisPoller(env, call);
  if (object != nullptr) object->poller->resume(call.word(env, 0));
  return nullptr;
}

napi_value pollerClose(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  PollerObject* const object = thisPoller(env, call);
  // A year is as good as for ever, and far from any overflow.
  const int64_t linger = toInteger(call.number(env, 1));
  if (object != nullptr) object->poller->close(call.word(env, 0), linger < 31536000000 ? linger : 31536000000);
  return nullptr;
}

napi_value pollerSetLimits(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  PollerObject* const object = thisPoller(env, call);
  const int64_t output = toInteger(call.number(env, 3));
  if (object != nullptr)
    object->poller->setLimits(call.word(env, 0), toInteger(call.number(env, 1)), toInteger(call.number(env, 2)),
                              output > 0 ? static_cast<uint64_t>(output) : 0);
  return nullptr;
}

napi_value pollerSetQueryBufferLimit(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  PollerObject* const object = thisPoller(env, call);
  const int64_t bytes = toInteger(call.number(env, 0));
  // 0 stands for no limit of its own; a frame's size stays bounded by its 32-bit offsets.
  if (object != nullptr) object->poller->setQueryBufferLimit(bytes > 0 ? static_cast<uint64_t>(bytes) : UINT64_MAX);
  return nullptr;
}

napi_value pollerSetKeepAlive(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  PollerObject* const object = thisPoller(env, call);
  if (object != nullptr) object->poller->setKeepAlive(call.word(env, 0), call.word(env, 1));
  return nullptr;
}

napi_value pollerPeerAddress(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  PollerObject* const object = thisPoller(env, call);
  return string(env, object == nullptr ? std::string() : object->poller->peerAddress(call.word(env, 0)));
}

napi_value pollerLocalAddress(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  PollerObject* const object = thisPoller(env, call);
  return string(env, object == nullptr ? std::string() : object->poller->localAddress(call.word(env, 0)));
}

napi_value pollerFd(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  PollerObject* const object = thisPoller(env, call);
  return number(env, object == nullptr ? -1 : object->poller->fd(call.word(env, 0)));
}

napi_value pollerPendingOutput(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  PollerObject* const object = thisPoller(env, call);
  return number(env, object == nullptr ? 0 : static_cast<double>(object->poller->pendingOutput(call.word(env, 0))));
}

napi_value pollerPendingInput(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  PollerObject* const object = thisPoller(env, call);
  return number(env, object == nullptr ? 0 : static_cast<double>(object->poller->pendingInput(call.word(env, 0))));
}

napi_value pollerStats(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  PollerObject* const object = thisPoller(env, call);
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, call.args[0], &type, &length, &data, nullptr, nullptr) != napi_ok ||
      type != napi_float64_array || length < 7) {
    throwType(env, "out", "a Float64Array of 8");
    return nullptr;
  }
  const PollerStats stats = object == nullptr ? PollerStats{} : object->poller->stats();
  const uint64_t values[7] = {stats.connections,   stats.bytesReceived, stats.bytesSent, stats.pendingInput,
                              stats.pendingOutput, stats.receives,      stats.frames};
  for (size_t i = 0; i < 7; i++) static_cast<double*>(data)[i] = static_cast<double>(values[i]);
  return nullptr;
}

napi_value pollerDestroy(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  PollerObject* const object = thisPoller(env, call);
  if (object != nullptr) object->end(false);
  return nullptr;
}

// -------------------------------------------------------------------------------------------------------------------- listener

class ListenerObject final : public Watched {
 public:
  explicit ListenerObject(napi_env environment) : Watched(environment, kListenerMark) {}

  void pause() {
    paused_ = true;
    unwatch();
  }
  void resume() {
    paused_ = false;
    watch();
  }

  Listener listener;

 protected:
  void readable() override {
    for (int i = 0; i < kAcceptsMax && !ended() && !paused_; i++) {
      // A terminated thread would accept, and have nobody to give the socket to.
      if (!canCall()) return;
      const int fd = listener.accept();
      if (fd == -EAGAIN || fd == -EWOULDBLOCK) return;
      napi_handle_scope scope;
      napi_open_handle_scope(env, &scope);
      const napi_value argument = number(env, fd);
      // When the call fails half way it is not known whether the socket was adopted; closing it twice would be worse than not at all.
      const bool called = call(1, &argument);
      napi_close_handle_scope(env, scope);
      if (!called || fd < 0) return;
    }
  }

  void release(bool) override { listener.close(); }

 private:
  // Connections taken in one turn of the loop.
  static constexpr int kAcceptsMax = 1000;
  bool paused_ = false;
};

ListenerObject* thisListener(napi_env env, const Call& call) {
  return unwrap<ListenerObject>(env, call.self, kListenerMark);
}

napi_value listenerPause(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  ListenerObject* const object = thisListener(env, call);
  if (object != nullptr) object->pause();
  return nullptr;
}

napi_value listenerResume(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  ListenerObject* const object = thisListener(env, call);
  if (object != nullptr) object->resume();
  return nullptr;
}

napi_value listenerClose(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  ListenerObject* const object = thisListener(env, call);
  if (object != nullptr) object->end(false);
  return nullptr;
}

// An Error as Node's own servers throw it.
void throwListenError(napi_env env, const ListenOptions& options, int failed) {
  const bool resolving = failed == kResolveFailed;
  const char* const call = resolving ? "getaddrinfo" : "listen";
  const char* const code = resolving ? "ENOTFOUND" : uv_err_name(failed);
  const std::string address = options.path.empty() ? (options.host.empty() ? "0.0.0.0" : options.host) : options.path;
  std::string message = std::string(call).append(" ").append(code);
  if (resolving) {
    message.append(" ").append(address);
  } else {
    message.append(": ").append(uv_strerror(failed)).append(" ").append(address);
    if (options.path.empty()) message.append(":").append(std::to_string(options.port));
  }
  napi_value error;
  napi_create_error(env, string(env, code), string(env, message), &error);
  set(env, error, "errno", number(env, resolving ? UV_EAI_NONAME : failed));
  set(env, error, "syscall", string(env, call));
  set(env, error, "address", string(env, address));
  if (options.path.empty()) set(env, error, "port", number(env, options.port));
  napi_throw(env, error);
}

napi_value listen(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  ListenOptions options;
  double port = 0;
  double mode = 0;
  double backlog = 511;
  if (!optionalString(env, call.args[0], "host", options.host) ||
      !optionalString(env, call.args[0], "path", options.path) || !optionalNumber(env, call.args[0], "port", port) ||
      !optionalNumber(env, call.args[0], "mode", mode) || !optionalNumber(env, call.args[0], "backlog", backlog)) {
    return nullptr;
  }
  napi_valuetype type;
  if (napi_typeof(env, call.args[1], &type) != napi_ok || type != napi_function) {
    throwType(env, "onAccept", "a function");
    return nullptr;
  }
  if (!(port >= 0 && port <= 65535)) {
    napi_throw_range_error(env, "ERR_SOCKET_BAD_PORT", "port should be >= 0 and < 65536");
    return nullptr;
  }
  options.port = static_cast<uint16_t>(port);
  options.mode = static_cast<uint32_t>(toInteger(mode)) & 07777;
  options.backlog = static_cast<int>(backlog);

  auto* const object = new ListenerObject(env);
  const int failed = object->listener.open(options);
  if (failed < 0) {
    delete object;
    throwListenError(env, options, failed);
    return nullptr;
  }
  napi_value self;
  napi_create_object(env, &self);
  const napi_property_descriptor properties[] = {
      method("pause", listenerPause),
      method("resume", listenerResume),
      method("close", listenerClose),
      {"port", nullptr, nullptr, nullptr, nullptr, number(env, object->listener.port()), napi_enumerable, nullptr},
  };
  napi_define_properties(env, self, sizeof properties / sizeof *properties, properties);
  napi_wrap(env, self, static_cast<Wrapped*>(object), Watched::finalise, nullptr, nullptr);
  if (!object->start(self, object->listener.fd(), call.args[1], "ashlar.listener")) {
    object->end(false);
    return nullptr;
  }
  return self;
}

napi_value reject(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  std::string text;
  if (!readString(env, call.args[1], "text", text)) return nullptr;
  rejectSocket(call.word(env, 0), text);
  return nullptr;
}

#endif  // __linux__

void exportFunction(napi_env env, napi_value exports, const char* name, napi_callback callback) {
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

napi_value initialise(napi_env env, napi_value exports) {
  exportFunction(env, exports, "hashBytes", hashBytes);
  exportFunction(env, exports, "slotOf", slotOf);
  exportFunction(env, exports, "copyBytes", copyBytes);
  exportFunction(env, exports, "adviseHugePages", adviseSpan<adviseHugePages>);
  exportFunction(env, exports, "discardPages", adviseSpan<discardPages>);
  const napi_property_descriptor splitter[] = {method("feed", splitterFeed)};
  exportClass(env, exports, "Splitter", newSplitter, splitter);
#if defined(__linux__)
  const napi_property_descriptor poller[] = {
      method("add", pollerAdd),
      method("receive", pollerReceive),
      method("bigInput", pollerBigInput),
      method("bigArgs", pollerBigArgs),
      method("flush", pollerFlush),
      method("suspend", pollerSuspend),
      method("resume", pollerResume),
      method("close", pollerClose),
      method("setLimits", pollerSetLimits),
      method("setQueryBufferLimit", pollerSetQueryBufferLimit),
      method("setKeepAlive", pollerSetKeepAlive),
      method("peerAddress", pollerPeerAddress),
      method("localAddress", pollerLocalAddress),
      method("fd", pollerFd),
      method("pendingOutput", pollerPendingOutput),
      method("pendingInput", pollerPendingInput),
      method("stats", pollerStats),
      method("destroy", pollerDestroy),
  };
  exportClass(env, exports, "Poller", newPoller, poller);
  exportFunction(env, exports, "listen", listen);
  exportFunction(env, exports, "reject", reject);
#endif
  return exports;
}

}  // namespace
}  // namespace ashlar::js

NAPI_MODULE_INIT() { return ashlar::js::initialise(env, exports); }
