#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client/cli/broker_address.h"
#include "client/cli/command.h"
#include "client/cli/exit_code.h"
#include "client/cli/format.h"
#include "client/cli/table.h"

namespace billbroker {
namespace {

struct VerifyOptions {
  std::vector<std::string> files;
};

struct OpenFile {
  std::string path;
  std::uint64_t sequence;  // of its first line; the maximum if it has none
  std::unique_ptr<std::ifstream> text;
};

// A line begins with {"sequence":N.
std::uint64_t FirstSequence(std::istream& text) {
  constexpr absl::string_view kBegin = "{\"sequence\":";
  std::string begin(kBegin.size(), '\0');
  text.read(begin.data(), static_cast<std::streamsize>(begin.size()));
  std::uint64_t sequence = 0;
  const bool read = begin == kBegin && (text >> sequence);
  text.clear();
  text.seekg(0);
  return read ? sequence : std::numeric_limits<std::uint64_t>::max();
}

// Returns the error for a file that cannot be opened, with errno.
absl::Status CannotRead(const std::string& path) {
  const int error = errno;
  const std::string text = absl::StrCat("cannot read ", path, ": ", std::strerror(error));
  if (error == ENOENT) return absl::NotFoundError(text);
  return absl::FailedPreconditionError(
      absl::StrCat(text, error == EACCES ? "; run it as a user who may read it" : ""));
}

// Returns the files in the order in which they were written.
absl::StatusOr<std::vector<OpenFile>> Open(const std::vector<std::string>& paths) {
  std::vector<OpenFile> files;
  for (const std::string& path : paths) {
    auto text = std::make_unique<std::ifstream>(path, std::ios::binary);
    if (!*text) return CannotRead(path);
    const std::uint64_t sequence = FirstSequence(*text);
    files.push_back({path, sequence, std::move(text)});
  }
  std::stable_sort(files.begin(), files.end(),
                   [](const OpenFile& a, const OpenFile& b) { return a.sequence < b.sequence; });
  return files;
}

Json ReportJson(const v1::VerifyAuditResponse& report) {
  Json findings = Json::array();
  for (const v1::AuditFinding& finding : report.findings()) {
    findings.push_back({{"file", finding.file()},
                        {"line", finding.line()},
                        {"fault", EnumWord(v1::AuditFault_Name(finding.fault()), "AUDIT_FAULT_")},
                        {"message", finding.message()}});
  }
  return {{"line_count", report.line_count()},
          {"first_sequence", report.first_sequence()},
          {"last_sequence", report.last_sequence()},
          {"incomplete", report.incomplete()},
          {"findings", std::move(findings)}};
}

void PrintReport(const v1::VerifyAuditResponse& report, std::ostream& out) {
  Table table;
  for (const v1::AuditFinding& finding : report.findings()) {
    table.Add({absl::StrCat(Printable(finding.file()), ":", finding.line()),
               EnumWord(v1::AuditFault_Name(finding.fault()), "AUDIT_FAULT_"),
               Printable(finding.message())});
  }
  table.Print(out);
  if (report.incomplete()) {
    out << "gave up after " << Counted(report.findings_size(), "finding")
        << "; the rest was not looked at\n";
  }
  out << report.line_count() << " lines, sequence " << report.first_sequence() << " to "
      << report.last_sequence() << '\n';
  if (report.first_sequence() > 1) {
    out << "the lines before sequence " << report.first_sequence()
        << " are in older files, which were not checked\n";
  }
}

absl::Status Verdict(const v1::VerifyAuditResponse& report) {
  absl::Status verdict;
  for (const v1::AuditFinding& finding : report.findings()) {
    switch (finding.fault()) {
      case v1::AUDIT_FAULT_TORN:
        break;
      case v1::AUDIT_FAULT_HEAD_LOST:
        verdict = absl::DataLossError(
            "the broker had lost the log's end, which it keeps separately: lines may be missing "
            "before that; compare them with a copy that was kept elsewhere");
        break;
      case v1::AUDIT_FAULT_FILE_LOST:
        verdict = absl::DataLossError(
            "a file of the log was missing when the broker continued it: name the older files too; "
            "if there are none, their lines are lost");
        break;
      default:
        return absl::DataLossError(
            "the audit log is not as the broker wrote it; keep the files for an inquiry");
    }
  }
  return verdict;
}

absl::Status Verify(CommandContext& context, const VerifyOptions& options) {
  std::vector<std::string> paths = options.files;
  if (paths.empty()) {
    if (!IsOnThisMachine(context.broker)) {
      return absl::InvalidArgumentError(
          "the broker's log is on its own machine; name the files to verify");
    }
    const absl::StatusOr<v1::GetStatusResponse> status = context.admin.GetStatus();
    if (!status.ok()) return status.status();
    paths.push_back(status->audit().file());
  }
  const absl::StatusOr<std::vector<OpenFile>> open = Open(paths);
  if (!open.ok()) return open.status();
  std::vector<AuditLogFile> files;
  for (const OpenFile& file : *open) files.push_back({file.path, *file.text});
  const absl::StatusOr<v1::VerifyAuditResponse> report = context.audit.Verify(files);
  if (!report.ok()) return report.status();
  // For example a folder. The broker did not receive a whole log, so its answer is not used.
  for (const OpenFile& file : *open) {
    if (file.text->bad()) {
      return absl::FailedPreconditionError(
          absl::StrCat("cannot read ", file.path, " to its end; is it a file of the log?"));
    }
  }
  const absl::Status printed = context.Print(
      ReportJson(*report), [&report](std::ostream& out) { PrintReport(*report, out); });
  const absl::Status verdict = Verdict(*report);
  return verdict.ok() ? printed : verdict;
}

}  // namespace

void AddAuditCommands(CLI::App& app, Command& command) {
  CLI::App& group = *app.add_subcommand("audit", "The record of all actions");
  group.require_subcommand(1);
  auto [verify, options] = command.Add<VerifyOptions>(
      group, "verify", "Check that files of the audit log are as the broker wrote them", Verify);
  verify
      ->add_option("FILE", options->files,
                   "Files in any order, the newest among them; else the one that is written now")
      ->type_name("");
}

}  // namespace billbroker
