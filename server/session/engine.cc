#include "server/session/engine.h"

#include <algorithm>
#include <atomic>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/session/later.h"

namespace billbroker {
namespace {

constexpr absl::Duration kSweepInterval = absl::Minutes(1);
constexpr absl::Duration kFreshCheck = absl::Seconds(1);

absl::Status NoLiveSession(const Pair& pair) {
  return MakeError(
      {Reason::kNoLiveSession, absl::nullopt, {{"organization_id", pair.organization_id}}},
      absl::StrCat("no session of organization \"", pair.organization_id,
                   "\" is live; ask without cached_only to sign in"));
}

absl::Status MfaRequired(const Pair& pair) {
  return MakeError(
      {Reason::kMfaRequired,
       absl::nullopt,
       {{"organization_id", pair.organization_id}, {"credential", pair.credential->name}}},
      absl::StrCat("BILL does not hold the session of organization \"", pair.organization_id,
                   "\" for MFA-trusted; store the rememberMeId and device of a "
                   "trusted sign-in in credential \"",
                   pair.credential->name, "\""));
}

}  // namespace

Engine::Engine(EngineOptions options, Parts parts)
    : options_(options),
      parts_(std::move(parts)),
      quarantine_(options.lockout_cooldown),
      gate_(options.max_failed_sign_ins_per_hour) {
  parts_.directory.SetObserver(this);
  parts_.executor.RunAfter(kSweepInterval, [this] { Sweep(); });
}

Engine::~Engine() { parts_.directory.SetObserver(nullptr); }

void Engine::GetSession(absl::string_view organization_id, absl::string_view credential,
                        const SessionDemand& demand, SessionDone done) {
  if (demand.min_remaining > options_.idle_window / 2) {
    return done(
        Malformed("min_remaining",
                  absl::StrCat("must be at most ", absl::FormatDuration(options_.idle_window / 2),
                               ", half of the idle window")));
  }
  if (demand.cached_only &&
      (demand.stale_generation != 0 || demand.min_remaining > absl::ZeroDuration())) {
    return done(
        Malformed("cached_only", "cannot be combined with stale_generation or min_remaining"));
  }
  const absl::StatusOr<CredentialInfoPtr> found =
      parts_.directory.Find(organization_id, credential);
  if (!found.ok()) return done(found.status());
  const Key key = PairKeyOf((*found)->uid, organization_id);
  absl::optional<absl::StatusOr<SessionPtr>> answer;
  {
    Later later;
    MutexLock lock(mutex_);
    Pair& pair = PairOf(key, *found, organization_id);
    answer = FromMemory(pair, demand);
    if (!answer.has_value()) return Wait(key, pair, {demand, false, std::move(done)}, later);
  }
  done(*std::move(answer));
}

void Engine::Login(absl::string_view organization_id, absl::string_view credential, bool force,
                   LoginDone done) {
  const absl::StatusOr<CredentialInfoPtr> found =
      parts_.directory.Find(organization_id, credential);
  if (!found.ok()) return done(found.status());
  const Key key = PairKeyOf((*found)->uid, organization_id);
  SessionPtr live;
  {
    Later later;
    MutexLock lock(mutex_);
    Pair& pair = PairOf(key, *found, organization_id);
    if (!force && IsLive(pair)) live = pair.session;
    if (live == nullptr) {
      return Wait(key, pair,
                  {SessionDemand(), force,
                   [done = std::move(done)](absl::StatusOr<SessionPtr> session) mutable {
                     if (!session.ok()) return done(session.status());
                     done(LoginOutcome{*std::move(session), false});
                   }},
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
  const Key key = PairKeyOf((*found)->uid, organization_id);
  Later later;
  MutexLock lock(mutex_);
  Pair* pair = FindPair(key);
  // A session of which BILL has not confirmed the end is ended again.
  const SessionPtr ends = pair == nullptr ? nullptr : IsLive(*pair) ? pair->session : pair->ending;
  if (ends == nullptr || (if_generation != 0 && if_generation != ends->generation)) {
    later.Add([done = std::move(done)]() mutable { done(false); });
    return;
  }
  SignOut(key, *pair, ends, std::move(done), later);
}

void Engine::LogoutAll(absl::string_view uid, absl::AnyInvocable<void()> done) {
  // Shared by the answers of all sign-outs; the last one calls `done`.
  struct Rest {
    std::atomic<int> count{1};
    absl::AnyInvocable<void()> done;
  };
  const auto rest = std::make_shared<Rest>();
  rest->done = std::move(done);
  const auto one_less = [rest] {
    if (--rest->count == 0) rest->done();
  };
  Later later;
  MutexLock lock(mutex_);
  for (auto& [key, pair] : pairs_) {
    if (pair->credential->uid != uid || !IsLive(*pair)) continue;
    ++rest->count;
    SignOut(
        key, *pair, pair->session, [one_less](const absl::StatusOr<bool>&) { one_less(); }, later);
  }
  later.Add(one_less);
}

int Engine::CountLive(absl::string_view uid) const {
  MutexLock lock(mutex_);
  int live = 0;
  for (const auto& [key, pair] : pairs_) {
    if (pair->credential->uid == uid && IsLive(*pair)) ++live;
  }
  return live;
}

Pair& Engine::PairOf(const Key& key, const CredentialInfoPtr& credential,
                     absl::string_view organization_id) {
  std::unique_ptr<Pair>& pair = pairs_[key];
  if (pair == nullptr) {
    pair = std::make_unique<Pair>();
    pair->organization_id = std::string(organization_id);
    pair->credential = credential;
  }
  if (pair->credential->version < credential->version) pair->credential = credential;
  return *pair;
}

Pair* Engine::FindPair(const Key& key) {
  const auto found = pairs_.find(key);
  return found == pairs_.end() ? nullptr : found->second.get();
}

bool Engine::IsLive(const Pair& pair) const {
  return pair.session != nullptr && parts_.clock.SinceBoot() < pair.session->deadline;
}

absl::optional<absl::StatusOr<SessionPtr>> Engine::FromMemory(const Pair& pair,
                                                              const SessionDemand& demand) const {
  if (!IsLive(pair)) {
    if (demand.cached_only) return NoLiveSession(pair);
    return absl::nullopt;
  }
  const Session& session = *pair.session;
  // One that BILL confirmed a moment ago is not asked about again: that is no news.
  const bool reported_dead = demand.stale_generation != 0 &&
                             demand.stale_generation >= session.generation &&
                             pair.checked + kFreshCheck <= parts_.clock.SinceBoot();
  const bool too_short = session.deadline - parts_.clock.SinceBoot() < demand.min_remaining;
  if (reported_dead || too_short) return absl::nullopt;
  if (demand.require_trusted && !session.trusted) return MfaRequired(pair);
  return pair.session;
}

void Engine::Wait(const Key& key, Pair& pair, Waiter waiter, Later& later) {
  const bool sign_in = waiter.wants_new_sign_in || !IsLive(pair);
  pair.waiters.push_back(std::move(waiter));
  if (pair.activity != Pair::Activity::kIdle) return;
  if (sign_in) return StartSignIn(key, pair, later);
  StartCheck(key, pair, later);
}

void Engine::AnswerWaiters(const Key& key, Pair& pair, bool just_signed_in, Later& later) {
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
  if (!pair.waiters.empty()) StartSignIn(key, pair, later);
}

void Engine::FailWaiters(const Key& key, Pair& pair, const absl::Status& error, Later& later) {
  pair.activity = Pair::Activity::kIdle;
  for (Waiter& waiter : std::exchange(pair.waiters, {})) {
    later.Add([done = std::move(waiter.done), error]() mutable { done(error); });
  }
  if (pair.removed) pairs_.erase(key);
}

void Engine::Forget(Pair& pair, absl::string_view why, Later& later) {
  if (pair.session == nullptr) return;
  later.Add([this, session = std::move(pair.session), why = std::string(why)] {
    parts_.observer.SessionEnded(session->credential, session->organization_id, session->generation,
                                 why);
  });
  pair.session = nullptr;
}

void Engine::SignOut(const Key& key, Pair& pair, SessionPtr session, LogoutDone done,
                     Later& later) {
  if (pair.session == session) Forget(pair, "logged out", later);
  pair.ending = session;
  later.Add([this, key, session = std::move(session), done = std::move(done)]() mutable {
    SessionKeys keys = session->keys;
    parts_.bill.SignOut(std::move(keys),
                        [this, key, session = std::move(session),
                         done = std::move(done)](const BillResult<SignedOut>& result) mutable {
                          OnSignedOut(key, session, result, std::move(done));
                        });
  });
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
  done(MakeError(
      {Reason::kBillUnavailable,
       result.error().retry_after.value_or(options_.first_backoff),
       {{"organization_id", session->organization_id}, {"credential", session->credential}}},
      absl::StrCat("the session is handed out no more, but BILL has not confirmed its end (",
                   result.error().detail, "); log out again, or it idles out")));
}

void Engine::CredentialChanged(const CredentialInfoPtr& before, const CredentialInfoPtr& after) {
  if (before == nullptr) return;
  Later later;
  MutexLock lock(mutex_);
  std::vector<Key> gone;
  for (auto& [key, pair] : pairs_) {
    if (pair->credential->uid != before->uid) continue;
    const bool same = after != nullptr && after->uid == before->uid;
    if (same && after->version < pair->credential->version) continue;  // told late
    if (same && after->organizations.contains(pair->organization_id)) {
      pair->credential = after;
      pair->removed = false;
      pair->not_before = absl::ZeroDuration();
      pair->failures = 0;
      continue;
    }
    if (IsLive(*pair)) {
      SignOut(
          key, *pair, pair->session, [](const absl::StatusOr<bool>&) {}, later);
    }
    pair->removed = true;
    if (pair->activity == Pair::Activity::kIdle) gone.push_back(key);
  }
  for (const Key& key : gone) pairs_.erase(key);
}

// Frees (and so wipes) what nothing will be asked of any more.
void Engine::Sweep() {
  {
    Later later;
    MutexLock lock(mutex_);
    const absl::Duration now = parts_.clock.SinceBoot();
    for (auto& [key, pair] : pairs_) {
      if (pair->session != nullptr && !IsLive(*pair)) Forget(*pair, "idle", later);
      if (pair->ending != nullptr && pair->ending->deadline <= now) pair->ending = nullptr;
    }
  }
  parts_.executor.RunAfter(kSweepInterval, [this] { Sweep(); });
}

PairInfo Engine::Describe(const Pair& pair) const {
  const absl::Duration now = parts_.clock.SinceBoot();
  PairInfo info;
  info.organization_id = pair.organization_id;
  info.credential = pair.credential->name;
  info.generation = pair.generation;
  info.waiting_callers = static_cast<int>(pair.waiters.size());
  info.sign_ins = pair.sign_ins;
  info.quarantine = quarantine_.Find(*pair.credential, pair.organization_id, now);
  absl::Duration retry = pair.not_before;
  const auto parked = parked_dev_keys_.find(DevKeyKeyOf(*pair.credential, pair.organization_id));
  if (parked != parked_dev_keys_.end()) retry = std::max(retry, parked->second);
  if (retry > now) info.retry_time = parts_.clock.Now() + (retry - now);
  if (IsLive(pair)) info.session = pair.session;
  if (pair.activity == Pair::Activity::kSigningIn) {
    info.state = PairState::kSigningIn;
  } else if (pair.activity == Pair::Activity::kChecking) {
    info.state = PairState::kChecking;
  } else if (info.session != nullptr) {
    info.state = PairState::kLive;
  } else if (info.quarantine.has_value()) {
    info.state = PairState::kQuarantined;
  } else if (info.retry_time.has_value()) {
    info.state = PairState::kBackingOff;
  }
  return info;
}

std::vector<PairInfo> Engine::List() const {
  std::vector<PairInfo> all;
  {
    MutexLock lock(mutex_);
    all.reserve(pairs_.size());
    for (const auto& [key, pair] : pairs_) all.push_back(Describe(*pair));
  }
  std::sort(all.begin(), all.end(), [](const PairInfo& a, const PairInfo& b) {
    return std::tie(a.organization_id, a.credential) < std::tie(b.organization_id, b.credential);
  });
  return all;
}

EngineCounts Engine::Counts() const {
  MutexLock lock(mutex_);
  EngineCounts counts;
  counts.quarantined = quarantine_.size();
  counts.sign_ins = sign_ins_;
  counts.failed_sign_ins = failed_sign_ins_;
  for (const auto& [key, pair] : pairs_) {
    if (IsLive(*pair)) ++counts.live;
    if (pair->activity == Pair::Activity::kSigningIn) ++counts.signing_in;
  }
  return counts;
}

}  // namespace billbroker
