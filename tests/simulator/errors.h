// BILL's refusals: the message and HTTP status of each code, and the shapes in which they are sent.
#pragma once

#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/simulator/http.h"
#include "tests/simulator/settings.h"

namespace billbroker::billsim {

// Returns the answer with `code`, in the shape and with the HTTP status that `settings` choose.
[[nodiscard]] HttpAnswer ErrorAnswer(absl::string_view code, const Settings& settings,
                                     absl::Time now);

// Returns an error with `code` in the shape of BILL's v2 API.
[[nodiscard]] HttpAnswer V2ErrorAnswer(absl::string_view code, int http_status);

// Returns the page of a gateway in front of BILL.
[[nodiscard]] HttpAnswer HtmlAnswer(int status);

}  // namespace billbroker::billsim
