#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
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

Json PendingJson(const v1::Credential& credential) {
  if (!credential.has_pending_rotation()) return nullptr;
  const v1::PendingRotation& pending = credential.pending_rotation();
  return {{"rotation_id", pending.rotation_id()},
          {"organization_id", pending.organization_id()},
          {"fields", std::vector<std::string>(pending.fields().begin(), pending.fields().end())},
          {"principal", pending.principal()},
          {"create_time", TimeText(pending.create_time())}};
}

// Returns the state of the rememberMeId for a person; empty if there is none.
std::string TrustText(const v1::Credential& credential) {
  if (credential.has_remember_me_refuse_time()) {
    return absl::StrCat("not taken by BILL since ", TimeText(credential.remember_me_refuse_time()));
  }
  if (credential.has_remember_me_expire_time()) {
    return absl::StrCat("until ", TimeText(credential.remember_me_expire_time()));
  }
  return credential.device().empty() ? "" : "of unknown age";
}

// Returns null if `time` is not set.
Json OptionalTime(bool set, const google::protobuf::Timestamp& time) {
  return set ? Json(TimeText(time)) : Json(nullptr);
}

std::string EventWord(const v1::CredentialHistoryEntry& entry) {
  return EnumWord(v1::CredentialEvent_Name(entry.event()), "CREDENTIAL_EVENT_");
}

Json HistoryJson(const v1::CredentialHistoryEntry& entry) {
  return {{"version", entry.version()},
          {"event", EventWord(entry)},
          {"fields", std::vector<std::string>(entry.fields().begin(), entry.fields().end())},
          {"principal", entry.principal()},
          {"event_time", TimeText(entry.event_time())},
          {"bill_code", entry.bill_code()},
          {"revertible", entry.revertible()},
          {"sessions_ended", entry.sessions_ended()}};
}

void PrintHistory(const v1::Credential& credential, std::ostream& out) {
  if (credential.history().empty()) return;
  out << '\n';
  Table history({"VERSION", "WHAT", "FIELDS", "WHEN", "ROLL BACK"});
  for (const v1::CredentialHistoryEntry& entry : credential.history()) {
    const std::string code =
        entry.bill_code().empty() ? "" : absl::StrCat(" (", entry.bill_code(), ")");
    const char* ended = entry.sessions_ended() ? ", sessions ended" : "";
    history.Add({absl::StrCat(entry.version()), absl::StrCat(EventWord(entry), code, ended),
                 absl::StrJoin(entry.fields(), ", "), TimeText(entry.event_time()),
                 entry.revertible() ? "possible" : ""});
  }
  history.Print(out);
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
  json["remember_me_expire_time"] =
      OptionalTime(credential.has_remember_me_expire_time(), credential.remember_me_expire_time());
  json["remember_me_refuse_time"] =
      OptionalTime(credential.has_remember_me_refuse_time(), credential.remember_me_refuse_time());
  for (const v1::SecretFingerprint& secret : credential.secrets()) {
    json["secrets"][secret.field()] = secret.fingerprint();
  }
  json["pending_rotation"] = PendingJson(credential);
  if (!organizations) return json;
  json["history"] = Json::array();
  for (const v1::CredentialHistoryEntry& entry : credential.history()) {
    json["history"].push_back(HistoryJson(entry));
  }
  json["organizations"] = Json::array();
  for (const v1::Organization& organization : credential.organizations()) {
    json["organizations"].push_back({{"organization_id", organization.organization_id()},
                                     {"dev_key_id", organization.dev_key_id()},
                                     {"user_id", organization.user_id()}});
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
  if (const std::string trust = TrustText(credential); !trust.empty()) {
    table.Add({"MFA trust", trust});
  }
  table.Add({"created", TimeText(credential.create_time())});
  table.Add({"changed", TimeText(credential.update_time())});
  table.Add({"organizations", absl::StrCat(credential.organization_count())});
  if (credential.has_pending_rotation()) {
    const v1::PendingRotation& pending = credential.pending_rotation();
    table.Add({"rotation", absl::StrCat("pending since ", TimeText(pending.create_time()), " of ",
                                        absl::StrJoin(pending.fields(), ", "),
                                        "; resume-rotation or cancel-rotation")});
  }
  table.Print(out);
  PrintHistory(credential, out);
  if (credential.organizations().empty()) return;
  out << '\n';
  std::vector<std::string> columns = {"ORGANIZATION", "DEVKEY"};
  const bool partner = credential.kind() == v1::CREDENTIAL_KIND_PARTNER;
  if (partner) columns.emplace_back("SIGNS IN AS");
  Table organizations(columns);
  for (const v1::Organization& organization : credential.organizations()) {
    std::vector<std::string> row = {
        organization.organization_id(),
        organization.dev_key_id().empty()
            ? std::string("the credential's")
            : absl::StrCat("its own, fingerprint ", organization.dev_key_id())};
    if (partner) row.push_back(organization.user_id());
    organizations.Add(row);
  }
  organizations.Print(out);
}

void PrintCredentials(const std::vector<v1::Credential>& credentials, std::ostream& out) {
  if (credentials.empty()) {
    out << "no credentials yet; 'billbroker login' makes the first\n";
    return;
  }
  Table table({"NAME", "ENVIRONMENT", "KIND", "USER NAME", "ORGANIZATIONS", "VERSION", "CHANGED",
               "MFA TRUST"});
  for (const v1::Credential& credential : credentials) {
    table.Add({credential.name(), credential.environment(), KindForPeople(credential),
               credential.username(), absl::StrCat(credential.organization_count()),
               absl::StrCat(credential.version()), TimeText(credential.update_time()),
               TrustText(credential)});
  }
  table.Print(out);
}

}  // namespace billbroker
