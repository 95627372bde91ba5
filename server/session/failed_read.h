// FailedRead: the error of a credential that could not be read from the keyring.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "vault/credential_index.h"
#include "vault/vault_health.h"

namespace billbroker {

// Returns the error for callers after Vault::Load() of the credential `name` failed with `read`.
//
// One read does not prove that a credential was deleted. If the read missed a credential that is in
// the index, the credential stays there with its sessions, and this requests a reload and returns
// VAULT_UNREACHABLE with a time to retry. Only VaultSync removes it. Every other `read` is returned
// unchanged.
[[nodiscard]] absl::Status FailedRead(const absl::Status& read, absl::string_view name,
                                      const CredentialIndex& credentials, VaultHealth& health);

}  // namespace billbroker
