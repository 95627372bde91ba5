// Subkeys: what is derived from the vault's master key, one for each purpose, so that none of them
// tells anything of another.
#pragma once

#include <cstddef>

#include "vault/base/secret_string.h"

namespace billbroker {

// The numbers and the purposes behind them are part of what rests on disk.
enum class Subkey { kFingerprints = 1, kSealedBox = 2, kAuditLog = 3 };

constexpr std::size_t kSubkeyBytes = 32;

// kSubkeyBytes (libsodium's crypto_kdf). `master_key`: 32 bytes, see Vault::MasterKey().
[[nodiscard]] SecretString DeriveSubkey(const SecretString& master_key, Subkey subkey);

}  // namespace billbroker
