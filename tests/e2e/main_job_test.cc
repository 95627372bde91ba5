// The main job, end to end: create credentials, get sessions, and use them at BILL.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/e2e/test_environment.h"
#include "tests/support/await.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;

constexpr char kUnknown[] = "00801UNKNOWNORGANIZATION";

class MainJobTest : public ::testing::Test {
 protected:
  MainJobTest() { env_.StartBroker(); }

  TestEnvironment env_;
};

TEST_F(MainJobTest, SessionsOfUserAndConsoleWorkAtBill) {
  ASSERT_THAT(env_.CreateAcme(), IsOk());
  ASSERT_THAT(env_.CreateBooks(), IsOk());
  GetSessionOptions with_key;
  with_key.include_dev_key = true;
  for (const char* organization : {kPayables, kReceivables, kBakery}) {
    const absl::StatusOr<ClientSession> session =
        env_.sessions().GetSession(organization, with_key);
    ASSERT_THAT(session, IsOk());
    EXPECT_EQ(env_.UseAtBill(*session), 200);
    EXPECT_EQ(session->base_url, env_.bill().base_url());
  }
}

TEST_F(MainJobTest, ManyCallersOfColdOrganizationShareOneSignIn) {
  ASSERT_THAT(env_.CreateAcme(), IsOk());
  env_.bill().gateway().SetLatency(absl::Milliseconds(300));
  std::atomic<int> answered = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < 200; ++i) {
    callers.emplace_back([&] {
      if (env_.sessions().GetSession(kPayables).ok()) ++answered;
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(answered, 200);
  EXPECT_EQ(env_.SignIns(), 1);
}

TEST_F(MainJobTest, CallerThatTimesOutDoesNotCancelTheSignIn) {
  ASSERT_THAT(env_.CreateAcme(), IsOk());
  env_.bill().gateway().SetLatency(absl::Seconds(1));
  ClientOptions hasty;
  hasty.address = absl::StrCat("unix:", env_.socket());
  hasty.call_timeout = absl::Milliseconds(100);
  const auto client = SessionClient::Connect(hasty);
  std::thread patient([&] { EXPECT_THAT(env_.sessions().GetSession(kPayables), IsOk()); });
  EXPECT_THAT((*client)->GetSession(kPayables), StatusIs(absl::StatusCode::kDeadlineExceeded));
  patient.join();
  EXPECT_EQ(env_.SignIns(), 1);
}

TEST_F(MainJobTest, WithSessionReplacesADeadSession) {
  ASSERT_THAT(env_.CreateAcme(), IsOk());
  ASSERT_THAT(env_.sessions().GetSession(kPayables), IsOk());
  env_.bill().clock().Advance(
      absl::Minutes(36));  // BILL ends the session; the broker cannot detect that
  GetSessionOptions with_key;
  with_key.include_dev_key = true;
  int runs = 0;
  const absl::Status used =
      env_.sessions().WithSession(kPayables, with_key, [&](const ClientSession& session) {
        ++runs;
        return env_.UseAtBill(session) == 200 ? absl::OkStatus() : SessionDead();
      });
  EXPECT_THAT(used, IsOk());
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(env_.SignIns(), 2);
}

TEST_F(MainJobTest, LogoutEndsTheSessionAtBill) {
  ASSERT_THAT(env_.CreateAcme(), IsOk());
  GetSessionOptions with_key;
  with_key.include_dev_key = true;
  const absl::StatusOr<ClientSession> session = env_.sessions().GetSession(kPayables, with_key);
  ASSERT_THAT(session, IsOk());
  EXPECT_THAT(env_.admin().Logout(kPayables), IsOkAndHolds(true));
  EXPECT_EQ(env_.UseAtBill(*session), 401);
  EXPECT_THAT(env_.admin().Logout(kPayables), IsOkAndHolds(false));
}

TEST_F(MainJobTest, GoldenUnknownOrganizationNamesTheFix) {
  ASSERT_THAT(env_.CreateAcme(), IsOk());
  Await([&] { return env_.WhyNoSession(kUnknown) == Reason::kUnknownOrganization; },
        "the directory to be complete");
  EXPECT_THAT(std::string(env_.sessions().GetSession(kUnknown).status().message()),
              HasSubstr("billbroker credential attach"));
}

TEST_F(MainJobTest, CredentialsSurviveARestart) {
  ASSERT_THAT(env_.CreateAcme(), IsOk());
  EXPECT_EQ(env_.StopBroker(), 0);
  env_.StartBroker();
  Await([&] { return env_.sessions().GetSession(kReceivables).ok(); }, "a session after a restart");
}

TEST_F(MainJobTest, DeleteWithLiveSessionsNeedsForce) {
  ASSERT_THAT(env_.CreateAcme(), IsOk());
  ASSERT_THAT(env_.sessions().GetSession(kPayables), IsOk());
  const absl::StatusOr<v1::Credential> acme = env_.credentials().Get(kAcme);
  ASSERT_THAT(acme, IsOk());
  EXPECT_THAT(env_.credentials().Delete(VersionOf(*acme), false), HasReason(Reason::kSessionsLive));
  EXPECT_THAT(env_.credentials().Delete(VersionOf(*acme), true), IsOk());
  Await([&] { return env_.WhyNoSession(kPayables) == Reason::kUnknownOrganization; },
        "the organization to be unknown");
  EXPECT_EQ(env_.bus().CountItems({{"credential", kAcme}}), 0);
}

TEST_F(MainJobTest, CommandLineDoesTheWholeJob) {
  const TestEnvironment::Output created = env_.Cli(
      {"credential", "create", kAcme, "--environment", "sandbox", "--kind", "user", "--username",
       kAcmeUser, "--organization", kPayables, "--organization", kReceivables,
       "--secrets-from-stdin"},
      absl::StrCat(R"({"dev_key": ")", kAcmeDevKey, R"(", "password": ")", kAcmePassword, R"("})"));
  ASSERT_EQ(created.exit_code, 0) << created.text;
  const TestEnvironment::Output login = env_.Cli({"session", "login", kPayables});
  EXPECT_EQ(login.exit_code, 0) << login.text;
  const TestEnvironment::Output list = env_.Cli({"--output", "json", "session", "list"});
  EXPECT_EQ(list.Json()["sessions"][0]["organization_id"], kPayables) << list.text;
  const TestEnvironment::Output run =
      env_.Cli({"exec", "--org", kPayables, "--", "sh", "-c",
                "echo base=$BILL_BASE_URL key=${#BILL_DEV_KEY} id=${#BILL_SESSION_ID}"});
  EXPECT_EQ(run.text, absl::StrCat("base=", env_.bill().base_url(),
                                   " key=", std::string(kAcmeDevKey).size(), " id=64\n"));
  const TestEnvironment::Output status = env_.Cli({"status"});
  EXPECT_EQ(status.exit_code, 0) << status.text;
  const TestEnvironment::Output unknown =
      env_.Cli({"--output", "json", "session", "get", kUnknown});
  EXPECT_NE(unknown.exit_code, 0);
  EXPECT_EQ(unknown.Json()["error"]["reason"], "UNKNOWN_ORGANIZATION");
}

TEST_F(MainJobTest, DoctorFindsNoProblemInAWorkingBroker) {
  const TestEnvironment::Output doctor = env_.Cli({"doctor", "--config", env_.File("broker.toml")});
  EXPECT_EQ(doctor.exit_code, 0) << doctor.text;
  for (const char* check : {"configuration", "broker", "memlock", "bus", "provider", "collection",
                            "lock", "bill sandbox"}) {
    EXPECT_THAT(doctor.text, HasSubstr(absl::StrCat("ok  ", check)));
  }
}

TEST_F(MainJobTest, SessionsAndGenerationsSurviveRestartAndKill) {
  ASSERT_THAT(env_.CreateAcme(), IsOk());
  GetSessionOptions with_key;
  with_key.include_dev_key = true;
  std::uint64_t generation = 0;
  for (int life = 0; life < 3; ++life) {
    // The client has to replace its connection to the previous broker.
    absl::StatusOr<ClientSession> session = absl::UnknownError("not called");
    const auto is_served = [&] {
      session = env_.sessions().GetSession(kPayables, with_key);
      return session.ok();
    };
    ASSERT_TRUE(Await(is_served, "a session after a restart"));
    EXPECT_EQ(env_.UseAtBill(*session), 200);
    EXPECT_GT(session->generation, generation);
    generation = session->generation;
    if (life == 0) {
      EXPECT_EQ(env_.StopBroker(), 0);
    } else {
      env_.KillBroker();
    }
    env_.StartBroker();
  }
  EXPECT_EQ(env_.SignIns(), 1);
}

TEST_F(MainJobTest, MalformedStoreIsSetAside) {
  ASSERT_THAT(env_.CreateAcme(), IsOk());
  ASSERT_THAT(env_.sessions().GetSession(kPayables), IsOk());
  EXPECT_EQ(env_.StopBroker(), 0);
  std::ofstream(env_.File("state/sessions.db"), std::ios::trunc) << "not a valid store";
  env_.StartBroker();
  Await([&] { return env_.sessions().GetSession(kPayables).ok(); }, "a session without the store");
  EXPECT_EQ(env_.SignIns(), 2);
  EXPECT_EQ(env_.CountEvents("store_set_aside"), 1);
}

}  // namespace
}  // namespace billbroker
