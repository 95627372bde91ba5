#include "vault/document.h"

#include <array>
#include <bitset>
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
// No count of changes gets there: a larger one was not written by a billbroker.
constexpr std::uint64_t kMaxVersion = std::numeric_limits<std::int64_t>::max();

// The required members come first.
enum DocumentMember {
  kName,
  kUid,
  kVersion,
  kEnvironment,
  kKind,
  kUsername,
  kOrganizations,
  kCreateTime,
  kUpdateTime,
  kRequiredMembers,
  kSyncToken = kRequiredMembers,
  kDevKey,
  kPassword,
  kConsoleApiToken,
  kRememberMeId,
  kDevice,
  kRememberMeTime,  // from format 2 on
  kStaged,
  kHistory,
  kAppKey,
  kMembers,
};

constexpr std::array<absl::string_view, kMembers> kMemberNames = {"name",
                                                                  "uid",
                                                                  "version",
                                                                  "environment",
                                                                  "kind",
                                                                  "username",
                                                                  "organizations",
                                                                  "create_time",
                                                                  "update_time",
                                                                  "sync_token",
                                                                  "dev_key",
                                                                  "password",
                                                                  "console_api_token",
                                                                  "remember_me_id",
                                                                  "device",
                                                                  "remember_me_time",
                                                                  "staged",
                                                                  "history",
                                                                  "app_key"};

// Returns the oldest format that can hold the credential, so that an older billbroker reads it after
// a roll-back of the package.
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

class Reader final {
 public:
  explicit Reader(absl::string_view text) : json_(text) {}

  // What is wrong; empty where nothing is.
  std::string Read(Credential& to) {
    const bool well_formed =
        json_.Object([&](absl::string_view key) { return ReadMember(key, to); }) && json_.AtEnd();
    if (!wrong_.empty()) return wrong_;
    if (!well_formed) return "is not the JSON that billbroker writes";
    for (int member = 0; member < kRequiredMembers; ++member) {
      if (!seen_[member]) return absl::StrCat("lacks \"", kMemberNames[member], "\"");
    }
    return "";
  }

 private:
  bool Fail(std::string wrong) {
    wrong_ = std::move(wrong);
    return false;
  }

  bool ReadMember(absl::string_view key, Credential& to) {
    if (!format_read_) return ReadFormat(key);
    for (int member = 0; member < members_; ++member) {
      if (kMemberNames[member] != key) continue;
      if (seen_[member]) return Fail(absl::StrCat("has \"", key, "\" twice"));
      seen_[member] = true;
      return ReadValue(static_cast<DocumentMember>(member), to) ||
             (wrong_.empty() && Fail(absl::StrCat("has a bad \"", key, "\"")));
    }
    return Fail("has a member that this format does not know");
  }

  bool ReadFormat(absl::string_view key) {
    std::uint64_t format = 0;
    if (key != "format" || !json_.Uint(format)) return Fail("does not begin with its format");
    if (format > kFormat) {
      return Fail(absl::StrCat("has format ", format, " and this billbroker knows ", kFormat,
                               ", so a newer one wrote it: upgrade"));
    }
    members_ = format == 1 ? kRememberMeTime : kMembers;
    format_read_ = format >= 1;
    return format_read_ || Fail("has an unknown format");
  }

  bool ReadValue(DocumentMember member, Credential& to) {
    switch (member) {
      case kName:
        return Text(to.name);
      case kUid:
        return Uid(to.uid);
      case kVersion:
        return json_.Uint(to.version) && to.version > 0 && to.version <= kMaxVersion;
      case kEnvironment:
        return Text(to.environment);
      case kKind:
        return Kind(to.kind);
      case kUsername:
        return Text(to.username);
      case kOrganizations:
        return Organizations(to.organizations);
      case kCreateTime:
        return Time(to.create_time);
      case kUpdateTime:
        return Time(to.update_time);
      case kSyncToken:
        return json_.Bool(to.sync_token);
      case kDevKey:
        return json_.String(to.dev_key);
      case kPassword:
        return json_.String(to.password);
      case kConsoleApiToken:
        return json_.String(to.console_api_token);
      case kRememberMeId:
        return json_.String(to.remember_me_id);
      case kDevice:
        return Text(to.device);
      case kRememberMeTime:
        return Time(to.remember_me_time);
      case kStaged:
        return ReadStaged(json_, to.staged.emplace());
      case kHistory:
        return ReadHistory(json_, to.history);
      case kAppKey:
        return json_.String(to.app_key);
      case kMembers:
        break;
    }
    return false;
  }

  bool Text(std::string& to) {
    SecretString value;
    if (!json_.String(value)) return false;
    to = std::string(value.Reveal());
    return true;
  }

  bool Uid(std::string& to) {
    if (!Text(to) || to.empty() || to.size() > kMaxUidBytes) return false;
    for (const char c : to) {
      if (!absl::ascii_isgraph(c)) return false;
    }
    return true;
  }

  bool Kind(CredentialKind& to) {
    std::string name;
    if (!Text(name)) return false;
    for (const CredentialKind kind :
         {CredentialKind::kUser, CredentialKind::kConsole, CredentialKind::kPartner}) {
      if (name == CredentialKindName(kind)) {
        to = kind;
        return true;
      }
    }
    return false;
  }

  bool Time(absl::Time& to) {
    std::string text;
    return Text(text) && absl::ParseTime(absl::RFC3339_full, text, &to, nullptr) &&
           to != absl::InfiniteFuture() && to != absl::InfinitePast();
  }

  bool Organizations(std::vector<Organization>& to) {
    return json_.Array([&] {
      Organization& organization = to.emplace_back();
      bool has_id = false;
      bool has_dev_key = false;
      bool has_user_id = members_ < kMembers;  // before format 2 there is none
      return json_.Object([&](absl::string_view key) {
        if (key == "id" && !std::exchange(has_id, true)) return Text(organization.id);
        if (key == "dev_key" && !std::exchange(has_dev_key, true)) {
          return json_.String(organization.dev_key);
        }
        if (key == "user_id" && !std::exchange(has_user_id, true)) {
          return Text(organization.user_id);
        }
        return false;
      });
    });
  }

  JsonReader json_;
  bool format_read_ = false;
  int members_ = 0;  // of its format
  std::bitset<kMembers> seen_;
  std::string wrong_;
};

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
  const std::string wrong = Reader(document.Reveal()).Read(*credential);
  if (!wrong.empty()) return BrokenDocument(name, wrong);
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

absl::Status BrokenDocument(absl::string_view name, absl::string_view what) {
  return MakeError(
      ErrorDetails{
          Reason::kVaultDocumentInvalid, absl::nullopt, {{"credential", std::string(name)}}},
      absl::StrCat("the keyring's document of credential \"", name, "\" was left alone: it ", what,
                   "; delete it with a keyring tool if it is not needed"));
}

}  // namespace billbroker
