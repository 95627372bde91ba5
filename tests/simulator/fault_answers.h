// The answers that faults send in BILL's place.
#pragma once

#include "absl/time/time.h"
#include "tests/simulator/faults.h"
#include "tests/simulator/http.h"
#include "tests/simulator/settings.h"

namespace billbroker::billsim {

// Returns the answer of a fault that sends one; an empty 200 for other kinds.
[[nodiscard]] HttpAnswer FaultAnswer(const Fault& fault, const HttpCall& call,
                                     const Settings& settings, absl::Time now);

}  // namespace billbroker::billsim
