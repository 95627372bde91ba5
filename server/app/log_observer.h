// LogObserver: writes the events of other modules to the log.
#pragma once

#include "server/app/log.h"
#include "server/credentials/remember_me_expiry.h"
#include "server/session/session_manager.h"

namespace billbroker {

// Events: "sign_in_sent" (debug), "signed_in", "sign_in_failed" (warning), "session_ended",
// "mfa_trust_refused", "mfa_trust_expires", "mfa_trust_expired" (warnings).
class LogObserver final : public SessionObserver, public MfaObserver {
 public:
  explicit LogObserver(JsonLog& log) : log_(log) {}

  absl::Status SignInStarts(const SignInFacts& sign_in) override;
  void SignInEnded(const SignInFacts& sign_in, const absl::Status& outcome,
                   std::uint64_t generation) override;
  void LogOutStarts(const Session&) override {}
  void LogOutEnded(const Session&, const absl::Status&) override {}
  void SessionEnded(absl::string_view credential, absl::string_view organization_id,
                    std::uint64_t generation, absl::string_view why) override;
  void CheckFailed(const Session& session, absl::string_view why) override;
  void TrustRefused(absl::string_view credential, absl::string_view organization_id) override;

  void RememberMeExpires(absl::string_view credential, absl::Duration left) override;

 private:
  JsonLog& log_;
};

}  // namespace billbroker
