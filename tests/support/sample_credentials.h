// Credentials for tests: valid, and every secret in them contains "s3cret".
#pragma once

#include "absl/strings/string_view.h"
#include "vault/credential.h"

namespace billbroker {

// A user of organizations …81 (the credential's devKey) and …82 (its own), with a trusted device.
[[nodiscard]] Credential SampleUser(absl::string_view name);

// Adds a rotation that is staged and three lines of history, one of them with what it replaced.
void AddRotations(Credential& user);

// An Accountant Console user of one client organization with its own devKey, and none of its own.
[[nodiscard]] Credential SampleConsole(absl::string_view name);

// A partner that signs in as one user of …95 (the credential's devKey) and one of …96 (its own).
[[nodiscard]] Credential SamplePartner(absl::string_view name);

// Whether everything in them is equal, secrets included.
[[nodiscard]] bool SameCredential(const Credential& a, const Credential& b);

}  // namespace billbroker
