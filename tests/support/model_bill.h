// ModelBill: a BillApi that calls the simulator's BILL directly, on virtual time and with latency.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "server/bill/bill_api.h"
#include "server/bill/http_request.h"
#include "tests/simulator/bill.h"
#include "vault/base/clock.h"
#include "vault/base/executor.h"

namespace billbroker {

// A call arrives at `model` after half of the latency, counts as under way there, and is answered
// after the other half. Requests and answers have the format of CurlBillApi. Borrows its arguments.
// No work of it may run after it is destroyed.
class ModelBill final : public BillApi {
 public:
  ModelBill(billsim::Bill& model, Executor& executor, const Clock& clock, absl::Duration latency)
      : model_(model), executor_(executor), clock_(clock), half_(latency / 2) {}

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

  // If false, calls that start from now on cannot connect.
  void SetReachable(bool reachable) { reachable_ = reachable; }

 private:
  template <typename T, typename Read>
  void Send(const HttpRequest& request, Done<T> done, Read read);

  billsim::Bill& model_;
  Executor& executor_;
  const Clock& clock_;
  const absl::Duration half_;
  bool reachable_ = true;
};

}  // namespace billbroker
