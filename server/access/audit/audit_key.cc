#include "server/access/audit/audit_key.h"

#include <sodium.h>

#include <algorithm>

#include "absl/strings/escaping.h"
#include "vault/base/secret_arena.h"
#include "vault/subkey.h"

namespace billbroker {
namespace {

static_assert(std::tuple_size_v<AuditMac> == crypto_auth_hmacsha256_BYTES);

const unsigned char* Bytes(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

bool IsLowerHex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

}  // namespace

std::string AuditMacText(const AuditMac& mac) {
  return absl::BytesToHexString({reinterpret_cast<const char*>(mac.data()), mac.size()});
}

absl::optional<AuditMac> ParseAuditMac(absl::string_view text) {
  AuditMac mac{};
  if (text.size() != mac.size() * 2) return absl::nullopt;
  if (!std::all_of(text.begin(), text.end(), IsLowerHex)) return absl::nullopt;
  if (sodium_hex2bin(mac.data(), mac.size(), text.data(), text.size(), nullptr, nullptr, nullptr)) {
    return absl::nullopt;
  }
  return mac;
}

AuditKey::AuditKey(const SecretString& master_key)
    : key_(DeriveSubkey(master_key, Subkey::kAuditLog)) {}

AuditMac AuditKey::MacOf(const AuditMac& previous, absl::string_view body) const {
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, Bytes(key_.Reveal()), key_.size());
  crypto_auth_hmacsha256_update(&state, previous.data(), previous.size());
  crypto_auth_hmacsha256_update(&state, Bytes(body), body.size());
  AuditMac mac{};
  crypto_auth_hmacsha256_final(&state, mac.data());
  WipeBytes(&state, sizeof(state));
  return mac;
}

}  // namespace billbroker
