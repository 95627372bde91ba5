// FakeBill: a BillApi without a network, which a test scripts and asks what it was called with.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/bill/bill_api.h"
#include "server/bill/bill_error.h"
#include "vault/base/executor.h"
#include "vault/base/mutex.h"

namespace billbroker {

// A refusal as CurlBillApi would answer it.
[[nodiscard]] BillError Refusal(Verdict verdict, absl::string_view code);

// Unscripted it says yes: sign-ins get the sessions SessionId(1), SessionId(2), …, each of which
// lives, for the devKey that made it, until it is signed out or killed. Partners get
// PartnerSessionId(1), …; one of these that was killed answers BDC_1109 to login-as-user.
//
// An answer comes from the executor after the latency (zero at first), unless AnswerAtOnce() or
// Hold() say otherwise. What it is gets decided when it is given and not when the call comes in, so
// that a test may hold a call, change the world, and let go.
//
// Thread-safe. The destructor drops what is held; nothing of the fake's may run on `executor` after
// it.
class FakeBill final : public BillApi {
 public:
  struct SignInCall {
    std::string credential;
    std::string environment;
    std::string organization_id;
    std::string username;
    std::string secret;
    std::string dev_key;
    std::string user_id;          // of login-as-user
    std::string partner_session;  // likewise
  };
  struct PartnerSignInCall {
    std::string credential;
    std::string username;
    std::string password;
    std::string app_key;
  };
  struct SessionCall {
    std::string environment;
    std::string session_id;
    std::string dev_key;
  };
  using SignInAnswerer = std::function<BillResult<SignInAnswer>(const SignInRequest&)>;

  explicit FakeBill(Executor& executor) : executor_(executor) {}

  // The ids that the n-th sign-in, partner sign-in and MFA validation return, from 1 on. They are
  // longer than a string's internal buffer, so that AddressSanitizer sees a copy that outlives it.
  [[nodiscard]] static std::string SessionId(int n);
  [[nodiscard]] static std::string PartnerSessionId(int n);
  [[nodiscard]] static std::string RememberMeId(int n);

  void SignIn(SignInRequest request, Done<SignInAnswer> done) override;
  void PartnerSignIn(PartnerSignInRequest request, Done<PartnerSignInAnswer> done) override;
  // Scripted as SignIn() is.
  void SignInAsUser(SignInAsUserRequest request, Done<SignInAnswer> done) override;
  void SignOut(SessionKeys keys, Done<SignedOut> done) override;
  void GetSessionInfo(SessionKeys keys, Done<SessionInfo> done) override;
  // The code is "123456"; the rememberMeIds are RememberMeId(1), RememberMeId(2), …
  void StartMfaChallenge(SessionKeys keys, Done<MfaChallenge> done) override;
  void ValidateMfaChallenge(SessionKeys keys, MfaValidation validation,
                            Done<MfaValidated> done) override;
  void StepUp(SessionKeys keys, const SecretString& remember_me_id, absl::string_view device,
              Done<SteppedUp> done) override;
  // Unscripted: one page with the session's own organization.
  void ListOrganizations(SessionKeys keys, std::string page, Done<OrganizationPage> done) override;

  // When answers come.
  void SetLatency(absl::Duration latency);
  void AnswerAtOnce();  // on the caller's stack: finds a lock that is held across a call
  void Hold();
  // Answers the oldest held call on this thread; false where none is held. Later calls are held.
  bool ReleaseOne();
  void ReleaseLast();  // the newest one; requires: one is held
  // Answers all held calls on this thread, oldest first, and holds no more.
  void ReleaseAll();
  [[nodiscard]] int held() const;

  // What they are. Failures of one organization go first, then those of any, then `answerer`.
  void FailNextSignIns(int count, const BillError& error);
  void FailNextSignInsOf(absl::string_view organization_id, int count, const BillError& error);
  void FailNextPartnerSignIns(int count, const BillError& error);
  void FailNextSignOuts(int count, const BillError& error);
  void FailNextSessionInfos(int count, const BillError& error);
  void FailNextOrganizationLists(int count, const BillError& error);
  // The page that the token `page` gets, the first where it is empty.
  void SetOrganizationPage(absl::string_view page, OrganizationPage answer);
  void SetSignInAnswer(SignInAnswerer answerer);                       // null: Accept()
  void SetTrusted(bool trusted);                                       // of sessions to come
  void SetSessionInfoOrganization(absl::string_view organization_id);  // a lie from now on
  // A new session: the unscripted answer, for use in an answerer.
  [[nodiscard]] SignInAnswer Accept(const SignInRequest& request);

  void FailNextMfaCalls(int count, const BillError& error);  // step-ups included
  // From now on no rememberMeId is taken that was given before.
  void ForgetDevices();

