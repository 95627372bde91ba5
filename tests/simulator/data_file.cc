#include "tests/simulator/data_file.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "tests/simulator/generated_world.h"
#include "tests/simulator/json_fields.h"

namespace billbroker::billsim {
namespace {

using nlohmann::json;

std::string Indexed(absl::string_view list, std::size_t index) {
  return absl::StrCat(list, "[", index, "]");
}

void ReadDevKey(JsonFields& fields, DevKey& dev_key) {
  fields.Read("active", dev_key.active);
  fields.Read("terms_accepted", dev_key.terms_accepted);
}

void ReadOrganization(JsonFields& fields, Organization& organization) {
  fields.Read("name", organization.name);
  fields.Read("dev_keys", organization.dev_keys);
  fields.Read("mfa_enabled", organization.mfa_enabled);
  fields.Read("api_enabled", organization.api_enabled);
  fields.Read("locked", organization.locked);
}

absl::Status ReadTrustedDevice(const json& value, const std::string& path, TrustedDevice& device) {
  JsonFields fields(value, path);
  fields.Require("remember_me_id", device.remember_me_id);
  fields.Require("device", device.device);
  std::string expires;
  fields.Read("expires", expires);
  absl::Time time;
  std::string error;
  if (absl::ParseTime(absl::RFC3339_full, expires, &time, &error)) {
    device.expires = time;
  } else if (!expires.empty()) {
    fields.Fail("expires", "must be a time such as \"2031-01-31T00:00:00Z\"");
  }
  return fields.Finish();
}

absl::Status ReadMfa(const json& value, const std::string& path, Mfa& mfa) {
  JsonFields fields(value, path);
  fields.Read("enrolled", mfa.enrolled);
  fields.Read("phone", mfa.phone);
  fields.Read("token", mfa.token);
  fields.Read("bypass", mfa.bypass);
  if (const json* devices = fields.FindArray("trusted_devices"); devices != nullptr) {
    mfa.trusted_devices.clear();
    for (std::size_t i = 0; i < devices->size(); ++i) {
      TrustedDevice& device = mfa.trusted_devices.emplace_back();
      const std::string at = Indexed(fields.PathOf("trusted_devices"), i);
      fields.Keep(ReadTrustedDevice((*devices)[i], at, device));
    }
  }
  return fields.Finish();
}

void ReadUser(JsonFields& fields, User& user) {
  const char* secret = user.kind == UserKind::kConsole ? "console_api_token" : "password";
  fields.Read(secret, user.secret);
  fields.Read("user_id", user.user_id);
  fields.Read("organizations", user.organizations);
  if (user.kind == UserKind::kPartner) fields.Read("app_keys", user.app_keys);
  fields.Read("active", user.active);
  fields.Read("locked", user.locked);
  if (const json* mfa = fields.Find("mfa"); mfa != nullptr) {
    fields.Keep(ReadMfa(*mfa, fields.PathOf("mfa"), user.mfa));
  }
  if (user.secret.empty()) fields.Fail(secret, "is required and must not be empty");
}

void ReadKind(JsonFields& fields, UserKind& kind) {
  std::string name = "user";
  fields.Read("kind", name);
  for (const UserKind known :
       {UserKind::kUser, UserKind::kConsole, UserKind::kSyncToken, UserKind::kPartner}) {
    if (UserKindName(known) == name) return void(kind = known);
  }
  fields.Fail("kind", "must be user, console, sync_token or partner");
}

// Reads the array `list` of objects, each named by its field `id`, into `into`.
template <typename T, typename ReadFields>
void ReadNamed(JsonFields& document, const char* list, const char* id,
               std::map<std::string, T>& into, ReadFields read_fields) {
  const json* items = document.FindArray(list);
  if (items == nullptr) return;
  for (std::size_t i = 0; i < items->size(); ++i) {
    JsonFields fields((*items)[i], Indexed(list, i));
    std::string name;
    fields.Require(id, name);
    T value;
    read_fields(fields, value);
    if (!into.emplace(name, std::move(value)).second) fields.Fail(id, "is there twice");
    document.Keep(fields.Finish());
  }
}

// Fails if `known` lacks a name in `names`.
template <typename T>
absl::Status CheckNames(const std::vector<std::string>& names,
                        const std::map<std::string, T>& known, absl::string_view path,
                        absl::string_view where) {
  for (const std::string& name : names) {
    if (known.contains(name)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": \"", name, "\" is not among ", where, "; add it there"));
  }
  return absl::OkStatus();
}

absl::Status CheckReferences(const World& world) {
  for (const auto& [id, organization] : world.organizations) {
    const absl::Status status =
        CheckNames(organization.dev_keys, world.dev_keys,
                   absl::StrCat("organizations[\"", id, "\"].dev_keys"), "dev_keys");
    if (!status.ok()) return status;
  }
  for (const auto& [username, user] : world.users) {
    const absl::Status status =
        CheckNames(user.organizations, world.organizations,
                   absl::StrCat("users[\"", username, "\"].organizations"), "organizations");
    if (!status.ok()) return status;
    const absl::Status keys =
        CheckNames(user.app_keys, world.app_keys,
                   absl::StrCat("users[\"", username, "\"].app_keys"), "app_keys");
    if (!keys.ok()) return keys;
  }
  return absl::OkStatus();
}

void ReadFaults(JsonFields& document, std::vector<Fault>& faults) {
  const json* items = document.FindArray("faults");
  if (items == nullptr) return;
  for (std::size_t i = 0; i < items->size(); ++i) {
    absl::StatusOr<Fault> fault = ParseFault((*items)[i], Indexed("faults", i));
    if (!fault.ok()) return document.Keep(fault.status());
    faults.push_back(*std::move(fault));
  }
}

void ReadDelay(JsonFields& fields, const std::string& key, absl::Duration& into) {
  int milliseconds = 0;
  fields.Read(key, milliseconds, 0, kMaxLatencyMilliseconds);
  into = absl::Milliseconds(milliseconds);
}

void ReadLatency(JsonFields& document, Data& data) {
  const json* latency = document.Find("latency");
  if (latency == nullptr) return;
  JsonFields fields(*latency, "latency");
  ReadDelay(fields, "milliseconds", data.latency);
  if (const json* organizations = fields.Find("organizations"); organizations != nullptr) {
    JsonFields ids(*organizations, fields.PathOf("organizations"));
    if (organizations->is_object()) {
      for (const auto& [id, ignored] : organizations->items()) {
        ReadDelay(ids, id, data.organization_latency[id]);
      }
    }
    fields.Keep(ids.Finish());
  }
  document.Keep(fields.Finish());
}

template <typename T, typename ReadFields>
absl::Status Change(const json& changes, T& value, ReadFields read_fields) {
  T changed = value;
  JsonFields fields(changes, "");
  read_fields(fields, changed);
  const absl::Status status = fields.Finish();
  if (status.ok()) value = std::move(changed);
  return status;
}

}  // namespace

