// The stub Secret Service with secret-tool, the keyring vault and raw D-Bus calls.
#include "tests/support/stub_secret_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/support/await.h"
#include "tests/support/private_bus.h"
#include "tests/support/raw_secret_client.h"
#include "tests/support/seeded_random.h"
#include "tests/support/status_matchers.h"
#include "tests/vault/keyring/open_vault.h"
#include "tests/vault/vault_contract.h"
#include "vault/keyring/keyring_vault.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Start = PrivateBus::Start;

constexpr char kService[] = "/org/freedesktop/secrets";
constexpr char kDefaultCollection[] = "/org/freedesktop/secrets/aliases/default";
const StubAttributes kMill = {{"credential", "mill-payables-user"}};
const StubAttributes kAcme = {{"credential", "acme-payables-user"}};

class StubUnderTest final : public VaultUnderTest {
 public:
  explicit StubUnderTest(StubBehaviour behaviour) : stub_(bus_.address(), std::move(behaviour)) {
    bus_.Export();
    vault_ = OpenVault();
  }
  Vault& vault() override { return *vault_; }
  void Lock() override { stub_.Lock(); }
  void Unlock() override { stub_.Unlock(); }
  void PutForeign(absl::string_view name) override {
    stub_.Plant({{"application", "billbroker"},
                 {"instance", "default"},
                 {"kind", "credential"},
                 {"credential", std::string(name)}},
                "foreign", R"({"user":"me"})");
  }

 private:
  PrivateBus bus_{Start::kBus};
  StubSecretService stub_;
  std::unique_ptr<KeyringVault> vault_;
};

template <StubBehaviour (*Make)()>
std::unique_ptr<VaultUnderTest> MakeVault() {
  return std::make_unique<StubUnderTest>(Make());
}

INSTANTIATE_TEST_SUITE_P(
    Stub, VaultContract,
    testing::Values(VaultKind{"stub-gnome-keyring", MakeVault<StubBehaviour::GnomeKeyring>},
                    VaultKind{"stub-kwallet", MakeVault<StubBehaviour::KWallet>}));

class StubSecretServiceTest : public testing::Test {
 protected:
  static GVariant* Unlocking(const std::string& path) {
    return g_variant_new("(@ao)", StubPathsVariant({path}));
  }
  bool AwaitSignal(const std::string& name) {
    return Await(
        [&] {
          for (const std::string& got : client_.TakeSignals()) {
            if (got == name) return true;
          }
          return false;
        },
        name);
  }

  PrivateBus bus_{Start::kBus};
  StubSecretService stub_{bus_.address()};
  RawSecretClient client_{bus_};
};

class SecretToolTest : public testing::TestWithParam<StubBehaviour (*)()> {};

TEST_P(SecretToolTest, StoresFindsAndClears) {
  const PrivateBus bus(Start::kBus);
  StubSecretService stub(bus.address(), GetParam()());
  const std::string stored = bus.Run(
      {"sh", "-c", "printf the-secret-itself | secret-tool store --label=our-own-label key value"});
  EXPECT_EQ(stored, "");
  EXPECT_EQ(bus.Run({"secret-tool", "lookup", "key", "value"}), "the-secret-itself");
  EXPECT_THAT(bus.Run({"secret-tool", "search", "--all", "key", "value"}),
              HasSubstr("label = our-own-label"));
  ASSERT_EQ(stub.CountItems({{"key", "value"}}), 1);
  EXPECT_EQ(stub.Items()[0].secret, "the-secret-itself");
  EXPECT_EQ(bus.Run({"secret-tool", "clear", "key", "value"}), "");
  EXPECT_EQ(stub.CountItems(), 0);
}

StubBehaviour PlainOnly() {
  StubBehaviour behaviour;
  behaviour.plain_only = true;
  return behaviour;
}

