#include "tests/support/fake_bill.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace billbroker {
namespace {

constexpr char kUserId[] = "006FAKEUSER000000001";

absl::optional<BillError> PopFailure(std::deque<BillError>& failures) {
  if (failures.empty()) return absl::nullopt;
  BillError error = std::move(failures.front());
  failures.pop_front();
  return error;
}

}  // namespace

BillError Refusal(Verdict verdict, absl::string_view code) {
  BillError error;
  error.verdict = verdict;
  error.code = std::string(code);
  error.http_status = code.empty() ? 503 : 400;
  error.body = code.empty() ? BodyKind::kEmpty : BodyKind::kJson;
  error.detail = absl::StrCat("scripted: ", VerdictName(verdict));
  return error;
}

void FakeBill::SignIn(SignInRequest request, Done<SignInAnswer> done) {
  calls_.AddSignIn(*request.credential, request.organization_id, "");
  delivery_.Deliver([this, request = std::move(request), done = std::move(done)]() mutable {
    done(DecideSignIn(request));
  });
}

void FakeBill::PartnerSignIn(PartnerSignInRequest request, Done<PartnerSignInAnswer> done) {
  calls_.AddPartnerSignIn(*request.credential);
  delivery_.Deliver([this, done = std::move(done)]() mutable { done(DecidePartnerSignIn()); });
}

void FakeBill::SignInAsUser(SignInAsUserRequest request, Done<SignInAnswer> done) {
  calls_.AddSignIn(*request.credential, request.organization_id,
                   request.partner_session_id->Reveal());
  delivery_.Deliver([this, request = std::move(request), done = std::move(done)]() mutable {
    {
      MutexLock lock(mutex_);
      if (!sessions_.IsLivePartner(request.partner_session_id->Reveal())) {
        return done(Refusal(Verdict::kSessionInvalid, "BDC_1109"));
      }
    }
    done(DecideSignIn({request.credential, request.organization_id}));
  });
}

void FakeBill::SignOut(SessionKeys keys, Done<SignedOut> done) {
  calls_.AddSignOut(keys);
  delivery_.Deliver([this, keys = std::move(keys), done = std::move(done)]() mutable {
    done(DecideSignOut(keys));
  });
}

void FakeBill::GetSessionInfo(SessionKeys keys, Done<SessionInfo> done) {
  calls_.AddSessionInfo(keys);
  delivery_.Deliver([this, keys = std::move(keys), done = std::move(done)]() mutable {
    done(DecideSessionInfo(keys));
  });
}

void FakeBill::ListOrganizations(SessionKeys keys, std::string page, Done<OrganizationPage> done) {
  calls_.AddOrganizationPage(page);
  delivery_.Deliver([this, keys = std::move(keys), page = std::move(page),
                     done = std::move(done)]() mutable { done(DecideOrganizations(keys, page)); });
}

void FakeBill::GetHealth(std::string environment, Done<AnswerShape> done) {
  calls_.AddHealthCheck(environment);
  delivery_.Deliver([this, done = std::move(done)]() mutable { done(DecideHealth()); });
}

void FakeBill::StartMfaChallenge(SessionKeys keys, Done<MfaChallenge> done) {
  calls_.AddChallenge(keys);
  delivery_.Deliver([this, keys = std::move(keys), done = std::move(done)]() mutable {
    done(DecideChallenge(keys));
  });
}

void FakeBill::ValidateMfaChallenge(SessionKeys keys, MfaValidation validation,
                                    Done<MfaValidated> done) {
  delivery_.Deliver(
      [this, keys = std::move(keys), validation = std::move(validation),
       done = std::move(done)]() mutable { done(DecideValidation(keys, validation)); });
}

void FakeBill::StepUp(SessionKeys keys, const SecretString& remember_me_id,
                      absl::string_view device, Done<SteppedUp> done) {
  calls_.AddStepUp(keys);
  delivery_.Deliver([this, keys = std::move(keys), remember_me_id = remember_me_id.Clone(),
                     device = std::string(device), done = std::move(done)]() mutable {
    done(DecideStepUp(keys, remember_me_id, device));
  });
}

