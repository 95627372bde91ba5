// Every call of BILL against every shape of failure, over TLS.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "tests/simulator/bill_simulator.h"
#include "tests/simulator/https_client.h"
#include "tests/support/status_matchers.h"

namespace billbroker::billsim {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr char kFaultDevKey[] = "devKey: devkey-acme-0001";
constexpr char kAppKey[] = "appKey: appkey-partner-0001";
constexpr char kFaultOrganization[] = "00801ACMEPAYABLES0001";
constexpr char kOtherOrganization[] = "00801ACMERECEIVE00002";
constexpr char kSignIn[] =
    R"({"devKey": "devkey-acme-0001", "username": "payables@acme.example",
        "organizationId": "00801ACMEPAYABLES0001", "password": "correct-horse-battery"})";
constexpr char kPartnerSignIn[] =
    R"({"appKey": "appkey-partner-0001", "username": "api@partner.example",
        "password": "partner-password-0001"})";

enum class Needs { kNothing, kSession, kPartnerSession };

struct Call {
  const char* name;
  const char* path;
  const char* body;  // null: GET
  Needs needs = Needs::kSession;
  bool names_organization = true;  // in its body, or by its session
};

void PrintTo(const Call& call, std::ostream* out) { *out << call.name; }

const Call kCalls[] = {
    {"Login", "/v3/login", kSignIn, Needs::kNothing},
    {"Logout", "/v3/logout", ""},
    {"SessionInfo", "/v3/login/session", nullptr},
    {"ListOrganizations", "/v3/login/organizations", nullptr},
    {"Health", "/v3/health", nullptr, Needs::kNothing, false},
    {"GetOrganization", "/v3/organizations/00801ACMEPAYABLES0001", nullptr},
    {"Payment", "/v3/payments", "{}"},
    {"Challenge", "/v3/mfa/challenge", "{}"},
    {"Validate", "/v3/mfa/challenge/validate", R"({"challengeId": "c", "token": "123456"})"},
    {"StepUp", "/v3/mfa/step-up", R"({"rememberMeId": "remember-me-acme-0001", "device": "d"})"},
    {"Phones", "/v3/mfa/phones", nullptr},
    {"SetUp", "/v3/mfa/setup", R"({"phone": "+1 555 0100", "type": "TEXT"})"},
    {"ValidateSetUp", "/v3/mfa/setup/validate",
     R"({"setupId": "s", "type": "TEXT", "token": "123456"})"},
    {"PartnerLogin", "/v3/partner/login", kPartnerSignIn, Needs::kNothing, false},
    {"LoginAsUser", "/v3/partner/login-as-user",
     R"({"userId": "00601ACMEUSER00000001", "organizationId": "00801ACMEPAYABLES0001"})",
     Needs::kPartnerSession},
    {"PartnerOrganizations", "/v3/partner/organizations", nullptr, Needs::kPartnerSession, false},
    {"PartnerUsers", "/v3/partner/users", nullptr, Needs::kPartnerSession, false},
};

struct Shape {
  const char* name;
  json fault;
  int status;                     // 0: the call's usual status
  std::string body;               // a part of it
  absl::string_view header = "";  // a part of the headers
  CURLcode code = CURLE_OK;
  bool takes_effect = false;
};

json HttpError(int status, const char* body) {
  return {{"kind", "http_error"}, {"http_status", status}, {"body", body}};
}

json WithRetryAfter(json fault) {
  fault["retry_after_seconds"] = 17;
  return fault;
}

std::vector<Shape> Shapes() {
  return {
      {"uncoded empty", HttpError(400, "empty"), 400, "", "Content-Length: 0"},
      {"uncoded text", HttpError(400, "text"), 400, "HTTP error 400", "text/plain"},
      {"uncoded HTML", HttpError(403, "html"), 403, "<html>", "text/html"},
      {"uncoded message", HttpError(422, "message"), 422, R"({"message":)"},
      {"uncoded errors", HttpError(400, "errors"), 400, R"({"errors":)"},
      {"entry without code", HttpError(400, "array_without_code"), 400, "must not be blank"},
      {"parser's text", HttpError(400, "echo"), 400, "JSON parse error"},
      {"bare 401", HttpError(401, "empty"), 401, "", "Content-Length: 0"},
      {"401, Retry-After", WithRetryAfter(HttpError(401, "empty")), 401, "", "Retry-After: 17"},
      {"bare 429", HttpError(429, "empty"), 429, "", "Content-Length: 0"},
      {"429, Retry-After", WithRetryAfter(HttpError(429, "empty")), 429, "", "Retry-After: 17"},
      {"429 with message", {{"kind", "rate_limit_429"}}, 429, "Too many requests"},
      {"coded error",
       {{"kind", "bill_error"}, {"code", "BDC_1144"}, {"http_status", 422}},
       422,
       R"("code":"BDC_1144")"},
      {"unknown code", {{"kind", "bill_error"}, {"code", "BDC_9876"}}, 400, "BDC_9876"},
      {"errors with HTTP 200",
       {{"kind", "bill_error"}, {"code", "BDC_1109"}, {"http_status", 200}},
       200,
       R"("code":"BDC_1109")"},
      {"v2 error with HTTP 200",
       {{"kind", "v2_error"}, {"code", "BDC_1109"}},
       200,
       R"("error_code":"BDC_1109")"},
      {"empty 200", {{"kind", "empty_200"}}, 200, "", "Content-Length: 0"},
      {"500 without a body", HttpError(500, "empty"), 500, ""},
      {"502 HTML", {{"kind", "html_502"}}, 502, "<html>"},
      {"503 coded", {{"kind", "http_503"}}, 503, "BDC_1001"},
      {"504 HTML", HttpError(504, "html"), 504, "<html>"},
      {"redirect", {{"kind", "redirect_302"}}, 302, "", "Location: /connect/v3/redirected"},
      {"garbage", {{"kind", "garbage_json"}}, 200, "nonsense"},
      {"reset", {{"kind", "reset"}}, 0, "", "", CURLE_RECV_ERROR},
      {"timeout", {{"kind", "timeout"}}, 0, "", "", CURLE_OPERATION_TIMEDOUT},
      {"lost answer", {{"kind", "done_answer_lost"}}, 0, "", "", CURLE_RECV_ERROR, true},
      {"slow answer", {{"kind", "slow_answer"}, {"milliseconds", 1}}, 0, "", "", CURLE_OK, true},
      {"slow body",
       {{"kind", "slow_body"}, {"milliseconds_per_byte", 1}},
       0,
       "",
       "",
       CURLE_OK,
       true},
  };
}

