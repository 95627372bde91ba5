#include "server/access/audit/audit_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_replace.h"
#include "tests/server/access/audit/audit_harness.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class AuditWriterTest : public ::testing::Test {
 protected:
  AuditWriterTest() { Restart(); }

  // As after the death of the process.
  void Restart() {
    writer_ =
        std::make_unique<AuditWriter>(AuditKey(AuditMasterKey()), file_, head_, clock_, random_);
  }
  absl::Status Write(int entries = 1, std::uint64_t dropped = 0) {
    const AuditRecord record{clock_.Now(), SampleEntry()};
    return writer_->Commit(std::vector<const AuditRecord*>(entries, &record), dropped);
  }
  // The kinds of the file's lines.
  [[nodiscard]] std::vector<std::string> Kinds() const {
    std::vector<std::string> kinds;
    for (const std::string& line : LinesOf(file_.contents())) {
      kinds.push_back(nlohmann::json::parse(line)["kind"]);
    }
    return kinds;
  }
  [[nodiscard]] nlohmann::json Line(int number) const {
    return nlohmann::json::parse(LinesOf(file_.contents()).at(number - 1));
  }
  // Of all files in order, against the head.
  [[nodiscard]] std::vector<std::string> Findings() const {
    std::vector<std::string> files = file_.moved();
    files.push_back(file_.contents());
    return Verified(files, head_.mark());
  }

  ManualClock clock_;
  SeededRandom random_;
  FakeAuditFile file_;
  FakeAuditHead head_;
  std::unique_ptr<AuditWriter> writer_;
};

TEST_F(AuditWriterTest, AChainStartsOnceAndTheHeadFollowsIt) {
  ASSERT_TRUE(Write(2).ok());
  ASSERT_TRUE(Write().ok());
  EXPECT_THAT(Kinds(), ElementsAre("start", "sign_in", "sign_in", "sign_in"));
  EXPECT_EQ(Line(1)["chain"].get<std::string>().size(), 32u);
  EXPECT_EQ(head_.mark().sequence, 4u);
  EXPECT_THAT(Findings(), IsEmpty());
}

TEST_F(AuditWriterTest, ABatchIsOneWriteToTheDisk) {
  ASSERT_TRUE(Write(100).ok());
  EXPECT_EQ(file_.syncs(), 1);
}

TEST_F(AuditWriterTest, AnotherProcessGoesOnFromTheFile) {
  ASSERT_TRUE(Write().ok());
  Restart();
  ASSERT_TRUE(Write().ok());
  EXPECT_THAT(Kinds(), ElementsAre("start", "sign_in", "sign_in"));
  EXPECT_THAT(Findings(), IsEmpty());
}

TEST_F(AuditWriterTest, AFullDiskLeavesNothingOfTheBatchAndIsToldAfterwards) {
  ASSERT_TRUE(Write().ok());
  const std::string before = file_.contents();
  file_.SetRoom(500);
  const absl::Status refused = Write(2);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("the disk is full"));
  EXPECT_GT(file_.contents().size(), before.size());  // torn
  EXPECT_FALSE(Write(2).ok());
  EXPECT_EQ(head_.mark().sequence, 2u);
  file_.SetRoom(100'000);
  ASSERT_TRUE(Write().ok());
  EXPECT_THAT(Kinds(), ElementsAre("start", "sign_in", "recovered", "sign_in"));
  EXPECT_EQ(Line(3)["lost"], 4);
  EXPECT_EQ(Line(3)["from"], "the disk is full; free some space");
  EXPECT_THAT(Findings(), IsEmpty());
}

TEST_F(AuditWriterTest, WhatWasNotSyncedIsNotPartOfTheLog) {
  ASSERT_TRUE(Write().ok());
  file_.SetSyncError(absl::UnavailableError("cannot write it: Input/output error"));
  EXPECT_FALSE(Write().ok());
  file_.SetSyncError(absl::OkStatus());
  ASSERT_TRUE(Write().ok());
  EXPECT_THAT(Kinds(), ElementsAre("start", "sign_in", "recovered", "sign_in"));
  EXPECT_THAT(Findings(), IsEmpty());
}

