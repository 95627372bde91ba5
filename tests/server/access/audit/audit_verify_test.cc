#include "server/access/audit/audit_verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "tests/server/access/audit/audit_harness.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A log of a start and nine entries: sequences 1 to 10, with the head at its end.
class AuditVerifyTest : public ::testing::Test {
 protected:
  AuditVerifyTest() {
    lines_.push_back(WriteAuditNote(key_, absl::UnixEpoch(), AuditNote::kStart, "chain", 0, mark_));
    for (int i = 2; i <= 10; ++i) lines_.push_back(Entry());
  }

  std::string Entry() {
    return WriteAuditLine(key_, absl::UnixEpoch(),
                          SampleEntry(absl::StrCat("r-", mark_.sequence + 1)), mark_);
  }
  [[nodiscard]] std::vector<std::string> Check() const {
    return Verified({absl::StrJoin(lines_, "")}, mark_);
  }
  // The line of a sequence.
  std::string& Line(std::size_t sequence) { return lines_[sequence - 1]; }
  void Erase(std::size_t first, std::size_t last) {
    lines_.erase(lines_.begin() + static_cast<std::ptrdiff_t>(first) - 1,
                 lines_.begin() + static_cast<std::ptrdiff_t>(last));
  }
  void Insert(std::size_t before, std::string line) {
    lines_.insert(lines_.begin() + static_cast<std::ptrdiff_t>(before) - 1, std::move(line));
  }
  // Sequences 11 and 12, in a file of its own.
  std::string NextFile() {
    std::string next = WriteAuditNote(key_, absl::UnixEpoch(), AuditNote::kContinues, "", 0, mark_);
    return next + Entry();
  }

  const AuditKey key_{AuditMasterKey()};
  AuditMark mark_;
  std::vector<std::string> lines_;
};

TEST_F(AuditVerifyTest, AcceptsIntactLog) {
  std::istringstream text(absl::StrJoin(lines_, ""));
  const AuditReport report = VerifyAudit(key_, {{"audit.log", text}}, mark_);
  EXPECT_THAT(report.findings, IsEmpty());
  EXPECT_EQ(report.lines, 10u);
  EXPECT_EQ(report.first_sequence, 1u);
  EXPECT_EQ(report.last_sequence, 10u);
}

TEST_F(AuditVerifyTest, FindsAnyChangedByte) {
  const std::string whole = Line(5);
  for (std::size_t at = 0; at + 1 < whole.size(); ++at) {
    Line(5) = whole;
    Line(5)[at] = static_cast<char>(Line(5)[at] ^ 1);
    if (Line(5)[at] == '\n') continue;
    const std::vector<std::string> found = Check();
    ASSERT_FALSE(found.empty()) << at;
    EXPECT_EQ(found.front().substr(0, 4), "1:5 ") << at << " " << found.front();
  }
}

TEST_F(AuditVerifyTest, FindsChangedLine) {
  Line(5) = absl::StrReplaceAll(Line(5), {{"unix:payroll", "unix:nobody!"}});
  EXPECT_THAT(Check(), ElementsAre("1:5 changed"));
}

TEST_F(AuditVerifyTest, FindsChangedLastLine) {
  Line(10) = absl::StrReplaceAll(Line(10), {{"unix:payroll", "unix:nobody!"}});
  EXPECT_THAT(Check(), ElementsAre("1:10 changed"));
}

TEST_F(AuditVerifyTest, FindsGarbageInPlaceOfALine) {
  Line(5) = "x\n";
  EXPECT_THAT(Check(), ElementsAre("1:5 changed"));
}

TEST_F(AuditVerifyTest, StopsAfterTooManyFindings) {
  AuditVerifier verifier(key_, mark_);
  verifier.BeginFile("audit.log");
  verifier.Add(Line(1));
  for (std::size_t i = 0; i < 3 * AuditVerifier::kMostFindings; ++i) verifier.Add("x\n");
  const AuditReport report = verifier.Finish();
  EXPECT_TRUE(report.gave_up);
  EXPECT_EQ(report.findings.size(), AuditVerifier::kMostFindings);
}

TEST_F(AuditVerifyTest, StopsAfterTooManyEmptyFiles) {
  AuditVerifier verifier(key_, mark_);
  std::size_t files = 0;
  for (; !verifier.gave_up() && files < 3 * AuditVerifier::kMostFindings; ++files) {
    verifier.BeginFile("audit.log");
    verifier.Add("y");
  }
  EXPECT_LE(files, AuditVerifier::kMostFindings + 2);
  const AuditReport report = verifier.Finish();
  EXPECT_TRUE(report.gave_up);
  EXPECT_EQ(report.findings.size(), AuditVerifier::kMostFindings);
}

