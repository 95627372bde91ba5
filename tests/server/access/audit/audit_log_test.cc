#include "server/access/audit/audit_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "tests/server/access/audit/audit_harness.h"
#include "tests/support/status_matchers.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Blocks until the log has reported a state. Thread-safe.
class WaitingObserver final : public AuditObserver {
 public:
  void AuditStateChanged() override {
    {
      MutexLock lock(mutex_);
      ++changes_;
    }
    changed_.notify_all();
  }
  void AwaitOk(const AuditLog& log, bool ok) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock<std::mutex> lock(mutex_.native());
    changed_.wait(lock, [&log, ok] { return log.state().ok == ok; });
  }

 private:
  Mutex mutex_;
  std::condition_variable changed_;
  int changes_ ABSL_GUARDED_BY(mutex_) = 0;
};

class AuditLogTest : public ::testing::Test {
 protected:
  AuditLogTest() {
    options_.path = "/var/lib/billbroker/audit.log";
    // Long, so that nothing ends by itself unless a test shortens it.
    options_.longest_wait = absl::Hours(1);
    options_.retry_interval = absl::Hours(1);
  }
  ~AuditLogTest() override { file_.Release(); }

  void Make() {
    log_ = std::make_unique<AuditLog>(options_, file_, head_, clock_, random_, observer_);
  }
  void Open() {
    Make();
    log_->Open(AuditMasterKey());
    observer_.AwaitOk(*log_, true);
  }
  // Ends the log, which writes the queued entries, and returns its lines.
  [[nodiscard]] std::vector<nlohmann::json> Close() {
    log_.reset();
    std::vector<nlohmann::json> lines;
    for (const std::string& line : LinesOf(file_.contents())) {
      lines.push_back(nlohmann::json::parse(line));
    }
    return lines;
  }
  [[nodiscard]] static std::vector<std::string> Kinds(const std::vector<nlohmann::json>& lines) {
    std::vector<std::string> kinds;
    for (const nlohmann::json& line : lines) kinds.push_back(line["kind"]);
    return kinds;
  }
  [[nodiscard]] std::vector<std::string> Findings() const {
    return Verified({file_.contents()}, head_.mark());
  }
  // Posts one entry and returns once its write hangs.
  void HangTheWriter() {
    file_.Hang();
    log_->Post(SampleEntry("hangs"));
    file_.AwaitHung();
  }

  AuditLogOptions options_;
  ManualClock clock_;
  SeededRandom random_;
  FakeAuditFile file_;
  FakeAuditHead head_;
  WaitingObserver observer_;
  std::unique_ptr<AuditLog> log_;
};

TEST_F(AuditLogTest, WriteReturnsAfterSync) {
  Open();
  const int syncs = file_.syncs();
  ASSERT_THAT(log_->Write(SampleEntry("request-0000000007")), IsOk());
  EXPECT_THAT(file_.contents(), HasSubstr("\"request_id\":\"request-0000000007\""));
  EXPECT_EQ(file_.syncs(), syncs + 1);
  EXPECT_EQ(head_.mark().sequence, 2u);
}

TEST_F(AuditLogTest, RejectsWritesBeforeTheKeyIsSet) {
  Make();
  EXPECT_FALSE(log_->state().ok);
  log_->Post(SampleEntry());
  EXPECT_THAT(log_->Write(SampleEntry()), HasReason(Reason::kAuditUnavailable));
  log_->Open(AuditMasterKey());
  const std::vector<nlohmann::json> lines = Close();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[1]["kind"], "dropped");
  EXPECT_EQ(lines[1]["lost"], 1);
}