BillResult<PartnerSignInAnswer> FakeBill::DecidePartnerSignIn() {
  MutexLock lock(mutex_);
  if (auto error = PopFailure(partner_failures_)) return *error;
  return PartnerSignInAnswer{SecretString::CopyOf(sessions_.StartPartner())};
}

BillResult<SignInAnswer> FakeBill::DecideSignIn(const SignInRequest& request) {
  SignInAnswerer answerer;
  {
    MutexLock lock(mutex_);
    if (auto error = PopFailure(organization_failures_[request.organization_id])) return *error;
    if (auto error = PopFailure(sign_in_failures_)) return *error;
    answerer = answerer_;
  }
  if (answerer != nullptr) return answerer(request);
  return Accept(request);
}

BillResult<SignedOut> FakeBill::DecideSignOut(const SessionKeys& keys) {
  MutexLock lock(mutex_);
  if (auto error = PopFailure(sign_out_failures_)) return *error;
  sessions_.End(keys);
  return SignedOut{};
}

BillResult<SessionInfo> FakeBill::DecideSessionInfo(const SessionKeys& keys) {
  MutexLock lock(mutex_);
  if (auto error = PopFailure(session_info_failures_)) return *error;
  const FakeBillSessions::Session* session = sessions_.Find(keys);
  if (session == nullptr) return Refusal(Verdict::kSessionInvalid, "BDC_1109");
  const std::string& organization_id =
      info_organization_.empty() ? session->organization_id : info_organization_;
  return SessionInfo{organization_id, kUserId, session->trusted};
}

BillResult<MfaChallenge> FakeBill::DecideChallenge(const SessionKeys& keys) {
  MutexLock lock(mutex_);
  if (auto error = PopFailure(mfa_failures_)) return *error;
  if (sessions_.Find(keys) == nullptr) return Refusal(Verdict::kSessionInvalid, "BDC_1109");
  return MfaChallenge{SecretString::CopyOf(absl::StrCat("of ", keys.session_id->Reveal()))};
}

BillResult<MfaValidated> FakeBill::DecideValidation(const SessionKeys& keys,
                                                    const MfaValidation& validation) {
  MutexLock lock(mutex_);
  if (auto error = PopFailure(mfa_failures_)) return *error;
  FakeBillSessions::Session* session = sessions_.Find(keys);
  if (session == nullptr) return Refusal(Verdict::kSessionInvalid, "BDC_1109");
  const bool own =
      validation.challenge_id.Reveal() == absl::StrCat("of ", keys.session_id->Reveal());
  if (!own || validation.code.Reveal() != "123456") {
    return Refusal(Verdict::kMfaFailed, "BDC_1356");
  }
  session->trusted = true;
  return MfaValidated{SecretString::CopyOf(sessions_.Remember(validation.device))};
}

BillResult<SteppedUp> FakeBill::DecideStepUp(const SessionKeys& keys,
                                             const SecretString& remember_me_id,
                                             const std::string& device) {
  MutexLock lock(mutex_);
  if (auto error = PopFailure(mfa_failures_)) return *error;
  FakeBillSessions::Session* session = sessions_.Find(keys);
  if (session == nullptr) return Refusal(Verdict::kSessionInvalid, "BDC_1109");
  session->trusted = session->trusted || sessions_.IsRemembered(remember_me_id.Reveal(), device);
  return SteppedUp{session->trusted};
}

BillResult<OrganizationPage> FakeBill::DecideOrganizations(const SessionKeys& keys,
                                                           const std::string& page) {
  MutexLock lock(mutex_);
  if (auto error = PopFailure(organization_list_failures_)) return *error;
  const FakeBillSessions::Session* session = sessions_.Find(keys);
  if (session == nullptr) return Refusal(Verdict::kSessionInvalid, "BDC_1109");
  const auto scripted = organization_pages_.find(page);
  if (scripted != organization_pages_.end()) return scripted->second;
  return OrganizationPage{{{session->organization_id, "Its own"}}, ""};
}

