#include "client/cli/import_document.h"

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/format.h"
#include "vault/base/json/json_reader.h"

namespace billbroker {
namespace {

// How each member of an object is read; false where its value is not what it should be.
using Members = std::map<std::string, std::function<bool()>, std::less<>>;

class ImportParser final {
 public:
  explicit ImportParser(absl::string_view json) : reader_(json) {}

  absl::StatusOr<std::vector<NewCredential>> Parse() {
    const bool parsed =
        Object("", {{"credentials", [this] { return Credentials(); }}}, {"credentials"}) &&
        reader_.AtEnd();
    if (!refusal_.ok()) return refusal_;
    if (parsed) return std::move(credentials_);
    return absl::InvalidArgumentError(
        absl::StrCat("standard input is no document to import: ",
                     place_.empty() ? "it is not one JSON object" : absl::StrCat(place_, Wrong())));
  }

 private:
  static absl::string_view Wrong() {
    return " is not a value of the right type, or the JSON breaks off there";
  }

  bool Refuse(absl::string_view path, absl::string_view why) {
    if (refusal_.ok()) refusal_ = absl::InvalidArgumentError(absl::StrCat(path, " ", why));
    return false;
  }

  // Reads an object at `path`, of which the members in `required` must be there.
  bool Object(const std::string& path, const Members& members,
              const std::set<std::string>& required) {
    std::set<std::string, std::less<>> seen;
    int number = 0;
    const bool read = reader_.Object([&](absl::string_view key) {
      ++number;
      const auto known = members.find(key);
      if (known == members.end()) return Unknown(path, number, members);
      place_ = path.empty() ? known->first : absl::StrCat(path, ".", known->first);
      if (!seen.insert(known->first).second) return Refuse(place_, "is there twice; give it once");
      return known->second();
    });
    if (!read) return false;
    for (const std::string& name : required) {
      if (!seen.contains(name)) {
        return Refuse(path.empty() ? name : absl::StrCat(path, ".", name), "is missing");
      }
    }
    place_ = path;
    return true;
  }

  bool Unknown(const std::string& path, int number, const Members& members) {
    std::vector<absl::string_view> names;
    for (const auto& [name, read] : members) names.push_back(name);
    return Refuse(path.empty() ? "the document" : path,
                  absl::StrCat("has an unknown member, number ", number,
                               " (not repeated: it may be a secret in the wrong place); known are ",
                               absl::StrJoin(names, ", ")));
  }

  bool Credentials() {
    return reader_.Array([this] {
      const std::string path = absl::StrCat("credentials[", credentials_.size(), "]");
      place_ = path;
      return ReadCredential(path, credentials_.emplace_back());
    });
  }

  bool ReadCredential(const std::string& path, NewCredential& into) {
    const Members members = {
        {"name", [&] { return Text(into.name); }},
        {"environment", [&] { return Text(into.environment); }},
        {"kind", [&] { return Kind(into.kind); }},
        {"username", [&] { return Text(into.username); }},
        {"sync_token", [&] { return reader_.Bool(into.sync_token); }},
        {"device", [&] { return Text(into.device); }},
        {"dev_key", [&] { return reader_.String(into.dev_key); }},
        {"password", [&] { return reader_.String(into.password); }},
        {"console_api_token", [&] { return reader_.String(into.console_api_token); }},
        {"app_key", [&] { return reader_.String(into.app_key); }},
        {"remember_me_id", [&] { return reader_.String(into.remember_me_id); }},
        {"organizations", [&] { return Organizations(path, into.organizations); }}};
    return Object(path, members, {"name", "environment", "kind", "username"});
  }

  bool Organizations(const std::string& of, std::vector<NewOrganization>& into) {
    return reader_.Array([&] {
      const std::string path = absl::StrCat(of, ".organizations[", into.size(), "]");
      place_ = path;
      NewOrganization& organization = into.emplace_back();
      return Object(path,
                    {{"id", [&] { return Text(organization.id); }},
                     {"dev_key", [&] { return reader_.String(organization.dev_key); }},
                     {"user_id", [&] { return Text(organization.user_id); }}},
                    {"id"});
    });
  }

  // For what is no secret.
  bool Text(std::string& into) {
    SecretString text;
    if (!reader_.String(text)) return false;
    into = std::string(text.Reveal());
    return true;
  }

  bool Kind(v1::CredentialKind& into) {
    std::string word;
    if (!Text(word)) return false;
    into = KindOf(word);
    return into != v1::CREDENTIAL_KIND_UNSPECIFIED ||
           Refuse(place_, "must be \"user\", \"console\" or \"partner\"");
  }

  JsonReader reader_;
  std::vector<NewCredential> credentials_;
  std::string place_;  // the path of what is being read
  absl::Status refusal_;
};

}  // namespace

absl::StatusOr<std::vector<NewCredential>> ParseImport(absl::string_view json) {
  return ImportParser(json).Parse();
}

}  // namespace billbroker
