// The history of a credential. Internal to server/credentials.
#pragma once

#include "absl/time/time.h"
#include "vault/credential.h"

namespace billbroker {

// Returns the line of `kind` for the rotation `made` of `credential`, at its version.
[[nodiscard]] PastChange LineOf(const Credential& credential, const StagedRotation& made,
                                PastChangeKind kind, absl::Time now);

// Puts `line` first and keeps kMaxHistory lines; lines that a roll-back needs stay before others.
// Of the values that changes replaced, keeps the newest `kept_versions`.
void Remember(PastChange line, int kept_versions, Credential& in);

}  // namespace billbroker
