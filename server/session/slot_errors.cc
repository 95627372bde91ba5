#include "server/session/slot_errors.h"

#include <algorithm>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

std::map<std::string, std::string> FactsOf(const SessionSlot& slot) {
  return {{"organization_id", slot.organization_id}, {"credential", slot.credential->name}};
}

}  // namespace

absl::Status NoLiveSession(const SessionSlot& slot) {
  return MakeError(
      {Reason::kNoLiveSession, absl::nullopt, {{"organization_id", slot.organization_id}}},
      absl::StrCat("no session of organization \"", slot.organization_id,
                   "\" is live; ask without cached_only to sign in"));
}

absl::Status MfaRequired(const SessionSlot& slot) {
  return MakeError(
      {Reason::kMfaRequired, absl::nullopt, FactsOf(slot)},
      absl::StrCat("BILL does not hold the session of organization \"", slot.organization_id,
                   "\" for MFA-trusted, and signing in again does not help: ",
                   slot.credential->RememberMeFingerprint().empty()
                       ? "no rememberMeId is stored"
                       : "it did not take the stored rememberMeId",
                   "; run 'billbroker mfa renew ", slot.credential->name, "'"));
}

absl::Status Removed(const SessionSlot& slot) {
  return MakeError(
      Reason::kUnknownOrganization,
      absl::StrCat("organization \"", slot.organization_id, "\" was taken from credential \"",
                   slot.credential->name, "\" meanwhile; attach it again to use it"));
}

absl::Status TooManyReports(const SessionSlot& slot, absl::Duration wait) {
  return MakeError(
      {Reason::kCallerLimit, wait, {{"organization_id", slot.organization_id}}},
      absl::StrCat("too many reports of dead sessions, the last one of organization \"",
                   slot.organization_id,
                   "\"; report a generation only after BILL answered BDC_1109 to it"));
}

absl::Status RateLimited(const SessionSlot& slot, absl::Duration wait) {
  return MakeError({Reason::kBillRateLimited,
                    wait,
                    {{"organization_id", slot.organization_id}, {"bill_code", "BDC_1144"}}},
                   absl::StrCat("BILL's hourly limit is spent for the devKey of organization \"",
                                slot.organization_id, "\"; sign-ins go on when it is over"));
}

absl::Status BudgetSpent(const SessionSlot& slot, absl::Duration wait) {
  return MakeError(
      {Reason::kLoginBudgetSpent, wait, FactsOf(slot)},
      absl::StrCat("the sign-ins that BILL allows the devKey of organization \"",
                   slot.organization_id,
                   "\" in an hour are spent; it has its place in the queue and is signed in when "
                   "its turn comes: ask again then"));
}

absl::Status UserFailedTooOften(const SessionSlot& slot, int bound, absl::Duration wait) {
  return MakeError(
      {Reason::kLoginBudgetSpent, wait, FactsOf(slot)},
      absl::StrCat(bound, " sign-ins of the user of credential \"", slot.credential->name,
                   "\" failed within an hour, and more could lock it at BILL; mend the "
                   "credential and try again later"));
}

}  // namespace billbroker
