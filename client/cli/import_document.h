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
// of which name, environment, kind, username and each id are required. What `export` prints is such
// a document.
//
// INVALID_ARGUMENT for anything else, with the place as a path such as
// "credentials[2].organizations[0].dev_key". Of what the document holds only known names are
// repeated: an unknown one may be a secret in the wrong place, and is told by its number.
[[nodiscard]] absl::StatusOr<std::vector<NewCredential>> ParseImport(absl::string_view json);

}  // namespace billbroker
