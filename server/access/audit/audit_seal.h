// Which master key chains the lines of an audit log.
#pragma once

#include <string>

#include "vault/base/secret_string.h"
#include "vault/key_witness.h"

namespace billbroker {

// Reads the end of the file at `path`. `key` is null if there is none to try.
[[nodiscard]] SealState CheckAuditSeal(const std::string& path, const SecretString* key);

}  // namespace billbroker
