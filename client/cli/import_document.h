// The JSON document that `billbroker credential import` reads.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/credential_client.h"

namespace billbroker {

// Parses
//
//   {"credentials": [{"name": "…", "environment": "…", "kind": "user", "console" or "partner",
//                     "username": "…", "sync_token": false, "device": "…", "dev_key": "…",
//                     "password": "…", "console_api_token": "…", "app_key": "…",
//                     "remember_me_id": "…",
//                     "organizations": [{"id": "…", "dev_key": "…", "user_id": "…"}]}]}
//
// The name, environment, kind and username of each credential and the id of each organization are
// required. `billbroker credential export` prints such a document.
//
// Returns INVALID_ARGUMENT for anything else. The message names the place by a path such as
// "credentials[2].organizations[0].dev_key". It never contains a value, and names an unknown member
// by its number, because its key may be a secret in the wrong place.
[[nodiscard]] absl::StatusOr<std::vector<NewCredential>> ParseImport(absl::string_view text);

}  // namespace billbroker
