// Await: waits for another thread or process to reach a state.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace billbroker {

// Returns true once `condition()` is true; it is called about every millisecond. After `limit` it
// adds a test failure that names `what` ("the call to be held") and returns false. The default
// limit is long enough for a sanitizer on a loaded machine: it bounds a test that would hang, and
// does not check speed.
template <typename Condition>
bool Await(const Condition& condition, const std::string& what,
           absl::Duration limit = absl::Seconds(60)) {
  const absl::Time end = absl::Now() + limit;
  while (!condition()) {
    if (absl::Now() > end) {
      ADD_FAILURE() << "waited " << limit << " for " << what;
      return false;
    }
    absl::SleepFor(absl::Milliseconds(1));
  }
  return true;
}

}  // namespace billbroker
