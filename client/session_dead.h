// SessionDead: how a program's call tells WithSession() that BILL no longer knows the session.
#pragma once

#include "absl/status/status.h"

namespace billbroker {

// What a call returns when BILL answered BDC_1109 ("session is invalid"), and only then. BDC_1361
// (untrusted session) is not it: a new sign-in does not help there.
[[nodiscard]] absl::Status SessionDead();

// True for SessionDead() and for nothing else, whatever its code and message.
[[nodiscard]] bool IsSessionDead(const absl::Status& status);

}  // namespace billbroker
