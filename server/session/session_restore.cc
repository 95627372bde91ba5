#include "server/session/session_restore.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace billbroker {
namespace {

// Returns `moment` on this boot's clock, never in the future. After another boot a wall clock that
// was set back makes it unknown: then it counts as just now.
absl::Duration ToSinceBoot(const Moment& moment, bool same_boot, const Clock& clock) {
  const absl::Duration now = clock.SinceBoot();
  if (same_boot) return std::min(moment.since_boot, now);
  return now - std::max(clock.Now() - moment.wall, absl::ZeroDuration());
}

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

// Returns true unless BILL accepted the sign-in, or certainly did not judge it. The log does not
// have the whole answer, so a failure counts in doubt.
bool MayHaveFailed(const PastSignIn& sign_in) {
  if (sign_in.outcome == PastSignIn::Outcome::kAccepted) return false;
  const absl::optional<Reason> reason = ReasonNamed(sign_in.reason);
  return reason != Reason::kBillRateLimited && reason != Reason::kAuditUnavailable &&
         reason != Reason::kVaultLocked && reason != Reason::kVaultUnreachable;
}

class Restorer final {
 public:
  Restorer(SharedSessions& shared, LockedSessions& state, SlotOperations& slots,
           SignInDispatcher& dispatcher, bool same_boot)
      : shared_(shared),
        clock_(shared.parts.clock),
        state_(state),
        slots_(slots),
        dispatcher_(dispatcher),
        same_boot_(same_boot) {}

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
    rules.slot_cap.Restore(attempt.slot, ToSinceBoot(attempt.started, same_boot_, clock_));
    const UserFailure failure = ToUserFailure(attempt.ending);
    if (failure != UserFailure::kNone) {
      rules.failures.Restore(attempt.user, {attempt.secret_id, attempt.on_trial, failure, ended});
    }
    state_->journal.RestoreAttempt(std::move(attempt), cut_off || !same_boot_);
  }

  void RestoreSuspension(const StoredSuspension& suspension) {
    const absl::Duration until =
        same_boot_
            ? suspension.until.since_boot
            : clock_.SinceBoot() + std::min(suspension.until.wall - clock_.Now(), absl::Hours(1));
    if (until > clock_.SinceBoot()) return state_->rules.budget.Suspend(suspension.dev_key, until);
    state_->journal.WriteSoon(SuspensionEnded{suspension.dev_key});
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

  void RestoreSlot(const StoredSlot& stored, const CredentialInfoPtr& credential) {
    const bool used = state_->slots.Find({credential->uid, stored.organization_id}) != nullptr;
    SessionSlot& slot = state_->slots.FindOrCreate(credential, stored.organization_id);
    slot.session.RestoreGeneration(stored.generation);
    const bool served = slot.session.IsLive(shared_.now());  // since ServeWithoutStore()
    slot.signed_out = slot.signed_out || (stored.logged_out && !served);
    slot.accepted_dev_key_id = stored.accepted_dev_key_id;
    slot.in_doubt = stored.in_doubt;
    if (!stored.accepted_dev_key_id.empty()) {
      state_->history.RestoreDevKey({credential->environment, stored.accepted_dev_key_id});
    }
    if (stored.place > 0) RestorePlace(slot, stored.place);
    if (stored.session == nullptr || served) {
      // This process may have written the row already, with a lower generation.
      if (used) slots_.Save(state_, slot);
      return;
    }
    SessionPtr session = RestoreSession(*stored.session, *credential);
    const absl::Duration now = shared_.now();
    const bool signed_out = session->generation <= slot.ends_stored;
    slot.signed_out = slot.signed_out || signed_out;
    if (session->deadline <= now || signed_out || slot.IsRevoked(*session)) {
      // The process before did not get as far as ending a revoked one.
      if (session->deadline > now) slots_.Retire(session, absl::ZeroDuration());
      return slots_.Save(state_, slot);
    }
    if (slot.session.get() == nullptr) ++state_->held_sessions;
    // Only a session that this boot wrote, and nobody reported, is returned without a check.
    const bool serveable = same_boot_ && !stored.logged_out && !stored.in_doubt;
    slot.session.AdoptUnconfirmed(std::move(session), serveable);
    // A caller asked for it not long ago, or it would not be in the store.
    slot.last_demand = now;
    slots_.PlanKeepAlive(state_, slot);
    if (used || !same_boot_) slots_.Save(state_, slot);
  }

 private:
  // The callers of the process before are gone: the place is a claim.
  void RestorePlace(SessionSlot& slot, std::uint64_t place) {
    SignInScheduler& scheduler = state_->rules.scheduler;
    const absl::Duration now = shared_.now();
    slot.place_stored = true;
    scheduler.Enqueue(slot.id, dispatcher_.MakeCandidate(state_, slot, SignInPurpose::kCaller), now,
                      place);
    scheduler.Promise(slot.id, scheduler.EstimateStart(slot.id, now).start);
    scheduler.StopWaiting(slot.id, now);
  }

  SessionPtr RestoreSession(const Session& stored, const CredentialInfo& credential) const {
    auto session = std::make_shared<Session>(stored);
    session->credential = credential.name;
    if (same_boot_) return session;
    session->signed_in = ToSinceBoot({session->sign_in_time, {}}, false, clock_);
    const absl::Duration left =
        std::min(session->expire_time - clock_.Now(), shared_.LimitsFor(credential).idle_window);
    session->deadline = clock_.SinceBoot() + left;
    return session;
  }

  SharedSessions& shared_;
  const Clock& clock_;
  LockedSessions& state_;
  SlotOperations& slots_;
  SignInDispatcher& dispatcher_;
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
  const bool all_known =
      shared.parts.credentials.complete() && shared.parts.credentials.invalid_documents().empty();
  state->rules.failures.ForgetUnknownSecrets();
  Restorer restorer(shared, state, slots, dispatcher, contents.same_boot);
  for (const StoredAcceptedSecret& accepted : contents.accepted_secrets) {
    state->rules.failures.RestoreAccepted(accepted.user, accepted.secret_id);
  }
  std::sort(contents.attempts.begin(), contents.attempts.end(),
            [](const StoredAttempt& a, const StoredAttempt& b) {
              return a.started.wall < b.started.wall;
            });
  for (StoredAttempt& attempt : contents.attempts) restorer.RestoreAttempt(std::move(attempt));
  for (const StoredSuspension& suspension : contents.suspensions) {
    restorer.RestoreSuspension(suspension);
  }
  for (StoredQuarantine& stored : contents.quarantines) {
    restorer.RestoreQuarantine(std::move(stored));
  }
  std::sort(contents.slots.begin(), contents.slots.end(),
            [](const StoredSlot& a, const StoredSlot& b) { return a.place < b.place; });
  for (const StoredSlot& stored : contents.slots) {
    const auto credential = credentials.find(stored.credential_uid);
    if (credential != credentials.end() &&
        credential->second->organizations.contains(stored.organization_id)) {
      restorer.RestoreSlot(stored, credential->second);
    } else if (all_known) {
      state->journal.ForgetSlot({stored.credential_uid, stored.organization_id});
    }
  }
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
    state->rules.failures.Restore(ToUserId(**info, sign_in.organization_id),
                                  {"", false, UserFailure::kFailed, ended});
  }
}

}  // namespace billbroker