INSTANTIATE_TEST_SUITE_P(Kinds, SecretToolTest,
                         testing::Values(StubBehaviour::GnomeKeyring, StubBehaviour::KeePassXc,
                                         StubBehaviour::KWallet, PlainOnly));

TEST_F(StubSecretServiceTest, VaultWriteWithLostAnswerIsStored) {
  bus_.Export();
  KeyringOptions options;
  options.call_timeout = absl::Milliseconds(400);
  const auto vault = OpenVault(options);
  const Credential credential = SampleUser("acme-payables-user");
  ASSERT_THAT(vault->Create(credential), IsOk());
  stub_.Inject(StubFault::LoseAnswer("*").ForItem(kAcme));
  EXPECT_FALSE(vault->Create(SampleUser("acme-payables-user")).ok());
  EXPECT_FALSE(vault->Replace(NextVersionOf(credential)).ok());
  stub_.Heal();
  EXPECT_THAT(vault->Load("acme-payables-user"), IsOk());
  EXPECT_EQ(stub_.CountItems(kAcme), 1);
}

TEST_F(StubSecretServiceTest, LoadsThroughEncryptedSession) {
  bus_.Export();
  const auto vault = OpenVault();
  ASSERT_THAT(vault->Create(SampleUser("acme-payables-user")), IsOk());
  EXPECT_THAT(OpenVault()->Load("acme-payables-user"), IsOk());
  stub_.RekeySessions();
  EXPECT_FALSE(OpenVault()->Load("unknown-credential").ok());
}

TEST_F(StubSecretServiceTest, AnswersWithScriptedError) {
  stub_.Inject(StubFault::Error("Service.SearchItems", "org.example.Broken").Times(2));
  EXPECT_EQ(client_.Search(kAcme).error, "org.example.Broken");
  EXPECT_EQ(client_.Search(kAcme).error, "org.example.Broken");
  EXPECT_NE(client_.Search(kAcme).body, nullptr);
}

TEST_F(StubSecretServiceTest, WritesAndAnswersWithError) {
  const std::string item = stub_.Plant(kAcme, "acme", "old-secret-bytes");
  stub_.Inject(StubFault::ErrorAfter("Item.SetSecret", stub_error::kFailed));
  const std::string session = client_.OpenSession();
  EXPECT_EQ(client_.SetSecret(session, item, "new-secret-bytes").error, stub_error::kFailed);
  EXPECT_EQ(stub_.Secret(item), "new-secret-bytes");
}

TEST_F(StubSecretServiceTest, SendsSignalBeforeAnswer) {
  stub_.Inject(StubFault::SignalFirst("Properties.GetAll",
                                      {"Service.CollectionCreated", "/not/a/collection"}));
  GVariant* interface = g_variant_new("(s)", "org.freedesktop.Secret.Service");
  EXPECT_NE(client_.Call(kService, "Properties.GetAll", interface).body, nullptr);
  EXPECT_TRUE(AwaitSignal("CollectionCreated"));
}

TEST_F(StubSecretServiceTest, LimitsFaultToItem) {
  const std::string acme = stub_.Plant(kAcme, "acme", "acme-secret-bytes");
  const std::string mill = stub_.Plant(kMill, "mill", "mill-secret-bytes");
  stub_.Inject(StubFault::Error("Item.*", stub_error::kFailed).ForItem(kAcme));
  const std::string session = client_.OpenSession();
  EXPECT_EQ(client_.GetSecret(session, acme), stub_error::kFailed);
  EXPECT_EQ(client_.GetSecret(session, mill), "mill-secret-bytes");
}

TEST_F(StubSecretServiceTest, PretendsToWrite) {
  const std::string item = stub_.Plant(kAcme, "acme", "old-secret-bytes");
  const std::string session = client_.OpenSession();
  stub_.Inject(StubFault::Pretend("Item.*").Times(2));
  EXPECT_NE(client_.SetSecret(session, item, "new-secret-bytes").body, nullptr);
  EXPECT_NE(client_.Call(item, "Item.Delete", nullptr).body, nullptr);
  EXPECT_EQ(stub_.Secret(item), "old-secret-bytes");
  EXPECT_NE(client_.SetSecret(session, item, "new-secret-bytes").body, nullptr);
  EXPECT_EQ(stub_.Secret(item), "new-secret-bytes");
}

