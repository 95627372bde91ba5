#include "server/session/slot_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "tests/support/sample_ids.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr char kAcmeUid[] = "uid-of-acme-accounts-payable";
constexpr char kZenith[] = "zenith-accounts-payable";
constexpr char kZenithUid[] = "uid-of-zenith-accounts-payable";

CredentialInfoPtr InfoWith(absl::string_view name, absl::string_view uid,
                           std::uint64_t version = 1) {
  auto info = std::make_shared<CredentialInfo>();
  info->name = std::string(name);
  info->uid = std::string(uid);
  info->version = version;
  return info;
}

class SlotTableTest : public ::testing::Test {
 protected:
  SessionSlot& Add(absl::string_view organization_id, const CredentialInfoPtr& credential) {
    return table.FindOrCreate(credential, organization_id);
  }
  // Returns "organization credential" of at most `max` slots after the given one.
  std::vector<std::string> ListAfter(absl::string_view organization_id = "",
                                     absl::string_view credential = "", std::size_t max = 100) {
    std::vector<std::string> listed;
    table.ForEachAfter(organization_id, credential, [&](SessionSlot& slot) {
      listed.push_back(absl::StrCat(slot.organization_id(), " ", slot.listed_name));
      return listed.size() < max;
    });
    return listed;
  }
  std::vector<const SessionSlot*> DueAt(absl::Duration now) {
    std::vector<const SessionSlot*> due;
    table.ForEachDue(now, [&](const SessionSlot& slot) { due.push_back(&slot); });
    return due;
  }

  const CredentialInfoPtr acme = InfoWith(kAcme, kAcmeUid);
  const CredentialInfoPtr zenith = InfoWith(kZenith, kZenithUid);
  SlotTable table;
};

TEST_F(SlotTableTest, MakesEachSlotOnce) {
  SessionSlot& slot = Add(kFirstOrganization, acme);
  EXPECT_EQ(slot.id, (SlotId{kAcmeUid, kFirstOrganization}));
  EXPECT_EQ(&Add(kFirstOrganization, acme), &slot);
  EXPECT_NE(&Add(kSecondOrganization, acme), &slot);
  EXPECT_NE(&Add(kFirstOrganization, zenith), &slot);
  EXPECT_EQ(table.size(), 3U);
}

TEST_F(SlotTableTest, FindsById) {
  SessionSlot& slot = Add(kFirstOrganization, acme);
  EXPECT_EQ(table.Find({kAcmeUid, kFirstOrganization}), &slot);
  EXPECT_EQ(table.Find({kAcmeUid, kSecondOrganization}), nullptr);
  EXPECT_EQ(table.Find({kZenithUid, kFirstOrganization}), nullptr);
}

TEST_F(SlotTableTest, SlotOutlivesTheCredentialItWasMadeFrom) {
  SessionSlot& slot = Add(kFirstOrganization, InfoWith("credential-that-is-replaced", kAcmeUid));
  slot.credential = InfoWith(kAcme, kAcmeUid, 2);
  EXPECT_EQ(table.Find({kAcmeUid, kFirstOrganization}), &slot);
  EXPECT_THAT(ListAfter(),
              ElementsAre(absl::StrCat(kFirstOrganization, " credential-that-is-replaced")));
}

TEST_F(SlotTableTest, FollowsNewerVersionsOnly) {
  SessionSlot& slot = Add(kFirstOrganization, InfoWith(kAcme, kAcmeUid, 2));
  Add(kFirstOrganization, InfoWith(kAcme, kAcmeUid, 1));
  EXPECT_EQ(slot.credential->version, 2U);
  Add(kFirstOrganization, InfoWith(kAcme, kAcmeUid, 3));
  EXPECT_EQ(slot.credential->version, 3U);
}

TEST_F(SlotTableTest, VisitsTheSlotsOfACredential) {
  Add(kFirstOrganization, acme);
  Add(kSecondOrganization, acme);
  Add(kThirdOrganization, zenith);
  std::vector<std::string> visited;
  const auto visit = [&](SessionSlot& slot) {
    visited.push_back(slot.organization_id());
    return true;
  };
  table.ForEachOf(kAcmeUid, "", visit);
  EXPECT_THAT(visited, UnorderedElementsAre(kFirstOrganization, kSecondOrganization));
  visited.clear();
  table.ForEachOf(kAcmeUid, std::min<std::string>(kFirstOrganization, kSecondOrganization), visit);
  EXPECT_THAT(visited, ElementsAre(std::max<std::string>(kFirstOrganization, kSecondOrganization)));
  visited.clear();
  table.ForEachOf("uid-of-nobody-at-all", "", visit);
  EXPECT_THAT(visited, IsEmpty());
}

TEST_F(SlotTableTest, ErasedSlotIsGoneEverywhere) {
  SessionSlot& slot = Add(kFirstOrganization, acme);
  Add(kSecondOrganization, acme);
  table.ScheduleMaintenance(slot, absl::Hours(1));
  table.Erase(slot.id);
  EXPECT_EQ(table.size(), 1U);
  EXPECT_EQ(table.Find({kAcmeUid, kFirstOrganization}), nullptr);
  EXPECT_THAT(ListAfter(), ElementsAre(absl::StrCat(kSecondOrganization, " ", kAcme)));
  EXPECT_EQ(table.TakeDue(absl::Hours(2)), nullptr);
  int visited = 0;
  table.ForEachOf(kAcmeUid, "", [&](SessionSlot&) { return ++visited > 0; });
  EXPECT_EQ(visited, 1);
}