TEST_F(AuditWriterTest, NothingIsWrittenBehindATornTailThatCannotBeCut) {
  ASSERT_TRUE(Write().ok());
  file_.SetRoom(10);
  file_.SetCutError(absl::UnavailableError("billbrokerd may not cut it"));
  EXPECT_FALSE(Write().ok());
  file_.SetRoom(100'000);
  const std::string torn = file_.contents();
  EXPECT_FALSE(Write().ok());
  EXPECT_EQ(file_.contents(), torn);
  file_.SetCutError(absl::OkStatus());
  EXPECT_TRUE(Write().ok());
  EXPECT_THAT(Findings(), IsEmpty());
}

TEST_F(AuditWriterTest, WithoutRecordsItTriesOnlyWhatIsInDoubt) {
  ASSERT_TRUE(Write(0).ok());
  EXPECT_THAT(Kinds(), ElementsAre("start"));
  ASSERT_TRUE(Write(0).ok());
  EXPECT_THAT(Kinds(), ElementsAre("start"));
  file_.SetRoom(0);
  EXPECT_FALSE(Write().ok());
  EXPECT_FALSE(Write(0).ok());
  file_.SetRoom(100'000);
  ASSERT_TRUE(Write(0).ok());
  EXPECT_THAT(Kinds(), ElementsAre("start", "recovered"));
}

TEST_F(AuditWriterTest, WhatWasDroppedIsCountedInALine) {
  ASSERT_TRUE(Write(1, 17).ok());
  EXPECT_THAT(Kinds(), ElementsAre("start", "dropped", "sign_in"));
  EXPECT_EQ(Line(2)["lost"], 17);
}

TEST_F(AuditWriterTest, ARenameAndASignalKeepTheChain) {
  ASSERT_TRUE(Write().ok());
  file_.Rename();
  writer_->Reopen();
  ASSERT_TRUE(Write().ok());
  EXPECT_THAT(Kinds(), ElementsAre("continues", "sign_in"));
  EXPECT_EQ(Line(1)["sequence"], 3);
  EXPECT_EQ(file_.moved().size(), 1u);
  EXPECT_THAT(Findings(), IsEmpty());
  EXPECT_THAT(Verified({file_.contents()}, head_.mark()), IsEmpty());
}

TEST_F(AuditWriterTest, ARenameWithoutASignalIsSeenAtTheNextWriteAndRefusesNothing) {
  ASSERT_TRUE(Write().ok());
  file_.Rename();
  ASSERT_TRUE(Write().ok());  // into the renamed file
  ASSERT_TRUE(Write().ok());
  EXPECT_THAT(Kinds(), ElementsAre("continues", "sign_in"));
  EXPECT_THAT(Findings(), IsEmpty());
}

TEST_F(AuditWriterTest, ASignalWithoutARenameChangesNothing) {
  ASSERT_TRUE(Write().ok());
  writer_->Reopen();
  ASSERT_TRUE(Write().ok());
  EXPECT_THAT(Kinds(), ElementsAre("start", "sign_in", "sign_in"));
  EXPECT_THAT(Findings(), IsEmpty());
}

TEST_F(AuditWriterTest, ARotationAfterATornWriteLeavesNoTornTail) {
  ASSERT_TRUE(Write().ok());
  file_.SetRoom(10);
  EXPECT_FALSE(Write().ok());
  file_.SetRoom(100'000);
  file_.Rename();
  writer_->Reopen();
  ASSERT_TRUE(Write().ok());
  EXPECT_THAT(Kinds(), ElementsAre("continues", "recovered", "sign_in"));
  EXPECT_THAT(Findings(), IsEmpty());
}

TEST_F(AuditWriterTest, ADeletedFileRefusesTheWriteAndTheNextMakesANewOne) {
  ASSERT_TRUE(Write().ok());
  file_.Delete();
  EXPECT_THAT(std::string(Write().message()), HasSubstr("it was deleted"));
  EXPECT_EQ(head_.mark().sequence, 2u);
  ASSERT_TRUE(Write().ok());
  EXPECT_THAT(Kinds(), ElementsAre("continues", "file_lost", "recovered", "sign_in"));
  EXPECT_EQ(Line(1)["sequence"], 3);
  EXPECT_THAT(Line(2)["why"].get<std::string>(), HasSubstr("deleted or emptied"));
}

TEST_F(AuditWriterTest, AFileThatIsEmptiedIsToldFromOneThatIsRotated) {
  ASSERT_TRUE(Write(3).ok());
  file_.SetContents("");
  EXPECT_THAT(std::string(Write().message()), HasSubstr("another program changed it"));
  ASSERT_TRUE(Write().ok());
  EXPECT_THAT(Kinds(), ElementsAre("continues", "file_lost", "recovered", "sign_in"));
  EXPECT_THAT(Findings(), ElementsAre("1:2 file lost"));
  file_.Rename();
  writer_->Reopen();
  ASSERT_TRUE(Write().ok());
  EXPECT_THAT(Kinds(), ElementsAre("continues", "sign_in"));
}

TEST_F(AuditWriterTest, ARotationIsNoLossThoughTheNewFileCannotBeWrittenAtOnce) {
  ASSERT_TRUE(Write().ok());
  file_.Rename();
  writer_->Reopen();
  file_.SetRoom(0);
  EXPECT_FALSE(Write().ok());
  EXPECT_FALSE(Write().ok());
  file_.SetRoom(10'000);
  ASSERT_TRUE(Write().ok());
  EXPECT_THAT(Kinds(), ElementsAre("continues", "recovered", "sign_in"));
  EXPECT_THAT(Findings(), IsEmpty());
}

TEST_F(AuditWriterTest, AFileThatWasCutOffBehindAFailedWriteIsNotFilledUp) {
  ASSERT_TRUE(Write(3).ok());
  const std::vector<std::string> lines = LinesOf(file_.contents());
  file_.SetSyncError(absl::UnavailableError("the disk is full"));
  EXPECT_FALSE(Write().ok());
  file_.SetSyncError(absl::OkStatus());
  file_.SetContents(lines[0]);
  EXPECT_THAT(std::string(Write().message()), HasSubstr("another program cut it off"));
  EXPECT_THAT(std::string(Write().message()), HasSubstr("ends at sequence 1, and up to 4"));
  EXPECT_EQ(file_.contents(), lines[0]);
}

TEST_F(AuditWriterTest, AFileOfAnotherProgramAtThePathIsLeftAlone) {
  ASSERT_TRUE(Write().ok());
  for (const char* foreign : {"hello\n", "hello"}) {
    file_.Replace(foreign);
    writer_->Reopen();
    EXPECT_THAT(std::string(Write().message()), HasSubstr("it is no audit log"));
    EXPECT_EQ(file_.contents(), foreign);
  }
  file_.Rename();
  writer_->Reopen();
  EXPECT_TRUE(Write().ok());
}

TEST_F(AuditWriterTest, ACopyOfTheWholeLogAtThePathIsTaken) {
  ASSERT_TRUE(Write().ok());
  file_.Replace(file_.contents());
  writer_->Reopen();
  ASSERT_TRUE(Write().ok());
  EXPECT_THAT(Verified({file_.contents()}, head_.mark()), IsEmpty());
}

TEST_F(AuditWriterTest, AnOlderCopyAtThePathIsRefused) {
  ASSERT_TRUE(Write().ok());
  const std::string older = file_.contents();
  ASSERT_TRUE(Write().ok());
  file_.Replace(older);
  writer_->Reopen();
  EXPECT_THAT(std::string(Write().message()), HasSubstr("ends at sequence 2, and up to 3"));
}

TEST_F(AuditWriterTest, AFileThatAnotherProgramChangedIsNotWrittenTo) {
  ASSERT_TRUE(Write().ok());
  file_.SetContents(file_.contents() + "hello\n");
  EXPECT_THAT(std::string(Write().message()), HasSubstr("another program changed it"));
  EXPECT_FALSE(Write().ok());
}

TEST_F(AuditWriterTest, ACrashInAWriteIsNoTamperingAndIsSaid) {
  ASSERT_TRUE(Write().ok());
  file_.SetRoom(100);
  EXPECT_FALSE(Write().ok());
  file_.SetRoom(100'000);
  Restart();
  ASSERT_TRUE(Write().ok());
  EXPECT_THAT(Kinds(), ElementsAre("start", "sign_in", "recovered", "sign_in"));
  EXPECT_EQ(Line(3)["from"], "a write that was cut off: 100 bytes were cut away");
  EXPECT_THAT(Findings(), IsEmpty());
}

TEST_F(AuditWriterTest, ACrashInAFilesFirstWriteIsNoTampering) {
  for (const std::size_t room : {1u, 40u}) {
    file_.SetRoom(room);
    EXPECT_FALSE(Write().ok());
    file_.SetRoom(100'000);
    Restart();
    ASSERT_TRUE(Write().ok());
    file_.Rename();
    Restart();
  }
  ASSERT_TRUE(Write().ok());
  EXPECT_THAT(Findings(), IsEmpty());
}

TEST_F(AuditWriterTest, LinesBeyondTheHeadAreTakenAtTheStart) {
  ASSERT_TRUE(Write().ok());
  const AuditMark lagging = head_.mark();
  ASSERT_TRUE(Write(3).ok());
  head_.Set(lagging);
  Restart();
  ASSERT_TRUE(Write().ok());
  EXPECT_EQ(head_.mark().sequence, 6u);
  EXPECT_THAT(Findings(), IsEmpty());
}

TEST_F(AuditWriterTest, ATailCutOffWhileTheBrokerWasDownIsRefusedAtTheStart) {
  ASSERT_TRUE(Write(3).ok());
  std::vector<std::string> lines = LinesOf(file_.contents());
  file_.SetContents(lines[0] + lines[1] + lines[2].substr(0, 10));
  Restart();
  EXPECT_THAT(std::string(Write().message()), HasSubstr("ends at sequence 2, and up to 4"));
}

TEST_F(AuditWriterTest, ALastLineChangedWhileTheBrokerWasDownIsRefusedAtTheStart) {
  ASSERT_TRUE(Write(3).ok());
  file_.SetContents(absl::StrReplaceAll(file_.contents(), {{"r-1", "r-2"}}));
  Restart();
  EXPECT_THAT(std::string(Write().message()), HasSubstr("its last line was changed"));
}

TEST_F(AuditWriterTest, AFileRemovedWhileTheBrokerWasDownLeavesAGapInTheChain) {
  ASSERT_TRUE(Write(3).ok());
  const std::string before = file_.contents();
  ASSERT_TRUE(Write(1).ok());
  file_.SetContents("");
  Restart();
  ASSERT_TRUE(Write().ok());
  EXPECT_THAT(Kinds(), ElementsAre("continues", "file_lost", "sign_in"));
  EXPECT_THAT(Verified({before, file_.contents()}, head_.mark()), ElementsAre("2:1 chain broken"));
  EXPECT_THAT(Verified({file_.contents()}, head_.mark()), ElementsAre("1:2 file lost"));
}

TEST_F(AuditWriterTest, AFileRotatedWhileTheBrokerWasDownIsNoLossWhereItIsGiven) {
  ASSERT_TRUE(Write(3).ok());
  const std::string before = file_.contents();
  file_.SetContents("");
  Restart();
  ASSERT_TRUE(Write().ok());
  EXPECT_THAT(Verified({before, file_.contents()}, head_.mark()), IsEmpty());
}

TEST_F(AuditWriterTest, AFileWhoseHeadIsLostIsTakenAndItsFirstNewLineSaysSo) {
  ASSERT_TRUE(Write(3).ok());
  const std::vector<std::string> lines = LinesOf(file_.contents());
  file_.SetContents(lines[0] + lines[1]);
  head_.Set({});
  Restart();
  ASSERT_TRUE(Write().ok());
  EXPECT_THAT(Kinds(), ElementsAre("start", "sign_in", "head_lost", "sign_in"));
  EXPECT_THAT(Line(3)["why"].get<std::string>(),
              HasSubstr("a tail that was cut off before would not be found out"));
  EXPECT_THAT(Findings(), ElementsAre("1:3 head lost"));
  EXPECT_THAT(writer_->head_trouble(), HasSubstr("was not there when the broker took the file"));
}

TEST_F(AuditWriterTest, AHeadThatIsLostIsSaidOnceAndNotAfterARestart) {
  ASSERT_TRUE(Write().ok());
  head_.Set({});
  Restart();
  ASSERT_TRUE(Write(0).ok());
  ASSERT_TRUE(Write().ok());
  EXPECT_THAT(Kinds(), ElementsAre("start", "sign_in", "head_lost", "sign_in"));
  Restart();
  ASSERT_TRUE(Write().ok());
  EXPECT_THAT(Kinds(), ElementsAre("start", "sign_in", "head_lost", "sign_in", "sign_in"));
  EXPECT_EQ(writer_->head_trouble(), "");
}

TEST_F(AuditWriterTest, AHeadThatIsLostIsSaidThoughTheFirstWritesFailOrTheFileIsRenamed) {
  ASSERT_TRUE(Write().ok());
  head_.Set({});
  Restart();
  file_.SetRoom(100);
  EXPECT_FALSE(Write().ok());
  file_.SetRoom(100'000);
  file_.Rename();
  writer_->Reopen();
  ASSERT_TRUE(Write().ok());
  EXPECT_THAT(Kinds(), ElementsAre("continues", "head_lost", "recovered", "sign_in"));
  EXPECT_THAT(Findings(), ElementsAre("2:2 head lost"));
}

TEST_F(AuditWriterTest, AHeadThatIsLostWithATornTailIsSaid) {
  ASSERT_TRUE(Write().ok());
  file_.SetContents(file_.contents() + "{\"sequ");
  head_.Set({});
  Restart();
  ASSERT_TRUE(Write().ok());
  EXPECT_THAT(Kinds(), ElementsAre("start", "sign_in", "head_lost", "recovered", "sign_in"));
}

TEST_F(AuditWriterTest, WithoutAFileNoHeadIsMissed) {
  ASSERT_TRUE(Write().ok());
  EXPECT_EQ(writer_->head_trouble(), "");
  EXPECT_THAT(Findings(), IsEmpty());
}

TEST_F(AuditWriterTest, WhatIsGivenAgainIsNotLost) {
  ASSERT_TRUE(Write().ok());
  const AuditRecord lost{clock_.Now(), SampleEntry()};
  const AuditRecord returns{clock_.Now(), SampleEntry(), /*returns=*/true};
  file_.SetRoom(0);
  EXPECT_FALSE(writer_->Commit({&lost, &returns, &returns}, 0).ok());
  file_.SetRoom(100'000);
  ASSERT_TRUE(writer_->Commit({&returns, &returns}, 0).ok());
  EXPECT_THAT(Kinds(), ElementsAre("start", "sign_in", "recovered", "sign_in", "sign_in"));
  EXPECT_EQ(Line(3)["lost"], 1);
}

TEST_F(AuditWriterTest, NothingIsWrittenBeforeTheHeadIsKnown) {
  head_.SetError(absl::UnavailableError("the session store waits for its key"));
  EXPECT_THAT(std::string(Write().message()), HasSubstr("the session store waits"));
  EXPECT_EQ(file_.contents(), "");
  head_.SetError(absl::OkStatus());
  EXPECT_TRUE(Write().ok());
}

TEST_F(AuditWriterTest, AHeadThatCannotBeKeptIsSaidAndRefusesNothing) {
  ASSERT_TRUE(Write().ok());
  EXPECT_EQ(writer_->head_trouble(), "");
  head_.SetError(absl::UnavailableError("the disk is full"));
  EXPECT_TRUE(Write().ok());
  EXPECT_EQ(writer_->head_trouble(), "its head cannot be kept: the disk is full");
  head_.SetError(absl::OkStatus());
  EXPECT_TRUE(Write().ok());
  EXPECT_EQ(writer_->head_trouble(), "");
}

}  // namespace
}  // namespace billbroker
