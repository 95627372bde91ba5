// Health: what the gRPC health service says of each service.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "vault/base/mutex.h"

namespace billbroker {

// Thread-safe. The whole ("") and the SessionService serve from Start() on, whatever is ill: live
// sessions are handed out all the same. Changes need the vault and the audit log; AuditService says
// how the log is.
class Health final {
 public:
  // `set` is GrpcServer::SetServing() of every server, also of those to come; it must not call
  // back.
  using SetServing = std::function<void(const std::string& health_name, bool serving)>;

  explicit Health(SetServing set) : set_(std::move(set)) {}

  // The health names of the services.
  static constexpr char kSessions[] = "billbroker.v1.SessionService";
  static constexpr char kCredentials[] = "billbroker.v1.CredentialService";
  static constexpr char kMfa[] = "billbroker.v1.MfaService";
  static constexpr char kAudit[] = "billbroker.v1.AuditService";

  void Start();
  void SetVault(bool ready);
  void SetAudit(bool writable);

 private:
  void Tell() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const SetServing set_;
  Mutex mutex_;  // held while it tells, so that the last word is the newest
  bool vault_ ABSL_GUARDED_BY(mutex_) = false;
  bool audit_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace billbroker
