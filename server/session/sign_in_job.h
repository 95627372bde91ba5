// SignInJob: the pipeline of one sign-in: load the credential, audit the intent, record it in the
// ledger, send it, settle the result. Written once for slots, partners and probes.
#pragma once

#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "server/bill/bill_api.h"
#include "server/session/session_observer.h"
#include "server/session/session_store.h"
#include "vault/base/executor.h"
#include "vault/credential.h"

namespace billbroker {

// The records that have to exist before a sign-in is sent.
struct SignInPlan {
  SignInFacts facts;
  StoredAttempt record;
};

// The part of a sign-in that depends on its kind. Called in this order, one call at a time, without
// a lock held: Load, Plan, Send, Settle; or Abandon instead of any but the first.
class SignInTarget {
 public:
  using Done = absl::AnyInvocable<void(BillResult<SignInAnswer>)>;

  virtual ~SignInTarget() = default;

  // Returns the credential to sign in with. May block.
  [[nodiscard]] virtual absl::StatusOr<CredentialPtr> Load() = 0;
  // Returns the plan; nullopt if the sign-in is not wanted any longer, and then the target has
  // released it.
  [[nodiscard]] virtual absl::optional<SignInPlan> Plan(const CredentialPtr& credential) = 0;
  // Sends it. A partner's own sign-in answers with a session id alone.
  virtual void Send(const CredentialPtr& credential, Done done) = 0;
  // Releases the sign-in, which was not sent because of `error`.
  virtual void Abandon(const absl::Status& error) = 0;
  // Records the result and answers the callers. `by_gateway`: see ClassifySignIn().
  virtual void Settle(BillResult<SignInAnswer> result, bool by_gateway) = 0;
};

// Finds out whether a gateway and not BILL gave an answer, by GET /v3/health.
class GatewayLook {
 public:
  virtual ~GatewayLook() = default;
  // Calls `done` with true if a gateway did. Called without a lock held.
  virtual void AskIfByGateway(const std::string& environment, BillError error,
                              absl::AnyInvocable<void(bool)> done) = 0;
};

class SignInJob final : public std::enable_shared_from_this<SignInJob> {
 public:
  struct Parts {  // borrowed
    Executor& executor;
    SessionStore& store;
    SessionObserver& observer;
    GatewayLook& gateway;
  };

  // Runs the sign-in. Returns at once.
  static void Start(const Parts& parts, std::unique_ptr<SignInTarget> target);

  // Use Start().
  SignInJob(const Parts& parts, std::unique_ptr<SignInTarget> target)
      : parts_(parts), target_(std::move(target)) {}

 private:
  void Prepare();
  void Send();
  void OnAnswered(BillResult<SignInAnswer> result);

  const Parts parts_;
  const std::unique_ptr<SignInTarget> target_;
  CredentialPtr credential_;
};

}  // namespace billbroker
