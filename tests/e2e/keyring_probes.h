// The calls of the Secret Service that an idle broker makes.
#pragma once

#include "tests/support/stub_secret_service.h"

namespace billbroker {

// Returns the number of calls since ResetCalls() that no probe makes. The stub must have one master
// key.
[[nodiscard]] int CountCallsBeyondProbes(StubSecretService& stub);

// Blocks until the broker makes only probes: in the time of two probes, the Secret Service gets
// the calls of two probes and no others.
void AwaitOnlyProbes(StubSecretService& stub);

}  // namespace billbroker
