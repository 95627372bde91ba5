// Sign-ins of the past hour, as the audit log has them.
#include "server/app/past_sign_in_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_replace.h"
#include "tests/server/access/audit/audit_harness.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Outcome = PastSignIn::Outcome;

class PastSignInLogTest : public ::testing::Test {
 protected:
  static AuditEntry Intent(const std::string& request_id) {
    AuditEntry entry;
    entry.event = AuditEvent::kSignIn;
    entry.principal = "unix:payroll-service";
    entry.credential = "acme-corporation-payables";
    entry.organization = "00800000000000000081";
    entry.version = 3;
    entry.dev_key_id = "0123456789abcdef";
    entry.request_id = request_id;
    return entry;
  }
  static AuditEntry EndOf(AuditEntry entry, const absl::Status& outcome) {
    SetOutcome(outcome, entry);
    return entry;
  }
  static absl::Status Refused() {
    return MakeError(Reason::kCredentialRejected, "BILL refused the secret");
  }

  // Writes a line `ago`.
  void Add(const AuditEntry& entry, absl::Duration ago) {
    Append(WriteAuditLine(key_, now_ - ago, entry, mark_));
  }
  void Note(AuditNote note, absl::Duration ago) {
    Append(WriteAuditNote(key_, now_ - ago, note, "", 0, mark_));
  }
  // Renames the file, and starts another that continues it.
  void Rotate(const std::string& name, absl::Duration ago) {
    std::filesystem::rename(path(), folder_.File(name));
    Note(AuditNote::kContinues, ago);
  }
  [[nodiscard]] absl::StatusOr<std::vector<PastSignIn>> Read(char key_byte = 'k') const {
    PastSignInLog log(path(), AuditKey(AuditMasterKey(key_byte)));
    return log.Since(now_ - absl::Hours(1));
  }
  [[nodiscard]] std::string path() const { return folder_.File("audit.jsonl"); }
  [[nodiscard]] std::string Contents() const {
    std::ifstream file(path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void Append(const std::string& text) const {
    std::ofstream(path(), std::ios::binary | std::ios::app) << text;
  }

  const AuditKey key_{AuditMasterKey()};
  const absl::Time now_ = absl::FromUnixSeconds(1'800'000'000);
  TempFolder folder_;
  AuditMark mark_;
};

TEST_F(PastSignInLogTest, JoinsOutcomesToIntents) {
  Note(AuditNote::kStart, absl::Minutes(50));
  Add(Intent("request-1"), absl::Minutes(40));
  Add(Intent("request-2"), absl::Minutes(39));
  Add(EndOf(Intent("request-2"), absl::OkStatus()), absl::Minutes(38));
  Add(EndOf(Intent("request-1"), Refused()), absl::Minutes(37));
  Add(Intent("request-3"), absl::Minutes(1));
  const auto read = Read();
  ASSERT_THAT(read, IsOk());
  ASSERT_THAT(*read, SizeIs(3));
  const PastSignIn& refused = (*read)[0];
  EXPECT_EQ(refused.outcome, Outcome::kFailed);
  EXPECT_EQ(refused.reason, "CREDENTIAL_REJECTED");
  EXPECT_EQ(refused.credential, "acme-corporation-payables");
  EXPECT_EQ(refused.version, 3u);
  EXPECT_EQ(refused.organization_id, "00800000000000000081");
  EXPECT_EQ(refused.dev_key_id, "0123456789abcdef");
  EXPECT_EQ(refused.principal, "unix:payroll-service");
  EXPECT_EQ(refused.time, now_ - absl::Minutes(37));
  EXPECT_EQ((*read)[1].outcome, Outcome::kAccepted);
  EXPECT_EQ((*read)[2].outcome, Outcome::kUnanswered);
  EXPECT_EQ((*read)[2].time, now_ - absl::Minutes(1));
}

TEST_F(PastSignInLogTest, JoinsRepeatedSignInsInOrder) {
  Note(AuditNote::kStart, absl::Minutes(50));
  for (int i = 0; i < 2; ++i) {
    Add(Intent("request-1"), absl::Minutes(40 - i * 10));
    Add(EndOf(Intent("request-1"), Refused()), absl::Minutes(39 - i * 10));
  }
  ASSERT_THAT(Read(), IsOk());
  EXPECT_THAT(*Read(), SizeIs(2));
}

TEST_F(PastSignInLogTest, LeavesOlderSignInsOut) {
  Note(AuditNote::kStart, absl::Hours(3));
  Add(Intent("request-1"), absl::Minutes(61));
  ASSERT_THAT(Read(), IsOk());
  EXPECT_THAT(*Read(), IsEmpty());
  Add(EndOf(Intent("request-1"), Refused()), absl::Minutes(59));
  EXPECT_THAT(*Read(), SizeIs(1)) << "the outcome counts";
}

TEST_F(PastSignInLogTest, ReadsLongLog) {
  Note(AuditNote::kStart, absl::Hours(3));
  for (int i = 0; i < 4000; ++i) Add(Intent("request-of-old"), absl::Hours(2));
  for (int i = 0; i < 4000; ++i) Add(Intent("request-1"), absl::Minutes(30));
  EXPECT_GT(Contents().size(), std::size_t{2} << 20);
  ASSERT_THAT(Read(), IsOk());
  EXPECT_THAT(*Read(), SizeIs(4000));
}

TEST_F(PastSignInLogTest, IgnoresUnfinishedLine) {
  Note(AuditNote::kStart, absl::Minutes(50));
  Add(Intent("request-1"), absl::Minutes(40));
  Append("{\"sequence\":3,\"ti");
  ASSERT_THAT(Read(), IsOk());
  EXPECT_THAT(*Read(), SizeIs(1));
}

TEST_F(PastSignInLogTest, ReadsFilesBeforeRotation) {
  Note(AuditNote::kStart, absl::Minutes(50));
  Add(Intent("request-1"), absl::Minutes(40));
  Rotate("audit.jsonl.2", absl::Minutes(35));
  Add(EndOf(Intent("request-1"), Refused()), absl::Minutes(34));
  Rotate("audit.jsonl.1", absl::Minutes(30));
  Add(Intent("request-2"), absl::Minutes(20));
  const auto read = Read();
  ASSERT_THAT(read, IsOk());
  ASSERT_THAT(*read, SizeIs(2));
  EXPECT_EQ((*read)[0].outcome, Outcome::kFailed);
  EXPECT_EQ((*read)[1].outcome, Outcome::kUnanswered);
}

TEST_F(PastSignInLogTest, FileBeforeRotationIsNotNeededAfterAnHour) {
  Note(AuditNote::kStart, absl::Hours(5));
  Rotate("elsewhere", absl::Hours(2));
  Add(Intent("request-1"), absl::Minutes(20));
  ASSERT_THAT(Read(), IsOk());
  EXPECT_THAT(*Read(), SizeIs(1));
}

TEST_F(PastSignInLogTest, MissingPartIsUnavailable) {
  EXPECT_THAT(Read(), StatusIs(absl::StatusCode::kUnavailable)) << "no file";
  Note(AuditNote::kStart, absl::Minutes(50));
  Rotate("elsewhere", absl::Minutes(30));
  Add(Intent("request-1"), absl::Minutes(20));
  const absl::Status missing = Read().status();
  EXPECT_THAT(missing, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(std::string(missing.message()), HasSubstr("does not have the whole past hour"));
}

TEST_F(PastSignInLogTest, ChangedLogIsDataLoss) {
  Note(AuditNote::kStart, absl::Minutes(50));
  Add(EndOf(Intent("request-1"), Refused()), absl::Minutes(40));
  Add(Intent("request-2"), absl::Minutes(30));
  EXPECT_THAT(Read('x'), StatusIs(absl::StatusCode::kDataLoss)) << "another key";
  const std::string good = Contents();
  const std::string changed =
      absl::StrReplaceAll(good, {{"CREDENTIAL_REJECTED", "BILL_UNAVAILABLE"}});
  ASSERT_NE(changed, good);
  std::ofstream(path(), std::ios::binary) << changed;
  EXPECT_THAT(Read(), StatusIs(absl::StatusCode::kDataLoss));
  // Without its second line.
  const std::size_t first = good.find('\n') + 1;
  std::ofstream(path(), std::ios::binary)
      << good.substr(0, first) << good.substr(good.find('\n', first) + 1);
  EXPECT_THAT(Read(), StatusIs(absl::StatusCode::kDataLoss));
}

}  // namespace
}  // namespace billbroker
