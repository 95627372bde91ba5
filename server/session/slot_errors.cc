#include "server/session/slot_errors.h"

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "vault/base/error.h"

namespace billbroker {

absl::Status NoLiveSession(const SessionSlot& slot) {
  return MakeError(
      {Reason::kNoLiveSession, absl::nullopt, {{"organization_id", slot.organization_id()}}},
      absl::StrCat("no session of organization \"", slot.organization_id(),
                   "\" is live; ask without cached_only to sign in"));
}

absl::Status MfaRequired(const SessionSlot& slot) {
  const bool stored = !slot.credential->RememberMeFingerprint().empty();
  return MakeError(
      {Reason::kMfaRequired,
       absl::nullopt,
       {{"organization_id", slot.organization_id()}, {"credential", slot.credential->name}}},
      absl::StrCat(
          "BILL does not report the session of organization \"", slot.organization_id(),
          "\" as MFA-trusted, and signing in again does not help: ",
          stored ? "BILL did not accept the stored rememberMeId" : "no rememberMeId is stored",
          "; run 'billbroker mfa renew ", slot.credential->name, "'"));
}

absl::Status Removed(const SessionSlot& slot) {
  return RemovedOrganization(slot.organization_id(), slot.credential->name);
}

absl::Status RemovedOrganization(absl::string_view organization_id, absl::string_view credential) {
  return MakeError(
      Reason::kUnknownOrganization,
      absl::StrCat("organization \"", organization_id, "\" was detached from credential \"",
                   credential, "\" meanwhile; attach it again to use it"));
}

absl::Status TooManyReports(const SessionSlot& slot, absl::Duration wait) {
  return MakeError(
      {Reason::kCallerLimit, wait, {{"organization_id", slot.organization_id()}}},
      absl::StrCat("too many false reports of ended sessions, the last one of organization \"",
                   slot.organization_id(),
                   "\"; report a generation only after BILL answered BDC_1109 to it"));
}

absl::Status RateLimited(const SessionSlot& slot, absl::Duration wait) {
  return MakeError(
      {Reason::kBillRateLimited,
       wait,
       {{"organization_id", slot.organization_id()}, {"bill_code", "BDC_1144"}}},
      absl::StrCat("BILL's hourly limit is exhausted for the devKey of organization \"",
                   slot.organization_id(), "\"; try again after the time to wait"));
}

absl::Status SignInsUnknown(const absl::Status& audit) {
  return MakeError(
      Reason::kAuditUnavailable,
      absl::StrCat("no sign-in is sent: the session store is not open, and the failed sign-ins of "
                   "the past hour cannot be read from the audit log (",
                   audit.message(), "); live sessions are served"));
}

}  // namespace billbroker
