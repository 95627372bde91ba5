// FakeBill: a BillApi without a network. Tests script its answers and read the calls it received.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/bill/bill_api.h"
#include "server/bill/bill_error.h"
#include "tests/support/fake_bill_calls.h"
#include "tests/support/fake_bill_delivery.h"
#include "tests/support/fake_bill_sessions.h"
#include "vault/base/executor.h"
#include "vault/base/mutex.h"

namespace billbroker {

// Returns the refusal that CurlBillApi would return for `verdict` and BILL's `code`.
[[nodiscard]] BillError Refusal(Verdict verdict, absl::string_view code);

// Accepts everything unless it is scripted otherwise. The n-th sign-in gets the session
// SessionId(n), the n-th partner sign-in PartnerSessionId(n). A login-as-user with a killed partner
// session fails with BDC_1109.
//
// When answers come: see FakeBillDelivery. An answer is decided when it is delivered, not when the
// call arrives, so that a test can hold a call, change something, and release the call.
//
// Thread-safe. After the destructor no work of the fake may run on `executor`.
class FakeBill final : public BillApi {
 public:
  using SignInCall = FakeBillCalls::SignInCall;
  using PartnerSignInCall = FakeBillCalls::PartnerSignInCall;
  using SessionCall = FakeBillCalls::SessionCall;
  using SignInAnswerer = std::function<BillResult<SignInAnswer>(const SignInRequest&)>;

  explicit FakeBill(Executor& executor) : delivery_(executor) {}

  // See FakeBillSessions.
  [[nodiscard]] static std::string SessionId(int n) { return FakeBillSessions::SessionId(n); }
  [[nodiscard]] static std::string PartnerSessionId(int n) {
    return FakeBillSessions::PartnerSessionId(n);
  }
  [[nodiscard]] static std::string RememberMeId(int n) { return FakeBillSessions::RememberMeId(n); }

  void SignIn(SignInRequest request, Done<SignInAnswer> done) override;
  void PartnerSignIn(PartnerSignInRequest request, Done<PartnerSignInAnswer> done) override;
  // Scripted like SignIn().
  void SignInAsUser(SignInAsUserRequest request, Done<SignInAnswer> done) override;
  void SignOut(SessionKeys keys, Done<SignedOut> done) override;
  void GetSessionInfo(SessionKeys keys, Done<SessionInfo> done) override;
  // The code is "123456". The n-th validation returns RememberMeId(n).
  void StartMfaChallenge(SessionKeys keys, Done<MfaChallenge> done) override;
  void ValidateMfaChallenge(SessionKeys keys, MfaValidation validation,
                            Done<MfaValidated> done) override;
  void StepUp(SessionKeys keys, const SecretString& remember_me_id, absl::string_view device,
              Done<SteppedUp> done) override;
  // Returns one page with the organization of the session unless scripted otherwise.
  void ListOrganizations(SessionKeys keys, std::string page, Done<OrganizationPage> done) override;
  void GetHealth(std::string environment, Done<AnswerShape> done) override;

  // When answers come.
  void SetLatency(absl::Duration latency) { delivery_.SetLatency(latency); }
  void AnswerAtOnce() { delivery_.AnswerAtOnce(); }
  void Hold() { delivery_.Hold(); }
  bool ReleaseOne() { return delivery_.ReleaseOne(); }
  void ReleaseLast() { delivery_.ReleaseLast(); }
  void ReleaseAll() { delivery_.ReleaseAll(); }
  [[nodiscard]] int held() const { return delivery_.held(); }

  // The next answers. Failures of one organization come first, then failures of any organization,
  // then the answerer.
  void FailNextSignIns(int count, const BillError& error);
  void FailNextSignInsOf(absl::string_view organization_id, int count, const BillError& error);
  void FailNextPartnerSignIns(int count, const BillError& error);
  void FailNextSignOuts(int count, const BillError& error);
  void FailNextSessionInfos(int count, const BillError& error);
  void FailNextOrganizationLists(int count, const BillError& error);
  // The answer to later health checks. Without it BILL is healthy.
  void SetHealth(BillResult<AnswerShape> health);
  // The answer to the page token `page`. An empty token asks for the first page.
  void SetOrganizationPage(absl::string_view page, OrganizationPage answer);
  void SetSignInAnswer(SignInAnswerer answerer);                       // null: Accept()
  void SetTrusted(bool trusted);                                       // of later sessions
  void SetSessionInfoOrganization(absl::string_view organization_id);  // wrong, from now on
  // Starts a session and returns it. An answerer may call this.
  [[nodiscard]] SignInAnswer Accept(const SignInRequest& request);

