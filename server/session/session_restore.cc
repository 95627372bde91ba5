#include "server/session/session_restore.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"

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

// Longer than BILL keeps an idle session.
constexpr absl::Duration kUnclaimedTime = absl::Hours(1);

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

  // Restores the slot, unless the organization was detached from its credential.
  void RestoreSlot(const StoredSlot& stored, const CredentialInfoPtr& credential) {
    if (!credential->organizations.contains(stored.organization_id)) {
      return ForgetRemoved(stored, *credential);
    }
    const bool used = state_->slots.Find({credential->uid, stored.organization_id}) != nullptr;
    SessionSlot& slot = state_->slots.FindOrCreate(credential, stored.organization_id);
    slot.session.RestoreGeneration(stored.generation);
    const bool served = slot.session.IsLive(shared_.now());  // since ServeWithoutStore()
    slot.signed_out = slot.signed_out || (stored.logged_out && !served);
    if (!served) slot.in_doubt = stored.in_doubt;
    if (!stored.accepted_dev_key_id.empty()) {
      state_->history.RestoreDevKey({credential->environment, stored.accepted_dev_key_id});
      if (slot.accepted_dev_key_id.empty()) slot.accepted_dev_key_id = stored.accepted_dev_key_id;
    }
    const bool idle = slot.activity == SessionSlot::Activity::kIdle;
    if (stored.place > 0 && idle && !served) RestorePlace(slot, stored.place);
    if (served) EndSession(stored, *credential);
    if (stored.session == nullptr || served) {
      // This process may have written the row already, with a lower generation.
      if (used) slots_.Save(state_, slot);
      return;
    }
    SessionPtr session = RestoreSession(*stored.session, *credential);
    const absl::Duration now = shared_.now();
    const bool signed_out = session->generation <= slot.ends_stored;
    const bool removed = state_->removed_before_restore.contains(slot.id);  // and is back
    slot.signed_out = slot.signed_out || signed_out;
    if (session->deadline <= now || signed_out || removed || slot.IsRevoked(*session)) {
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

  // Forgets a row whose organization was detached, or whose credential was deleted.
  void ForgetRemoved(const StoredSlot& stored, const CredentialInfo& credential) {
    EndSession(stored, credential);
    state_->journal.ForgetSlot({stored.credential_uid, stored.organization_id});
  }

 private:
  // Ends the session of a row at BILL: its slot got a newer one since the start, or was removed.
  void EndSession(const StoredSlot& stored, const CredentialInfo& credential) {
    if (stored.session == nullptr) return;
    const SessionPtr session = RestoreSession(*stored.session, credential);
    if (session->deadline > shared_.now()) slots_.Retire(session, absl::ZeroDuration());
  }

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
  Restorer restorer(shared, state, slots, dispatcher, contents.same_boot);
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
  for (StoredSlot& stored : contents.slots) {
    const SlotId id = {stored.credential_uid, stored.organization_id};
    const auto credential = credentials.find(stored.credential_uid);
    const auto removed = state->removed_before_restore.find(id);
    if (credential != credentials.end()) {
      restorer.RestoreSlot(stored, credential->second);
    } else if (removed != state->removed_before_restore.end()) {
      restorer.ForgetRemoved(stored, *removed->second);
    } else {
      state->unclaimed.slots[stored.credential_uid].push_back(std::move(stored));
    }
  }
  state->unclaimed.same_boot = contents.same_boot;
  state->unclaimed.forget_after = shared.now() + kUnclaimedTime;
  state->accepted_before_restore.clear();
  state->removed_before_restore.clear();
}

void RestoreUnclaimed(SharedSessions& shared, SlotOperations& slots, SignInDispatcher& dispatcher,
                      const CredentialInfoPtr& credential) {
  std::vector<StoredSlot> stored;
  {
    LockedSessions state(shared);
    auto unclaimed = state->unclaimed.slots.extract(credential->uid);
    if (unclaimed) stored = std::move(unclaimed.mapped());
  }
  for (std::size_t i = 0; i < stored.size();) {
    LockedSessions state(shared);
    // It may be changed or deleted between two holds of the lock.
    const absl::StatusOr<CredentialInfoPtr> current =
        shared.parts.credentials.Get(credential->name);
    const bool deleted = !current.ok() || (*current)->uid != credential->uid;
    Restorer restorer(shared, state, slots, dispatcher, state->unclaimed.same_boot);
    for (int visited = 0; visited < kSlotsPerHold && i < stored.size(); ++visited, ++i) {
      if (deleted) {
        restorer.ForgetRemoved(stored[i], *credential);
      } else {
        restorer.RestoreSlot(stored[i], *current);
      }
    }
  }
}

void ForgetUnclaimed(SharedSessions& shared, LockedSessions& state) {
  UnclaimedSlots& unclaimed = state->unclaimed;
  const CredentialIndex& credentials = shared.parts.credentials;
  if (unclaimed.slots.empty() || shared.now() < unclaimed.forget_after || !credentials.complete() ||
      !credentials.invalid_documents().empty()) {
    return;
  }
  for (const auto& [uid, stored] : unclaimed.slots) {
    for (const StoredSlot& slot : stored) state->journal.ForgetSlot({uid, slot.organization_id});
  }
  unclaimed.slots.clear();
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
