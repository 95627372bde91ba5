// SessionManagerOptions: the settings of the session manager.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "absl/time/time.h"

namespace billbroker {

// The limits of sign-ins. See docs/configuration.md.
struct SignInLimits {
  int sign_ins_per_hour = 200;  // that BILL allows a devKey
  double reserve = 0.1;         // of these, kept for callers that wait; 0 to 1
  double share = 1;             // of BILL's limit, if others use the devKeys too; above 0, to 1
  // The same for single devKeys, by fingerprint.
  std::map<std::string, double, std::less<>> shares;
  int max_parallel = 64;                           // sign-ins under way
  int max_parallel_per_dev_key = 16;               // of these
  int max_parallel_per_user = 2;                   // of these
  int slot_burst = 6;                              // sign-ins of a slot at once
  absl::Duration slot_refill = absl::Minutes(10);  // and one more after each of these
};

// BILL does not document some of these; the defaults follow BILL's reference.
struct SessionManagerOptions {
  absl::Duration idle_window = absl::Minutes(35);  // a session ends after so long without a call
  absl::Duration sync_token_idle_window = absl::Hours(48);    // the same for sync-token credentials
  absl::Duration max_session_age = absl::InfiniteDuration();  // it ends so long after its sign-in
  absl::Duration safety_margin = absl::Minutes(1);  // subtracted: clocks and the way to BILL
  bool sliding = true;       // calls move the idle deadline; false: it counts from the sign-in
  bool check_slides = true;  // GET /v3/login/session is such a call
  absl::Duration keep_alive = absl::Hours(8);  // after a caller last asked, a session is kept alive
  int keep_alive_calls_per_hour = 5000;        // at most so many for it, per devKey; at least 10
  int stale_reports_per_hour = 600;            // that turn out false, per principal; at least 10
  SignInLimits sign_in;
  bool prewarm_all = false;                    // sign in to every organization without a caller
  std::set<std::string, std::less<>> prewarm;  // or to these
  absl::Duration first_backoff = absl::Seconds(1);  // after a transient failure; doubles, jittered
  absl::Duration longest_backoff = absl::Minutes(1);
  // A session that was replaced while it was live is signed out at BILL after this delay.
  absl::Duration replaced_grace = absl::Minutes(5);
  absl::Duration lockout_cooldown = absl::Hours(1);  // how long LOCKED_OUT lasts by itself
  int max_failed_sign_ins_per_hour = 3;              // per environment and BILL user
};

}  // namespace billbroker
