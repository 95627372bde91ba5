#include "server/bill/http_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

Credential User() {
  Credential credential;
  credential.username = "payables@acme.example";
  credential.dev_key = SecretString::CopyOf("devkey-acme-0001");
  credential.password = SecretString::CopyOf("pass\"word-of-acme-0001");
  credential.organizations.push_back({"00801ACMEPAYABLES0001", SecretString()});
  credential.organizations.push_back(
      {"00801ACMERECEIVE00002", SecretString::CopyOf("devkey-receivables-0001")});
  return credential;
}

SessionKeys Keys() {
  return {"sandbox",
          std::make_shared<SecretString>(SecretString::CopyOf("session-id-of-payables-0001")),
          std::make_shared<SecretString>(SecretString::CopyOf("devkey-acme-0001"))};
}

nlohmann::json BodyOf(const HttpRequest& request) {
  return nlohmann::json::parse(std::string(request.body.Reveal()));
}

// Returns the headers without the NUL that ends each of them.
std::vector<std::string> HeadersOf(const HttpRequest& request) {
  std::vector<std::string> headers;
  for (const SecretString& header : request.headers) {
    EXPECT_EQ(header.Reveal().back(), '\0');
    headers.emplace_back(header.Reveal().data());
  }
  return headers;
}

TEST(HttpRequestTest, UserSignsInWithPassword) {
  const HttpRequest request = SignInHttpRequest(User(), "00801ACMEPAYABLES0001");
  EXPECT_TRUE(request.is_post);
  EXPECT_EQ(request.path, "/v3/login");
  EXPECT_EQ(BodyOf(request), (nlohmann::json{{"devKey", "devkey-acme-0001"},
                                             {"username", "payables@acme.example"},
                                             {"organizationId", "00801ACMEPAYABLES0001"},
                                             {"password", "pass\"word-of-acme-0001"}}));
  EXPECT_THAT(HeadersOf(request),
              UnorderedElementsAre("Accept: application/json", "Content-Type: application/json"));
}

TEST(HttpRequestTest, ConsoleSignsInWithTokenAndOwnDevKey) {
  Credential console = User();
  console.kind = CredentialKind::kConsole;
  console.password = SecretString();
  console.console_api_token = SecretString::CopyOf("console-token-0001");
  EXPECT_EQ(BodyOf(SignInHttpRequest(console, "00801ACMERECEIVE00002")),
            (nlohmann::json{{"devKey", "devkey-receivables-0001"},
                            {"username", "payables@acme.example"},
                            {"organizationId", "00801ACMERECEIVE00002"},
                            {"consoleApiToken", "console-token-0001"}}));
}

TEST(HttpRequestTest, SignInIncludesTrustedDevice) {
  Credential user = User();
  user.remember_me_id = SecretString::CopyOf("remember-me-id-0001");
  user.device = "broker-device-0001";
  const nlohmann::json body = BodyOf(SignInHttpRequest(user, "00801ACMEPAYABLES0001"));
  EXPECT_EQ(body["rememberMeId"], "remember-me-id-0001");
  EXPECT_EQ(body["device"], "broker-device-0001");
}

Credential Partner() {
  Credential partner = User();
  partner.kind = CredentialKind::kPartner;
  partner.app_key = SecretString::CopyOf("appkey-partner-0001");
  partner.organizations[0].user_id = "00601ACMEUSER00000001";
  partner.organizations[1].user_id = "00601ACMEUSER00000002";
  return partner;
}

TEST(HttpRequestTest, PartnerSignsInWithAppKey) {
  const HttpRequest request = PartnerSignInHttpRequest(Partner());
  EXPECT_TRUE(request.is_post);
  EXPECT_EQ(request.path, "/v3/partner/login");
  EXPECT_EQ(BodyOf(request), (nlohmann::json{{"appKey", "appkey-partner-0001"},
                                             {"username", "payables@acme.example"},
                                             {"password", "pass\"word-of-acme-0001"}}));
  EXPECT_THAT(HeadersOf(request),
              UnorderedElementsAre("Accept: application/json", "Content-Type: application/json"));
}

TEST(HttpRequestTest, PartnerSignsInAsUserWithoutDevKey) {
  Credential partner = Partner();
  const SecretString session = SecretString::CopyOf("partner-session-id-0001");
  HttpRequest request = SignInAsUserHttpRequest(partner, "00801ACMERECEIVE00002", session);
  EXPECT_TRUE(request.is_post);
  EXPECT_EQ(request.path, "/v3/partner/login-as-user");
  EXPECT_EQ(BodyOf(request), (nlohmann::json{{"userId", "00601ACMEUSER00000002"},
                                             {"organizationId", "00801ACMERECEIVE00002"}}));
  EXPECT_THAT(
      HeadersOf(request),
      UnorderedElementsAre("Accept: application/json", "Content-Type: application/json",
                           "appKey: appkey-partner-0001", "sessionId: partner-session-id-0001"));

  partner.remember_me_id = SecretString::CopyOf("remember-me-id-0001");
  partner.device = "broker-device-0001";
  request = SignInAsUserHttpRequest(partner, "00801ACMEPAYABLES0001", session);
  EXPECT_EQ(BodyOf(request), (nlohmann::json{{"userId", "00601ACMEUSER00000001"},
                                             {"organizationId", "00801ACMEPAYABLES0001"},
                                             {"rememberMeId", "remember-me-id-0001"},
                                             {"device", "broker-device-0001"}}));
}

