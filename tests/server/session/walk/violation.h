// Violation: the first invariant that a random walk found broken.
#pragma once

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace billbroker {

struct Violation {
  std::string text;  // empty: none

  template <typename... Parts>
  void Report(const Parts&... parts) {
    if (text.empty()) text = absl::StrCat(parts...);
  }
  [[nodiscard]] bool found() const { return !text.empty(); }
};

}  // namespace billbroker