TEST_F(AuditLogTest, ConcurrentWritersKeepTheirOrderInOneChain) {
  Open();
  constexpr int kWriters = 8;
  constexpr int kEach = 50;
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([this, writer] {
      AuditEntry entry = SampleEntry();
      entry.principal = absl::StrCat("unix:w", writer);
      for (int i = 1; i <= kEach; ++i) {
        entry.version = i;
        if (writer % 2 == 0) {
          EXPECT_THAT(log_->Write(entry), IsOk());
        } else {
          log_->Post(entry);
        }
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  std::map<std::string, int> last;
  for (const nlohmann::json& line : Close()) {
    if (line["kind"] == "start") continue;
    EXPECT_EQ(line["version"], ++last[line["principal"]]);
  }
  EXPECT_EQ(last.size(), static_cast<std::size_t>(kWriters));
  for (const auto& [principal, count] : last) EXPECT_EQ(count, kEach) << principal;
  EXPECT_THAT(Findings(), IsEmpty());
}

TEST_F(AuditLogTest, WritesWaitingEntriesInOneBatch) {
  Open();
  HangTheWriter();
  const int syncs = file_.syncs();
  for (int i = 0; i < 100; ++i) log_->Post(SampleEntry());
  file_.Release();
  ASSERT_EQ(Close().size(), 102u);
  EXPECT_EQ(file_.syncs(), syncs + 2);
}

TEST_F(AuditLogTest, HungDeviceFailsWriteAfterLongestWait) {
  options_.longest_wait = absl::Milliseconds(1);
  Open();
  HangTheWriter();
  const absl::Status rejected = log_->Write(SampleEntry());
  EXPECT_THAT(rejected, HasReason(Reason::kAuditUnavailable));
  EXPECT_FALSE(log_->state().ok);
  EXPECT_EQ(log_->state().why, rejected.message());
}

TEST_F(AuditLogTest, RecoversByItselfAfterHungDevice) {
  options_.longest_wait = absl::Milliseconds(1);
  Open();
  HangTheWriter();
  EXPECT_THAT(log_->Write(SampleEntry("request-abandoned")), Not(IsOk()));
  for (int i = 0; i < 100'000; ++i)
    ASSERT_THAT(log_->Write(SampleEntry("request-rejected-at-once")), Not(IsOk()));
  for (int i = 0; i < 3; ++i) log_->Post(SampleRead());
  file_.Release();
  observer_.AwaitOk(*log_, true);
  log_->Post(SampleEntry("after"));
  EXPECT_THAT(Kinds(Close()), ElementsAre("start", "sign_in", "session_read", "session_read",
                                          "session_read", "sign_in"));
  EXPECT_THAT(file_.contents(), Not(HasSubstr("request-abandoned")));
  EXPECT_THAT(file_.contents(), Not(HasSubstr("request-rejected-at-once")));
  EXPECT_THAT(Findings(), IsEmpty());
}

TEST_F(AuditLogTest, CountsDroppedEntriesInANote) {
  options_.most_posted = 10;
  Open();
  HangTheWriter();
  for (int i = 0; i < 25; ++i) log_->Post(SampleRead());
  file_.Release();
  const std::vector<nlohmann::json> lines = Close();
  ASSERT_EQ(lines.size(), 13u);  // start, the entry that hung, the note, ten entries
  EXPECT_EQ(lines[2]["kind"], "dropped");
  EXPECT_EQ(lines[2]["lost"], 15);
}

TEST_F(AuditLogTest, KeepsOutcomesWhenReadsFillTheQueue) {
  options_.most_posted = 6;  // including the entry that hangs
  options_.longest_wait = absl::Milliseconds(1);
  Open();
  HangTheWriter();
  for (int i = 0; i < 50; ++i) log_->Post(SampleRead());
  EXPECT_THAT(log_->Write(SampleEntry()), Not(IsOk()));
  for (int i = 0; i < 5; ++i) log_->Post(SampleEntry("kept"));
  file_.Release();
  int kept = 0;
  for (const nlohmann::json& line : Close()) kept += line.value("request_id", "") == "kept";
  EXPECT_EQ(kept, 5);
}

TEST_F(AuditLogTest, BoundsTheQueueForEachEventClass) {
  options_.most_posted = 4;
  Open();
  HangTheWriter();
  for (const AuditEvent event :
       {AuditEvent::kLogOut, AuditEvent::kRefusal, AuditEvent::kSessionRead}) {
    AuditEntry entry = SampleEntry();
    entry.event = event;
    for (int i = 0; i < 100; ++i) log_->Post(entry);
  }
  file_.Release();
  const std::vector<nlohmann::json> lines = Close();
  ASSERT_EQ(lines.size(), 14u);  // start, the entry that hung, the note, 3 + 4 + 4 entries
  EXPECT_EQ(lines[2].value("lost", 0), 97 + 96 + 96);
}

TEST_F(AuditLogTest, WritesQueuedOutcomesAfterRecovery) {
  Open();
  HangTheWriter();
  log_->Post(SampleEntry("outcome-of-change-1"));
  log_->Post(SampleRead());
  std::thread refused([this] { EXPECT_THAT(log_->Write(SampleEntry("intent")), Not(IsOk())); });
  log_->Post(SampleEntry("outcome-of-change-2"));
  file_.SetRoom(0);
  file_.Release();
  refused.join();
  observer_.AwaitOk(*log_, false);
  log_->Post(SampleEntry("outcome-of-change-3"));
  log_->Post(SampleRead());
  file_.SetRoom(100'000);
  std::vector<std::string> ids;
  for (const nlohmann::json& line : Close()) {
    if (line["kind"] == "sign_in") ids.push_back(line["request_id"]);
  }
  EXPECT_THAT(ids, ElementsAre("hangs", "outcome-of-change-1", "outcome-of-change-2",
                               "outcome-of-change-3"));
  EXPECT_THAT(file_.contents(), HasSubstr("session_read"));
  EXPECT_THAT(Findings(), IsEmpty());
}

TEST_F(AuditLogTest, FailedRetriesKeepQueuedEntries) {
  options_.retry_interval = absl::Milliseconds(1);
  Open();
  file_.SetRoom(0);
  EXPECT_THAT(log_->Write(SampleEntry("request-rejected-at-once")), Not(IsOk()));
  observer_.AwaitOk(*log_, false);
  for (int i = 0; i < 3; ++i) log_->Post(SampleRead());
  for (int i = 0; i < 3; ++i)
    EXPECT_THAT(log_->Write(SampleEntry("request-rejected-at-once")), Not(IsOk()));
  file_.SetRoom(100'000);
  observer_.AwaitOk(*log_, true);
  const std::vector<nlohmann::json> lines = Close();
  EXPECT_THAT(Kinds(lines),
              ElementsAre("start", "recovered", "session_read", "session_read", "session_read"));
  EXPECT_EQ(lines[1]["lost"], 4);
}

TEST_F(AuditLogTest, RecreatesFileDeletedAtShutdown) {
  Open();
  file_.Delete();
  log_->Post(SampleEntry());
  EXPECT_THAT(Kinds(Close()), ElementsAre("continues", "file_lost", "recovered", "sign_in"));
}

TEST_F(AuditLogTest, ReportsLostHeadUntilRestart) {
  Open();
  (void)Close();
  head_.Set({});
  Open();
  ASSERT_THAT(log_->Write(SampleEntry()), IsOk());
  EXPECT_TRUE(log_->state().ok);
  EXPECT_NE(log_->state().why, "");
  EXPECT_THAT(Kinds(Close()), ElementsAre("start", "head_lost", "sign_in"));
  Open();
  EXPECT_EQ(log_->state().why, "");
}

// The broker may be killed between the renames of an adoption and its record.
TEST_F(AuditLogTest, NewChainNamesLogsThatWereSetAside) {
  file_.AddSetAside("audit.jsonl.aside-1");
  file_.AddSetAside("audit.jsonl.aside-2");
  Open();
  log_->Post(SampleEntry());
  const auto lines = Close();
  EXPECT_THAT(Kinds(lines), ElementsAre("start", "set_aside", "sign_in"));
  EXPECT_EQ(lines[1]["files"], "audit.jsonl.aside-1, audit.jsonl.aside-2");
  Open();
  log_->Post(SampleEntry());
  EXPECT_THAT(Kinds(Close()), ElementsAre("start", "set_aside", "sign_in", "sign_in"));
}

TEST_F(AuditLogTest, CountsOmittedEntries) {
  Open();
  for (int i = 0; i < 3; ++i) log_->Omit();
  ASSERT_THAT(log_->Write(SampleEntry()), IsOk());
  const std::vector<nlohmann::json> lines = Close();
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[1]["lost"], 3);
}

TEST_F(AuditLogTest, VerifierDetectsTruncatedTail) {
  Make();
  EXPECT_EQ(log_->Verifier(), nullptr);
  log_->Open(AuditMasterKey());
  for (int i = 0; i < 3; ++i) ASSERT_THAT(log_->Write(SampleEntry()), IsOk());
  const std::string all = file_.contents();
  for (const bool cut : {false, true}) {
    const std::unique_ptr<AuditVerifier> verifier = log_->Verifier();
    verifier->BeginFile("audit.log");
    const std::string text = cut ? all.substr(0, all.rfind('\n', all.size() - 2) + 1) : all;
    for (const char c : text) verifier->Add(std::string(1, c));
    const AuditReport report = verifier->Finish();
    ASSERT_EQ(report.findings.size(), cut ? 1u : 0u);
    EXPECT_TRUE(!cut || report.findings[0].fault == AuditFault::kTruncated);
  }
}

TEST_F(AuditLogTest, KeepsDroppedCountAfterFailedWrite) {
  file_.SetRoom(0);
  Make();
  for (int i = 0; i < 7; ++i) log_->Post(SampleRead());
  log_->Open(AuditMasterKey());
  EXPECT_THAT(log_->Write(SampleEntry()), Not(IsOk()));
  file_.SetRoom(100'000);
  const std::vector<nlohmann::json> lines = Close();
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[1]["kind"], "recovered");
  EXPECT_EQ(lines[1]["lost"], 1);
  EXPECT_EQ(lines[2]["kind"], "dropped");
  EXPECT_EQ(lines[2]["lost"], 7);
}

TEST_F(AuditLogTest, ReportsFullDiskToCallerAndObserver) {
  Open();
  file_.SetRoom(0);
  const absl::Status refused = log_->Write(SampleEntry());
  EXPECT_THAT(refused, HasReason(Reason::kAuditUnavailable));
  EXPECT_THAT(std::string(refused.message()), HasSubstr(kDiskFull.message()));
  observer_.AwaitOk(*log_, false);
  EXPECT_EQ(log_->state().why, refused.message());
  file_.SetRoom(100'000);
  EXPECT_THAT(log_->Write(SampleEntry()), IsOk());
  observer_.AwaitOk(*log_, true);
  EXPECT_EQ(log_->state().why, "");
}

TEST_F(AuditLogTest, RecoversWithoutNewWrites) {
  options_.retry_interval = absl::Milliseconds(1);
  Open();
  file_.SetRoom(0);
  EXPECT_THAT(log_->Write(SampleEntry()), Not(IsOk()));
  observer_.AwaitOk(*log_, false);
  file_.SetRoom(100'000);
  observer_.AwaitOk(*log_, true);
  const std::vector<nlohmann::json> lines = Close();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[1]["kind"], "recovered");
  EXPECT_EQ(lines[1]["lost"], 1);
}

TEST_F(AuditLogTest, RetriesOpenAtStart) {
  options_.retry_interval = absl::Milliseconds(1);
  file_.SetOpenError(kDiskFull);
  Make();
  log_->Open(AuditMasterKey());
  EXPECT_THAT(log_->Write(SampleEntry()), HasReason(Reason::kAuditUnavailable));
  file_.SetOpenError(absl::OkStatus());
  observer_.AwaitOk(*log_, true);
  EXPECT_THAT(log_->Write(SampleEntry()), IsOk());
  EXPECT_THAT(Findings(), IsEmpty());
}

TEST_F(AuditLogTest, ReopenCreatesNewFileWithoutWrites) {
  Open();
  ASSERT_THAT(log_->Write(SampleEntry()), IsOk());
  file_.Rename();
  log_->Reopen();
  const std::vector<nlohmann::json> lines = Close();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0]["kind"], "continues");
  EXPECT_THAT(Verified({file_.moved().at(0), file_.contents()}, head_.mark()), IsEmpty());
}

TEST_F(AuditLogTest, ReportsHeadStoreFailureAndKeepsWriting) {
  Open();
  head_.SetError(kDiskFull);
  EXPECT_THAT(log_->Write(SampleEntry()), IsOk());
  EXPECT_TRUE(log_->state().ok);
  EXPECT_THAT(log_->state().why, HasSubstr(kDiskFull.message()));
}

TEST_F(AuditLogTest, LogAndErrorsHoldNoKey) {
  Open();
  ASSERT_THAT(log_->Write(SampleEntry()), IsOk());
  file_.SetRoom(0);
  const absl::Status refused = log_->Write(SampleEntry());
  EXPECT_THAT(refused.ToString(), Not(HasSubstr("kkkkkkkk")));
  EXPECT_THAT(file_.contents(), Not(HasSubstr("kkkkkkkk")));
}

}  // namespace
}  // namespace billbroker
