// The payloads of the rows of a session store, as JSON that stays in locked memory.
#pragma once

#include "server/session/session_store.h"
#include "vault/base/secret_string.h"

namespace billbroker {

// Returns the payload of a row. The columns (credential uid, organization id and generation of a
// slot; id of an attempt) are not repeated. Times and durations are whole nanoseconds. A scope, a
// user and a devKey are sealed and not in a column, because they name a BILL user or a customer.
[[nodiscard]] SecretString WritePayload(const StoredSlot& slot);
[[nodiscard]] SecretString WritePayload(const StoredAttempt& attempt);
[[nodiscard]] SecretString WritePayload(const StoredQuarantine& quarantine);
[[nodiscard]] SecretString WritePayload(const StoredAuditHead& head);
[[nodiscard]] SecretString WritePayload(const StoredAcceptedSecret& secret);
[[nodiscard]] SecretString WritePayload(const StoredSuspension& suspension);

// Reads the text that WritePayload() wrote; the fields of the columns must be set already. Returns
// false for any other text, also if it has an unknown member.
[[nodiscard]] bool ReadPayload(const SecretString& payload, StoredSlot& slot);
[[nodiscard]] bool ReadPayload(const SecretString& payload, StoredAttempt& attempt);
[[nodiscard]] bool ReadPayload(const SecretString& payload, StoredQuarantine& quarantine);
[[nodiscard]] bool ReadPayload(const SecretString& payload, StoredAuditHead& head);
[[nodiscard]] bool ReadPayload(const SecretString& payload, StoredAcceptedSecret& secret);
[[nodiscard]] bool ReadPayload(const SecretString& payload, StoredSuspension& suspension);
// Reads an attempt of a store of version 1, which has no slot and no principal.
[[nodiscard]] bool ReadPayloadVersion1(const SecretString& payload, StoredAttempt& attempt);

}  // namespace billbroker
