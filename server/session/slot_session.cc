#include "server/session/slot_session.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace billbroker {
namespace {

// A repeated report within this time after a check is not checked again.
constexpr absl::Duration kFreshCheck = absl::Seconds(1);
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
}

std::uint64_t SlotSession::ReserveGeneration(absl::Time wall) {
  generation_ = std::max(generation_ + 1, static_cast<std::uint64_t>(absl::ToUnixMicros(wall)));
  return generation_;
}

void SlotSession::Adopt(SessionPtr session) {
  session_ = std::move(session);
  confirmed_ = true;
}

void SlotSession::AdoptUnconfirmed(SessionPtr session) {
  session_ = std::move(session);
  confirmed_ = false;
}

void SlotSession::Renew(const SessionInfo& info, absl::Duration sent, const SessionLimits& limits,
                        const Clock& clock) {
  auto renewed = std::make_shared<Session>(*session_);
  renewed->verified_time = clock.Now();
  renewed->trusted = info.trusted;
  if (limits.check_slides) renewed->deadline = limits.DeadlineFor(renewed->signed_in, sent);
  renewed->expire_time = renewed->verified_time + (renewed->deadline - clock.SinceBoot());
  if (!confirmed_) {
    // Nobody has seen this number before, however old the store was.
    renewed->generation = ReserveGeneration(clock.Now());
  }
  session_ = std::move(renewed);
  confirmed_ = true;
  early_ends_ = 0;
  checked_ = clock.SinceBoot();
}

void SlotSession::SetTrusted(bool trusted) {
  auto known = std::make_shared<Session>(*session_);
  known->trusted = trusted;
  session_ = std::move(known);
}

void SlotSession::FollowWallClock(const Clock& clock) {
  auto moved = std::make_shared<Session>(*session_);
  moved->expire_time = clock.Now() + (moved->deadline - clock.SinceBoot());
  session_ = std::move(moved);
}

SessionPtr SlotSession::Take() {
  confirmed_ = true;
  return std::exchange(session_, nullptr);
}

int SlotSession::CountEarlyEnd(absl::Duration now) {
  early_ends_ = now - session_->signed_in < kEarlyEnd ? early_ends_ + 1 : 0;
  return early_ends_;
}

}  // namespace billbroker
