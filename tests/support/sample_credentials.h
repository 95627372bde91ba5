// Valid credentials for tests. Every secret in them contains "s3cret".
#pragma once

#include "absl/strings/string_view.h"
#include "tests/support/sample_ids.h"
#include "vault/credential.h"

namespace billbroker {

// A user of kFirstOrganization (with the credential's devKey) and kSecondOrganization (with its own
// devKey) that has a trusted device.
[[nodiscard]] Credential SampleUser(absl::string_view name);

// Adds a staged rotation and four lines of history, two of them with the values they replaced.
void AddRotations(Credential& user);

// An Accountant Console user of one client organization. The organization has a devKey, the
// credential has none.
[[nodiscard]] Credential SampleConsole(absl::string_view name);

// A partner that signs in as one user in 00800000000000000095 (with the credential's devKey) and as
// another in 00800000000000000096 (with its own devKey).
[[nodiscard]] Credential SamplePartner(absl::string_view name);

// Returns whether every field is equal, secrets included.
[[nodiscard]] bool SameCredential(const Credential& a, const Credential& b);

}  // namespace billbroker
