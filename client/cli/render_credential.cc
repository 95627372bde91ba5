#include "absl/strings/str_cat.h"
#include "client/cli/format.h"
#include "client/cli/render.h"
#include "client/cli/table.h"

namespace billbroker {
namespace {

std::string KindWord(const v1::Credential& credential) {
  return EnumWord(v1::CredentialKind_Name(credential.kind()), "CREDENTIAL_KIND_");
}

std::string KindForPeople(const v1::Credential& credential) {
  return credential.sync_token() ? "user (sync token)" : KindWord(credential);
}

}  // namespace

Json CredentialJson(const v1::Credential& credential, bool organizations) {
  Json json = {{"name", credential.name()},
               {"uid", credential.uid()},
               {"version", credential.version()},
               {"environment", credential.environment()},
               {"kind", KindWord(credential)},
               {"username", credential.username()},
               {"sync_token", credential.sync_token()},
               {"device", credential.device()},
               {"secrets", Json::object()},
               {"organization_count", credential.organization_count()},
               {"create_time", TimeText(credential.create_time())},
               {"update_time", TimeText(credential.update_time())}};
  for (const v1::SecretFingerprint& secret : credential.secrets()) {
    json["secrets"][secret.field()] = secret.fingerprint();
  }
  if (!organizations) return json;
  json["organizations"] = Json::array();
  for (const v1::Organization& organization : credential.organizations()) {
    json["organizations"].push_back({{"organization_id", organization.organization_id()},
                                     {"dev_key_id", organization.dev_key_id()}});
  }
  return json;
}

void PrintCredential(const v1::Credential& credential, std::ostream& out) {
  Table table;
  table.Add({"name", credential.name()});
  table.Add({"version", absl::StrCat(credential.version())});
  table.Add({"environment", credential.environment()});
  table.Add({"kind", KindForPeople(credential)});
  table.Add({"user name", credential.username()});
  if (!credential.device().empty()) table.Add({"device", credential.device()});
  for (const v1::SecretFingerprint& secret : credential.secrets()) {
    table.Add({secret.field(), absl::StrCat("stored, fingerprint ", secret.fingerprint())});
  }
  table.Add({"created", TimeText(credential.create_time())});
  table.Add({"changed", TimeText(credential.update_time())});
  table.Add({"organizations", absl::StrCat(credential.organization_count())});
  table.Print(out);
  if (credential.organizations().empty()) return;
  out << '\n';
  Table organizations({"ORGANIZATION", "DEVKEY"});
  for (const v1::Organization& organization : credential.organizations()) {
    organizations.Add({organization.organization_id(),
                       organization.dev_key_id().empty()
                           ? std::string("the credential's")
                           : absl::StrCat("its own, fingerprint ", organization.dev_key_id())});
  }
  organizations.Print(out);
}

void PrintCredentials(const std::vector<v1::Credential>& credentials, std::ostream& out) {
  if (credentials.empty()) {
    out << "no credentials yet; 'billbroker login' makes the first\n";
    return;
  }
  Table table({"NAME", "ENVIRONMENT", "KIND", "USER NAME", "ORGANIZATIONS", "VERSION", "CHANGED"});
  for (const v1::Credential& credential : credentials) {
    table.Add({credential.name(), credential.environment(), KindForPeople(credential),
               credential.username(), absl::StrCat(credential.organization_count()),
               absl::StrCat(credential.version()), TimeText(credential.update_time())});
  }
  table.Print(out);
}

}  // namespace billbroker
