// Golden texts of server/access/audit. The other tests assert codes, reasons and kinds of lines.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "server/access/audit/audit_log.h"
#include "server/access/audit/posix_audit_file.h"
#include "tests/server/access/audit/audit_writer_fixture.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace billbroker {
namespace {

constexpr char kMoveAway[] = "; keep the file for an inquiry, move it away, and a new one goes on";
constexpr char kHeadLost[] =
    "its head, which is kept apart, was not there when the broker took the file over: a tail that "
    "was cut off before would not be found out";

class AuditMessagesTest : public AuditWriterTest {
 protected:
  AuditMessagesTest() { EXPECT_THAT(Write(3), IsOk()); }

  [[nodiscard]] std::string Message() { return std::string(Write().message()); }
  void RestartWith(const std::string& contents) {
    file_.SetContents(contents);
    Restart();
  }
  [[nodiscard]] std::string FirstLines(std::size_t count) const {
    std::string text;
    for (const std::string& line : LinesOf(file_.contents())) {
      if (count-- == 0) break;
      text += line;
    }
    return text;
  }
};

TEST_F(AuditMessagesTest, FileChangedWhileOpen) {
  const std::string whole = file_.contents();
  file_.SetContents(whole + "hello\n");
  EXPECT_EQ(Message(), std::string("another program changed it") + kMoveAway);
  file_.SetContents(whole);
  EXPECT_THAT(Write(), IsOk());
  file_.SetSyncError(kDiskFull);
  EXPECT_EQ(Message(), kDiskFull.message());
  file_.SetSyncError(absl::OkStatus());
  file_.SetContents(FirstLines(1));
  EXPECT_EQ(Message(), std::string("another program cut it off") + kMoveAway);
}

TEST_F(AuditMessagesTest, DeletedFile) {
  file_.Delete();
  EXPECT_EQ(Message(), "it was deleted; a new one is made at the next try");
  ASSERT_THAT(Write(), IsOk());
  EXPECT_EQ(Line(2)["why"],
            "the file before was deleted or emptied, or renamed while no broker saw it");
}

TEST_F(AuditMessagesTest, FileReplaced) {
  file_.Replace("hello\n");
  writer_->Reopen();
  EXPECT_EQ(Message(), std::string("it is not an audit log") + kMoveAway);
}

TEST_F(AuditMessagesTest, TailCutWhileStopped) {
  RestartWith(FirstLines(2));
  EXPECT_EQ(Message(), std::string("it ends at sequence 2, and up to 4 was written") + kMoveAway);
}

TEST_F(AuditMessagesTest, LastLineChangedWhileStopped) {
  RestartWith(absl::StrReplaceAll(file_.contents(), {{"0000000001", "0000000002"}}));
  EXPECT_EQ(Message(),
            std::string("its last line was changed, or written under another key") + kMoveAway);
}

TEST_F(AuditMessagesTest, TornWriteBeforeRestart) {
  file_.SetRoom(100);
  EXPECT_THAT(Write(), StatusIs(absl::StatusCode::kUnavailable));
  file_.SetRoom(100'000);
  Restart();
  ASSERT_THAT(Write(), IsOk());
  EXPECT_EQ(Line(5)["from"], "a write that was cut off: 100 bytes were cut away");
}

TEST_F(AuditMessagesTest, HeadLost) {
  head_.Set({});
  Restart();
  ASSERT_THAT(Write(), IsOk());
  EXPECT_EQ(Line(5)["why"], kHeadLost);
  EXPECT_EQ(writer_->head_trouble(), kHeadLost);
  head_.SetError(kDiskFull);
  ASSERT_THAT(Write(), IsOk());
  EXPECT_EQ(writer_->head_trouble(),
            absl::StrCat(kHeadLost, "; its head cannot be kept: ", kDiskFull.message()));
}

class IgnoringAuditObserver final : public AuditObserver {
  void AuditStateChanged() override {}
};

TEST_F(AuditMessagesTest, LogNamesItsPathAndCause) {
  IgnoringAuditObserver observer;
  AuditLogOptions options;
  options.path = "/var/lib/billbroker/audit.log";
  options.longest_wait = absl::Milliseconds(1);
  AuditLog log(options, file_, head_, clock_, random_, observer);
  EXPECT_EQ(log.Write(SampleEntry()).message(),
            "audit log /var/lib/billbroker/audit.log: it waits for its key, which rests in the "
            "keyring");
  file_.Hang();
  log.Open(AuditMasterKey());
  log.Post(SampleEntry());
  file_.AwaitHung();
  EXPECT_EQ(log.Write(SampleEntry()).message(),
            "audit log /var/lib/billbroker/audit.log: its device does not answer");
  file_.Release();
}

TEST(PosixAuditFileMessagesTest, UnsafeOrMissingFile) {
  const TempFolder folder;
  const std::string path = folder.File("audit.log");
  const auto message = [&path] { return std::string(PosixAuditFile(path).Open().message()); };
  std::filesystem::create_symlink(folder.File("target"), path);
  EXPECT_EQ(message(), "it is a symbolic link; put a regular file or nothing there");
  std::filesystem::remove(path);
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(message(), "it is not a regular file; put a regular file or nothing there");
  std::filesystem::remove(path);
  std::ofstream(path).put('x');
  ASSERT_EQ(::chmod(path.c_str(), 0660), 0);
  EXPECT_EQ(message(), "others may write it; make its mode 0600");
  EXPECT_EQ(PosixAuditFile(folder.File("none/audit.log")).Open().message(),
            "its folder is missing; make it");
}

}  // namespace
}  // namespace billbroker
