// Rows: bound to their place, whole or not there, and unreadable without the key.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "tests/server/session/sqlite/store_harness.h"

namespace billbroker {
namespace {

using testing::ElementsAre;

class StoreRowsTest : public testing::Test {
 protected:
  // Pairs 0081 and 0082, an attempt and a quarantine; then the file is free for RawSql().
  void WriteSome() {
    (void)harness_.Open();
    harness_.store().WriteSoon(SamplePair("uid", "0081", 11));
    harness_.store().WriteSoon(SamplePair("uid", "0082", 12));
    harness_.store().WriteSoon(SampleAttempt("a1"));
    harness_.store().WriteSoon(SampleQuarantine("scope"));
    harness_.Stop();
  }
  static std::string Without(absl::string_view lost) {
    StoreContents contents;
    contents.pairs = {SamplePair("uid", "0081", 11), SamplePair("uid", "0082", 12)};
    contents.attempts = {SampleAttempt("a1")};
    contents.quarantines = {SampleQuarantine("scope")};
    if (lost == "0081") contents.pairs.erase(contents.pairs.begin());
    if (lost == "0082") contents.pairs.pop_back();
    if (lost == "pairs") contents.pairs.clear();
    if (lost == "attempt") contents.attempts.clear();
    if (lost == "quarantine") contents.quarantines.clear();
    return Describe(contents);
  }

