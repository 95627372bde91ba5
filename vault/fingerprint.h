// Fingerprinter: identifies secrets without revealing them.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "vault/base/secret_string.h"

namespace billbroker {

// Keyed BLAKE2b (libsodium's generichash) under a key derived from the vault's master key, cut to
// 64 bits. Equal secrets of one broker have equal fingerprints; without the key a fingerprint
// reveals nothing. Thread-safe.
class Fingerprinter final {
 public:
  // `master_key` has 32 bytes, see Vault::MasterKey().
  explicit Fingerprinter(const SecretString& master_key);

  // Returns 16 hexadecimal digits; empty for an empty secret.
  [[nodiscard]] std::string Of(const SecretString& secret) const;

  // Returns the fingerprint of a secret in its context (environment and user name): the same
  // password of two users has different fingerprints.
  [[nodiscard]] std::string Of(absl::string_view context, const SecretString& secret) const;

 private:
  SecretString key_;
};

}  // namespace billbroker
