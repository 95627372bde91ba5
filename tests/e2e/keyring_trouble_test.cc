// The keyring locked, killed or stopped, or its bus killed: the broker serves live sessions,
// reports the state of the keyring otherwise, and recovers by itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/e2e/test_environment.h"
#include "tests/support/await.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;

TestEnvironment::Options WithShortTimeout() {
  TestEnvironment::Options options;
  options.keyring_timeout = absl::Seconds(3);
  return options;
}

class KeyringTroubleTest : public ::testing::Test {
 protected:
  // Starts with a live session of the payables, and none of the bakery. The bakery's credential has
  // not been read: a credential stays in memory for a second after its last use.
  void Begin() {
    env_.StartBroker();
    ASSERT_THAT(env_.CreateAcme(), IsOk());
    ASSERT_THAT(env_.CreateBooks(), IsOk());
    const absl::StatusOr<ClientSession> session = env_.sessions().GetSession(kPayables);
    ASSERT_THAT(session, IsOk());
    generation = session->generation;
  }
  void ExpectLiveSessionIsServed() {
    const absl::StatusOr<ClientSession> session = env_.sessions().GetSession(kPayables);
    ASSERT_THAT(session, IsOk());
    EXPECT_EQ(session->generation, generation);
  }
  void ExpectRecovery() {
    Await([&] { return env_.sessions().GetSession(kBakery).ok(); }, "a session of the bakery");
  }
  void AwaitRefusal(Reason reason) {
    Await([&] { return env_.WhyNoSession(kBakery) == reason; },
          absl::StrCat("a refusal with ", std::string(ReasonName(reason))));
  }
  void AwaitGetFails(const char* credential, Reason reason) {
    Await([&] { return HasReason(env_.credentials().Get(credential).status(), reason); },
          absl::StrCat(credential, " to be ", std::string(ReasonName(reason))));
  }

  TestEnvironment env_{WithShortTimeout()};
  std::uint64_t generation = 0;
};

TEST_F(KeyringTroubleTest, RecoversFromLockWhileRunning) {
  Begin();
  env_.bus().Lock();
  AwaitRefusal(Reason::kVaultLocked);
  ExpectLiveSessionIsServed();
  Await([&] { return env_.admin().GetStatus()->vault().state() == v1::VAULT_STATE_LOCKED; },
        "the status to be LOCKED");
  env_.bus().Unlock();
  ExpectRecovery();
}

TEST_F(KeyringTroubleTest, LockedKeyringAtStartIsNotEmpty) {
  Begin();
  EXPECT_EQ(env_.StopBroker(), 0);
  env_.bus().Lock();
  env_.StartBroker();
  Await([&] { return env_.WhyNoSession(kPayables) == Reason::kVaultLocked; },
        "a refusal with VAULT_LOCKED");
  EXPECT_THAT(env_.credentials().Get(kAcme), HasReason(Reason::kVaultLocked));
  // The audit log has no key either, but the error names the cause.
  const absl::Status change = env_.CreateBooks();
  EXPECT_THAT(change, HasReason(Reason::kVaultLocked));
  EXPECT_FALSE(env_.admin().GetStatus()->vault().all_credentials_read());
  env_.bus().Unlock();
  ExpectRecovery();
  EXPECT_TRUE(env_.admin().GetStatus()->vault().all_credentials_read());
}

TEST_F(KeyringTroubleTest, RecoversFromProviderThatReturnsLocked) {
  Begin();
  env_.bus().KillProvider();
  AwaitRefusal(Reason::kVaultUnreachable);
  ExpectLiveSessionIsServed();
  env_.bus().StartProvider(false);
  AwaitRefusal(Reason::kVaultLocked);
  env_.bus().Unlock();
  ExpectRecovery();
}

TEST_F(KeyringTroubleTest, RecoversFromStoppedProvider) {
  Begin();
  env_.bus().StopProvider();
  AwaitRefusal(Reason::kVaultUnreachable);
  ExpectLiveSessionIsServed();
  env_.bus().ContinueProvider();
  ExpectRecovery();
}

TEST_F(KeyringTroubleTest, RecoversFromKilledBus) {
  Begin();
  env_.bus().KillBus();
  AwaitRefusal(Reason::kVaultUnreachable);
  ExpectLiveSessionIsServed();
  env_.bus().StartBus();
  env_.bus().StartProvider(true);
  ExpectRecovery();
}

TEST(NoKeyringTest, BrokerFindsABusThatStartsLater) {
  TestEnvironment::Options options;
  options.keyring = PrivateBus::Start::kNothing;
  TestEnvironment env(options);
  env.StartBroker();
  EXPECT_EQ(env.WhyNoSession(kPayables), Reason::kVaultUnreachable);
  env.bus().StartBus();
  env.bus().StartProvider(true);
  Await([&] { return env.CreateAcme().ok(); }, "the keyring to take a credential");
  EXPECT_THAT(env.sessions().GetSession(kPayables), IsOk());
}

// Other programs are secret-tool, Seahorse and similar.
TEST_F(KeyringTroubleTest, DetectsChangesByOtherPrograms) {
  Begin();
  EXPECT_EQ(env_.CountEvents("vault_changed_elsewhere"), 0);
  const PrivateBus::Attributes item = {{"application", "billbroker"},
                                       {"instance", "default"},
                                       {"kind", "credential"},
                                       {"credential", kBooks}};
  (void)env_.bus().Run({"secret-tool", "clear", "application", "billbroker", "credential", kBooks});
  AwaitGetFails(kBooks, Reason::kUnknownCredential);
  EXPECT_GE(env_.CountEvents("vault_changed_elsewhere"), 1);
  ExpectLiveSessionIsServed();

  env_.bus().Plant(item, "by hand", "not ours");
  AwaitGetFails(kBooks, Reason::kVaultDocumentInvalid);
  EXPECT_THAT(env_.CreateBooks(), HasReason(Reason::kVaultDocumentInvalid));
  EXPECT_EQ(env_.Cli({"--output", "json", "status"}).Json()["vault"]["invalid_documents"],
            nlohmann::json({kBooks}));
  EXPECT_EQ(env_.bus().CountItems(item), 1);
  EXPECT_THAT(
      env_.bus().Run({"secret-tool", "lookup", "application", "billbroker", "credential", kBooks}),
      HasSubstr("not ours"));
}

}  // namespace
}  // namespace billbroker
