// SealedBox: what rests on disk, readable by this instance of the broker only.
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
  // `master_key`: 32 bytes, see Vault::MasterKey().
  explicit SealedBox(const SecretString& master_key);

  // `associated_data` is not in the result, but Open() wants the same again: it binds what is
  // sealed to its place. The result is kOverheadBytes longer than `plaintext`, which may be empty.
  [[nodiscard]] std::string Seal(const SecretString& plaintext,
                                 absl::string_view associated_data) const;

  // Errors: kDataLoss where `sealed` was changed, cut off, sealed under another key or for another
  // place. Which of them cannot be told.
  [[nodiscard]] absl::StatusOr<SecretString> Open(absl::string_view sealed,
                                                  absl::string_view associated_data) const;

  static constexpr std::size_t kOverheadBytes = 40;  // nonce and tag

 private:
  SecretString key_;
};

}  // namespace billbroker
