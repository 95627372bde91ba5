// How the engine asks BILL about a session in doubt, and keeps one alive: one shared GET
// /v3/login/session.
#include <algorithm>
#include <memory>
#include <utility>

#include "server/session/later.h"
#include "server/session/session_manager.h"
#include "server/session/slot_errors.h"

namespace billbroker {
namespace {

// A session that dies sooner than this after its sign-in did not idle out: something at BILL ends
// it.
constexpr absl::Duration kEarlyDeath = absl::Minutes(1);
constexpr int kToleratedEarlyDeaths = 1;

}  // namespace

absl::Duration SessionManager::WindowOf(const SessionSlot& slot) const {
  return slot.credential->sync_token ? options_.sync_token_idle_window : options_.idle_window;
}

absl::Duration SessionManager::DeadlineOf(const SessionSlot& slot, absl::Duration signed_in,
                                          absl::Duration confirmed) const {
  const absl::Duration idle = (options_.sliding ? confirmed : signed_in) + WindowOf(slot);
  return std::min(idle, signed_in + options_.max_session_age) - options_.safety_margin;
}

void SessionManager::StartCheck(SessionSlot& slot, Later& later) {
  const absl::Duration now = parts_.clock.SinceBoot();
  if (now < slot.not_before) return FailWaiters(slot, BackingOff(slot, now), later);
  slot.activity = SessionSlot::Activity::kChecking;
  later.Add([this, key = slot.key, session = slot.session, now] {
    parts_.bill.GetSessionInfo(session->keys,
                               [this, key, session, now](const BillResult<SessionInfo>& result) {
                                 OnChecked(key, session, now, result);
                               });
  });
}

void SessionManager::OnChecked(const Key& key, const SessionPtr& session, absl::Duration sent,
                               const BillResult<SessionInfo>& result) {
  Later later;
  MutexLock lock(mutex_);
  SessionSlot& slot = *FindSlot(key);  // it stays while a check is under way
  slot.activity = SessionSlot::Activity::kIdle;
  if (slot.removed) return FailWaiters(slot, Removed(slot), later);
  // The session was replaced or signed out during the check: the waiting callers get a new one.
  if (slot.session == nullptr || slot.session->keys.session_id != session->keys.session_id) {
    return IsLive(slot) ? AnswerWaiters(slot, true, later)
                        : StartSignIn(slot, Priority::kCaller, later);
  }
  if (!result.ok()) return OnCheckFailed(slot, result.error(), later);
  if (result.value().organization_id != slot.organization_id) {
    BillError mismatch;
    mismatch.detail = "the answer is about another organization";
    if (!slot.confirmed) Forget(slot, "BILL calls it another organization's", later);
    return FailWaiters(slot, BackOff(slot, Reason::kBillUnavailable, mismatch, {}), later);
  }
  SessionInfo info = result.value();
  if (slot.session != session)
    info.trusted = slot.session->trusted;  // stepped up since it was asked
  Renew(slot, sent, info);
  if (!IsLive(slot)) {
    Forget(slot, "idle", later);
    return StartSignIn(slot, Priority::kCaller, later);
  }
  Save(slot);
  Changed(slot, later);
  AnswerWaiters(slot, false, later);
}

void SessionManager::OnCheckFailed(SessionSlot& slot, const BillError& error, Later& later) {
  switch (error.verdict) {
    case Verdict::kSessionInvalid:
    // The session is unusable as well. The next sign-in reports the actual error.
    case Verdict::kDevKeyRejected:
    case Verdict::kOrganizationRejected:
    case Verdict::kOrganizationLocked:
    case Verdict::kUserLocked:
      return OnDead(slot, later);
    case Verdict::kRateLimited: {
      const std::string dev_key = DevKeyKeyOf(*slot.credential, slot.organization_id);
      return FailWaiters(slot, Park(slot, dev_key, error, later), later);
    }
    default:
      return FailWaiters(slot, BackOff(slot, Reason::kBillUnavailable, error, {}), later);
  }
}

void SessionManager::Renew(SessionSlot& slot, absl::Duration sent, const SessionInfo& info) {
  const absl::Duration now = parts_.clock.SinceBoot();
  auto renewed = std::make_shared<Session>(*slot.session);
  renewed->verified_time = parts_.clock.Now();
  renewed->trusted = info.trusted;
  if (options_.check_slides) renewed->deadline = DeadlineOf(slot, renewed->signed_in, sent);
  renewed->expire_time = renewed->verified_time + (renewed->deadline - now);
  if (!slot.confirmed) {
    // Nobody has seen this number before, however old the store was.
    slot.generation = NextGeneration(slot);
    renewed->generation = slot.generation;
  }
  slot.session = std::move(renewed);
  slot.confirmed = true;
  slot.failures = 0;
  slot.early_deaths = 0;
  slot.checked = now;
  PlanKeepAlive(slot);
}

std::uint64_t SessionManager::NextGeneration(const SessionSlot& slot) const {
  return std::max(slot.generation + 1,
                  static_cast<std::uint64_t>(absl::ToUnixMicros(parts_.clock.Now())));
}

void SessionManager::OnDead(SessionSlot& slot, Later& later) {
  const bool early = parts_.clock.SinceBoot() - slot.session->signed_in < kEarlyDeath;
  slot.early_deaths = early ? slot.early_deaths + 1 : 0;
  Forget(slot, "BILL calls it invalid", later);
  if (slot.early_deaths > kToleratedEarlyDeaths) {
    slot.failures = slot.early_deaths;
    BillError death;
    death.code = "BDC_1109";
    death.detail = "it dies right after each sign-in";
    const absl::Status error =
        BackOff(slot, Reason::kSessionUnstable, death, options_.first_backoff);
    return FailWaiters(slot, error, later);
  }
  TendAt(slot, parts_.clock.SinceBoot());
  StartSignIn(slot, Priority::kCaller, later);
}

}  // namespace billbroker
