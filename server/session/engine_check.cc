// How the engine asks BILL about a session in doubt, and keeps one alive: one shared GET
// /v3/login/session.
#include <algorithm>
#include <memory>
#include <utility>

#include "server/session/engine.h"
#include "server/session/later.h"
#include "server/session/pair_errors.h"

namespace billbroker {
namespace {

// A session that dies sooner than this after its sign-in did not idle out: something at BILL ends
// it.
constexpr absl::Duration kEarlyDeath = absl::Minutes(1);
constexpr int kToleratedEarlyDeaths = 1;

}  // namespace

absl::Duration Engine::WindowOf(const Pair& pair) const {
  return pair.credential->sync_token ? options_.sync_token_idle_window : options_.idle_window;
}

absl::Duration Engine::DeadlineOf(const Pair& pair, absl::Duration signed_in,
                                  absl::Duration confirmed) const {
  const absl::Duration idle = (options_.sliding ? confirmed : signed_in) + WindowOf(pair);
  return std::min(idle, signed_in + options_.max_session_age) - options_.safety_margin;
}

void Engine::StartCheck(Pair& pair, Later& later) {
  const absl::Duration now = parts_.clock.SinceBoot();
  if (now < pair.not_before) return FailWaiters(pair, BackingOff(pair, now), later);
  pair.activity = Pair::Activity::kChecking;
  later.Add([this, key = pair.key, session = pair.session, now] {
    parts_.bill.GetSessionInfo(session->keys,
                               [this, key, session, now](const BillResult<SessionInfo>& result) {
                                 OnChecked(key, session, now, result);
                               });
  });
}

void Engine::OnChecked(const Key& key, const SessionPtr& session, absl::Duration sent,
                       const BillResult<SessionInfo>& result) {
  Later later;
  MutexLock lock(mutex_);
  Pair& pair = *FindPair(key);  // it stays while a check is under way
  pair.activity = Pair::Activity::kIdle;
  if (pair.removed) return FailWaiters(pair, Removed(pair), later);
  // Replaced while the check was under way, or logged out: then those who wait, who asked before
  // that, get a new one.
  if (pair.session == nullptr || pair.session->keys.session_id != session->keys.session_id) {
    return IsLive(pair) ? AnswerWaiters(pair, true, later)
                        : StartSignIn(pair, Priority::kCaller, later);
  }
  if (!result.ok()) return OnCheckFailed(pair, result.error(), later);
  if (result.value().organization_id != pair.organization_id) {
    BillError mismatch;
    mismatch.detail = "the answer is about another organization";
    if (!pair.confirmed) Forget(pair, "BILL calls it another organization's", later);
    return FailWaiters(pair, BackOff(pair, Reason::kBillUnavailable, mismatch, {}), later);
  }
  SessionInfo info = result.value();
  if (pair.session != session)
    info.trusted = pair.session->trusted;  // stepped up since it was asked
  Renew(pair, sent, info);
  if (!IsLive(pair)) {
    Forget(pair, "idle", later);
    return StartSignIn(pair, Priority::kCaller, later);
  }
  Save(pair);
  Changed(pair, later);
  AnswerWaiters(pair, false, later);
}

void Engine::OnCheckFailed(Pair& pair, const BillError& error, Later& later) {
  switch (error.verdict) {
    case Verdict::kSessionInvalid:
    // Of no use any more either; the sign-in that follows hears the whole of it.
    case Verdict::kDevKeyRejected:
    case Verdict::kOrganizationRejected:
    case Verdict::kOrganizationLocked:
    case Verdict::kUserLocked:
      return OnDead(pair, later);
    case Verdict::kRateLimited: {
      const std::string dev_key = DevKeyKeyOf(*pair.credential, pair.organization_id);
      return FailWaiters(pair, Park(pair, dev_key, error, later), later);
    }
    default:
      return FailWaiters(pair, BackOff(pair, Reason::kBillUnavailable, error, {}), later);
  }
}

void Engine::Renew(Pair& pair, absl::Duration sent, const SessionInfo& info) {
  const absl::Duration now = parts_.clock.SinceBoot();
  auto renewed = std::make_shared<Session>(*pair.session);
  renewed->verified_time = parts_.clock.Now();
  renewed->trusted = info.trusted;
  if (options_.check_slides) renewed->deadline = DeadlineOf(pair, renewed->signed_in, sent);
  renewed->expire_time = renewed->verified_time + (renewed->deadline - now);
  if (!pair.confirmed) {
    // Whatever the store was, an old one included: nobody has seen this number before.
    pair.generation = NextGeneration(pair);
    renewed->generation = pair.generation;
  }
  pair.session = std::move(renewed);
  pair.confirmed = true;
  pair.failures = 0;
  pair.early_deaths = 0;
  pair.checked = now;
  PlanKeepAlive(pair);
}

std::uint64_t Engine::NextGeneration(const Pair& pair) const {
  return std::max(pair.generation + 1,
                  static_cast<std::uint64_t>(absl::ToUnixMicros(parts_.clock.Now())));
}

void Engine::OnDead(Pair& pair, Later& later) {
  const bool early = parts_.clock.SinceBoot() - pair.session->signed_in < kEarlyDeath;
  pair.early_deaths = early ? pair.early_deaths + 1 : 0;
  Forget(pair, "BILL calls it invalid", later);
  if (pair.early_deaths > kToleratedEarlyDeaths) {
    pair.failures = pair.early_deaths;
    BillError death;
    death.code = "BDC_1109";
    death.detail = "it dies right after each sign-in";
    const absl::Status error =
        BackOff(pair, Reason::kSessionUnstable, death, options_.first_backoff);
    return FailWaiters(pair, error, later);
  }
  TendAt(pair, parts_.clock.SinceBoot());
  StartSignIn(pair, Priority::kCaller, later);
}

}  // namespace billbroker
