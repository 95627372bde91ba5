// What operators are told of changes of credentials. Internal to server/credentials.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "vault/credential.h"

namespace billbroker {

// The BILL user of `credential` belongs to `other`.
[[nodiscard]] absl::Status UserTaken(const Credential& credential, const std::string& other);

// `status` of a write; where the vault did not answer it may or may not have been stored, and that
// is said.
[[nodiscard]] absl::Status AfterWrite(const absl::Status& status);

// ROTATION_PENDING of what is staged in `credential`; `why` says how it came to that.
[[nodiscard]] absl::Status RotationPending(const Credential& credential, absl::string_view why);

[[nodiscard]] absl::Status NoPreviousVersion(const Credential& credential);

// `status` of a probe, with the news that nothing was changed.
[[nodiscard]] absl::Status NothingChanged(const absl::Status& status);

}  // namespace billbroker
