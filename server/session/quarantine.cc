#include "server/session/quarantine.h"

#include "absl/strings/str_cat.h"
#include "server/session/joined_keys.h"
#include "server/session/session_slot.h"

namespace billbroker {
namespace {

constexpr absl::string_view kSecretAndDevKey = "secret_and_dev_key";
constexpr absl::string_view kOrganizationAndDevKey = "organization_and_dev_key";

// Empty if the credential is not a partner's.
std::string PartnerScope(const CredentialInfo& credential) {
  if (credential.kind != CredentialKind::kPartner) return "";
  return absl::StrCat("partner", kJoin, Joined(ToAppKeyBudgetId(credential)), kJoin,
                      Joined(ToUserId(credential)), kJoin, credential.user_secret_id);
}

// The members of partners are empty for other kinds.
struct Scopes {
  std::string secret, dev_key, user, organization, user_and_organization;
  std::string secret_and_dev_key, organization_and_dev_key;
  std::string app_key, partner, as_user;
};

Scopes ScopesOf(const CredentialInfo& credential, absl::string_view organization_id) {
  const std::string user = Joined(ToUserId(credential));
  const std::string as_user = Joined(ToUserId(credential, organization_id));
  const std::string dev_key = Joined(ToDevKeyBudgetId(credential, organization_id));
  Scopes scopes = {
      .secret = absl::StrCat("secret", kJoin, credential.user_secret_id),
      .dev_key = absl::StrCat("dev_key", kJoin, dev_key),
      .user = absl::StrCat("user", kJoin, user),
      .organization =
          absl::StrCat("organization", kJoin, credential.environment, kJoin, organization_id),
      .user_and_organization =
          absl::StrCat("user_and_organization", kJoin, as_user, kJoin, organization_id),
      .secret_and_dev_key = "",
      .organization_and_dev_key = "",
      .app_key = "",
      .partner = PartnerScope(credential),
      .as_user = "",
  };
  const bool partner = !scopes.partner.empty();
  const std::string judged_key = partner ? Joined(ToAppKeyBudgetId(credential)) : dev_key;
  scopes.secret_and_dev_key =
      absl::StrCat(kSecretAndDevKey, kJoin, credential.user_secret_id, kJoin, judged_key);
  scopes.organization_and_dev_key =
      absl::StrCat(kOrganizationAndDevKey, kJoin, judged_key, kJoin, organization_id);
  if (!partner) return scopes;
  scopes.app_key = absl::StrCat("dev_key", kJoin, judged_key);
  scopes.as_user = absl::StrCat("user", kJoin, as_user);
  return scopes;
}

struct Placement {
  std::string scope;
  Reason reason;
  bool lapses;
};

bool RefusesDevKey(absl::string_view bill_code) {
  return bill_code == "BDC_1102" || bill_code == "BDC_1103" || bill_code == "BDC_1104";
}

absl::optional<Placement> PlacementOf(const SignInRefusal& refusal, const Scopes& scopes) {
  const bool by_partner = refusal.step == SignInStep::kPartnerSignIn;
  const bool as_user = refusal.step == SignInStep::kSignInAsUser;
  switch (refusal.scope) {
    case QuarantineScope::kNone:
      return absl::nullopt;
    case QuarantineScope::kSecret:
      if (as_user) {
        return Placement{scopes.user_and_organization, Reason::kOrganizationRejected, false};
      }
      return Placement{scopes.secret, Reason::kCredentialRejected, false};
    case QuarantineScope::kSecretAndDevKey:
      return Placement{
          by_partner ? scopes.partner : scopes.secret_and_dev_key,
          RefusesDevKey(refusal.bill_code) ? Reason::kDevKeyRejected : Reason::kCredentialRejected,
          false};
    case QuarantineScope::kDevKey:
      return Placement{by_partner || as_user ? scopes.app_key : scopes.dev_key,
                       Reason::kDevKeyRejected, false};
    case QuarantineScope::kOrganizationAndDevKey:
      return Placement{by_partner ? scopes.partner : scopes.organization_and_dev_key,
                       Reason::kDevKeyRejected, false};
    case QuarantineScope::kUserAndOrganization:
      if (by_partner) return Placement{scopes.partner, Reason::kCredentialRejected, false};
      return Placement{scopes.user_and_organization, Reason::kOrganizationRejected, false};
    case QuarantineScope::kOrganizationLockout:
      return Placement{by_partner ? scopes.user : scopes.organization, Reason::kLockedOut, true};
    case QuarantineScope::kUserLockout:
      return Placement{as_user ? scopes.as_user : scopes.user, Reason::kLockedOut, true};
  }
  return absl::nullopt;
}

QuarantineScope ScopeOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kSecretRejected:
      return QuarantineScope::kSecret;
    case Verdict::kDevKeyRejected:
      return QuarantineScope::kDevKey;
    case Verdict::kOrganizationRejected:
      return QuarantineScope::kUserAndOrganization;
    case Verdict::kOrganizationLocked:
      return QuarantineScope::kOrganizationLockout;
    case Verdict::kUserLocked:
      return QuarantineScope::kUserLockout;
    default:
      return QuarantineScope::kNone;
  }
}

