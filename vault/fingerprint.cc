#include "vault/fingerprint.h"

#include <sodium.h>

#include <array>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/escaping.h"
#include "vault/base/secret_arena.h"

namespace billbroker {
namespace {

constexpr std::uint64_t kSubkey = 1;  // of the master key; others seal what rests on disk
constexpr char kPurpose[] = "bbfinger";
constexpr std::size_t kFingerprintBytes = 8;

using KeyBytes = std::array<unsigned char, crypto_generichash_KEYBYTES>;

const unsigned char* Bytes(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

Fingerprinter::Fingerprinter(const SecretString& master_key) {
  static_assert(sizeof(kPurpose) == crypto_kdf_CONTEXTBYTES + 1);
  if (master_key.size() != crypto_kdf_KEYBYTES) std::abort();
  KeyBytes key{};
  crypto_kdf_derive_from_key(key.data(), key.size(), kSubkey, kPurpose, Bytes(master_key.Reveal()));
  key_ = SecretString::CopyOf({reinterpret_cast<const char*>(key.data()), key.size()});
  WipeBytes(key.data(), key.size());
}

std::string Fingerprinter::Of(const SecretString& secret) const { return Of("", secret); }

std::string Fingerprinter::Of(absl::string_view context, const SecretString& secret) const {
  if (secret.empty()) return "";
  // The context's length goes first, so that no two pairs of context and secret read the same.
  const std::uint64_t context_size = context.size();
  crypto_generichash_state state;
  crypto_generichash_init(&state, Bytes(key_.Reveal()), key_.size(), kFingerprintBytes * 2);
  crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(&context_size),
                            sizeof(context_size));
  crypto_generichash_update(&state, Bytes(context), context.size());
  crypto_generichash_update(&state, Bytes(secret.Reveal()), secret.size());
  std::array<char, kFingerprintBytes * 2> hash{};
  crypto_generichash_final(&state, reinterpret_cast<unsigned char*>(hash.data()), hash.size());
  WipeBytes(&state, sizeof(state));
  return absl::BytesToHexString(absl::string_view(hash.data(), kFingerprintBytes));
}

}  // namespace billbroker
