// SignInAudit: sign-ins and log-outs, on the audit log as well.
#pragma once

#include "server/access/audit/audit_trail.h"
#include "server/session/session_manager.h"

namespace billbroker {

// Tells `next` everything, and the log what it has to know: a sign-in before it is sent, which the
// log can refuse, and what became of it, each with the call that it is made for (see SignInFacts);
// log-outs that no caller asked for, without waiting.
class SignInAudit final : public SessionObserver {
 public:
  // Both are borrowed.
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
