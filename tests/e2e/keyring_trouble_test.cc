// The keyring locked, killed, stopped, its bus gone: live sessions are served, the rest is said,
// and it recovers by itself.
#include <gtest/gtest.h>

#include "tests/e2e/house.h"

namespace billbroker {
namespace {

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

  House house;
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
  EXPECT_FALSE(house.admin().GetStatus()->vault().directory_complete());
  house.bus().Unlock();
  ExpectRecovery();
  EXPECT_TRUE(house.admin().GetStatus()->vault().directory_complete());
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

}  // namespace
}  // namespace billbroker