TEST_F(AuditVerifyTest, ReadsNothingAfterStopping) {
  AuditVerifier verifier(key_, mark_);
  verifier.BeginFile("audit.log");
  verifier.Add(Line(1));
  while (!verifier.gave_up()) verifier.Add("x\n");
  verifier.BeginFile("another");
  verifier.Add(absl::StrJoin(lines_, ""));
  verifier.Add("torn");
  const AuditReport report = verifier.Finish();
  EXPECT_EQ(report.findings.size(), AuditVerifier::kMostFindings);
  EXPECT_EQ(report.findings.back().file, "audit.log");
  EXPECT_LE(report.lines, AuditVerifier::kMostFindings + 3);
}

TEST_F(AuditVerifyTest, ReportsAllFindingsUpToTheLimit) {
  AuditVerifier verifier(key_, absl::nullopt);
  verifier.BeginFile("audit.log");
  verifier.Add(Line(1));
  for (std::size_t i = 0; i < AuditVerifier::kMostFindings; ++i) verifier.Add("x\n");
  const AuditReport report = verifier.Finish();
  EXPECT_FALSE(report.gave_up);
  EXPECT_EQ(report.findings.size(), AuditVerifier::kMostFindings);
}

TEST_F(AuditVerifyTest, ReportsEachLostHeadLine) {
  for (int i = 0; i < 2; ++i) {
    lines_.push_back(
        WriteAuditNote(key_, absl::UnixEpoch(), AuditNote::kHeadLost, "why", 0, mark_));
    lines_.push_back(Entry());
  }
  EXPECT_THAT(Check(), ElementsAre("1:11 head lost", "1:13 head lost"));
}

TEST_F(AuditVerifyTest, ReportsLostHeadAfterMissingLine) {
  lines_.push_back(WriteAuditNote(key_, absl::UnixEpoch(), AuditNote::kHeadLost, "why", 0, mark_));
  lines_.push_back(Entry());
  Erase(10, 10);
  EXPECT_THAT(Check(), ElementsAre("1:10 removed", "1:10 head lost"));
}

TEST_F(AuditVerifyTest, EndlessLineUsesNoMemory) {
  AuditVerifier verifier(key_, absl::nullopt);
  verifier.BeginFile("audit.log");
  verifier.Add(Line(1));
  for (int i = 0; i < 1000; ++i) verifier.Add(std::string(1 << 16, 'x'));
  const AuditReport report = verifier.Finish();
  ASSERT_EQ(report.findings.size(), 1u);
  EXPECT_EQ(report.findings[0].fault, AuditFault::kTorn);
  EXPECT_THAT(report.findings[0].what, ::testing::HasSubstr("65536000"));
}

TEST_F(AuditVerifyTest, FindsRemovedLine) {
  Erase(5, 5);
  EXPECT_THAT(Check(), ElementsAre("1:5 removed"));
}

TEST_F(AuditVerifyTest, ReportsARunOfRemovedLinesOnce) {
  Erase(5, 8);
  EXPECT_THAT(Check(), ElementsAre("1:5 removed"));
}

TEST_F(AuditVerifyTest, FindsRemovedBeginning) {
  Erase(1, 3);
  EXPECT_THAT(Check(), ElementsAre("1:1 removed"));
}

TEST_F(AuditVerifyTest, FindsSwappedLines) {
  std::swap(Line(5), Line(6));
  EXPECT_THAT(Check(), ElementsAre("1:5 reordered"));
}

TEST_F(AuditVerifyTest, FindsLineMovedBack) {
  const std::string moved = Line(4);
  Erase(4, 4);
  Insert(8, moved);
  EXPECT_THAT(Check(), ElementsAre("1:8 reordered"));
}

TEST_F(AuditVerifyTest, FindsLineMovedForward) {
  const std::string moved = Line(8);
  Erase(8, 8);
  Insert(4, moved);
  EXPECT_THAT(Check(), ElementsAre("1:4 reordered"));
}

TEST_F(AuditVerifyTest, FindsDuplicatedLine) {
  Insert(8, Line(3));
  EXPECT_THAT(Check(), ElementsAre("1:8 inserted"));
}

