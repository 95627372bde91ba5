// CurlOptions: the bounds of CurlBillApi. They are not named "limits" because BILL has those.
#pragma once

#include <cstddef>

#include "absl/time/time.h"

namespace billbroker {

struct CurlOptions {
  absl::Duration connect_timeout = absl::Seconds(5);
  // From the moment a call gets its turn to the last byte of the answer.
  absl::Duration total_timeout = absl::Seconds(30);
  // An older connection is not reused.
  absl::Duration connection_lifetime = absl::Minutes(5);
  std::size_t max_body_bytes = 1 << 20;
  // For each environment, so that a slow environment does not block another. Calls above the first
  // bound wait for their turn. Calls above the second bound, and calls that have waited for
  // `longest_wait`, fail and are not sent.
  int max_parallel_calls = 64;
  int max_waiting_calls = 10'000;
  absl::Duration longest_wait = absl::Minutes(1);
};

}  // namespace billbroker
