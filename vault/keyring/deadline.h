// Deadline: the time by which a call to the keyring must end.
//
// In real time (GLib's monotonic clock), because the call waits for another process.
#pragma once

#include <glib.h>

#include <algorithm>
#include <cstdint>

#include "absl/time/time.h"

namespace billbroker {

class Deadline final {
 public:
  [[nodiscard]] static Deadline After(absl::Duration timeout) {
    return Deadline(g_get_monotonic_time() + absl::ToInt64Microseconds(timeout));
  }

  // Returns the remaining time; never negative.
  [[nodiscard]] absl::Duration Remaining() const {
    return absl::Microseconds(std::max<std::int64_t>(0, at_us_ - g_get_monotonic_time()));
  }

  // Returns an earlier deadline, which leaves `share` (0 to 1) of the remaining time for later
  // steps.
  [[nodiscard]] Deadline Leaving(double share) const { return After(Remaining() * (1 - share)); }

 private:
  explicit Deadline(std::int64_t at_us) : at_us_(at_us) {}

  std::int64_t at_us_;
};

}  // namespace billbroker
