// Read-only views of the session manager, for listings and status.
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/session/quarantine.h"
#include "server/session/session.h"

namespace billbroker {

enum class SlotState { kNone, kSigningIn, kLive, kChecking, kQuarantined, kBackingOff, kQueued };

// One slot in ListSessions.
struct SlotInfo {
  std::string organization_id;
  std::string credential;
  SlotState state = SlotState::kNone;
  std::uint64_t generation = 0;
  SessionPtr session;  // null if none is live
  int waiting_callers = 0;
  std::int64_t sign_ins = 0;
  absl::optional<absl::Time> retry_time;
  absl::optional<QuarantineEntry> quarantine;
};

struct SessionCounts {
  int live = 0;
  int signing_in = 0;
  int queued = 0;
  int quarantined = 0;
  std::int64_t sign_ins = 0;
  std::int64_t failed_sign_ins = 0;
};

// The progress of a credential's newest version.
struct Rollout {
  int live = 0;     // sessions
  int current = 0;  // of these, sessions of the devKey that the newest version has
};

}  // namespace billbroker
