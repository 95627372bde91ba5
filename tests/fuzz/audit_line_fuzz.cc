// Parses the input as a line of the audit log and as a log of several lines and files, and writes
// an entry with it. Checks that a parsed line has the same text, that nothing written without the
// key is accepted, and that an entry with any text is one line that can be verified.
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/access/audit/audit_line.h"
#include "server/access/audit/audit_verify.h"
#include "tests/fuzz/fuzz_target.h"
#include "vault/base/utf8.h"

namespace billbroker {
namespace {

const AuditKey& Key() {
  static const AuditKey key(SecretString::CopyOf(std::string(32, 'k')));
  return key;
}

void CheckLine(absl::string_view text) {
  const absl::optional<AuditLine> line = ParseAuditLine(text);
  if (!line.has_value()) return;
  Require(absl::StrCat(line->body, ",\"mac\":\"", AuditMacText(line->mark.mac), "\"}") == text,
          "a parsed line has the same text");
  Require(line->mark.sequence > 0, "a sequence counts from 1");
  Require(!IsChained(Key(), line->previous.value_or(AuditMac{}), *line),
          "a forged line is not accepted");
}

void CheckLog(absl::string_view text) {
  std::istringstream log{std::string(text)};
  const AuditReport report = VerifyAudit(Key(), {{"log", log}}, absl::nullopt);
  Require(text.empty() || !report.findings.empty(), "a forged log is not accepted");
}

void CheckEntry(absl::string_view text) {
  AuditEntry entry;
  entry.principal = entry.rpc = entry.organization = entry.reason = std::string(text);
  AuditMark mark;
  std::string log = WriteAuditNote(Key(), absl::UnixEpoch(), AuditNote::kStart, text, 0, mark);
  const std::string line = WriteAuditLine(Key(), absl::UnixEpoch(), entry, mark);
  Require(IsUtf8(line) && line.find('\n') == line.size() - 1, "an entry is one line of UTF-8");
  Require(line.size() <= kLongestAuditLine, "a line is bounded");
  log += line;
  std::istringstream stream(log);
  const AuditReport report = VerifyAudit(Key(), {{"log", stream}}, mark);
  Require(report.findings.empty() && report.lines == 2, "a written log can be verified");
  log += WriteAuditNote(Key(), absl::UnixEpoch(), AuditNote::kHeadLost, text, 0, mark);
  std::istringstream with_note(log);
  const AuditReport noted = VerifyAudit(Key(), {{"log", with_note}}, mark);
  Require(noted.findings.size() == 1 && noted.findings[0].fault == AuditFault::kHeadLost,
          "a lost head is reported");
}

// Adds the text in pieces, as clients of AuditService do.
void CheckPieces(absl::string_view text) {
  AuditVerifier verifier(Key(), absl::nullopt);
  for (const char c : text) {
    if (c == '\0') {
      verifier.BeginFile("log");
    } else {
      verifier.Add(absl::string_view(&c, 1));
    }
  }
  Require(verifier.Finish().findings.size() <= AuditVerifier::kMostFindings,
          "findings are bounded");
}

}  // namespace
}  // namespace billbroker

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const absl::string_view text = billbroker::TextOf(data, size);
  billbroker::CheckLine(text);
  billbroker::CheckLog(text);
  billbroker::CheckEntry(text);
  billbroker::CheckPieces(text);
  return 0;
}
