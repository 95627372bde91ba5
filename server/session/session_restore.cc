#include "server/session/session_restore.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "server/session/slot_restore.h"

namespace billbroker {
namespace {

UserFailure ToUserFailure(SignInEnding ending) {
  switch (ending) {
    case SignInEnding::kFailed:
      return UserFailure::kFailed;
    case SignInEnding::kUnclear:
      return UserFailure::kUnclear;
    default:
      return UserFailure::kNone;
  }
}

// Requires: the sign-in has ended, on this boot's clock.
PastFailure ToPastFailure(const StoredAttempt& attempt) {
  return {attempt.secret_id,
          attempt.on_trial,
          ToUserFailure(attempt.ending),
          attempt.ended->since_boot,
          attempt.slot.organization_id,
          attempt.failed_scope != QuarantineScope::kNone};
}

// Returns true unless BILL accepted the sign-in, or certainly did not judge it. The log does not
// have the whole answer, so a failure counts in doubt.
bool MayHaveFailed(const PastSignIn& sign_in) {
  if (sign_in.outcome == PastSignIn::Outcome::kAccepted) return false;
  const absl::optional<Reason> reason = ReasonNamed(sign_in.reason);
  return reason != Reason::kBillRateLimited && reason != Reason::kAuditUnavailable &&
         reason != Reason::kVaultLocked && reason != Reason::kVaultUnreachable;
}

// The times of one sign-in in the audit log and in the store differ by less.
constexpr absl::Duration kSameSignIn = absl::Seconds(10);

// Returns true if `stored` may be the sign-in of the audit log that `logged` was made of.
bool IsSameSignIn(const StoredAttempt& stored, const StoredAttempt& logged) {
  const absl::Time begin = stored.started.wall - kSameSignIn;
  const absl::Time end = stored.ended.value_or(stored.started).wall + kSameSignIn;
  const absl::Time time = logged.ended->wall;
  const bool same_slot = stored.slot.credential_uid.empty() || stored.slot == logged.slot;
  return stored.user == logged.user && same_slot && begin <= time && time <= end;
}

// Returns the candidate that the sign-in was, without the members that the store does not have.
SignInCandidate ToCandidate(const StoredAttempt& attempt) {
  CredentialInfo credential;
  credential.user_secret_id = attempt.secret_id;
  SignInCandidate candidate;
  candidate.slot = attempt.slot;
  candidate.credential = std::make_shared<const CredentialInfo>(std::move(credential));
  candidate.user = attempt.user;
  candidate.dev_key = attempt.dev_key;
  candidate.principal = attempt.principal;
  candidate.force = attempt.forced ? SignInForce::kOperator : SignInForce::kNone;
  candidate.on_trial = attempt.on_trial;
  return candidate;
}

class Restorer final {
 public:
  Restorer(SharedSessions& shared, LockedSessions& state, bool same_boot)
      : shared_(shared), clock_(shared.parts.clock), state_(state), same_boot_(same_boot) {}

  void RestoreAttempt(StoredAttempt attempt) {
    const bool cut_off = !attempt.ended.has_value();
    // BILL may have received it as late as now.
    if (cut_off) attempt.ended = Moment{clock_.Now(), clock_.SinceBoot()};
    const absl::Duration ended = ToSinceBoot(*attempt.ended, same_boot_, clock_);
    attempt.ended->since_boot = ended;
    SignInRules& rules = state_->rules;
    if (!state_->counted_from_audit) {
      rules.budget.Restore(attempt.dev_key, ended);
      rules.shares.Restore(attempt.dev_key, attempt.principal, ended);
    }
    if (!attempt.passes_slot_cap) {
      rules.slot_cap.Restore(attempt.slot, ToSinceBoot(attempt.started, same_boot_, clock_));
    }
    rules.failures.Restore(attempt.user, ToPastFailure(attempt));
    RestoreOutcome(attempt);
    state_->journal.RestoreAttempt(std::move(attempt), cut_off || !same_boot_);
  }

  // Takes back the refusals that BILL disproved since the start. Call it after RestoreAttempt().
  void ForgiveDisproved() {
    for (const auto& [slot, candidate] : state_->accepted_before_restore) {
      state_->rules.scope_failures.Forgive(candidate);
    }
  }

  void RestoreSuspension(const StoredSuspension& suspension) {
    const absl::Duration until =
        same_boot_
            ? suspension.until.since_boot
            : clock_.SinceBoot() + std::min(suspension.until.wall - clock_.Now(), absl::Hours(1));
    if (until > clock_.SinceBoot()) {
      state_->rules.budget.Suspend(suspension.dev_key, until);
      if (suspension.checks) state_->rules.budget.SuspendChecks(suspension.dev_key, until);
      return;
    }
    if (state_->rules.budget.SuspendedUntil(suspension.dev_key) > clock_.SinceBoot()) return;
    state_->journal.WriteSoon(SuspensionEnded{suspension.dev_key});
  }

  // Restores the quarantines that BILL did not disprove since the start.
  void RestoreQuarantines(std::vector<StoredQuarantine> stored) {
    QuarantineRule old(shared_.options.lockout_cooldown);
    for (const StoredQuarantine& quarantine : stored) old.Restore(quarantine);
    absl::flat_hash_set<std::string> disproved;
    for (const auto& [slot, candidate] : state_->accepted_before_restore) {
      for (std::string& scope : old.Lift(candidate)) disproved.insert(std::move(scope));
    }
    for (StoredQuarantine& quarantine : stored) {
      if (disproved.contains(quarantine.scope)) {
        state_->journal.WriteSoon(QuarantineLifted{std::move(quarantine.scope)});
      } else {
        RestoreQuarantine(std::move(quarantine));
      }
    }
  }

