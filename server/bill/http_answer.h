// HttpAnswer: the parts of an HTTP response that the broker reads. Every part may be hostile.
#pragma once

#include "absl/strings/string_view.h"

namespace billbroker {

// Borrows everything.
struct HttpAnswer {
  int status = 0;                  // of the final answer, 200 to 599
  absl::string_view content_type;  // the header's value; empty if there was none
  absl::string_view retry_after;   // the same
  absl::string_view body;          // may be empty
  absl::string_view date = {};     // as content_type

  [[nodiscard]] bool IsSuccess() const { return status >= 200 && status < 300; }
};

}  // namespace billbroker
