#include "client/cli/secrets_json.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "vault/base/json/json_reader.h"

namespace billbroker {
namespace {

using enum JsonMember::Presence;

// Reads devKeys by organization. Returns false and sets `duplicate` if an organization is there
// twice.
bool ReadDevKeys(JsonReader& json, std::map<std::string, SecretString>& to, bool& duplicate) {
  return json.Object([&](absl::string_view id) {
    const auto [entry, is_new] = to.try_emplace(std::string(id));
    duplicate = !is_new;
    return is_new && json.String(entry->second);
  });
}

absl::Status Duplicate(int number) {
  return absl::InvalidArgumentError(
      absl::StrCat("member ", number, " on standard input is there already; give it once"));
}

}  // namespace

absl::StatusOr<SecretsInput> ParseSecrets(absl::string_view text) {
  JsonReader json(text);
  SecretsInput input;
  bool duplicate = false;
  const auto dev_keys = [&] { return ReadDevKeys(json, input.organization_dev_keys, duplicate); };
  const auto console_api_token = [&] { return json.String(input.console_api_token); };
  const JsonFault fault = ReadObject(
      json, {{"dev_key", [&] { return json.String(input.dev_key); }, kOptional},
             {"password", [&] { return json.String(input.password); }, kOptional},
             {"console_api_token", console_api_token, kOptional},
             {"app_key", [&] { return json.String(input.app_key); }, kOptional},
             {"remember_me_id", [&] { return json.String(input.remember_me_id); }, kOptional},
             {"organization_dev_keys", dev_keys, kOptional}});
  if (fault.ok() && json.AtEnd()) return input;
  if (fault.kind == JsonFault::kUnknownMember) {
    return absl::InvalidArgumentError(
        absl::StrCat("member ", fault.number,
                     " on standard input is not known; known are dev_key, password, "
                     "console_api_token, app_key, remember_me_id and organization_dev_keys"));
  }
  if (duplicate || fault.kind == JsonFault::kDuplicateMember) return Duplicate(fault.number);
  return absl::InvalidArgumentError(
      "standard input is not one JSON object of secrets; write {\"dev_key\": \"...\", "
      "\"password\": \"...\"}, all values strings");
}

}  // namespace billbroker
