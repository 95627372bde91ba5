#include "server/access/audit/audit_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/server/access/audit/audit_harness.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

AuditRecord Record(const std::string& request_id, AuditEvent event = AuditEvent::kSignIn) {
  AuditEntry entry = SampleEntry(request_id);
  entry.event = event;
  return {absl::UnixEpoch(), std::move(entry)};
}

// The request ids of its lines.
std::vector<std::string> Ids(const AuditBatch& batch) {
  std::vector<std::string> ids;
  for (const QueuedAudit& line : batch.lines) ids.push_back(line.record.entry.request_id);
  return ids;
}

TEST(AuditQueueTest, BatchKeepsArrivalOrder) {
  AuditQueue queue(10);
  queue.Post(Record("a"));
  (void)queue.Await(Record("b"));
  queue.Post(Record("c", AuditEvent::kRefusal));
  (void)queue.Await(Record("d"));
  EXPECT_THAT(Ids(queue.Take(true)), ElementsAre("a", "b", "c", "d"));
  EXPECT_TRUE(queue.empty());
}

TEST(AuditQueueTest, AwaitedEntriesGoFirstBeyondOneBatch) {
  AuditQueue queue(10 * AuditQueue::kMostInBatch);
  for (std::size_t i = 0; i < AuditQueue::kMostInBatch; ++i) queue.Post(Record("posted"));
  queue.Post(Record("left"));
  (void)queue.Await(Record("waits"));
  const std::vector<std::string> ids = Ids(queue.Take(true));
  ASSERT_EQ(ids.size(), AuditQueue::kMostInBatch);
  EXPECT_EQ(ids.back(), "waits");
  EXPECT_FALSE(queue.awaited());
  EXPECT_THAT(Ids(queue.Take(true)), ElementsAre("posted", "left"));
}

TEST(AuditQueueTest, TakesOnlyAwaitedEntriesOnRequest) {
  AuditQueue queue(10);
  queue.Post(Record("posted"));
  (void)queue.Await(Record("waits"));
  EXPECT_THAT(Ids(queue.Take(false)), ElementsAre("waits"));
  EXPECT_THAT(Ids(queue.Take(false)), IsEmpty());
  EXPECT_THAT(Ids(queue.Take(true)), ElementsAre("posted"));
}

TEST(AuditQueueTest, SkipsAbandonedEntries) {
  AuditQueue queue(10);
  queue.Await(Record("gave up"))->given_up = true;
  EXPECT_TRUE(queue.awaited());
  EXPECT_THAT(Ids(queue.Take(true)), IsEmpty());
  EXPECT_FALSE(queue.awaited());
}

TEST(AuditQueueTest, FullClassLeavesRoomForOthers) {
  AuditQueue queue(2);
  for (int i = 0; i < 100; ++i) queue.Post(Record("read", AuditEvent::kSessionRead));
  for (int i = 0; i < 10; ++i) queue.Post(Record("refusal", AuditEvent::kRefusal));
  for (int i = 0; i < 5; ++i) queue.Post(Record("log out", AuditEvent::kLogOut));
  (void)queue.Await(Record("waits"));
  const AuditBatch batch = queue.Take(true);
  EXPECT_THAT(Ids(batch),
              ElementsAre("read", "read", "refusal", "refusal", "log out", "log out", "waits"));
  EXPECT_EQ(batch.dropped, 98u + 8u + 3u);
}

TEST(AuditQueueTest, CountsEntriesInFlightUntilSettled) {
  AuditQueue queue(1);
  queue.Post(Record("first"));
  AuditBatch batch = queue.Take(true);
  queue.Post(Record("dropped"));
  queue.Settle(std::move(batch), absl::OkStatus());
  queue.Post(Record("second"));
  batch = queue.Take(true);
  EXPECT_THAT(Ids(batch), ElementsAre("second"));
  EXPECT_EQ(batch.dropped, 1u);
}

TEST(AuditQueueTest, RequeuesUnwrittenOutcomesInOrder) {
  AuditQueue queue(10);
  queue.Post(Record("first"));
  queue.Post(Record("read", AuditEvent::kSessionRead));
  queue.Post(Record("refusal", AuditEvent::kRefusal));
  const std::shared_ptr<AuditWaiting> waiting = queue.Await(Record("waits"));
  queue.Post(Record("second"));
  AuditBatch batch = queue.Take(true);
  queue.Post(Record("third"));
  queue.Settle(std::move(batch), kDiskFull);
  EXPECT_TRUE(waiting->done);
  EXPECT_EQ(waiting->result, kDiskFull);
  EXPECT_FALSE(queue.awaited());
  EXPECT_THAT(Ids(queue.Take(true)), ElementsAre("first", "second", "third"));
}

TEST(AuditQueueTest, NotifiesWaiterAfterWrite) {
  AuditQueue queue(10);
  const std::shared_ptr<AuditWaiting> waiting = queue.Await(Record("waits"));
  queue.Settle(queue.Take(true), absl::OkStatus());
  EXPECT_TRUE(waiting->done);
  EXPECT_THAT(waiting->result, IsOk());
  EXPECT_TRUE(queue.empty());
}

TEST(AuditQueueTest, CountsDroppedEntriesUntilNoted) {
  AuditQueue queue(10);
  queue.Drop(3);
  AuditBatch batch = queue.Take(true);
  EXPECT_EQ(batch.dropped, 3u);
  queue.Drop(1);
  queue.Settle(std::move(batch), kDiskFull);
  batch = queue.Take(true);
  EXPECT_EQ(batch.dropped, 4u);
  queue.Settle(std::move(batch), absl::OkStatus());
  EXPECT_EQ(queue.Take(true).dropped, 0u);
}

TEST(AuditQueueTest, TruncatesTextsWhenQueued) {
  AuditQueue queue(10);
  AuditRecord record = Record(std::string(1 << 20, 'r'));
  record.entry.traceparent = std::string(1 << 20, '\xFF');
  (void)queue.Await(record);
  queue.Post(record);
  for (const QueuedAudit& line : queue.Take(true).lines) {
    EXPECT_EQ(line.record.entry.request_id, std::string(kLongestAuditText, 'r'));
    EXPECT_EQ(line.record.entry.traceparent, std::string(kLongestAuditText, '?'));
    EXPECT_EQ(line.record.entry.principal, "unix:payroll-service");
  }
}

}  // namespace
}  // namespace billbroker
