// AsyncCall: one asynchronous call of GIO or libsecret, waited for until a deadline.
//
// The blocking forms of these calls may wait without limit; this one cancels at the deadline.
// Usage:
//
//   AsyncCall call(deadline);
//   secret_service_do(service, call.cancellable(), AsyncCall::Done, &call);
//   secret_service_do_finish(service, call.Wait(), Out(error));
#pragma once

#include "vault/keyring/deadline.h"
#include "vault/keyring/glib_ptr.h"

namespace billbroker {

// Lives and dies on a thread whose default main context is the one that the call answers on, and
// that nobody else iterates.
class AsyncCall final {
 public:
  explicit AsyncCall(Deadline deadline);
  ~AsyncCall();
  AsyncCall(const AsyncCall&) = delete;
  AsyncCall& operator=(const AsyncCall&) = delete;

  [[nodiscard]] GCancellable* cancellable() const { return cancellable_.get(); }
  static void Done(GObject* source, GAsyncResult* result, gpointer self);

  // Returns the result, that of a cancelled call when the deadline came first; owned by this
  // object.
  [[nodiscard]] GAsyncResult* Wait();

 private:
  GObjectPtr<GCancellable> cancellable_;
  GSource* timer_;
  GObjectPtr<GAsyncResult> result_;
};

}  // namespace billbroker
