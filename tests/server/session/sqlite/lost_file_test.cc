// A file that goes, or changes, under the running process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/session/sqlite/store_harness.h"

namespace billbroker {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class LostFileTest : public testing::Test {
 protected:
  LostFileTest() {
    (void)harness_.Open();
    EXPECT_EQ(harness_.store().WriteNow(SamplePair("uid", "0081", 1)), absl::OkStatus());
  }
  std::string Both() const {
    return Describe(SamplePair("uid", "0081", 1)) + "\n" + Describe(SamplePair("uid", "0082", 2));
  }
  absl::Status WriteSecond() { return harness_.store().WriteNow(SamplePair("uid", "0082", 2)); }
  auto LostAndFound() const {
    return AllOf(StartsWith("state DEGRADED: "), HasSubstr(harness_.path()),
                 HasSubstr("deleted, replaced or cut off"));
  }

  SqliteStoreHarness harness_;
};

TEST_F(LostFileTest, DeletedIsSaidAndMadeAnewWithAllThatWasInIt) {
  for (const char* suffix : {"", "-wal"}) std::filesystem::remove(harness_.path() + suffix);
  EXPECT_EQ(WriteSecond(), absl::OkStatus());
  EXPECT_THAT(harness_.observer().told(),
              ElementsAre("state READY", LostAndFound(), "state READY"));
  EXPECT_EQ(Describe(harness_.Reopen()), Both());
}

TEST_F(LostFileTest, ALogThatIsDeletedCountsAsMuch) {
  std::filesystem::remove(harness_.path() + "-wal");
  EXPECT_EQ(WriteSecond(), absl::OkStatus());
  EXPECT_EQ(harness_.observer().Count("state DEGRADED"), 1);
  EXPECT_EQ(harness_.observer().Count("aside"), 1);
  EXPECT_EQ(Describe(harness_.Reopen()), Both());
}

TEST_F(LostFileTest, WhatReplacedItIsSetAsideUnchanged) {
  std::ofstream(harness_.folder().File("other")) << "another file";
  std::filesystem::rename(harness_.folder().File("other"), harness_.path());
  EXPECT_EQ(WriteSecond(), absl::OkStatus());
  EXPECT_THAT(harness_.observer().told(),
              ElementsAre("state READY", LostAndFound(), StartsWith("aside "), "state READY"));
  EXPECT_EQ(harness_.Files()["sessions.db.aside-20270115T080000Z"], "another file");
  EXPECT_EQ(Describe(harness_.Reopen()), Both());
}

TEST_F(LostFileTest, WhileItCannotBeMadeAnewNothingIsForgottenAndNoSecondFileIsSetAside) {
  for (const char* suffix : {"", "-wal"}) std::filesystem::remove(harness_.path() + suffix);
  {
    const NoWrites no_writes;
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(WriteSecond().ok());
  }
  EXPECT_EQ(harness_.store().state(), StoreState::kDegraded);
  EXPECT_EQ(harness_.store().WriteNow(SamplePair("uid", "0082", 2)), absl::OkStatus());
  EXPECT_EQ(harness_.observer().Count("aside"), 0);
  EXPECT_EQ(harness_.observer().Count("state DEGRADED"), 1);
  EXPECT_EQ(Describe(harness_.Reopen()), Both());
}

TEST_F(LostFileTest, AChangeThatIsGivenWhileAnOlderOneFailsWins) {
  for (const char* suffix : {"", "-wal"}) std::filesystem::remove(harness_.path() + suffix);
  {
    const NoWrites no_writes;
    // Within the write of generation 3, before it fails.
    harness_.observer().set_on_next(
        [this] { harness_.store().WriteSoon(SamplePair("uid", "0081", 4)); });
    EXPECT_FALSE(harness_.store().WriteNow(SamplePair("uid", "0081", 3)).ok());
  }
  EXPECT_EQ(harness_.store().WriteNow(SampleAttempt("a1")), absl::OkStatus());
  EXPECT_EQ(Describe(harness_.Reopen()),
            Describe(SampleAttempt("a1")) + "\n" + Describe(SamplePair("uid", "0081", 4)));
}

TEST_F(LostFileTest, WithItsFolderGoneTheChangesStayInMemoryUntilItIsBack) {
  const std::string away = harness_.folder().path() + "-away";
  std::filesystem::rename(harness_.folder().path(), away);
  EXPECT_FALSE(WriteSecond().ok());
  std::filesystem::rename(away, harness_.folder().path());
  EXPECT_EQ(WriteSecond(), absl::OkStatus());
  EXPECT_EQ(Describe(harness_.Reopen()), Both());
}

TEST_F(LostFileTest, CutOffInPlaceIsMadeAnewWithAllThatCanStillBeRead) {
  (void)harness_.Reopen();
  std::filesystem::resize_file(harness_.path(), 4096);
  EXPECT_EQ(WriteSecond(), absl::OkStatus());
  EXPECT_EQ(harness_.observer().Count("state DEGRADED"), 1);
  EXPECT_EQ(harness_.observer().Count("aside"), 1);
  EXPECT_EQ(Describe(harness_.Reopen()), Both());
}

TEST_F(LostFileTest, OverwrittenInPlaceIsSetAsideAndWhatIsWrittenFromThenOnIsKept) {
  // More than SQLite's cache holds.
  const auto write_all = [this](std::uint64_t from) {
    for (std::uint64_t i = 0; i < 6000; ++i) {
      harness_.store().WriteSoon(SamplePair("uid", std::to_string(i), from + i));
    }
    return harness_.store().WriteNow(SampleAttempt("a1"));
  };
  EXPECT_EQ(write_all(1), absl::OkStatus());
  (void)harness_.Reopen();
  {
    std::fstream file(harness_.path(), std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(4096);
    file << std::string(std::filesystem::file_size(harness_.path()) - 4096, 'x');
  }
  EXPECT_EQ(write_all(10'001), absl::OkStatus());
  EXPECT_THAT(harness_.observer().told(),
              ElementsAre("state READY", HasSubstr("damaged while in use"), StartsWith("aside "),
                          "state READY"));
  const StoreContents read = harness_.Reopen();
  EXPECT_GE(read.pairs.size(), 6000u);
  for (const StoredPair& pair : read.pairs) {
    if (pair.organization_id == "0081") continue;
    EXPECT_EQ(pair.generation, 10'001 + std::stoull(pair.organization_id));
  }
}

}  // namespace
}  // namespace billbroker
