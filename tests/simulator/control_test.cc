// Faults, the gateway and the control API, without sockets.
#include "tests/simulator/control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/simulator/bill_harness.h"
#include "tests/simulator/offset_clock.h"

namespace billbroker::billsim {
namespace {

using nlohmann::json;

class ControlTest : public testing::Test {
 protected:
  // Makes one control call and returns its HTTP status and body.
  std::pair<int, json> Call(const char* method, const std::string& path,
                            const json& body = nullptr) {
    const HttpAnswer answer =
        control_.Handle({method, path, {}, {}, body.is_null() ? "" : body.dump()});
    return {answer.status, BillHarness::BodyOf(answer)};
  }
  std::string ErrorOf(const char* method, const std::string& path, const json& body = nullptr) {
    const auto [status, answer] = Call(method, path, body);
    return absl::StrCat(status, " ", answer.value("error", "no error"));
  }
  Delivery SignIn() { return gateway_.Receive(BillHarness::SignInCall()); }
  void Plan(const json& fault) { EXPECT_EQ(Call("POST", "/faults", fault).first, 200) << fault; }

  ManualClock base_;
  OffsetClock clock_{base_};
  SystemRandom random_;
  Bill bill_{ParseData(kWorld)->world, Settings(), clock_, random_};
  Gateway gateway_{bill_};
  Control control_{bill_, gateway_, clock_};
};

TEST_F(ControlTest, StartPageListsEveryEndpoint) {
  EXPECT_EQ(Call("GET", "/").second["endpoints"].size(), 18u);
}

TEST_F(ControlTest, ErrorsNameField) {
  EXPECT_EQ(ErrorOf("GET", "/nowhere"), "404 there is no such path; GET / lists them all");
  EXPECT_EQ(ErrorOf("DELETE", "/state"),
            "405 this path takes another method; GET / lists them all");
  EXPECT_EQ(ErrorOf("POST", "/latency"), "400 the document: must be an object");
  EXPECT_EQ(ErrorOf("POST", "/latency", json::object()),
            "400 milliseconds: is required; 0 for none");
  EXPECT_EQ(ErrorOf("POST", "/clock/advance", {{"seconds", -1}}),
            "400 seconds: must be a whole number from 0 to 315360000");
  EXPECT_EQ(ErrorOf("POST", "/users/nobody@harness.example", {{"locked", true}}),
            "404 there is no user \"nobody@harness.example\"");
  EXPECT_EQ(
      ErrorOf("POST", "/users/ann@harness.example", {{"organizations", {"00801HARNESSORG000009"}}}),
      "400 organizations: names an unknown organization");
  EXPECT_EQ(ErrorOf("POST", "/faults", {{"kind", "flood"}}).substr(0, 30),
            "400 kind: must be one of: http");
  EXPECT_EQ(ErrorOf("POST", "/faults", {{"kind", "reset"}, {"path", "v3/login"}}),
            "400 path: must begin with a slash, such as \"/v3/login\"");
  EXPECT_EQ(ErrorOf("POST", "/sessions/expire", json::object()),
            "400 session_id: give either this or organization_id");
  EXPECT_EQ(control_.Handle({"POST", "/faults", {}, {}, "{"}).status, 400);
}

TEST_F(ControlTest, AdvancingClockMovesDeadlines) {
  const std::string session = BillHarness::BodyOf(SignIn().answer)["sessionId"];
  EXPECT_EQ(Call("POST", "/clock/advance", {{"seconds", 2100}}).second["ahead_seconds"], 2100);
  EXPECT_EQ(
      bill_.Handle(BillHarness::CallOn(session, "GET", "/v3/organizations/00801HARNESSORG000001"))
          .status,
      401);
}

TEST_F(ControlTest, StateShowsSessionsCountsAndSettings) {
  const std::string session = BillHarness::BodyOf(SignIn().answer)["sessionId"];
  const json state = Call("GET", "/state").second;
  ASSERT_EQ(state["sessions"].size(), 1u);
  EXPECT_EQ(state["sessions"][0]["session_id"], session);
  EXPECT_EQ(state["sessions"][0]["organization_id"], "00801HARNESSORG000001");
  EXPECT_EQ(state["counts"]["dev_keys"]["devkey-harness-0001"]["sign_ins_succeeded"], 1);
  EXPECT_EQ(state["settings"]["sign_ins_per_hour"], 200);
  EXPECT_EQ(state.dump().find("right-password-harness"), std::string::npos) << "no secret in it";
  EXPECT_EQ(Call("POST", "/sessions/expire", {{"organization_id", "00801HARNESSORG000001"}})
                .second["ended"],
            1);
  EXPECT_EQ(Call("GET", "/state").second["sessions"].size(), 0u);
}

TEST_F(ControlTest, CountsPerDevKeyOrganizationUserAndPath) {
  json wrong = AnnsSignIn();
  wrong["password"] = "wrong-password-harness";
  const Delivery failed = gateway_.Receive(BillHarness::SignInCall(wrong));
  const std::string session = BillHarness::BodyOf(SignIn().answer)["sessionId"];
  (void)bill_.Handle(BillHarness::CallOn(session, "GET", "/v3/login/session"));
  Plan({{"kind", "reset"}});
  const Delivery reset = SignIn();
  const json counts = Call("GET", "/counts").second;
  const json expected = {
      {"calls", 4}, {"sign_ins_succeeded", 1}, {"sign_ins_failed", 1}, {"faulted", 1}};
  EXPECT_EQ(counts["dev_keys"]["devkey-harness-0001"], expected);
  EXPECT_EQ(counts["organizations"]["00801HARNESSORG000001"], expected);
  EXPECT_EQ(counts["users"]["ann@harness.example"], expected);
  EXPECT_EQ(counts["total"], expected);
  EXPECT_EQ(counts["paths"], (json{{"/v3/login", 3}, {"/v3/login/session", 1}}));
  EXPECT_EQ(counts["refusals"], (json{{"BDC_1101", 1}}));
  EXPECT_EQ(Call("DELETE", "/counts").first, 200);
  EXPECT_EQ(Call("GET", "/counts").second["total"]["calls"], 0);
}

TEST_F(ControlTest, ChangesWorldAndSettingsWhileRunning) {
  EXPECT_EQ(Call("POST", "/users/ann@harness.example",
                 {{"password", "new-password-harness"}, {"mfa", {{"bypass", true}}}})
                .first,
            200);
  EXPECT_EQ(SignIn().answer.status, 400);
  EXPECT_EQ(
      Call("POST", "/users/ann@harness.example", {{"password", "right-password-harness"}}).first,
      200);
  EXPECT_EQ(BillHarness::BodyOf(SignIn().answer)["trusted"], true);
  EXPECT_EQ(Call("POST", "/organizations/00801HARNESSORG000001", {{"locked", true}}).first, 200);
  EXPECT_EQ(SignIn().answer.status, 423);
  EXPECT_EQ(Call("POST", "/organizations/00801HARNESSORG000001", {{"locked", false}}).first, 200);
  EXPECT_EQ(Call("POST", "/dev-keys/devkey-harness-0001", {{"active", false}}).first, 200);
  EXPECT_EQ(BillHarness::Outcome(SignIn().answer), "400 BDC_1103");
  EXPECT_EQ(Call("POST", "/dev-keys/devkey-harness-0001", {{"active", true}}).first, 200);
  EXPECT_EQ(Call("POST", "/settings", {{"sign_ins_per_hour", 0}}).second["sign_ins_per_hour"], 0);
  EXPECT_EQ(BillHarness::Outcome(SignIn().answer), "422 BDC_1144");
}

TEST_F(ControlTest, FaultHitsItsPathAndTurnThenEnds) {
  Plan({{"kind", "http_503"}, {"path", "/v3/login"}, {"after", 1}, {"count", 2}});
  EXPECT_EQ(gateway_.Receive({"GET", "/v3/login/session", {}, {}, ""}).answer.status, 401);
  EXPECT_EQ(SignIn().answer.status, 200);
  EXPECT_EQ(BillHarness::Outcome(SignIn().answer), "503 BDC_1001");
  EXPECT_EQ(Call("GET", "/faults").second["faults"][0]["count"], 1);
  EXPECT_EQ(BillHarness::Outcome(SignIn().answer), "503 BDC_1001");
  EXPECT_EQ(SignIn().answer.status, 200);
  EXPECT_EQ(Call("GET", "/faults").second["faults"].size(), 0u);
}

TEST_F(ControlTest, FaultWithoutCountLastsUntilCleared) {
  Plan({{"kind", "html_502"}, {"count", 0}});
  for (int i = 0; i < 20; ++i) EXPECT_EQ(SignIn().answer.status, 502);
  EXPECT_EQ(Call("DELETE", "/faults").first, 200);
  EXPECT_EQ(SignIn().answer.status, 200);
}

TEST_F(ControlTest, FaultKeepsCallFromBillUnlessDone) {
  Plan({{"kind", "empty_200"}});
  EXPECT_EQ(SignIn().answer.body, "");
  EXPECT_EQ(Call("GET", "/state").second["sessions"].size(), 0u);
  Plan({{"kind", "done_answer_lost"}});
  EXPECT_EQ(SignIn().manner, Manner::kReset);
  EXPECT_EQ(Call("GET", "/state").second["sessions"].size(), 1u);
  Plan({{"kind", "slow_body"}, {"milliseconds_per_byte", 7}});
  const Delivery slow = SignIn();
  EXPECT_EQ(slow.manner, Manner::kDrip);
  EXPECT_EQ(slow.pace, absl::Milliseconds(7));
  EXPECT_EQ(Call("GET", "/state").second["sessions"].size(), 2u);
}

TEST_F(ControlTest, FaultsAnswerAsDocumented) {
  Plan({{"kind", "rate_limit_429"}});
  EXPECT_FALSE(SignIn().answer.headers.contains("Retry-After"));
  Plan({{"kind", "rate_limit_429"}, {"retry_after_seconds", 17}});
  const Delivery limited = SignIn();
  EXPECT_EQ(limited.answer.status, 429);
  EXPECT_EQ(limited.answer.headers.at("Retry-After"), "17");
  Plan({{"kind", "bill_error"}, {"code", "BDC_1101"}, {"http_status", 403}});
  EXPECT_EQ(BillHarness::Outcome(SignIn().answer), "403 BDC_1101");
  Plan({{"kind", "redirect_302"}});
  EXPECT_EQ(SignIn().answer.headers.at("Location"), "/connect/v3/redirected");
  Plan({{"kind", "huge_body"}});
  EXPECT_GT(SignIn().answer.body.size(), std::size_t{10} << 20);
  Plan({{"kind", "garbage_json"}});
  EXPECT_TRUE(BillHarness::BodyOf(SignIn().answer).is_discarded());
  Plan({{"kind", "deep_json"}});
  EXPECT_EQ(SignIn().answer.body.substr(0, 4), "[[[[");
  Plan({{"kind", "timeout"}, {"seconds", 5}});
  EXPECT_EQ(SignIn().manner, Manner::kHang);
  Plan({{"kind", "reset"}});
  EXPECT_EQ(SignIn().manner, Manner::kReset);
}

TEST_F(ControlTest, FaultHitsItsOrganizationOnly) {
  Plan({{"kind", "http_error"}, {"organization_id", "00801HARNESSORG000002"}});
  EXPECT_EQ(SignIn().answer.status, 200);
  json other = AnnsSignIn();
  other["organizationId"] = "00801HARNESSORG000002";
  EXPECT_EQ(gateway_.Receive(BillHarness::SignInCall(other)).answer.status, 400);
  EXPECT_EQ(gateway_.Receive(BillHarness::SignInCall(other)).answer.status, 200);
}

TEST_F(ControlTest, EchoRepeatsRequestBody) {
  Plan({{"kind", "http_error"}, {"body", "echo"}});
  EXPECT_THAT(SignIn().answer.body, testing::HasSubstr("right-password-harness"));
}

TEST_F(ControlTest, LatencyIsSetForAllOrOneOrganization) {
  EXPECT_EQ(Call("POST", "/latency", {{"milliseconds", 250}}).first, 200);
  EXPECT_EQ(SignIn().latency, absl::Milliseconds(250));
  const json one = {{"milliseconds", 70}, {"organization_id", kOrganization}};
  const json set = Call("POST", "/latency", one).second;
  EXPECT_EQ(set, (json{{"milliseconds", 250}, {"organizations", {{kOrganization, 70}}}}));
  EXPECT_EQ(SignIn().latency, absl::Milliseconds(70));
  Plan({{"kind", "slow_answer"}, {"milliseconds", 1000}});
  EXPECT_EQ(SignIn().latency, absl::Milliseconds(1070));
  EXPECT_EQ(gateway_.Receive({"GET", "/v3/health", {}, {}, ""}).latency, absl::Milliseconds(250));
  EXPECT_EQ(Call("DELETE", "/latency").first, 200);
  EXPECT_EQ(SignIn().latency, absl::ZeroDuration());
}

TEST_F(ControlTest, OpensAndClosesPort) {
  EXPECT_EQ(Call("POST", "/listening", {{"open", false}}).first, 400);
  absl::optional<bool> listening;
  control_.OnListening([&](bool open) {
    listening = open;
    return absl::OkStatus();
  });
  EXPECT_EQ(Call("POST", "/listening", {{"open", false}}).first, 200);
  EXPECT_EQ(listening, false);
  EXPECT_EQ(Call("POST", "/listening", json::object()).first, 400);
}

}  // namespace
}  // namespace billbroker::billsim