absl::string_view UserKindName(UserKind kind) {
  switch (kind) {
    case UserKind::kConsole:
      return "console";
    case UserKind::kSyncToken:
      return "sync_token";
    case UserKind::kPartner:
      return "partner";
    case UserKind::kUser:
      break;
  }
  return "user";
}

absl::StatusOr<Data> ParseData(absl::string_view text) {
  const absl::StatusOr<json> document = ParseJson(text, "the data file");
  if (!document.ok()) return document.status();
  Data data;
  JsonFields fields(*document, "");
  std::string comment;
  fields.Read("comment", comment);
  if (const json* generate = fields.Find("generate"); generate != nullptr) {
    fields.Keep(GenerateWorld(*generate, "generate", data.world));
  }
  ReadNamed(fields, "dev_keys", "key", data.world.dev_keys, ReadDevKey);
  ReadNamed(fields, "app_keys", "key", data.world.app_keys, ReadDevKey);
  ReadNamed(fields, "organizations", "id", data.world.organizations, ReadOrganization);
  ReadNamed(fields, "users", "username", data.world.users, [](JsonFields& user_fields, User& user) {
    ReadKind(user_fields, user.kind);
    ReadUser(user_fields, user);
  });
  if (const json* settings = fields.Find("settings"); settings != nullptr) {
    fields.Keep(ApplySettings(*settings, "settings", data.settings));
  }
  ReadFaults(fields, data.faults);
  ReadLatency(fields, data);
  absl::Status status = fields.Finish();
  if (status.ok()) status = CheckReferences(data.world);
  if (!status.ok()) return status;
  return data;
}

absl::Status ChangeUser(const json& changes, User& user) {
  return Change(changes, user, [](JsonFields& fields, User& changed) {
    ReadUser(fields, changed);
    if (!changed.locked) {
      changed.failed_sign_ins = 0;
      changed.locked_until.reset();
    }
  });
}

absl::Status ChangeOrganization(const json& changes, Organization& organization) {
  return Change(changes, organization, [](JsonFields& fields, Organization& changed) {
    ReadOrganization(fields, changed);
    if (!changed.locked) changed.locked_until.reset();
  });
}

absl::Status ChangeDevKey(const json& changes, DevKey& dev_key) {
  return Change(changes, dev_key, ReadDevKey);
}

}  // namespace billbroker::billsim
