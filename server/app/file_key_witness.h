// FileKeyWitness: the session store and the audit log show which master key this broker used.
#pragma once

#include <string>
#include <utility>

#include "vault/key_witness.h"

namespace billbroker {

// A key that opens either file is the broker's own: one damaged or foreign file must not make a
// good keyring look replaced. Only files that nobody has opened in this process may be checked.
class FileKeyWitness final : public KeyWitness {
 public:
  FileKeyWitness(std::string store_path, std::string audit_path)
      : store_path_(std::move(store_path)), audit_path_(std::move(audit_path)) {}

  [[nodiscard]] absl::Status Check(const SecretString* key) const override;

 private:
  const std::string store_path_;
  const std::string audit_path_;
};

}  // namespace billbroker
