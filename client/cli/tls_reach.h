// ShakeHands: checks that a BILL host can be reached over TLS.
#pragma once

#include "absl/status/status.h"
#include "client/cli/host.h"

namespace billbroker {

// Connects to the endpoint's host like the broker, verifies its certificate, and closes the
// connection: no request is sent. Takes at most 10 s. UNAVAILABLE contains the cause.
[[nodiscard]] absl::Status ShakeHands(const BillEndpoint& endpoint);

}  // namespace billbroker
