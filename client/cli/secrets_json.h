// The one JSON object in which secrets come over standard input.
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "vault/base/secret_string.h"

namespace billbroker {

// Empty where the key was not there.
struct SecretsInput {
  SecretString dev_key;
  SecretString password;
  SecretString console_api_token;
  SecretString app_key;
  SecretString remember_me_id;
  std::map<std::string, SecretString> organization_dev_keys;  // organization id -> devKey
};

// Parses
//
//   {"dev_key": "…", "password": "…", "console_api_token": "…", "app_key": "…",
//    "remember_me_id": "…", "organization_dev_keys": {"ID": "…"}}
//
// with every key optional. Returns INVALID_ARGUMENT for anything else. The message names an unknown
// or duplicate member by its number, and never contains a value.
[[nodiscard]] absl::StatusOr<SecretsInput> ParseSecrets(absl::string_view text);

}  // namespace billbroker
