// The errors of the session manager that are about one slot.
// Internal to server/session.
#pragma once

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/session/session_slot.h"

namespace billbroker {

[[nodiscard]] absl::Status NoLiveSession(const SessionSlot& slot);
[[nodiscard]] absl::Status MfaRequired(const SessionSlot& slot);
[[nodiscard]] absl::Status Removed(const SessionSlot& slot);
[[nodiscard]] absl::Status TooManyReports(const SessionSlot& slot, absl::Duration wait);
[[nodiscard]] absl::Status RateLimited(const SessionSlot& slot, absl::Duration wait);
[[nodiscard]] absl::Status BudgetSpent(const SessionSlot& slot, absl::Duration wait);
[[nodiscard]] absl::Status UserFailedTooOften(const SessionSlot& slot, int bound,
                                              absl::Duration wait);

}  // namespace billbroker
