#include "server/credentials/change_errors.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

constexpr char kOutcome[] = "outcome";
constexpr char kUnknown[] = "unknown";

}  // namespace

absl::Status UserTaken(const Credential& credential, const std::string& other) {
  return MakeError(ErrorDetails{Reason::kCredentialExists, absl::nullopt, {{"credential", other}}},
                   absl::StrCat("this user of environment \"", credential.environment,
                                "\" belongs to credential \"", other,
                                "\"; attach the organizations to that one"));
}

absl::Status AfterWrite(const absl::Status& status) {
  if (!IsOutcomeUnknown(status)) return status;
  return MakeError(*DetailsOf(status),
                   absl::StrCat(status.message(),
                                "; whether the change was made is unknown: read the credential "
                                "again before you repeat it"));
}

bool IsOutcomeUnknown(const absl::Status& status) {
  const absl::optional<ErrorDetails> details = DetailsOf(status);
  if (!details.has_value()) return false;
  const auto outcome = details->metadata.find(kOutcome);
  return outcome != details->metadata.end() && outcome->second == kUnknown;
}

absl::Status RotationPending(const Credential& credential, absl::string_view why,
                             bool outcome_unknown) {
  const StagedRotation& staged = *credential.staged;
  ErrorDetails details{Reason::kRotationPending,
                       absl::nullopt,
                       {{"credential", credential.name},
                        {"rotation_id", staged.id},
                        {"organization_id", staged.organization_id}}};
  if (outcome_unknown) details.metadata[kOutcome] = kUnknown;
  return MakeError(std::move(details),
                   absl::StrCat("credential \"", credential.name, "\" has rotation ", staged.id,
                                " staged and not in effect: ", why, "; resume or cancel it"));
}

absl::Status NoPreviousVersion(const Credential& credential) {
  return MakeError(
      ErrorDetails{Reason::kNoPreviousVersion, absl::nullopt, {{"credential", credential.name}}},
      absl::StrCat("nothing is kept that credential \"", credential.name,
                   "\" could be rolled back to; rotate it to a secret that you know"));
}

absl::Status NothingChanged(const absl::Status& status) {
  absl::optional<ErrorDetails> details = DetailsOf(status);
  if (!details.has_value()) return status;
  return MakeError(*std::move(details), absl::StrCat(status.message(), "; nothing was changed"));
}

}  // namespace billbroker
