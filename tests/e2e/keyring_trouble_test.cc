// The keyring locked, killed or stopped, or its bus killed: the broker serves live sessions,
// reports the state of the keyring otherwise, and recovers by itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/types/optional.h"
#include "tests/e2e/test_environment.h"
#include "tests/support/await.h"
#include "tests/support/child_process.h"
#include "tests/support/mute_socket.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

TestEnvironment::Options WithShortTimeout() {
  TestEnvironment::Options options;
  options.keyring_timeout = absl::Seconds(3);
  return options;
}

void AwaitState(TestEnvironment& env, v1::VaultState state) {
  Await([&] { return env.admin().GetStatus()->vault().state() == state; },
        "the state " + v1::VaultState_Name(state));
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
  AwaitState(env_, v1::VAULT_STATE_LOCKED);
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

// A bus that cannot be used: the broker and `doctor` name its address and the reason.
class UnusableBusTest : public ::testing::Test {
 protected:
  // Expects that the broker and a `doctor` without a broker report the bus with `reason`.
  void ExpectNoBus(const std::string& reason) {
    env_.StartBroker();
    AwaitState(env_, v1::VAULT_STATE_NO_BUS);
    const std::string text =
        absl::StrCat("the D-Bus session bus at ", env_.bus().address(), " ", reason);
    EXPECT_EQ(env_.admin().GetStatus()->vault().detail(), text);
    EXPECT_GE(env_.CountEvents("vault_state", {{"state", "NO_BUS"}, {"message", text}}), 1);
    const std::string of_broker = env_.Cli({"doctor"}).text;
    EXPECT_THAT(of_broker, HasSubstr("the broker's keyring: " + text));
    EXPECT_THAT(of_broker, Not(HasSubstr("the D-Bus session bus answers")));
    EXPECT_EQ(env_.StopBroker(), 0);
    EXPECT_THAT(env_.Cli({"doctor"}).text, HasSubstr("your keyring: " + text));
  }

  TestEnvironment env_{[] {
    TestEnvironment::Options options;
    options.keyring = PrivateBus::Start::kNothing;
    return options;
  }()};
};

TEST_F(UnusableBusTest, MuteBusDoesNotAnswer) {
  const MuteSocket bus(env_.bus().folder() + "/bus");
  ExpectNoBus("does not answer");
}

TEST_F(UnusableBusTest, BusOfAnotherUserIsNamed) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may start a bus of another user";
  const std::string& folder = env_.bus().folder();
  ASSERT_EQ(::chmod(folder.c_str(), 0777), 0);
  const ChildProcess bus({{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--",
                           "dbus-daemon", "--nofork", "--config-file=" + folder + "/bus.conf"},
                          env_.environment(),
                          "",
                          folder + "/foreign-bus.log"});
  Await([&] { return std::filesystem::exists(folder + "/bus"); }, "the socket of the bus");
  ExpectNoBus("belongs to uid 65534, and the broker runs as uid 0");
}

// The fixes that the broker recommends, as a person follows them.
class KeyringFixTest : public ::testing::Test {
 protected:
  ~KeyringFixTest() override {
    for (const pid_t pid : started_) ::kill(pid, SIGKILL);
  }

  void StartBroker(PrivateBus::Start keyring) {
    TestEnvironment::Options options;
    options.keyring = keyring;
    env_.emplace(options);
    if (keyring == PrivateBus::Start::kBus) env_->bus().StartProvider(/*unlocked=*/false);
    env_->StartBroker();
  }
  nlohmann::json VaultStatus() { return env_->Cli({"--output", "json", "status"}).Json()["vault"]; }
  // Runs the command that `fix` quotes, on the bus that the broker shows.
  void Follow(const std::string& password) {
    const nlohmann::json vault = VaultStatus();
    const std::vector<std::string> parts = absl::StrSplit(vault["fix"].get<std::string>(), '\'');
    ASSERT_THAT(parts, SizeIs(Ge(3u)));
    const std::string& command = parts[1];
    EXPECT_THAT(command, StartsWith("gnome-keyring-daemon "));
    const std::string bus = vault["bus_address"];
    const std::vector<pid_t> before = env_->bus().ProviderPids();
    const std::string output =
        env_->bus().Run({"env", "--unset=DBUS_SESSION_BUS_ADDRESS", "sh", "-c",
                         absl::StrCat("DBUS_SESSION_BUS_ADDRESS='", bus, "' ", command)},
                        password);
    Await(
        [&] {
          started_ = env_->bus().ProviderPids();
          return !started_.empty() && started_ != before;
        },
        "another Secret Service after: " + output);
    EXPECT_THAT(started_, SizeIs(1)) << "one process owns the name, and no other waits for it";
  }

  absl::optional<TestEnvironment> env_;
  std::vector<pid_t> started_;
};

TEST_F(KeyringFixTest, CreatesTheMissingKeyring) {
  StartBroker(PrivateBus::Start::kBus);
  AwaitState(*env_, v1::VAULT_STATE_NO_COLLECTION);
  Follow("a new password of the keyring");
  AwaitState(*env_, v1::VAULT_STATE_READY);
  Await([&] { return env_->CreateAcme().ok(); }, "the keyring to take a credential");
}

TEST_F(KeyringFixTest, UnlocksTheKeyring) {
  StartBroker(PrivateBus::Start::kBusAndUnlockedProvider);
  ASSERT_THAT(env_->CreateAcme(), IsOk());
  env_->bus().Lock();
  AwaitState(*env_, v1::VAULT_STATE_LOCKED);
  Follow(PrivateBus::kPassword);
  AwaitState(*env_, v1::VAULT_STATE_READY);
  EXPECT_THAT(env_->sessions().GetSession(kPayables), IsOk());
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
