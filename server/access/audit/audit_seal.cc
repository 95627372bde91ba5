#include "server/access/audit/audit_seal.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <vector>

#include "absl/strings/str_split.h"
#include "server/access/audit/audit_key.h"
#include "server/access/audit/audit_line.h"

namespace billbroker {
namespace {

// Returns the valid lines at the end of the file; the last two matter.
absl::optional<std::vector<AuditLine>> ReadLastLines(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return absl::nullopt;
  const auto size = static_cast<std::size_t>(file.tellg());
  const std::size_t bytes = std::min(size, 3 * kLongestAuditLine);
  file.seekg(static_cast<std::streamoff>(size - bytes));
  std::string text(bytes, '\0');
  if (!file.read(text.data(), static_cast<std::streamsize>(bytes))) return absl::nullopt;
  std::vector<AuditLine> lines;
  for (const absl::string_view each : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    if (absl::optional<AuditLine> line = ParseAuditLine(each)) lines.push_back(*std::move(line));
  }
  return lines;
}

}  // namespace

SealState CheckAuditSeal(const std::string& path, const SecretString* key) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error == std::errc::no_such_file_or_directory) return SealState::kNothing;
  if (!error && size == 0) return SealState::kNothing;
  const absl::optional<std::vector<AuditLine>> lines = ReadLastLines(path);
  if (!lines.has_value() || lines->empty()) return SealState::kUnknown;
  if (key == nullptr) return SealState::kOtherKey;
  const AuditKey audit_key(*key);
  const AuditLine& last = lines->back();
  if (last.previous.has_value() && IsChained(audit_key, *last.previous, last)) {
    return SealState::kOpens;
  }
  const AuditMac before = lines->size() > 1 ? (*lines)[lines->size() - 2].mark.mac : AuditMac{};
  return IsChained(audit_key, before, last) ? SealState::kOpens : SealState::kOtherKey;
}

}  // namespace billbroker
