#include "server/session/slot_session.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace billbroker {
namespace {

// A repeated report within this time after a check is not checked again.
constexpr absl::Duration kFreshCheck = absl::Seconds(1);
// A smaller difference of the two clocks is the wall clock being slewed.
constexpr absl::Duration kClockStep = absl::Seconds(2);
// A session that ends sooner than this after its sign-in did not idle out: something at BILL ends
// it.
constexpr absl::Duration kEarlyEnd = absl::Minutes(1);

}  // namespace

absl::Duration SessionLimits::DeadlineFor(absl::Duration signed_in,
                                          absl::Duration confirmed) const {
  const absl::Duration idle = (sliding ? confirmed : signed_in) + idle_window;
  return std::min(idle, signed_in + max_session_age) - safety_margin;
}

bool SlotSession::IsReportedDead(std::uint64_t stale_generation, absl::Duration now) const {
  return stale_generation != 0 && stale_generation >= session_->first_generation &&
         checked_ + kFreshCheck <= now;
}

bool SlotSession::IsSameAtBill(const Session& other) const {
  return session_ != nullptr && session_->keys.session_id == other.keys.session_id;
}

void SlotSession::RestoreGeneration(std::uint64_t generation) {
  generation_ = std::max(generation_, generation);
  adopted_generation_ = std::max(adopted_generation_, generation);
}

std::uint64_t SlotSession::ReserveGeneration(absl::Time wall) {
  generation_ = std::max(generation_ + 1, static_cast<std::uint64_t>(absl::ToUnixMicros(wall)));
  return generation_;
}

SessionPtr SlotSession::Renumber(SessionPtr session, absl::Time wall) {
  if (session->generation >= adopted_generation_) return session;
  auto late = std::make_shared<Session>(*session);
  late->generation = late->first_generation = ReserveGeneration(wall);
  return late;
}

void SlotSession::Adopt(SessionPtr session) {
  session_ = std::move(session);
  adopted_generation_ = std::max(adopted_generation_, session_->generation);
  origin_ = Origin::kConfirmed;
}

void SlotSession::AdoptUnconfirmed(SessionPtr session, bool serveable) {
  session_ = std::move(session);
  origin_ = Origin::kStore;
  serveable_ = serveable;
}

bool SlotSession::ServeUnverified(absl::Time wall) {
  if (session_ == nullptr || origin_ != Origin::kStore || !serveable_) return false;
  auto served = std::make_shared<Session>(*session_);
  served->generation = adopted_generation_ = ReserveGeneration(wall);
  session_ = std::move(served);
  origin_ = Origin::kStoreServed;
  return true;
}

void SlotSession::Renew(const SessionInfo& info, absl::Duration sent, const SessionLimits& limits,
                        const Clock& clock) {
  auto renewed = std::make_shared<Session>(*session_);
  renewed->verified_time = clock.Now();
  renewed->trusted = info.trusted;
  if (limits.check_slides) renewed->deadline = limits.DeadlineFor(renewed->signed_in, sent);
  renewed->expire_time = renewed->verified_time + (renewed->deadline - clock.SinceBoot());
  if (origin_ == Origin::kStore) {
    // Nobody has seen this number before, however old the store was.
    renewed->generation = adopted_generation_ = ReserveGeneration(clock.Now());
  }
  session_ = std::move(renewed);
  origin_ = Origin::kConfirmed;
  early_ends_ = 0;
  checked_ = asked_ = clock.SinceBoot();
}

void SlotSession::SetTrusted(bool trusted) {
  auto known = std::make_shared<Session>(*session_);
  known->trusted = trusted;
  session_ = std::move(known);
}

bool SlotSession::FollowWallClock(absl::Duration now, absl::Time wall) {
  const absl::Time expected = wall + (session_->deadline - now);
  if (absl::AbsDuration(expected - session_->expire_time) < kClockStep) return false;
  auto moved = std::make_shared<Session>(*session_);
  moved->expire_time = expected;
  session_ = std::move(moved);
  return true;
}

SessionPtr SlotSession::Take() {
  origin_ = Origin::kConfirmed;
  return std::exchange(session_, nullptr);
}

int SlotSession::CountEarlyEnd(absl::Duration now) {
  early_ends_ = now - session_->signed_in < kEarlyEnd ? early_ends_ + 1 : 0;
  return early_ends_;
}

}  // namespace billbroker
