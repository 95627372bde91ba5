// KeyringAdopter: makes a keyring the broker's own that does not have its master key.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "vault/prompt_scope.h"

namespace billbroker {

// The losses of an adoption, for a person.
struct KeyringLoss {
  struct File {
    std::string path;
    std::string aside;  // its new path
  };
  std::string confirmation;  // the text that a person types
  std::int64_t credentials = 0;
  std::int64_t organizations = 0;
  std::int64_t sign_ins = 0;  // of the past hour, at most
  std::vector<File> files;
};

// Thread-safe. Blocks for as long as the keyring and the disk do.
class KeyringAdopter {
 public:
  virtual ~KeyringAdopter() = default;

  // Returns the losses that Adopt() would cause now.
  //
  // Errors of both, after which nothing is adopted and the files are in place; Adopt() may have
  // created a key, which the next call adopts:
  //   NOT_ADOPTABLE  the keyring is not replaced, a file cannot be renamed, or the broker had a key
  //                  since its start
  //   VaultError()   the keyring cannot be read, or its key cannot be created without a prompt
  //                  that `prompts` refuses
  [[nodiscard]] virtual absl::StatusOr<KeyringLoss> Preview(Prompts prompts) = 0;

  // Sets the files of the old key aside and begins new ones with the key of the present keyring.
  // Returns the losses.
  [[nodiscard]] virtual absl::StatusOr<KeyringLoss> Adopt(Prompts prompts) = 0;
};

}  // namespace billbroker