SignInAnswer FakeBill::Accept(const SignInRequest& request) {
  MutexLock lock(mutex_);
  const Credential& credential = *request.credential;
  const SecretString& dev_key = credential.DevKeyFor(request.organization_id);
  const bool trusted =
      trusted_ || sessions_.IsRemembered(credential.remember_me_id.Reveal(), credential.device);
  const std::string id =
      sessions_.Start({std::string(dev_key.Reveal()), request.organization_id, trusted});
  return {SecretString::CopyOf(id), request.organization_id, kUserId, trusted};
}

BillResult<AnswerShape> FakeBill::DecideHealth() {
  MutexLock lock(mutex_);
  return health_;
}

void FakeBill::SetHealth(BillResult<AnswerShape> health) {
  MutexLock lock(mutex_);
  health_ = std::move(health);
}

void FakeBill::FailNextSignIns(int count, const BillError& error) {
  MutexLock lock(mutex_);
  sign_in_failures_.insert(sign_in_failures_.end(), count, error);
}

void FakeBill::FailNextSignInsOf(absl::string_view organization_id, int count,
                                 const BillError& error) {
  MutexLock lock(mutex_);
  std::deque<BillError>& failures = organization_failures_[std::string(organization_id)];
  failures.insert(failures.end(), count, error);
}

void FakeBill::FailNextPartnerSignIns(int count, const BillError& error) {
  MutexLock lock(mutex_);
  partner_failures_.insert(partner_failures_.end(), count, error);
}

void FakeBill::FailNextSignOuts(int count, const BillError& error) {
  MutexLock lock(mutex_);
  sign_out_failures_.insert(sign_out_failures_.end(), count, error);
}

void FakeBill::FailNextSessionInfos(int count, const BillError& error) {
  MutexLock lock(mutex_);
  session_info_failures_.insert(session_info_failures_.end(), count, error);
}

void FakeBill::FailNextOrganizationLists(int count, const BillError& error) {
  MutexLock lock(mutex_);
  organization_list_failures_.insert(organization_list_failures_.end(), count, error);
}

void FakeBill::FailNextMfaCalls(int count, const BillError& error) {
  MutexLock lock(mutex_);
  mfa_failures_.insert(mfa_failures_.end(), count, error);
}

void FakeBill::ForgetDevices() {
  MutexLock lock(mutex_);
  sessions_.ForgetDevices();
}

void FakeBill::SetRemembersDevices(bool remembers) {
  MutexLock lock(mutex_);
  sessions_.SetRemembers(remembers);
}

void FakeBill::SetOrganizationPage(absl::string_view page, OrganizationPage answer) {
  MutexLock lock(mutex_);
  organization_pages_[std::string(page)] = std::move(answer);
}

void FakeBill::SetSignInAnswer(SignInAnswerer answerer) {
  MutexLock lock(mutex_);
  answerer_ = std::move(answerer);
}

void FakeBill::SetSessionInfoOrganization(absl::string_view organization_id) {
  MutexLock lock(mutex_);
  info_organization_ = std::string(organization_id);
}

void FakeBill::SetTrusted(bool trusted) {
  MutexLock lock(mutex_);
  trusted_ = trusted;
}

void FakeBill::KillSession(absl::string_view session_id) {
  MutexLock lock(mutex_);
  sessions_.Kill(session_id);
}

void FakeBill::SetSessionTrust(absl::string_view session_id, bool trusted) {
  MutexLock lock(mutex_);
  sessions_.SetTrust(session_id, trusted);
}

void FakeBill::KillAllSessions() {
  MutexLock lock(mutex_);
  sessions_.KillAll();
}

bool FakeBill::IsLive(absl::string_view session_id) const {
  MutexLock lock(mutex_);
  return sessions_.IsLive(session_id);
}

}  // namespace billbroker