TEST_F(SlotTableTest, ErasesUnknownSlotsWithoutEffect) {
  Add(kFirstOrganization, acme);
  table.Erase({kZenithUid, kFirstOrganization});
  EXPECT_EQ(table.size(), 1U);
}

// --- the listing ----------------------------------------------------------------------------

TEST_F(SlotTableTest, ListsByOrganizationThenCredential) {
  Add(kSecondOrganization, acme);
  Add(kFirstOrganization, zenith);
  Add(kFirstOrganization, acme);
  EXPECT_THAT(ListAfter(), ElementsAre(absl::StrCat(kFirstOrganization, " ", kAcme),
                                       absl::StrCat(kFirstOrganization, " ", kZenith),
                                       absl::StrCat(kSecondOrganization, " ", kAcme)));
}

TEST_F(SlotTableTest, ContinuesAfterTheLastSlotOfAPage) {
  Add(kFirstOrganization, acme);
  Add(kFirstOrganization, zenith);
  Add(kSecondOrganization, acme);
  EXPECT_THAT(ListAfter("", "", 1), ElementsAre(absl::StrCat(kFirstOrganization, " ", kAcme)));
  EXPECT_THAT(ListAfter(kFirstOrganization, kAcme, 1),
              ElementsAre(absl::StrCat(kFirstOrganization, " ", kZenith)));
  EXPECT_THAT(ListAfter(kFirstOrganization, kZenith),
              ElementsAre(absl::StrCat(kSecondOrganization, " ", kAcme)));
  EXPECT_THAT(ListAfter(kSecondOrganization, kAcme), IsEmpty());
}

TEST_F(SlotTableTest, ContinuesAfterASlotThatIsGone) {
  Add(kFirstOrganization, zenith);
  EXPECT_THAT(ListAfter(kFirstOrganization, kAcme),
              ElementsAre(absl::StrCat(kFirstOrganization, " ", kZenith)));
}

// --- the agenda -----------------------------------------------------------------------------

TEST_F(SlotTableTest, MaintenanceIsDueInTheOrderOfTime) {
  SessionSlot& later = Add(kFirstOrganization, acme);
  SessionSlot& sooner = Add(kSecondOrganization, acme);
  table.ScheduleMaintenance(later, absl::Hours(2));
  table.ScheduleMaintenance(sooner, absl::Hours(1));
  EXPECT_EQ(table.TakeDue(absl::Hours(1) - absl::Nanoseconds(1)), nullptr);
  EXPECT_EQ(table.TakeDue(absl::Hours(3)), &sooner);
  EXPECT_EQ(table.TakeDue(absl::Hours(3)), &later);
  EXPECT_EQ(table.TakeDue(absl::Hours(3)), nullptr);
  EXPECT_EQ(sooner.next_maintenance, absl::InfiniteDuration());
}

TEST_F(SlotTableTest, NewScheduleReplacesTheOldOne) {
  SessionSlot& slot = Add(kFirstOrganization, acme);
  table.ScheduleMaintenance(slot, absl::Hours(1));
  table.ScheduleMaintenance(slot, absl::Hours(3));
  EXPECT_EQ(table.TakeDue(absl::Hours(2)), nullptr);
  EXPECT_EQ(table.TakeDue(absl::Hours(3)), &slot);
}

TEST_F(SlotTableTest, InfiniteScheduleIsNeverDue) {
  SessionSlot& slot = Add(kFirstOrganization, acme);
  table.ScheduleMaintenance(slot, absl::Hours(1));
  table.ScheduleMaintenance(slot, absl::InfiniteDuration());
  EXPECT_EQ(table.TakeDue(absl::Hours(1000)), nullptr);
}

TEST_F(SlotTableTest, VisitedSlotsStayDue) {
  SessionSlot& slot = Add(kFirstOrganization, acme);
  SessionSlot& later = Add(kSecondOrganization, acme);
  table.ScheduleMaintenance(slot, absl::Hours(1));
  table.ScheduleMaintenance(later, absl::Hours(2));
  EXPECT_THAT(DueAt(absl::Hours(1)), ElementsAre(&slot));
  EXPECT_THAT(DueAt(absl::Hours(1)), ElementsAre(&slot));
  EXPECT_EQ(table.TakeDue(absl::Hours(1)), &slot);
}

TEST(SlotTableWaiterTest, WaiterIdsOfASlotAreNotUsedAgain) {
  SlotTable table;
  auto info = std::make_shared<CredentialInfo>();
  info->uid = "uid-of-the-credential";
  info->name = "name-of-the-credential";
  const std::string organization = "008organization-of-a-test";
  const WaiterQueue::Id first = table.FindOrCreate(info, organization).waiters.Add({});
  table.Erase({info->uid, organization});
  EXPECT_NE(table.FindOrCreate(info, organization).waiters.Add({}), first);
}

}  // namespace
}  // namespace billbroker