  // Replaces the failures that were counted from the audit log by the ones of the store, which has
  // their secrets. Failures stay that the store lacks: the process could not write to it.
  void ReplaceAuditFailures(const std::vector<StoredAttempt>& stored) {
    state_->rules.failures.ForgetUnknownSecrets();
    for (StoredAttempt& logged : std::exchange(state_->failed_in_audit, {})) {
      const bool known = std::any_of(
          stored.begin(), stored.end(),
          [&logged](const StoredAttempt& attempt) { return IsSameSignIn(attempt, logged); });
      if (known) continue;
      state_->rules.failures.Restore(logged.user, ToPastFailure(logged));
      state_->journal.RestoreAttempt(std::move(logged), /*changed=*/true);
    }
  }

 private:
  void RestoreOutcome(const StoredAttempt& attempt) {
    const SignInCandidate candidate = ToCandidate(attempt);
    const absl::Duration ended = attempt.ended->since_boot;
    if (attempt.ending == SignInEnding::kAccepted) {
      state_->history.RestoreAccepted(candidate, ended);
      state_->rules.scope_failures.Forgive(candidate);
      state_->rules.failures.ForgiveNarrow(candidate.user, ended);
    } else {
      state_->rules.scope_failures.Restore(candidate, attempt.failed_scope, ended);
    }
  }

  void RestoreQuarantine(StoredQuarantine stored) {
    QuarantineEntry& entry = stored.entry;
    if (entry.until.has_value() && !same_boot_) {
      const absl::Duration left =
          std::min(*entry.until - clock_.Now(), shared_.options.lockout_cooldown);
      entry.lapses = clock_.SinceBoot() + left;
      state_->journal.WriteSoon(stored);
    }
    state_->rules.quarantined.Restore(std::move(stored));
  }

  SharedSessions& shared_;
  const Clock& clock_;
  LockedSessions& state_;
  const bool same_boot_;
};

}  // namespace

void RestoreSessions(SharedSessions& shared, LockedSessions& state, SlotOperations& slots,
                     SignInDispatcher& dispatcher, StoreContents contents) {
  absl::flat_hash_map<std::string, CredentialInfoPtr> credentials;
  for (CredentialInfoPtr& info : shared.parts.credentials.List()) {
    std::string uid = info->uid;
    credentials.emplace(std::move(uid), std::move(info));
  }
  Restorer restorer(shared, state, contents.same_boot);
  restorer.ReplaceAuditFailures(contents.attempts);
  for (const StoredAcceptedSecret& accepted : contents.accepted_secrets) {
    state->rules.failures.RestoreAccepted(accepted.user, accepted.secret_id);
  }
  std::sort(contents.attempts.begin(), contents.attempts.end(),
            [](const StoredAttempt& a, const StoredAttempt& b) {
              return a.started.wall < b.started.wall;
            });
  for (StoredAttempt& attempt : contents.attempts) restorer.RestoreAttempt(std::move(attempt));
  restorer.ForgiveDisproved();
  for (const StoredSuspension& suspension : contents.suspensions) {
    restorer.RestoreSuspension(suspension);
  }
  restorer.RestoreQuarantines(std::move(contents.quarantines));
  std::sort(contents.slots.begin(), contents.slots.end(),
            [](const StoredSlot& a, const StoredSlot& b) { return a.place < b.place; });
  SlotRestorer slot_restorer(shared, state, slots, dispatcher, contents.same_boot);
  state->unclaimed.same_boot = contents.same_boot;
  state->unclaimed.since = shared.now();
  for (StoredSlot& stored : contents.slots) {
    const auto credential = credentials.find(stored.credential_uid);
    const auto removed =
        state->removed_before_restore.find(SlotId{stored.credential_uid, stored.organization_id});
    if (credential != credentials.end()) {
      slot_restorer.Restore(stored, credential->second);
    } else if (removed != state->removed_before_restore.end()) {
      slot_restorer.ForgetRemoved(stored, *removed->second);
    } else {
      std::string organization_id = stored.organization_id;
      auto& rows = state->unclaimed.rows[stored.credential_uid];
      rows.emplace(std::move(organization_id), std::move(stored));
    }
  }
  PublishMissing(shared, state);
  state->accepted_before_restore.clear();
  state->removed_before_restore.clear();
}

void CountPastSignIns(SharedSessions& shared, LockedSessions& state,
                      const std::vector<PastSignIn>& past) {
  state->counted_from_audit = true;
  const Clock& clock = shared.parts.clock;
  for (const PastSignIn& sign_in : past) {
    const absl::StatusOr<CredentialInfoPtr> info = shared.parts.credentials.Get(sign_in.credential);
    if (!info.ok()) continue;  // deleted: its user signs in no more
    const absl::Duration ended = ToSinceBoot({sign_in.time, {}}, false, clock);
    const DevKeyBudgetId dev_key = {(*info)->environment, sign_in.dev_key_id};
    state->rules.budget.Restore(dev_key, ended);
    state->rules.shares.Restore(dev_key, sign_in.principal, ended);
    if (!MayHaveFailed(sign_in)) continue;
    StoredAttempt failed;
    failed.id = absl::StrCat(shared.parts.random.Uid(), "-", state->failed_in_audit.size());
    failed.slot = {(*info)->uid, sign_in.organization_id};
    failed.principal = sign_in.principal;
    failed.dev_key = dev_key;
    failed.user = ToUserId(**info, sign_in.organization_id);
    failed.started = {sign_in.time, ended};
    failed.ended = failed.started;
    failed.ending = SignInEnding::kFailed;
    state->rules.failures.Restore(failed.user, ToPastFailure(failed));
    state->failed_in_audit.push_back(std::move(failed));
  }
}

}  // namespace billbroker
