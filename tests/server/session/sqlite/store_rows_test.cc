// Rows of the file: each is bound to its slot, is whole or dropped, and is unreadable without the
// key.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "tests/server/session/sqlite/store_harness.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using testing::ElementsAre;

class StoreRowsTest : public testing::Test {
 protected:
  // Writes two slots, an attempt and a quarantine, and closes the file for RawSql().
  void WriteSome() {
    (void)harness_.Open();
    harness_.store().WriteSoon(SampleSlot(11));
    harness_.store().WriteSoon(SampleSlot(kSampleUid, kSecondOrganization, 12));
    harness_.store().WriteSoon(SampleAttempt());
    harness_.store().WriteSoon(SampleQuarantine());
    harness_.Stop();
  }
  // Describes the rows of WriteSome() without `lost`.
  static std::string Without(absl::string_view lost) {
    StoreContents contents;
    contents.slots = {SampleSlot(11), SampleSlot(kSampleUid, kSecondOrganization, 12)};
    contents.attempts = {SampleAttempt()};
    contents.quarantines = {SampleQuarantine()};
    if (lost == kFirstOrganization) contents.slots.erase(contents.slots.begin());
    if (lost == kSecondOrganization) contents.slots.pop_back();
    if (lost == "slots") contents.slots.clear();
    if (lost == "attempt") contents.attempts.clear();
    if (lost == "quarantine") contents.quarantines.clear();
    return Describe(contents);
  }

  SqliteStoreHarness harness_;
};

TEST_F(StoreRowsTest, DropsRowCopiedToAnotherSlot) {
  WriteSome();
  harness_.RawSql(absl::StrCat(
      "INSERT OR REPLACE INTO rows SELECT kind, owner, '", kSecondOrganization,
      "', generation, boot, sealed FROM rows WHERE thing = '", kFirstOrganization, "'"));
  EXPECT_EQ(Describe(harness_.Reopen()), Without(kSecondOrganization));
  EXPECT_THAT(harness_.observer().events(), ElementsAre("dropped slot", "state READY"));
  EXPECT_EQ(Describe(harness_.Reopen()), Without(kSecondOrganization));
  EXPECT_THAT(harness_.observer().events(), ElementsAre("state READY"));  // the row was deleted
}

TEST_F(StoreRowsTest, DropsSwappedRows) {
  WriteSome();
  harness_.RawSql(
      "CREATE TEMP TABLE before AS SELECT thing, sealed FROM rows WHERE kind = 1;"
      "UPDATE rows SET sealed = (SELECT sealed FROM before WHERE before.thing <> rows.thing)"
      " WHERE kind = 1");
  EXPECT_EQ(Describe(harness_.Reopen()), Without("slots"));
  EXPECT_EQ(harness_.observer().Count("dropped slot"), 2);
}

// A change of one column of a row, as SQL.
class ChangedColumnTest : public StoreRowsTest, public testing::WithParamInterface<const char*> {};

TEST_P(ChangedColumnTest, DropsRow) {
  WriteSome();
  harness_.RawSql(
      absl::StrCat("UPDATE rows SET ", GetParam(), " WHERE thing = '", kFirstOrganization, "'"));
  EXPECT_EQ(Describe(harness_.Reopen()), Without(kFirstOrganization));
  EXPECT_THAT(harness_.observer().events(), ElementsAre("dropped slot", "state READY"));
}

INSTANTIATE_TEST_SUITE_P(
    Changes, ChangedColumnTest,
    testing::Values("generation = generation + 1", "boot = 'the-boot-after-that'",
                    "owner = 'uid-of-the-second-credential'", "thing = '00800000000000000083'",
                    "sealed = x''", "sealed = substr(sealed, 1, 30)",
                    "sealed = substr(sealed, 1, length(sealed) - 1)",
                    "sealed = CAST(sealed || x'00' AS BLOB)", "sealed = zeroblob(length(sealed))"));

TEST_F(StoreRowsTest, BindsKindAndDropsUnknownKind) {
  WriteSome();
  harness_.RawSql("UPDATE rows SET kind = 9 WHERE kind = 2");
  EXPECT_EQ(Describe(harness_.Reopen()), Without("attempt"));
  EXPECT_THAT(harness_.observer().events(), ElementsAre("dropped unknown", "state READY"));
  harness_.Start();
  WriteSome();
  harness_.RawSql("UPDATE rows SET kind = 2 WHERE kind = 3");
  EXPECT_EQ(Describe(harness_.Reopen()), Without("quarantine"));
  EXPECT_THAT(harness_.observer().events(), ElementsAre("dropped attempt", "state READY"));
}

