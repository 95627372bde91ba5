#include "server/session/slot_operations.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <list>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/session/rules/retry_time.h"
#include "server/session/slot_errors.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

// How soon maintenance looks at a slot after a failure, or at a session that is to be replaced.
constexpr absl::Duration kLookAgain = absl::Seconds(30);

}  // namespace

void SlotOperations::NotifyWatcher(LockedSessions& state, const SessionSlot& slot) {
  if (shared_.watcher == nullptr) return;
  state.Defer([watcher = shared_.watcher, organization_id = slot.organization_id()] {
    watcher->SessionChanged(organization_id);
  });
}

void SlotOperations::Save(LockedSessions& state, SessionSlot& slot) {
  const SignInQueue::Entry* entry = state->rules.scheduler.queue().Find(slot.id);
  state->journal.SaveSlot(slot, entry == nullptr ? 0 : entry->order.second);
}

void SlotOperations::NoteDemand(SessionSlot& slot, absl::Duration now, bool may_sign_in) {
  slot.last_demand = now;
  if (may_sign_in) slot.signed_out = false;
}

void SlotOperations::AnswerWaiters(LockedSessions& state, SessionSlot& slot, bool new_session) {
  if (slot.session.FollowWallClock(shared_.now(), shared_.parts.clock.Now())) Save(state, slot);
  const SessionPtr session = slot.session.get();
  const absl::Duration left = session->deadline - shared_.now();
  std::list<Waiter> satisfied =
      new_session ? slot.waiters.TakeAll() : slot.waiters.TakeIf([left](const Waiter& waiter) {
        return waiter.force == SignInForce::kNone && left >= waiter.demand.min_remaining;
      });
  Answer(state, slot, std::move(satisfied));
  if (!slot.waiters.empty()) state->WantSignIn(slot, SignInPurpose::kCaller);
}

void SlotOperations::AnswerUnaffected(LockedSessions& state, SessionSlot& slot) {
  const SessionPtr session = slot.session.get();
  const absl::Duration left = session->deadline - shared_.now();
  Answer(state, slot, slot.waiters.TakeIf([&session, left](const Waiter& waiter) {
    return waiter.force == SignInForce::kNone && left >= waiter.demand.min_remaining &&
           waiter.demand.stale_generation < session->first_generation;
  }));
}

void SlotOperations::Answer(LockedSessions& state, const SessionSlot& slot,
                            std::list<Waiter> satisfied) {
  const SessionPtr& session = slot.session.get();
  for (Waiter& waiter : satisfied) {
    absl::StatusOr<SessionPtr> answer = session;
    if (waiter.demand.require_trusted && !session->trusted) answer = MfaRequired(slot);
    state.Defer([done = std::move(waiter.done), answer = std::move(answer)]() mutable {
      done(std::move(answer));
    });
  }
}

void SlotOperations::FailWaiters(LockedSessions& state, SessionSlot& slot,
                                 const absl::Status& error) {
  state->rules.scheduler.Withdraw(slot.id, shared_.now());
  if (slot.place_stored) Save(state, slot);
  slot.activity = SessionSlot::Activity::kIdle;
  for (Waiter& waiter : slot.waiters.TakeAll()) {
    state.Defer([done = std::move(waiter.done), error]() mutable { done(error); });
  }
  NotifyWatcher(state, slot);
  if (slot.removed) return state->removable.push_back(slot.id);
  state->slots.ScheduleMaintenance(slot,
                                   std::min(slot.next_maintenance, shared_.now() + kLookAgain));
}

void SlotOperations::FailQueued(LockedSessions& state, SessionSlot& slot,
                                const absl::Status& error) {
  if (slot.activity == SessionSlot::Activity::kQueued) return FailWaiters(state, slot, error);
  state->rules.scheduler.Withdraw(slot.id, shared_.now());
  if (slot.place_stored) Save(state, slot);
}

void SlotOperations::Install(LockedSessions& state, SessionSlot& slot, SessionPtr session) {
  const SessionPtr held = slot.session.IsLive(shared_.now()) ? slot.session.get() : nullptr;
  if (held != nullptr && held->generation > session->generation) {
    // A sign-in and a probe of different devKeys may be under way together, and end in any order.
    Retire(session, absl::ZeroDuration());
  } else {
    if (held != nullptr &&
        (held->dev_key_id != session->dev_key_id || held->user_id != session->user_id)) {
      Retire(held, shared_.options.replaced_grace);
    }
    if (slot.session.get() == nullptr) ++state->held_sessions;
    slot.session.Adopt(slot.session.Renumber(std::move(session), shared_.parts.clock.Now()));
    slot.signed_out = false;
    slot.in_doubt = false;
    PlanKeepAlive(state, slot);
    Save(state, slot);
    NotifyWatcher(state, slot);
  }
  // Otherwise the end of the check or sign-in under way answers the callers.
  if (slot.activity == SessionSlot::Activity::kIdle) AnswerWaiters(state, slot, true);
}

