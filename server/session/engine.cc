#include "server/session/engine.h"

#include <algorithm>
#include <atomic>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/session/later.h"
#include "server/session/pair_errors.h"

namespace billbroker {
namespace {

constexpr absl::Duration kFreshCheck = absl::Seconds(1);
constexpr absl::Duration kTendAfterFailure = absl::Seconds(30);

// Several sign-outs. Shared by their answers and whoever begins them; the last one calls `done`.
struct SignOuts {
  explicit SignOuts(absl::AnyInvocable<void()> last) : done(std::move(last)) {}

  void OneLess() {
    if (--open == 0) done();
  }

  std::atomic<int> open{1};
  absl::AnyInvocable<void()> done;
};

Engine::LogoutDone OneOf(const std::shared_ptr<SignOuts>& all) {
  ++all->open;
  return [all](const absl::StatusOr<bool>&) { all->OneLess(); };
}

}  // namespace

Engine::Engine(EngineOptions options, Parts parts)
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

Engine::~Engine() { parts_.directory.SetObserver(nullptr); }

absl::StatusOr<CredentialInfoPtr> Engine::FindFor(absl::string_view organization_id,
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

absl::optional<absl::StatusOr<SessionPtr>> Engine::GetAtOnce(absl::string_view organization_id,
                                                             absl::string_view credential,
                                                             const SessionDemand& demand) {
  const absl::StatusOr<CredentialInfoPtr> found = FindFor(organization_id, credential, demand);
  if (!found.ok()) return found.status();
  MutexLock lock(mutex_);
  Pair& pair = PairOf(*found, organization_id);
  NoteDemand(pair, !demand.cached_only);
  return FromMemory(pair, demand);
}

void Engine::GetSession(absl::string_view organization_id, absl::string_view credential,
                        const SessionDemand& demand, SessionDone done) {
  const absl::StatusOr<CredentialInfoPtr> found = FindFor(organization_id, credential, demand);
  if (!found.ok()) return done(found.status());
  absl::optional<absl::StatusOr<SessionPtr>> answer;
  {
    Later later;
    MutexLock lock(mutex_);
    Pair& pair = PairOf(*found, organization_id);
    NoteDemand(pair, !demand.cached_only);
    answer = FromMemory(pair, demand);
    if (!answer.has_value()) return Wait(pair, {demand, false, std::move(done), {}}, later);
  }
  done(*std::move(answer));
}

void Engine::Login(absl::string_view organization_id, absl::string_view credential,
                   const LoginDemand& demand, LoginDone done) {
  const absl::StatusOr<CredentialInfoPtr> found =
      parts_.directory.Find(organization_id, credential);
  if (!found.ok()) return done(found.status());
  SessionPtr live;
  {
    Later later;
    MutexLock lock(mutex_);
    Pair& pair = PairOf(*found, organization_id);
    NoteDemand(pair, true);
    if (!demand.force && IsLive(pair) && !IsInDoubt(pair)) live = pair.session;
    if (live == nullptr) {
      const std::uint64_t before = pair.session == nullptr ? 0 : pair.session->first_generation;
      SessionDemand session_demand;
      session_demand.patience = demand.patience;
      session_demand.principal = demand.principal;
      session_demand.cause = demand.cause;
      return Wait(pair,
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

void Engine::Logout(absl::string_view organization_id, absl::string_view credential,
                    std::uint64_t if_generation, LogoutDone done) {
  const absl::StatusOr<CredentialInfoPtr> found =
      parts_.directory.Find(organization_id, credential);
  if (!found.ok()) return done(found.status());
  Later later;
  MutexLock lock(mutex_);
  Pair* pair = FindPair(PairKey((*found)->uid, organization_id).text());
  // A session of which BILL has not confirmed the end is ended again.
  const SessionPtr ends = pair == nullptr ? nullptr : IsLive(*pair) ? pair->session : pair->ending;
  const bool meant = if_generation == 0 || (ends != nullptr && if_generation == ends->generation);
  if (pair != nullptr && meant) StayLoggedOut(*pair, later);
  if (ends == nullptr || !meant) {
    later.Add([done = std::move(done)]() mutable { done(false); });
    return;
  }
  SignOut(*pair, ends, std::move(done), later);
}

void Engine::StayLoggedOut(Pair& pair, Later& later) {
  pair.logged_out = true;
  const bool nobody_waits = pair.waiters.empty();
  if (pair.activity == Pair::Activity::kQueued && nobody_waits) {
    governor_.Withdraw(pair.key);
    pair.activity = Pair::Activity::kIdle;
    Changed(pair, later);
  }
  Save(pair);
}

void Engine::NoteDemand(Pair& pair, bool may_sign_in) {
  pair.asked = parts_.clock.SinceBoot();
  if (may_sign_in) pair.logged_out = false;
}

void Engine::LogoutAll(absl::string_view uid, absl::AnyInvocable<void()> done) {
  const auto all = std::make_shared<SignOuts>(std::move(done));
  Later later;
  MutexLock lock(mutex_);
  for (auto& [key, partner] : partners_) {
    if (partner->pair.credential->uid == uid) partner->session = nullptr;
  }
  for (auto& [key, pair] : pairs_) {
    if (pair->credential->uid != uid || !IsLive(*pair)) continue;
    SignOutUnasked(*pair, pair->session, OneOf(all), later);
  }
  later.Add([all] { all->OneLess(); });
}

void Engine::LogoutOf(absl::string_view uid, const std::set<std::string>& organization_ids,
                      absl::AnyInvocable<void()> done) {
  const auto all = std::make_shared<SignOuts>(std::move(done));
  Later later;
  MutexLock lock(mutex_);
  for (const std::string& organization_id : organization_ids) {
    Pair* pair = FindPair(PairKey(uid, organization_id).text());
    if (pair == nullptr) continue;
    const SessionPtr ends = IsLive(*pair) ? pair->session : pair->ending;
    StayLoggedOut(*pair, later);
    if (ends != nullptr) SignOutUnasked(*pair, ends, OneOf(all), later);
  }
  later.Add([all] { all->OneLess(); });
}

Pair& Engine::PairOf(const CredentialInfoPtr& credential, absl::string_view organization_id) {
  const PairKey key(credential->uid, organization_id);
  Pair* pair = FindPair(key.text());
  if (pair == nullptr) {
    auto made = std::make_unique<Pair>();
    made->key = std::string(key.text());
    made->organization_id = std::string(organization_id);
    made->credential = credential;
    pair = made.get();
    pairs_.emplace(pair->key, std::move(made));
  }
  if (pair->credential->version < credential->version) pair->credential = credential;
  return *pair;
}

Pair* Engine::FindPair(absl::string_view key) {
  const auto found = pairs_.find(key);
  return found == pairs_.end() ? nullptr : found->second.get();
}

bool Engine::IsLive(const Pair& pair) const {
  return pair.session != nullptr && parts_.clock.SinceBoot() < pair.session->deadline;
}

bool Engine::IsInDoubt(const Pair& pair) const {
  return !pair.confirmed || pair.session->expire_time <= parts_.clock.Now();
}

bool Engine::IsVoid(const Pair& pair, const Session& session) {
  return session.version < pair.credential->sessions_ended_version;
}

bool Engine::IsReportedDead(const Pair& pair, const SessionDemand& demand) const {
  // One that BILL confirmed a moment ago is not asked about again: that is no news.
  return demand.stale_generation != 0 &&
         demand.stale_generation >= pair.session->first_generation &&
         pair.checked + kFreshCheck <= parts_.clock.SinceBoot();
}

absl::optional<absl::StatusOr<SessionPtr>> Engine::FromMemory(const Pair& pair,
                                                              const SessionDemand& demand) const {
  if (!IsLive(pair)) {
    if (demand.cached_only) return NoLiveSession(pair);
    return absl::nullopt;
  }
  const Session& session = *pair.session;
  const bool too_short = session.deadline - parts_.clock.SinceBoot() < demand.min_remaining;
  if (too_short || IsInDoubt(pair) || IsReportedDead(pair, demand)) return absl::nullopt;
  if (demand.require_trusted && !session.trusted) return MfaRequired(pair);
  return pair.session;
}

void Engine::Wait(Pair& pair, Waiter waiter, Later& later) {
  const absl::Duration now = parts_.clock.SinceBoot();
  const bool sign_in = waiter.wants_new_sign_in || !IsLive(pair);
  const bool idle = pair.activity == Pair::Activity::kIdle;
  if (idle && !sign_in && IsReportedDead(pair, waiter.demand) &&
      !stale_reports_.Take(waiter.demand.principal, now)) {
    later.Add([done = std::move(waiter.done),
               error = TooManyReports(
                   pair, stale_reports_.RetryAfter(waiter.demand.principal, now))]() mutable {
      done(error);
    });
    return;
  }
  waiter.gives_up = now + waiter.demand.patience;
  pair.waiters.push_back(std::move(waiter));
  if (pair.activity == Pair::Activity::kQueued || (idle && sign_in)) {
    return StartSignIn(pair, Priority::kCaller, later);
  }
  if (idle) StartCheck(pair, later);
}

void Engine::AnswerWaiters(Pair& pair, bool just_signed_in, Later& later) {
  std::vector<Waiter> unsatisfied;
  for (Waiter& waiter : std::exchange(pair.waiters, {})) {
    const bool too_short =
        pair.session->deadline - parts_.clock.SinceBoot() < waiter.demand.min_remaining;
    if (!just_signed_in && (waiter.wants_new_sign_in || too_short)) {
      unsatisfied.push_back(std::move(waiter));
      continue;
    }
    absl::StatusOr<SessionPtr> answer = pair.session;
    if (waiter.demand.require_trusted && !pair.session->trusted) answer = MfaRequired(pair);
    later.Add([done = std::move(waiter.done), answer = std::move(answer)]() mutable {
      done(std::move(answer));
    });
  }
  pair.waiters = std::move(unsatisfied);
  if (!pair.waiters.empty()) StartSignIn(pair, Priority::kCaller, later);
}

void Engine::FailWaiters(Pair& pair, const absl::Status& error, Later& later) {
  if (pair.activity == Pair::Activity::kQueued) governor_.Withdraw(pair.key);
  if (pair.place_stored) Save(pair);
  pair.activity = Pair::Activity::kIdle;
  for (Waiter& waiter : std::exchange(pair.waiters, {})) {
    later.Add([done = std::move(waiter.done), error]() mutable { done(error); });
  }
  Changed(pair, later);
  if (pair.removed) return Erase(pair);
  TendAt(pair, std::min(pair.tend_at, parts_.clock.SinceBoot() + kTendAfterFailure));
}

void Engine::Forget(Pair& pair, absl::string_view why, Later& later) {
  if (pair.session == nullptr) return;
  later.Add([this, session = std::move(pair.session), why = std::string(why)] {
    parts_.observer.SessionEnded(session->credential, session->organization_id, session->generation,
                                 why);
  });
  pair.session = nullptr;
  pair.confirmed = true;
  Save(pair);
  Changed(pair, later);
}

void Engine::Changed(const Pair& pair, Later& later) {
  if (watcher_ == nullptr) return;
  later.Add([this, organization_id = pair.organization_id] {
    watcher_->SessionChanged(organization_id);
  });
}

void Engine::SignOut(Pair& pair, SessionPtr session, LogoutDone done, Later& later) {
  if (pair.session == session) Forget(pair, "logged out", later);
  pair.ending = session;
  TendAt(pair, std::min(pair.tend_at, session->deadline));
  later.Add([this, key = pair.key, session = std::move(session), done = std::move(done)]() mutable {
    SessionKeys keys = session->keys;
    parts_.bill.SignOut(std::move(keys),
                        [this, key, session = std::move(session),
                         done = std::move(done)](const BillResult<SignedOut>& result) mutable {
                          OnSignedOut(key, session, result, std::move(done));
                        });
  });
}

void Engine::SignOutUnasked(Pair& pair, const SessionPtr& session, LogoutDone done, Later& later) {
  later.Add([this, session] { parts_.observer.LogOutStarts(*session); });
  SignOut(
      pair, session,
      [this, session, done = std::move(done)](const absl::StatusOr<bool>& ended) mutable {
        parts_.observer.LogOutEnded(*session, ended.status());
        done(ended);
      },
      later);
}

void Engine::SignOutUnasked(Pair& pair, const SessionPtr& session, Later& later) {
  SignOutUnasked(
      pair, session, [](const absl::StatusOr<bool>&) {}, later);
}

void Engine::OnSignedOut(const Key& key, const SessionPtr& session,
                         const BillResult<SignedOut>& result, LogoutDone done) {
  if (result.ok()) {
    {
      MutexLock lock(mutex_);
      Pair* pair = FindPair(key);
      if (pair != nullptr && pair->ending == session) pair->ending = nullptr;
    }
    return done(true);
  }
  done(NotSignedOut(*session, result.error()));
}

absl::Status Engine::NotSignedOut(const Session& session, const BillError& error) const {
  return MakeError(
      {Reason::kBillUnavailable,
       error.retry_after.value_or(options_.first_backoff),
       {{"organization_id", session.organization_id}, {"credential", session.credential}}},
      absl::StrCat("the session is handed out no more, but BILL has not confirmed its end (",
                   error.detail, "); log out again, or it idles out"));
}

}  // namespace billbroker
