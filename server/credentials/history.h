// The history of a credential. Internal to server/credentials.
#pragma once

#include "vault/credential.h"

namespace billbroker {

// Puts `line` first, keeps kMaxHistory lines, those that a roll-back needs before others, and what
// the newest `kept_versions` of them replaced.
void Remember(PastChange line, int kept_versions, Credential& in);

}  // namespace billbroker
