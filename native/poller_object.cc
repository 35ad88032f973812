// The class Poller. src/native/contract.ts says what its methods do.
#include <node_api.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "marshal.h"
#include "object.h"
#include "poller.h"
#include "watched.h"

namespace ashlar::js {
namespace {

// Figures that stats() fills in.
constexpr size_t kStats = 10;

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
  Words commands, args, segments, databases, full, salts;
  double depthWord = 0;
  double directoryWord = 0;
  napi_value index, shards, onReady;
  uint32_t shardCount = 0;
  if (!bytesProperty(env, options, "input", input) || !wordsProperty(env, options, "commands", commands) ||
      !wordsProperty(env, options, "args", args) || !bytesProperty(env, options, "output", output) ||
      !wordsProperty(env, options, "segments", segments) || !wordsProperty(env, options, "databases", databases) ||
      !wordsProperty(env, options, "full", full) || !readSplitterSettings(env, options, settings) || !property(env, options, "index", index) ||
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
  if (input.length < 4096 || commands.length < 16 * kCommandWords || args.length < 64 * kArgWords || full.length < 1) {
    napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "input, commands, args or full is too small");
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
  memory.full = full.data;
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
  for (const char* const name : {"input", "commands", "args", "output", "segments", "databases", "full"}) {
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

napi_value pollerHold(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  PollerObject* const object = thisPoller(env, call);
  napi_value held;
  napi_get_boolean(env, object != nullptr && object->poller->hold(call.word(env, 0), toInteger(call.number(env, 1))),
                   &held);
  return held;
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

napi_value pollerSetBufferWatch(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  PollerObject* const object = thisPoller(env, call);
  const int64_t least = toInteger(call.number(env, 0));
  const int64_t most = toInteger(call.number(env, 1));
  const int64_t throttle = toInteger(call.number(env, 2));
  if (object != nullptr)
    object->poller->setBufferWatch(least > 0 ? static_cast<uint64_t>(least) : 0, most > 0 ? static_cast<uint64_t>(most) : UINT64_MAX,
                                   throttle > 0 ? static_cast<uint64_t>(throttle) : UINT64_MAX);
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

napi_value pollerBuffers(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  PollerObject* const object = thisPoller(env, call);
  return number(env, object == nullptr ? 0 : static_cast<double>(object->poller->buffers(call.word(env, 0))));
}

napi_value pollerStats(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  PollerObject* const object = thisPoller(env, call);
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, call.args[0], &type, &length, &data, nullptr, nullptr) != napi_ok ||
      type != napi_float64_array || length < kStats) {
    throwType(env, "out", "a Float64Array of 10");
    return nullptr;
  }
  const PollerStats stats = object == nullptr ? PollerStats{} : object->poller->stats();
  const uint64_t values[kStats] = {stats.connections,   stats.bytesReceived, stats.bytesSent, stats.pendingInput,
                                   stats.pendingOutput, stats.receives,      stats.frames,    stats.buffers,
                                   stats.reads,         stats.writes};
  for (size_t i = 0; i < kStats; i++) static_cast<double*>(data)[i] = static_cast<double>(values[i]);
  return nullptr;
}

napi_value pollerDestroy(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  PollerObject* const object = thisPoller(env, call);
  if (object != nullptr) object->end(false);
  return nullptr;
}

}  // namespace

void exportPoller(napi_env env, napi_value exports) {
  const napi_property_descriptor poller[] = {
      method("add", pollerAdd),
      method("receive", pollerReceive),
      method("bigInput", pollerBigInput),
      method("bigArgs", pollerBigArgs),
      method("flush", pollerFlush),
      method("suspend", pollerSuspend),
      method("resume", pollerResume),
      method("hold", pollerHold),
      method("close", pollerClose),
      method("setLimits", pollerSetLimits),
      method("setQueryBufferLimit", pollerSetQueryBufferLimit),
      method("setBufferWatch", pollerSetBufferWatch),
      method("setKeepAlive", pollerSetKeepAlive),
      method("peerAddress", pollerPeerAddress),
      method("localAddress", pollerLocalAddress),
      method("fd", pollerFd),
      method("pendingOutput", pollerPendingOutput),
      method("pendingInput", pollerPendingInput),
      method("buffers", pollerBuffers),
      method("stats", pollerStats),
      method("destroy", pollerDestroy),
  };
  exportClass(env, exports, "Poller", newPoller, poller);
}

}  // namespace ashlar::js
