// Opens the keyring vault of the session bus that the environment names.
#pragma once

#include <cstdlib>
#include <memory>
#include <utility>

#include "tests/support/status_matchers.h"
#include "vault/keyring/keyring_vault.h"

namespace billbroker {

inline void TrustKey(Vault& vault) {
  const absl::StatusOr<SecretString> key = vault.CreateMasterKey();
  ASSERT_THAT(key, IsOk());
  vault.TrustMasterKey(*key);
}

// Returns a vault that trusts the master key, if its keyring is ready.
inline std::unique_ptr<KeyringVault> OpenVault(KeyringOptions options = {}, bool prompts = false) {
  absl::StatusOr<std::unique_ptr<KeyringVault>> vault = KeyringVault::Create(std::move(options));
  if (!vault.ok()) std::abort();
  (*vault)->AllowPrompts(prompts);
  if ((*vault)->Probe().ok()) TrustKey(**vault);
  return *std::move(vault);
}

}  // namespace billbroker
