#include "server/access/audit/audit_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_replace.h"
#include "tests/server/access/audit/audit_writer_fixture.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST_F(AuditWriterTest, StartsChainOnceAndAdvancesHead) {
  ASSERT_THAT(Write(2), IsOk());
  ASSERT_THAT(Write(), IsOk());
  EXPECT_THAT(Kinds(), ElementsAre("start", "sign_in", "sign_in", "sign_in"));
  EXPECT_EQ(Line(1)["chain"].get<std::string>().size(), 32u);
  EXPECT_EQ(head_.mark().sequence, 4u);
  EXPECT_THAT(Findings(), IsEmpty());
}

TEST_F(AuditWriterTest, SyncsOncePerBatch) {
  ASSERT_THAT(Write(100), IsOk());
  EXPECT_EQ(file_.syncs(), 1);
}

TEST_F(AuditWriterTest, ContinuesChainAfterRestart) {
  ASSERT_THAT(Write(), IsOk());
  Restart();
  ASSERT_THAT(Write(), IsOk());
  EXPECT_THAT(Kinds(), ElementsAre("start", "sign_in", "sign_in"));
  EXPECT_THAT(Findings(), IsEmpty());
}

TEST_F(AuditWriterTest, FullDiskDropsWholeBatchAndNotesIt) {
  ASSERT_THAT(Write(), IsOk());
  const std::string before = file_.contents();
  file_.SetRoom(500);
  EXPECT_THAT(Write(2), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_GT(file_.contents().size(), before.size());  // torn
  EXPECT_THAT(Write(2), Not(IsOk()));
  EXPECT_EQ(head_.mark().sequence, 2u);
  file_.SetRoom(100'000);
  ASSERT_THAT(Write(), IsOk());
  EXPECT_THAT(Kinds(), ElementsAre("start", "sign_in", "recovered", "sign_in"));
  EXPECT_EQ(Line(3)["lost"], 4);
  EXPECT_EQ(Line(3)["from"], std::string(kDiskFull.message()));
  EXPECT_THAT(Findings(), IsEmpty());
}

TEST_F(AuditWriterTest, RemovesUnsyncedLines) {
  ASSERT_THAT(Write(), IsOk());
  file_.SetSyncError(absl::UnavailableError("cannot write it: Input/output error"));
  EXPECT_THAT(Write(), Not(IsOk()));
  file_.SetSyncError(absl::OkStatus());
  ASSERT_THAT(Write(), IsOk());
  EXPECT_THAT(Kinds(), ElementsAre("start", "sign_in", "recovered", "sign_in"));
  EXPECT_THAT(Findings(), IsEmpty());
}

TEST_F(AuditWriterTest, AppendsNothingAfterUncutTornTail) {
  ASSERT_THAT(Write(), IsOk());
  file_.SetRoom(10);
  file_.SetCutError(absl::UnavailableError("billbrokerd may not cut it"));
  EXPECT_THAT(Write(), Not(IsOk()));
  file_.SetRoom(100'000);
  const std::string torn = file_.contents();
  EXPECT_THAT(Write(), Not(IsOk()));
  EXPECT_EQ(file_.contents(), torn);
  file_.SetCutError(absl::OkStatus());
  EXPECT_THAT(Write(), IsOk());
  EXPECT_THAT(Findings(), IsEmpty());
}

TEST_F(AuditWriterTest, EmptyCommitOnlyRetriesRecovery) {
  ASSERT_THAT(Write(0), IsOk());
  EXPECT_THAT(Kinds(), ElementsAre("start"));
  ASSERT_THAT(Write(0), IsOk());
  EXPECT_THAT(Kinds(), ElementsAre("start"));
  file_.SetRoom(0);
  EXPECT_THAT(Write(), Not(IsOk()));
  EXPECT_THAT(Write(0), Not(IsOk()));
  file_.SetRoom(100'000);
  ASSERT_THAT(Write(0), IsOk());
  EXPECT_THAT(Kinds(), ElementsAre("start", "recovered"));
}

TEST_F(AuditWriterTest, WritesDroppedCount) {
  ASSERT_THAT(Write(1, 17), IsOk());
  EXPECT_THAT(Kinds(), ElementsAre("start", "dropped", "sign_in"));
  EXPECT_EQ(Line(2)["lost"], 17);
}

TEST_F(AuditWriterTest, RotationWithReopenKeepsTheChain) {
  ASSERT_THAT(Write(), IsOk());
  file_.Rename();
  writer_->Reopen();
  ASSERT_THAT(Write(), IsOk());
  EXPECT_THAT(Kinds(), ElementsAre("continues", "sign_in"));
  EXPECT_EQ(Line(1)["sequence"], 3);
  EXPECT_EQ(file_.moved().size(), 1u);
  EXPECT_THAT(Findings(), IsEmpty());
  EXPECT_THAT(Verified({file_.contents()}, head_.mark()), IsEmpty());
}

TEST_F(AuditWriterTest, DetectsRenameAtTheNextWrite) {
  ASSERT_THAT(Write(), IsOk());
  file_.Rename();
  ASSERT_THAT(Write(), IsOk());  // into the renamed file
  ASSERT_THAT(Write(), IsOk());
  EXPECT_THAT(Kinds(), ElementsAre("continues", "sign_in"));
  EXPECT_THAT(Findings(), IsEmpty());
}

TEST_F(AuditWriterTest, ReopenWithoutRenameChangesNothing) {
  ASSERT_THAT(Write(), IsOk());
  writer_->Reopen();
  ASSERT_THAT(Write(), IsOk());
  EXPECT_THAT(Kinds(), ElementsAre("start", "sign_in", "sign_in"));
  EXPECT_THAT(Findings(), IsEmpty());
}

TEST_F(AuditWriterTest, RotationAfterTornWriteLeavesCleanTail) {
  ASSERT_THAT(Write(), IsOk());
  file_.SetRoom(10);
  EXPECT_THAT(Write(), Not(IsOk()));
  file_.SetRoom(100'000);
  file_.Rename();
  writer_->Reopen();
  ASSERT_THAT(Write(), IsOk());
  EXPECT_THAT(Kinds(), ElementsAre("continues", "recovered", "sign_in"));
  EXPECT_THAT(Findings(), IsEmpty());
}

TEST_F(AuditWriterTest, DeletedFileFailsOneWriteThenIsRecreated) {
  ASSERT_THAT(Write(), IsOk());
  file_.Delete();
  EXPECT_THAT(Write(), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(head_.mark().sequence, 2u);
  ASSERT_THAT(Write(), IsOk());
  EXPECT_THAT(Kinds(), ElementsAre("continues", "file_lost", "recovered", "sign_in"));
  EXPECT_EQ(Line(1)["sequence"], 3);
}

TEST_F(AuditWriterTest, DistinguishesEmptiedFromRotatedFile) {
  ASSERT_THAT(Write(3), IsOk());
  file_.SetContents("");
  EXPECT_THAT(Write(), StatusIs(absl::StatusCode::kUnavailable));
  ASSERT_THAT(Write(), IsOk());
  EXPECT_THAT(Kinds(), ElementsAre("continues", "file_lost", "recovered", "sign_in"));
  EXPECT_THAT(Findings(), ElementsAre("1:2 file lost"));
  file_.Rename();
  writer_->Reopen();
  ASSERT_THAT(Write(), IsOk());
  EXPECT_THAT(Kinds(), ElementsAre("continues", "sign_in"));
}

TEST_F(AuditWriterTest, RotationIsNotALossWhenNewFileFails) {
  ASSERT_THAT(Write(), IsOk());
  file_.Rename();
  writer_->Reopen();
  file_.SetRoom(0);
  EXPECT_THAT(Write(), Not(IsOk()));
  EXPECT_THAT(Write(), Not(IsOk()));
  file_.SetRoom(10'000);
  ASSERT_THAT(Write(), IsOk());
  EXPECT_THAT(Kinds(), ElementsAre("continues", "recovered", "sign_in"));
  EXPECT_THAT(Findings(), IsEmpty());
}

TEST_F(AuditWriterTest, AppendsNothingToTruncatedFile) {
  ASSERT_THAT(Write(3), IsOk());
  const std::vector<std::string> lines = LinesOf(file_.contents());
  file_.SetSyncError(kDiskFull);
  EXPECT_THAT(Write(), Not(IsOk()));
  file_.SetSyncError(absl::OkStatus());
  file_.SetContents(lines[0]);
  EXPECT_THAT(Write(), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(Write(), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(file_.contents(), lines[0]);
}

TEST_F(AuditWriterTest, LeavesForeignFileUntouched) {
  ASSERT_THAT(Write(), IsOk());
  for (const char* foreign : {"hello\n", "hello"}) {
    file_.Replace(foreign);
    writer_->Reopen();
    EXPECT_THAT(Write(), StatusIs(absl::StatusCode::kUnavailable));
    EXPECT_EQ(file_.contents(), foreign);
  }
  file_.Rename();
  writer_->Reopen();
  EXPECT_THAT(Write(), IsOk());
}

TEST_F(AuditWriterTest, AcceptsCompleteCopy) {
  ASSERT_THAT(Write(), IsOk());
  file_.Replace(file_.contents());
  writer_->Reopen();
  ASSERT_THAT(Write(), IsOk());
  EXPECT_THAT(Verified({file_.contents()}, head_.mark()), IsEmpty());
}

TEST_F(AuditWriterTest, RejectsOlderCopy) {
  ASSERT_THAT(Write(), IsOk());
  const std::string older = file_.contents();
  ASSERT_THAT(Write(), IsOk());
  file_.Replace(older);
  writer_->Reopen();
  EXPECT_THAT(Write(), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(AuditWriterTest, RejectsFileChangedByAnotherProgram) {
  ASSERT_THAT(Write(), IsOk());
  file_.SetContents(file_.contents() + "hello\n");
  EXPECT_THAT(Write(), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(Write(), Not(IsOk()));
}

TEST_F(AuditWriterTest, CrashDuringWriteIsNotedAndNotTampering) {
  ASSERT_THAT(Write(), IsOk());
  file_.SetRoom(100);
  EXPECT_THAT(Write(), Not(IsOk()));
  file_.SetRoom(100'000);
  Restart();
  ASSERT_THAT(Write(), IsOk());
  EXPECT_THAT(Kinds(), ElementsAre("start", "sign_in", "recovered", "sign_in"));
  EXPECT_THAT(Findings(), IsEmpty());
}

TEST_F(AuditWriterTest, CrashDuringFirstWriteIsNotTampering) {
  for (const std::size_t room : {1u, 40u}) {
    file_.SetRoom(room);
    EXPECT_THAT(Write(), Not(IsOk()));
    file_.SetRoom(100'000);
    Restart();
    ASSERT_THAT(Write(), IsOk());
    file_.Rename();
    Restart();
  }
  ASSERT_THAT(Write(), IsOk());
  EXPECT_THAT(Findings(), IsEmpty());
}

TEST_F(AuditWriterTest, AcceptsLinesBeyondTheHeadAtStart) {
  ASSERT_THAT(Write(), IsOk());
  const AuditMark lagging = head_.mark();
  ASSERT_THAT(Write(3), IsOk());
  head_.Set(lagging);
  Restart();
  ASSERT_THAT(Write(), IsOk());
  EXPECT_EQ(head_.mark().sequence, 6u);
  EXPECT_THAT(Findings(), IsEmpty());
}

TEST_F(AuditWriterTest, RejectsTailCutWhileStopped) {
  ASSERT_THAT(Write(3), IsOk());
  std::vector<std::string> lines = LinesOf(file_.contents());
  file_.SetContents(lines[0] + lines[1] + lines[2].substr(0, 10));
  Restart();
  EXPECT_THAT(Write(), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(AuditWriterTest, RejectsLastLineChangedWhileStopped) {
  ASSERT_THAT(Write(3), IsOk());
  file_.SetContents(
      absl::StrReplaceAll(file_.contents(), {{"request-0000000001", "request-0000000002"}}));
  Restart();
  EXPECT_THAT(Write(), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(AuditWriterTest, FileRemovedWhileStoppedLeavesAGap) {
  ASSERT_THAT(Write(3), IsOk());
  const std::string before = file_.contents();
  ASSERT_THAT(Write(1), IsOk());
  file_.SetContents("");
  Restart();
  ASSERT_THAT(Write(), IsOk());
  EXPECT_THAT(Kinds(), ElementsAre("continues", "file_lost", "sign_in"));
  EXPECT_THAT(Verified({before, file_.contents()}, head_.mark()), ElementsAre("2:1 chain broken"));
  EXPECT_THAT(Verified({file_.contents()}, head_.mark()), ElementsAre("1:2 file lost"));
}

TEST_F(AuditWriterTest, FileRotatedWhileStoppedVerifies) {
  ASSERT_THAT(Write(3), IsOk());
  const std::string before = file_.contents();
  file_.SetContents("");
  Restart();
  ASSERT_THAT(Write(), IsOk());
  EXPECT_THAT(Verified({before, file_.contents()}, head_.mark()), IsEmpty());
}

TEST_F(AuditWriterTest, LostHeadIsNotedInTheNextLine) {
  ASSERT_THAT(Write(3), IsOk());
  const std::vector<std::string> lines = LinesOf(file_.contents());
  file_.SetContents(lines[0] + lines[1]);
  head_.Set({});
  Restart();
  ASSERT_THAT(Write(), IsOk());
  EXPECT_THAT(Kinds(), ElementsAre("start", "sign_in", "head_lost", "sign_in"));
  EXPECT_THAT(Findings(), ElementsAre("1:3 head lost"));
  EXPECT_NE(writer_->head_trouble(), "");
}

TEST_F(AuditWriterTest, LostHeadIsNotedOnce) {
  ASSERT_THAT(Write(), IsOk());
  head_.Set({});
  Restart();
  ASSERT_THAT(Write(0), IsOk());
  ASSERT_THAT(Write(), IsOk());
  EXPECT_THAT(Kinds(), ElementsAre("start", "sign_in", "head_lost", "sign_in"));
  Restart();
  ASSERT_THAT(Write(), IsOk());
  EXPECT_THAT(Kinds(), ElementsAre("start", "sign_in", "head_lost", "sign_in", "sign_in"));
  EXPECT_EQ(writer_->head_trouble(), "");
}

TEST_F(AuditWriterTest, LostHeadIsNotedAfterFailedWriteAndRename) {
  ASSERT_THAT(Write(), IsOk());
  head_.Set({});
  Restart();
  file_.SetRoom(100);
  EXPECT_THAT(Write(), Not(IsOk()));
  file_.SetRoom(100'000);
  file_.Rename();
  writer_->Reopen();
  ASSERT_THAT(Write(), IsOk());
  EXPECT_THAT(Kinds(), ElementsAre("continues", "head_lost", "recovered", "sign_in"));
  EXPECT_THAT(Findings(), ElementsAre("2:2 head lost"));
}

TEST_F(AuditWriterTest, LostHeadWithTornTailIsNoted) {
  ASSERT_THAT(Write(), IsOk());
  file_.SetContents(file_.contents() + "{\"sequ");
  head_.Set({});
  Restart();
  ASSERT_THAT(Write(), IsOk());
  EXPECT_THAT(Kinds(), ElementsAre("start", "sign_in", "head_lost", "recovered", "sign_in"));
}

TEST_F(AuditWriterTest, NewLogNeedsNoHead) {
  ASSERT_THAT(Write(), IsOk());
  EXPECT_EQ(writer_->head_trouble(), "");
  EXPECT_THAT(Findings(), IsEmpty());
}

TEST_F(AuditWriterTest, RetriedRecordsAreNotCountedAsLost) {
  ASSERT_THAT(Write(), IsOk());
  const AuditRecord lost{clock_.Now(), SampleEntry()};
  const AuditRecord returns{clock_.Now(), SampleEntry(), /*returns=*/true};
  file_.SetRoom(0);
  EXPECT_THAT(writer_->Commit({&lost, &returns, &returns}, 0), Not(IsOk()));
  file_.SetRoom(100'000);
  ASSERT_THAT(writer_->Commit({&returns, &returns}, 0), IsOk());
  EXPECT_THAT(Kinds(), ElementsAre("start", "sign_in", "recovered", "sign_in", "sign_in"));
  EXPECT_EQ(Line(3)["lost"], 1);
}

TEST_F(AuditWriterTest, RejectsWritesBeforeTheHeadIsLoaded) {
  head_.SetError(absl::UnavailableError("the session store waits for its key"));
  EXPECT_THAT(Write(), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(file_.contents(), "");
  head_.SetError(absl::OkStatus());
  EXPECT_THAT(Write(), IsOk());
}

TEST_F(AuditWriterTest, ContinuesChainBeforeHeadIsKnown) {
  ASSERT_THAT(Write(), IsOk());
  Restart();
  head_.SetKnown(false);
  ASSERT_THAT(Write(), IsOk());
  EXPECT_THAT(writer_->head_trouble(), HasSubstr("until the store is open"));
  EXPECT_EQ(head_.mark().sequence, 2u) << "an unknown head must not be overwritten";
  EXPECT_FALSE(writer_->end().has_value());
  head_.SetKnown(true);
  writer_->Reopen();
  ASSERT_THAT(Write(0), IsOk());
  EXPECT_EQ(writer_->head_trouble(), "");
  EXPECT_EQ(head_.mark().sequence, 3u);
  ASSERT_THAT(Write(), IsOk());
  EXPECT_THAT(Kinds(), ElementsAre("start", "sign_in", "sign_in", "sign_in"));
  EXPECT_THAT(Findings(), IsEmpty());
}

TEST_F(AuditWriterTest, LateHeadRevealsTruncatedLog) {
  ASSERT_THAT(Write(2), IsOk());
  const std::string before = file_.contents();
  ASSERT_THAT(Write(), IsOk());
  file_.Replace(before);
  Restart();
  head_.SetKnown(false);
  clock_.Advance(absl::Seconds(1));  // the line would be the lost one again
  ASSERT_THAT(Write(), IsOk());
  head_.SetKnown(true);
  writer_->Reopen();
  const absl::Status refused = Write();
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("keep the file for an inquiry"));
  EXPECT_THAT(Write(), Not(IsOk()));
}

TEST_F(AuditWriterTest, LateHeadThatWasLostIsNoted) {
  ASSERT_THAT(Write(), IsOk());
  Restart();
  head_.SetKnown(false);
  ASSERT_THAT(Write(), IsOk());
  head_.Set({});
  head_.SetKnown(true);
  writer_->Reopen();
  ASSERT_THAT(Write(0), IsOk());
  EXPECT_THAT(Kinds(), ElementsAre("start", "sign_in", "sign_in", "head_lost"));
}

TEST_F(AuditWriterTest, StartsNoNewChainBeforeHeadIsKnown) {
  head_.SetKnown(false);
  EXPECT_THAT(Write(), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(file_.contents(), "");
  head_.SetKnown(true);
  EXPECT_THAT(Write(), IsOk());
}

TEST_F(AuditWriterTest, HeadStoreFailureDoesNotRejectWrites) {
  ASSERT_THAT(Write(), IsOk());
  EXPECT_EQ(writer_->head_trouble(), "");
  head_.SetError(kDiskFull);
  EXPECT_THAT(Write(), IsOk());
  EXPECT_THAT(writer_->head_trouble(), HasSubstr(kDiskFull.message()));
  head_.SetError(absl::OkStatus());
  EXPECT_THAT(Write(), IsOk());
  EXPECT_EQ(writer_->head_trouble(), "");
}

}  // namespace
}  // namespace billbroker