  SqliteStoreHarness harness_;
};

TEST_F(StoreRowsTest, ARowCopiedToAnotherPairIsDroppedAndTheRestIsUsed) {
  WriteSome();
  harness_.RawSql(
      "INSERT OR REPLACE INTO rows SELECT kind, owner, '0082', generation, boot, sealed FROM rows"
      " WHERE thing = '0081'");
  EXPECT_EQ(Describe(harness_.Reopen()), Without("0082"));
  EXPECT_THAT(harness_.observer().told(), ElementsAre("dropped pair", "state READY"));
  EXPECT_EQ(Describe(harness_.Reopen()), Without("0082"));
  EXPECT_THAT(harness_.observer().told(), ElementsAre("state READY"));  // it is gone for good
}

TEST_F(StoreRowsTest, SwappedRowsAreDropped) {
  WriteSome();
  harness_.RawSql(
      "CREATE TEMP TABLE before AS SELECT thing, sealed FROM rows WHERE kind = 1;"
      "UPDATE rows SET sealed = (SELECT sealed FROM before WHERE before.thing <> rows.thing)"
      " WHERE kind = 1");
  EXPECT_EQ(Describe(harness_.Reopen()), Without("pairs"));
  EXPECT_EQ(harness_.observer().Count("dropped pair"), 2);
}

TEST_F(StoreRowsTest, EachColumnIsBound) {
  for (const char* change :
       {"generation = generation + 1", "boot = 'boot-2'", "owner = 'uid-2'", "thing = '0083'",
        "sealed = x''", "sealed = substr(sealed, 1, 30)",
        "sealed = substr(sealed, 1, length(sealed) - 1)", "sealed = CAST(sealed || x'00' AS BLOB)",
        "sealed = zeroblob(length(sealed))"}) {
    WriteSome();
    harness_.RawSql(absl::StrCat("UPDATE rows SET ", change, " WHERE thing = '0081'"));
    EXPECT_EQ(Describe(harness_.Reopen()), Without("0081")) << change;
    EXPECT_THAT(harness_.observer().told(), ElementsAre("dropped pair", "state READY")) << change;
    harness_.Start();
  }
}

TEST_F(StoreRowsTest, TheKindIsBoundAndAnUnknownOneIsDropped) {
  WriteSome();
  harness_.RawSql("UPDATE rows SET kind = 9 WHERE kind = 2");
  EXPECT_EQ(Describe(harness_.Reopen()), Without("attempt"));
  EXPECT_THAT(harness_.observer().told(), ElementsAre("dropped unknown", "state READY"));
  harness_.Start();
  WriteSome();
  harness_.RawSql("UPDATE rows SET kind = 2 WHERE kind = 3");
  EXPECT_EQ(Describe(harness_.Reopen()), Without("quarantine"));
  EXPECT_THAT(harness_.observer().told(), ElementsAre("dropped attempt", "state READY"));
}

TEST_F(StoreRowsTest, AnAuditHeadThatWasChangedIsDropped) {
  (void)harness_.Open();
  harness_.store().WriteSoon(StoredAuditHead{42, std::string(64, 'a')});
  harness_.Stop();
  harness_.RawSql("UPDATE rows SET sealed = zeroblob(length(sealed)) WHERE kind = 4");
  EXPECT_FALSE(harness_.Reopen().audit_head.has_value());
  EXPECT_THAT(harness_.observer().told(), ElementsAre("dropped audit_head", "state READY"));
}

TEST_F(StoreRowsTest, ARowOfAnEarlierBootIsNotTakenForOneOfThisBootAtTheSecondStart) {
  WriteSome();
  harness_.options().boot_id = "boot-2";
  EXPECT_FALSE(harness_.Reopen().same_boot);
  EXPECT_FALSE(harness_.Reopen().same_boot);
  harness_.store().WriteSoon(StoredPair{"uid", "0081", 11, nullptr, 0});
  harness_.store().WriteSoon(SamplePair("uid", "0082", 13));
  harness_.store().WriteSoon(AttemptForgotten{"a1"});
  harness_.store().WriteSoon(QuarantineLifted{"scope"});
  EXPECT_TRUE(harness_.Reopen().same_boot);
}

TEST_F(StoreRowsTest, NoSecretAndNoUserIsInAnyByteOfTheFilesAlsoAfterDeletes) {
  const auto expect_nothing_known = [this] {
    ASSERT_GE(harness_.Files().size(), 1u);
    for (const auto& [name, bytes] : harness_.Files()) {
      EXPECT_GT(bytes.size(), 0u) << name;
      EXPECT_FALSE(absl::StrContains(bytes, "s3cret")) << name;
      EXPECT_FALSE(absl::StrContains(bytes, "ann@acme")) << name;
      EXPECT_FALSE(absl::StrContains(bytes, "known-scope")) << name;
    }
  };
  (void)harness_.Open();
  for (std::uint64_t i = 1; i <= 200; ++i) {
    harness_.store().WriteSoon(SamplePair("uid", std::to_string(i), i));
  }
  harness_.store().WriteSoon(SampleAttempt("a1"));
  EXPECT_EQ(harness_.store().WriteNow(SampleQuarantine("known-scope")), absl::OkStatus());
  expect_nothing_known();  // the log among them
  for (std::uint64_t i = 1; i <= 200; ++i) {
    harness_.store().WriteSoon(PairForgotten{"uid", std::to_string(i)});
  }
  EXPECT_EQ(harness_.store().WriteNow(QuarantineLifted{"known-scope"}), absl::OkStatus());
  expect_nothing_known();
  harness_.Stop();
  expect_nothing_known();
}

TEST_F(StoreRowsTest, IdsMayHoldAnyByte) {
  (void)harness_.Open();
  const std::string odd("a\0b\x1f'\"\xff", 7);
  harness_.store().WriteSoon(StoredPair{odd, odd + "2", ~std::uint64_t{0}, nullptr, 1});
  harness_.store().WriteSoon(StoredPair{odd, odd, 1, nullptr, 1});
  const StoreContents read = harness_.Reopen();
  ASSERT_EQ(read.pairs.size(), 2u);
  EXPECT_EQ(read.pairs[0].organization_id, odd);
  EXPECT_EQ(read.pairs[1].generation, ~std::uint64_t{0});
}

TEST_F(StoreRowsTest, TimesWithoutEndComeBack) {
  StoredQuarantine quarantine = SampleQuarantine("scope");
  quarantine.entry.since = absl::InfinitePast();
  quarantine.entry.until = absl::InfiniteFuture();
  quarantine.entry.lapses = -absl::InfiniteDuration();
  (void)harness_.Open();
  harness_.store().WriteSoon(quarantine);
  EXPECT_EQ(Describe(harness_.Reopen().quarantines.at(0)), Describe(quarantine));
}

// Opening takes about 0.25 s in a release build; this only keeps it from becoming quadratic unseen.
TEST_F(StoreRowsTest, TenThousandPairsComeBack) {
  (void)harness_.Open();
  for (std::uint64_t i = 1; i <= 10'000; ++i) {
    harness_.store().WriteSoon(SamplePair("uid", std::to_string(i), i));
  }
  harness_.Stop();
  harness_.Start();
  const absl::Time before = SystemClock().Now();
  const StoreContents read = harness_.Open();
  RecordProperty("open_microseconds",
                 static_cast<int>(absl::ToInt64Microseconds(SystemClock().Now() - before)));
  EXPECT_EQ(read.pairs.size(), 10'000u);
}

}  // namespace
}  // namespace billbroker
