// The keyring locked, killed, stopped, its bus gone: live sessions are served, the rest is said,
// and it recovers by itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/house.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

House::Options KeyringThatMayHang() {
  House::Options options;
  options.keyring_timeout = absl::Seconds(3);
  return options;
}

class KeyringTroubleTest : public ::testing::Test {
 protected:
  // With a live session of the payables, and none of the bakery, whose credential was never read: a
  // read one is held in memory for a second after its last use.
  void Begin() {
    house.StartBroker();
    ASSERT_EQ(house.CreateAcme(), absl::OkStatus());
    ASSERT_EQ(house.CreateBooks(), absl::OkStatus());
    const absl::StatusOr<ClientSession> session = house.sessions().GetSession(kPayables);
    ASSERT_TRUE(session.ok()) << session.status();
    generation = session->generation;
  }
  void ExpectLiveSessionIsServed() {
    const absl::StatusOr<ClientSession> session = house.sessions().GetSession(kPayables);
    ASSERT_TRUE(session.ok()) << session.status();
    EXPECT_EQ(session->generation, generation);
  }
  void ExpectRecovery() {
    EXPECT_TRUE(Eventually([&] { return house.sessions().GetSession(kBakery).ok(); }))
        << house.sessions().GetSession(kBakery).status();
  }
  bool BecomesRefusedFor(Reason reason) {
    return Eventually([&] { return house.WhyNoSession(kBakery) == reason; });
  }

  House house{KeyringThatMayHang()};
  std::uint64_t generation = 0;
};

TEST_F(KeyringTroubleTest, LockedWhileRunning) {
  Begin();
  house.bus().Lock();
  EXPECT_TRUE(BecomesRefusedFor(Reason::kVaultLocked));
  ExpectLiveSessionIsServed();
  EXPECT_TRUE(Eventually(
      [&] { return house.admin().GetStatus()->vault().state() == v1::VAULT_STATE_LOCKED; }));
  house.bus().Unlock();
  ExpectRecovery();
}

TEST_F(KeyringTroubleTest, LockedAtStartIsNotTakenForEmpty) {
  Begin();
  EXPECT_EQ(house.StopBroker(), 0);
  house.bus().Lock();
  house.StartBroker();
  EXPECT_TRUE(Eventually([&] { return house.WhyNoSession(kPayables) == Reason::kVaultLocked; }));
  EXPECT_TRUE(HasReason(house.credentials().Get("acme").status(), Reason::kVaultLocked));
  // The audit log has no key either, but that is not what wants mending.
  const absl::Status change = house.CreateBooks();
  EXPECT_TRUE(HasReason(change, Reason::kVaultLocked)) << change;
  EXPECT_FALSE(house.admin().GetStatus()->vault().all_credentials_read());
  house.bus().Unlock();
  ExpectRecovery();
  EXPECT_TRUE(house.admin().GetStatus()->vault().all_credentials_read());
}

TEST_F(KeyringTroubleTest, ProviderKilledAndBackLockedAndThenUnlocked) {
  Begin();
  house.bus().KillProvider();
  EXPECT_TRUE(BecomesRefusedFor(Reason::kVaultUnreachable));
  ExpectLiveSessionIsServed();
  house.bus().StartProvider(false);
  EXPECT_TRUE(BecomesRefusedFor(Reason::kVaultLocked));
  house.bus().Unlock();
  ExpectRecovery();
}

TEST_F(KeyringTroubleTest, ProviderStoppedAndContinued) {
  Begin();
  house.bus().StopProvider();
  EXPECT_TRUE(BecomesRefusedFor(Reason::kVaultUnreachable));
  ExpectLiveSessionIsServed();
  house.bus().ContinueProvider();
  ExpectRecovery();
}

TEST_F(KeyringTroubleTest, BusKilledAndRestarted) {
  Begin();
  house.bus().KillBus();
  EXPECT_TRUE(BecomesRefusedFor(Reason::kVaultUnreachable));
  ExpectLiveSessionIsServed();
  house.bus().StartBus();
  house.bus().StartProvider(true);
  ExpectRecovery();
}

TEST(NoKeyringTest, TheBrokerStartsWithoutABusAndFindsItWhenItComes) {
  House::Options options;
  options.keyring = PrivateBus::Start::kNothing;
  House house(options);
  house.StartBroker();
  EXPECT_EQ(house.WhyNoSession(kPayables), Reason::kVaultUnreachable);
  house.bus().StartBus();
  house.bus().StartProvider(true);
  EXPECT_TRUE(Eventually([&] { return house.CreateAcme().ok(); }));
  EXPECT_TRUE(house.sessions().GetSession(kPayables).ok());
}

// By secret-tool, another tool, a person in Seahorse.
TEST_F(KeyringTroubleTest, AChangeBehindTheBrokersBackIsNoticed) {
  Begin();
  EXPECT_THAT(house.Log(), Not(HasSubstr("vault_changed_elsewhere")));
  const PrivateBus::Attributes item = {{"application", "billbroker"},
                                       {"instance", "default"},
                                       {"kind", "credential"},
                                       {"credential", "books"}};
  (void)house.bus().Run(
      {"secret-tool", "clear", "application", "billbroker", "credential", "books"});
  EXPECT_TRUE(Eventually([&] {
    return HasReason(house.credentials().Get("books").status(), Reason::kUnknownCredential);
  }));
  EXPECT_THAT(house.Log(), HasSubstr("vault_changed_elsewhere"));
  ExpectLiveSessionIsServed();

  house.bus().Plant(item, "by hand", "not ours");
  EXPECT_TRUE(Eventually([&] {
    return HasReason(house.credentials().Get("books").status(), Reason::kVaultDocumentInvalid);
  }));
  EXPECT_TRUE(HasReason(house.CreateBooks(), Reason::kVaultDocumentInvalid));
  EXPECT_THAT(house.Cli({"status"}).text, HasSubstr("books"));
  EXPECT_EQ(house.bus().CountItems(item), 1);
  EXPECT_THAT(house.bus().Run(
                  {"secret-tool", "lookup", "application", "billbroker", "credential", "books"}),
              HasSubstr("not ours"));
}

}  // namespace
}  // namespace billbroker
