// A KeyWitness in memory.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "vault/key_witness.h"
#include "vault/vault.h"

namespace billbroker {

// There is no sealed file at first.
class FakeKeyWitness final : public KeyWitness {
 public:
  // A file is there that only `key` opens. An empty key means no file.
  void Seal(absl::string_view key) { key_ = std::string(key); }

  [[nodiscard]] absl::Status Check(const SecretString* key) const override {
    const bool opens = key != nullptr && key->Reveal() == key_;
    return key_.empty() || opens ? absl::OkStatus() : VaultError(VaultState::kReplaced);
  }

 private:
  std::string key_;
};

}  // namespace billbroker
