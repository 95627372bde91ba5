// The payloads of a session store's rows, as JSON that never leaves the locked slab.
#pragma once

#include "server/session/session_store.h"
#include "vault/base/secret_string.h"

namespace billbroker {

// What the row's own columns say (credential uid, organization id, generation of the slot; id of
// the attempt) is not repeated. Times and durations are whole nanoseconds. Unlike a column, a scope
// is sealed, because it names a BILL user.
[[nodiscard]] SecretString WritePayload(const StoredSlot& slot);
[[nodiscard]] SecretString WritePayload(const StoredAttempt& attempt);
[[nodiscard]] SecretString WritePayload(const StoredQuarantine& quarantine);
[[nodiscard]] SecretString WritePayload(const StoredAuditHead& head);

// Fills in what WritePayload() wrote; the columns' fields must be set already. False for any other
// text, an unknown member among others.
[[nodiscard]] bool ReadPayload(const SecretString& payload, StoredSlot& slot);
[[nodiscard]] bool ReadPayload(const SecretString& payload, StoredAttempt& attempt);
[[nodiscard]] bool ReadPayload(const SecretString& payload, StoredQuarantine& quarantine);
[[nodiscard]] bool ReadPayload(const SecretString& payload, StoredAuditHead& head);

}  // namespace billbroker
