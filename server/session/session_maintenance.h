// SessionMaintenance: decides the next step for a slot that no caller waits for. A pure function;
// its decision table is tests/server/session/session_maintenance_test.cc.
#pragma once

#include "absl/time/time.h"

namespace billbroker {

// The facts about a slot that the decision depends on. Times are Clock::SinceBoot().
struct SlotView {
  bool busy = false;         // a check or sign-in is under way or queued
  bool has_session = false;  // which may be past its deadline
  absl::Duration deadline;   // of the session
  absl::Duration next_keep_alive = absl::InfiniteDuration();
  bool warm = false;            // a watcher keeps it signed in
  bool needs_check = false;     // BILL has to confirm the session before it is returned
  bool outdated = false;        // another devKey or user is in effect
  bool replace_failed = false;  // a replacement could not start at once
  bool allowed = true;          // no rule refuses a sign-in
  absl::Duration backoff_until = -absl::InfiniteDuration();
  absl::Duration last_demand = -absl::InfiniteDuration();           // of a caller
  absl::Duration signing_out_deadline = -absl::InfiniteDuration();  // of a session being ended
};

struct MaintenanceLimits {
  absl::Duration keep_alive;  // a session is kept so long after the last demand
  bool checks_extend = true;  // a check moves the deadline
};

struct MaintenanceStep {
  enum class Kind {
    kNothing,  // until something changes
    kWait,     // look again at `when`
    kForget,   // the session is past its deadline; then decide again
    kSignIn,   // for the watcher
    kReplace,  // by a session of the devKey and user in effect
    kCheck,    // confirms the session and extends its deadline
  };

  Kind kind = Kind::kNothing;
  absl::Duration when = absl::InfiniteDuration();  // for kWait; for kCheck, if it cannot be sent

  friend bool operator==(const MaintenanceStep&, const MaintenanceStep&) = default;
};

// How soon a slot is looked at again if a step cannot be taken.
inline constexpr absl::Duration kMaintenanceRetry = absl::Seconds(30);

[[nodiscard]] MaintenanceStep NextStep(const SlotView& slot, const MaintenanceLimits& limits,
                                       absl::Duration now);

}  // namespace billbroker
