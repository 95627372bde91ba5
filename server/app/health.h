// Health: the state of each service in the gRPC health service.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "vault/base/mutex.h"

namespace billbroker {

// Thread-safe. The server ("") and SessionService are SERVING from Start() on, because live
// sessions are always returned. The services that change credentials need the vault and the audit
// log; AuditService has the state of the audit log.
class Health final {
 public:
  // GrpcServer::SetServing() of every server, present and future. It must not call back.
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
  Mutex mutex_;  // held during the call, so that the last one has the newest state
  bool vault_ ABSL_GUARDED_BY(mutex_) = false;
  bool audit_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace billbroker
