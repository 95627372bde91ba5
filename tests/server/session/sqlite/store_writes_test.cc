// Writing: group commit, failures and what waits meanwhile.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/server/session/sqlite/store_harness.h"
#include "tests/support/small_disk.h"

namespace billbroker {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

TEST(SqliteStoreWritesTest, ManyThreadsWriteAndEachIsAnsweredForItsOwn) {
  SqliteStoreHarness harness;
  (void)harness.Open();
  constexpr int kThreads = 4;
  constexpr std::uint64_t kWrites = 200;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&harness, thread] {
      for (std::uint64_t i = 1; i <= kWrites; ++i) {
        const std::string uid = "uid-" + std::to_string(thread);
        if (i % 3 == 0) harness.store().WriteSoon(SamplePair(uid, "soon", i));
        EXPECT_EQ(harness.store().WriteNow(SamplePair(uid, "now", i)), absl::OkStatus());
        EXPECT_EQ(harness.store().state(), StoreState::kReady);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  StoreContents expected;
  for (int thread = 0; thread < kThreads; ++thread) {
    const std::string uid = "uid-" + std::to_string(thread);
    expected.pairs.push_back(SamplePair(uid, "now", kWrites));
    expected.pairs.push_back(SamplePair(uid, "soon", kWrites - kWrites % 3));
  }
  EXPECT_EQ(Describe(harness.Reopen()), Describe(expected));
}

TEST(SqliteStoreWritesTest, TheDestructorWritesWhatIsQueued) {
  for (int run = 0; run < 20; ++run) {
    SqliteStoreHarness harness;
    (void)harness.Open();
    for (std::uint64_t i = 1; i <= 50; ++i) {
      harness.store().WriteSoon(SamplePair("uid", std::to_string(i), i));
    }
    EXPECT_EQ(harness.Reopen().pairs.size(), 50u);
  }
}

TEST(SqliteStoreWritesTest, AFailureIsToldOnceAndNamesFileAndFix) {
  SqliteStoreHarness harness;
  (void)harness.Open();
  {
    const NoWrites no_writes;
    const absl::Status status = harness.store().WriteNow(SamplePair("uid", "0081", 1));
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr(harness.path()), HasSubstr("check its disk")));
    EXPECT_FALSE(harness.store().WriteNow(SamplePair("uid", "0081", 2)).ok());
  }
  EXPECT_EQ(harness.store().WriteNow(SamplePair("uid", "0082", 3)), absl::OkStatus());
  EXPECT_THAT(harness.observer().told(),
              ElementsAre("state READY", StartsWith("state DEGRADED: "), "state READY"));
}

TEST(SqliteStoreWritesTest, TriesAgainByItself) {
  SqliteStoreHarness harness;
  harness.options().retry_interval = absl::Milliseconds(1);
  harness.Start();
  (void)harness.Open();
  {
    const NoWrites no_writes;
    EXPECT_FALSE(harness.store().WriteNow(SamplePair("uid", "0081", 1)).ok());
  }
  harness.observer().AwaitTold(3);
  EXPECT_EQ(harness.store().state(), StoreState::kReady);
  EXPECT_EQ(Describe(harness.Reopen()), Describe(SamplePair("uid", "0081", 1)));
}

TEST(SqliteStoreWritesTest, TheLatestChangeOfARowSurvivesAFailureAndNoOlderOne) {
  SqliteStoreHarness harness;
  (void)harness.Open();
  EXPECT_EQ(harness.store().WriteNow(SamplePair("uid", "0081", 1)), absl::OkStatus());
  EXPECT_EQ(harness.store().WriteNow(SampleAttempt("old")), absl::OkStatus());
  {
    const NoWrites no_writes;
    for (std::uint64_t i = 2; i <= 50; ++i) {
      EXPECT_FALSE(harness.store().WriteNow(SamplePair("uid", "0081", i)).ok());
      // Came and went, and was never in the file.
      harness.store().WriteSoon(SampleAttempt(std::to_string(i)));
      EXPECT_FALSE(harness.store().WriteNow(AttemptForgotten{std::to_string(i)}).ok());
    }
    EXPECT_FALSE(harness.store().WriteNow(AttemptForgotten{"old"}).ok());
  }
  EXPECT_EQ(Describe(harness.Reopen()), Describe(SamplePair("uid", "0081", 50)));
}

TEST(SqliteStoreWritesTest, AStoreThatCannotWriteAtTheEndStillEnds) {
  SqliteStoreHarness harness;
  (void)harness.Open();
  const NoWrites no_writes;
  harness.store().WriteSoon(SamplePair("uid", "0081", 1));
  harness.Stop();
}

TEST(SqliteStoreWritesTest, AFullDiskIsSaidAndOvercome) {
  const SmallDisk disk;
  if (!disk.mounted()) GTEST_SKIP() << "cannot mount a small disk here";
  SqliteStoreHarness harness;
  harness.options().path = disk.File("sessions.db");
  harness.Start();
  (void)harness.Open();
  disk.Fill();
  absl::Status status;
  std::uint64_t count = 0;
  while (status.ok() && count < 1000) {
    ++count;
    status = harness.store().WriteNow(SamplePair("uid", std::to_string(count), count));
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("free space on its disk"));
  disk.MakeRoom();
  EXPECT_EQ(harness.store().WriteNow(SampleAttempt("a1")), absl::OkStatus());
  EXPECT_EQ(harness.Reopen().pairs.size(), count);
}

TEST(SqliteStoreWritesTest, AReadOnlyDiskIsMemoryOnlyUntilARestartFindsItWritable) {
  const SmallDisk disk;
  if (!disk.mounted()) GTEST_SKIP() << "cannot mount a small disk here";
  SqliteStoreHarness harness;
  harness.options().path = disk.File("sessions.db");
  (void)harness.Reopen();
  EXPECT_EQ(harness.store().WriteNow(SamplePair("uid", "0081", 1)), absl::OkStatus());
  harness.Stop();
  ASSERT_TRUE(disk.SetReadOnly(true));
  EXPECT_EQ(Describe(harness.Reopen()), "");
  EXPECT_THAT(harness.observer().told(), ElementsAre(StartsWith("state MEMORY_ONLY: cannot open")));
  harness.Stop();
  ASSERT_TRUE(disk.SetReadOnly(false));
  EXPECT_EQ(Describe(harness.Reopen()), Describe(SamplePair("uid", "0081", 1)));
}

}  // namespace
}  // namespace billbroker
