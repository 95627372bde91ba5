#include "tests/support/fake_bill.h"

#include <algorithm>
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

FakeBill::SessionCall RecordOf(const SessionKeys& keys) {
  return {keys.environment, std::string(keys.session_id->Reveal()),
          std::string(keys.dev_key->Reveal())};
}

std::string DeviceKey(const SecretString& remember_me_id, absl::string_view device) {
  return absl::StrCat(remember_me_id.Reveal(), " of ", device);
}

FakeBill::SignInCall CallOf(const Credential& credential, const std::string& organization_id) {
  return {credential.name,
          credential.environment,
          organization_id,
          credential.username,
          std::string(credential.UserSecret().Reveal()),
          std::string(credential.DevKeyFor(organization_id).Reveal()),
          credential.FindOrganization(organization_id)->user_id,
          ""};
}

}  // namespace

BillError Refusal(Verdict verdict, absl::string_view code) {
  BillError error;
  error.verdict = verdict;
  error.code = std::string(code);
  error.http_status = code.empty() ? 503 : 400;
  error.detail = absl::StrCat("scripted: ", VerdictName(verdict));
  return error;
}

std::string FakeBill::SessionId(int n) { return absl::StrCat("fake-bill-session-", n); }

std::string FakeBill::PartnerSessionId(int n) {
  return absl::StrCat("fake-bill-partner-session-", n);
}

std::string FakeBill::RememberMeId(int n) { return absl::StrCat("fake-bill-remember-me-", n); }

void FakeBill::SignIn(SignInRequest request, Done<SignInAnswer> done) {
  {
    MutexLock lock(mutex_);
    sign_ins_.push_back(CallOf(*request.credential, request.organization_id));
  }
  Deliver([this, request = std::move(request), done = std::move(done)]() mutable {
    done(DecideSignIn(request));
  });
}

void FakeBill::PartnerSignIn(PartnerSignInRequest request, Done<PartnerSignInAnswer> done) {
  const Credential& credential = *request.credential;
  {
    MutexLock lock(mutex_);
    partner_sign_ins_.push_back({credential.name, credential.username,
                                 std::string(credential.password.Reveal()),
                                 std::string(credential.app_key.Reveal())});
  }
  Deliver([this, done = std::move(done)]() mutable { done(DecidePartnerSignIn()); });
}

void FakeBill::SignInAsUser(SignInAsUserRequest request, Done<SignInAnswer> done) {
  SignInCall call = CallOf(*request.credential, request.organization_id);
  call.partner_session = std::string(request.partner_session_id->Reveal());
  {
    MutexLock lock(mutex_);
    sign_ins_.push_back(call);
  }
  Deliver([this, partner = call.partner_session, request = std::move(request),
           done = std::move(done)]() mutable {
    {
      MutexLock lock(mutex_);
      if (!live_partners_.contains(partner)) {
        return done(Refusal(Verdict::kSessionInvalid, "BDC_1109"));
      }
    }
    done(DecideSignIn({request.credential, request.organization_id}));
  });
}

void FakeBill::SignOut(SessionKeys keys, Done<SignedOut> done) {
  {
    MutexLock lock(mutex_);
    sign_outs_.push_back(RecordOf(keys));
  }
  Deliver([this, keys = std::move(keys), done = std::move(done)]() mutable {
    done(DecideSignOut(keys));
  });
}

void FakeBill::GetSessionInfo(SessionKeys keys, Done<SessionInfo> done) {
  {
    MutexLock lock(mutex_);
    session_infos_.push_back(RecordOf(keys));
  }
  Deliver([this, keys = std::move(keys), done = std::move(done)]() mutable {
    done(DecideSessionInfo(keys));
  });
}

void FakeBill::ListOrganizations(SessionKeys keys, std::string page, Done<OrganizationPage> done) {
  {
    MutexLock lock(mutex_);
    asked_pages_.push_back(page);
  }
  Deliver([this, keys = std::move(keys), page = std::move(page), done = std::move(done)]() mutable {
    done(DecideOrganizations(keys, page));
  });
}

void FakeBill::StartMfaChallenge(SessionKeys keys, Done<MfaChallenge> done) {
  {
    MutexLock lock(mutex_);
    challenges_.push_back(RecordOf(keys));
  }
  Deliver([this, keys = std::move(keys), done = std::move(done)]() mutable {
    done(DecideChallenge(keys));
  });
}

