// HealthLooks: sends the looks at GET /v3/health that several askers share. Internal to
// server/session.
#pragma once

#include <string>

#include "absl/functional/any_invocable.h"
#include "server/bill/bill_error.h"
#include "server/session/session_state.h"
#include "server/session/sign_in_job.h"

namespace billbroker {

class HealthLooks final : public GatewayLook {
 public:
  explicit HealthLooks(SharedSessions& shared) : shared_(shared) {}

  void AskIfByGateway(const std::string& environment, BillError error,
                      absl::AnyInvocable<void(bool)> done) override;

  // Sends the looks that circuit breakers are waiting for. With the lock held.
  void SendDue(LockedSessions& state);

 private:
  SharedSessions& shared_;
};

}  // namespace billbroker
