#include "server/session/warm_watches.h"

#include <gtest/gtest.h>

#include "tests/support/sample_ids.h"

namespace billbroker {
namespace {

constexpr char kWatcher[] = "unix:accounts-payable-watcher";
constexpr char kNewerWatcher[] = "unix:another-newer-watcher";

TEST(WarmWatchesTest, KeepsAnOrganizationWarmForOneCredential) {
  WarmWatches watches;
  watches.Start(kFirstOrganization, kAcme, kWatcher);
  EXPECT_TRUE(watches.Contains(kFirstOrganization, kAcme));
  EXPECT_FALSE(watches.Contains(kFirstOrganization, "another-credential-of-it"));
  EXPECT_FALSE(watches.Contains(kSecondOrganization, kAcme));
}

TEST(WarmWatchesTest, EmptyNameCoversEveryCredential) {
  WarmWatches watches;
  watches.Start(kFirstOrganization, "", kWatcher);
  EXPECT_TRUE(watches.Contains(kFirstOrganization, kAcme));
  EXPECT_EQ(watches.FindPrincipal(kFirstOrganization, kAcme), kWatcher);
  watches.Stop(kFirstOrganization, "", kWatcher);
  EXPECT_FALSE(watches.Contains(kFirstOrganization, kAcme));
}

TEST(WarmWatchesTest, LastStopEndsIt) {
  WarmWatches watches;
  watches.Start(kFirstOrganization, kAcme, kWatcher);
  watches.Start(kFirstOrganization, kAcme, kNewerWatcher);
  watches.Stop(kFirstOrganization, kAcme, kNewerWatcher);
  EXPECT_TRUE(watches.Contains(kFirstOrganization, kAcme));
  watches.Stop(kFirstOrganization, kAcme, kWatcher);
  EXPECT_FALSE(watches.Contains(kFirstOrganization, kAcme));
}

TEST(WarmWatchesTest, ExtraStopHasNoEffect) {
  WarmWatches watches;
  watches.Stop(kFirstOrganization, kAcme, kWatcher);
  watches.Start(kFirstOrganization, kAcme, kWatcher);
  EXPECT_TRUE(watches.Contains(kFirstOrganization, kAcme));
}

TEST(WarmWatchesTest, NewestWatchIsCharged) {
  WarmWatches watches;
  EXPECT_EQ(watches.FindPrincipal(kFirstOrganization, kAcme), "");
  watches.Start(kFirstOrganization, kAcme, kWatcher);
  watches.Start(kFirstOrganization, kAcme, kNewerWatcher);
  EXPECT_EQ(watches.FindPrincipal(kFirstOrganization, kAcme), kNewerWatcher);
}

TEST(WarmWatchesTest, EarlierWatchIsChargedAfterTheNewestEnds) {
  WarmWatches watches;
  watches.Start(kFirstOrganization, kAcme, kWatcher);
  watches.Start(kFirstOrganization, kAcme, kNewerWatcher);
  watches.Stop(kFirstOrganization, kAcme, kNewerWatcher);
  EXPECT_EQ(watches.FindPrincipal(kFirstOrganization, kAcme), kWatcher);
}

TEST(WarmWatchesTest, WatchOfTheNamedCredentialIsChargedFirst) {
  WarmWatches watches;
  watches.Start(kFirstOrganization, kAcme, kWatcher);
  watches.Start(kFirstOrganization, "", kNewerWatcher);
  EXPECT_EQ(watches.FindPrincipal(kFirstOrganization, kAcme), kWatcher);
}

}  // namespace
}  // namespace billbroker
