// CurlOptions: the bounds of what CurlBillApi does; not named "limits", which are BILL's.
#pragma once

#include <cstddef>

#include "absl/time/time.h"

namespace billbroker {

struct CurlOptions {
  absl::Duration connect_timeout = absl::Seconds(5);
  // From the moment a call gets its turn to the last byte of the answer.
  absl::Duration total_timeout = absl::Seconds(30);
  // A connection is not used again once it is so old.
  absl::Duration connection_lifetime = absl::Minutes(5);
  std::size_t max_body_bytes = 1 << 20;
  // For each environment: one that is ill does not take the turns of another. Calls beyond the
  // first bound wait for their turn, those beyond the second are refused unsent, as is a call that
  // has waited for `longest_wait`.
  int max_parallel_calls = 64;
  int max_waiting_calls = 10'000;
  absl::Duration longest_wait = absl::Minutes(1);
};

}  // namespace billbroker
