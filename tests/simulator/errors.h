// BILL's refusals: what each code says, and in which shape it is sent.
#pragma once

#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/simulator/http.h"
#include "tests/simulator/settings.h"

namespace billbroker::billsim {

// The answer with `code` in the shape and with the HTTP status that `settings` say.
[[nodiscard]] HttpAnswer ErrorAnswer(absl::string_view code, const Settings& settings,
                                     absl::Time now);

// The page that a gateway in front of BILL sends.
[[nodiscard]] HttpAnswer HtmlAnswer(int status);

}  // namespace billbroker::billsim