void FakeBill::ValidateMfaChallenge(SessionKeys keys, MfaValidation validation,
                                    Done<MfaValidated> done) {
  Deliver([this, keys = std::move(keys), validation = std::move(validation),
           done = std::move(done)]() mutable { done(DecideValidation(keys, validation)); });
}

void FakeBill::StepUp(SessionKeys keys, const SecretString& remember_me_id,
                      absl::string_view device, Done<SteppedUp> done) {
  {
    MutexLock lock(mutex_);
    step_ups_.push_back(RecordOf(keys));
  }
  Deliver([this, keys = std::move(keys), device_key = DeviceKey(remember_me_id, device),
           done = std::move(done)]() mutable { done(DecideStepUp(keys, device_key)); });
}

void FakeBill::Deliver(Executor::Work answer) {
  Delivery delivery;
  absl::Duration latency;
  {
    MutexLock lock(mutex_);
    delivery = delivery_;
    latency = latency_;
    if (delivery == Delivery::kHeld) return held_.push_back(std::move(answer));
  }
  if (delivery == Delivery::kAtOnce) return answer();
  executor_.RunAfter(latency, std::move(answer));
}

BillResult<PartnerSignInAnswer> FakeBill::DecidePartnerSignIn() {
  MutexLock lock(mutex_);
  if (auto error = PopFailure(partner_failures_)) return *error;
  const std::string id = PartnerSessionId(++last_partner_session_);
  live_partners_.insert(id);
  return PartnerSignInAnswer{SecretString::CopyOf(id)};
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
  const auto session = live_.find(keys.session_id->Reveal());
  if (session != live_.end() && session->second.dev_key == keys.dev_key->Reveal()) {
    live_.erase(session);
  }
  return SignedOut{};
}

BillResult<SessionInfo> FakeBill::DecideSessionInfo(const SessionKeys& keys) {
  MutexLock lock(mutex_);
  if (auto error = PopFailure(session_info_failures_)) return *error;
  const LiveSession* session = FindLive(keys);
  if (session == nullptr) return Refusal(Verdict::kSessionInvalid, "BDC_1109");
  const std::string& organization_id =
      info_organization_.empty() ? session->organization_id : info_organization_;
  return SessionInfo{organization_id, kUserId, session->trusted};
}

FakeBill::LiveSession* FakeBill::FindLive(const SessionKeys& keys) {
  const auto session = live_.find(keys.session_id->Reveal());
  const bool live = session != live_.end() && session->second.dev_key == keys.dev_key->Reveal();
  return live ? &session->second : nullptr;
}

BillResult<MfaChallenge> FakeBill::DecideChallenge(const SessionKeys& keys) {
  MutexLock lock(mutex_);
  if (auto error = PopFailure(mfa_failures_)) return *error;
  if (FindLive(keys) == nullptr) return Refusal(Verdict::kSessionInvalid, "BDC_1109");
  return MfaChallenge{SecretString::CopyOf(absl::StrCat("of ", keys.session_id->Reveal()))};
}

BillResult<MfaValidated> FakeBill::DecideValidation(const SessionKeys& keys,
                                                    const MfaValidation& validation) {
  MutexLock lock(mutex_);
  if (auto error = PopFailure(mfa_failures_)) return *error;
  LiveSession* session = FindLive(keys);
  if (session == nullptr) return Refusal(Verdict::kSessionInvalid, "BDC_1109");
  const bool own =
      validation.challenge_id.Reveal() == absl::StrCat("of ", keys.session_id->Reveal());
  if (!own || validation.code.Reveal() != "123456") {
    return Refusal(Verdict::kMfaFailed, "BDC_1356");
  }
  session->trusted = true;
  auto id = SecretString::CopyOf(RememberMeId(++last_remember_me_));
  devices_.insert(DeviceKey(id, validation.device));
  return MfaValidated{std::move(id)};
}

BillResult<SteppedUp> FakeBill::DecideStepUp(const SessionKeys& keys,
                                             const std::string& device_key) {
  MutexLock lock(mutex_);
  if (auto error = PopFailure(mfa_failures_)) return *error;
  LiveSession* session = FindLive(keys);
  if (session == nullptr) return Refusal(Verdict::kSessionInvalid, "BDC_1109");
  session->trusted = session->trusted || devices_.contains(device_key);
  return SteppedUp{session->trusted};
}

BillResult<OrganizationPage> FakeBill::DecideOrganizations(const SessionKeys& keys,
                                                           const std::string& page) {
  MutexLock lock(mutex_);
  if (auto error = PopFailure(organization_list_failures_)) return *error;
  const LiveSession* session = FindLive(keys);
  if (session == nullptr) return Refusal(Verdict::kSessionInvalid, "BDC_1109");
  const auto scripted = organization_pages_.find(page);
  if (scripted != organization_pages_.end()) return scripted->second;
  return OrganizationPage{{{session->organization_id, "Its own"}}, ""};
}

