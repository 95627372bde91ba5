#include "server/session/session_manager.h"

#include <algorithm>
#include <atomic>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/session/later.h"
#include "server/session/slot_errors.h"

namespace billbroker {
namespace {

constexpr absl::Duration kFreshCheck = absl::Seconds(1);
constexpr absl::Duration kTendAfterFailure = absl::Seconds(30);

// Several sign-outs, shared by their answers and by the caller that starts them. The last answer
// calls `done`.
struct SignOuts {
  explicit SignOuts(absl::AnyInvocable<void()> last) : done(std::move(last)) {}

  void OneLess() {
    if (--open == 0) done();
  }

  std::atomic<int> open{1};
  absl::AnyInvocable<void()> done;
};

SessionManager::LogoutDone OneOf(const std::shared_ptr<SignOuts>& all) {
  ++all->open;
  return [all](const absl::StatusOr<bool>&) { all->OneLess(); };
}

}  // namespace

SessionManager::SessionManager(SessionManagerOptions options, Parts parts)
    : options_(std::move(options)),
      parts_(std::move(parts)),
      quarantine_(options_.lockout_cooldown),
      gate_(options_.max_failed_sign_ins_per_hour),
      governor_(options_.governor),
      // A tenth of each may come at once.
      keep_alive_calls_(options_.keep_alive_calls_per_hour * 0.9,
                        options_.keep_alive_calls_per_hour * 0.1),
      stale_reports_(options_.stale_reports_per_hour * 0.9, options_.stale_reports_per_hour * 0.1) {
  parts_.directory.SetObserver(this);
  Upkeep();
}

SessionManager::~SessionManager() { parts_.directory.SetObserver(nullptr); }

absl::StatusOr<CredentialInfoPtr> SessionManager::FindFor(absl::string_view organization_id,
                                                          absl::string_view credential,
                                                          const SessionDemand& demand) const {
  if (demand.min_remaining > options_.idle_window / 2) {
    return Malformed("min_remaining", absl::StrCat("must be at most ",
                                                   absl::FormatDuration(options_.idle_window / 2),
                                                   ", half of the idle window"));
  }
  if (demand.cached_only &&
      (demand.stale_generation != 0 || demand.min_remaining > absl::ZeroDuration())) {
    return Malformed("cached_only", "cannot be combined with stale_generation or min_remaining");
  }
  return parts_.directory.Find(organization_id, credential);
}

absl::optional<absl::StatusOr<SessionPtr>> SessionManager::GetAtOnce(
    absl::string_view organization_id, absl::string_view credential, const SessionDemand& demand) {
  const absl::StatusOr<CredentialInfoPtr> found = FindFor(organization_id, credential, demand);
  if (!found.ok()) return found.status();
  MutexLock lock(mutex_);
  SessionSlot& slot = SlotOf(*found, organization_id);
  NoteDemand(slot, !demand.cached_only);
  return FromMemory(slot, demand);
}

void SessionManager::GetSession(absl::string_view organization_id, absl::string_view credential,
                                const SessionDemand& demand, SessionDone done) {
  const absl::StatusOr<CredentialInfoPtr> found = FindFor(organization_id, credential, demand);
  if (!found.ok()) return done(found.status());
  absl::optional<absl::StatusOr<SessionPtr>> answer;
  {
    Later later;
    MutexLock lock(mutex_);
    SessionSlot& slot = SlotOf(*found, organization_id);
    NoteDemand(slot, !demand.cached_only);
    answer = FromMemory(slot, demand);
    if (!answer.has_value()) return Wait(slot, {demand, false, std::move(done), {}}, later);
  }
  done(*std::move(answer));
}

void SessionManager::Login(absl::string_view organization_id, absl::string_view credential,
                           const LoginDemand& demand, LoginDone done) {
  const absl::StatusOr<CredentialInfoPtr> found =
      parts_.directory.Find(organization_id, credential);
  if (!found.ok()) return done(found.status());
  SessionPtr live;
  {
    Later later;
    MutexLock lock(mutex_);
    SessionSlot& slot = SlotOf(*found, organization_id);
    NoteDemand(slot, true);
    if (!demand.force && IsLive(slot) && !IsInDoubt(slot)) live = slot.session;
    if (live == nullptr) {
      const std::uint64_t before = slot.session == nullptr ? 0 : slot.session->first_generation;
      SessionDemand session_demand;
      session_demand.patience = demand.patience;
      session_demand.principal = demand.principal;
      session_demand.cause = demand.cause;
      return Wait(slot,
                  {session_demand,
                   demand.force,
                   [done = std::move(done), before](absl::StatusOr<SessionPtr> session) mutable {
                     if (!session.ok()) return done(session.status());
                     const bool reused = (*session)->first_generation == before;
                     done(LoginOutcome{*std::move(session), reused});
                   },
                   {}},
                  later);
    }
  }
  done(LoginOutcome{std::move(live), true});
}

void SessionManager::Logout(absl::string_view organization_id, absl::string_view credential,
                            std::uint64_t if_generation, LogoutDone done) {
  const absl::StatusOr<CredentialInfoPtr> found =
      parts_.directory.Find(organization_id, credential);
  if (!found.ok()) return done(found.status());
  Later later;
  MutexLock lock(mutex_);
  SessionSlot* slot = FindSlot(SlotKey((*found)->uid, organization_id).text());
  // If BILL has not confirmed the end of a session, the session is ended again.
  const SessionPtr ends = slot == nullptr ? nullptr : IsLive(*slot) ? slot->session : slot->ending;
  const bool meant = if_generation == 0 || (ends != nullptr && if_generation == ends->generation);
  if (slot != nullptr && meant) StayLoggedOut(*slot, later);
  if (ends == nullptr || !meant) {
    later.Add([done = std::move(done)]() mutable { done(false); });
    return;
  }
  SignOut(*slot, ends, std::move(done), later);
}

void SessionManager::StayLoggedOut(SessionSlot& slot, Later& later) {
  slot.logged_out = true;
  const bool nobody_waits = slot.waiters.empty();
  if (slot.activity == SessionSlot::Activity::kQueued && nobody_waits) {
    governor_.Withdraw(slot.key);
    slot.activity = SessionSlot::Activity::kIdle;
    Changed(slot, later);
  }
  Save(slot);
}

void SessionManager::NoteDemand(SessionSlot& slot, bool may_sign_in) {
  slot.asked = parts_.clock.SinceBoot();
  if (may_sign_in) slot.logged_out = false;
}

void SessionManager::LogoutAll(absl::string_view uid, absl::AnyInvocable<void()> done) {
  const auto all = std::make_shared<SignOuts>(std::move(done));
  Later later;
  MutexLock lock(mutex_);
  for (auto& [key, partner] : partners_) {
    if (partner->slot.credential->uid == uid) partner->session = nullptr;
  }
  for (auto& [key, slot] : slots_) {
    if (slot->credential->uid != uid || !IsLive(*slot)) continue;
    SignOutUnasked(*slot, slot->session, OneOf(all), later);
  }
  later.Add([all] { all->OneLess(); });
}

void SessionManager::LogoutOf(absl::string_view uid, const std::set<std::string>& organization_ids,
                              absl::AnyInvocable<void()> done) {
  const auto all = std::make_shared<SignOuts>(std::move(done));
  Later later;
  MutexLock lock(mutex_);
  for (const std::string& organization_id : organization_ids) {
    SessionSlot* slot = FindSlot(SlotKey(uid, organization_id).text());
    if (slot == nullptr) continue;
    const SessionPtr ends = IsLive(*slot) ? slot->session : slot->ending;
    StayLoggedOut(*slot, later);
    if (ends != nullptr) SignOutUnasked(*slot, ends, OneOf(all), later);
  }
  later.Add([all] { all->OneLess(); });
}

SessionSlot& SessionManager::SlotOf(const CredentialInfoPtr& credential,
                                    absl::string_view organization_id) {
  const SlotKey key(credential->uid, organization_id);
  SessionSlot* slot = FindSlot(key.text());
  if (slot == nullptr) {
    auto made = std::make_unique<SessionSlot>();
    made->key = std::string(key.text());
    made->organization_id = std::string(organization_id);
    made->credential = credential;
    slot = made.get();
    slots_.emplace(slot->key, std::move(made));
  }
  if (slot->credential->version < credential->version) slot->credential = credential;
  return *slot;
}

SessionSlot* SessionManager::FindSlot(absl::string_view key) {
  const auto found = slots_.find(key);
  return found == slots_.end() ? nullptr : found->second.get();
}

bool SessionManager::IsLive(const SessionSlot& slot) const {
  return slot.session != nullptr && parts_.clock.SinceBoot() < slot.session->deadline;
}

bool SessionManager::IsInDoubt(const SessionSlot& slot) const {
  return !slot.confirmed || slot.session->expire_time <= parts_.clock.Now();
}

bool SessionManager::IsVoid(const SessionSlot& slot, const Session& session) {
  return session.version < slot.credential->sessions_ended_version;
}

bool SessionManager::IsReportedDead(const SessionSlot& slot, const SessionDemand& demand) const {
  // A session that BILL confirmed a moment ago is not checked again.
  return demand.stale_generation != 0 &&
         demand.stale_generation >= slot.session->first_generation &&
         slot.checked + kFreshCheck <= parts_.clock.SinceBoot();
}

absl::optional<absl::StatusOr<SessionPtr>> SessionManager::FromMemory(
    const SessionSlot& slot, const SessionDemand& demand) const {
  if (!IsLive(slot)) {
    if (demand.cached_only) return NoLiveSession(slot);
    return absl::nullopt;
  }
  const Session& session = *slot.session;
  const bool too_short = session.deadline - parts_.clock.SinceBoot() < demand.min_remaining;
  if (too_short || IsInDoubt(slot) || IsReportedDead(slot, demand)) return absl::nullopt;
  if (demand.require_trusted && !session.trusted) return MfaRequired(slot);
  return slot.session;
}

void SessionManager::Wait(SessionSlot& slot, Waiter waiter, Later& later) {
  const absl::Duration now = parts_.clock.SinceBoot();
  const bool sign_in = waiter.wants_new_sign_in || !IsLive(slot);
  const bool idle = slot.activity == SessionSlot::Activity::kIdle;
  if (idle && !sign_in && IsReportedDead(slot, waiter.demand) &&
      !stale_reports_.Take(waiter.demand.principal, now)) {
    later.Add([done = std::move(waiter.done),
               error = TooManyReports(
                   slot, stale_reports_.RetryAfter(waiter.demand.principal, now))]() mutable {
      done(error);
    });
    return;
  }
  waiter.gives_up = now + waiter.demand.patience;
  slot.waiters.push_back(std::move(waiter));
  if (slot.activity == SessionSlot::Activity::kQueued || (idle && sign_in)) {
    return StartSignIn(slot, Priority::kCaller, later);
  }
  if (idle) StartCheck(slot, later);
}

void SessionManager::AnswerWaiters(SessionSlot& slot, bool just_signed_in, Later& later) {
  std::vector<Waiter> unsatisfied;
  for (Waiter& waiter : std::exchange(slot.waiters, {})) {
    const bool too_short =
        slot.session->deadline - parts_.clock.SinceBoot() < waiter.demand.min_remaining;
    if (!just_signed_in && (waiter.wants_new_sign_in || too_short)) {
      unsatisfied.push_back(std::move(waiter));
      continue;
    }
    absl::StatusOr<SessionPtr> answer = slot.session;
    if (waiter.demand.require_trusted && !slot.session->trusted) answer = MfaRequired(slot);
    later.Add([done = std::move(waiter.done), answer = std::move(answer)]() mutable {
      done(std::move(answer));
    });
  }
  slot.waiters = std::move(unsatisfied);
  if (!slot.waiters.empty()) StartSignIn(slot, Priority::kCaller, later);
}

void SessionManager::FailWaiters(SessionSlot& slot, const absl::Status& error, Later& later) {
  if (slot.activity == SessionSlot::Activity::kQueued) governor_.Withdraw(slot.key);
  if (slot.place_stored) Save(slot);
  slot.activity = SessionSlot::Activity::kIdle;
  for (Waiter& waiter : std::exchange(slot.waiters, {})) {
    later.Add([done = std::move(waiter.done), error]() mutable { done(error); });
  }
  Changed(slot, later);
  if (slot.removed) return Erase(slot);
  TendAt(slot, std::min(slot.tend_at, parts_.clock.SinceBoot() + kTendAfterFailure));
}

void SessionManager::Forget(SessionSlot& slot, absl::string_view why, Later& later) {
  if (slot.session == nullptr) return;
  later.Add([this, session = std::move(slot.session), why = std::string(why)] {
    parts_.observer.SessionEnded(session->credential, session->organization_id, session->generation,
                                 why);
  });
  slot.session = nullptr;
  slot.confirmed = true;
  Save(slot);
  Changed(slot, later);
}

void SessionManager::Changed(const SessionSlot& slot, Later& later) {
  if (watcher_ == nullptr) return;
  later.Add([this, organization_id = slot.organization_id] {
    watcher_->SessionChanged(organization_id);
  });
}

void SessionManager::SignOut(SessionSlot& slot, SessionPtr session, LogoutDone done, Later& later) {
  if (slot.session == session) Forget(slot, "logged out", later);
  slot.ending = session;
  TendAt(slot, std::min(slot.tend_at, session->deadline));
  later.Add([this, key = slot.key, session = std::move(session), done = std::move(done)]() mutable {
    SessionKeys keys = session->keys;
    parts_.bill.SignOut(std::move(keys),
                        [this, key, session = std::move(session),
                         done = std::move(done)](const BillResult<SignedOut>& result) mutable {
                          OnSignedOut(key, session, result, std::move(done));
                        });
  });
}

void SessionManager::SignOutUnasked(SessionSlot& slot, const SessionPtr& session, LogoutDone done,
                                    Later& later) {
  later.Add([this, session] { parts_.observer.LogOutStarts(*session); });
  SignOut(
      slot, session,
      [this, session, done = std::move(done)](const absl::StatusOr<bool>& ended) mutable {
        parts_.observer.LogOutEnded(*session, ended.status());
        done(ended);
      },
      later);
}

void SessionManager::SignOutUnasked(SessionSlot& slot, const SessionPtr& session, Later& later) {
  SignOutUnasked(
      slot, session, [](const absl::StatusOr<bool>&) {}, later);
}

void SessionManager::OnSignedOut(const Key& key, const SessionPtr& session,
                                 const BillResult<SignedOut>& result, LogoutDone done) {
  if (result.ok()) {
    {
      MutexLock lock(mutex_);
      SessionSlot* slot = FindSlot(key);
      if (slot != nullptr && slot->ending == session) slot->ending = nullptr;
    }
    return done(true);
  }
  done(NotSignedOut(*session, result.error()));
}

absl::Status SessionManager::NotSignedOut(const Session& session, const BillError& error) const {
  return MakeError(
      {Reason::kBillUnavailable,
       error.retry_after.value_or(options_.first_backoff),
       {{"organization_id", session.organization_id}, {"credential", session.credential}}},
      absl::StrCat("the session is handed out no more, but BILL has not confirmed its end (",
                   error.detail, "); log out again, or it idles out"));
}

}  // namespace billbroker
