// Session: a live BILL session of one credential and organization.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "server/bill/bill_api.h"

namespace billbroker {

// Immutable: a check or a new sign-in makes a new one. Shared, because callers still read it while
// the session manager moves on.
struct Session {
  SessionKeys keys;        // environment, sessionId and the devKey that made it
  std::string dev_key_id;  // fingerprint
  std::string organization_id;
  std::string credential;  // name
  // The credential's version that signed it in; 0 where that was not kept.
  std::uint64_t version = 0;
  std::string user_id;
  std::string base_url;
  bool trusted = false;
  std::uint64_t generation = 0;
  // The generation of its sign-in. `generation` moves on where the session was taken from a store:
  // reports of any in between are about this session too.
  std::uint64_t first_generation = 0;
  absl::Time sign_in_time;
  absl::Time verified_time;
  absl::Time expire_time;
  // The same on Clock::SinceBoot(): nothing is returned at or after the earlier of the two.
  absl::Duration signed_in;
  absl::Duration deadline;
};

using SessionPtr = std::shared_ptr<const Session>;

}  // namespace billbroker
