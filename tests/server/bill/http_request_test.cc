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

std::string JsonOf(absl::string_view text) {
  SecretBuilder json;
  AppendJsonString(text, json);
  return std::string(json.Reveal());
}

Credential User() {
  Credential credential;
  credential.username = "ap@example.com";
  credential.dev_key = SecretString::CopyOf("dev-key");
  credential.password = SecretString::CopyOf("pa\"ss");
  credential.organizations.push_back({"0081", SecretString()});
  credential.organizations.push_back({"0082", SecretString::CopyOf("own-dev-key")});
  return credential;
}

nlohmann::json BodyOf(const HttpRequest& request) {
  return nlohmann::json::parse(std::string(request.body.Reveal()));
}

// Each header without its closing NUL, of which it must have one.
std::vector<std::string> HeadersOf(const HttpRequest& request) {
  std::vector<std::string> headers;
  for (const SecretString& header : request.headers) {
    EXPECT_EQ(header.Reveal().back(), '\0');
    headers.emplace_back(header.Reveal().data());
  }
  return headers;
}

TEST(HttpRequestTest, AUserSignsInWithAPassword) {
  const HttpRequest request = SignInHttpRequest(User(), "0081");
  EXPECT_TRUE(request.is_post);
  EXPECT_EQ(request.path, "/v3/login");
  EXPECT_EQ(BodyOf(request), (nlohmann::json{{"devKey", "dev-key"},
                                             {"username", "ap@example.com"},
                                             {"organizationId", "0081"},
                                             {"password", "pa\"ss"}}));
  EXPECT_THAT(HeadersOf(request),
              UnorderedElementsAre("Accept: application/json", "Content-Type: application/json"));
}

TEST(HttpRequestTest, AConsoleSignsInWithItsTokenAndTheOrganizationsDevKey) {
  Credential console = User();
  console.kind = CredentialKind::kConsole;
  console.password = SecretString();
  console.console_api_token = SecretString::CopyOf("token");
  EXPECT_EQ(BodyOf(SignInHttpRequest(console, "0082")),
            (nlohmann::json{{"devKey", "own-dev-key"},
                            {"username", "ap@example.com"},
                            {"organizationId", "0082"},
                            {"consoleApiToken", "token"}}));
}

TEST(HttpRequestTest, ATrustedDeviceGoesAlong) {
  Credential user = User();
  user.remember_me_id = SecretString::CopyOf("remember");
  user.device = "broker-1";
  const nlohmann::json body = BodyOf(SignInHttpRequest(user, "0081"));
  EXPECT_EQ(body["rememberMeId"], "remember");
  EXPECT_EQ(body["device"], "broker-1");
}

Credential Partner() {
  Credential partner = User();
  partner.kind = CredentialKind::kPartner;
  partner.app_key = SecretString::CopyOf("app-key");
  partner.organizations[0].user_id = "0061";
  partner.organizations[1].user_id = "0062";
  return partner;
}

TEST(HttpRequestTest, APartnerSignsInWithItsAppKey) {
  const HttpRequest request = PartnerSignInHttpRequest(Partner());
  EXPECT_TRUE(request.is_post);
  EXPECT_EQ(request.path, "/v3/partner/login");
  EXPECT_EQ(BodyOf(request),
            (nlohmann::json{
                {"appKey", "app-key"}, {"username", "ap@example.com"}, {"password", "pa\"ss"}}));
  EXPECT_THAT(HeadersOf(request),
              UnorderedElementsAre("Accept: application/json", "Content-Type: application/json"));
}

TEST(HttpRequestTest, APartnerSignsInAsAUserWithoutAnyDevKey) {
  Credential partner = Partner();
  const SecretString session = SecretString::CopyOf("P-1");
  HttpRequest request = SignInAsUserHttpRequest(partner, "0082", session);
  EXPECT_TRUE(request.is_post);
  EXPECT_EQ(request.path, "/v3/partner/login-as-user");
  EXPECT_EQ(BodyOf(request), (nlohmann::json{{"userId", "0062"}, {"organizationId", "0082"}}));
  EXPECT_THAT(HeadersOf(request),
              UnorderedElementsAre("Accept: application/json", "Content-Type: application/json",
                                   "appKey: app-key", "sessionId: P-1"));

  partner.remember_me_id = SecretString::CopyOf("remember");
  partner.device = "broker-1";
  request = SignInAsUserHttpRequest(partner, "0081", session);
  EXPECT_EQ(BodyOf(request), (nlohmann::json{{"userId", "0061"},
                                             {"organizationId", "0081"},
                                             {"rememberMeId", "remember"},
                                             {"device", "broker-1"}}));
}

