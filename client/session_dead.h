// SessionDead: the status by which a program's call reports to WithSession() that BILL ended the
// session.
#pragma once

#include "absl/status/status.h"

namespace billbroker {

// Returns the status for a call that BILL answered with BDC_1109 ("session is invalid"). Do not use
// it for BDC_1361 (untrusted session): a new sign-in does not help there.
[[nodiscard]] absl::Status SessionDead();

// Returns true only for SessionDead(), independent of code and message.
[[nodiscard]] bool IsSessionDead(const absl::Status& status);

}  // namespace billbroker