TEST_F(StubSecretServiceTest, DistinguishesLostAnswerAndHang) {
  const std::string item = stub_.Plant(kAcme, "acme", "old-secret-bytes");
  const std::string session = client_.OpenSession();
  constexpr absl::Duration kShort = absl::Milliseconds(100);
  stub_.Inject(StubFault::Hang("Item.SetSecret").Once());
  stub_.Inject(StubFault::LoseAnswer("Item.SetSecret").Once());
  EXPECT_EQ(client_.SetSecret(session, item, "hung-secret-bytes", kShort).body, nullptr);
  EXPECT_EQ(stub_.Secret(item), "old-secret-bytes");
  EXPECT_EQ(client_.SetSecret(session, item, "lost-secret-bytes", kShort).body, nullptr);
  EXPECT_EQ(stub_.Secret(item), "lost-secret-bytes");
}

TEST_F(StubSecretServiceTest, HeldCallIsDoneOnRelease) {
  const std::string item = stub_.Plant(kAcme, "acme", "old-secret-bytes");
  const std::string session = client_.OpenSession();
  stub_.Inject(StubFault::Hold("Item.SetSecret").Once());
  std::future<bool> written = std::async(std::launch::async, [&] {
    return client_.SetSecret(session, item, "late-secret-bytes").body != nullptr;
  });
  ASSERT_TRUE(Await([&] { return stub_.CountHeld() == 1; }, "the held call"));
  EXPECT_EQ(stub_.Secret(item), "old-secret-bytes");
  stub_.ReleaseHeld();
  EXPECT_TRUE(written.get());
  EXPECT_EQ(stub_.Secret(item), "late-secret-bytes");
}

TEST_F(StubSecretServiceTest, DelayedCallCommitsLate) {
  const std::string item = stub_.Plant(kAcme, "acme", "old-secret-bytes");
  const std::string session = client_.OpenSession();
  stub_.Inject(StubFault::DelayCall("Item.SetSecret", absl::Milliseconds(200)).Once());
  const absl::Duration timeout = absl::Milliseconds(20);
  EXPECT_EQ(client_.SetSecret(session, item, "late-secret-bytes", timeout).body, nullptr);
  Await([&] { return stub_.Secret(item) == "late-secret-bytes"; }, "the late write");
}

TEST_F(StubSecretServiceTest, OmitsItemFromAnswers) {
  const std::string acme = stub_.Plant(kAcme, "acme", "acme-secret-bytes");
  const std::string mill = stub_.Plant(kMill, "mill", "mill-secret-bytes");
  stub_.Inject(StubFault::Omit("Service.SearchItems").ForPath(acme).Once());
  stub_.Inject(StubFault::Omit("Service.SearchItems").Once());
  EXPECT_THAT(RawSecretClient::Paths(client_.Search({})), ElementsAre(mill));
  EXPECT_THAT(RawSecretClient::Paths(client_.Search({})), IsEmpty());
  EXPECT_THAT(RawSecretClient::Paths(client_.Search({})), ElementsAre(acme, mill));
}

TEST_F(StubSecretServiceTest, AnswersWithWrongPathsAndTypes) {
  stub_.Plant(kAcme, "acme", "acme-secret-bytes");
  stub_.Inject(StubFault::WrongPaths("Service.SearchItems", "/elsewhere").Once());
  stub_.Inject(StubFault::WrongType("Service.SearchItems").Once());
  EXPECT_THAT(RawSecretClient::Paths(client_.Search(kAcme)), ElementsAre("/elsewhere"));
  EXPECT_STREQ(g_variant_get_type_string(client_.Search(kAcme).body.get()), "(u)");
}

