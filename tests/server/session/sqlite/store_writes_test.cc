// Writing: group commit, failures, and changes that wait for the disk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/server/session/sqlite/store_harness.h"
#include "tests/support/small_disk.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string AttemptId(std::uint64_t n) { return "attempt-to-sign-in-" + std::to_string(n); }

TEST(SqliteStoreWritesTest, ConcurrentWritersGetTheirOwnAnswers) {
  SqliteStoreHarness harness;
  (void)harness.Open();
  constexpr int kThreads = 4;
  constexpr std::uint64_t kWrites = 200;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&harness, thread] {
      for (std::uint64_t i = 1; i <= kWrites; ++i) {
        const std::string uid = "uid-of-credential-" + std::to_string(thread);
        if (i % 3 == 0) harness.store().WriteSoon(SampleSlot(uid, kFirstOrganization, i));
        EXPECT_THAT(WriteAndWait(harness.store(), SampleSlot(uid, kSecondOrganization, i)), IsOk());
        EXPECT_EQ(harness.store().state(), StoreState::kReady);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  StoreContents expected;
  for (int thread = 0; thread < kThreads; ++thread) {
    const std::string uid = "uid-of-credential-" + std::to_string(thread);
    expected.slots.push_back(SampleSlot(uid, kSecondOrganization, kWrites));
    expected.slots.push_back(SampleSlot(uid, kFirstOrganization, kWrites - kWrites % 3));
  }
  EXPECT_EQ(Describe(harness.Reopen()), Describe(expected));
}

TEST(SqliteStoreWritesTest, DestructorWritesQueuedChanges) {
  for (int run = 0; run < 20; ++run) {
    SqliteStoreHarness harness;
    (void)harness.Open();
    for (std::uint64_t i = 1; i <= 50; ++i) {
      harness.store().WriteSoon(SampleSlot(kSampleUid, SampleOrganizationId(i), i));
    }
    EXPECT_EQ(harness.Reopen().slots.size(), 50u);
  }
}

TEST(SqliteStoreWritesTest, ReportsFailureOnceAndTextNamesFileAndFix) {
  SqliteStoreHarness harness;
  (void)harness.Open();
  {
    const NoWrites no_writes;
    const absl::Status status = WriteAndWait(harness.store(), SampleSlot(1));
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr(harness.path()), HasSubstr("check its disk")));
    EXPECT_THAT(WriteAndWait(harness.store(), SampleSlot(2)), Not(IsOk()));
  }
  EXPECT_THAT(WriteAndWait(harness.store(), SampleSlot(kSampleUid, kSecondOrganization, 3)),
              IsOk());
  EXPECT_THAT(harness.observer().events(),
              ElementsAre("state READY", StartsWith("state DEGRADED: "), "state READY"));
}

TEST(SqliteStoreWritesTest, RetriesByItself) {
  SqliteStoreHarness harness;
  harness.options().retry_interval = absl::Milliseconds(1);
  harness.Start();
  (void)harness.Open();
  {
    const NoWrites no_writes;
    EXPECT_THAT(WriteAndWait(harness.store(), SampleSlot(1)), Not(IsOk()));
  }
  ASSERT_TRUE(harness.observer().AwaitEvents(3));
  EXPECT_EQ(harness.store().state(), StoreState::kReady);
  EXPECT_EQ(Describe(harness.Reopen()), Describe(SampleSlot(1)));
}

TEST(SqliteStoreWritesTest, LatestChangeSurvivesFailure) {
  SqliteStoreHarness harness;
  (void)harness.Open();
  EXPECT_THAT(WriteAndWait(harness.store(), SampleSlot(1)), IsOk());
  EXPECT_THAT(WriteAndWait(harness.store(), SampleAttempt("attempt-that-is-old")), IsOk());
  {
    const NoWrites no_writes;
    for (std::uint64_t i = 2; i <= 50; ++i) {
      EXPECT_THAT(WriteAndWait(harness.store(), SampleSlot(i)), Not(IsOk()));
      // This attempt is forgotten before it is ever written.
      harness.store().WriteSoon(SampleAttempt(AttemptId(i)));
      EXPECT_THAT(WriteAndWait(harness.store(), AttemptForgotten{AttemptId(i)}), Not(IsOk()));
    }
    EXPECT_THAT(WriteAndWait(harness.store(), AttemptForgotten{"attempt-that-is-old"}),
                Not(IsOk()));
  }
  EXPECT_EQ(Describe(harness.Reopen()), Describe(SampleSlot(50)));
}

