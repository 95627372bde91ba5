// The main job, end to end: credentials in, sessions out, used at BILL.
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/e2e/house.h"

namespace billbroker {
namespace {

class MainJobTest : public ::testing::Test {
 protected:
  MainJobTest() { house.StartBroker(); }

  House house;
};

TEST_F(MainJobTest, UserAndConsoleCredentialsGiveSessionsThatWorkAtBill) {
  ASSERT_EQ(house.CreateAcme(), absl::OkStatus());
  ASSERT_EQ(house.CreateBooks(), absl::OkStatus());
  GetSessionOptions with_key;
  with_key.include_dev_key = true;
  for (const char* organization : {kPayables, kReceivables, kBakery}) {
    const absl::StatusOr<ClientSession> session =
        house.sessions().GetSession(organization, with_key);
    ASSERT_TRUE(session.ok()) << session.status();
    EXPECT_EQ(house.UseAtBill(*session), 200);
    EXPECT_EQ(session->base_url, house.bill().base_url());
  }
}

TEST_F(MainJobTest, TwoHundredCallersOfAColdOrganizationCostOneSignIn) {
  ASSERT_EQ(house.CreateAcme(), absl::OkStatus());
  house.bill().gateway().SetLatency(absl::Milliseconds(300));
  std::atomic<int> answered = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < 200; ++i) {
    callers.emplace_back([&] {
      if (house.sessions().GetSession(kPayables).ok()) ++answered;
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(answered, 200);
  EXPECT_EQ(house.SignIns(), 1);
}

TEST_F(MainJobTest, ACallerThatGivesUpDoesNotCancelTheSignInThatOthersAwait) {
  ASSERT_EQ(house.CreateAcme(), absl::OkStatus());
  house.bill().gateway().SetLatency(absl::Seconds(1));
  ClientOptions hasty;
  hasty.address = absl::StrCat("unix:", house.socket());
  hasty.call_timeout = absl::Milliseconds(100);
  const auto client = SessionClient::Connect(hasty);
  std::thread patient([&] { EXPECT_TRUE(house.sessions().GetSession(kPayables).ok()); });
  EXPECT_EQ((*client)->GetSession(kPayables).status().code(), absl::StatusCode::kDeadlineExceeded);
  patient.join();
  EXPECT_EQ(house.SignIns(), 1);
}

TEST_F(MainJobTest, ADeadSessionIsReportedAndReplacedByWithSession) {
  ASSERT_EQ(house.CreateAcme(), absl::OkStatus());
  ASSERT_TRUE(house.sessions().GetSession(kPayables).ok());
  house.bill().clock().Advance(absl::Minutes(36));  // BILL forgot it; the broker cannot know
  GetSessionOptions with_key;
  with_key.include_dev_key = true;
  int runs = 0;
  const absl::Status used =
      house.sessions().WithSession(kPayables, with_key, [&](const ClientSession& session) {
        ++runs;
        return house.UseAtBill(session) == 200 ? absl::OkStatus() : SessionDead();
      });
  EXPECT_TRUE(used.ok()) << used;
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(house.SignIns(), 2);
}

TEST_F(MainJobTest, LogoutEndsTheSessionAtBill) {
  ASSERT_EQ(house.CreateAcme(), absl::OkStatus());
  GetSessionOptions with_key;
  with_key.include_dev_key = true;
  const absl::StatusOr<ClientSession> session = house.sessions().GetSession(kPayables, with_key);
  ASSERT_TRUE(session.ok()) << session.status();
  EXPECT_EQ(*house.admin().Logout(kPayables), true);
  EXPECT_EQ(house.UseAtBill(*session), 401);
  EXPECT_EQ(*house.admin().Logout(kPayables), false);
}

TEST_F(MainJobTest, AnUnknownOrganizationSaysHowToAttachIt) {
  ASSERT_EQ(house.CreateAcme(), absl::OkStatus());
  ASSERT_TRUE(
      Eventually([&] { return house.WhyNoSession("008nobody") == Reason::kUnknownOrganization; }));
  EXPECT_TRUE(absl::StrContains(house.sessions().GetSession("008nobody").status().message(),
                                "billbroker credential attach"));
}

TEST_F(MainJobTest, CredentialsSurviveARestart) {
  ASSERT_EQ(house.CreateAcme(), absl::OkStatus());
  EXPECT_EQ(house.StopBroker(), 0);
  house.StartBroker();
  ASSERT_TRUE(Eventually([&] { return house.sessions().GetSession(kReceivables).ok(); }));
}

TEST_F(MainJobTest, DeletingACredentialWithLiveSessionsNeedsForce) {
  ASSERT_EQ(house.CreateAcme(), absl::OkStatus());
  ASSERT_TRUE(house.sessions().GetSession(kPayables).ok());
  const absl::StatusOr<v1::Credential> acme = house.credentials().Get("acme");
  ASSERT_TRUE(acme.ok());
  EXPECT_TRUE(
      HasReason(house.credentials().Delete(VersionOf(*acme), false), Reason::kSessionsLive));
  EXPECT_TRUE(house.credentials().Delete(VersionOf(*acme), true).ok());
  EXPECT_TRUE(
      Eventually([&] { return house.WhyNoSession(kPayables) == Reason::kUnknownOrganization; }));
  EXPECT_EQ(house.bus().CountItems({{"credential", "acme"}}), 0);
}

TEST_F(MainJobTest, TheCommandLineDoesTheWholeJob) {
  const House::Output created = house.Cli(
      {"credential", "create", "acme", "--environment", "sandbox", "--kind", "user", "--username",
       kAcmeUser, "--organization", kPayables, "--organization", kReceivables,
       "--secrets-from-stdin"},
      absl::StrCat(R"({"dev_key": ")", kAcmeDevKey, R"(", "password": ")", kAcmePassword, R"("})"));
  ASSERT_EQ(created.exit_code, 0) << created.text;
  const House::Output login = house.Cli({"session", "login", kPayables});
  EXPECT_EQ(login.exit_code, 0) << login.text;
  const House::Output list = house.Cli({"session", "list"});
  EXPECT_TRUE(absl::StrContains(list.text, kPayables)) << list.text;
  const House::Output run =
      house.Cli({"exec", "--org", kPayables, "--", "sh", "-c",
                 "echo base=$BILL_BASE_URL key=${#BILL_DEV_KEY} id=${#BILL_SESSION_ID}"});
  EXPECT_EQ(run.text, absl::StrCat("base=", house.bill().base_url(),
                                   " key=", std::string(kAcmeDevKey).size(), " id=64\n"));
  const House::Output status = house.Cli({"status"});
  EXPECT_EQ(status.exit_code, 0) << status.text;
  const House::Output unknown = house.Cli({"session", "get", "008nobody"});
  EXPECT_NE(unknown.exit_code, 0);
  EXPECT_TRUE(absl::StrContains(unknown.text, "UNKNOWN_ORGANIZATION")) << unknown.text;
}

TEST_F(MainJobTest, DoctorFindsAWorkingBrokerInGoodHealth) {
  const House::Output doctor = house.Cli({"doctor", "--config", house.File("broker.toml")});
  EXPECT_EQ(doctor.exit_code, 0) << doctor.text;
  for (const char* check : {"configuration", "broker", "memlock", "bus", "provider", "collection",
                            "lock", "bill sandbox"}) {
    EXPECT_TRUE(absl::StrContains(doctor.text, absl::StrCat("ok  ", check))) << doctor.text;
  }
}

TEST_F(MainJobTest, NeitherARestartNorADeathCostsASignInOrALateGeneration) {
  ASSERT_EQ(house.CreateAcme(), absl::OkStatus());
  GetSessionOptions with_key;
  with_key.include_dev_key = true;
  std::uint64_t generation = 0;
  for (int life = 0; life < 3; ++life) {
    // The client's connection to the broker before is broken: it connects again.
    absl::StatusOr<ClientSession> session = absl::UnknownError("not asked");
    ASSERT_TRUE(Eventually([&] {
      session = house.sessions().GetSession(kPayables, with_key);
      return session.ok();
    })) << session.status();
    EXPECT_EQ(house.UseAtBill(*session), 200);
    EXPECT_GT(session->generation, generation);
    generation = session->generation;
    if (life == 0) {
      EXPECT_EQ(house.StopBroker(), 0);
    } else {
      house.KillBroker();
    }
    house.StartBroker();
  }
  EXPECT_EQ(house.SignIns(), 1);
}

TEST_F(MainJobTest, AStoreThatIsNoneIsSetAsideAndTheBrokerStartsCold) {
  ASSERT_EQ(house.CreateAcme(), absl::OkStatus());
  ASSERT_TRUE(house.sessions().GetSession(kPayables).ok());
  EXPECT_EQ(house.StopBroker(), 0);
  std::ofstream(house.File("state/sessions.db"), std::ios::trunc) << "this is no store";
  house.StartBroker();
  EXPECT_TRUE(Eventually([&] { return house.sessions().GetSession(kPayables).ok(); }));
  EXPECT_EQ(house.SignIns(), 2);
  EXPECT_TRUE(absl::StrContains(house.Log(), "store_set_aside"));
}

}  // namespace
}  // namespace billbroker
