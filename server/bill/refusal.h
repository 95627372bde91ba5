// Reads a refusal of BILL's: the error taxonomy as code. Pure functions.
//
// The code decides and the HTTP status does not: HTTP 500 with BDC_1101 is a refused password, and
// a 401 without a code is no proof that a session died. Bodies in the wild are an array of objects
// (as documented), an object, an object with "errors", HTML, nothing, or broken.
#pragma once

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/bill/bill_error.h"
#include "server/bill/http_answer.h"

namespace billbroker {

// What `answer` says, which was not what was asked for. `now` is what a date in Retry-After is
// measured from.
//
// Of several codes the most terminal known one wins, in the order of the table in refusal.cc: what
// stands until somebody changes something, then what a cool-down or a person ends, then what
// passes. Without a known code:
//   any code           kRefused, but kUnavailable for HTTP 5xx
//   HTTP 429           kRateLimited
//   HTTP 4xx with JSON kRefused, but kUnavailable for 408 and 425
//   everything else    kUnavailable: 5xx, a redirect, HTML, no body, a body that is not JSON
[[nodiscard]] BillError ReadRefusal(const HttpAnswer& answer, absl::Time now);

// nullopt for a code that this build does not know.
[[nodiscard]] absl::optional<Verdict> VerdictOfCode(absl::string_view code);

// The header's value, seconds or an HTTP date (RFC 9110, 10.2.3), cut to between 0 and 1 hour;
// nullopt where it is neither.
[[nodiscard]] absl::optional<absl::Duration> ParseRetryAfter(absl::string_view value,
                                                             absl::Time now);

}  // namespace billbroker
