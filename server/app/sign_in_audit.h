// SignInAudit: records sign-ins and log-outs in the audit log.
#pragma once

#include "server/access/audit/audit_trail.h"
#include "server/session/session_manager.h"

namespace billbroker {

// Forwards every event to `next`, and records sign-ins and log-outs in the audit log. A sign-in is
// recorded before it is sent, and the log can refuse it; its outcome is recorded afterwards. Both
// records name the call that caused the sign-in (see SignInFacts). Log-outs that no caller
// requested are recorded without waiting.
class SignInAudit final : public SessionObserver {
 public:
  // Borrows both arguments.
  SignInAudit(AuditTrail& audit, SessionObserver& next) : audit_(audit), next_(next) {}

  absl::Status SignInStarts(const SignInFacts& sign_in) override;
  void SignInEnded(const SignInFacts& sign_in, const absl::Status& outcome,
                   std::uint64_t generation) override;
  void LogOutStarts(const Session& session) override;
  void LogOutEnded(const Session& session, const absl::Status& outcome) override;
  void SessionEnded(absl::string_view credential, absl::string_view organization_id,
                    std::uint64_t generation, absl::string_view why) override;
  void CheckFailed(const Session& session, absl::string_view why) override;
  void TrustRefused(absl::string_view credential, absl::string_view organization_id) override;

 private:
  AuditTrail& audit_;
  SessionObserver& next_;
};

}  // namespace billbroker