class EveryFaultTest : public testing::TestWithParam<Call> {
 protected:
  void SetUp() override {
    const json limits = {{"sign_ins_per_hour", 10'000}, {"sms_per_minute", 10'000}};
    ASSERT_THAT(simulator_->model().ChangeSettings(limits), IsOk());
  }

  HttpsClient::Result Post(const char* path, const char* body) {
    return client_.Post(simulator_->base_url() + path, body);
  }

  // Signs in as the call needs it, and returns its headers.
  std::vector<std::string> Headers() {
    std::vector<std::string> headers = {"Content-Type: application/json"};
    if (GetParam().needs == Needs::kNothing) return headers;
    const bool partner = GetParam().needs == Needs::kPartnerSession;
    const HttpsClient::Result signed_in =
        partner ? Post("/v3/partner/login", kPartnerSignIn) : Post("/v3/login", kSignIn);
    headers.push_back("sessionId: " + json::parse(signed_in.body)["sessionId"].get<std::string>());
    headers.push_back(partner ? kAppKey : kFaultDevKey);
    headers.push_back(std::string("organizationId: ") + kFaultOrganization);
    return headers;
  }

  // Makes the call on a connection of its own: libcurl repeats a call whose kept connection is reset.
  HttpsClient::Result MakeAlone(const std::vector<std::string>& headers, long timeout = 30'000) {
    HttpsClient client(simulator_->ca_file());
    client.set_timeout_milliseconds(timeout);
    return Make(client, headers);
  }
  HttpsClient::Result Make(HttpsClient& client, const std::vector<std::string>& headers) {
    const std::string url = simulator_->base_url() + GetParam().path;
    return GetParam().body == nullptr ? client.Get(url, headers)
                                      : client.Post(url, GetParam().body, headers);
  }
  long UsualStatus() { return Make(client_, Headers()).status; }

  void Plan(json fault, const char* organization_id) {
    fault["path"] = GetParam().path;
    if (GetParam().names_organization) fault["organization_id"] = organization_id;
    EXPECT_THAT(simulator_->faults().Add(fault), IsOk()) << fault;
  }
  int Faulted() { return simulator_->model().CountsJson()["total"]["faulted"]; }

  std::unique_ptr<BillSimulator> simulator_ = *BillSimulator::StartSample();
  HttpsClient client_{simulator_->ca_file()};
};

TEST_P(EveryFaultTest, FailsOnceThenWorks) {
  const long usual = UsualStatus();
  for (const Shape& shape : Shapes()) {
    SCOPED_TRACE(shape.name);
    const std::vector<std::string> headers = Headers();
    const int faulted = Faulted();
    Plan(shape.fault, kFaultOrganization);
    EXPECT_EQ(Post("/v3/another-path", "").status, 404);
    const HttpsClient::Result result =
        MakeAlone(headers, shape.code == CURLE_OPERATION_TIMEDOUT ? 100 : 30'000);
    EXPECT_EQ(result.code, shape.code);
    if (shape.code == CURLE_OK) {
      EXPECT_EQ(result.status, shape.status == 0 ? usual : shape.status);
      EXPECT_THAT(result.body, HasSubstr(shape.body));
      EXPECT_THAT(result.headers, HasSubstr(shape.header));
    }
    EXPECT_EQ(Faulted(), faulted + (shape.takes_effect ? 0 : 1));
    EXPECT_EQ(UsualStatus(), usual);
  }
}

TEST_P(EveryFaultTest, SparesOtherOrganization) {
  if (!GetParam().names_organization) return;
  const long usual = UsualStatus();
  Plan(HttpError(418, "empty"), kOtherOrganization);
  EXPECT_EQ(UsualStatus(), usual);
  EXPECT_EQ(Faulted(), 0);
}

TEST_P(EveryFaultTest, RefusesConnectionsWhileClosed) {
  const std::vector<std::string> headers = Headers();
  ASSERT_THAT(simulator_->SetListening(false), IsOk());
  EXPECT_EQ(MakeAlone(headers).code, CURLE_COULDNT_CONNECT);
  ASSERT_THAT(simulator_->SetListening(true), IsOk());
  EXPECT_EQ(MakeAlone(headers).code, CURLE_OK);
}

INSTANTIATE_TEST_SUITE_P(Calls, EveryFaultTest, testing::ValuesIn(kCalls),
                         [](const auto& param) { return std::string(param.param.name); });

}  // namespace
}  // namespace billbroker::billsim
