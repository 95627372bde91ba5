// AuditKey: the key that chains the lines of the audit log.
#pragma once

#include <array>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "vault/base/secret_string.h"

namespace billbroker {

// An HMAC-SHA-256; all zeros before a chain's first line. Not secret.
using AuditMac = std::array<unsigned char, 32>;

// Returns 64 lower-case hexadecimal digits; ParseAuditMac() is the inverse, and returns nullopt for
// any other text.
[[nodiscard]] std::string AuditMacText(const AuditMac& mac);
[[nodiscard]] absl::optional<AuditMac> ParseAuditMac(absl::string_view text);

// HMAC-SHA-256 (libsodium) under a key derived from the vault's master key. Thread-safe.
class AuditKey final {
 public:
  // `master_key` has 32 bytes, see Vault::MasterKey().
  explicit AuditKey(const SecretString& master_key);

  // Returns the MAC over `previous`, which is the MAC of the previous line, followed by `body`.
  [[nodiscard]] AuditMac MacOf(const AuditMac& previous, absl::string_view body) const;

 private:
  SecretString key_;
};

}  // namespace billbroker
