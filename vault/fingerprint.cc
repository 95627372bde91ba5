#include "vault/fingerprint.h"

#include <sodium.h>

#include <array>
#include <cstdint>

#include "absl/strings/escaping.h"
#include "vault/base/secret_arena.h"
#include "vault/subkey.h"

namespace billbroker {
namespace {

constexpr std::size_t kFingerprintBytes = 8;

const unsigned char* AsBytes(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

Fingerprinter::Fingerprinter(const SecretString& master_key)
    : key_(DeriveSubkey(master_key, Subkey::kFingerprints)) {
  static_assert(crypto_generichash_KEYBYTES == kSubkeyBytes);
}

std::string Fingerprinter::Of(const SecretString& secret) const { return Of("", secret); }

std::string Fingerprinter::Of(absl::string_view context, const SecretString& secret) const {
  if (secret.empty()) return "";
  // The context's length goes first, so that no two pairs of context and secret read the same.
  const std::uint64_t context_size = context.size();
  crypto_generichash_state state;
  crypto_generichash_init(&state, AsBytes(key_.Reveal()), key_.size(), kFingerprintBytes * 2);
  crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(&context_size),
                            sizeof(context_size));
  crypto_generichash_update(&state, AsBytes(context), context.size());
  crypto_generichash_update(&state, AsBytes(secret.Reveal()), secret.size());
  std::array<char, kFingerprintBytes * 2> hash{};
  crypto_generichash_final(&state, reinterpret_cast<unsigned char*>(hash.data()), hash.size());
  WipeBytes(&state, sizeof(state));
  return absl::BytesToHexString(absl::string_view(hash.data(), kFingerprintBytes));
}

}  // namespace billbroker
