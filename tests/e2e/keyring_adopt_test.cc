// The keyring's file is lost: nothing is created in the new one until a person adopts it, and the
// right keyring continues by itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/e2e/test_environment.h"
#include "tests/support/await.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr char kConfirmation[] = "adopt default";

class KeyringAdoptTest : public ::testing::Test {
 protected:
  // Signs in with the first keyring, and restarts the broker with an empty one.
  void LoseKeyring() {
    env_.StartBroker();
    ASSERT_THAT(env_.CreateAcme(), IsOk());
    ASSERT_THAT(env_.sessions().GetSession(kPayables), IsOk());
    EXPECT_EQ(env_.StopBroker(), 0);
    env_.bus().KillProvider();
    std::filesystem::rename(keyrings_, keyrings_ + ".lost");
    env_.bus().StartProvider(true);
    env_.StartBroker();
    AwaitState(v1::VAULT_STATE_REPLACED);
  }
  void AwaitState(v1::VaultState state) {
    const auto is_reported = [&] {
      const absl::StatusOr<v1::GetStatusResponse> status = env_.admin().GetStatus();
      return status.ok() && status->vault().state() == state;  // it may still reach the old broker
    };
    Await(is_reported, v1::VaultState_Name(state));
  }
  int CountItems() { return env_.bus().CountItems({{"application", "billbroker"}}); }
  // Returns the names of the state folder's files that were set aside, without their times.
  std::vector<std::string> AsideFiles() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(env_.File("state"))) {
      const std::string name = entry.path().filename().string();
      const std::size_t aside = name.find(".aside-");
      if (aside != std::string::npos && !name.ends_with("-wal") && !name.ends_with("-shm")) {
        names.push_back(name.substr(0, aside));
      }
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  TestEnvironment env_;
  const std::string keyrings_ = env_.bus().folder() + "/data/keyrings";
};

TEST_F(KeyringAdoptTest, PersonAdoptsTheNewKeyring) {
  LoseKeyring();
  EXPECT_EQ(env_.WhyNoSession(kPayables), Reason::kVaultUnreachable);
  EXPECT_THAT(env_.CreateAcme(), HasReason(Reason::kVaultUnreachable));
  EXPECT_EQ(CountItems(), 0);

  const TestEnvironment::Output unconfirmed = env_.Cli({"keyring", "adopt"});
  EXPECT_EQ(unconfirmed.exit_code, 2) << unconfirmed.text;
  EXPECT_THAT(unconfirmed.text, HasSubstr(kConfirmation));
  EXPECT_THAT(AsideFiles(), SizeIs(0));

  const TestEnvironment::Output adopted =
      env_.Cli({"keyring", "adopt", "--confirm", kConfirmation, "--output", "json"});
  ASSERT_EQ(adopted.exit_code, 0) << adopted.text;
  EXPECT_EQ(adopted.Json()["organization_count"], 1);
  EXPECT_EQ(adopted.Json()["sign_in_count"], 1);
  EXPECT_THAT(AsideFiles(), ElementsAre("audit.jsonl", "sessions.db"));
  EXPECT_EQ(CountItems(), 1);

  ASSERT_THAT(env_.CreateAcme(), IsOk());
  EXPECT_THAT(env_.sessions().GetSession(kPayables), IsOk());
  const TestEnvironment::Output verified = env_.Cli({"audit", "verify"});
  EXPECT_EQ(verified.exit_code, 0) << verified.text;
  std::ifstream audit(env_.File("state/audit.jsonl"));
  std::string start;
  std::string set_aside;
  std::string record;
  std::getline(audit, start);
  std::getline(audit, set_aside);
  std::getline(audit, record);
  EXPECT_THAT(start, HasSubstr(R"("sequence":1,)"));
  EXPECT_THAT(set_aside, HasSubstr(R"("kind":"set_aside","files":"audit.jsonl.aside-)"));
  EXPECT_THAT(record, HasSubstr(R"("kind":"keyring_adopt","phase":"intent")"));
  EXPECT_THAT(record, HasSubstr(R"("set_aside":"sessions.db.aside-)"));

  // The new key stays the broker's own.
  EXPECT_EQ(env_.StopBroker(), 0);
  env_.StartBroker();
  Await([&] { return env_.sessions().GetSession(kPayables).ok(); }, "the restored session");
  const TestEnvironment::Output again = env_.Cli({"keyring", "adopt"});
  EXPECT_EQ(again.exit_code, 1) << again.text;
  EXPECT_THAT(again.text, HasSubstr("NOT_ADOPTABLE"));
}

TEST_F(KeyringAdoptTest, RightKeyringContinuesByItself) {
  LoseKeyring();
  env_.bus().KillProvider();
  std::filesystem::remove_all(keyrings_);
  std::filesystem::rename(keyrings_ + ".lost", keyrings_);
  env_.bus().StartProvider(true);
  AwaitState(v1::VAULT_STATE_READY);
  Await([&] { return env_.sessions().GetSession(kPayables).ok(); }, "the restored session");
  EXPECT_EQ(env_.SignIns(), 1);
  EXPECT_THAT(AsideFiles(), SizeIs(0));
  EXPECT_EQ(env_.Cli({"audit", "verify"}).exit_code, 0);
}

TEST_F(KeyringAdoptTest, RunningBrokerMustRestartFirst) {
  env_.StartBroker();
  ASSERT_THAT(env_.CreateAcme(), IsOk());
  const absl::StatusOr<ClientSession> session = env_.sessions().GetSession(kPayables);
  ASSERT_THAT(session, IsOk());
  env_.bus().KillProvider();
  std::filesystem::remove_all(keyrings_);
  env_.bus().StartProvider(true);
  AwaitState(v1::VAULT_STATE_REPLACED);
  const TestEnvironment::Output refused =
      env_.Cli({"keyring", "adopt", "--confirm", kConfirmation});
  EXPECT_EQ(refused.exit_code, 1) << refused.text;
  EXPECT_THAT(refused.text, HasSubstr("restart billbrokerd first, then adopt. That gives up 1 "));
  EXPECT_EQ(env_.sessions().GetSession(kPayables)->generation, session->generation);
  EXPECT_EQ(CountItems(), 0);
}

}  // namespace
}  // namespace billbroker
