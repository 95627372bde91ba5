// Every call of BILL against every shape of failure, over TLS, HTTP/1.1 and HTTP/2.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
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

constexpr char kOtherValidatePath[] = "/v3/mfa/validate";
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
    {"ValidateSetUpOtherPath", kOtherValidatePath,
     R"({"setupId": "s", "type": "TEXT", "token": "123456"})"},
    {"PartnerLogin", "/v3/partner/login", kPartnerSignIn, Needs::kNothing, false},
    {"LoginAsUser", "/v3/partner/login-as-user",
     R"({"userId": "00601ACMEUSER00000001", "organizationId": "00801ACMEPAYABLES0001"})",
     Needs::kPartnerSession},
    {"PartnerOrganizations", "/v3/partner/organizations", nullptr, Needs::kPartnerSession, false},
    {"PartnerUsers", "/v3/partner/users", nullptr, Needs::kPartnerSession, false},
};

// How a call ends for a client that calls on a connection of its own.
enum class Ending {
  kAnswered,
  kLost,
  kTimedOut,
  kAny,  // depends on the call, or on whether this version of libcurl repeats it
};

struct Shape {
  const char* name;
  json fault;
  int status;                     // 0: the call's usual status
  std::string body;               // a part of it
  absl::string_view header = "";  // a part of the headers
  Ending http1 = Ending::kAnswered;
  Ending http2 = Ending::kAnswered;
  bool takes_effect = false;
};

json HttpError(int status, const char* body) {
  return {{"kind", "http_error"}, {"http_status", status}, {"body", body}};
}

Shape StreamFault(const char* name, json fault, Ending http2, bool takes_effect) {
  return {name, std::move(fault), 0, "", "", Ending::kLost, http2, takes_effect};
}

json GoAway(const char* moment, bool processed) {
  return {{"kind", "goaway"}, {"moment", moment}, {"processed", processed}};
}

std::vector<Shape> StreamShapes() {
  return {
      StreamFault("refused stream", {{"kind", "refused_stream"}}, Ending::kAny, false),
      StreamFault("reset stream", {{"kind", "reset_stream"}}, Ending::kLost, true),
      StreamFault("GOAWAY", {{"kind", "goaway"}}, Ending::kAny, false),
      StreamFault("GOAWAY, processed", GoAway("request_end", true), Ending::kAnswered, true),
      StreamFault("GOAWAY in request", GoAway("request_headers", false), Ending::kAny, false),
      StreamFault("GOAWAY in request, processed", GoAway("request_headers", true),
                  Ending::kAnswered, true),
      StreamFault("GOAWAY in answer", GoAway("answer_headers", false), Ending::kAny, true),
      StreamFault("GOAWAY in answer, processed", GoAway("answer_headers", true), Ending::kAnswered,
                  true),
  };
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
      {"huge body", {{"kind", "huge_body"}}, 200, R"({"padding":"xxx)", "Content-Length: 104857"},
      {"deep JSON", {{"kind", "deep_json"}}, 200, "[[[[", "Content-Length: 200000"},
      {"reset", {{"kind", "reset"}}, 0, "", "", Ending::kLost, Ending::kLost},
      {"timeout", {{"kind", "timeout"}}, 0, "", "", Ending::kTimedOut, Ending::kTimedOut},
      {"lost answer",
       {{"kind", "done_answer_lost"}},
       0,
       "",
       "",
       Ending::kLost,
       Ending::kLost,
       true},
      {"slow answer",
       {{"kind", "slow_answer"}, {"milliseconds", 1}},
       0,
       "",
       "",
       Ending::kAnswered,
       Ending::kAnswered,
       true},
      {"slow body",
       {{"kind", "slow_body"}, {"milliseconds_per_byte", 1}},
       0,
       "",
       "",
       Ending::kAnswered,
       Ending::kAnswered,
       true},
  };
}

std::unique_ptr<BillSimulator> StartForFaults(bool http2) {
  BillSimulator::Options options;
  options.data = ParseData(SampleData()).value();
  options.http2 = http2;
  return BillSimulator::Start(std::move(options)).value();
}

// The call, and true for HTTP/2.
class EveryFaultTest : public testing::TestWithParam<std::tuple<Call, bool>> {
 protected:
  void SetUp() override {
    json settings = {{"sign_ins_per_hour", 10'000}, {"sms_per_minute", 10'000}};
    if (call().path == std::string(kOtherValidatePath)) {
      settings["mfa_setup_validate_path"] = kOtherValidatePath;
    }
    ASSERT_THAT(simulator_->model().ChangeSettings(settings), IsOk());
  }

