// The limits of sign-ins, calls and concurrency, tested through the Bill.
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "tests/simulator/bill_harness.h"

namespace billbroker::billsim {
namespace {

using nlohmann::json;

TEST(LimitsTest, DevKeyHasTwoHundredSignInsPerSlidingHour) {
  BillHarness harness(R"({"limit_sends_retry_after": true})");
  EXPECT_EQ(harness.SignIn().status, 200);
  harness.clock().Advance(absl::Minutes(50));
  for (int i = 1; i < 200; ++i) ASSERT_EQ(harness.SignIn().status, 200) << i;
  const HttpAnswer refused = harness.SignIn();
  EXPECT_EQ(BillHarness::Outcome(refused), "422 BDC_1144");
  EXPECT_EQ(refused.headers.at("Retry-After"), "600");
  harness.clock().Advance(absl::Minutes(10));
  EXPECT_EQ(harness.SignIn().status, 200) << "the first one has left the window";
  EXPECT_EQ(BillHarness::Outcome(harness.SignIn()), "422 BDC_1144");
}

TEST(LimitsTest, LimitsSignInsPerMinuteIfSet) {
  BillHarness harness(R"({"sign_ins_per_minute": 5, "limit_sends_retry_after": true})");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(harness.SignIn().status, 200) << i;
  const HttpAnswer refused = harness.SignIn();
  EXPECT_EQ(BillHarness::Outcome(refused), "422 BDC_1144");
  EXPECT_EQ(refused.headers.at("Retry-After"), "60");
  harness.clock().Advance(absl::Minutes(1));
  EXPECT_EQ(harness.SignIn().status, 200);
}

TEST(LimitsTest, OrganizationListUsesWindowIfSet) {
  BillHarness harness(R"({"sign_ins_per_hour": 2, "organization_list_uses_window": true})");
  const std::string session = harness.Session();
  EXPECT_EQ(harness.Get(session, "/v3/login/organizations").status, 200);
  EXPECT_EQ(BillHarness::Outcome(harness.Get(session, "/v3/login/organizations")), "422 BDC_1144");
  EXPECT_EQ(BillHarness::Outcome(harness.SignIn()), "422 BDC_1144");
}

TEST(LimitsTest, SignInWindowIsPerDevKey) {
  BillHarness harness(R"({"sign_ins_per_hour": 1})");
  EXPECT_EQ(harness.SignIn().status, 200);
  EXPECT_EQ(BillHarness::Outcome(harness.SignIn()), "422 BDC_1144");
  EXPECT_EQ(harness
                .SignIn({{"devKey", "devkey-harness-0002"},
                         {"username", "console@harness.example"},
                         {"organizationId", "00801HARNESSORG000003"},
                         {"consoleApiToken", "console-token-harness"}})
                .status,
            200);
}

TEST(LimitsTest, FailedSignInUsesWindowUnlessDisabled) {
  json wrong = AnnsSignIn();
  wrong["password"] = "wrong-password-harness";
  BillHarness counts(R"({"sign_ins_per_hour": 1})");
  EXPECT_EQ(BillHarness::Outcome(counts.SignIn(wrong)), "400 BDC_1101");
  EXPECT_EQ(BillHarness::Outcome(counts.SignIn()), "422 BDC_1144");
  BillHarness forgives(R"({"sign_ins_per_hour": 1, "failed_sign_ins_use_window": false})");
  EXPECT_EQ(BillHarness::Outcome(forgives.SignIn(wrong)), "400 BDC_1101");
  EXPECT_EQ(forgives.SignIn().status, 200);
}

TEST(LimitsTest, CountsCallsOfDevKeyPerClockHour) {
  BillHarness harness(R"({"calls_per_hour": 10, "limit_sends_retry_after": true})");
  const absl::Duration into_hour = harness.bill().Now() - absl::UnixEpoch();
  harness.clock().Advance(absl::Minutes(50) - (into_hour - absl::Trunc(into_hour, absl::Hours(1))));
  const std::string session = harness.Session();
  for (int i = 1; i < 10; ++i) ASSERT_EQ(harness.Use(session).status, 200) << i;
  const HttpAnswer refused = harness.Use(session);
  EXPECT_EQ(BillHarness::Outcome(refused), "422 BDC_1144");
  const int seconds = std::stoi(refused.headers.at("Retry-After"));
  EXPECT_EQ(BillHarness::Outcome(harness.SignIn()), "422 BDC_1144");
  harness.clock().Advance(absl::Seconds(seconds - 1));
  EXPECT_EQ(BillHarness::Outcome(harness.Use(session)), "422 BDC_1144");
  harness.clock().Advance(absl::Seconds(1));
  EXPECT_EQ(harness.Use(session).status, 200);
}

TEST(LimitsTest, AllowsThreeConcurrentCalls) {
  BillHarness harness;
  Bill& bill = harness.bill();
  const std::string session = harness.Session();
  const HttpCall call =
      BillHarness::CallOn(session, "GET", "/v3/organizations/00801HARNESSORG000001");
  std::vector<Bill::Handled> under_way;
  for (int i = 0; i < 3; ++i) under_way.push_back(bill.Begin(call));
  EXPECT_EQ(BillHarness::Outcome(bill.Handle(call)), "429 BDC_1322");
  EXPECT_EQ(BillHarness::Outcome(harness.SignIn()), "429 BDC_1322");
  json other = AnnsSignIn();
  other["organizationId"] = "00801HARNESSORG000002";
  EXPECT_EQ(harness.SignIn(other).status, 200);
  under_way.pop_back();
  EXPECT_EQ(bill.Handle(call).status, 200);
  under_way.clear();
  EXPECT_EQ(bill.StateJson()["under_way"], json::object());
}

TEST(LimitsTest, ThreadsNeverExceedWindow) {
  BillHarness harness(R"({"concurrent_calls": 1000})");
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&harness] {
      for (int i = 0; i < 50; ++i) (void)harness.SignIn();
    });
  }
  for (std::thread& thread : threads) thread.join();
  const json total = harness.bill().CountsJson()["total"];
  EXPECT_EQ(total["sign_ins_succeeded"], 200);
  EXPECT_EQ(total["sign_ins_failed"], 200);
}

TEST(LimitsTest, SimulatesDayOfThousandOrganizations) {
  BillHarness harness("{}",
                      R"({"generate": {"organizations": 1000, "users": 20, "dev_keys": 20}})");
  std::vector<std::pair<std::string, std::string>> sessions;
  for (int n = 0; n < 1000; ++n) {
    const int u = n % 20;
    const std::string dev_key = absl::StrCat("devkey-", absl::Dec(u, absl::kZeroPad6));
    sessions.emplace_back(
        harness.Session(
            {{"devKey", dev_key},
             {"username", absl::StrCat("user-", absl::Dec(u, absl::kZeroPad6), "@example.com")},
             {"organizationId", absl::StrCat("008", absl::Dec(n, absl::kZeroPad17))},
             {"password", absl::StrCat("secret-", absl::Dec(u, absl::kZeroPad6))}}),
        dev_key);
  }
  int alive = 0;
  for (int i = 0; i < 48; ++i) {
    harness.clock().Advance(absl::Minutes(30));
    alive = 0;
    for (const auto& [session, dev_key] : sessions) {
      if (harness.Get(session, "/v3/login/session", dev_key).status == 200) ++alive;
    }
  }
  EXPECT_EQ(alive, 1000);
}

}  // namespace
}  // namespace billbroker::billsim
