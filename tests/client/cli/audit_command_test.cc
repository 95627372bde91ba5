#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "client/cli/exit_code.h"
#include "tests/client/cli/cli_fixture.h"
#include "tests/support/temp_folder.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::StartsWith;

class AuditCommandTest : public CliTest {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    return files_.Write(name, text);
  }
  static v1::VerifyAuditResponse Report() {
    v1::VerifyAuditResponse report;
    report.set_line_count(17);
    report.set_first_sequence(1);
    report.set_last_sequence(18);
    return report;
  }
  static void Add(v1::AuditFault fault, v1::VerifyAuditResponse& report) {
    v1::AuditFinding& finding = *report.add_findings();
    finding.set_file("/var/log/a\n.jsonl");
    finding.set_line(5);
    finding.set_fault(fault);
    finding.set_message("line of sequence 5 missing before it");
  }

  TempFolder files_;
};

TEST_F(AuditCommandTest, SendsFilesInOrderOfTheirLines) {
  broker_.set_audit_report(Report());
  const std::string big = R"({"sequence":3,"x":")" + std::string(200'000, 'x') + "\"}\n";
  const std::string newer = Write("audit.jsonl", big);
  const std::string older = Write("audit.jsonl.1", "{\"sequence\":1}\n{\"sequence\":2}\n");
  const std::string empty = Write("audit.jsonl.0", "");
  EXPECT_EQ(Run({"audit", "verify", newer, empty, older}), kExitOk) << err_;
  EXPECT_THAT(broker_.audited(), ElementsAre(Pair(older, "{\"sequence\":1}\n{\"sequence\":2}\n"),
                                             Pair(newer, big), Pair(empty, "")));
}

TEST_F(AuditCommandTest, ReadsTheBrokersFileByDefault) {
  v1::GetStatusResponse status;
  status.mutable_audit()->set_file(Write("now.jsonl", "{\"sequence\":1}\n"));
  broker_.set_status(status);
  EXPECT_EQ(Run({"audit", "verify"}), kExitOk) << err_;
  EXPECT_THAT(broker_.audited(), ElementsAre(Pair(status.audit().file(), "{\"sequence\":1}\n")));
}

TEST_F(AuditCommandTest, FindingsArePrintedAndFail) {
  v1::VerifyAuditResponse report = Report();
  Add(v1::AUDIT_FAULT_REMOVED, report);
  broker_.set_audit_report(report);
  const std::string file = Write("audit.jsonl", "x\n");
  EXPECT_EQ(Run({"audit", "verify", file}), kExitFailed);
  EXPECT_THAT(out_, StartsWith("/var/log/a?.jsonl:5  removed  line of sequence 5"));
  EXPECT_EQ(Run({"audit", "verify", file, "--output", "json"}), kExitFailed);
  EXPECT_EQ(OutJson()["findings"][0]["fault"], "removed");
  EXPECT_EQ(OutJson()["findings"][0]["line"], 5);
}

TEST_F(AuditCommandTest, TornLastLineIsNotAFailure) {
  v1::VerifyAuditResponse report = Report();
  Add(v1::AUDIT_FAULT_TORN, report);
  broker_.set_audit_report(report);
  EXPECT_EQ(Run({"audit", "verify", Write("audit.jsonl", "x")}), kExitOk) << err_;
  EXPECT_THAT(out_, HasSubstr("torn"));
}

TEST_F(AuditCommandTest, LostHeadIsAFailureButNotTampering) {
  v1::VerifyAuditResponse report = Report();
  Add(v1::AUDIT_FAULT_HEAD_LOST, report);
  broker_.set_audit_report(report);
  const std::string file = Write("audit.jsonl", "x\n");
  EXPECT_EQ(Run({"audit", "verify", file}), kExitFailed);
  EXPECT_THAT(out_, HasSubstr("head_lost"));
  const std::string head_lost_only = err_;
  Add(v1::AUDIT_FAULT_CHANGED, report);
  broker_.set_audit_report(report);
  EXPECT_EQ(Run({"audit", "verify", file}), kExitFailed);
  EXPECT_NE(err_, head_lost_only);
}

TEST_F(AuditCommandTest, LostFileIsAFailure) {
  v1::VerifyAuditResponse report = Report();
  report.set_first_sequence(8);
  Add(v1::AUDIT_FAULT_FILE_LOST, report);
  broker_.set_audit_report(report);
  EXPECT_EQ(Run({"audit", "verify", Write("audit.jsonl", "x\n")}), kExitFailed);
  EXPECT_THAT(out_, HasSubstr("file_lost"));
}

TEST_F(AuditCommandTest, ReportsThatVerificationStopped) {
  v1::VerifyAuditResponse report = Report();
  Add(v1::AUDIT_FAULT_CHANGED, report);
  report.set_incomplete(true);
  broker_.set_audit_report(report);
  EXPECT_EQ(Run({"audit", "verify", Write("audit.jsonl", "x\n")}), kExitFailed);
  EXPECT_EQ(Run({"audit", "verify", files_ / "audit.jsonl", "--output", "json"}), kExitFailed);
  EXPECT_EQ(OutJson()["incomplete"], true);
}

TEST_F(AuditCommandTest, RejectsMissingFile) {
  EXPECT_EQ(Run({"audit", "verify", "/no/such/file"}), kExitNotFound);
  EXPECT_THAT(err_, HasSubstr("/no/such/file"));
}

TEST_F(AuditCommandTest, RejectsUnreadableFile) {
  constexpr uid_t kNobody = 65534;
  const std::string file = Write("audit.jsonl", "x\n");
  ASSERT_EQ(::chmod(file.c_str(), 0), 0);
  const uid_t user = ::geteuid();
  if (user == 0 && ::seteuid(kNobody) != 0) GTEST_SKIP() << "cannot give up root's rights here";
  const int exit_code = Run({"audit", "verify", file});
  ASSERT_EQ(::seteuid(user), 0);
  EXPECT_EQ(exit_code, kExitFailed);
  EXPECT_EQ(ErrorReason(), "FAILED_PRECONDITION");
  EXPECT_THAT(err_, HasSubstr(file));
}

TEST_F(AuditCommandTest, RejectsFolder) {
  broker_.set_audit_report(Report());
  EXPECT_EQ(Run({"audit", "verify", files_ / "."}), kExitFailed);
  EXPECT_EQ(ErrorReason(), "FAILED_PRECONDITION");
}

TEST_F(AuditCommandTest, ReportsRejectionOfTheBroker) {
  broker_.FailNext("VerifyAudit", MakeError(Reason::kNotGranted, "not for you"));
  EXPECT_EQ(Run({"audit", "verify", Write("audit.jsonl", "x\n")}), kExitDenied);
  EXPECT_EQ(ErrorReason(), "NOT_GRANTED");
}

}  // namespace
}  // namespace billbroker
