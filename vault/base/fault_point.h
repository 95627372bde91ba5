// FaultPoint: a named step at which a test can kill or stop the process.
//
// Only in builds with the CMake option BILLBROKER_FAULT_POINTS, which refuses optimized builds. In
// all other builds it is empty and does not read the environment. A module with such steps links
// billbroker_fault_points.
#pragma once

#include "absl/strings/string_view.h"

#ifdef BILLBROKER_FAULT_POINTS
#ifdef NDEBUG
#error "fault points are for debug builds only"
#endif
#endif

namespace billbroker {

#ifdef BILLBROKER_FAULT_POINTS
// Sends this process a signal if the environment variable BILLBROKER_FAULT_POINT names this step:
// "NAME[:HIT[:SIGNAL]]", at the HIT-th time (from 1, the default) that the step is reached. SIGNAL
// is a number, SIGKILL by default. Thread-safe.
void FaultPoint(absl::string_view name);
#else
constexpr void FaultPoint(absl::string_view /*name*/) {}
#endif

}  // namespace billbroker
