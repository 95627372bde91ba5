#include "server/session/quarantine.h"

#include "absl/strings/str_cat.h"
#include "server/session/session_slot.h"

namespace billbroker {
namespace {

constexpr absl::string_view kScopeSeparator = "\x1f";  // as in slot.cc

// Those of a partner alone are empty for others.
struct Scopes {
  std::string secret, dev_key, user, organization, user_and_organization;
  std::string app_key, partner, as_user;
};

Scopes ScopesOf(const CredentialInfo& credential, absl::string_view organization_id) {
  const std::string user = UserKeyOf(credential);
  const std::string as_user = SignInUserKeyOf(credential, organization_id);
  Scopes scopes = {
      .secret = absl::StrCat("secret", kScopeSeparator, credential.user_secret_id),
      .dev_key = absl::StrCat("dev_key", kScopeSeparator, DevKeyKeyOf(credential, organization_id)),
      .user = absl::StrCat("user", kScopeSeparator, user),
      .organization = absl::StrCat("organization", kScopeSeparator, credential.environment,
                                   kScopeSeparator, organization_id),
      .user_and_organization = absl::StrCat("user_and_organization", kScopeSeparator, as_user,
                                            kScopeSeparator, organization_id),
      .app_key = "",
      .partner = PartnerKeyOf(credential),
      .as_user = "",
  };
  if (scopes.partner.empty()) return scopes;
  scopes.app_key = absl::StrCat("dev_key", kScopeSeparator, AppKeyKeyOf(credential));
  scopes.as_user = absl::StrCat("user", kScopeSeparator, as_user);
  return scopes;
}

struct Placement {
  std::string scope;
  Reason reason;
  bool lapses;
};

absl::optional<Placement> PlacementOf(Verdict verdict, SignInStep step, const Scopes& scopes) {
  const bool by_partner = step == SignInStep::kPartnerSignIn;
  const bool as_user = step == SignInStep::kSignInAsUser;
  switch (verdict) {
    case Verdict::kSecretRejected:
      if (as_user) {
        return Placement{scopes.user_and_organization, Reason::kOrganizationRejected, false};
      }
      return Placement{scopes.secret, Reason::kCredentialRejected, false};
    case Verdict::kDevKeyRejected:
      return Placement{by_partner || as_user ? scopes.app_key : scopes.dev_key,
                       Reason::kDevKeyRejected, false};
    case Verdict::kOrganizationRejected:
      if (by_partner) return Placement{scopes.partner, Reason::kCredentialRejected, false};
      return Placement{scopes.user_and_organization, Reason::kOrganizationRejected, false};
    case Verdict::kOrganizationLocked:
      return Placement{by_partner ? scopes.user : scopes.organization, Reason::kLockedOut, true};
    case Verdict::kUserLocked:
      return Placement{as_user ? scopes.as_user : scopes.user, Reason::kLockedOut, true};
    default:
      return absl::nullopt;
  }
}

}  // namespace

absl::optional<QuarantineEntry> Quarantine::Find(const CredentialInfo& credential,
                                                 absl::string_view organization_id,
                                                 absl::Duration since_boot) const {
  if (entries_.empty()) return absl::nullopt;
  const Scopes scopes = ScopesOf(credential, organization_id);
  for (const std::string* scope :
       {&scopes.secret, &scopes.app_key, &scopes.partner, &scopes.dev_key, &scopes.user,
        &scopes.as_user, &scopes.organization, &scopes.user_and_organization}) {
    const auto found = entries_.find(*scope);
    if (found == entries_.end()) continue;
    const QuarantineEntry& entry = found->second;
    if (!entry.lapses.has_value() || *entry.lapses > since_boot) return entry;
  }
  return absl::nullopt;
}

absl::optional<QuarantineRecord> Quarantine::Add(const CredentialInfo& credential,
                                                 absl::string_view organization_id, SignInStep step,
                                                 const BillError& error, absl::Time now,
                                                 absl::Duration since_boot) {
  const absl::optional<Placement> placement =
      PlacementOf(error.verdict, step, ScopesOf(credential, organization_id));
  if (!placement.has_value()) return absl::nullopt;
  QuarantineEntry entry{placement->reason, error.code, now, absl::nullopt, absl::nullopt};
  if (placement->lapses) {
    entry.until = now + lockout_cooldown_;
    entry.lapses = since_boot + lockout_cooldown_;
  }
  entries_.insert_or_assign(placement->scope, entry);
  return QuarantineRecord{placement->scope, std::move(entry)};
}

std::vector<std::string> Quarantine::Lift(const CredentialInfo& credential,
                                          absl::string_view organization_id, SignInStep step) {
  std::vector<std::string> lifted;
  if (entries_.empty()) return lifted;
  const Scopes scopes = ScopesOf(credential, organization_id);
  std::vector<const std::string*> proved;
  switch (step) {
    case SignInStep::kSignIn:
      proved = {&scopes.secret, &scopes.dev_key, &scopes.user, &scopes.organization,
                &scopes.user_and_organization};
      break;
    case SignInStep::kPartnerSignIn:
      proved = {&scopes.secret, &scopes.app_key, &scopes.partner, &scopes.user};
      break;
    case SignInStep::kSignInAsUser:
      proved = {&scopes.app_key, &scopes.as_user, &scopes.organization,
                &scopes.user_and_organization};
      break;
  }
  for (const std::string* scope : proved) {
    if (entries_.erase(*scope) > 0) lifted.push_back(*scope);
  }
  return lifted;
}

absl::Status QuarantineError(const QuarantineEntry& entry, const CredentialInfo& credential,
                             absl::string_view organization_id) {
  const std::string again = absl::StrCat("'billbroker session login ", organization_id,
                                         " --credential ", credential.name, " --force'");
  const bool partner = credential.kind == CredentialKind::kPartner;
  const std::string said = absl::StrCat(" (", entry.bill_code, "); it is not tried again until ");
  std::string message;
  switch (entry.reason) {
    case Reason::kCredentialRejected:
      message = absl::StrCat("BILL refused the user name or secret of credential \"",
                             credential.name, "\"", said, "the secret is changed, or ", again);
      break;
    case Reason::kDevKeyRejected:
      message = absl::StrCat("BILL refused the ", partner ? "appKey or devKey" : "devKey",
                             " that credential \"", credential.name, "\" uses for organization \"",
                             organization_id, "\"", said, "it is changed, or ", again);
      break;
    case Reason::kOrganizationRejected:
      message = absl::StrCat("BILL does not let the user of credential \"", credential.name,
                             "\" into organization \"", organization_id, "\"", said,
                             "access is given at BILL and then ", again);
      break;
    default:
      message = absl::StrCat("BILL has locked out the user of credential \"", credential.name,
                             "\" or organization \"", organization_id, "\"", said,
                             absl::FormatTime(absl::RFC3339_sec, entry.until.value_or(entry.since),
                                              absl::UTCTimeZone()),
                             ", or it is unlocked at BILL and then ", again);
  }
  return MakeError({entry.reason,
                    absl::nullopt,
                    {{"bill_code", entry.bill_code},
                     {"credential", credential.name},
                     {"organization_id", std::string(organization_id)}}},
                   message);
}

}  // namespace billbroker
