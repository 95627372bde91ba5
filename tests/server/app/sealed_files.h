// A session store and an audit log that are sealed under a master key.
#pragma once

#include <string>

#include "vault/base/secret_string.h"

namespace billbroker {

[[nodiscard]] inline SecretString OwnKey() {
  return SecretString::CopyOf("the master key of this broker...");
}
[[nodiscard]] inline SecretString OtherKey() {
  return SecretString::CopyOf("the key of quite another broker.");
}

// Writes a store with the sessions of two organizations of one credential, and one sign-in.
void WriteStore(const std::string& path, const SecretString& key);
// Writes an audit log of two lines.
void WriteAudit(const std::string& path, const SecretString& key);

}  // namespace billbroker
