#include "vault/rotation_json.h"

#include <string>

#include "absl/time/time.h"
#include "vault/credential_change.h"

namespace billbroker {
namespace {

using enum JsonMember::Presence;

void WriteIfSet(JsonWriter& json, absl::string_view key,
                const absl::optional<SecretString>& value) {
  if (value.has_value()) json.String(key, value->Reveal());
}

void WriteIfSet(JsonWriter& json, absl::string_view key, const absl::optional<std::string>& value) {
  if (value.has_value()) json.String(key, *value);
}

void WriteOrganizationDevKeys(JsonWriter& json, const std::vector<Organization>& organizations) {
  json.Array([&] {
    for (const Organization& organization : organizations) {
      json.Object([&] {
        json.String("id", organization.id).String("dev_key", organization.dev_key.Reveal());
      });
    }
  });
}

void WriteChange(JsonWriter& json, const CredentialChange& change) {
  json.Object([&] {
    WriteIfSet(json, "username", change.username);
    WriteIfSet(json, "dev_key", change.dev_key);
    WriteIfSet(json, "password", change.password);
    WriteIfSet(json, "console_api_token", change.console_api_token);
    WriteIfSet(json, "app_key", change.app_key);
    WriteIfSet(json, "remember_me_id", change.remember_me_id);
    WriteIfSet(json, "device", change.device);
    if (change.remember_me_time != absl::InfinitePast()) {
      json.Time("remember_me_time", change.remember_me_time);
    }
    if (!change.organizations.empty()) {
      WriteOrganizationDevKeys(json.Key("organizations"), change.organizations);
    }
  });
}

void WritePast(JsonWriter& json, const PastChange& past) {
  json.Object([&] {
    json.Uint("version", past.version)
        .String("kind", PastChangeKindName(past.kind))
        .String("principal", past.principal)
        .Time("time", past.time);
    json.Key("fields").Array([&] {
      for (const std::string& field : past.fields) json.String(field);
    });
    if (!past.bill_code.empty()) json.String("bill_code", past.bill_code);
    if (past.end_sessions) json.Bool("end_sessions", true);
    if (past.before.has_value()) WriteChange(json.Key("before"), *past.before);
  });
}

bool ReadOrganizationDevKeys(JsonReader& json, std::vector<Organization>& to) {
  return json.Array([&] {
    Organization& organization = to.emplace_back();
    return ReadObject(json, {{"id", [&] { return json.Text(organization.id); }},
                             {"dev_key", [&] { return json.String(organization.dev_key); }}})
        .ok();
  });
}

// Does not check that the change fits the credential: other organizations may have been attached
// since the change was staged.
bool ReadChange(JsonReader& json, CredentialChange& to) {
  const auto organizations = [&] { return ReadOrganizationDevKeys(json, to.organizations); };
  const auto console_api_token = [&] { return json.String(to.console_api_token.emplace()); };
  const JsonFault fault = ReadObject(
      json,
      {{"username", [&] { return json.Text(to.username.emplace()); }, kOptional},
       {"dev_key", [&] { return json.String(to.dev_key.emplace()); }, kOptional},
       {"password", [&] { return json.String(to.password.emplace()); }, kOptional},
       {"console_api_token", console_api_token, kOptional},
       {"app_key", [&] { return json.String(to.app_key.emplace()); }, kOptional},
       {"remember_me_id", [&] { return json.String(to.remember_me_id.emplace()); }, kOptional},
       {"device", [&] { return json.Text(to.device.emplace()); }, kOptional},
       {"remember_me_time", [&] { return json.Time(to.remember_me_time); }, kOptional},
       {"organizations", organizations, kOptional}});
  return fault.ok() && !IsEmpty(to);
}

bool ReadKind(JsonReader& json, PastChangeKind& to) {
  std::string name;
  if (!json.Text(name)) return false;
  for (const PastChangeKind kind :
       {PastChangeKind::kRotated, PastChangeKind::kRolledBack, PastChangeKind::kRefused,
        PastChangeKind::kCancelled, PastChangeKind::kMfaRenewed, PastChangeKind::kAttached,
        PastChangeKind::kDetached}) {
    if (name == PastChangeKindName(kind)) {
      to = kind;
      return true;
    }
  }
  return false;
}

bool ReadPast(JsonReader& json, PastChange& to) {
  const auto fields = [&] {
    return json.Array([&] { return json.Text(to.fields.emplace_back()); });
  };
  const JsonFault fault = ReadObject(
      json, {{"version", [&] { return json.Uint(to.version); }},
             {"kind", [&] { return ReadKind(json, to.kind); }},
             {"principal", [&] { return json.Text(to.principal); }},
             {"time", [&] { return json.Time(to.time); }},
             {"fields", fields},
             {"bill_code", [&] { return json.Text(to.bill_code); }, kOptional},
             {"end_sessions", [&] { return json.Bool(to.end_sessions); }, kOptional},
             {"before", [&] { return ReadChange(json, to.before.emplace()); }, kOptional}});
  return fault.ok();
}

}  // namespace

void WriteStaged(JsonWriter& json, const StagedRotation& staged) {
  json.Object([&] {
    json.String("id", staged.id)
        .String("kind", PastChangeKindName(staged.kind))
        .String("organization", staged.organization_id);
    if (staged.end_sessions) json.Bool("end_sessions", true);
    json.String("principal", staged.principal).Time("time", staged.time);
    WriteChange(json.Key("change"), staged.change);
  });
}

void WriteHistory(JsonWriter& json, const std::vector<PastChange>& history) {
  json.Array([&] {
    for (const PastChange& past : history) WritePast(json, past);
  });
}

bool ReadStaged(JsonReader& json, StagedRotation& to) {
  const auto kind = [&] {
    return ReadKind(json, to.kind) &&
           (to.kind == PastChangeKind::kRotated || to.kind == PastChangeKind::kRolledBack);
  };
  const JsonFault fault =
      ReadObject(json, {{"id", [&] { return json.Text(to.id) && !to.id.empty(); }},
                        {"kind", kind},
                        {"organization", [&] { return json.Text(to.organization_id); }},
                        {"end_sessions", [&] { return json.Bool(to.end_sessions); }, kOptional},
                        {"principal", [&] { return json.Text(to.principal); }},
                        {"time", [&] { return json.Time(to.time); }},
                        {"change", [&] { return ReadChange(json, to.change); }}});
  return fault.ok();
}

bool ReadHistory(JsonReader& json, std::vector<PastChange>& to) {
  return json.Array([&] { return to.size() < kMaxHistory && ReadPast(json, to.emplace_back()); });
}

}  // namespace billbroker
