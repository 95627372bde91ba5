// A changed devKey: each live session stays in use until its replacement exists.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/server/session/model_fixture.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

constexpr int kReplacedOrganizations = 20;

class DevKeyTest : public ::testing::Test {
 protected:
  DevKeyTest() {
    for (int n = 0; n < kReplacedOrganizations; ++n) {
      EXPECT_THAT(house.model.ChangeOrganization(
                      billsim::GeneratedOrganizationId(n),
                      {{"dev_keys", {billsim::GeneratedDevKey(0), billsim::GeneratedDevKey(1)}}}),
                  IsOk());
    }
  }

  // Of 21 sign-ins an hour, one is kept for proofs, and two more for callers.
  static constexpr int kSignInsPerHour = kReplacedOrganizations + 1;
  static SessionManagerOptions Options() {
    SessionManagerOptions options;
    options.sign_in.sign_ins_per_hour = kSignInsPerHour;
    options.replaced_grace = absl::Minutes(20);
    return options;
  }
  static billsim::Settings Settings() {
    billsim::Settings settings;
    settings.sign_ins_per_hour = kSignInsPerHour;
    return settings;
  }

  SessionPtr Get(int n) {
    SessionPtr got;
    house.manager.GetSession(billsim::GeneratedOrganizationId(n), "", {},
                             [&got](const absl::StatusOr<SessionPtr>& answer) {
                               if (answer.ok()) got = *answer;
                             });
    house.executor.Advance(absl::Seconds(2));
    return got;
  }
  void ChangeDevKey(absl::string_view dev_key) {
    Credential next = (*house.vault.Load(ModelHouse::CredentialName(0)))->Clone();
    next.dev_key = SecretString::CopyOf(dev_key);
    ++next.version;
    ASSERT_THAT(house.vault.Replace(next), IsOk());
    house.credentials.Put(InfoOf(next, Fingerprinter(*house.vault.MasterKey())));
  }
  // Returns how many organizations have a session of devKey `d`. Expects that each has a session.
  int CountOf(int d) {
    int count = 0;
    for (int n = 0; n < kReplacedOrganizations; ++n) {
      const SessionPtr session = Get(n);
      EXPECT_NE(session, nullptr) << n;
      if (session == nullptr) continue;
      EXPECT_TRUE(IsGood(*session)) << n;
      if (session->keys.dev_key->Reveal() == billsim::GeneratedDevKey(d)) ++count;
    }
    return count;
  }
  bool IsGood(const Session& session) {
    return house.model
               .Handle({"GET",
                        "/v3/organizations/" + session.organization_id,
                        {{"sessionid", std::string(session.keys.session_id->Reveal())},
                         {"devkey", std::string(session.keys.dev_key->Reveal())}},
                        {},
                        ""})
               .status == 200;
  }
  std::int64_t LogOuts() {
    const nlohmann::json paths = house.model.CountsJson()["paths"];
    return paths.contains("/v3/logout") ? paths["/v3/logout"].get<std::int64_t>() : 0;
  }

  ModelHouse house{
      {.organizations = kReplacedOrganizations, .users = 1, .dev_keys = 2}, Options(), Settings()};
};

TEST_F(DevKeyTest, ReplacesSessionsWithinBudget) {
  EXPECT_EQ(CountOf(0), kReplacedOrganizations);
  ChangeDevKey(billsim::GeneratedDevKey(1));
  EXPECT_GE(CountOf(0), 1) << "replaced gradually, because no caller waits";
  house.executor.Advance(absl::Minutes(5));
  EXPECT_EQ(CountOf(1), kReplacedOrganizations - 2);
  EXPECT_EQ(house.SignIns(), 2 * kReplacedOrganizations - 2);
  house.executor.Advance(absl::Minutes(50));
  EXPECT_EQ(CountOf(1), kReplacedOrganizations - 2);
  house.executor.Advance(absl::Minutes(15));
  EXPECT_EQ(CountOf(1), kReplacedOrganizations);
  EXPECT_EQ(house.SignIns(), 2 * kReplacedOrganizations);
  EXPECT_EQ(house.Refusals("BDC_1144"), 0);
  EXPECT_TRUE(house.observer.session_ends().empty());
}

TEST_F(DevKeyTest, LogsOutReplacedSessionLater) {
  EXPECT_EQ(CountOf(0), kReplacedOrganizations);
  std::vector<SessionPtr> old;
  for (int n = 0; n < kReplacedOrganizations; ++n) old.push_back(Get(n));
  ChangeDevKey(billsim::GeneratedDevKey(1));
  house.executor.Advance(absl::Seconds(285));  // two sign-ins of the user each 30 s
  EXPECT_EQ(CountOf(1), kReplacedOrganizations - 2);
  for (const SessionPtr& session : old) EXPECT_TRUE(IsGood(*session));
  EXPECT_EQ(LogOuts(), 0);
  house.executor.Advance(absl::Minutes(21));
  EXPECT_EQ(LogOuts(), kReplacedOrganizations - 2);
  int good = 0;
  for (const SessionPtr& session : old) good += IsGood(*session) ? 1 : 0;
  EXPECT_EQ(good, 2);
}

TEST_F(DevKeyTest, RefusedDevKeyKeepsOldSessions) {
  EXPECT_EQ(CountOf(0), kReplacedOrganizations);
  ChangeDevKey("dev-key-of-nobody-at-bill");
  house.executor.Advance(absl::Minutes(30));
  EXPECT_EQ(CountOf(0), kReplacedOrganizations);
  const std::int64_t tried = house.SignIns() - kReplacedOrganizations;
  EXPECT_GE(tried, 1);
  EXPECT_LE(tried, 3) << "sign-ins already under way at the first refusal";
  house.executor.Advance(absl::Hours(1));
  EXPECT_EQ(CountOf(0), kReplacedOrganizations);
  EXPECT_EQ(house.SignIns() - kReplacedOrganizations, tried);
}

}  // namespace
}  // namespace billbroker
