// Await and AwaitReady: wait for another thread or process to reach a state, with a bound.
#pragma once

#include <gtest/gtest.h>

#include <future>
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

// Returns true once `future` has a value. Without one after `limit` it adds a test failure that
// names `what` and returns false.
template <typename T>
bool AwaitReady(const std::future<T>& future, const std::string& what,
                absl::Duration limit = absl::Seconds(60)) {
  if (future.wait_for(absl::ToChronoNanoseconds(limit)) == std::future_status::ready) return true;
  ADD_FAILURE() << "waited " << limit << " for " << what;
  return false;
}

}  // namespace billbroker