SignInAnswer FakeBill::Accept(const SignInRequest& request) {
  MutexLock lock(mutex_);
  const std::string id = SessionId(++last_session_);
  const Credential& credential = *request.credential;
  const SecretString& dev_key = credential.DevKeyFor(request.organization_id);
  const bool trusted =
      trusted_ || devices_.contains(DeviceKey(credential.remember_me_id, credential.device));
  live_[id] = {std::string(dev_key.Reveal()), request.organization_id, trusted};
  return {SecretString::CopyOf(id), request.organization_id, kUserId, trusted};
}

void FakeBill::SetLatency(absl::Duration latency) {
  MutexLock lock(mutex_);
  delivery_ = Delivery::kExecutor;
  latency_ = latency;
}

void FakeBill::AnswerAtOnce() {
  MutexLock lock(mutex_);
  delivery_ = Delivery::kAtOnce;
}

void FakeBill::Hold() {
  MutexLock lock(mutex_);
  delivery_ = Delivery::kHeld;
}

bool FakeBill::ReleaseOne() {
  Executor::Work answer;
  {
    MutexLock lock(mutex_);
    if (held_.empty()) return false;
    answer = std::move(held_.front());
    held_.pop_front();
  }
  answer();
  return true;
}

void FakeBill::ReleaseLast() {
  Executor::Work answer;
  {
    MutexLock lock(mutex_);
    answer = std::move(held_.back());
    held_.pop_back();
  }
  answer();
}

void FakeBill::ReleaseAll() {
  {
    MutexLock lock(mutex_);
    delivery_ = Delivery::kExecutor;
  }
  while (ReleaseOne()) {
  }
}

int FakeBill::held() const {
  MutexLock lock(mutex_);
  return static_cast<int>(held_.size());
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
  devices_.clear();
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
  live_.erase(std::string(session_id));
  live_partners_.erase(std::string(session_id));
}

void FakeBill::SetSessionTrust(absl::string_view session_id, bool trusted) {
  MutexLock lock(mutex_);
  const auto session = live_.find(session_id);
  if (session != live_.end()) session->second.trusted = trusted;
}

void FakeBill::KillAllSessions() {
  MutexLock lock(mutex_);
  live_.clear();
  live_partners_.clear();
}

bool FakeBill::IsLive(absl::string_view session_id) const {
  MutexLock lock(mutex_);
  return live_.find(session_id) != live_.end();
}

std::vector<FakeBill::SignInCall> FakeBill::sign_ins() const {
  MutexLock lock(mutex_);
  return sign_ins_;
}

std::vector<FakeBill::PartnerSignInCall> FakeBill::partner_sign_ins() const {
  MutexLock lock(mutex_);
  return partner_sign_ins_;
}

std::vector<FakeBill::SessionCall> FakeBill::sign_outs() const {
  MutexLock lock(mutex_);
  return sign_outs_;
}

std::vector<FakeBill::SessionCall> FakeBill::session_infos() const {
  MutexLock lock(mutex_);
  return session_infos_;
}

std::vector<std::string> FakeBill::organization_pages() const {
  MutexLock lock(mutex_);
  return asked_pages_;
}

std::vector<FakeBill::SessionCall> FakeBill::challenges() const {
  MutexLock lock(mutex_);
  return challenges_;
}

std::vector<FakeBill::SessionCall> FakeBill::step_ups() const {
  MutexLock lock(mutex_);
  return step_ups_;
}

int FakeBill::CountSignIns() const { return static_cast<int>(sign_ins().size()); }

int FakeBill::CountSignInsOf(absl::string_view organization_id) const {
  return CountCalls(&SignInCall::organization_id, organization_id);
}

int FakeBill::CountSignInsOfUser(absl::string_view username) const {
  return CountCalls(&SignInCall::username, username);
}

int FakeBill::CountSignInsOfDevKey(absl::string_view dev_key) const {
  return CountCalls(&SignInCall::dev_key, dev_key);
}

int FakeBill::CountCalls(std::string SignInCall::*field, absl::string_view value) const {
  MutexLock lock(mutex_);
  return static_cast<int>(
      std::count_if(sign_ins_.begin(), sign_ins_.end(),
                    [&](const SignInCall& call) { return call.*field == value; }));
}

}  // namespace billbroker
