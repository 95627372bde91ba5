#include "vault/credential.h"

#include <algorithm>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "vault/base/error.h"
#include "vault/base/utf8.h"
#include "vault/credential_change.h"

namespace billbroker {
namespace {

constexpr std::size_t kMaxNameBytes = 64;
constexpr std::size_t kMaxUsernameBytes = 256;
constexpr std::size_t kMaxDevKeyBytes = 256;
constexpr std::size_t kMaxDeviceBytes = 256;
constexpr std::size_t kMaxSecretBytes = 1024;

bool IsNameCharacter(char c) {
  return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-';
}
bool IsIdCharacter(char c) { return absl::ascii_isalnum(c) || c == '_' || c == '-'; }
// Printable ASCII without blanks: valid in an HTTP header, and safe when a person copies it.
bool IsDevKeyCharacter(char c) { return absl::ascii_isgraph(c); }
bool IsControl(char c) { return absl::ascii_iscntrl(c); }

template <typename Predicate>
bool All(absl::string_view text, const Predicate& predicate) {
  return std::all_of(text.begin(), text.end(), predicate);
}

absl::Status CheckText(absl::string_view field, absl::string_view text, std::size_t max_bytes) {
  if (text.size() > max_bytes) {
    return Malformed(field, absl::StrCat("has more than ", max_bytes, " bytes"));
  }
  if (std::any_of(text.begin(), text.end(), IsControl)) {
    return Malformed(field, "has control characters");
  }
  if (absl::StripAsciiWhitespace(text).size() != text.size()) {
    return Malformed(field, "begins or ends with a blank");
  }
  if (!IsUtf8(text)) return Malformed(field, "is not UTF-8");
  return absl::OkStatus();
}

// Checks a devKey or an appKey.
absl::Status CheckDevKey(absl::string_view field, const SecretString& dev_key) {
  if (dev_key.size() > kMaxDevKeyBytes || !All(dev_key.Reveal(), IsDevKeyCharacter)) {
    return Malformed(field, "must be 1 to 256 printable ASCII characters without blanks");
  }
  return absl::OkStatus();
}

absl::Status CheckSecret(absl::string_view field, const SecretString& secret, bool wanted) {
  if (!wanted && !secret.empty()) {
    return Malformed(field, "must be empty for this kind of credential");
  }
  if (wanted && (secret.empty() || secret.size() > kMaxSecretBytes)) {
    return Malformed(field, "must have 1 to 1024 bytes");
  }
  return absl::OkStatus();
}

absl::Status CheckKindAndSecrets(const Credential& credential) {
  const bool console = credential.kind == CredentialKind::kConsole;
  const bool partner = credential.kind == CredentialKind::kPartner;
  absl::Status status = CheckSecret("password", credential.password, !console);
  if (!status.ok()) return status;
  status = CheckSecret("console_api_token", credential.console_api_token, console);
  if (!status.ok()) return status;
  status = CheckSecret("app_key", credential.app_key, partner);
  if (status.ok()) status = CheckDevKey("app_key", credential.app_key);
  if (!status.ok()) return status;
  if (credential.sync_token && credential.kind != CredentialKind::kUser) {
    return Malformed("sync_token", "is for users only");
  }
  if (credential.remember_me_id.size() > kMaxSecretBytes) {
    return Malformed("remember_me_id", "has more than 1024 bytes");
  }
  if (credential.remember_me_id.empty() != credential.device.empty()) {
    return Malformed("device", "must be set together with remember_me_id, or both empty");
  }
  return ValidateDevice(credential.device);
}

absl::Status CheckUserId(absl::string_view field, absl::string_view user_id, bool wanted) {
  if (!wanted && !user_id.empty()) {
    return Malformed(field, "must be empty for this kind of credential");
  }
  if (!wanted) return absl::OkStatus();
  if (user_id.empty()) return Malformed(field, "is missing: which BILL user a partner signs in as");
  return ValidateOrganizationId(user_id, field);  // BILL's ids have the same shape
}

absl::Status CheckOrganizations(const Credential& credential) {
  if (credential.organizations.size() > kMaxOrganizations) {
    return Malformed("organizations", "has more than 10000 entries");
  }
  const Organization* before = nullptr;
  for (std::size_t i = 0; i < credential.organizations.size(); ++i) {
    const Organization& organization = credential.organizations[i];
    const std::string field = absl::StrCat("organizations[", i, "].");
    absl::Status status =
        ValidateOrganizationId(organization.id, absl::StrCat(field, "organization_id"));
    if (!status.ok()) return status;
    status = CheckDevKey(absl::StrCat(field, "dev_key"), organization.dev_key);
    if (!status.ok()) return status;
    if (organization.dev_key.empty() && credential.dev_key.empty()) {
      return Malformed(absl::StrCat(field, "dev_key"),
                       "is missing, and the credential has no devKey either");
    }
    status = CheckUserId(absl::StrCat(field, "user_id"), organization.user_id,
                         credential.kind == CredentialKind::kPartner);
    if (!status.ok()) return status;
    if (before != nullptr && before->id == organization.id) {
      return Malformed(absl::StrCat(field, "organization_id"), "is there twice");
    }
    if (before != nullptr && before->id > organization.id) {
      return Malformed("organizations", "must be ordered by id");
    }
    before = &organization;
  }
  return absl::OkStatus();
}

}  // namespace

absl::string_view CredentialKindName(CredentialKind kind) {
  switch (kind) {
    case CredentialKind::kUser:
      return "user";
    case CredentialKind::kConsole:
      return "console";
    case CredentialKind::kPartner:
      break;
  }
  return "partner";
}

absl::string_view PastChangeKindName(PastChangeKind kind) {
  switch (kind) {
    case PastChangeKind::kRotated:
      return "rotated";
    case PastChangeKind::kRolledBack:
      return "rolled_back";
    case PastChangeKind::kRefused:
      return "refused";
    case PastChangeKind::kMfaRenewed:
      return "mfa_renewed";
    case PastChangeKind::kAttached:
      return "attached";
    case PastChangeKind::kDetached:
      return "detached";
    case PastChangeKind::kCancelled:
      break;
  }
  return "cancelled";
}

const SecretString& Credential::UserSecret() const {
  return kind == CredentialKind::kConsole ? console_api_token : password;
}

const Organization* Credential::FindOrganization(absl::string_view id) const {
  const auto found =
      std::lower_bound(organizations.begin(), organizations.end(), id,
                       [](const Organization& organization, absl::string_view wanted) {
                         return organization.id < wanted;
                       });
  return found != organizations.end() && found->id == id ? &*found : nullptr;
}

const SecretString& Credential::DevKeyFor(absl::string_view organization_id) const {
  const Organization* organization = FindOrganization(organization_id);
  if (organization == nullptr) std::abort();
  return organization->dev_key.empty() ? dev_key : organization->dev_key;
}

Credential Credential::Clone() const {
  Credential copy;
  copy.name = name;
  copy.uid = uid;
  copy.version = version;
  copy.environment = environment;
  copy.kind = kind;
  copy.username = username;
  copy.sync_token = sync_token;
  copy.dev_key = dev_key.Clone();
  copy.password = password.Clone();
  copy.console_api_token = console_api_token.Clone();
  copy.app_key = app_key.Clone();
  copy.remember_me_id = remember_me_id.Clone();
  copy.remember_me_time = remember_me_time;
  copy.device = device;
  copy.organizations.reserve(organizations.size());
  for (const Organization& organization : organizations) {
    copy.organizations.push_back(
        {organization.id, organization.dev_key.Clone(), organization.user_id});
  }
  copy.create_time = create_time;
  copy.update_time = update_time;
  if (staged.has_value()) {
    copy.staged = StagedRotation{staged->id,
                                 staged->kind,
                                 CloneOf(staged->change),
                                 staged->organization_id,
                                 staged->end_sessions,
                                 staged->principal,
                                 staged->time};
  }
  for (const PastChange& past : history) {
    PastChange& line = copy.history.emplace_back(PastChange{past.version, past.kind, past.principal,
                                                            past.time, past.fields, past.bill_code,
                                                            past.end_sessions, absl::nullopt});
    if (past.before.has_value()) line.before = CloneOf(*past.before);
  }
  return copy;
}

absl::Status ValidateCredentialName(absl::string_view name, absl::string_view field) {
  if (name.empty() || name.size() > kMaxNameBytes || name[0] == '-' ||
      !All(name, IsNameCharacter)) {
    return Malformed(field,
                     "must be 1 to 64 characters of [a-z0-9-], beginning with a letter or digit");
  }
  return absl::OkStatus();
}

absl::Status ValidateOrganizationId(absl::string_view id, absl::string_view field) {
  if (id.empty() || id.size() > kMaxNameBytes || !All(id, IsIdCharacter)) {
    return Malformed(field, "must be 1 to 64 characters of [A-Za-z0-9_-]");
  }
  return absl::OkStatus();
}

absl::Status ValidateDevice(absl::string_view device, absl::string_view field) {
  return CheckText(field, device, kMaxDeviceBytes);
}

absl::Status ValidateCredential(const Credential& credential) {
  absl::Status status = ValidateCredentialName(credential.name, "name");
  if (!status.ok()) return status;
  status = ValidateCredentialName(credential.environment, "environment");
  if (!status.ok()) return status;
  if (credential.username.empty()) return Malformed("username", "is empty");
  status = CheckText("username", credential.username, kMaxUsernameBytes);
  if (!status.ok()) return status;
  status = CheckDevKey("dev_key", credential.dev_key);
  if (!status.ok()) return status;
  status = CheckKindAndSecrets(credential);
  if (!status.ok()) return status;
  return CheckOrganizations(credential);
}

}  // namespace billbroker
