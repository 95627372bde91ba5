// Subkeys: keys derived from the vault's master key, one for each purpose, so that none reveals
// anything about another.
#pragma once

#include <cstddef>

#include "vault/base/secret_string.h"

namespace billbroker {

// The numbers and their purposes are part of the format of stored data.
enum class Subkey { kFingerprints = 1, kSealedBox = 2, kAuditLog = 3 };

constexpr std::size_t kSubkeyBytes = 32;

// Returns kSubkeyBytes (libsodium's crypto_kdf). `master_key` has 32 bytes, see Vault::MasterKey().
[[nodiscard]] SecretString DeriveSubkey(const SecretString& master_key, Subkey subkey);

}  // namespace billbroker
