#include "vault/document.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "vault/base/error.h"
#include "vault/base/json/json_reader.h"
#include "vault/base/json/json_writer.h"
#include "vault/rotation_json.h"

namespace billbroker {
namespace {

constexpr std::uint64_t kFormat = 2;
// More than the largest valid credential takes, with a rotation staged and one to roll back to.
constexpr std::size_t kMaxDocumentBytes = 16 * 1024 * 1024;
constexpr std::size_t kMaxUidBytes = 64;
// A credential never has more changes, so billbroker did not write a larger version.
constexpr std::uint64_t kMaxVersion = std::numeric_limits<std::int64_t>::max();

using enum JsonMember::Presence;

// Returns the oldest format that can hold the credential, so that an older billbroker reads it
// after a roll-back of the package.
std::uint64_t FormatOf(const Credential& credential) {
  const bool dated = credential.remember_me_time != absl::InfinitePast();
  const bool rotated = credential.staged.has_value() || !credential.history.empty();
  return dated || rotated || credential.kind == CredentialKind::kPartner ? 2 : 1;
}

void WriteNonEmpty(JsonWriter& json, absl::string_view key, absl::string_view value) {
  if (!value.empty()) json.String(key, value);
}

void WriteOrganizations(JsonWriter& json, const std::vector<Organization>& organizations) {
  json.Array([&] {
    for (const Organization& organization : organizations) {
      json.Object([&] {
        json.String("id", organization.id);
        WriteNonEmpty(json, "dev_key", organization.dev_key.Reveal());
        WriteNonEmpty(json, "user_id", organization.user_id);
      });
    }
  });
}

// Reads the format, which is the first member. Returns the fault of the document, which completes
// "it …"; empty if there is none.
std::string ReadFormat(absl::string_view document, std::uint64_t& format) {
  JsonReader json(document);
  bool found = false;
  const auto stop_after_first = [&](absl::string_view key) {
    found = key == "format" && json.Uint(format);
    return false;
  };
  (void)json.Object(stop_after_first);
  if (!found) return "does not begin with its format";
  if (format == 0) return "has an unknown format";
  if (format <= kFormat) return "";
  return absl::StrCat("has format ", format, ", but this billbroker supports formats up to ",
                      kFormat, ", so a newer one wrote it: upgrade");
}

bool ReadUid(JsonReader& json, std::string& to) {
  return json.Text(to) && !to.empty() && to.size() <= kMaxUidBytes &&
         std::all_of(to.begin(), to.end(), absl::ascii_isgraph);
}

bool ReadKind(JsonReader& json, CredentialKind& to) {
  std::string name;
  if (!json.Text(name)) return false;
  for (const CredentialKind kind :
       {CredentialKind::kUser, CredentialKind::kConsole, CredentialKind::kPartner}) {
    if (name == CredentialKindName(kind)) {
      to = kind;
      return true;
    }
  }
  return false;
}

// ValidateCredential() rejects an organization without an id.
bool ReadOrganizations(JsonReader& json, std::uint64_t format, std::vector<Organization>& to) {
  return json.Array([&] {
    Organization& organization = to.emplace_back();
    const auto user_id = [&] { return format >= 2 && json.Text(organization.user_id); };
    return ReadObject(json,
                      {{"id", [&] { return json.Text(organization.id); }, kOptional},
                       {"dev_key", [&] { return json.String(organization.dev_key); }, kOptional},
                       {"user_id", user_id, kOptional}})
        .ok();
  });
}

JsonFault ReadMembers(JsonReader& json, std::uint64_t format, Credential& to) {
  const bool format2 = format >= 2;
  const auto version = [&] {
    return json.Uint(to.version) && to.version > 0 && to.version <= kMaxVersion;
  };
  const auto organizations = [&] { return ReadOrganizations(json, format, to.organizations); };
  const auto remember_me_time = [&] { return format2 && json.Time(to.remember_me_time); };
  const auto staged = [&] { return format2 && ReadStaged(json, to.staged.emplace()); };
  const auto history = [&] { return format2 && ReadHistory(json, to.history); };
  return ReadObject(
      json, {{"format", [&] { return json.Uint(format); }},
             {"name", [&] { return json.Text(to.name); }},
             {"uid", [&] { return ReadUid(json, to.uid); }},
             {"version", version},
             {"environment", [&] { return json.Text(to.environment); }},
             {"kind", [&] { return ReadKind(json, to.kind); }},
             {"username", [&] { return json.Text(to.username); }},
             {"organizations", organizations},
             {"create_time", [&] { return json.Time(to.create_time); }},
             {"update_time", [&] { return json.Time(to.update_time); }},
             {"sync_token", [&] { return json.Bool(to.sync_token); }, kOptional},
             {"dev_key", [&] { return json.String(to.dev_key); }, kOptional},
             {"password", [&] { return json.String(to.password); }, kOptional},
             {"console_api_token", [&] { return json.String(to.console_api_token); }, kOptional},
             {"app_key", [&] { return format2 && json.String(to.app_key); }, kOptional},
             {"remember_me_id", [&] { return json.String(to.remember_me_id); }, kOptional},
             {"device", [&] { return json.Text(to.device); }, kOptional},
             {"remember_me_time", remember_me_time, kOptional},
             {"staged", staged, kOptional},
             {"history", history, kOptional}});
}

// Returns the fault, as ReadFormat() does.
std::string ReadWhole(absl::string_view document, Credential& to) {
  std::uint64_t format = 0;
  std::string fault = ReadFormat(document, format);
  if (!fault.empty()) return fault;
  JsonReader json(document);
  const JsonFault found = ReadMembers(json, format, to);
  switch (found.kind) {
    case JsonFault::kNone:
      if (json.AtEnd()) return "";
      break;
    case JsonFault::kMalformed:
      break;
    case JsonFault::kUnknownMember:
      return "has a member that its format does not have";
    case JsonFault::kDuplicateMember:
      return absl::StrCat("has \"", found.key, "\" twice");
    case JsonFault::kBadValue:
      return absl::StrCat("has a bad \"", found.key, "\"");
    case JsonFault::kMissingMember:
      return absl::StrCat("lacks \"", found.key, "\"");
  }
  return "is not the JSON that billbroker writes";
}

}  // namespace

SecretString WriteDocument(const Credential& credential) {
  JsonWriter json;
  json.Object([&] {
    json.Uint("format", FormatOf(credential))
        .String("name", credential.name)
        .String("uid", credential.uid)
        .Uint("version", credential.version)
        .String("environment", credential.environment)
        .String("kind", CredentialKindName(credential.kind))
        .String("username", credential.username);
    if (credential.sync_token) json.Bool("sync_token", true);
    WriteNonEmpty(json, "dev_key", credential.dev_key.Reveal());
    WriteNonEmpty(json, "password", credential.password.Reveal());
    WriteNonEmpty(json, "console_api_token", credential.console_api_token.Reveal());
    WriteNonEmpty(json, "app_key", credential.app_key.Reveal());
    WriteNonEmpty(json, "remember_me_id", credential.remember_me_id.Reveal());
    WriteNonEmpty(json, "device", credential.device);
    WriteOrganizations(json.Key("organizations"), credential.organizations);
    json.Time("create_time", credential.create_time).Time("update_time", credential.update_time);
    if (credential.remember_me_time != absl::InfinitePast()) {
      json.Time("remember_me_time", credential.remember_me_time);
    }
    if (credential.staged.has_value()) WriteStaged(json.Key("staged"), *credential.staged);
    if (!credential.history.empty()) WriteHistory(json.Key("history"), credential.history);
  });
  return std::move(json).Build();
}

absl::StatusOr<CredentialPtr> ReadDocument(absl::string_view name, const SecretString& document) {
  if (document.size() > kMaxDocumentBytes) return BrokenDocument(name, "is too large");
  auto credential = std::make_shared<Credential>();
  const std::string fault = ReadWhole(document.Reveal(), *credential);
  if (!fault.empty()) return BrokenDocument(name, fault);
  if (credential->name != name) return BrokenDocument(name, "is that of another name");
  for (const PastChange& past : credential->history) {
    if (past.version > credential->version) {
      return BrokenDocument(name, "has a history that is newer than itself");
    }
  }
  // Its message names a field and a rule, and holds nothing of the document.
  const absl::Status status = ValidateCredential(*credential);
  if (!status.ok()) return BrokenDocument(name, absl::StrCat("breaks a rule: ", status.message()));
  return credential;
}

absl::Status BrokenDocument(absl::string_view name, absl::string_view fault) {
  return MakeError(
      ErrorDetails{
          Reason::kVaultDocumentInvalid, absl::nullopt, {{"credential", std::string(name)}}},
      absl::StrCat("the keyring's document of credential \"", name, "\" was left alone: it ", fault,
                   "; delete it with a keyring tool if it is not needed"));
}

}  // namespace billbroker
