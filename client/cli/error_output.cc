#include "client/cli/error_output.h"

#include "absl/strings/str_cat.h"
#include "client/cli/broker_address.h"
#include "client/cli/exit_code.h"
#include "client/cli/format.h"
#include "client/cli/json.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

// The broker's messages contain the fix. These are fixes that only the command line can name.
absl::string_view FixFor(Reason reason) {
  switch (reason) {
    case Reason::kAmbiguousCredential:
      return "name one with --credential";
    case Reason::kNoLiveSession:
      return "leave --cached-only out to sign in";
    case Reason::kSessionsLive:
      return "repeat with --force to log its sessions out too";
    case Reason::kVaultLocked:
    case Reason::kVaultUnreachable:
    case Reason::kVaultDocumentInvalid:
      return "'billbroker doctor' shows the state of the keyring";
    default:
      return "";
  }
}

std::string FixOf(const absl::Status& status, const ClientOptions& broker) {
  if (ExitCodeOf(status) == kExitUnreachable) return UnreachableFix(broker);
  const absl::optional<ErrorDetails> details = DetailsOf(status);
  return details.has_value() ? std::string(FixFor(details->reason)) : std::string();
}

Json ErrorJson(const absl::Status& status, const std::string& fix) {
  Json error = {{"reason", ErrorName(status)},
                {"code", absl::StatusCodeToString(status.code())},
                {"message", std::string(status.message())},
                {"fix", fix},
                {"retry_after_seconds", nullptr},
                {"metadata", Json::object()}};
  if (const absl::optional<ErrorDetails> details = DetailsOf(status); details.has_value()) {
    if (details->retry_after.has_value()) {
      error["retry_after_seconds"] = absl::ToDoubleSeconds(*details->retry_after);
    }
    for (const auto& [key, value] : details->metadata) error["metadata"][key] = value;
  }
  return {{"error", error}};
}

}  // namespace

std::string ErrorName(const absl::Status& status) {
  if (const absl::optional<ErrorDetails> details = DetailsOf(status); details.has_value()) {
    return std::string(ReasonName(details->reason));
  }
  if (ExitCodeOf(status) == kExitUnreachable) return "BROKER_UNREACHABLE";
  if (ExitCodeOf(status) == kExitUsage) return "USAGE";
  return absl::StatusCodeToString(status.code());
}

void PrintError(const absl::Status& status, const ClientOptions& broker, bool json,
                std::ostream& err) {
  const std::string fix = FixOf(status, broker);
  if (json) return PrintJson(ErrorJson(status, fix), err);
  err << "error: " << ErrorName(status) << ": " << Printable(status.message()) << '\n';
  const absl::optional<ErrorDetails> details = DetailsOf(status);
  if (details.has_value() && details->retry_after.has_value()) {
    err << "retry in " << WaitText(*details->retry_after) << '\n';
  }
  if (!fix.empty()) err << "fix: " << Printable(fix) << '\n';
}

}  // namespace billbroker
