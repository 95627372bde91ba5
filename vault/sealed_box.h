// SealedBox: encrypts data on disk so that only this instance of the broker can read it.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "vault/base/secret_string.h"

namespace billbroker {

// XChaCha20-Poly1305 (libsodium) under a key derived from the vault's master key, with a random
// nonce of 24 bytes for each seal. Thread-safe.
class SealedBox final {
 public:
  // `master_key` has 32 bytes, see Vault::MasterKey().
  explicit SealedBox(const SecretString& master_key);

  // Returns the sealed `plaintext`, which may be empty; the result is kOverheadBytes longer.
  // `associated_data` is not in the result, but Open() needs the same text: it binds the data to
  // its place.
  [[nodiscard]] std::string Seal(const SecretString& plaintext,
                                 absl::string_view associated_data) const;

  // Returns the plaintext. Fails with kDataLoss if `sealed` was changed, cut off, or sealed under
  // another key or for another place; these cases cannot be distinguished.
  [[nodiscard]] absl::StatusOr<SecretString> Open(absl::string_view sealed,
                                                  absl::string_view associated_data) const;

  static constexpr std::size_t kOverheadBytes = 40;  // nonce and tag

 private:
  SecretString key_;
};

}  // namespace billbroker