absl::string_view QuestionAbout(QuarantineScope scope) {
  switch (scope) {
    case QuarantineScope::kOrganizationAndDevKey:
      return ": other environment? is this organization on this devKey?";
    case QuarantineScope::kSecretAndDevKey:
      return ": other environment? wrong user name or secret?";
    default:
      return "";
  }
}

// Returns the kind of a stored scope, as far as QuestionAbout() distinguishes it.
QuarantineScope KindOf(absl::string_view scope) {
  const absl::string_view kind = scope.substr(0, scope.find(kJoin));
  if (kind == kOrganizationAndDevKey) return QuarantineScope::kOrganizationAndDevKey;
  if (kind == kSecretAndDevKey) return QuarantineScope::kSecretAndDevKey;
  return QuarantineScope::kNone;
}

// Returns `BILL refused … (code)`, and the question that a person should ask. It does not name the
// organization of the evidence, which the caller may not be allowed to see.
std::string CauseOf(const QuarantineEntry& entry, const CredentialInfo& credential,
                    absl::string_view organization_id) {
  const std::string code = absl::StrCat(" (", entry.bill_code, ")");
  const absl::string_view key =
      credential.kind == CredentialKind::kPartner ? "appKey or devKey" : "devKey";
  const std::string dev_key =
      absl::StrCat("BILL refused the ", key, " that credential \"", credential.name,
                   "\" uses for organization \"", organization_id, "\"");
  switch (entry.reason) {
    case Reason::kCredentialRejected:
      return absl::StrCat("BILL refused the user name or secret of credential \"", credential.name,
                          "\"", code);
    case Reason::kDevKeyRejected:
      return absl::StrCat(dev_key, code, QuestionAbout(entry.scope));
    case Reason::kOrganizationRejected:
      return absl::StrCat("BILL does not let the user of credential \"", credential.name,
                          "\" into organization \"", organization_id, "\"", code);
    default:
      return absl::StrCat("BILL has locked out the user of credential \"", credential.name,
                          "\" or organization \"", organization_id, "\"", code);
  }
}

std::string RemedyOf(const QuarantineEntry& entry) {
  switch (entry.reason) {
    case Reason::kCredentialRejected:
      return "the secret is changed, or ";
    case Reason::kDevKeyRejected:
      return "it is changed, or ";
    case Reason::kOrganizationRejected:
      return "access is given at BILL and then ";
    default:
      return absl::StrCat(absl::FormatTime(absl::RFC3339_sec, entry.until.value_or(entry.since),
                                           absl::UTCTimeZone()),
                          ", or it is unlocked at BILL and then ");
  }
}

}  // namespace

