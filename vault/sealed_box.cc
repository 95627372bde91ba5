#include "vault/sealed_box.h"

#include <sodium.h>

#include "absl/status/status.h"
#include "vault/base/secret_arena.h"
#include "vault/subkey.h"

namespace billbroker {
namespace {

constexpr std::size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
static_assert(SealedBox::kOverheadBytes == kNonceBytes + kTagBytes);

const unsigned char* Bytes(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned char* Bytes(char* text) { return reinterpret_cast<unsigned char*>(text); }

}  // namespace

SealedBox::SealedBox(const SecretString& master_key)
    : key_(DeriveSubkey(master_key, Subkey::kSealedBox)) {
  static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == kSubkeyBytes);
}

std::string SealedBox::Seal(const SecretString& plaintext,
                            absl::string_view associated_data) const {
  std::string sealed(kOverheadBytes + plaintext.size(), '\0');
  unsigned char* nonce = Bytes(sealed.data());
  randombytes_buf(nonce, kNonceBytes);
  crypto_aead_xchacha20poly1305_ietf_encrypt(
      nonce + kNonceBytes, nullptr, Bytes(plaintext.Reveal()), plaintext.size(),
      Bytes(associated_data), associated_data.size(), nullptr, nonce, Bytes(key_.Reveal()));
  return sealed;
}

absl::StatusOr<SecretString> SealedBox::Open(absl::string_view sealed,
                                             absl::string_view associated_data) const {
  const absl::Status refused = absl::DataLossError(
      "does not open: it was changed, cut off, or sealed for another place or under another key");
  if (sealed.size() < kOverheadBytes) return refused;
  const std::size_t size = sealed.size() - kOverheadBytes;
  char* plaintext = AllocateSecret(size);
  const bool opened = crypto_aead_xchacha20poly1305_ietf_decrypt(
                          Bytes(plaintext), nullptr, nullptr, Bytes(sealed) + kNonceBytes,
                          sealed.size() - kNonceBytes, Bytes(associated_data),
                          associated_data.size(), Bytes(sealed), Bytes(key_.Reveal())) == 0;
  SecretString secret = SecretString::CopyOf({plaintext, opened ? size : 0});
  FreeSecret(plaintext, size);
  if (!opened) return refused;
  return secret;
}

}  // namespace billbroker
