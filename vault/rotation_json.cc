#include "vault/rotation_json.h"

#include <bitset>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "vault/credential_change.h"

namespace billbroker {
namespace {

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

// One member that an object may have.
struct Member {
  absl::string_view key;
  bool required;
  absl::FunctionRef<bool()> read;
};

constexpr std::size_t kMostMembers = 9;

// An object of these members, in any order, each once.
bool ReadObject(JsonReader& json, std::initializer_list<Member> members) {
  std::bitset<kMostMembers> seen;
  const bool read = json.Object([&](absl::string_view key) {
    std::size_t index = 0;
    for (const Member& member : members) {
      if (member.key == key) {
        if (seen[index]) return false;
        seen[index] = true;
        return member.read();
      }
      ++index;
    }
    return false;
  });
  if (!read) return false;
  std::size_t index = 0;
  for (const Member& member : members) {
    if (member.required && !seen[index]) return false;
    ++index;
  }
  return true;
}

bool Text(JsonReader& json, std::string& to) {
  SecretString value;
  if (!json.String(value)) return false;
  to = std::string(value.Reveal());
  return true;
}

bool Time(JsonReader& json, absl::Time& to) {
  std::string text;
  return Text(json, text) && absl::ParseTime(absl::RFC3339_full, text, &to, nullptr) &&
         to != absl::InfiniteFuture() && to != absl::InfinitePast();
}

bool ReadOrganizationDevKeys(JsonReader& json, std::vector<Organization>& to) {
  return json.Array([&] {
    Organization& organization = to.emplace_back();
    return ReadObject(json, {{"id", true, [&] { return Text(json, organization.id); }},
                             {"dev_key", true, [&] { return json.String(organization.dev_key); }}});
  });
}

// Whether it makes a credential is for whoever puts it in place: what is attached may have changed.
bool ReadChange(JsonReader& json, CredentialChange& to) {
  const bool read = ReadObject(
      json,
      {{"username", false, [&] { return Text(json, to.username.emplace()); }},
       {"dev_key", false, [&] { return json.String(to.dev_key.emplace()); }},
       {"password", false, [&] { return json.String(to.password.emplace()); }},
       {"console_api_token", false, [&] { return json.String(to.console_api_token.emplace()); }},
       {"app_key", false, [&] { return json.String(to.app_key.emplace()); }},
       {"remember_me_id", false, [&] { return json.String(to.remember_me_id.emplace()); }},
       {"device", false, [&] { return Text(json, to.device.emplace()); }},
       {"remember_me_time", false, [&] { return Time(json, to.remember_me_time); }},
       {"organizations", false, [&] { return ReadOrganizationDevKeys(json, to.organizations); }}});
  return read && !IsEmpty(to);
}

bool ReadKind(JsonReader& json, PastChangeKind& to) {
  std::string name;
  if (!Text(json, name)) return false;
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
  const auto read_fields = [&] {
    return json.Array([&] { return Text(json, to.fields.emplace_back()); });
  };
  return ReadObject(json,
                    {{"version", true, [&] { return json.Uint(to.version); }},
                     {"kind", true, [&] { return ReadKind(json, to.kind); }},
                     {"principal", true, [&] { return Text(json, to.principal); }},
                     {"time", true, [&] { return Time(json, to.time); }},
                     {"fields", true, read_fields},
                     {"bill_code", false, [&] { return Text(json, to.bill_code); }},
                     {"end_sessions", false, [&] { return json.Bool(to.end_sessions); }},
                     {"before", false, [&] { return ReadChange(json, to.before.emplace()); }}});
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
  const auto read_kind = [&] {
    return ReadKind(json, to.kind) &&
           (to.kind == PastChangeKind::kRotated || to.kind == PastChangeKind::kRolledBack);
  };
  return ReadObject(json, {{"id", true, [&] { return Text(json, to.id) && !to.id.empty(); }},
                           {"kind", true, read_kind},
                           {"organization", true, [&] { return Text(json, to.organization_id); }},
                           {"end_sessions", false, [&] { return json.Bool(to.end_sessions); }},
                           {"principal", true, [&] { return Text(json, to.principal); }},
                           {"time", true, [&] { return Time(json, to.time); }},
                           {"change", true, [&] { return ReadChange(json, to.change); }}});
}

bool ReadHistory(JsonReader& json, std::vector<PastChange>& to) {
  return json.Array([&] { return to.size() < kMaxHistory && ReadPast(json, to.emplace_back()); });
}

}  // namespace billbroker
