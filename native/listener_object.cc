// listen() and reject(). src/native/contract.ts says what they do.
#include <node_api.h>

#include <string>

#include "listener.h"
#include "marshal.h"
#include "object.h"
#include "watched.h"

namespace ashlar::js {
namespace {

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

}  // namespace

void exportListener(napi_env env, napi_value exports) {
  exportFunction(env, exports, "listen", listen);
  exportFunction(env, exports, "reject", reject);
}

}  // namespace ashlar::js