  void FailNextMfaCalls(int count, const BillError& error);  // step-ups included
  // From now on the rememberMeIds that were issued before are not accepted.
  void ForgetDevices();
  // If `remembers` is false, BILL does not accept the rememberMeIds that it issues from now on.
  void SetRemembersDevices(bool remembers);

  // Sessions at BILL.
  void KillSession(absl::string_view session_id);  // also a partner session
  void KillAllSessions();
  void SetSessionTrust(absl::string_view session_id, bool trusted);
  [[nodiscard]] bool IsLive(absl::string_view session_id) const;

  // The calls that arrived, in order. Sign-ins include login-as-user; pages are page tokens.
  [[nodiscard]] std::vector<SignInCall> sign_ins() const { return calls_.sign_ins(); }
  [[nodiscard]] std::vector<PartnerSignInCall> partner_sign_ins() const {
    return calls_.partner_sign_ins();
  }
  [[nodiscard]] std::vector<SessionCall> sign_outs() const { return calls_.sign_outs(); }
  [[nodiscard]] std::vector<SessionCall> session_infos() const { return calls_.session_infos(); }
  [[nodiscard]] std::vector<std::string> organization_pages() const {
    return calls_.organization_pages();
  }
  // The environments of the health checks.
  [[nodiscard]] std::vector<std::string> health_checks() const { return calls_.health_checks(); }
  [[nodiscard]] std::vector<SessionCall> challenges() const { return calls_.challenges(); }
  [[nodiscard]] std::vector<SessionCall> step_ups() const { return calls_.step_ups(); }
  [[nodiscard]] int CountSignIns() const { return static_cast<int>(sign_ins().size()); }
  [[nodiscard]] int CountSignInsOf(absl::string_view organization_id) const {
    return calls_.CountSignIns(&SignInCall::organization_id, organization_id);
  }
  [[nodiscard]] int CountSignInsOfUser(absl::string_view username) const {
    return calls_.CountSignIns(&SignInCall::username, username);
  }
  [[nodiscard]] int CountSignInsOfDevKey(absl::string_view dev_key) const {
    return calls_.CountSignIns(&SignInCall::dev_key, dev_key);
  }

 private:
  BillResult<PartnerSignInAnswer> DecidePartnerSignIn();
  BillResult<SignInAnswer> DecideSignIn(const SignInRequest& request);
  BillResult<SignedOut> DecideSignOut(const SessionKeys& keys);
  BillResult<SessionInfo> DecideSessionInfo(const SessionKeys& keys);
  BillResult<MfaChallenge> DecideChallenge(const SessionKeys& keys);
  BillResult<MfaValidated> DecideValidation(const SessionKeys& keys,
                                            const MfaValidation& validation);
  BillResult<SteppedUp> DecideStepUp(const SessionKeys& keys, const SecretString& remember_me_id,
                                     const std::string& device);
  BillResult<AnswerShape> DecideHealth();
  BillResult<OrganizationPage> DecideOrganizations(const SessionKeys& keys,
                                                   const std::string& page);

  FakeBillDelivery delivery_;
  FakeBillCalls calls_;
  mutable Mutex mutex_;
  FakeBillSessions sessions_ ABSL_GUARDED_BY(mutex_);
  SignInAnswerer answerer_ ABSL_GUARDED_BY(mutex_);
  bool trusted_ ABSL_GUARDED_BY(mutex_) = false;
  std::string info_organization_ ABSL_GUARDED_BY(mutex_);  // empty: the organization of the session
  std::deque<BillError> sign_in_failures_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::deque<BillError>, std::less<>> organization_failures_
      ABSL_GUARDED_BY(mutex_);
  std::deque<BillError> partner_failures_ ABSL_GUARDED_BY(mutex_);
  std::deque<BillError> sign_out_failures_ ABSL_GUARDED_BY(mutex_);
  std::deque<BillError> session_info_failures_ ABSL_GUARDED_BY(mutex_);
  std::deque<BillError> organization_list_failures_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, OrganizationPage> organization_pages_ ABSL_GUARDED_BY(mutex_);
  std::deque<BillError> mfa_failures_ ABSL_GUARDED_BY(mutex_);
  BillResult<AnswerShape> health_ ABSL_GUARDED_BY(mutex_) = AnswerShape{200, "", BodyKind::kJson};
};

}  // namespace billbroker