TEST(HttpRequestTest, APageIsAskedForByBillsTokenWhateverItHolds) {
  const SessionKeys keys{"sandbox", std::make_shared<SecretString>(SecretString::CopyOf("S-1")),
                         std::make_shared<SecretString>(SecretString::CopyOf("dev-key"))};
  const HttpRequest first = ListOrganizationsHttpRequest(keys, "");
  EXPECT_FALSE(first.is_post);
  EXPECT_EQ(first.path, "/v3/login/organizations");
  EXPECT_EQ(first.query, "");
  EXPECT_THAT(HeadersOf(first),
              ElementsAre("sessionId: S-1", "devKey: dev-key", "Accept: application/json"));
  EXPECT_EQ(ListOrganizationsHttpRequest(keys, "Az09-._~").query, "?page=Az09-._~");
  EXPECT_EQ(ListOrganizationsHttpRequest(keys, absl::string_view("a&b=c d#/+\r\0\xE9", 13)).query,
            "?page=a%26b%3dc%20d%23%2f%2b%0d%00%e9");
}

TEST(HttpRequestTest, LaterCallsCarryTheSessionAndTheDevKeyThatMadeIt) {
  const SessionKeys keys{"sandbox", std::make_shared<SecretString>(SecretString::CopyOf("S-1")),
                         std::make_shared<SecretString>(SecretString::CopyOf("dev-key"))};
  const HttpRequest info = SessionInfoHttpRequest(keys);
  EXPECT_FALSE(info.is_post);
  EXPECT_EQ(info.path, "/v3/login/session");
  EXPECT_THAT(HeadersOf(info),
              ElementsAre("sessionId: S-1", "devKey: dev-key", "Accept: application/json"));

  const HttpRequest sign_out = SignOutHttpRequest(keys);
  EXPECT_TRUE(sign_out.is_post);
  EXPECT_EQ(sign_out.path, "/v3/logout");
  EXPECT_TRUE(sign_out.body.empty());
  EXPECT_THAT(HeadersOf(sign_out),
              ElementsAre("sessionId: S-1", "devKey: dev-key", "Accept: application/json",
                          "Content-Type: application/json"));
}

TEST(HttpRequestTest, MfaCallsCarryWhatBillAsksFor) {
  const SessionKeys keys{"sandbox", std::make_shared<SecretString>(SecretString::CopyOf("S-1")),
                         std::make_shared<SecretString>(SecretString::CopyOf("dev-key"))};
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
                ElementsAre("sessionId: S-1", "devKey: dev-key", "Accept: application/json",
                            "Content-Type: application/json"));
  }
}

TEST(JsonStringTest, AnyTextComesBackFromAParser) {
  std::string all_ascii;
  for (int c = 0; c < 0x80; ++c) all_ascii.push_back(static_cast<char>(c));
  for (const std::string& text : {std::string(), all_ascii, std::string("héllo €uro 😀"),
                                  std::string("\"}, \"admin\": true"), std::string(5000, '\\')}) {
    EXPECT_EQ(nlohmann::json::parse(JsonOf(text)).get<std::string>(), text);
  }
}

TEST(JsonStringTest, WhatIsNotUtf8IsTakenForLatin1) {
  const struct {
    const char* text;
    const char* utf8;
  } cases[] = {
      {"caf\xe9", "café"},                                // Latin-1
      {"\xff\xfe", "ÿþ"},                                 // never in UTF-8
      {"\xc3", "Ã"},                                      // cut short
      {"\xe2\x82", "â\xc2\x82"},                          // cut short
      {"\xc0\xaf", "À¯"},                                 // overlong
      {"\xe0\x80\xaf", "à\xc2\x80¯"},                     // overlong
      {"\xf0\x80\x80\xaf", "ð\xc2\x80\xc2\x80¯"},         // overlong
      {"\xed\xa0\x80", "í\xc2\xa0\xc2\x80"},              // half a surrogate pair
      {"\xf4\x90\x80\x80", "ô\xc2\x90\xc2\x80\xc2\x80"},  // above U+10FFFF
      {"\xf5\x80\x80\x80", "õ\xc2\x80\xc2\x80\xc2\x80"},
      {"\x80x", "\xc2\x80x"},  // a continuation without a start
      {"é\xe9", "éé"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(nlohmann::json::parse(JsonOf(c.text)).get<std::string>(), c.utf8) << JsonOf(c.text);
  }
}

}  // namespace
}  // namespace billbroker