TEST_F(StoreRowsTest, DropsChangedAuditHead) {
  (void)harness_.Open();
  harness_.store().WriteSoon(StoredAuditHead{42, std::string(64, 'a')});
  harness_.Stop();
  harness_.RawSql("UPDATE rows SET sealed = zeroblob(length(sealed)) WHERE kind = 4");
  EXPECT_FALSE(harness_.Reopen().audit_head.has_value());
  EXPECT_THAT(harness_.observer().events(), ElementsAre("dropped audit_head", "state READY"));
}

TEST_F(StoreRowsTest, RowsKeepTheirBootOverRestarts) {
  WriteSome();
  harness_.options().boot_id = "the-boot-after-that";
  EXPECT_FALSE(harness_.Reopen().same_boot);
  EXPECT_FALSE(harness_.Reopen().same_boot);
  harness_.store().WriteSoon(StoredSlot{kSampleUid, kFirstOrganization, 11, nullptr, 0});
  harness_.store().WriteSoon(SampleSlot(kSampleUid, kSecondOrganization, 13));
  harness_.store().WriteSoon(AttemptForgotten{kSampleAttempt});
  harness_.store().WriteSoon(QuarantineLifted{kSampleScope});
  EXPECT_TRUE(harness_.Reopen().same_boot);
}

TEST_F(StoreRowsTest, FilesContainNoSecretOrUser) {
  const auto expect_nothing_known = [this] {
    ASSERT_GE(harness_.Files().size(), 1u);
    for (const auto& [name, bytes] : harness_.Files()) {
      EXPECT_GT(bytes.size(), 0u) << name;
      EXPECT_FALSE(absl::StrContains(bytes, "s3cret")) << name;
      EXPECT_FALSE(absl::StrContains(bytes, "ann@acme")) << name;
      EXPECT_FALSE(absl::StrContains(bytes, "known-scope-of-a-user")) << name;
      EXPECT_FALSE(absl::StrContains(bytes, "known-dev-key")) << name;
    }
  };
  (void)harness_.Open();
  for (std::uint64_t i = 1; i <= 200; ++i) {
    harness_.store().WriteSoon(SampleSlot(kSampleUid, SampleOrganizationId(i), i));
  }
  harness_.store().WriteSoon(SampleAttempt());
  harness_.store().WriteSoon(SampleAcceptedSecret());
  harness_.store().WriteSoon(SampleSuspension("known-dev-key"));
  EXPECT_THAT(WriteAndWait(harness_.store(), SampleQuarantine("known-scope-of-a-user")), IsOk());
  expect_nothing_known();  // includes the write-ahead log
  for (std::uint64_t i = 1; i <= 200; ++i) {
    harness_.store().WriteSoon(SlotForgotten{kSampleUid, SampleOrganizationId(i)});
  }
  EXPECT_THAT(WriteAndWait(harness_.store(), QuarantineLifted{"known-scope-of-a-user"}), IsOk());
  expect_nothing_known();
  harness_.Stop();
  expect_nothing_known();
}

TEST_F(StoreRowsTest, IdsMayContainAnyByte) {
  (void)harness_.Open();
  const std::string odd("a\0b\x1f'\"\xff", 7);
  harness_.store().WriteSoon(StoredSlot{odd, odd + "2", ~std::uint64_t{0}, nullptr, 1});
  harness_.store().WriteSoon(StoredSlot{odd, odd, 1, nullptr, 1});
  const StoreContents read = harness_.Reopen();
  ASSERT_EQ(read.slots.size(), 2u);
  EXPECT_EQ(read.slots[0].organization_id, odd);
  EXPECT_EQ(read.slots[1].generation, ~std::uint64_t{0});
}

TEST_F(StoreRowsTest, ReadsBackInfiniteTimes) {
  StoredQuarantine quarantine = SampleQuarantine();
  quarantine.entry.since = absl::InfinitePast();
  quarantine.entry.until = absl::InfiniteFuture();
  quarantine.entry.lapses = -absl::InfiniteDuration();
  (void)harness_.Open();
  harness_.store().WriteSoon(quarantine);
  EXPECT_EQ(Describe(harness_.Reopen().quarantines.at(0)), Describe(quarantine));
}

// Opening takes about 0.25 s in a release build. The test would time out if it became quadratic.
TEST_F(StoreRowsTest, ReadsBackTenThousandSlots) {
  (void)harness_.Open();
  for (std::uint64_t i = 1; i <= 10'000; ++i) {
    harness_.store().WriteSoon(SampleSlot(kSampleUid, SampleOrganizationId(i), i));
  }
  harness_.Stop();
  harness_.Start();
  const absl::Time before = SystemClock().Now();
  const StoreContents read = harness_.Open();
  RecordProperty("open_microseconds",
                 static_cast<int>(absl::ToInt64Microseconds(SystemClock().Now() - before)));
  EXPECT_EQ(read.slots.size(), 10'000u);
}

}  // namespace
}  // namespace billbroker
