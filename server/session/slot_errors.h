// The errors of the session manager that are about one slot. Internal to server/session.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/session/session_slot.h"

namespace billbroker {

[[nodiscard]] absl::Status NoLiveSession(const SessionSlot& slot);
[[nodiscard]] absl::Status MfaRequired(const SessionSlot& slot);
// Describes a slot whose organization was detached, or whose credential was deleted, while a caller
// waited.
[[nodiscard]] absl::Status Removed(const SessionSlot& slot);
[[nodiscard]] absl::Status RemovedOrganization(absl::string_view organization_id,
                                               absl::string_view credential);
[[nodiscard]] absl::Status TooManyReports(const SessionSlot& slot, absl::Duration wait);
// Describes a devKey whose callers' checks are suspended for `wait`.
[[nodiscard]] absl::Status RateLimited(const SessionSlot& slot, absl::Duration wait);

// Returns the error of every sign-in if neither the store nor the audit log can be read.
[[nodiscard]] absl::Status SignInsUnknown(const absl::Status& audit);

}  // namespace billbroker
