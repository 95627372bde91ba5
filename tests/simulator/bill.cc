#include "tests/simulator/bill.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "tests/simulator/errors.h"
#include "tests/simulator/json_fields.h"

namespace billbroker::billsim {

namespace {

using nlohmann::json;

constexpr absl::string_view kPartnerLogin = "/v3/partner/login";
constexpr absl::string_view kLoginAsUser = "/v3/partner/login-as-user";

// A path that ends with a slash matches itself with an id after it.
bool Matches(absl::string_view pattern, absl::string_view path) {
  if (!absl::EndsWith(pattern, "/")) return path == pattern;
  return absl::ConsumePrefix(&path, pattern) && !path.empty() && !absl::StrContains(path, "/");
}

}  // namespace

const Bill::Endpoint Bill::kEndpoints[] = {
    {"POST", "/v3/logout", &Bill::Logout},
    {"GET", "/v3/login/session", &Bill::SessionInfo},
    {"GET", "/v3/login/organizations", &Bill::ListOrganizations},
    {"POST", "/v3/mfa/challenge", &Bill::StartChallenge},
    {"POST", "/v3/mfa/challenge/validate", &Bill::ValidateChallenge},
    {"POST", "/v3/mfa/step-up", &Bill::StepUp},
    {"GET", "/v3/mfa/phones", &Bill::ListPhones},
    {"POST", "/v3/mfa/setup", &Bill::SetUpMfa},
    {"POST", "/v3/mfa/setup/validate", &Bill::ValidateSetup},
    {"POST", "/v3/mfa/validate", &Bill::ValidateSetup},
    {"GET", "/v3/organizations/", &Bill::GetOrganization},
    {"POST", "/v3/payments", &Bill::MakePayment},
    {"GET", "/v3/partner/organizations", &Bill::ListPartnerOrganizations, true},
    {"GET", "/v3/partner/users", &Bill::ListPartnerUsers, true},
};

Bill::Slot& Bill::Slot::operator=(Slot&& other) noexcept {
  std::swap(bill_, other.bill_);
  std::swap(key_, other.key_);
  return *this;
}

Bill::Slot::~Slot() {
  if (bill_ != nullptr) bill_->Leave(key_);
}

Bill::Bill(World world, Settings settings, const Clock& clock, Random& random)
    : clock_(clock),
      random_(random),
      started_(clock.Now()),
      started_since_boot_(clock.SinceBoot()),
      world_(std::move(world)),
      settings_(std::move(settings)) {}

absl::Time Bill::Now() const { return started_ + (clock_.SinceBoot() - started_since_boot_); }

void Bill::Leave(const std::string& key) {
  MutexLock lock(mutex_);
  under_way_.Leave(key);
}

Bill::Handled Bill::Begin(const HttpCall& call) {
  Handled handled;
  MutexLock lock(mutex_);
  const absl::Time now = Now();
  const CallOrigin origin = OriginOf(call, now);
  counts_.Call(origin, call.path);
  handled.answer = Route(call, now, handled.slot);
  const bool sign_in =
      call.path == "/v3/login" || call.path == kPartnerLogin || call.path == kLoginAsUser;
  if (sign_in) counts_.SignIn(origin, handled.answer.status == 200);
  return handled;
}

void Bill::NoteFaulted(const HttpCall& call) {
  MutexLock lock(mutex_);
  counts_.Faulted(OriginOf(call, Now()), call.path);
}

CallOrigin Bill::GetOrigin(const HttpCall& call) {
  MutexLock lock(mutex_);
  return OriginOf(call, Now());
}

CallOrigin Bill::OriginOf(const HttpCall& call, absl::Time now) {
  const json body = json::parse(call.body, nullptr, false);
  const auto text = [&body](const char* key) {
    const auto found = body.is_object() ? body.find(key) : body.end();
    return found != body.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  if (call.path == "/v3/login") {
    return {text("devKey"), text("organizationId"), text("username")};
  }
  if (call.path == kPartnerLogin) return {text("appKey"), "", text("username")};
  if (call.path == kLoginAsUser) return {call.Header("appkey"), text("organizationId"), ""};
  const std::string dev_key = call.Header("devkey");
  const std::string key = dev_key.empty() ? call.Header("appkey") : dev_key;
  const BillSession* session = sessions_.Find(call.Header("sessionid"), settings_, now);
  if (session == nullptr) return {key, "", ""};
  return {key, session->organization_id, session->username};
}

HttpAnswer Bill::Route(const HttpCall& call, absl::Time now, Slot& slot) {
  if (call.path == "/v3/login" && call.method == "POST") return SignIn(call, now, slot);
  if (call.path == kPartnerLogin && call.method == "POST") return PartnerSignIn(call, now, slot);
  if (call.path == kLoginAsUser && call.method == "POST") return SignInAsUser(call, now, slot);
  if (call.path == "/v3/health" && call.method == "GET") {
    HttpAnswer answer;
    answer.body = settings_.health_body;
    return answer;
  }
  for (const Endpoint& endpoint : kEndpoints) {
    const bool invented = (endpoint.handler == &Bill::ValidateSetup &&
                           endpoint.path != settings_.mfa_setup_validate_path) ||
                          call.path == "/v3/organizations/current";
    if (endpoint.method == call.method && Matches(endpoint.path, call.path) && !invented) {
      return OnSession(endpoint, call, now, slot);
    }
  }
  return Refuse("BDC_1121", now);
}

HttpAnswer Bill::OnSession(const Endpoint& endpoint, const HttpCall& call, absl::Time now,
                           Slot& slot) {
  BillSession* session = FindSessionFor(endpoint, call, now);
  if (session == nullptr) return Refuse(settings_.session_invalid_code, now);
  const std::string key = call.Header(session->partner ? "appkey" : "devkey");
  auto refusal = AdmitKey(session->partner ? world_.app_keys : world_.dev_keys, key, now);
  if (refusal.has_value()) return *std::move(refusal);
  if (!TakeSlot(key, session->organization_id, slot)) return Refuse("BDC_1322", now);

  const std::string id = session->id;
  HttpAnswer answer = (this->*endpoint.handler)(SessionCall{call, *session, now});
  const bool is_use = (answer.status < 400 || settings_.failing_calls_slide) &&
                      (endpoint.handler != &Bill::SessionInfo || settings_.session_info_slides);
  session = sessions_.Find(id, settings_, now);  // null if the call was a sign-out
  if (session != nullptr && is_use) session->last_use = now;
  return answer;
}

BillSession* Bill::FindSessionFor(const Endpoint& endpoint, const HttpCall& call, absl::Time now) {
  BillSession* session = sessions_.Find(call.Header("sessionid"), settings_, now);
  if (session == nullptr) return nullptr;
  const bool sign_out = endpoint.handler == &Bill::Logout;
  if (session->partner != endpoint.partner && !sign_out) return nullptr;
  const std::string key = call.Header(session->partner ? "appkey" : "devkey");
  if (session->dev_key.empty()) {
    const std::vector<std::string>& own = world_.organizations[session->organization_id].dev_keys;
    if (own.empty() || Contains(own, key)) session->dev_key = key;
  }
  const bool bound = settings_.session_bound_to_dev_key;
  return !bound || session->dev_key == key ? session : nullptr;
}

absl::optional<HttpAnswer> Bill::AdmitKey(const std::map<std::string, DevKey>& known,
                                          const std::string& key, absl::Time now) {
  const auto found = known.find(key);
  if (found == known.end()) return Refuse("BDC_1102", now);
  if (!found->second.active) return Refuse("BDC_1103", now);
  if (!found->second.terms_accepted) return Refuse("BDC_1104", now);
  if (calls_.Count(key, now) >= settings_.calls_per_hour) {
    return RefuseUntil(ClockHour::UntilNext(now), now);
  }
  calls_.Add(key, now);
  return absl::nullopt;
}

absl::optional<HttpAnswer> Bill::SignInsSpent(const std::string& key, absl::Time now) {
  if (sign_ins_.Count(key, now) >= settings_.sign_ins_per_hour) {
    return RefuseUntil(sign_ins_.UntilFree(key, settings_.sign_ins_per_hour, now), now);
  }
  const int minute = settings_.sign_ins_per_minute;
  if (minute == 0 || sign_ins_of_minute_.Count(key, now) < minute) return absl::nullopt;
  return RefuseUntil(sign_ins_of_minute_.UntilFree(key, minute, now), now);
}

void Bill::CountSignIn(const std::string& key, absl::Time now) {
  sign_ins_.Add(key, now);
  sign_ins_of_minute_.Add(key, now);
}

bool Bill::TakeSlot(const std::string& dev_key, const std::string& organization_id, Slot& slot) {
  const std::string key = absl::StrCat(dev_key, " ", organization_id);
  if (!under_way_.Enter(key, settings_.concurrent_calls)) return false;
  slot.bill_ = this;
  slot.key_ = key;
  return true;
}

HttpAnswer Bill::Refuse(absl::string_view code, absl::Time now) {
  counts_.Refusal(code);
  return ErrorAnswer(code, settings_, now);
}

HttpAnswer Bill::RefuseUntil(absl::Duration wait, absl::Time now) {
  HttpAnswer answer = Refuse("BDC_1144", now);
  if (settings_.limit_sends_retry_after) {
    const auto seconds = absl::ToInt64Seconds(absl::Ceil(wait, absl::Seconds(1)));
    answer.headers["Retry-After"] = absl::StrCat(seconds);
  }
  return answer;
}

HttpAnswer Bill::GetOrganization(const SessionCall& on) {
  const std::string& id = on.session.organization_id;
  if (!absl::EndsWith(on.call.path, absl::StrCat("/", id))) return Refuse("BDC_1123", on.now);
  HttpAnswer answer;
  answer.body = JsonText({{"id", id}, {"name", world_.organizations[id].name}});
  return answer;
}

HttpAnswer Bill::MakePayment(const SessionCall& on) {
  const bool mfa_enabled = world_.organizations[on.session.organization_id].mfa_enabled;
  const bool exempt = !mfa_enabled && settings_.mfa_disabled_allows_payments;
  const bool needs_trust = settings_.payments_need_trust && !on.session.trusted && !exempt;
  if (needs_trust || on.session.sync_token) return Refuse("BDC_1361", on.now);
  HttpAnswer answer;
  answer.status = 201;
  answer.body = JsonText({{"id", absl::StrCat("stp", random_.Uid())}, {"status", "SCHEDULED"}});
  return answer;
}

}  // namespace billbroker::billsim
