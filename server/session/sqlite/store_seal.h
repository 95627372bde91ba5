// Which master key sealed a store file.
#pragma once

#include <cstdint>
#include <string>

#include "vault/base/secret_string.h"
#include "vault/key_witness.h"

namespace billbroker {

// Reads the file at `path` and changes nothing. `key` is null if there is none to try. The file
// must not be open in this process. kUnknown if it cannot be read, or is not a store.
[[nodiscard]] SealState CheckStoreSeal(const std::string& path, const SecretString* key);

// The contents of a store file that can be counted without its key.
struct StoreCounts {
  std::int64_t credentials = 0;  // that have slots
  std::int64_t organizations = 0;
  std::int64_t sign_ins = 0;  // of the past hour, at most
};

// Returns zeros if the file cannot be read.
[[nodiscard]] StoreCounts CountStore(const std::string& path);

}  // namespace billbroker