TEST(HttpRequestTest, PageTokenIsPercentEncoded) {
  const SessionKeys keys = Keys();
  const HttpRequest first = ListOrganizationsHttpRequest(keys, "");
  EXPECT_FALSE(first.is_post);
  EXPECT_EQ(first.path, "/v3/login/organizations");
  EXPECT_EQ(first.query, "");
  EXPECT_THAT(HeadersOf(first),
              ElementsAre("sessionId: session-id-of-payables-0001", "devKey: devkey-acme-0001",
                          "Accept: application/json"));
  EXPECT_EQ(ListOrganizationsHttpRequest(keys, "Az09-._~").query, "?page=Az09-._~");
  EXPECT_EQ(ListOrganizationsHttpRequest(keys, absl::string_view("a&b=c d#/+\r\0\xE9", 13)).query,
            "?page=a%26b%3dc%20d%23%2f%2b%0d%00%e9");
}

TEST(HttpRequestTest, HealthCheckCarriesNoKey) {
  const HttpRequest health = HealthHttpRequest();
  EXPECT_FALSE(health.is_post);
  EXPECT_EQ(health.path, "/v3/health");
  EXPECT_EQ(health.query, "");
  EXPECT_TRUE(health.body.empty());
  EXPECT_THAT(HeadersOf(health), ElementsAre("Accept: application/json"));
}

TEST(HttpRequestTest, LaterCallsCarrySessionAndDevKey) {
  const SessionKeys keys = Keys();
  const HttpRequest info = SessionInfoHttpRequest(keys);
  EXPECT_FALSE(info.is_post);
  EXPECT_EQ(info.path, "/v3/login/session");
  EXPECT_THAT(HeadersOf(info), ElementsAre("sessionId: session-id-of-payables-0001",
                                           "devKey: devkey-acme-0001", "Accept: application/json"));

  const HttpRequest sign_out = SignOutHttpRequest(keys);
  EXPECT_TRUE(sign_out.is_post);
  EXPECT_EQ(sign_out.path, "/v3/logout");
  EXPECT_TRUE(sign_out.body.empty());
  EXPECT_THAT(HeadersOf(sign_out),
              ElementsAre("sessionId: session-id-of-payables-0001", "devKey: devkey-acme-0001",
                          "Accept: application/json", "Content-Type: application/json"));
}

TEST(HttpRequestTest, MfaCallsHaveTheDocumentedBodies) {
  const SessionKeys keys = Keys();
  const HttpRequest challenge = StartMfaChallengeHttpRequest(keys);
  EXPECT_EQ(challenge.path, "/v3/mfa/challenge");
  EXPECT_EQ(challenge.body.Reveal(), "{}");

  const HttpRequest validate = ValidateMfaChallengeHttpRequest(
      keys, {SecretString::CopyOf("c\"1"), SecretString::CopyOf("123456"), "our device"});
  EXPECT_EQ(validate.path, "/v3/mfa/challenge/validate");
  EXPECT_EQ(validate.body.Reveal(),
            R"({"challengeId":"c\u00221","token":"123456","device":"our device",)"
            R"("machineName":"billbroker","rememberMe":true})");

  const HttpRequest step_up = StepUpHttpRequest(keys, SecretString::CopyOf("r-1"), "our device");
  EXPECT_EQ(step_up.path, "/v3/mfa/step-up");
  EXPECT_EQ(step_up.body.Reveal(), R"({"rememberMeId":"r-1","device":"our device"})");
  for (const HttpRequest* request : {&challenge, &validate, &step_up}) {
    EXPECT_TRUE(request->is_post);
    EXPECT_THAT(HeadersOf(*request),
                ElementsAre("sessionId: session-id-of-payables-0001", "devKey: devkey-acme-0001",
                            "Accept: application/json", "Content-Type: application/json"));
  }
}

TEST(HttpRequestTest, BodiesAreExactAndUtf8) {
  Credential user = User();
  user.username = "jos\xe9@acme.example";  // Latin-1
  user.password = SecretString::CopyOf("\"\\/\t\x7f\xc3\xa9");
  user.remember_me_id = SecretString::CopyOf("remember-me-id-0001");
  user.device = "broker-device-0001";
  EXPECT_EQ(SignInHttpRequest(user, "00801ACMEPAYABLES0001").body.Reveal(),
            R"({"devKey":"devkey-acme-0001","username":"jos\u00e9@acme.example",)"
            R"("organizationId":"00801ACMEPAYABLES0001",)"
            "\"password\":\"\\u0022\\u005c/\\u0009\x7f\xc3\xa9\","
            R"("rememberMeId":"remember-me-id-0001","device":"broker-device-0001"})");
}

}  // namespace
}  // namespace billbroker
