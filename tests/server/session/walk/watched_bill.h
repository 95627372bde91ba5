// WatchedBill: passes the calls of one process to WalkBill, and notifies the checks of each.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "server/bill/bill_api.h"
#include "tests/server/session/walk/hand_out_checks.h"
#include "tests/server/session/walk/sign_in_checks.h"
#include "tests/server/session/walk/walk_bill.h"
#include "vault/base/clock.h"

namespace billbroker {

// True until the process ends. Answers and timers that come later are dropped.
using Alive = std::shared_ptr<const bool>;

// Not thread-safe.
class WatchedBill final : public BillApi {
 public:
  struct Parts {  // borrowed
    WalkBill& bill;
    const Clock& clock;
    SignInChecks& sign_ins;
    HandOutChecks& sessions;
    // Returns the sign-in that a request is; empty organization: a partner's own.
    std::function<SentSignIn(const Credential&, const std::string& organization_id)> describe;
    std::function<bool()> stored;  // the store can be written
    bool sends_twice = false;      // a planted bug: one sign-in in fifty is sent twice
  };

  WatchedBill(Parts parts, Alive alive) : parts_(std::move(parts)), alive_(std::move(alive)) {}

  void SignIn(SignInRequest request, Done<SignInAnswer> done) override;
  void PartnerSignIn(PartnerSignInRequest request, Done<PartnerSignInAnswer> done) override;
  void SignInAsUser(SignInAsUserRequest request, Done<SignInAnswer> done) override;
  void SignOut(SessionKeys keys, Done<SignedOut> done) override;
  void GetSessionInfo(SessionKeys keys, Done<SessionInfo> done) override;
  void StartMfaChallenge(SessionKeys keys, Done<MfaChallenge> done) override;
  void ValidateMfaChallenge(SessionKeys keys, MfaValidation validation,
                            Done<MfaValidated> done) override;
  void StepUp(SessionKeys keys, const SecretString& remember_me_id, absl::string_view device,
              Done<SteppedUp> done) override;
  void ListOrganizations(SessionKeys keys, std::string page, Done<OrganizationPage> done) override;
  void GetHealth(std::string environment, Done<AnswerShape> done) override;

 private:
  FakeBill& fake() { return parts_.bill.fake(); }
  SentSignInPtr Arrives(const Credential& credential, const std::string& organization_id);
  void Ends(SentSignIn& sign_in, const BillError* error);
  // Returns a callback for the answer to `sent`.
  Done<SignInAnswer> Watch(SentSignInPtr sent, std::string dev_key, Done<SignInAnswer> done);
  template <typename T>
  Done<T> WhileAlive(Done<T> done);

  const Parts parts_;
  const Alive alive_;
};

}  // namespace billbroker