void SlotOperations::Forget(LockedSessions& state, SessionSlot& slot, absl::string_view why) {
  const SessionPtr session = slot.session.Take();
  if (session == nullptr) return;
  --state->held_sessions;
  slot.in_doubt = false;
  state.Defer([this, session, why = std::string(why)] {
    shared_.parts.observer.SessionEnded(session->credential, session->organization_id,
                                        session->generation, why);
  });
  Save(state, slot);
  NotifyWatcher(state, slot);
}

void SlotOperations::PlanKeepAlive(LockedSessions& state, SessionSlot& slot) {
  const absl::Duration now = shared_.now();
  slot.next_keep_alive =
      now + (slot.session.get()->deadline - now) * (0.75 + 0.15 * shared_.parts.random.Uniform());
  state->slots.ScheduleMaintenance(slot, slot.IsOutdated()
                                             ? std::min(slot.next_keep_alive, now + kLookAgain)
                                             : slot.next_keep_alive);
}

void SlotOperations::SignOut(LockedSessions& state, SessionSlot& slot, SessionPtr session,
                             SignOutDone done) {
  if (slot.session.get() == session) Forget(state, slot, "logged out");
  slot.signing_out = session;
  state->slots.ScheduleMaintenance(slot, std::min(slot.next_maintenance, session->deadline));
  state.Defer([this, id = slot.id, session = std::move(session), done = std::move(done)]() mutable {
    SessionKeys keys = session->keys;
    shared_.parts.bill.SignOut(
        std::move(keys), [this, id, session = std::move(session),
                          done = std::move(done)](const BillResult<SignedOut>& result) mutable {
          OnSignedOut(id, session, result, std::move(done));
        });
  });
}

void SlotOperations::SignOutUnasked(LockedSessions& state, SessionSlot& slot,
                                    const SessionPtr& session, SignOutDone done) {
  state.Defer([this, session] { shared_.parts.observer.LogOutStarts(*session); });
  SignOut(state, slot, session,
          [this, session, done = std::move(done)](const absl::StatusOr<bool>& ended) mutable {
            shared_.parts.observer.LogOutEnded(*session, ended.status());
            done(ended);
          });
}

void SlotOperations::StaySignedOut(LockedSessions& state, SessionSlot& slot) {
  slot.signed_out = true;
  if (!state->store_read) slot.ends_stored = std::numeric_limits<std::uint64_t>::max();
  SignInScheduler& scheduler = state->rules.scheduler;
  if (slot.waiters.empty() && scheduler.queue().Find(slot.id) != nullptr) {
    scheduler.Withdraw(slot.id, shared_.now());
    if (slot.activity == SessionSlot::Activity::kQueued) {
      slot.activity = SessionSlot::Activity::kIdle;
    }
    NotifyWatcher(state, slot);
  }
  Save(state, slot);
}

void SlotOperations::Retire(const SessionPtr& session, absl::Duration grace) {
  shared_.parts.executor.RunAfter(grace, [this, session] {
    shared_.parts.observer.LogOutStarts(*session);
    shared_.parts.bill.SignOut(
        SessionKeys(session->keys), [this, session](const BillResult<SignedOut>& result) {
          shared_.parts.observer.LogOutEnded(
              *session, result.ok() ? absl::OkStatus() : NotSignedOut(*session, result.error()));
        });
  });
}

void SlotOperations::OnSignedOut(const SlotId& id, const SessionPtr& session,
                                 const BillResult<SignedOut>& result, SignOutDone done) {
  if (!result.ok()) return done(NotSignedOut(*session, result.error()));
  {
    LockedSessions state(shared_);
    SessionSlot* slot = state->slots.Find(id.view());
    if (slot != nullptr && slot->signing_out == session) slot->signing_out = nullptr;
  }
  done(true);
}

absl::Status SlotOperations::NotSignedOut(const Session& session, const BillError& error) const {
  const absl::Duration now = shared_.now();
  return MakeError(
      {Reason::kBillUnavailable,
       RetryAfter(now + error.retry_after.value_or(shared_.options.first_backoff), now,
                  shared_.parts.random),
       {{"organization_id", session.organization_id}, {"credential", session.credential}}},
      absl::StrCat("the session is no longer returned to callers, but BILL has not confirmed its "
                   "end (",
                   error.detail, "); log out again, or it idles out"));
}

}  // namespace billbroker