TEST(SqliteStoreWritesTest, StopsWithoutWritableDisk) {
  SqliteStoreHarness harness;
  (void)harness.Open();
  const NoWrites no_writes;
  harness.store().WriteSoon(SampleSlot(1));
  harness.Stop();
}

TEST(SqliteStoreWritesTest, RecoversFromFullDisk) {
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
    status =
        WriteAndWait(harness.store(), SampleSlot(kSampleUid, SampleOrganizationId(count), count));
  }
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable));
  disk.MakeRoom();
  EXPECT_THAT(WriteAndWait(harness.store(), SampleAttempt()), IsOk());
  EXPECT_EQ(harness.Reopen().slots.size(), count);
}

TEST(SqliteStoreWritesTest, OpensOnceDiskIsWritableAgain) {
  const SmallDisk disk;
  if (!disk.mounted()) GTEST_SKIP() << "cannot mount a small disk here";
  SqliteStoreHarness harness;
  harness.options().path = disk.File("sessions.db");
  harness.options().retry_interval = absl::Milliseconds(1);
  (void)harness.Reopen();
  EXPECT_THAT(WriteAndWait(harness.store(), SampleSlot(1)), IsOk());
  harness.Stop();
  ASSERT_TRUE(disk.SetReadOnly(true));
  EXPECT_EQ(Describe(harness.Reopen()), "");
  EXPECT_THAT(harness.observer().events(),
              ElementsAre(StartsWith("state MEMORY_ONLY: cannot open")));
  ASSERT_TRUE(disk.SetReadOnly(false));
  ASSERT_TRUE(harness.observer().AwaitEvents(2));
  EXPECT_EQ(harness.observer().events().back(), "state READY");
}

// Blocks the store as a backup does: with a read transaction.
class Reader final {
 public:
  explicit Reader(const std::string& path) {
    EXPECT_EQ(sqlite3_open(path.c_str(), &database_), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database_, "BEGIN; SELECT * FROM rows", nullptr, nullptr, nullptr),
              SQLITE_OK);
  }
  ~Reader() { sqlite3_close(database_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

 private:
  sqlite3* database_ = nullptr;
};

TEST(SqliteStoreWritesTest, OpensOnceReaderIsGone) {
  SqliteStoreHarness harness;
  harness.options().retry_interval = absl::Milliseconds(1);
  (void)harness.Reopen();
  EXPECT_THAT(WriteAndWait(harness.store(), SampleSlot(1)), IsOk());
  harness.Stop();
  auto reader = std::make_unique<Reader>(harness.path());
  EXPECT_EQ(Describe(harness.Reopen()), "");
  const StoreStatus status = harness.store().status();
  EXPECT_EQ(status.state, StoreState::kMemoryOnly);
  EXPECT_EQ(status.file, harness.path());
  EXPECT_THAT(status.why, HasSubstr("stop the other process that has it open"));
  EXPECT_EQ(status.since, harness.clock().Now());
  EXPECT_TRUE(status.next_try.has_value());
  reader.reset();
  ASSERT_TRUE(Await([&] { return harness.store().state() == StoreState::kReady; }, "the store"));
  EXPECT_EQ(harness.store().status().why, "");
}

TEST(SqliteStoreWritesTest, TriesToOpenWhenItCloses) {
  SqliteStoreHarness harness;
  (void)harness.Open();
  EXPECT_THAT(WriteAndWait(harness.store(), SampleSlot(1)), IsOk());
  harness.Stop();
  auto reader = std::make_unique<Reader>(harness.path());
  (void)harness.Reopen();
  harness.store().WriteSoon(SampleSlot(2));
  reader.reset();
  harness.Stop();
  EXPECT_EQ(Describe(harness.Reopen()), Describe(SampleSlot(2)));
}

}  // namespace
}  // namespace billbroker
