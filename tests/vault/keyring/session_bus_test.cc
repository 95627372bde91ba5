// Prompts, providers and peers of the session bus, with the stub Secret Service on a private bus.
#include "vault/keyring/session_bus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/support/await.h"
#include "tests/support/child_process.h"
#include "tests/support/private_bus.h"
#include "tests/support/status_matchers.h"
#include "tests/support/stub_secret_service.h"
#include "tests/vault/keyring/open_vault.h"
#include "tests/vault/vault_contract.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;

using Start = PrivateBus::Start;

class SessionBusTest : public ::testing::Test {
 protected:
  SessionBusTest() {
    bus_.Export();
    vault_ = OpenVault({}, /*prompts=*/true);
  }

  // Starts to create first_, whose prompt nobody answers, and returns once it is shown.
  std::future<absl::Status> CreateUntilPrompt() {
    stub_.Inject(StubFault::AnswerPrompt("Collection.CreateItem", StubPrompt::kByTest).Once());
    std::future<absl::Status> created = std::async(std::launch::async, [this] {
      vault_->AllowPrompts(true);
      return vault_->Create(first_);
    });
    Await([this] { return stub_.CountCalls("Prompt.Prompt") == 1; }, "the prompt");
    EXPECT_THAT(vault_->Probe(), IsOk());  // waits until the call of the prompt was answered
    return created;
  }
  // Expects the end of the prompt long before its timeout.
  static void ExpectEnds(std::future<absl::Status> created, VaultState state, const char* text) {
    ASSERT_TRUE(AwaitReady(created, "the end of the prompt"));
    const absl::Status end = created.get();
    EXPECT_EQ(VaultStateOf(end), state) << end;
    EXPECT_THAT(std::string(end.message()), HasSubstr(text));
    EXPECT_THAT(end, HasMetadata("outcome", "unknown"));
  }

  PrivateBus bus_{Start::kBus};
  StubSecretService stub_{bus_.address()};
  std::unique_ptr<KeyringVault> vault_;
  const Credential first_ = SampleUser("acme-payables-user");
};

TEST_F(SessionBusTest, ProviderThatEndsEndsItsPrompt) {
  std::future<absl::Status> created = CreateUntilPrompt();
  stub_.Stop();
  ExpectEnds(std::move(created), VaultState::kNoProvider,
             "the Secret Service ended before the change was confirmed");
  stub_.Start();
  EXPECT_THAT(vault_->Create(first_), IsOk());
}

TEST_F(SessionBusTest, RestartedProviderEndsItsPrompt) {
  std::future<absl::Status> created = CreateUntilPrompt();
  stub_.Restart();
  ExpectEnds(std::move(created), VaultState::kNoProvider,
             "the Secret Service ended before the change was confirmed");
  EXPECT_THAT(vault_->Create(first_), IsOk());
}

TEST_F(SessionBusTest, BusThatEndsEndsThePrompt) {
  std::future<absl::Status> created = CreateUntilPrompt();
  bus_.KillBus();
  ExpectEnds(std::move(created), VaultState::kNoBus,
             "the D-Bus session bus ended before the change was confirmed");
}

TEST_F(SessionBusTest, RefusedPromptIsNamed) {
  std::future<absl::Status> created = CreateUntilPrompt();
  stub_.CompletePrompts(/*dismissed=*/true);
  ExpectEnds(std::move(created), VaultState::kNeedsConfirmation, "a person refused the change");
}

TEST_F(SessionBusTest, PromptedChangesAreTheBrokersOwn) {
  stub_.Inject(StubFault::AnswerPrompt("Collection.CreateItem", StubPrompt::kWhenCalled));
  stub_.Inject(StubFault::AnswerPrompt("Item.Delete", StubPrompt::kWhenCalled));
  const auto is_reported = [this] {
    EXPECT_THAT(vault_->Probe(), IsOk());
    return vault_->TakeChangedElsewhere();
  };
  EXPECT_TRUE(is_reported()) << "the provider that was found";
  ASSERT_THAT(vault_->Create(first_), IsOk());
  EXPECT_FALSE(is_reported());
  ASSERT_THAT(vault_->Delete(first_.name, first_.uid, first_.version), IsOk());
  EXPECT_FALSE(is_reported());
  EXPECT_EQ(stub_.CountCalls("Prompt.Prompt"), 2);
  const std::uint64_t takeovers = vault_->provider().takeovers;

  stub_.Plant({{"instance", "default"}}, "of another program", "its-secret-bytes");
  Await(is_reported, "the item of another program");
  EXPECT_EQ(vault_->provider().takeovers, takeovers);
  stub_.Restart();
  Await(is_reported, "the restart");
  EXPECT_NE(vault_->provider().takeovers, takeovers);
}