  static const Call& call() { return std::get<0>(GetParam()); }
  static bool is_http2() { return std::get<1>(GetParam()); }

  HttpsClient::Result Post(const char* path, const char* body) {
    return client_.Post(simulator_->base_url() + path, body);
  }

  // Signs in as the call needs it, and returns its headers.
  std::vector<std::string> Headers() {
    std::vector<std::string> headers = {"Content-Type: application/json"};
    if (call().needs == Needs::kNothing) return headers;
    const bool partner = call().needs == Needs::kPartnerSession;
    const HttpsClient::Result signed_in =
        partner ? Post("/v3/partner/login", kPartnerSignIn) : Post("/v3/login", kSignIn);
    headers.push_back("sessionId: " + json::parse(signed_in.body)["sessionId"].get<std::string>());
    headers.push_back(partner ? kAppKey : kFaultDevKey);
    headers.push_back(std::string("organizationId: ") + kFaultOrganization);
    return headers;
  }

  // Makes the call on a connection of its own: libcurl repeats a call whose kept connection is
  // reset.
  HttpsClient::Result MakeAlone(const std::vector<std::string>& headers, long timeout = 30'000) {
    HttpsClient client(simulator_->ca_file());
    client.set_timeout_milliseconds(timeout);
    return Make(client, headers);
  }
  HttpsClient::Result Make(HttpsClient& client, const std::vector<std::string>& headers) {
    const std::string url = simulator_->base_url() + call().path;
    return call().body == nullptr ? client.Get(url, headers)
                                  : client.Post(url, call().body, headers);
  }
  void ExpectEnding(const HttpsClient::Result& result, const Shape& shape, long usual_status) {
    switch (is_http2() ? shape.http2 : shape.http1) {
      case Ending::kLost:
        EXPECT_NE(result.code, CURLE_OK);
        EXPECT_NE(result.code, CURLE_OPERATION_TIMEDOUT);
        return;
      case Ending::kTimedOut:
        EXPECT_EQ(result.code, CURLE_OPERATION_TIMEDOUT);
        return;
      case Ending::kAny:
        if (result.code != CURLE_OK) return;
        break;
      case Ending::kAnswered:
        EXPECT_EQ(result.code, CURLE_OK);
        break;
    }
    EXPECT_EQ(result.status, shape.status == 0 ? usual_status : shape.status);
    EXPECT_THAT(result.body, HasSubstr(shape.body));
    EXPECT_THAT(absl::AsciiStrToLower(result.headers),
                HasSubstr(absl::AsciiStrToLower(shape.header)));
  }
  long UsualStatus() { return Make(client_, Headers()).status; }

  void Plan(json fault, const char* organization_id) {
    fault["path"] = call().path;
    // The body of a sign-in is not received when this fault is chosen.
    const bool is_known =
        call().needs == Needs::kSession || fault.value("moment", "") != "request_headers";
    if (call().names_organization && is_known) fault["organization_id"] = organization_id;
    EXPECT_THAT(simulator_->faults().Add(fault), IsOk()) << fault;
  }
  int Faulted() { return simulator_->model().CountsJson()["total"]["faulted"]; }

  std::unique_ptr<BillSimulator> simulator_ = StartForFaults(is_http2());
  HttpsClient client_{simulator_->ca_file()};
};

TEST_P(EveryFaultTest, FailsOnceThenWorks) {
  const long usual = UsualStatus();
  std::vector<Shape> shapes = Shapes();
  for (const Shape& shape : StreamShapes()) shapes.push_back(shape);
  for (const Shape& shape : shapes) {
    SCOPED_TRACE(shape.name);
    const std::vector<std::string> headers = Headers();
    const int faulted = Faulted();
    Plan(shape.fault, kFaultOrganization);
    EXPECT_EQ(Post("/v3/another-path", "").status, 404);
    const HttpsClient::Result result =
        MakeAlone(headers, shape.http1 == Ending::kTimedOut ? 100 : 30'000);
    ExpectEnding(result, shape, usual);
    EXPECT_EQ(Faulted(), faulted + (shape.takes_effect ? 0 : 1));
    EXPECT_EQ(UsualStatus(), usual);
  }
}

TEST_P(EveryFaultTest, SparesOtherOrganization) {
  if (!call().names_organization) return;
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

INSTANTIATE_TEST_SUITE_P(Calls, EveryFaultTest,
                         testing::Combine(testing::ValuesIn(kCalls), testing::Bool()),
                         [](const auto& param) {
                           return std::string(std::get<0>(param.param).name) +
                                  (std::get<1>(param.param) ? "Http2" : "Http1");
                         });

}  // namespace
}  // namespace billbroker::billsim