TEST_F(StubSecretServiceTest, UnlockPromptWaitsForTest) {
  stub_.Plant(kAcme, "acme", "acme-secret-bytes");
  stub_.Lock();
  const std::string prompt = RawSecretClient::Paths(client_.Call(kService, "Service.Unlock",
                                                                 Unlocking(kDefaultCollection)))
                                 .at(0);
  EXPECT_NE(prompt, "/");
  EXPECT_EQ(stub_.CompletePrompts(/*dismissed=*/false), 0);
  EXPECT_NE(client_.Call(prompt, "Prompt.Prompt", g_variant_new("(s)", "")).body, nullptr);
  EXPECT_EQ(stub_.CompletePrompts(/*dismissed=*/false), 1);
  EXPECT_TRUE(AwaitSignal("Completed"));
  EXPECT_EQ(stub_.CountCalls("Prompt.*"), 1);
  EXPECT_FALSE(stub_.Items()[0].path.empty());
  EXPECT_THAT(bus_.Run({"secret-tool", "lookup", "credential", "acme-payables-user"}),
              "acme-secret-bytes");
}

TEST_F(StubSecretServiceTest, EmptyPasswordOpensOnRequest) {
  stub_.Plant(kAcme, "acme", "acme-secret-bytes");
  stub_.Lock(StubLock::kOpensOnRequest);
  EXPECT_EQ(bus_.Run({"secret-tool", "lookup", "credential", "acme-payables-user"}),
            "acme-secret-bytes");
  EXPECT_EQ(stub_.CountCalls("Prompt.*"), 0);
}

TEST_F(StubSecretServiceTest, RefusesStaleSessions) {
  const std::string item = stub_.Plant(kAcme, "acme", "acme-secret-bytes");
  for (const char* error : {stub_error::kNoSession, stub_error::kUnknownObject}) {
    const std::string session = client_.OpenSession();
    EXPECT_EQ(client_.GetSecret(session, item), "acme-secret-bytes");
    stub_.ForgetSessions(error);
    EXPECT_EQ(client_.GetSecret(session, item), error);
    stub_.ReuseSessionPaths();
    EXPECT_EQ(client_.OpenSession(), "/org/freedesktop/secrets/session/s1");
  }
}

TEST_F(StubSecretServiceTest, RestartChangesOwnerLockAndPaths) {
  const std::string item = stub_.Plant(kAcme, "acme", "acme-secret-bytes");
  const std::string session = client_.OpenSession();
  (void)client_.TakeSignals();
  StubSecretService::Change change;
  change.renumber = true;
  change.lock = StubLock::kNeedsPerson;
  change.announce_collections = true;
  stub_.Restart(change);
  EXPECT_TRUE(AwaitSignal("CollectionCreated"));
  EXPECT_EQ(client_.GetSecret(session, item), stub_error::kUnknownMethod);
  const std::string renumbered = stub_.Items(kAcme)[0].path;
  EXPECT_NE(renumbered, item);
  EXPECT_EQ(client_.GetSecret(client_.OpenSession(), renumbered), stub_error::kIsLocked);
}

TEST_F(StubSecretServiceTest, RestartsAsAnotherEmptyProvider) {
  stub_.Plant(kAcme, "acme", "acme-secret-bytes");
  StubSecretService::Change change;
  change.empty = true;
  change.kind = StubBehaviour::KeePassXc();
  stub_.Restart(change);
  EXPECT_EQ(stub_.CountItems(), 0);
  EXPECT_THAT(RawSecretClient::Paths(
                  client_.Call(kService, "Service.ReadAlias", g_variant_new("(s)", "default"))),
              ElementsAre("/org/freedesktop/secrets/collection/Passwords"));
}

TEST_F(StubSecretServiceTest, StoppedStubHasNoName) {
  stub_.Stop();
  EXPECT_EQ(client_.Search({}).error, "org.freedesktop.DBus.Error.NameHasNoOwner");
  stub_.Start();
  EXPECT_NE(client_.Search({}).body, nullptr);
}

