// Reads a refusal of BILL's by the error taxonomy. Pure functions.
//
// The code decides and the HTTP status does not: HTTP 500 with BDC_1101 is a refused password, and
// a 401 without a code does not prove that a session is dead. Known forms of the body are an array
// of objects (as documented), an object, an object with "errors", an error of the v2 API
// ({"response_data":{"error_code":…}}), HTML, nothing, or broken JSON.
#pragma once

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/bill/bill_error.h"
#include "server/bill/http_answer.h"

namespace billbroker {

// Returns the error in an answer that is not a success. A date in Retry-After is relative to `now`.
//
// If there are several codes, the most terminal known code wins, in the order of the table in
// refusal.cc: first refusals that last until somebody changes the credential, then refusals that a
// cool-down or a person ends, then transient refusals. Without a known code:
//   any code           kRefused, but kUnavailable for HTTP 5xx
//   HTTP 429           kThrottled
//   HTTP 4xx with JSON kRefused, but kUnavailable for 408 and 425
//   everything else    kUnavailable: 5xx, a redirect, HTML, no body, a body that is not JSON
[[nodiscard]] BillError ReadRefusal(const HttpAnswer& answer, absl::Time now);

// Returns the error if the answer has a known code, at any HTTP status and beside any other fields.
[[nodiscard]] absl::optional<BillError> FindRefusal(const HttpAnswer& answer, absl::Time now);

// Returns the shape of an answer to GET /v3/health.
[[nodiscard]] AnswerShape ReadShape(const HttpAnswer& answer);

// Returns the kind of body of `answer`.
[[nodiscard]] BodyKind ReadBodyKind(const HttpAnswer& answer);

// Returns nullopt for an unknown code.
[[nodiscard]] absl::optional<Verdict> VerdictOfCode(absl::string_view code);

// Returns the time in an HTTP date (RFC 9110, 5.6.7), such as the header Date; nullopt if it is
// malformed.
[[nodiscard]] absl::optional<absl::Time> ParseHttpDate(absl::string_view value);

// Returns the time in a Retry-After header, which is in seconds or an HTTP date (RFC 9110, 10.2.3),
// limited to between 0 and 1 hour; nullopt if it is malformed.
[[nodiscard]] absl::optional<absl::Duration> ParseRetryAfter(absl::string_view value,
                                                             absl::Time now);

}  // namespace billbroker
