#include "vault/keyring/async_call.h"

namespace billbroker {
namespace {

gboolean Cancel(gpointer cancellable) {
  g_cancellable_cancel(G_CANCELLABLE(cancellable));
  return G_SOURCE_REMOVE;
}

}  // namespace

AsyncCall::AsyncCall(Deadline deadline)
    : cancellable_(g_cancellable_new()),
      timer_(g_timeout_source_new(
          static_cast<guint>(absl::ToInt64Milliseconds(deadline.Remaining())))) {
  g_source_set_callback(timer_, Cancel, cancellable_.get(), nullptr);
  g_source_attach(timer_, g_main_context_get_thread_default());
}

AsyncCall::~AsyncCall() {
  g_source_destroy(timer_);
  g_source_unref(timer_);
}

void AsyncCall::Done(GObject* /*source*/, GAsyncResult* result, gpointer self) {
  static_cast<AsyncCall*>(self)->result_.reset(G_ASYNC_RESULT(g_object_ref(result)));
}

GAsyncResult* AsyncCall::Wait() {
  while (result_ == nullptr) g_main_context_iteration(g_main_context_get_thread_default(), TRUE);
  return result_.get();
}

}  // namespace billbroker