  // Sessions at BILL.
  void KillSession(absl::string_view session_id);  // a partner's too
  void KillAllSessions();
  void SetSessionTrust(absl::string_view session_id, bool trusted);
  [[nodiscard]] bool IsLive(absl::string_view session_id) const;

  // What was called, in order.
  [[nodiscard]] std::vector<SignInCall> sign_ins() const;  // login-as-user too
  [[nodiscard]] std::vector<PartnerSignInCall> partner_sign_ins() const;
  [[nodiscard]] std::vector<SessionCall> sign_outs() const;
  [[nodiscard]] std::vector<SessionCall> session_infos() const;
  [[nodiscard]] std::vector<std::string> organization_pages() const;  // the tokens asked for
  [[nodiscard]] std::vector<SessionCall> challenges() const;
  [[nodiscard]] std::vector<SessionCall> step_ups() const;
  [[nodiscard]] int CountSignIns() const;
  [[nodiscard]] int CountSignInsOf(absl::string_view organization_id) const;
  [[nodiscard]] int CountSignInsOfUser(absl::string_view username) const;
  [[nodiscard]] int CountSignInsOfDevKey(absl::string_view dev_key) const;

 private:
  enum class Delivery { kExecutor, kAtOnce, kHeld };

  struct LiveSession {
    std::string dev_key;
    std::string organization_id;
    bool trusted = false;
  };

  void Deliver(Executor::Work answer);
  BillResult<PartnerSignInAnswer> DecidePartnerSignIn();
  BillResult<SignInAnswer> DecideSignIn(const SignInRequest& request);
  BillResult<SignedOut> DecideSignOut(const SessionKeys& keys);
  BillResult<SessionInfo> DecideSessionInfo(const SessionKeys& keys);
  BillResult<MfaChallenge> DecideChallenge(const SessionKeys& keys);
  BillResult<MfaValidated> DecideValidation(const SessionKeys& keys,
                                            const MfaValidation& validation);
  BillResult<SteppedUp> DecideStepUp(const SessionKeys& keys, const std::string& device_key);
  // Null where it is not live for these keys.
  LiveSession* FindLive(const SessionKeys& keys) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  BillResult<OrganizationPage> DecideOrganizations(const SessionKeys& keys,
                                                   const std::string& page);
  int CountCalls(std::string SignInCall::*field, absl::string_view value) const;

  Executor& executor_;
  mutable Mutex mutex_;
  Delivery delivery_ ABSL_GUARDED_BY(mutex_) = Delivery::kExecutor;
  absl::Duration latency_ ABSL_GUARDED_BY(mutex_);
  std::deque<Executor::Work> held_ ABSL_GUARDED_BY(mutex_);
  SignInAnswerer answerer_ ABSL_GUARDED_BY(mutex_);
  bool trusted_ ABSL_GUARDED_BY(mutex_) = false;
  std::string info_organization_ ABSL_GUARDED_BY(mutex_);  // empty: the true one
  std::deque<BillError> sign_in_failures_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::deque<BillError>, std::less<>> organization_failures_
      ABSL_GUARDED_BY(mutex_);
  std::deque<BillError> partner_failures_ ABSL_GUARDED_BY(mutex_);
  std::deque<BillError> sign_out_failures_ ABSL_GUARDED_BY(mutex_);
  std::deque<BillError> session_info_failures_ ABSL_GUARDED_BY(mutex_);
  std::deque<BillError> organization_list_failures_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, OrganizationPage> organization_pages_ ABSL_GUARDED_BY(mutex_);
  int last_session_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, LiveSession, std::less<>> live_ ABSL_GUARDED_BY(mutex_);
  int last_partner_session_ ABSL_GUARDED_BY(mutex_) = 0;
  std::set<std::string, std::less<>> live_partners_ ABSL_GUARDED_BY(mutex_);
  std::vector<SignInCall> sign_ins_ ABSL_GUARDED_BY(mutex_);
  std::vector<PartnerSignInCall> partner_sign_ins_ ABSL_GUARDED_BY(mutex_);
  std::vector<SessionCall> sign_outs_ ABSL_GUARDED_BY(mutex_);
  std::vector<SessionCall> session_infos_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> asked_pages_ ABSL_GUARDED_BY(mutex_);
  std::deque<BillError> mfa_failures_ ABSL_GUARDED_BY(mutex_);
  std::vector<SessionCall> challenges_ ABSL_GUARDED_BY(mutex_);
  std::vector<SessionCall> step_ups_ ABSL_GUARDED_BY(mutex_);
  int last_remember_me_ ABSL_GUARDED_BY(mutex_) = 0;
  std::set<std::string> devices_ ABSL_GUARDED_BY(mutex_);  // rememberMeId and device
};

}  // namespace billbroker
