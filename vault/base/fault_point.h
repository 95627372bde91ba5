// FaultPoint: a named step at which a test has the process killed, or stopped.
//
// Only in builds with the CMake option BILLBROKER_FAULT_POINTS, which refuses optimised ones; in all
// others it is empty, and what the environment says is not looked at. A room that has such steps
// links billbroker_fault_points.
#pragma once

#include "absl/strings/string_view.h"

#ifdef BILLBROKER_FAULT_POINTS
#ifdef NDEBUG
#error "fault points are for debug builds only"
#endif
#endif

namespace billbroker {

#ifdef BILLBROKER_FAULT_POINTS
// Sends this process a signal where the environment's BILLBROKER_FAULT_POINT names this step:
// "NAME[:HIT[:SIGNAL]]", at the HIT-th time (from 1, the default) that the step so called is
// reached; SIGNAL is a number, SIGKILL by default. Thread-safe.
void FaultPoint(absl::string_view name);
#else
constexpr void FaultPoint(absl::string_view /*name*/) {}
#endif

}  // namespace billbroker
