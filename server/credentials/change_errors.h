// Errors that operators receive for changes of credentials. Internal to server/credentials.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "vault/credential.h"

namespace billbroker {

// Returns the error that the BILL user of `credential` belongs to the credential called `other`.
[[nodiscard]] absl::Status UserTaken(const Credential& credential, const std::string& other);

// Returns `status` of a write. If its outcome is unknown, the message states it too.
[[nodiscard]] absl::Status AfterWrite(const absl::Status& status);

// Returns true if `status` has metadata "outcome" = "unknown".
[[nodiscard]] bool IsOutcomeUnknown(const absl::Status& status);

// Returns ROTATION_PENDING for the rotation that is staged in `credential`; `why` explains it. With
// `outcome_unknown` it has metadata "outcome": the rotation may have been completed or removed.
[[nodiscard]] absl::Status RotationPending(const Credential& credential, absl::string_view why,
                                           bool outcome_unknown = false);

[[nodiscard]] absl::Status NoPreviousVersion(const Credential& credential);

// Returns `status` of a probe, with a note that nothing was changed.
[[nodiscard]] absl::Status NothingChanged(const absl::Status& status);

}  // namespace billbroker
