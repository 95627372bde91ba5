// Fingerprinter: tells secrets apart without showing them.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "vault/base/secret_string.h"

namespace billbroker {

// Keyed BLAKE2b (libsodium's generichash) under a key derived from the vault's master key, cut to
// 64 bits: equal secrets of one broker give equal fingerprints, and without the key a fingerprint
// says nothing. Thread-safe.
class Fingerprinter final {
 public:
  // `master_key`: 32 bytes, see Vault::MasterKey().
  explicit Fingerprinter(const SecretString& master_key);

  // 16 hexadecimal digits; empty for an empty secret.
  [[nodiscard]] std::string Of(const SecretString& secret) const;

  // The fingerprint of a secret in its context (environment and username): the same password of two
  // users differs.
  [[nodiscard]] std::string Of(absl::string_view context, const SecretString& secret) const;

 private:
  SecretString key_;
};

}  // namespace billbroker