TEST_F(AuditVerifyTest, FindsForeignLine) {
  AuditMark forged{6, {}};
  Insert(7,
         WriteAuditLine(AuditKey(AuditMasterKey('x')), absl::UnixEpoch(), SampleEntry(), forged));
  EXPECT_THAT(Check(), ElementsAre("1:7 inserted"));
}

TEST_F(AuditVerifyTest, FindsGarbageBetweenLines) {
  Insert(7, "x\n");
  EXPECT_THAT(Check(), ElementsAre("1:7 inserted"));
}

TEST_F(AuditVerifyTest, HeadRevealsTruncatedTail) {
  Erase(8, 10);
  EXPECT_THAT(Check(), ElementsAre("1:7 truncated"));
  EXPECT_THAT(Verified({absl::StrJoin(lines_, "")}, absl::nullopt), IsEmpty());
}

TEST_F(AuditVerifyTest, HeadRevealsEmptiedLog) {
  EXPECT_THAT(Verified({""}, mark_), ElementsAre("1:0 truncated"));
}

TEST_F(AuditVerifyTest, TornLastLineIsNotTampering) {
  AuditMark ignored = mark_;
  const std::string next = WriteAuditLine(key_, absl::UnixEpoch(), SampleEntry(), ignored);
  lines_.push_back(next.substr(0, next.size() / 2));
  EXPECT_THAT(Check(), ElementsAre("1:11 torn"));
}

TEST_F(AuditVerifyTest, HeadRevealsTailCutInMidLine) {
  Line(10).resize(Line(10).size() / 2);
  EXPECT_THAT(Check(), ElementsAre("1:10 torn", "1:10 truncated"));
}

TEST_F(AuditVerifyTest, HeadRevealsRewrittenTail) {
  const AuditMark head = mark_;
  Erase(10, 10);
  mark_ = ParseAuditLine(Line(9).substr(0, Line(9).size() - 1))->mark;
  lines_.push_back(WriteAuditLine(key_, absl::UnixEpoch(), SampleEntry("other"), mark_));
  EXPECT_THAT(Verified({absl::StrJoin(lines_, "")}, head), ElementsAre("1:10 rewritten"));
}

TEST_F(AuditVerifyTest, AcceptsLaggingHead) {
  const AuditMark head = mark_;
  lines_.push_back(Entry());
  EXPECT_THAT(Verified({absl::StrJoin(lines_, "")}, head), IsEmpty());
}

TEST_F(AuditVerifyTest, ReportsWrongKeyOnce) {
  EXPECT_THAT(Verified({absl::StrJoin(lines_, "")}, mark_, 'x'), ElementsAre("1:1 wrong key"));
}

TEST_F(AuditVerifyTest, FilesInOrderFormOneChain) {
  const std::string first = absl::StrJoin(lines_, "");
  const std::string second = NextFile();
  const std::string third = NextFile();
  EXPECT_THAT(Verified({first, second, third}, mark_), IsEmpty());
}

TEST_F(AuditVerifyTest, VerifiesRotatedFileAlone) {
  const std::string second = NextFile();
  EXPECT_THAT(Verified({second}, mark_), IsEmpty());
}

TEST_F(AuditVerifyTest, MissingFileBreaksTheChain) {
  const std::string first = absl::StrJoin(lines_, "");
  (void)NextFile();
  const std::string third = NextFile();
  EXPECT_THAT(Verified({first, third}, mark_), ElementsAre("2:1 chain broken"));
}

TEST_F(AuditVerifyTest, TailCutBeforeRotationBreaksTheChain) {
  const std::string second = NextFile();
  Erase(9, 10);
  EXPECT_THAT(Verified({absl::StrJoin(lines_, ""), second}, mark_),
              ElementsAre("2:1 chain broken"));
}

TEST_F(AuditVerifyTest, WrongFileOrderBreaksTheChain) {
  const std::string second = NextFile();
  EXPECT_THAT(Verified({second, absl::StrJoin(lines_, "")}, absl::nullopt),
              ElementsAre("2:1 chain broken"));
}

TEST_F(AuditVerifyTest, RestartedChainIsBroken) {
  AuditMark anew;
  const std::string other =
      WriteAuditNote(key_, absl::UnixEpoch(), AuditNote::kStart, "other", 0, anew);
  EXPECT_THAT(Verified({absl::StrJoin(lines_, ""), other}, absl::nullopt),
              ElementsAre("2:1 chain broken"));
}

}  // namespace
}  // namespace billbroker
