// ShakeHands: whether a BILL host can be reached over TLS.
#pragma once

#include "absl/status/status.h"
#include "client/cli/host.h"

namespace billbroker {

// Connects to the endpoint's host, as the broker would, and verifies its certificate, then hangs
// up: no request is sent. Takes 10 s at most. UNAVAILABLE says what went wrong.
[[nodiscard]] absl::Status ShakeHands(const BillEndpoint& endpoint);

}  // namespace billbroker
