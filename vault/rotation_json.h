// The members "staged" and "history" of a credential's document. Internal to vault.
//
//   "staged":{"id":"7a…","kind":"rotated","organization":"0080…","end_sessions":true,
//             "principal":"unix:ops","time":"2026-03-02T08:30:00Z","change":{"password":"…"}}
//   "history":[{"version":3,"kind":"rotated","principal":"unix:ops","time":"…",
//               "fields":["password"],"bill_code":"BDC_1101","end_sessions":true,"before":{"password":"…"}}]
//
// A change has "username", "dev_key", "password", "console_api_token", "app_key", "remember_me_id",
// "device", "remember_me_time" and "organizations":[{"id":"…","dev_key":"…"}], each where it is set;
// an empty string is set.
#pragma once

#include <vector>

#include "vault/base/json/json_reader.h"
#include "vault/base/secret_string.h"
#include "vault/credential.h"

namespace billbroker {

void AppendStaged(const StagedRotation& staged, SecretBuilder& to);
void AppendHistory(const std::vector<PastChange>& history, SecretBuilder& to);

// Return whether what comes next is that, whole.
[[nodiscard]] bool ReadStaged(JsonReader& json, StagedRotation& to);
[[nodiscard]] bool ReadHistory(JsonReader& json, std::vector<PastChange>& to);

}  // namespace billbroker
