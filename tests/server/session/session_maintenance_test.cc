// The decision table of maintenance: one row for each case.
#include "server/session/session_maintenance.h"

#include <gtest/gtest.h>

#include <functional>
#include <ostream>
#include <string>

namespace billbroker {
namespace {

using Kind = MaintenanceStep::Kind;

// In the table, times count from `kNow`. A caller asked for the slot's session two hours ago, and
// it is kept alive for eight. It ends in 20 minutes, and keep-alive is due in 10.
constexpr absl::Duration kNow = absl::Hours(100);
constexpr absl::Duration kDeadline = absl::Minutes(20);
constexpr absl::Duration kNextKeepAlive = absl::Minutes(10);
constexpr absl::Duration kRetry = absl::Seconds(30);

SlotView UsedSlot() {
  SlotView slot;
  slot.has_session = true;
  slot.deadline = kNow + kDeadline;
  slot.next_keep_alive = kNow + kNextKeepAlive;
  slot.last_demand = kNow - absl::Hours(2);
  return slot;
}

struct MaintenanceRow {
  const char* name;
  std::function<void(SlotView&, MaintenanceLimits&)> change;
  Kind kind;
  absl::Duration when = absl::InfiniteDuration();  // from now on
};

std::ostream& operator<<(std::ostream& out, const MaintenanceRow& row) { return out << row.name; }

void LoseSession(SlotView& slot) {
  slot.has_session = false;
  slot.deadline = {};
}
void MakeIdle(SlotView& slot) { slot.last_demand = kNow - absl::Hours(8); }
void MakeDue(SlotView& slot) { slot.next_keep_alive = kNow; }
void BackOffFor(SlotView& slot, absl::Duration wait) { slot.backoff_until = kNow + wait; }

const MaintenanceRow kMaintenanceRows[] = {
    // Without a session.
    {"EmptySlot", [](SlotView& s, auto&) { LoseSession(s); }, Kind::kNothing},
    {"EmptyWarmSlot",
     [](SlotView& s, auto&) {
       LoseSession(s);
       s.warm = true;
     },
     Kind::kSignIn},
    {"EmptyWarmSlotThatIsRefused",
     [](SlotView& s, auto&) {
       LoseSession(s);
       s.warm = true;
       s.allowed = false;
     },
     Kind::kWait, kRetry},
    {"EmptyWarmSlotInABackoff",
     [](SlotView& s, auto&) {
       LoseSession(s);
       s.warm = true;
       s.allowed = false;
       BackOffFor(s, absl::Minutes(5));
     },
     Kind::kWait, absl::Minutes(5)},
    {"EmptyWarmSlotInAShortBackoff",
     [](SlotView& s, auto&) {
       LoseSession(s);
       s.warm = true;
       s.allowed = false;
       BackOffFor(s, absl::Seconds(1));
     },
     Kind::kWait, kRetry},
    {"EmptySlotThatIsBusy",
     [](SlotView& s, auto&) {
       LoseSession(s);
       s.warm = true;
       s.busy = true;
     },
     Kind::kWait, kRetry},
    {"SlotThatSignsOut",
     [](SlotView& s, auto&) {
       LoseSession(s);
       s.signing_out_deadline = kNow + absl::Minutes(3);
     },
     Kind::kWait, absl::Minutes(3)},
    {"SlotThatSignedOutLongAgo",
     [](SlotView& s, auto&) {
       LoseSession(s);
       s.signing_out_deadline = kNow;
     },
     Kind::kNothing},

    // The deadline.
    {"AtTheDeadline", [](SlotView& s, auto&) { s.deadline = kNow; }, Kind::kForget},
    {"AtTheDeadlineWhileBusy",
     [](SlotView& s, auto&) {
       s.deadline = kNow;
       s.busy = true;
     },
     Kind::kForget},
    {"JustBeforeTheDeadline",
     [](SlotView& s, auto&) {
       s.deadline = kNow + absl::Nanoseconds(1);
       MakeIdle(s);
     },
     Kind::kWait, absl::Nanoseconds(1)},

    // Keep-alive.
    {"NotDue", [](SlotView&, auto&) {}, Kind::kWait, kNextKeepAlive},
    {"Due", [](SlotView& s, auto&) { MakeDue(s); }, Kind::kCheck, kRetry},
    {"DueShortlyBeforeTheDeadline",
     [](SlotView& s, auto&) {
       MakeDue(s);
       s.deadline = kNow + absl::Seconds(10);
     },
     Kind::kCheck, absl::Seconds(10)},
    {"DueWhileBusy",
     [](SlotView& s, auto&) {
       MakeDue(s);
       s.busy = true;
     },
     Kind::kWait, kRetry},
    {"DueInABackoff",
     [](SlotView& s, auto&) {
       MakeDue(s);
       BackOffFor(s, absl::Seconds(1));
     },
     Kind::kWait, kRetry},
    {"DueAtTheEndOfABackoff",
     [](SlotView& s, auto&) {
       MakeDue(s);
       BackOffFor(s, absl::ZeroDuration());
     },
     Kind::kCheck, kRetry},
    {"DueAfterTheDeadline", [](SlotView& s, auto&) { s.next_keep_alive = kNow + absl::Hours(1); },
     Kind::kWait, kDeadline},
    {"DueButIdle",
     [](SlotView& s, auto&) {
       MakeDue(s);
       MakeIdle(s);
     },
     Kind::kWait, kRetry},
    {"DueJustBeforeIdle",
     [](SlotView& s, auto&) {
       MakeDue(s);
       MakeIdle(s);
       s.last_demand += absl::Nanoseconds(1);
     },
     Kind::kCheck, kRetry},
    {"DueIdleAndWarm",
     [](SlotView& s, auto&) {
       MakeDue(s);
       MakeIdle(s);
       s.warm = true;
     },
     Kind::kCheck, kRetry},
    {"DueButChecksDoNotExtend",
     [](SlotView& s, MaintenanceLimits& limits) {
       MakeDue(s);
       limits.checks_extend = false;
     },
     Kind::kWait, kDeadline},
    {"WarmSessionInDoubt",
     [](SlotView& s, auto&) {
       s.warm = true;
       s.needs_check = true;
     },
     Kind::kCheck, kRetry},
    {"SessionInDoubtIsNotCheckedWithoutAWatch", [](SlotView& s, auto&) { s.needs_check = true; },
     Kind::kWait, kNextKeepAlive},

    // Replacement.
    {"Outdated", [](SlotView& s, auto&) { s.outdated = true; }, Kind::kReplace},
    {"OutdatedAndChecksDoNotExtend",
     [](SlotView& s, MaintenanceLimits& limits) {
       s.outdated = true;
       limits.checks_extend = false;
     },
     Kind::kReplace},
    {"OutdatedWhileBusy",
     [](SlotView& s, auto&) {
       s.outdated = true;
       s.busy = true;
     },
     Kind::kWait, kRetry},
    {"OutdatedAndIdle",
     [](SlotView& s, auto&) {
       s.outdated = true;
       MakeIdle(s);
     },
     Kind::kWait, kRetry},
    {"OutdatedIdleAndWarm",
     [](SlotView& s, auto&) {
       s.outdated = true;
       MakeIdle(s);
       s.warm = true;
     },
     Kind::kReplace},
    {"ReplacementFailed",
     [](SlotView& s, auto&) {
       s.outdated = true;
       s.replace_failed = true;
     },
     Kind::kWait, kRetry},
    {"ReplacementFailedAndDue",
     [](SlotView& s, auto&) {
       s.outdated = true;
       s.replace_failed = true;
       MakeDue(s);
     },
     Kind::kCheck, kRetry},
    {"ReplacementFailedAndChecksDoNotExtend",
     [](SlotView& s, MaintenanceLimits& limits) {
       s.outdated = true;
       s.replace_failed = true;
       limits.checks_extend = false;
     },
     Kind::kWait, kRetry},
};

class SessionMaintenanceTest : public ::testing::TestWithParam<MaintenanceRow> {};

TEST_P(SessionMaintenanceTest, TakesTheStepOfTheTable) {
  SlotView slot = UsedSlot();
  MaintenanceLimits limits = {absl::Hours(8)};
  GetParam().change(slot, limits);
  const MaintenanceStep step = NextStep(slot, limits, kNow);
  EXPECT_EQ(step.kind, GetParam().kind);
  EXPECT_EQ(step.when, kNow + GetParam().when);
}

INSTANTIATE_TEST_SUITE_P(Rows, SessionMaintenanceTest, ::testing::ValuesIn(kMaintenanceRows),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace billbroker
