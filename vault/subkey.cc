#include "vault/subkey.h"

#include <sodium.h>

#include <array>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/string_view.h"
#include "vault/base/secret_arena.h"

namespace billbroker {
namespace {

absl::string_view PurposeOf(Subkey subkey) {
  switch (subkey) {
    case Subkey::kFingerprints:
      return "bbfinger";
    case Subkey::kSealedBox:
      return "bbsealed";
    case Subkey::kAuditLog:
      return "bbaudit.";
  }
  std::abort();
}

}  // namespace

SecretString DeriveSubkey(const SecretString& master_key, Subkey subkey) {
  const absl::string_view purpose = PurposeOf(subkey);
  const bool valid =
      master_key.size() == crypto_kdf_KEYBYTES && purpose.size() == crypto_kdf_CONTEXTBYTES;
  if (!valid || sodium_init() < 0) std::abort();
  std::array<unsigned char, kSubkeyBytes> key{};
  crypto_kdf_derive_from_key(key.data(), key.size(), static_cast<std::uint64_t>(subkey),
                             purpose.data(),
                             reinterpret_cast<const unsigned char*>(master_key.Reveal().data()));
  SecretString derived =
      SecretString::CopyOf({reinterpret_cast<const char*>(key.data()), key.size()});
  WipeBytes(key.data(), key.size());
  return derived;
}

}  // namespace billbroker
