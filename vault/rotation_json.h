// The members "staged" and "history" of a credential's document. Internal to vault.
//
//   "staged":{"id":"7a…","kind":"rotated","organization":"0080…","end_sessions":true,
//             "principal":"unix:ops","time":"2026-03-02T08:30:00Z","change":{"password":"…"}}
//   "history":[{"version":3,"kind":"rotated","principal":"unix:ops","time":"…",
//               "fields":["password"],"bill_code":"BDC_1101","end_sessions":true,"before":{"password":"…"}}]
//
// A change has "username", "dev_key", "password", "console_api_token", "app_key", "remember_me_id",
// "device", "remember_me_time" and "organizations":[{"id":"…","dev_key":"…"}], each if it is set.
// An empty string is a value.
#pragma once

#include <vector>

#include "vault/base/json/json_reader.h"
#include "vault/base/json/json_writer.h"
#include "vault/credential.h"

namespace billbroker {

// Writes the value of "staged".
void WriteStaged(JsonWriter& json, const StagedRotation& staged);
// Writes the value of "history".
void WriteHistory(JsonWriter& json, const std::vector<PastChange>& history);

// Reads the value of "staged". Returns false if it is not valid.
[[nodiscard]] bool ReadStaged(JsonReader& json, StagedRotation& to);
// Reads the value of "history". Returns false if it is not valid.
[[nodiscard]] bool ReadHistory(JsonReader& json, std::vector<PastChange>& to);

}  // namespace billbroker
