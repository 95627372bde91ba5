#include "client/cli/import_document.h"

#include <initializer_list>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/format.h"
#include "vault/base/json/json_reader.h"

namespace billbroker {
namespace {

using enum JsonMember::Presence;

std::string Join(const std::string& path, absl::string_view key) {
  return path.empty() ? std::string(key) : absl::StrCat(path, ".", key);
}

// The members of each table are in the order in which errors list them.
class ImportParser final {
 public:
  explicit ImportParser(absl::string_view text) : json_(text) {}

  absl::StatusOr<std::vector<NewCredential>> Parse() {
    const bool parsed = Object("", {{"credentials", [this] { return Credentials(); }}});
    if (!parsed) return error_;
    if (!json_.AtEnd()) return Malformed("");
    return std::move(credentials_);
  }

 private:
  // Keeps the first error and returns false. The innermost object reports its fault first.
  bool Fail(absl::Status error) {
    if (error_.ok()) error_ = std::move(error);
    return false;
  }

  static absl::Status Invalid(absl::string_view path, absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat(path, " ", why));
  }

  static absl::Status Malformed(absl::string_view path) {
    return Invalid("standard input is not a valid import document:",
                   path.empty() ? "it is not one JSON object"
                                : absl::StrCat(path,
                                               " is not a value of the right type, or the "
                                               "JSON breaks off there"));
  }

  static absl::Status Unknown(absl::string_view path, int number,
                              std::initializer_list<JsonMember> members) {
    const auto append_key = [](std::string* to, const JsonMember& member) {
      absl::StrAppend(to, member.key);
    };
    return Invalid(path.empty() ? "the document" : path,
                   absl::StrCat("has an unknown member, number ", number,
                                " (not repeated: it may be a secret in the wrong place); known "
                                "are ",
                                absl::StrJoin(members, ", ", append_key)));
  }

  // Reads an object at `path`.
  bool Object(const std::string& path, std::initializer_list<JsonMember> members) {
    const JsonFault fault = ReadObject(json_, members);
    const std::string place = Join(path, fault.key);
    switch (fault.kind) {
      case JsonFault::kNone:
        break;
      case JsonFault::kMalformed:
        return Fail(Malformed(path));
      case JsonFault::kUnknownMember:
        return Fail(Unknown(path, fault.number, members));
      case JsonFault::kDuplicateMember:
        return Fail(Invalid(place, "is there twice; give it once"));
      case JsonFault::kBadValue:
        return Fail(Malformed(place));
      case JsonFault::kMissingMember:
        return Fail(Invalid(place, "is missing"));
    }
    return true;
  }

  bool Credentials() {
    return json_.Array([this] {
      const std::string path = absl::StrCat("credentials[", credentials_.size(), "]");
      return Credential(path, credentials_.emplace_back());
    });
  }

  bool Credential(const std::string& path, NewCredential& to) {
    const auto console_api_token = [&] { return json_.String(to.console_api_token); };
    const auto organizations = [&] { return Organizations(path, to.organizations); };
    return Object(path,
                  {{"app_key", [&] { return json_.String(to.app_key); }, kOptional},
                   {"console_api_token", console_api_token, kOptional},
                   {"dev_key", [&] { return json_.String(to.dev_key); }, kOptional},
                   {"device", [&] { return json_.Text(to.device); }, kOptional},
                   {"environment", [&] { return json_.Text(to.environment); }},
                   {"kind", [&] { return Kind(path, to.kind); }},
                   {"name", [&] { return json_.Text(to.name); }},
                   {"organizations", organizations, kOptional},
                   {"password", [&] { return json_.String(to.password); }, kOptional},
                   {"remember_me_id", [&] { return json_.String(to.remember_me_id); }, kOptional},
                   {"sync_token", [&] { return json_.Bool(to.sync_token); }, kOptional},
                   {"username", [&] { return json_.Text(to.username); }}});
  }

  bool Organizations(const std::string& path, std::vector<NewOrganization>& to) {
    return json_.Array([&] {
      const std::string element = absl::StrCat(path, ".organizations[", to.size(), "]");
      NewOrganization& organization = to.emplace_back();
      return Object(element,
                    {{"dev_key", [&] { return json_.String(organization.dev_key); }, kOptional},
                     {"id", [&] { return json_.Text(organization.id); }},
                     {"user_id", [&] { return json_.Text(organization.user_id); }, kOptional}});
    });
  }

  bool Kind(const std::string& path, v1::CredentialKind& to) {
    std::string name;
    if (!json_.Text(name)) return false;
    to = KindOf(name);
    return to != v1::CREDENTIAL_KIND_UNSPECIFIED ||
           Fail(Invalid(Join(path, "kind"), "must be \"user\", \"console\" or \"partner\""));
  }

  JsonReader json_;
  std::vector<NewCredential> credentials_;
  absl::Status error_;
};

}  // namespace

absl::StatusOr<std::vector<NewCredential>> ParseImport(absl::string_view text) {
  return ImportParser(text).Parse();
}

}  // namespace billbroker
