#include "vault/keyring/keyring_key.h"

#include <sodium.h>

#include <array>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "vault/base/secret_arena.h"
#include "vault/keyring/item_attributes.h"

namespace billbroker {
namespace {

constexpr std::size_t kMasterKeyBytes = 32;
constexpr int kMaxKeyReads = 2;

absl::Status InvalidMasterKey(absl::string_view what, absl::string_view fix = "") {
  return VaultError(
      VaultState::kKeyInvalid,
      {absl::StrCat("the broker's master key in the keyring ", what), std::string(fix)});
}

absl::StatusOr<SecretString> ParseMasterKey(const SecretString& text) {
  std::array<unsigned char, kMasterKeyBytes> key{};
  std::size_t size = 0;
  const absl::string_view hex = text.Reveal();
  const bool valid = hex.size() == 2 * kMasterKeyBytes &&
                     sodium_hex2bin(key.data(), key.size(), hex.data(), hex.size(), nullptr, &size,
                                    nullptr) == 0 &&
                     size == key.size();
  SecretString secret =
      SecretString::CopyOf({reinterpret_cast<const char*>(key.data()), key.size()});
  WipeBytes(key.data(), key.size());
  if (!valid) return InvalidMasterKey("is not 64 hexadecimal digits");
  return secret;
}

}  // namespace

absl::StatusOr<SecretString> KeyringKey::Read(Deadline deadline) {
  const auto paths = items_.Find(AttributesOfKey(instance_), deadline);
  if (!paths.ok()) return paths.status();
  absl::StatusOr<SecretString> key = absl::NotFoundError("no master key");
  for (const std::string& path : *paths) {
    absl::StatusOr<SecretString> parsed = ReadParsed(path, deadline);
    if (absl::IsNotFound(parsed.status())) return InvalidMasterKey("is listed and not returned");
    if (!parsed.ok()) return parsed.status();
    if (key.ok() && !(*key == *parsed)) {
      return InvalidMasterKey("is stored more than once with different values",
                              "delete the newer items 'billbroker master key' with a keyring tool");
    }
    key = std::move(parsed);
  }
  if (!trusted_.has_value() || (key.ok() && *key == *trusted_)) return key;
  return VaultError(
      VaultState::kReplaced,
      {key.ok() ? "the keyring has another master key than the one that the broker uses"
                : "the keyring does not have the broker's master key any more"});
}

// A session path that belongs to another client gives secrets that are not keys, so a key that
// cannot be parsed is read again in a new session.
absl::StatusOr<SecretString> KeyringKey::ReadParsed(const std::string& path, Deadline deadline) {
  for (int reads = 1;; ++reads) {
    const absl::StatusOr<SecretString> text = items_.ReadSecret(path, deadline);
    if (!text.ok()) return text.status();
    absl::StatusOr<SecretString> key = ParseMasterKey(*text);
    if (key.ok() || reads == kMaxKeyReads) return key;
    items_.RenewSession();
  }
}

absl::Status KeyringKey::Check(bool needed, Deadline deadline) {
  if (trusted_.has_value()) return Read(deadline).status();
  return needed ? VaultError(VaultState::kUnknown) : absl::OkStatus();
}

SecretString KeyringKey::MakeText() {
  std::array<unsigned char, kMasterKeyBytes> key{};
  std::array<char, 2 * kMasterKeyBytes + 1> text{};
  randombytes_buf(key.data(), key.size());
  sodium_bin2hex(text.data(), text.size(), key.data(), key.size());
  SecretString secret = SecretString::CopyOf({text.data(), text.size() - 1});
  WipeBytes(key.data(), key.size());
  WipeBytes(text.data(), text.size());
  return secret;
}

absl::StatusOr<NewItem> KeyringKey::Create(const SecretString& text, Deadline deadline) {
  return items_.Create(WithSchema(AttributesOfKey(instance_)),
                       absl::StrCat("billbroker master key ", instance_), text, deadline);
}

}  // namespace billbroker
