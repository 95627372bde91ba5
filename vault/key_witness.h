// KeyWitness: the evidence on disk of the master key that this broker used before.
#pragma once

#include "absl/status/status.h"
#include "vault/base/secret_string.h"

namespace billbroker {

// Whether a file was sealed under a master key.
enum class SealState {
  kNothing,   // there is no file, or nothing in it
  kOpens,     // the key opens it
  kOtherKey,  // the key does not open it, or none was given
  kUnknown,   // it cannot be read now, or its content is not as a broker writes it
};

// An empty or another keyring must not make the broker start over: its sessions and credentials
// would be gone, and the sign-ins of the hour would be forgotten.
class KeyWitness {
 public:
  virtual ~KeyWitness() = default;

  // Returns OK if `key` opens a file that a broker sealed before, or if there is no such file.
  // `key` is null if the keyring has no master key: then OK means that there is no such file. Fails
  // with VaultError(kReplaced), which names the file. Blocks for the time of a small read.
  [[nodiscard]] virtual absl::Status Check(const SecretString* key) const = 0;
};

}  // namespace billbroker