absl::optional<QuarantineEntry> Quarantine::Find(const CredentialInfo& credential,
                                                 absl::string_view organization_id,
                                                 absl::Duration since_boot) const {
  if (entries_.empty()) return absl::nullopt;
  const Scopes scopes = ScopesOf(credential, organization_id);
  for (const std::string* scope :
       {&scopes.secret, &scopes.app_key, &scopes.partner, &scopes.dev_key,
        &scopes.secret_and_dev_key, &scopes.organization_and_dev_key, &scopes.user, &scopes.as_user,
        &scopes.organization, &scopes.user_and_organization}) {
    const auto found = entries_.find(*scope);
    if (found == entries_.end()) continue;
    const QuarantineEntry& entry = found->second;
    if (!entry.lapses.has_value() || *entry.lapses > since_boot) return entry;
  }
  return absl::nullopt;
}

absl::optional<QuarantineRecord> Quarantine::Add(const CredentialInfo& credential,
                                                 absl::string_view organization_id,
                                                 const SignInRefusal& refusal, absl::Time now,
                                                 absl::Duration since_boot) {
  const absl::optional<Placement> placement =
      PlacementOf(refusal, ScopesOf(credential, organization_id));
  if (!placement.has_value()) return absl::nullopt;
  QuarantineEntry entry;
  entry.reason = placement->reason;
  entry.bill_code = refusal.bill_code;
  entry.since = now;
  entry.scope = refusal.scope;
  entry.organization_id = std::string(organization_id);
  entry.history = refusal.history;
  if (placement->lapses) {
    entry.until = now + lockout_cooldown_;
    entry.lapses = since_boot + lockout_cooldown_;
  }
  entries_.insert_or_assign(placement->scope, entry);
  return QuarantineRecord{placement->scope, std::move(entry)};
}

absl::optional<QuarantineRecord> Quarantine::Add(const CredentialInfo& credential,
                                                 absl::string_view organization_id, SignInStep step,
                                                 const BillError& error, absl::Time now,
                                                 absl::Duration since_boot) {
  return Add(credential, organization_id, {step, ScopeOf(error.verdict), error.code, {}}, now,
             since_boot);
}

std::vector<std::string> Quarantine::Lift(const CredentialInfo& credential,
                                          absl::string_view organization_id, SignInStep step) {
  std::vector<std::string> lifted;
  if (entries_.empty()) return lifted;
  const Scopes scopes = ScopesOf(credential, organization_id);
  std::vector<const std::string*> proved;
  switch (step) {
    case SignInStep::kSignIn:
      proved = {&scopes.secret,
                &scopes.dev_key,
                &scopes.secret_and_dev_key,
                &scopes.organization_and_dev_key,
                &scopes.user,
                &scopes.organization,
                &scopes.user_and_organization};
      break;
    case SignInStep::kPartnerSignIn:
      proved = {&scopes.secret, &scopes.app_key, &scopes.secret_and_dev_key, &scopes.partner,
                &scopes.user};
      break;
    case SignInStep::kSignInAsUser:
      proved = {&scopes.app_key, &scopes.secret_and_dev_key, &scopes.organization_and_dev_key,
                &scopes.as_user, &scopes.organization,       &scopes.user_and_organization};
      break;
  }
  for (const std::string* scope : proved) {
    if (entries_.erase(*scope) > 0) lifted.push_back(*scope);
  }
  return lifted;
}

void Quarantine::Restore(QuarantineRecord record) {
  if (record.entry.scope == QuarantineScope::kNone) record.entry.scope = KindOf(record.scope);
  entries_.try_emplace(std::move(record.scope), std::move(record.entry));
}

absl::Status QuarantineError(const QuarantineEntry& entry, const CredentialInfo& credential,
                             absl::string_view organization_id) {
  return MakeError(
      {entry.reason,
       absl::nullopt,
       {{"bill_code", entry.bill_code},
        {"credential", credential.name},
        {"organization_id", std::string(organization_id)}}},
      absl::StrCat(CauseOf(entry, credential, organization_id), "; it is not tried again until ",
                   RemedyOf(entry), "'billbroker session login ", organization_id, " --credential ",
                   credential.name, " --force'"));
}

}  // namespace billbroker
