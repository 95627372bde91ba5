#include "tests/support/fake_bill.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace billbroker {
namespace {

constexpr char kUserId[] = "006FAKE";

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
  const std::string id = absl::StrCat("partner-", ++last_partner_session_);
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
  const auto session = live_.find(keys.session_id->Reveal());
  if (session == live_.end() || session->second.dev_key != keys.dev_key->Reveal()) {
    return Refusal(Verdict::kSessionInvalid, "BDC_1109");
  }
  const std::string& organization_id =
      info_organization_.empty() ? session->second.organization_id : info_organization_;
  return SessionInfo{organization_id, kUserId, session->second.trusted};
}

BillResult<OrganizationPage> FakeBill::DecideOrganizations(const SessionKeys& keys,
                                                           const std::string& page) {
  MutexLock lock(mutex_);
  if (auto error = PopFailure(organization_list_failures_)) return *error;
  const auto session = live_.find(keys.session_id->Reveal());
  if (session == live_.end() || session->second.dev_key != keys.dev_key->Reveal()) {
    return Refusal(Verdict::kSessionInvalid, "BDC_1109");
  }
  const auto scripted = organization_pages_.find(page);
  if (scripted != organization_pages_.end()) return scripted->second;
  return OrganizationPage{{{session->second.organization_id, "Its own"}}, ""};
}

SignInAnswer FakeBill::Accept(const SignInRequest& request) {
  MutexLock lock(mutex_);
  const std::string id = absl::StrCat("session-", ++last_session_);
  const SecretString& dev_key = request.credential->DevKeyFor(request.organization_id);
  live_[id] = {std::string(dev_key.Reveal()), request.organization_id, trusted_};
  return {SecretString::CopyOf(id), request.organization_id, kUserId, trusted_};
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
