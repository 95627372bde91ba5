#include "server/rpc/audit_service.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "server/access/audit/audit_line.h"
#include "tests/server/rpc/rpc_fixture.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

class AuditServiceTest : public RpcTest {
 protected:
  // Sends a log of ten lines, after `change` edited it, in pieces of `piece` bytes.
  absl::StatusOr<v1::VerifyAuditResponse> Verify(const std::string& text, std::size_t piece = 100,
                                                 const std::string& file = "audit.jsonl") {
    grpc::ClientContext context;
    v1::VerifyAuditResponse response;
    const auto writer = audits_->VerifyAudit(&context, &response);
    writer->WaitForInitialMetadata();
    v1::VerifyAuditRequest request;
    request.set_file(file);
    for (std::size_t at = 0; at < text.size(); at += piece) {
      request.set_content(text.substr(at, piece));
      if (!writer->Write(request)) break;
      request.clear_file();
    }
    writer->WritesDone();
    const absl::Status status = FromGrpcStatus(writer->Finish());
    if (!status.ok()) return status;
    return response;
  }

  [[nodiscard]] std::vector<std::string> Lines() const {
    AuditMark mark;
    std::vector<std::string> lines = {
        WriteAuditNote(audit_.key(), absl::UnixEpoch(), AuditNote::kStart, "chain", 0, mark)};
    AuditEntry entry;
    entry.principal = "unix:payroll";
    while (lines.size() < 10) {
      lines.push_back(WriteAuditLine(audit_.key(), absl::UnixEpoch(), entry, mark));
    }
    return lines;
  }
  static std::string Join(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) text += line;
    return text;
  }
};

TEST_F(AuditServiceTest, AcceptsFileInPiecesOfAnySize) {
  for (const std::size_t piece : {1, 100, 100'000}) {
    const auto report = Verify(Join(Lines()), piece);
    ASSERT_THAT(report, IsOk());
    EXPECT_EQ(report->findings_size(), 0);
    EXPECT_EQ(report->line_count(), 10);
    EXPECT_EQ(report->first_sequence(), 1);
    EXPECT_EQ(report->last_sequence(), 10);
  }
}

TEST_F(AuditServiceTest, ReportsFindingWithItsLine) {
  std::vector<std::string> lines = Lines();
  lines.erase(lines.begin() + 4);
  const auto report = Verify(Join(lines));
  ASSERT_THAT(report, IsOk());
  ASSERT_EQ(report->findings_size(), 1);
  EXPECT_EQ(report->findings(0).file(), "audit.jsonl");
  EXPECT_EQ(report->findings(0).line(), 5);
  EXPECT_EQ(report->findings(0).fault(), v1::AUDIT_FAULT_REMOVED);
  EXPECT_THAT(report->findings(0).message(), ::testing::HasSubstr("sequence 5"));
}

TEST_F(AuditServiceTest, EveryFaultHasItsOwnName) {
  for (int i = 0; i <= static_cast<int>(AuditFault::kFileLost); ++i) {
    EXPECT_TRUE(v1::AuditFault_IsValid(i + 1)) << AuditFaultName(static_cast<AuditFault>(i));
  }
  EXPECT_FALSE(v1::AuditFault_IsValid(static_cast<int>(AuditFault::kFileLost) + 2));
}

TEST_F(AuditServiceTest, ReportsLostHead) {
  AuditMark mark;
  std::string text =
      WriteAuditNote(audit_.key(), absl::UnixEpoch(), AuditNote::kStart, "chain", 0, mark);
  text += WriteAuditNote(audit_.key(), absl::UnixEpoch(), AuditNote::kHeadLost, "why", 0, mark);
  const auto report = Verify(text);
  ASSERT_THAT(report, IsOk());
  ASSERT_EQ(report->findings_size(), 1);
  EXPECT_EQ(report->findings(0).line(), 2);
  EXPECT_EQ(report->findings(0).fault(), v1::AUDIT_FAULT_HEAD_LOST);
}

TEST_F(AuditServiceTest, RejectsNextPieceAfterRevocation) {
  grpc::ClientContext context;
  v1::VerifyAuditResponse response;
  const auto writer = audits_->VerifyAudit(&context, &response);
  writer->WaitForInitialMetadata();
  callers_.SetPolicy({});
  v1::VerifyAuditRequest request;
  request.set_file("audit.jsonl");
  (void)writer->Write(request);
  writer->WritesDone();
  const absl::Status status = FromGrpcStatus(writer->Finish());
  EXPECT_THAT(status, HasReason(Reason::kNotGranted));
}

// Over a connection: the broker ends a call whose caller never ends it.
TEST_F(AuditServiceTest, StopsAfterTooManyFindings) {
  const auto stub =
      v1::AuditService::NewStub(grpc::CreateChannel(address_, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  v1::VerifyAuditResponse response;
  const auto writer = stub->VerifyAudit(&context, &response);
  v1::VerifyAuditRequest request;
  request.set_file("x");
  request.set_content("y");
  int written = 0;
  while (written < 10'000'000 && writer->Write(request)) ++written;
  EXPECT_LT(written, 10'000'000);
  const absl::Status status = FromGrpcStatus(writer->Finish());
  ASSERT_THAT(status, IsOk());
  EXPECT_TRUE(response.incomplete());
  EXPECT_EQ(response.findings_size(), 1000);
}

TEST_F(AuditServiceTest, FirstMessageNamesAFile) {
  const auto report = Verify("x\n", 100, "");
  EXPECT_EQ(FieldOf(report.status()), "file") << report.status();
}

TEST_F(AuditServiceTest, RejectsVerificationWithoutTheKey) {
  audit_.Break();
  const auto report = Verify(Join(Lines()));
  EXPECT_THAT(report, HasReason(Reason::kAuditUnavailable));
}

TEST_F(AuditServiceTest, GetStatusReportsTheLog) {
  v1::GetStatusResponse status;
  using Stub = v1::SessionService::Stub;
  ASSERT_THAT(Call(*sessions_, &Stub::GetStatus, v1::GetStatusRequest(), &status), IsOk());
  EXPECT_TRUE(status.audit().writable());
  EXPECT_EQ(status.audit().message(), "");
  EXPECT_EQ(status.audit().file(), "/var/lib/billbroker/audit.jsonl");
  EXPECT_FALSE(status.audit().session_reads_recorded());
  audit_.Break();
  ASSERT_THAT(Call(*sessions_, &Stub::GetStatus, v1::GetStatusRequest(), &status), IsOk());
  EXPECT_FALSE(status.audit().writable());
  EXPECT_EQ(status.audit().message(), "the disk is full");
}

}  // namespace
}  // namespace billbroker