TEST_F(SessionBusTest, DismissedPromptIsForgotten) {
  stub_.Lock(StubLock::kNeedsPerson);
  const Deadline deadline = Deadline::After(absl::Seconds(30));
  SessionBus bus;
  ASSERT_THAT(bus.Open(deadline), IsOk());
  const char* paths[] = {"/org/freedesktop/secrets/aliases/default"};
  const absl::StatusOr<GVariantPtr> unlocking =
      bus.Call(kSecretServicePath, "org.freedesktop.Secret.Service", "Unlock",
               g_variant_new("(@ao)", g_variant_new_objv(paths, 1)), "(aoo)", deadline);
  ASSERT_THAT(unlocking, IsOk());
  const char* prompt = nullptr;
  g_variant_get_child(unlocking->get(), 1, "&o", &prompt);
  auto held = std::make_shared<int>(0);
  const std::weak_ptr<int> receiver = held;
  ASSERT_THAT(
      bus.ShowPrompt(
          prompt, [held = std::move(held)](const absl::StatusOr<std::string>&) { FAIL() << *held; },
          deadline),
      IsOk());
  EXPECT_FALSE(receiver.expired());
  bus.DismissPrompt(prompt);
  EXPECT_TRUE(receiver.expired());
}

// A broker as root on the bus of a user, or a bus that another user bound to the same path.
TEST(ForeignBusTest, BusThatAdmitsUsGetsNoCall) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may start a bus of another user";
  PrivateBus bus(Start::kNothing);
  bus.StartBusAs(65534, PrivateBus::Guests::kAdmitted);
  bus.Export();
  StubSecretService stub(bus.address());
  const auto vault = OpenVault();
  const std::string text = absl::StrCat("the D-Bus session bus at ", bus.address(),
                                        " belongs to uid 65534, and the broker runs as uid 0");
  for (const absl::Status& refused : {vault->Probe(), vault->CreateMasterKey().status()}) {
    EXPECT_EQ(VaultStateOf(refused), VaultState::kNoBus);
    EXPECT_EQ(VaultFindingOf(refused).what, text);
  }
  EXPECT_EQ(vault->provider().bus_address, bus.address());
  EXPECT_EQ(stub.CountCalls(), 0);
  // The user's own bus at the same path is used.
  stub.Stop();
  bus.KillBus();
  bus.StartBus();
  stub.Start();
  EXPECT_THAT(vault->Probe(), IsOk());
}

// gnome-keyring under another name.
std::unique_ptr<ChildProcess> StartProviderAs(const std::string& program, const PrivateBus& bus) {
  const std::string command = absl::StrCat(
      "exec -a ", program, " gnome-keyring-daemon --foreground --unlock --components=secrets");
  return std::make_unique<ChildProcess>(ChildOptions{
      {"bash", "-c", command}, bus.environment(), PrivateBus::kPassword, bus.folder() + "/log"});
}

TEST(NoProviderTest, FixFitsTheLastProvider) {
  PrivateBus bus(Start::kBus);
  bus.Export();
  const auto vault = OpenVault();
  EXPECT_THAT(VaultFindingOf(vault->Probe()).fix, HasSubstr("for gnome-keyring with"));
  struct LastProvider {
    const char* program;
    const char* fix;
  };
  for (const LastProvider& last :
       {LastProvider{"keepassxc", "start KeePassXC"}, LastProvider{"kwalletd5", "start KWallet"},
        LastProvider{"gnome-keyring-daemon", "for gnome-keyring with"}}) {
    std::unique_ptr<ChildProcess> provider = StartProviderAs(last.program, bus);
    // A provider that appears during a probe is named by the next one.
    Await([&] { return vault->Probe().ok() && vault->provider().program == last.program; },
          last.program);
    provider.reset();
    Await([&] { return VaultStateOf(vault->Probe()) == VaultState::kNoProvider; }, "its end");
    EXPECT_THAT(VaultFindingOf(vault->Probe()).fix, HasSubstr(last.fix));
    EXPECT_THAT(VaultFindingOf(vault->MasterKey().status()).fix, HasSubstr(last.fix));
    EXPECT_EQ(vault->provider().program, "");
  }
}

}  // namespace
}  // namespace billbroker
