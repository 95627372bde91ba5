// The history of a credential. Internal to server/credentials.
#pragma once

#include "vault/credential.h"

namespace billbroker {

// Puts `line` first and keeps kMaxHistory lines; lines that a roll-back needs stay before others.
// Of the values that changes replaced, keeps the newest `kept_versions`.
void Remember(PastChange line, int kept_versions, Credential& in);

}  // namespace billbroker
