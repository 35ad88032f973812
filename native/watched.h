// An object with a descriptor that the thread's libuv loop watches: a Poller or a listener.
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
#pragma once

#include <node_api.h>
#include <uv.h>

#include "object.h"

namespace ashlar::js {

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

}  // namespace ashlar::js