TEST_F(StubSecretServiceTest, LosesAndForgesSignals) {
  stub_.SetSignals(false);
  const std::string item = stub_.Plant(kAcme, "acme", "acme-secret-bytes");
  stub_.Remove(item);
  stub_.SendSignal({"Collection.ItemChanged", item});
  Await(
      [&] {
        for (const std::string& name : client_.TakeSignals()) {
          EXPECT_NE(name, "ItemCreated");
          EXPECT_NE(name, "ItemDeleted");
          if (name == "ItemChanged") return true;
        }
        return false;
      },
      "the forged signal");
}

TEST_F(StubSecretServiceTest, CountsCalls) {
  (void)client_.Search({});
  (void)client_.OpenSession();
  EXPECT_EQ(stub_.CountCalls(), 2);
  EXPECT_EQ(stub_.CountCalls("Service.SearchItems"), 1);
  EXPECT_EQ(stub_.Calls()[0].path, kService);
  stub_.ResetCalls();
  EXPECT_THAT(stub_.Calls(), IsEmpty());
}

TEST_F(StubSecretServiceTest, DamagedSecretDiffersUntilHealed) {
  const std::string item = stub_.Plant(kAcme, "acme", "acme-secret-bytes");
  const std::string session = client_.OpenSession();
  stub_.Damage(item);
  EXPECT_NE(client_.GetSecret(session, item), "acme-secret-bytes");
  stub_.Heal();
  EXPECT_EQ(client_.GetSecret(session, item), "acme-secret-bytes");
}

TEST_F(StubSecretServiceTest, HealsRandomFaults) {
  stub_.Plant(kAcme, "acme", "acme-secret-bytes");
  SeededRandom random;
  std::set<std::string> seen;
  constexpr absl::Duration kShort = absl::Milliseconds(5);
  for (int round = 0; round < 200; ++round) {
    const std::string fault = stub_.InjectRandom(random);
    SCOPED_TRACE(absl::StrCat("round ", round, ": ", fault));
    seen.insert(fault.substr(0, fault.find(':')));
    (void)client_.Search(kAcme, kShort);
    (void)client_.Call(kDefaultCollection, "Properties.Get",
                       g_variant_new("(ss)", "org.freedesktop.Secret.Collection", "Locked"),
                       kShort);
    stub_.Heal();
    const std::vector<std::string> paths = RawSecretClient::Paths(client_.Search(kAcme));
    ASSERT_EQ(paths.size(), 1u);
    ASSERT_EQ(client_.GetSecret(client_.OpenSession(), paths[0]), "acme-secret-bytes");
  }
  EXPECT_GE(seen.size(), 15u);
}

TEST(StubSecretSessionTest, RekeyedSessionCannotReadSecret) {
  std::string own_key;
  const std::optional<StubSecretSession> session =
      StubSecretSession::Agree(std::string(128, '\x42'), own_key);
  ASSERT_TRUE(session.has_value());
  EXPECT_EQ(own_key.size(), 128u);
  StubSecretSession other = *session;
  const StubSecretSession::Sealed sealed = session->Seal("a secret of 23 letters.");
  EXPECT_EQ(other.Open(sealed), "a secret of 23 letters.");
  other.Rekey();
  EXPECT_NE(other.Open(sealed), "a secret of 23 letters.");
}

TEST(StubSecretSessionTest, RejectsInvalidPublicKeys) {
  std::string own_key;
  EXPECT_FALSE(StubSecretSession::Agree("", own_key).has_value());
  EXPECT_FALSE(StubSecretSession::Agree(std::string(1, '\x01'), own_key).has_value());
  EXPECT_FALSE(StubSecretSession::Agree(std::string(128, '\xff'), own_key).has_value());
}

}  // namespace
}  // namespace billbroker
